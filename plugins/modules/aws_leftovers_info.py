#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""List everything in an account and region that belongs to a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_leftovers_info
author: The meshgate authors (@meshgate)
short_description: List everything in an account and region that belongs to a cluster
version_added: "0.1.0"
description:
  - Searches load balancers, target groups, classic load balancers, security groups, network interfaces, elastic IPs, NAT and internet gateways, VPCs,
    subnets, route tables, volumes, snapshots, instances, launch templates, log groups, certificates, ECR repositories, OIDC providers, roles, instance
    profiles, policies, the EKS cluster, its node groups and its Fargate profiles.
  - A resource belongs to the cluster by one of the tags C(meshgate.io/cluster), C(elbv2.k8s.aws/cluster), C(kubernetes.io/cluster/NAME) with the value
    C(owned), C(aws:eks:cluster-name), C(eks:cluster-name) or C(cluster.k8s.amazonaws.com/name), or by a name that only EKS gives.
  - IAM roles, policies and instance profiles are searched among those whose names begin with the cluster's name, and below O(iam_path).
options:
  wait_timeout:
    description: Seconds to wait until nothing is found. EKS cleans up behind itself for a while after a deletion is done.
    type: int
    default: 0
  wait_delay:
    description: Seconds between two searches while waiting.
    type: float
    default: 10
attributes:
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
extends_documentation_fragment:
  - meshgate.eks_istio.leftovers
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
in_the_way:
  description: Why M(meshgate.eks_istio.aws_leftovers) with the same options would remove nothing; empty if it would.
  returned: always
  type: list
  elements: str
cluster:
  description: The EKS cluster, with what a teardown has to know of it. Empty if there is none.
  returned: always
  type: dict
  sample:
    status: ACTIVE
    endpoint: https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com
    vpc_id: vpc-0a1b2c3d4e5f60001
account_id:
  description: The account that was searched, empty where none answered.
  returned: always
  type: str
partition:
  description: Its partition.
  returned: always
  type: str
reachable:
  description: Whether the API answered.
  returned: always
  type: bool
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import aws_leftovers, aws_leftovers_guard
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, Unreachable, for_module


def cluster_of(found: list[aws_leftovers.Found]) -> dict:
    cluster = next((entry.raw for entry in found if entry.type == "EKS cluster"), None)
    if cluster is None:
        return {}
    return {"status": cluster["status"], "endpoint": cluster.get("endpoint", ""), "vpc_id": (cluster.get("resourcesVpcConfig") or {}).get("vpcId", "")}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **aws_leftovers.OPTIONS,
            "wait_timeout": {"type": "int", "default": 0},
            "wait_delay": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    name = params["cluster_name"]
    aws = for_module(module, attempts=2 if params["unreachable_is_empty"] else 4)
    try:
        caller = aws.call("sts", "get_caller_identity")
        if params["wait_timeout"]:
            found = aws_leftovers.search_until_none(aws, name, params["wait_timeout"], params["wait_delay"], params["iam_path"])
        else:
            found = aws_leftovers.search(aws, name, params["iam_path"])
        others = aws_leftovers_guard.strangers(aws, name, found)
        reasons = aws_leftovers_guard.in_the_way(found, others, params["disable_deletion_protection"], params["volumes"])
    except Unreachable as error:
        if not params["unreachable_is_empty"]:
            module.fail_json(msg=str(error), code=error.code)
        nothing: dict = {"leftovers": [], "strangers": [], "in_the_way": [], "cluster": {}, "account_id": "", "partition": ""}
        module.exit_json(changed=False, reachable=False, **nothing)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(
        changed=False,
        reachable=True,
        leftovers=[entry.result() for entry in found],
        strangers=[entry.result() for entry in others],
        in_the_way=reasons,
        cluster=cluster_of(found),
        account_id=caller["Account"],
        partition=caller["Arn"].split(":")[1],
    )


if __name__ == "__main__":
    main()
