#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Gather information about everything in an account and region that belongs to a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_leftovers_info
author: The meshgate authors (@meshgate)
short_description: Gather information about everything in an account and region that belongs to a cluster
version_added: "0.1.0"
description:
  - Searches load balancers, target groups, classic load balancers, security groups, network interfaces, elastic IPs, NAT and internet gateways, VPCs,
    subnets, route tables, VPC endpoints, volumes, snapshots, instances, launch templates, log groups, certificates, ECR repositories, OIDC providers,
    roles, instance profiles, policies, the EKS cluster, its node groups and its Fargate profiles.
  - A resource belongs to the cluster by one of the tags C(meshgate.io/cluster), C(elbv2.k8s.aws/cluster), C(kubernetes.io/cluster/NAME) with the value
    C(owned), C(aws:eks:cluster-name), C(eks:cluster-name) or C(cluster.k8s.amazonaws.com/name), or by a name that only EKS gives.
  - Only the first of these proves that it is ours. With another one, a resource is ours only in a VPC that carries our tag or in that of our existing
    cluster. Everything else is in RV(foreign).
  - IAM is global. Its roles, policies, instance profiles and OIDC providers belong to this cluster if they carry C(meshgate.io/cluster) and
    C(meshgate.io/region), whatever their names. Those with only the first tag, which older versions created, belong to it if it, or no cluster in any enabled
    region, uses them; otherwise, or if that cannot be checked, they are in RV(foreign).
  - Resources with C(meshgate.io/cluster) in services that this collection does not use are reported in a warning.
options:
  wait_timeout:
    description: Seconds to wait until nothing is found. EKS keeps cleaning up for a while after a deletion is done.
    type: int
    default: 0
  wait_delay:
    description: Seconds between two searches while waiting.
    type: float
    default: 10
attributes:
  diff_mode:
    description: Changes nothing.
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
- name: Gather what is left
  meshgate.eks_istio.aws_leftovers_info:
    cluster_name: sandbox
  register: look

- name: Fail if anything is left
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
kept:
  description: Resources of the cluster that hold data and would stay as requested by O(volumes), O(logs) and O(images). They do not count as leftovers.
  returned: always
  type: list
  elements: dict
foreign:
  description: Resources that have the cluster's name in a tag or a name without proof that they are ours.
  returned: always
  type: list
  elements: dict
  sample:
    - type: load balancer
      id: arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/net/k8s-shop/0123456789abcdef
      name: k8s-shop
      reason: tag elbv2.k8s.aws/cluster=sandbox
      owned: false
strangers:
  description: Resources of others in the cluster's own VPC, or with the cluster's name. They block a removal.
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
  description: The EKS cluster, with what a teardown needs. Empty if there is none.
  returned: always
  type: dict
  sample:
    status: ACTIVE
    endpoint: https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com
    vpc_id: vpc-0a1b2c3d4e5f60001
account_id:
  description: The account that was searched, empty if the API did not answer.
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

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.teardown.leftovers import NOTHING_LEFT, look
from ansible_collections.meshgate.eks_istio.plugins.module_utils.teardown.search import OPTIONS


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **OPTIONS,
            "wait_timeout": {"type": "int", "default": 0},
            "wait_delay": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    run(module, look, nothing=NOTHING_LEFT if module.params["unreachable_is_empty"] else None)


if __name__ == "__main__":
    main()
