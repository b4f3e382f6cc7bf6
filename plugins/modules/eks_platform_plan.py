#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Compare the whole AWS side of the platform with what was asked for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_platform_plan
author: The meshgate authors (@meshgate)
short_description: Compare the whole AWS side of the platform with what was asked for
version_added: "0.1.0"
description:
  - Reads network, IAM roles, EKS cluster, node groups, OIDC provider and kubeconfig in a few calls made at the same time, and says what differs.
  - The role C(eks_cluster) runs its tasks only where this module says that something differs.
  - It never changes anything. In check mode it reports C(changed) and a diff when a run would change something.
  - In check mode, an API endpoint at which nothing answers counts as an empty account. Otherwise it is an error.
options:
  platform:
    description: The public variables of the role C(eks_cluster), without their prefix C(eks_cluster_).
    type: dict
    required: true
  settle:
    description: >-
      Look again for so many seconds while something differs besides add-ons and kubeconfig, since AWS's lists lag behind its changes. Not in check mode.
    type: float
    default: 0.0
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Compare
  meshgate.eks_istio.eks_platform_plan:
    platform:
      name: sandbox
      region: us-west-2
      version: "1.36"
      vpc_cidr: 192.168.0.0/16
      nat_mode: single
      endpoint_access: public_and_private
      public_access_cidrs: [0.0.0.0/0]
      authentication_mode: API_AND_CONFIG_MAP
      support_type: STANDARD
      deletion_protection: false
      role_name: sandbox-eks-cluster
      node_role_name: sandbox-eks-node
      kubeconfig_manage: true
      kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
      context: sandbox
      node_groups:
        - name: mng-arm
          instance_types: [m6g.large]
          desired_size: 2
  register: look
"""

RETURN = r"""
reachable:
  description: Whether the API answered. Only false in check mode.
  returned: always
  type: bool
differs:
  description: What differs, one entry per resource with C(section), C(resource), C(action), C(before), C(after) and a C(summary) for people.
  returned: always
  type: list
  elements: dict
  sample:
    - section: subnets
      resource: subnet sandbox-public-us-west-2a 192.168.0.0/19
      action: update
      before: {map_public: false}
      after: {map_public: true}
      summary: "would change subnet sandbox-public-us-west-2a 192.168.0.0/19: map_public: False -> True"
sections:
  description: The sections in which something differs.
  returned: always
  type: list
  elements: str
  sample: [subnets]
plan:
  description: What it should be, with the ids of what there is already.
  returned: always
  type: dict
facts:
  description: The facts that the role returns as C(eks_cluster_facts).
  returned: always
  type: dict
"""

import time

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import (
    eks_input,
    eks_kubeconfig,
    eks_platform,
    eks_platform_cluster,
    eks_platform_diff,
    eks_platform_live,
)
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, Unreachable, for_module


def look(module: AnsibleAWSModule, given: dict) -> tuple[bool, eks_platform.Platform, list[eks_platform_diff.Difference]]:
    reachable = True
    try:
        live = eks_platform_live.read(for_module(module, attempts=2 if module.check_mode else 4), given)
    except Unreachable:
        if not module.check_mode:
            raise
        reachable, live = False, eks_platform_live.Live()
    live.kubeconfig = eks_kubeconfig.read(given["kubeconfig"])
    eks_platform_cluster.check_kubeconfig(given, live)
    platform = eks_platform.Platform(given, live)
    return reachable, platform, platform.differences()


def main() -> None:
    spec = {"platform": {"type": "dict", "required": True}, "settle": {"type": "float", "default": 0.0}}
    module = AnsibleAWSModule(argument_spec=spec, supports_check_mode=True)
    given = module.params["platform"]
    problems = eks_input.problems(given)
    if problems:
        module.fail_json(msg="; ".join(problems), problems=problems)
    try:
        reachable, platform, differences = look(module, given)
        end = time.monotonic() + module.params["settle"]
        # Others bring these about: what is missing of them is no list that lags behind.
        while any(entry.section not in ("kubeconfig", "addons") for entry in differences) and time.monotonic() < end and not module.check_mode:
            time.sleep(2)
            reachable, platform, differences = look(module, given)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    result = {
        "changed": module.check_mode and bool(differences),
        "reachable": reachable,
        "differs": eks_platform_diff.as_results(differences),
        "sections": sorted({entry.section for entry in differences}),
        "plan": platform.plan(),
        "facts": platform.facts(),
    }
    if differences:
        result["diff"] = eks_platform_diff.as_diff(differences)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
