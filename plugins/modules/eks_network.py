#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Make network, IAM roles and launch templates of an EKS platform."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_network
author: The meshgate authors (@meshgate)
short_description: Make network, IAM roles and launch templates of an EKS platform
version_added: "0.1.0"
description:
  - Makes what M(meshgate.eks_istio.eks_platform_plan) finds missing or different in the VPC, its subnets, internet gateway, NAT gateways, elastic IPs and
    route tables, the two IAM roles, and the node groups' launch templates.
  - What does not depend on each other is made at the same time, in one process.
  - Everything gets its tags in the call that makes it, and a call whose answer is lost doubles nothing. A run that is stopped anywhere can be run again.
  - With C(vpc_id) in O(platform) the network is somebody else's. It is checked and not touched.
  - The control plane, the node groups, the OIDC provider and the kubeconfig are other modules' work.
options:
  platform:
    description: The public variables of the role C(eks_cluster), without their prefix C(eks_cluster_).
    type: dict
    required: true
  wait:
    description:
      - Whether to wait for NAT gateways, to complete the routes to them, and to remove what is ours and not wanted any more.
      - Without it RV(unfinished) names what is left to do. AWS takes minutes for a NAT gateway, and nothing needs it before the first node.
    type: bool
    default: true
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.eks_platform_plan
"""

EXAMPLES = r"""
- name: Network, roles and launch templates, without waiting for NAT gateways
  meshgate.eks_istio.eks_network:
    platform: "{{ platform }}"
    wait: false
  register: network

- name: NAT gateways and the routes to them
  meshgate.eks_istio.eks_network:
    platform: "{{ platform }}"
  when: network.unfinished | length > 0
"""

RETURN = r"""
unfinished:
  description: What AWS is still making, and what is removed when that is there.
  returned: always
  type: list
  elements: str
  sample: [NAT gateway sandbox-nat-us-west-2a]
differs:
  description: What differs after the run, in check mode before it, as M(meshgate.eks_istio.eks_platform_plan) returns it.
  returned: always
  type: list
  elements: dict
sections:
  description: The sections in which something differs.
  returned: always
  type: list
  elements: str
plan:
  description: What it should be, with the ids of what there is.
  returned: always
  type: dict
facts:
  description: The facts that the role returns as C(eks_cluster_facts).
  returned: always
  type: dict
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_input, eks_kubeconfig, eks_network, eks_platform_diff, eks_platform_live
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, for_module
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform import Platform


def look(aws: Aws, given: dict) -> Platform:
    live = eks_platform_live.read(aws, given)
    live.kubeconfig = eks_kubeconfig.read(given["kubeconfig"])
    return Platform(given, live)


def own(platform: Platform) -> list[eks_platform_diff.Difference]:
    return [entry for entry in platform.differences() if entry.section in eks_network.SECTIONS]


def make(module: AnsibleAWSModule, aws: Aws, given: dict) -> dict:
    waits = (module.params["wait_timeout"], module.params["wait_delay"])
    platform = look(aws, given)
    differences = own(platform)
    if module.check_mode or not differences:
        return result(platform, differences)
    eks_network.Builder(aws, platform).build()
    platform = eks_network.settled(lambda: look(aws, given))
    if module.params["wait"] and eks_network.unfinished(platform):
        eks_network.wait_for_nat_gateways(aws, platform, *waits)
        # The routes to gateways that were being made: their ids are known by now, and AWS takes them.
        platform = look(aws, given)
        eks_network.Builder(aws, platform).build()
        eks_network.remove_surplus(aws, platform, *waits)
        platform = look(aws, given)
    return result(platform, differences)


def result(platform: Platform, differences: list[eks_platform_diff.Difference]) -> dict:
    left = platform.differences()
    answer = {
        "changed": bool(differences),
        "unfinished": eks_network.unfinished(platform),
        "differs": eks_platform_diff.as_results(left),
        "sections": sorted({entry.section for entry in left}),
        "plan": platform.plan(),
        "facts": platform.facts(),
    }
    if differences:
        answer["diff"] = eks_platform_diff.as_diff(differences)
    return answer


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "platform": {"type": "dict", "required": True},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 1800},
            "wait_delay": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    given = module.params["platform"]
    problems = eks_input.problems(given)
    if problems:
        module.fail_json(msg="; ".join(problems), problems=problems)
    try:
        module.exit_json(**make(module, for_module(module), given))
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)


if __name__ == "__main__":
    main()
