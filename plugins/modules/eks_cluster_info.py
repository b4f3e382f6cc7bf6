#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Gather information about EKS clusters."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_cluster_info
author: The meshgate authors (@meshgate)
short_description: Gather information about EKS clusters
version_added: "0.1.0"
description:
  - Describes one cluster, or all of a region, each with its node groups, and optionally with its add-ons, access entries, Pod Identity associations and
    upgrade insights.
options:
  name:
    description: The cluster. Defaults to all clusters of the region.
    type: str
  nodegroups:
    description: Whether to describe node groups, too.
    type: bool
    default: true
  fargate_profiles:
    description: Whether to describe Fargate profiles, too.
    type: bool
    default: false
  addons:
    description: Whether to describe add-ons, too.
    type: bool
    default: false
  access_entries:
    description: Whether to describe access entries with their policies, too. A cluster with authentication mode V(CONFIG_MAP) has none.
    type: bool
    default: false
  pod_identity_associations:
    description: Whether to describe Pod Identity associations, too.
    type: bool
    default: false
  insights:
    description: Whether to describe EKS's upgrade insights, too.
    type: bool
    default: false
attributes:
  diff_mode:
    description: Changes nothing.
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

- name: Describe a cluster with its node groups, add-ons and access
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
    - Likewise C(fargate_profiles), C(addons), C(access_entries), C(pod_identity_associations) and C(insights), each if requested.
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

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import cluster_info as eks_cluster_info
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import options as eks_options


def main() -> None:
    switches = {kind: {"type": "bool", "default": kind == "nodegroups"} for kind in (*eks_cluster_info.KINDS, "access_entries", "insights")}
    module = AnsibleAWSModule(argument_spec={"name": {"type": "str"}, **switches}, supports_check_mode=True)
    run(module, eks_cluster_info.look, eks_options.name_problems(module.params, name=eks_options.NAME))


if __name__ == "__main__":
    main()
