#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage an EKS add-on."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_addon
author: The meshgate authors (@meshgate)
short_description: Manage an EKS add-on
version_added: "0.1.0"
description:
  - Creates an EKS add-on and waits until it is C(ACTIVE), or changes what differs on an existing one.
  - Chooses a version that is compatible with the cluster's Kubernetes version, and refuses incompatible ones, listing the compatible ones.
  - Compares configuration values by meaning, whether EKS keeps them as JSON or as YAML.
  - If an add-on fails or stays degraded, the message contains EKS's health issues.
  - An add-on whose creation failed is created again. Its software stays on the cluster meanwhile.
  - Options that are not set are left as they are.
options:
  name:
    description: The add-on's name as C(aws eks describe-addon-versions) lists it, for example V(vpc-cni), V(coredns) or V(metrics-server).
    type: str
    required: true
    aliases: [addon_name]
  cluster_name:
    description: The cluster of the add-on.
    type: str
    required: true
  state:
    description: Whether the add-on should exist.
    type: str
    choices: [present, absent]
    default: present
  version:
    description:
      - An exact version such as V(v1.21.1-eksbuild.1), V(default) for AWS's default for the cluster's Kubernetes version, or V(latest) for the newest
        compatible one. V(default) and V(latest) never downgrade a newer compatible version.
      - If unset, a new add-on gets AWS's default. An existing one keeps its version while that is compatible with the cluster, and otherwise gets the default.
    type: str
    aliases: [addon_version]
  configuration_values:
    description: The add-on's complete configuration. An empty dict resets it to the defaults. C(aws eks describe-addon-configuration) shows the schema.
    type: dict
  role_arn:
    description: The IAM role of the add-on's service account, through the cluster's OIDC provider. An empty string removes it.
    type: str
    aliases: [service_account_role_arn]
  pod_identity_associations:
    description: The complete list of IAM roles for the add-on's service accounts, through EKS Pod Identity. An empty list removes them.
    type: list
    elements: dict
    suboptions:
      service_account:
        description: The add-on's service account.
        type: str
        required: true
      role_arn:
        description: Its IAM role.
        type: str
        required: true
  resolve_conflicts:
    description:
      - What happens to a field of the add-on's objects that others have changed. V(NONE) fails, V(OVERWRITE) sets the add-on's value,
        V(PRESERVE) keeps the changed value when updating.
      - To adopt the self-managed add-ons of a new cluster, use V(OVERWRITE).
      - If unset, AWS acts as with V(NONE).
    type: str
    choices: [NONE, OVERWRITE, PRESERVE]
  preserve:
    description: With O(state=absent), leave the add-on's software on the cluster. EKS only stops managing it.
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
  - Add-ons that run as Deployments, such as V(coredns) and V(metrics-server), become C(ACTIVE) only when the cluster has nodes. Create them with
    O(wait=false) before the node groups, or after them.
  - A degraded add-on without differences is a warning, not a failure.
seealso:
  - module: meshgate.eks_istio.eks_cluster
  - module: meshgate.eks_istio.eks_pod_identity_association
  - name: Amazon EKS add-ons
    description: The available add-ons and their requirements.
    link: https://docs.aws.amazon.com/eks/latest/userguide/eks-add-ons.html
"""

EXAMPLES = r"""
- name: Install the VPC CNI with prefix delegation, at the cluster's default version
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: vpc-cni
    version: default
    resolve_conflicts: OVERWRITE
    configuration_values:
      env:
        ENABLE_PREFIX_DELEGATION: "true"

- name: Install the EBS CSI driver with a role through Pod Identity
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: aws-ebs-csi-driver
    pod_identity_associations:
      - service_account: ebs-csi-controller-sa
        role_arn: arn:aws:iam::123456789012:role/ebs-csi-driver
    tags:
      meshgate.io/cluster: sandbox

- name: Create an add-on that needs nodes before any exist
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: metrics-server
    wait: false

- name: Update to the newest version and keep manual changes
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: vpc-cni
    version: latest
    resolve_conflicts: PRESERVE

- name: Remove an add-on from EKS but keep it running
  meshgate.eks_istio.eks_addon:
    cluster_name: sandbox
    name: metrics-server
    state: absent
    preserve: true
"""

RETURN = r"""
addon:
  description: The add-on as EKS describes it, with keys in snake_case. Empty if there is none.
  returned: always
  type: dict
  sample:
    addon_name: vpc-cni
    addon_version: v1.21.1-eksbuild.1
    status: ACTIVE
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import by_state, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import addon as eks_addon
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import options as eks_options


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True, "aliases": ["addon_name"]},
            "preserve": {"type": "bool", "default": False},
            **eks_options.CLUSTER,
            **eks_options.STATE,
            **eks_options.TAGS,
            **eks_options.OWNER,
            **eks_options.WAIT,
            **eks_addon.OPTIONS,
        },
        supports_check_mode=True,
    )
    run(module, by_state(eks_addon.present, eks_addon.absent), eks_addon.problems(module.params))


if __name__ == "__main__":
    main()
