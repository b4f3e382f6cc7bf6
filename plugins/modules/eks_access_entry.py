#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Say who may use an EKS cluster, and what for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_access_entry
author: The meshgate authors (@meshgate)
short_description: Say who may use an EKS cluster, and what for
version_added: "0.1.0"
description:
  - Creates an access entry for an IAM role or user with its Kubernetes groups and EKS access policies, or changes what differs.
  - Adopts an entry that exists, for example the one that EKS makes for the creator of the cluster or for the role of its nodes.
  - New policies are associated before superfluous ones are removed, so that nobody is locked out on the way.
  - Options that are not given are left as they are.
options:
  principal_arn:
    description: The ARN of the IAM role or user. That of a session is refused, as EKS does.
    type: str
    required: true
  cluster_name:
    description: The cluster. Its authentication mode must be V(API) or V(API_AND_CONFIG_MAP).
    type: str
    required: true
  state:
    description: Whether the access entry shall exist.
    type: str
    choices: [present, absent]
    default: present
  type:
    description: What the principal is. V(STANDARD) for people and programs, the others for kinds of nodes. Immutable. A new entry is V(STANDARD).
    type: str
    choices: [STANDARD, EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, EC2, HYBRID_LINUX, HYPERPOD_LINUX]
  username:
    description: The name that Kubernetes sees. Without it EKS chooses one, which is recommended.
    type: str
  kubernetes_groups:
    description: The Kubernetes groups, all of them, for bindings of your own. An empty list removes them.
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
        description: Where the policy holds. Without it, in the whole cluster.
        type: dict
        suboptions:
          type:
            description: The whole cluster, or some namespaces.
            type: str
            choices: [cluster, namespace]
            default: cluster
          namespaces:
            description: The namespaces, with C(*) where any text may be.
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
- name: An administrator of the cluster
  meshgate.eks_istio.eks_access_entry:
    cluster_name: sandbox
    principal_arn: arn:aws:iam::123456789012:role/platform
    policies:
      - policy: AmazonEKSClusterAdminPolicy
    tags:
      meshgate.io/cluster: sandbox

- name: A team that edits its namespaces and is known to RBAC by a group
  meshgate.eks_istio.eks_access_entry:
    cluster_name: sandbox
    principal_arn: arn:aws:iam::123456789012:role/team-a
    kubernetes_groups: [team-a]
    policies:
      - policy: AmazonEKSEditPolicy
        scope:
          type: namespace
          namespaces: [team-a, team-a-*]

- name: Nodes that we run ourselves
  meshgate.eks_istio.eks_access_entry:
    cluster_name: sandbox
    principal_arn: arn:aws:iam::123456789012:role/own-nodes
    type: EC2_LINUX

- name: Somebody has left
  meshgate.eks_istio.eks_access_entry:
    cluster_name: sandbox
    principal_arn: arn:aws:iam::123456789012:role/team-a
    state: absent
"""

RETURN = r"""
access_entry:
  description: The access entry as EKS describes it, with keys in snake_case, and its policies as O(policies) spells them. Empty if there is none.
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

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_access_entry, eks_cluster, eks_options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, Refused

SCOPE = {"type": {"type": "str", "choices": ["cluster", "namespace"], "default": "cluster"}, "namespaces": {"type": "list", "elements": "str"}}
OPTIONS = {
    "type": {"type": "str", "choices": list(eks_access_entry.TYPES)},
    "username": {"type": "str"},
    "kubernetes_groups": {"type": "list", "elements": "str"},
    "policies": {
        "type": "list",
        "elements": "dict",
        "options": {"policy": {"type": "str", "required": True}, "scope": {"type": "dict", "options": SCOPE}},
    },
}


def result(live: eks_access_entry.Live | None) -> dict:
    if live is None:
        return {"access_entry": {}}
    return {"access_entry": {**camel_dict_to_snake_dict(live.entry, ignore_list=["tags"]), "policies": eks_access_entry.view(live)["policies"]}}


def present(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    cluster, principal = params["cluster_name"], params["principal_arn"]
    wanted = {"principal_arn": principal, "tags": eks_options.text_tags(params["tags"]), **{key: params[key] for key in OPTIONS}}
    live = eks_access_entry.read(aws, cluster, principal)
    if live is None and not module.check_mode and eks_cluster.describe(aws, cluster) is None:
        raise Refused(f"EKS cluster {cluster} does not exist; create it before its access entry {principal}")
    plan = eks_access_entry.plan_entry(live, wanted, params["purge_policies"], params["purge_tags"])
    changed = live is None or plan.changed
    if changed and not module.check_mode:
        live = eks_access_entry.apply(aws, cluster, live, plan, principal)
    return {"changed": changed, "diff": plan.as_diff(), **result(live)}


def absent(module: AnsibleAWSModule, aws: Aws) -> dict:
    cluster, principal = module.params["cluster_name"], module.params["principal_arn"]
    live = eks_access_entry.read(aws, cluster, principal)
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "access_entry": {}}
    diff = {"before": eks_access_entry.view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    eks_access_entry.remove(aws, cluster, principal)
    return {"changed": True, "diff": diff, "access_entry": {}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "principal_arn": {"type": "str", "required": True},
            "purge_policies": {"type": "bool", "default": True},
            **eks_options.CLUSTER,
            **eks_options.STATE,
            **eks_options.TAGS,
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    params = module.params
    found = eks_options.name_problems(params, cluster_name=eks_options.NAME) + eks_options.tag_problems(params["tags"]) + eks_access_entry.problems(params)
    eks_options.run(module, found, present, absent)


if __name__ == "__main__":
    main()
