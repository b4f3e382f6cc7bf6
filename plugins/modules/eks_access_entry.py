#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage an access entry of an EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_access_entry
author: The meshgate authors (@meshgate)
short_description: Manage an access entry of an EKS cluster
version_added: "0.1.0"
description:
  - Creates an access entry for an IAM role or user with its Kubernetes groups and EKS access policies, or changes what differs.
  - Adopts an existing entry, for example the one that EKS creates for the creator of the cluster or for the role of its nodes.
  - New policies are associated before superfluous ones are removed, so that nobody is locked out in between.
  - Options that are not set are left as they are.
options:
  principal_arn:
    description: The ARN of the IAM role or user. A session's ARN is refused, as in EKS.
    type: str
    required: true
  cluster_name:
    description: The cluster. Its authentication mode must be V(API) or V(API_AND_CONFIG_MAP).
    type: str
    required: true
  state:
    description: Whether the access entry should exist.
    type: str
    choices: [present, absent]
    default: present
  type:
    description: The type of the principal. V(STANDARD) for people and programs, the others for types of nodes. Immutable. A new entry defaults to V(STANDARD).
    type: str
    choices: [STANDARD, EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, EC2, HYBRID_LINUX, HYPERPOD_LINUX]
  username:
    description: The user name in Kubernetes. By default EKS chooses one, which is recommended.
    type: str
  kubernetes_groups:
    description: The complete list of Kubernetes groups, for your own bindings. An empty list removes them.
    type: list
    elements: str
  policies:
    description: The EKS access policies. An empty list removes them.
    type: list
    elements: dict
    suboptions:
      policy:
        description: The policy's name, such as V(AmazonEKSClusterAdminPolicy), or its ARN.
        type: str
        required: true
      scope:
        description: Where the policy applies. Defaults to the whole cluster.
        type: dict
        suboptions:
          type:
            description: The whole cluster, or some namespaces.
            type: str
            choices: [cluster, namespace]
            default: cluster
          namespaces:
            description: The namespaces, with C(*) as a wildcard.
            type: list
            elements: str
  purge_policies:
    description: Whether policies that are not in O(policies) are removed.
    type: bool
    default: true
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - Access entries take effect within seconds. There is nothing to wait for.
seealso:
  - module: meshgate.eks_istio.eks_cluster
  - name: EKS access policies
    description: What each policy permits.
    link: https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
"""

EXAMPLES = r"""
- name: Grant cluster administration to a role
  meshgate.eks_istio.eks_access_entry:
    cluster_name: sandbox
    principal_arn: arn:aws:iam::123456789012:role/platform
    policies:
      - policy: AmazonEKSClusterAdminPolicy
    tags:
      meshgate.io/cluster: sandbox

- name: Grant a team access to its namespaces and an RBAC group
  meshgate.eks_istio.eks_access_entry:
    cluster_name: sandbox
    principal_arn: arn:aws:iam::123456789012:role/team-a
    kubernetes_groups: [team-a]
    policies:
      - policy: AmazonEKSEditPolicy
        scope:
          type: namespace
          namespaces: [team-a, team-a-*]

- name: Allow self-managed nodes to join
  meshgate.eks_istio.eks_access_entry:
    cluster_name: sandbox
    principal_arn: arn:aws:iam::123456789012:role/own-nodes
    type: EC2_LINUX

- name: Revoke the access of a role
  meshgate.eks_istio.eks_access_entry:
    cluster_name: sandbox
    principal_arn: arn:aws:iam::123456789012:role/team-a
    state: absent
"""

RETURN = r"""
access_entry:
  description: The access entry as EKS describes it, with keys in snake_case, and its policies in the format of O(policies). Empty if there is none.
  returned: always
  type: dict
  sample:
    principal_arn: arn:aws:iam::123456789012:role/platform
    type: STANDARD
    kubernetes_groups: []
    policies:
      - policy: arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy
        scope: {type: cluster}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import by_state, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import access_entry as eks_access_entry
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import options as eks_options


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "principal_arn": {"type": "str", "required": True},
            "purge_policies": {"type": "bool", "default": True},
            **eks_options.CLUSTER,
            **eks_options.STATE,
            **eks_options.TAGS,
            **eks_access_entry.OPTIONS,
        },
        supports_check_mode=True,
    )
    params = module.params
    found = eks_options.name_problems(params, cluster_name=eks_options.NAME) + eks_options.tag_problems(params["tags"]) + eks_access_entry.problems(params)
    run(module, by_state(eks_access_entry.present, eks_access_entry.absent), found)


if __name__ == "__main__":
    main()
