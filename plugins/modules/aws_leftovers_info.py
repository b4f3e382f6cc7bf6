#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""List everything in an account and region that belongs to a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_leftovers_info
author: The meshgate authors
short_description: List everything in an account and region that belongs to a cluster
version_added: "0.1.0"
description:
  - Searches load balancers, target groups, security groups, network interfaces, elastic IPs, NAT and internet gateways, VPCs, subnets, route tables,
    volumes, instances, launch templates, log groups, OIDC providers, roles, instance profiles, policies, the EKS cluster and its node groups.
  - A resource belongs to the cluster by one of the tags C(meshgate.io/cluster), C(elbv2.k8s.aws/cluster), C(kubernetes.io/cluster/NAME) with the value
    C(owned), C(aws:eks:cluster-name) or C(eks:cluster-name), or by a name that only EKS gives.
  - IAM roles, policies and instance profiles are searched among those whose names begin with the cluster's name.
options:
  cluster_name:
    description: The cluster.
    type: str
    required: true
  unreachable_is_empty:
    description:
      - Whether an API endpoint at which nothing answers counts as an empty account.
      - For an emulator that keeps its state in memory that is the truth once it is gone. For AWS it never is.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait until nothing is found. EKS cleans up behind itself for a while after a deletion is done.
    type: int
    default: 0
  wait_delay:
    description: Seconds between two searches while waiting.
    type: float
    default: 10
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.aws_leftovers
"""

EXAMPLES = r"""
- name: Look for what is left
  meshgate.eks_istio.aws_leftovers_info:
    cluster_name: sandbox
  register: look

- name: Fail if anything is
  ansible.builtin.assert:
    that: look.leftovers | length == 0
"""

RETURN = r"""
leftovers:
  description: What belongs to the cluster.
  returned: always
  type: list
  elements: dict
  sample:
    - type: NAT gateway
      id: nat-0a1b2c3d4e5f60001
      name: sandbox-nat-us-west-2a
      reason: tag meshgate.io/cluster=sandbox
      owned: true
strangers:
  description: What stands in the cluster's own VPC, or has the cluster's name, and belongs to somebody else. It is in the way of a removal.
  returned: always
  type: list
  elements: dict
  sample:
    - type: security group
      id: sg-0a1b2c3d4e5f60001
      name: database
      reason: it is in our VPC vpc-0a1b2c3d4e5f60001 and has no tag of cluster sandbox
      owned: false
reachable:
  description: Whether the API answered.
  returned: always
  type: bool
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import aws_leftovers
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, Unreachable, for_module


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "unreachable_is_empty": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 0},
            "wait_delay": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    name = module.params["cluster_name"]
    aws = for_module(module, attempts=2 if module.params["unreachable_is_empty"] else 4)
    try:
        aws.call("sts", "get_caller_identity")
        if module.params["wait_timeout"]:
            found = aws_leftovers.search_until_none(aws, name, module.params["wait_timeout"], module.params["wait_delay"])
        else:
            found = aws_leftovers.search(aws, name)
        others = aws_leftovers.strangers(aws, name, found)
    except Unreachable as error:
        if not module.params["unreachable_is_empty"]:
            module.fail_json(msg=str(error), code=error.code)
        module.exit_json(changed=False, reachable=False, leftovers=[], strangers=[])
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(changed=False, reachable=True, leftovers=[entry.result() for entry in found], strangers=[entry.result() for entry in others])


if __name__ == "__main__":
    main()
