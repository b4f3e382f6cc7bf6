#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Create, change, upgrade or delete an EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_cluster
author: The meshgate authors (@meshgate)
short_description: Create, change, upgrade or delete an EKS cluster
version_added: "0.1.0"
description:
  - Creates an EKS control plane and waits for it, or changes what differs on one that exists, one update at a time as EKS takes them.
  - Upgrades Kubernetes one minor version at a time, and reads EKS's upgrade insights before. Going back and skipping a version are refused before
    anything is changed, and so is an upgrade that an insight or too old nodes stand against.
  - Refuses what EKS cannot change in place, and a deletion while node groups, Fargate profiles or add-ons exist, naming them.
  - Options that are not given are left as they are, and get AWS's defaults when a cluster is created.
options:
  name:
    description: The cluster's name. Letters, digits, C(-) and C(_), a letter or digit first, at most 100.
    type: str
    required: true
  state:
    description: Whether the cluster shall exist.
    type: str
    choices: [present, absent]
    default: present
  version:
    description:
      - The Kubernetes minor version, for example V(1.36). Without it a new cluster gets AWS's default, and an existing one keeps its own.
      - A version one minor above the cluster's is an upgrade of the control plane. Node groups and add-ons are upgraded by their own modules, afterwards.
    type: str
  force_upgrade:
    description: Upgrade although an upgrade insight of EKS says C(ERROR) or nodes would be too old.
    type: bool
    default: false
  role_arn:
    description: The IAM role of the control plane. Needed to create a cluster, immutable afterwards.
    type: str
  subnet_ids:
    description: Subnets of one VPC in at least two availability zones. Needed to create a cluster.
    type: list
    elements: str
  security_group_ids:
    description: Security groups of the control plane's network interfaces, at most four, besides the one that EKS makes.
    type: list
    elements: str
  endpoint_public_access:
    description: Whether the API server answers on the internet. AWS's default is V(true).
    type: bool
  endpoint_private_access:
    description: Whether the API server answers inside the VPC. AWS's default is V(false).
    type: bool
  public_access_cidrs:
    description: The addresses that may reach the public endpoint, at most 40 blocks. AWS's default is everybody, who then still needs credentials.
    type: list
    elements: str
  logging:
    description: The control plane's logs to write to CloudWatch. An empty list stops them all.
    type: list
    elements: str
    choices: [api, audit, authenticator, controllerManager, scheduler]
  authentication_mode:
    description: Where EKS looks up who may use the cluster. It may only go from V(CONFIG_MAP) over V(API_AND_CONFIG_MAP) to V(API).
    type: str
    choices: [CONFIG_MAP, API_AND_CONFIG_MAP, API]
  bootstrap_creator_admin:
    description: Whether the one who creates the cluster becomes its administrator. Only used at creation.
    type: bool
  bootstrap_self_managed_addons:
    description:
      - Whether a new cluster comes with self-managed network plugin, DNS and kube-proxy, which is AWS's default. Only used at creation.
      - With V(false), nodes become ready only when the add-ons exist.
    type: bool
  service_ipv4_cidr:
    description: The addresses of Kubernetes services, a private block from /12 to /24. Immutable.
    type: str
  ip_family:
    description: The address family of pods and services. Immutable.
    type: str
    choices: [ipv4, ipv6]
  encryption_key_arn:
    description: The KMS key that encrypts secrets. It can be added later, and neither changed nor removed.
    type: str
  deletion_protection:
    description: Whether EKS refuses to delete the cluster. With O(state=absent), V(false) takes the protection away first.
    type: bool
  support_type:
    description: What happens at the end of a version's standard support. V(STANDARD) upgrades the cluster, V(EXTENDED) costs more.
    type: str
    choices: [STANDARD, EXTENDED]
  zonal_shift:
    description: Whether traffic may be shifted away from an impaired availability zone.
    type: bool
  remote_node_networks:
    description: The networks of hybrid nodes outside of AWS. An empty list in both removes the configuration.
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
  - meshgate.eks_istio.eks.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - A control plane costs money from its creation. AWS takes about ten minutes to create one, and some minutes for each later change.
  - Deleting a cluster leaves load balancers and volumes that were made from inside it. Delete their Services, Ingresses and claims first.
  - A task that is interrupted is repeated safely. What it began is awaited, and nothing is made twice.
seealso:
  - module: meshgate.eks_istio.eks_cluster_info
  - module: meshgate.eks_istio.eks_nodegroup
  - module: meshgate.eks_istio.eks_addon
  - module: meshgate.eks_istio.eks_access_entry
  - module: meshgate.eks_istio.iam_oidc_provider
  - name: Amazon EKS user guide
    description: What a cluster needs of its VPC and its role, and how upgrades go.
    link: https://docs.aws.amazon.com/eks/latest/userguide/clusters.html
"""

EXAMPLES = r"""
- name: A cluster in two subnets
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

- name: Write the audit log, and let only the office reach the API server
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    logging: [audit, authenticator]
    public_access_cidrs: [203.0.113.0/24]

- name: Answer inside the VPC only
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    endpoint_public_access: false
    endpoint_private_access: true

- name: Encrypt secrets with a key of our own
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    encryption_key_arn: arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555

- name: See what an upgrade would do, and what stands against it
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

- name: Protect it, and survive an impaired zone
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    deletion_protection: true
    zonal_shift: true

- name: Delete the cluster with all that belongs to it
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
  description: The updates that were made or would be made, in their order.
  returned: when O(state=present) and the cluster exists
  type: list
  elements: str
  sample: [endpoint access, Kubernetes 1.36]
