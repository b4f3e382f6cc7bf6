#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Remove the AWS resources of a cluster, in a safe order."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_leftovers
author: The meshgate authors (@meshgate)
short_description: Remove the AWS resources of a cluster, in a safe order
version_added: "0.1.0"
description:
  - Removes load balancers, network, IAM resources, OIDC providers, certificates with their DNS records, ECR repositories and log groups, and with
    O(include_cluster) node groups and the cluster itself, in the order that AWS requires, in parallel where possible, and waits for slow deletions.
  - Removes only what carries the tag C(meshgate.io/cluster), and what the load balancer controller, Kubernetes or EKS created for this cluster and left
    behind, such as the network interfaces of deleted nodes. These are recognised by their tags together with their location, in a VPC that carries our tag or
    in that of the existing cluster. A resource with such a tag elsewhere is listed in RV(foreign) and left alone.
    Resources with our tag in services that this collection does not use are reported in a warning.
  - In a VPC that carries our tag, the endpoint and the security group that GuardDuty created there (C(GuardDutyManaged)) are deleted after the nodes.
  - Nothing is removed while something blocks it. Blocking are resources of others in the cluster's VPC, or using our security groups, certificates or target
    groups, a node group that is not ours, and, unless options allow it, what has deletion protection or holds data. The message lists them.
  - Ends with a search for leftovers, and fails if there are any.
options:
  state:
    description: Removes the resources.
    type: str
    choices: [absent]
    default: absent
  include_cluster:
    description: Whether to remove the node groups and the EKS cluster, too. Otherwise, an existing cluster is refused.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for each resource that AWS deletes slowly, such as NAT gateways and the network interfaces of load balancers.
    type: int
    default: 900
  wait_delay:
    description: Seconds between two polls while waiting.
    type: float
    default: 10
extends_documentation_fragment:
  - meshgate.eks_istio.leftovers
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.aws_leftovers_info
"""

EXAMPLES = r"""
- name: Remove the cluster and everything around it, but keep the volumes
  meshgate.eks_istio.aws_leftovers:
    cluster_name: sandbox
    include_cluster: true
    volumes: keep

- name: Remove what is left after the cluster was deleted in another way
  meshgate.eks_istio.aws_leftovers:
    cluster_name: sandbox
"""

RETURN = r"""
removed:
  description: What was removed, or in check mode would be, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - type: vpc
      id: vpc-0a1b2c3d4e5f60001
      name: sandbox-vpc
      reason: tag meshgate.io/cluster=sandbox
      owned: true
kept:
  description: What holds data and stays as requested by O(volumes), O(logs) and O(images).
  returned: always
  type: list
  elements: dict
foreign:
  description: Resources that have the cluster's name in a tag or a name without proof that they are ours. They were not touched.
  returned: always
  type: list
  elements: dict
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
from ansible_collections.meshgate.eks_istio.plugins.module_utils.teardown.leftovers import remove
from ansible_collections.meshgate.eks_istio.plugins.module_utils.teardown.search import OPTIONS


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **OPTIONS,
            "state": {"type": "str", "choices": ["absent"], "default": "absent"},
            "include_cluster": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 900},
            "wait_delay": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    run(module, remove, attempts=2 if module.params["unreachable_is_empty"] else 4)


if __name__ == "__main__":
    main()
