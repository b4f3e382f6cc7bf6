#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Remove what carries a cluster's tag, in the safe order."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_leftovers
author: The meshgate authors
short_description: Remove what carries a cluster's tag, in the safe order
version_added: "0.1.0"
description:
  - Removes network, IAM parts, OIDC providers and log groups of a cluster, in the order in which AWS lets them go, waiting where it needs time.
  - Only what carries the tag C(meshgate.io/cluster) is removed, and what the load balancer controller or EKS made for this cluster and left behind.
    Volumes and instances are never removed.
  - Refuses while the EKS cluster exists, and while something of somebody else stands in the VPC, naming it.
options:
  cluster_name:
    description: The cluster.
    type: str
    required: true
  state:
    description: There shall be none.
    type: str
    choices: [absent]
    default: absent
  wait_timeout:
    description: Seconds to wait for what AWS deletes slowly, such as NAT gateways and the network interfaces of load balancers.
    type: int
    default: 900
  wait_delay:
    description: Seconds between two looks while waiting.
    type: float
    default: 10
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.aws_leftovers_info
"""

EXAMPLES = r"""
- name: Remove what is left of a cluster
  meshgate.eks_istio.aws_leftovers:
    cluster_name: sandbox
"""

RETURN = r"""
removed:
  description: What was removed, or would be in check mode, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - type: vpc
      id: vpc-0a1b2c3d4e5f60001
      name: sandbox-vpc
      reason: tag meshgate.io/cluster=sandbox
      owned: true
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import aws_leftovers
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, Refused, for_module


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["absent"], "default": "absent"},
            "wait_timeout": {"type": "int", "default": 900},
            "wait_delay": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    name, aws = params["cluster_name"], for_module(module)
    try:
        found = aws_leftovers.search(aws, name)
        others = aws_leftovers.strangers(aws, name, found)
        if others:
            raise Refused("in the way, and not ours: " + ", ".join(map(str, others)))
        if any(entry.type == "EKS cluster" for entry in found) and not module.check_mode:
            raise Refused(f"EKS cluster {name} still exists; delete it first")
        chosen = aws_leftovers.removable(name, found)
        if not module.check_mode:
            aws_leftovers.remove(aws, name, chosen, params["wait_timeout"], params["wait_delay"])
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    removed = [entry.result() for entry in chosen]
    module.exit_json(changed=bool(removed), removed=removed, diff={"before": [str(entry) for entry in chosen], "after": []})


if __name__ == "__main__":
    main()
