#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Describe EKS clusters with what belongs to them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_cluster_info
author: The meshgate authors (@meshgate)
short_description: Describe EKS clusters with what belongs to them
version_added: "0.1.0"
description:
  - Describes one cluster, or all of a region, each with its node groups, and on demand with its add-ons, access entries, Pod Identity associations and
    upgrade insights.
options:
  name:
    description: The cluster. Without it, all clusters of the region.
    type: str
  nodegroups:
    description: Whether node groups are described, too.
    type: bool
    default: true
  fargate_profiles:
    description: Whether Fargate profiles are described, too.
    type: bool
    default: false
  addons:
    description: Whether add-ons are described, too.
    type: bool
    default: false
  access_entries:
    description: Whether access entries are described with their policies, too. A cluster that authenticates by V(CONFIG_MAP) has none.
    type: bool
    default: false
  pod_identity_associations:
    description: Whether Pod Identity associations are described, too.
    type: bool
    default: false
  insights:
    description: Whether EKS's insights about the readiness for an upgrade are described, too.
    type: bool
    default: false
attributes:
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.eks_cluster
"""

EXAMPLES = r"""
- name: Describe a cluster
  meshgate.eks_istio.eks_cluster_info:
    name: sandbox
  register: found

- name: Describe it with all that belongs to it
  meshgate.eks_istio.eks_cluster_info:
    name: sandbox
    fargate_profiles: true
    addons: true
    access_entries: true
    pod_identity_associations: true
    insights: true

- name: Describe all clusters of a region
  meshgate.eks_istio.eks_cluster_info:
    region: us-west-2
    nodegroups: false
"""

RETURN = r"""
clusters:
  description:
    - The clusters as EKS describes them, with keys in snake_case, and a list C(nodegroups) in each. Empty if there is none.
    - Likewise C(fargate_profiles), C(addons), C(access_entries), C(pod_identity_associations) and C(insights), each if asked for.
  returned: always
  type: list
  elements: dict
  sample:
    - name: sandbox
      status: ACTIVE
      version: "1.36"
      nodegroups:
        - nodegroup_name: mng-arm
          status: ACTIVE
      addons:
        - addon_name: vpc-cni
          addon_version: v1.21.1-eksbuild.1
      access_entries:
        - principal_arn: arn:aws:iam::123456789012:role/platform
          policies:
            - policy: arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy
              scope: {type: cluster}
      insights:
        - name: Deprecated APIs removed in Kubernetes v1.37
          kubernetes_version: "1.37"
          insight_status: {status: PASSING}
"""

from collections.abc import Callable
from functools import partial

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_access_entry, eks_cluster, eks_options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws

# List, its key, describe, its parameter and key.
KINDS = {
    "nodegroups": ("list_nodegroups", "nodegroups", "describe_nodegroup", "nodegroupName", "nodegroup"),
    "fargate_profiles": ("list_fargate_profiles", "fargateProfileNames", "describe_fargate_profile", "fargateProfileName", "fargateProfile"),
    "addons": ("list_addons", "addons", "describe_addon", "addonName", "addon"),
    "pod_identity_associations": (
        "list_pod_identity_associations",
        "associations",
        "describe_pod_identity_association",
        "associationId",
        "association",
    ),
}
UNTOUCHED = ["tags", "labels"]


def snake(found: dict) -> dict:
    return camel_dict_to_snake_dict(found, ignore_list=UNTOUCHED)


def of_kind(aws: Aws, name: str, kind: str) -> list[dict]:
    listing, key, describing, parameter, answer = KINDS[kind]
    listed = aws.pages("eks", listing, key, clusterName=name)
    names = [entry[parameter] if isinstance(entry, dict) else entry for entry in listed]
    found = aws.together(*[partial(aws.find, "eks", describing, answer, clusterName=name, **{parameter: entry}) for entry in names])
    return [snake(entry) for entry in found if entry]


def access_entries(aws: Aws, name: str) -> list[dict]:
    principals = aws.pages("eks", "list_access_entries", "accessEntries", clusterName=name)
    found = aws.together(*[partial(eks_access_entry.read, aws, name, principal) for principal in principals])
    return [{**snake(live.entry), "policies": eks_access_entry.view(live)["policies"]} for live in found if live]


def describe(aws: Aws, name: str, params: dict) -> dict | None:
    live = eks_cluster.describe(aws, name)
    if live is None:
        return None
    calls: dict[str, Callable] = {kind: partial(of_kind, aws, name, kind) for kind in KINDS if params[kind]}
    if params["access_entries"]:
        by_api = (live.get("accessConfig") or {}).get("authenticationMode", "CONFIG_MAP") != "CONFIG_MAP"
        calls["access_entries"] = partial(access_entries, aws, name) if by_api else list
    if params["insights"]:
        calls["insights"] = lambda: [snake(insight) for insight in eks_cluster.insights(aws, name)]
    return {**snake(live), **dict(zip(calls, aws.together(*calls.values()), strict=True))}


def look(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    aws.prepare("eks")
    names = [params["name"]] if params["name"] else aws.pages("eks", "list_clusters", "clusters")
    found = [describe(aws, name, params) for name in names]
    return {"changed": False, "clusters": [cluster for cluster in found if cluster]}


def main() -> None:
    switches = {kind: {"type": "bool", "default": kind == "nodegroups"} for kind in (*KINDS, "access_entries", "insights")}
    module = AnsibleAWSModule(argument_spec={"name": {"type": "str"}, **switches}, supports_check_mode=True)
    eks_options.run(module, eks_options.name_problems(module.params, name=eks_options.NAME), look, look)


if __name__ == "__main__":
    main()
