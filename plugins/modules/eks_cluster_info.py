#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Describe EKS clusters with their node groups."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_cluster_info
author: The meshgate authors
short_description: Describe EKS clusters with their node groups
version_added: "0.1.0"
description:
  - Describes one cluster, or all of a region, each with its node groups.
options:
  name:
    description: The cluster. Without it, all clusters of the region.
    type: str
  nodegroups:
    description: Whether node groups are described, too.
    type: bool
    default: true
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Describe a cluster
  meshgate.eks_istio.eks_cluster_info:
    name: sandbox
  register: found

- name: Describe all clusters of a region
  meshgate.eks_istio.eks_cluster_info:
    region: us-west-2
    nodegroups: false
"""

RETURN = r"""
clusters:
  description: The clusters as EKS describes them, with keys in snake_case, and a list C(nodegroups) in each. Empty if there is none.
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
"""

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_cluster, eks_nodegroup
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, for_module


def describe(aws: Aws, name: str, nodegroups: bool) -> dict | None:
    live = eks_cluster.describe(aws, name)
    if live is None:
        return None
    cluster = camel_dict_to_snake_dict(live, ignore_list=["tags"])
    if nodegroups:
        groups = [eks_nodegroup.describe(aws, name, group) for group in aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name)]
        cluster["nodegroups"] = [camel_dict_to_snake_dict(group, ignore_list=["tags", "labels"]) for group in groups if group]
    return cluster


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"name": {"type": "str"}, "nodegroups": {"type": "bool", "default": True}},
        supports_check_mode=True,
    )
    aws = for_module(module)
    try:
        names = [module.params["name"]] if module.params["name"] else aws.pages("eks", "list_clusters", "clusters")
        found = [describe(aws, name, module.params["nodegroups"]) for name in names]
        module.exit_json(changed=False, clusters=[cluster for cluster in found if cluster])
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)


if __name__ == "__main__":
    main()