"""

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_cluster, eks_options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, Refused

OPTIONS = {
    "version": {"type": "str"},
    "role_arn": {"type": "str"},
    "subnet_ids": {"type": "list", "elements": "str"},
    "security_group_ids": {"type": "list", "elements": "str"},
    "endpoint_public_access": {"type": "bool"},
    "endpoint_private_access": {"type": "bool"},
    "public_access_cidrs": {"type": "list", "elements": "str"},
    "logging": {"type": "list", "elements": "str", "choices": list(eks_cluster.LOG_TYPES)},
    "authentication_mode": {"type": "str", "choices": list(eks_cluster.AUTHENTICATION_MODES)},
    "bootstrap_creator_admin": {"type": "bool"},
    "bootstrap_self_managed_addons": {"type": "bool"},
    "service_ipv4_cidr": {"type": "str"},
    "ip_family": {"type": "str", "choices": ["ipv4", "ipv6"]},
    "encryption_key_arn": {"type": "str", "no_log": False},
    "deletion_protection": {"type": "bool"},
    "support_type": {"type": "str", "choices": ["STANDARD", "EXTENDED"]},
    "zonal_shift": {"type": "bool"},
    "remote_node_networks": {"type": "list", "elements": "str"},
    "remote_pod_networks": {"type": "list", "elements": "str"},
}
UNDER_WAY = ("CREATING", "UPDATING", "PENDING")


def result(live: dict | None) -> dict:
    return {"cluster": camel_dict_to_snake_dict(live, ignore_list=["tags"]) if live else {}}


def create(module: AnsibleAWSModule, aws: Aws, wanted: dict) -> dict:
    params = module.params
    request = eks_cluster.create_request(wanted)
    diff = {"before": {}, "after": {key: value for key, value in wanted.items() if value is not None}}
    if module.check_mode:
        return {"changed": True, "diff": diff, "cluster": {}}
    live = eks_cluster.create(aws, request)
    if params["wait"]:
        live = eks_cluster.wait_until_active(aws, params["name"], params["wait_timeout"], params["wait_delay"])
    return {"changed": True, "diff": diff, **result(live)}


def look_before_upgrade(module: AnsibleAWSModule, aws: Aws, version: str) -> None:
    name = module.params["name"]
    errors, warnings = eks_cluster.upgrade_hindrances(aws, name, version)
    for warning in warnings:
        module.warn(f"upgrade of EKS cluster {name} to {version}: {warning}")
    if errors and not module.params["force_upgrade"]:
        raise Refused(f"EKS cluster {name} is not ready for Kubernetes {version}: {'; '.join(errors)}. Mend that, or set force_upgrade: true")
    for error in errors:
        module.warn(f"upgrade of EKS cluster {name} to {version} in spite of: {error}")


def present(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    name, waits = params["name"], (params["wait_timeout"], params["wait_delay"])
    wanted = {"name": name, "tags": eks_options.text_tags(params["tags"]), **{key: params[key] for key in OPTIONS}}
    live = eks_cluster.describe(aws, name)
    if live and live["status"] == "DELETING" and not module.check_mode:
        eks_cluster.wait_until_gone(aws, name, *waits)
        live = None
    if live is None or live["status"] == "DELETING":
        return create(module, aws, wanted)

    if live["status"] in UNDER_WAY and params["wait"] and not module.check_mode:
        live = eks_cluster.wait_until_active(aws, name, *waits)
    if live["status"] == "FAILED":
        raise AwsError(f"EKS cluster {name} is FAILED: {eks_cluster.failure(live)}. Delete it (state: absent) and run again", "FAILED")
    plan = eks_cluster.plan_cluster(live, wanted, params["purge_tags"])
    if plan.upgrade:
        look_before_upgrade(module, aws, plan.upgrade)
    if plan.changed and not module.check_mode:
        if live["status"] != "ACTIVE":
            live = eks_cluster.wait_until_active(aws, name, *waits)
        eks_cluster.apply(aws, live, plan, *waits, force=params["force_upgrade"], wait=params["wait"])
        live = eks_cluster.wait_until_active(aws, name, *waits) if params["wait"] else eks_cluster.describe(aws, name)
    return {"changed": plan.changed, "diff": plan.as_diff(), "updates": [update.name for update in plan.updates], **result(live)}


def absent(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    name, waits = params["name"], (params["wait_timeout"], params["wait_delay"])
    live = eks_cluster.describe(aws, name)
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "cluster": {}}
    diff = {"before": eks_cluster.view(live), "after": {}}
    there = eks_cluster.dependents(aws, name) if live["status"] != "DELETING" else None
    if there and not params["delete_dependents"]:
        raise Refused(f"EKS cluster {name} is in use by {there}; delete them first, or set delete_dependents: true")
    protected = live["status"] != "DELETING" and live.get("deletionProtection")
    if protected and params["deletion_protection"] is not False:
        raise Refused(f"EKS cluster {name} has deletion protection; set deletion_protection: false to take it away")
    if there:
        diff["before"]["dependents"] = str(there)
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    if live["status"] in UNDER_WAY:
        live = eks_cluster.wait_until_settled(aws, name, *waits)
    if live and live["status"] != "DELETING":
        if protected:
            eks_cluster.apply(aws, live, eks_cluster.plan_cluster(live, {"deletion_protection": False}), *waits)
        if there:
            eks_cluster.delete_dependents(aws, name, there, *waits)
        eks_cluster.delete(aws, name)
    if params["wait"]:
        eks_cluster.wait_until_gone(aws, name, *waits)
    return {"changed": True, "diff": diff, "cluster": {}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "force_upgrade": {"type": "bool", "default": False},
            "delete_dependents": {"type": "bool", "default": False},
            **eks_options.STATE,
            **eks_options.TAGS,
            **eks_options.WAIT,
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    eks_options.run(module, eks_cluster.problems(module.params), present, absent)


if __name__ == "__main__":
    main()
