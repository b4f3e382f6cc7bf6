#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Look at an AWS account before a platform is created in it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_preflight_info
author: The meshgate authors (@meshgate)
short_description: Look at an AWS account before a platform is created in it
version_added: "0.1.0"
description:
  - Reads, in two rounds of calls made at the same time, who the caller is and of which account, what the caller may do, what room the account's quotas leave,
    which instance types the zones offer, which Kubernetes versions EKS offers, whether the platform's names are free, and whether the AWS CLI is there.
  - What the platform has already counts as used, and nothing more is asked for it. So the answer is right for a new, a half-finished and a running one.
  - Fails with all problems at once, each with the variable, what was found and what is accepted. Without valid credentials it fails with that alone.
  - What AWS does not let the caller look at is said in a warning and is no problem, but for the platform's own network, roles and cluster.
  - Also says what the platform costs by list price. What the price list lacks is named and left out of the sum.
  - Only reads, in check mode as well.
options:
  platform:
    description: The public variables of the role C(eks_cluster), without their prefix C(eks_cluster_).
    type: dict
    required: true
  operator_policy:
    description:
      - The policy document with the actions that a run calls, without wildcards in their names.
      - IAM's policy simulator (C(iam:SimulatePrincipalPolicy)) is asked whether the caller's user or role may call each.
      - An action that is only allowed on some resources counts as allowed if it is allowed on the platform's own names.
      - If the caller is the account's root user, or may not ask the simulator, that is said in a warning.
    type: dict
    required: true
  unused_statements:
    description: The C(Sid) of statements in O(operator_policy) that this run does not need.
    type: list
    elements: str
    default: []
  permissions:
    description:
      - Whether a missing permission is a problem or a warning. The simulator knows neither resource policies nor conditions on what a call is about,
        and so may miss that a call is allowed.
    type: str
    choices: [refuse, warn]
    default: refuse
  price_list:
    description: Prices by region, see C(roles/eks_cluster/files/prices.yml). Without it no cost is returned.
    type: dict
  load_balancer:
    description: The name that the platform's load balancer will have. Empty means that there is none to look for; the cost has one in any case.
    type: str
    default: ""
  load_balancer_scheme:
    description: Where that load balancer is. One at the internet has a public IPv4 address in each zone.
    type: str
    choices: [internet-facing, internal]
    default: internet-facing
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
  - module: meshgate.eks_istio.eks_platform_plan
"""

EXAMPLES = r"""
- name: Look before anything is created
  meshgate.eks_istio.aws_preflight_info:
    region: us-west-2
    platform: "{{ _eks_cluster_inputs }}"
    operator_policy: "{{ lookup('ansible.builtin.file', 'operator_policy.json') | from_json }}"
    price_list: "{{ lookup('ansible.builtin.file', 'prices.yml') | from_yaml }}"
    load_balancer: sandbox-alb
  register: look

- name: Say what it costs
  ansible.builtin.debug:
    msg: "{{ look.cost.summary }}"
"""

RETURN = r"""
checks:
  description: What was looked at, one entry each.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: What it is about.
      type: str
      sample: elastic IPs
    ok:
      description: Whether a run can go on.
      type: bool
    warning:
      description: Whether it is worth reading although a run can go on.
      type: bool
    found:
      description: What was found.
      type: raw
      sample: {used: 5, needed: 1, quota: 5, code: L-0263D0A3, where: us-west-2}
    accepted:
      description: What would be accepted.
      type: str
      sample: at most 4 in use
    message:
      description: All of it in one line.
      type: str
      sample: "elastic IPs in us-west-2: 5 of 5 are in use, and this run needs 1 more; accepted: at most 4 in use"
problems:
  description: The messages of the checks that are not ok.
  returned: always
  type: list
  elements: str
cost:
  description: What the platform costs by list price, with C(items), C(per_hour), C(per_month), C(missing), a C(summary) in one line and C(lines) for people.
  returned: when O(price_list) is given and the caller is known
  type: dict
  sample: {currency: USD, per_hour: 0.359, per_month: 262.1, missing: []}
account_id:
  description: The caller's account.
  returned: when the caller is known
  type: str
  sample: "123456789012"
caller:
  description: The caller's ARN.
  returned: when the caller is known
  type: str
  sample: arn:aws:iam::123456789012:user/moto
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import aws_preflight, aws_prices, eks_input
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import for_module


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "platform": {"type": "dict", "required": True},
            "operator_policy": {"type": "dict", "required": True},
            "unused_statements": {"type": "list", "elements": "str", "default": []},
            "permissions": {"type": "str", "choices": ["refuse", "warn"], "default": "refuse"},
            "price_list": {"type": "dict"},
            "load_balancer": {"type": "str", "default": ""},
            "load_balancer_scheme": {"type": "str", "choices": ["internet-facing", "internal"], "default": "internet-facing"},
        },
        supports_check_mode=True,
    )
    params = module.params
    wrong = eks_input.problems(params["platform"])
    if wrong:
        module.fail_json(msg="; ".join(wrong), checks=[], problems=wrong)
    wanted = aws_preflight.Wanted(params["platform"], params["operator_policy"], params["unused_statements"], params["load_balancer"], params["permissions"])
    preflight = aws_preflight.Preflight(for_module(module), wanted)
    checks = preflight.run()
    problems = [check.message for check in checks if not check.ok]
    result = {"changed": False, "checks": [check.result() for check in checks], "problems": problems}
    if preflight.identity:
        result |= {"account_id": preflight.identity["Account"], "caller": preflight.identity["Arn"]}
        if params["price_list"]:
            result["cost"] = aws_prices.estimate(
                params["platform"],
                params["price_list"],
                zones=len(preflight.platform.network.zones) if preflight.platform else aws_prices.ZONES,
                extended=preflight.extended_support(),
                scheme=params["load_balancer_scheme"],
            ).as_result()
    for check in checks:
        if check.warning:
            module.warn(check.message)
    if problems:
        module.fail_json(msg="; ".join(problems), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
