#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage an EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_cluster
author: The meshgate authors (@meshgate)
short_description: Manage an EKS cluster
version_added: "0.1.0"
description:
  - Creates an EKS control plane and waits for it, or changes what differs on an existing one, one update at a time as EKS requires.
  - Upgrades Kubernetes one minor version at a time, and reads EKS's upgrade insights first. Downgrades and skipped versions are refused before
    anything is changed, and so is an upgrade that an insight or outdated nodes block.
  - Refuses what EKS cannot change in place, and a deletion while node groups, Fargate profiles or add-ons exist, listing them.
  - Options that are not set are left as they are; a new cluster gets AWS's defaults for them.
options:
  name:
    description: The cluster's name. Letters, digits, C(-) and C(_), a letter or digit first, at most 100.
    type: str
    required: true
  state:
    description: Whether the cluster should exist.
    type: str
    choices: [present, absent]
    default: present
  version:
    description:
      - The Kubernetes minor version, for example V(1.36). If unset, a new cluster gets AWS's default, and an existing one keeps its own.
      - A version one minor above the cluster's upgrades the control plane. Node groups and add-ons are upgraded afterwards, with their own modules.
    type: str
  force_upgrade:
    description: Upgrade even if an upgrade insight of EKS is C(ERROR) or nodes would be too old.
    type: bool
    default: false
  role_arn:
    description: The IAM role of the control plane. Required to create a cluster, immutable afterwards.
    type: str
  subnet_ids:
    description: Subnets of one VPC in at least two availability zones. Required to create a cluster.
    type: list
    elements: str
  security_group_ids:
    description: Security groups of the control plane's network interfaces, at most four, besides the one that EKS creates.
    type: list
    elements: str
  endpoint_public_access:
    description: Whether the API server answers on the internet. AWS's default is V(true).
    type: bool
  endpoint_private_access:
    description: Whether the API server answers inside the VPC. AWS's default is V(false).
    type: bool
  public_access_cidrs:
    description: The networks that may reach the public endpoint, at most 40 CIDR blocks. AWS's default allows everyone, who still needs credentials.
    type: list
    elements: str
  logging:
    description: The control plane logs to write to CloudWatch. An empty list disables all.
    type: list
    elements: str
    choices: [api, audit, authenticator, controllerManager, scheduler]
  authentication_mode:
    description: Where EKS looks up who may use the cluster. It can only change from V(CONFIG_MAP) through V(API_AND_CONFIG_MAP) to V(API).
    type: str
    choices: [CONFIG_MAP, API_AND_CONFIG_MAP, API]
  bootstrap_creator_admin:
    description: Whether the creator of the cluster becomes its administrator. Only used at creation.
    type: bool
  bootstrap_self_managed_addons:
    description:
      - Whether a new cluster gets a self-managed network plugin, DNS and kube-proxy, which is AWS's default. Only used at creation.
      - If V(false), nodes become ready only after the add-ons are created.
    type: bool
  service_ipv4_cidr:
    description: The CIDR block of Kubernetes Services, private and from /12 to /24. Immutable.
    type: str
  ip_family:
    description: The address family of pods and services. Immutable.
    type: str
    choices: [ipv4, ipv6]
  encryption_key_arn:
    description: The KMS key that encrypts secrets. It can be added later, but neither changed nor removed.
    type: str
  deletion_protection:
    description: Whether EKS refuses to delete the cluster. With O(state=absent), V(false) removes the protection first.
    type: bool
  support_type:
    description: What happens at the end of a version's standard support. V(STANDARD) upgrades the cluster, V(EXTENDED) costs more.
    type: str
    choices: [STANDARD, EXTENDED]
  zonal_shift:
    description: Whether traffic may be shifted away from an impaired availability zone.
    type: bool
  remote_node_networks:
    description: The networks of hybrid nodes outside AWS. An empty list here and in O(remote_pod_networks) removes the configuration.
    type: list
    elements: str
  remote_pod_networks:
    description: The networks of pods on hybrid nodes.
    type: list
    elements: str
  delete_dependents:
    description: With O(state=absent), delete the cluster's node groups, Fargate profiles and add-ons first.
    type: bool
    default: false
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.tags
  - meshgate.eks_istio.eks.owner
  - meshgate.eks_istio.eks.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - A control plane costs money from its creation. AWS takes about ten minutes to create one, and some minutes for each later change.
  - Deleting a cluster leaves load balancers and volumes that were created from inside it. Delete their Services, Ingresses and claims first.
  - An interrupted task can be repeated safely. It waits for what was started, and creates nothing twice.
seealso:
  - module: meshgate.eks_istio.eks_cluster_info
  - module: meshgate.eks_istio.eks_nodegroup
  - module: meshgate.eks_istio.eks_addon
  - module: meshgate.eks_istio.eks_access_entry
  - module: meshgate.eks_istio.iam_oidc_provider
  - name: Amazon EKS user guide
    description: Requirements for the VPC and the role, and how upgrades work.
    link: https://docs.aws.amazon.com/eks/latest/userguide/clusters.html
"""

EXAMPLES = r"""
- name: Create a cluster in two subnets
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    version: "1.35"
    role_arn: arn:aws:iam::123456789012:role/sandbox-eks-cluster
    subnet_ids: [subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002]
    endpoint_private_access: true
    authentication_mode: API
    support_type: STANDARD
    tags:
      meshgate.io/cluster: sandbox

- name: Enable the audit log and restrict the public endpoint to the office
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    logging: [audit, authenticator]
    public_access_cidrs: [203.0.113.0/24]

- name: Restrict the API server to the VPC
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    endpoint_public_access: false
    endpoint_private_access: true

- name: Encrypt secrets with your own key
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    encryption_key_arn: arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555

- name: Check what an upgrade would change and what blocks it
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    version: "1.36"
  check_mode: true
  diff: true

- name: Upgrade the control plane
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    version: "1.36"
    wait_timeout: 3600

- name: Enable deletion protection and zonal shift
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    deletion_protection: true
    zonal_shift: true

- name: Delete the cluster with its node groups and add-ons
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    state: absent
    deletion_protection: false
    delete_dependents: true
"""

RETURN = r"""
cluster:
  description: The cluster as EKS describes it, with keys in snake_case. Empty if there is none.
  returned: always
  type: dict
  sample:
    name: sandbox
    arn: arn:aws:eks:us-west-2:123456789012:cluster/sandbox
    status: ACTIVE
    version: "1.36"
    endpoint: https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com
    identity:
      oidc:
        issuer: https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF
    resources_vpc_config:
      cluster_security_group_id: sg-0a1b2c3d4e5f60001
      vpc_id: vpc-0a1b2c3d4e5f60001
updates:
  description: The updates that were or would be made, in order.
  returned: when O(state=present) and the cluster exists
  type: list
  elements: str
  sample: [endpoint access, Kubernetes 1.36]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import by_state, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import cluster as eks_cluster
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import options as eks_options


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "force_upgrade": {"type": "bool", "default": False},
            "delete_dependents": {"type": "bool", "default": False},
            **eks_options.STATE,
            **eks_options.TAGS,
            **eks_options.OWNER,
            **eks_options.WAIT,
            **eks_cluster.OPTIONS,
        },
        supports_check_mode=True,
    )
    run(module, by_state(eks_cluster.present, eks_cluster.absent), eks_cluster.problems(module.params))


if __name__ == "__main__":
    main()
