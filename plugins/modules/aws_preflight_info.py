#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run preflight checks on an AWS account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_preflight_info
author: The meshgate authors (@meshgate)
short_description: Run preflight checks on an AWS account
version_added: "0.1.0"
description:
  - Reads, in two rounds of parallel calls, the caller and its account, the caller's permissions, the remaining quotas of the account,
    which instance types the zones offer, which Kubernetes versions EKS offers, whether the platform's names are free,
    whether the load balancer has subnets, which key encrypts volumes, and whether the AWS CLI is installed.
  - What the platform already has counts as used, and needs nothing more. So the result is right for a new, an incomplete and a running platform.
  - Fails with all problems at once, each with the variable, what was found and what is accepted. Without valid credentials it fails with that alone.
  - What AWS does not let the caller read is a warning, not a problem, except for the platform's own network, roles and cluster.
  - Also returns the platform's cost at list price. What the price list lacks is reported and left out of the sum.
  - Read-only, in check mode as well.
options:
  operator_policy:
    description:
      - The policy document with the actions that a run calls, without wildcards in their names.
      - IAM's policy simulator (C(iam:SimulatePrincipalPolicy)) checks whether the caller's user or role may call each.
      - An action that is only allowed on some resources counts as allowed if it is allowed on the platform's own names.
      - It gets the region of each call, TLS and MFA as context. An action that depends on any other context is reported in a warning.
      - If the caller is the account's root user, or may not use the simulator, that is reported in a warning.
    type: dict
    required: true
  unused_statements:
    description: The C(Sid) of statements in O(operator_policy) that this run does not need.
    type: list
    elements: str
    default: []
  permissions:
    description:
      - Whether a missing permission is a problem or a warning. The simulator evaluates neither resource policies nor conditions on a call's arguments,
        so it may report an allowed call as denied.
    type: str
    choices: [refuse, warn]
    default: refuse
  price_list:
    description: Prices by region, as in C(roles/eks_cluster/files/prices.yml). Without it no cost is returned.
    type: dict
  load_balancer:
    description: The name that the platform's load balancer will have. If empty, none is searched; the cost always includes one.
    type: str
    default: ""
  pods:
    description:
      - What the platform's pods request besides AWS's add-ons.
      - If set, a warning reports if they would not fit on the remaining nodes when one fails.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Their name in the message.
        type: str
        required: true
      replicas:
        description: The number of pods.
        type: int
        required: true
      cpu:
        description: The CPU request of each, in Kubernetes notation.
        type: str
        default: "0"
      memory:
        description: The memory request of each, in Kubernetes notation.
        type: str
        default: "0"
  load_balancer_scheme:
    description: The scheme of that load balancer. An internet-facing one has a public IPv4 address in each zone.
    type: str
    choices: [internet-facing, internal]
    default: internet-facing
  scrape_interval:
    description:
      - Seconds between two samples of a metric that Amazon Managed Prometheus gets. V(0) if it gets none.
      - The cost then includes the samples of a small mesh, of 10,000 metrics.
    type: int
    default: 0
attributes:
  diff_mode:
    description: Changes nothing.
    support: none
extends_documentation_fragment:
  - meshgate.eks_istio.eks_platform
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.eks_platform
"""

EXAMPLES = r"""
- name: Check the account before anything is created
  meshgate.eks_istio.aws_preflight_info:
    region: us-west-2
    name: sandbox
    version: "1.36"
    control_plane:
      public_access_cidrs: [203.0.113.0/24]
    node_groups:
      - name: mng-arm
        instance_types: [m6g.large]
        desired_size: 2
    operator_policy: "{{ lookup('ansible.builtin.file', 'operator_policy.json') | from_json }}"
    price_list: "{{ lookup('ansible.builtin.file', 'prices.yml') | from_yaml }}"
    load_balancer: sandbox-alb
  register: look

- name: Print the cost
  ansible.builtin.debug:
    msg: "{{ look.cost.summary }}"
"""

RETURN = r"""
checks:
  description: One entry for each check.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The subject of the check.
      type: str
      sample: elastic IPs
    ok:
      description: Whether a run can proceed.
      type: bool
    warning:
      description: Whether it is a warning although a run can proceed.
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
      description: The result in one line.
      type: str
      sample: "elastic IPs in us-west-2: 5 of 5 are in use, and this run needs 1 more; accepted: at most 4 in use"
problems:
  description: The messages of the checks that are not ok.
  returned: always
  type: list
  elements: str
cost:
  description: The platform's cost at list price, with C(items), C(per_hour), C(per_month), C(missing), a C(summary) in one line and C(lines) to print.
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

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform import options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.checks import look


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **options.PLATFORM,
            **options.WORDS,
            "operator_policy": {"type": "dict", "required": True},
            "unused_statements": {"type": "list", "elements": "str", "default": []},
            "permissions": {"type": "str", "choices": ["refuse", "warn"], "default": "refuse"},
            "price_list": {"type": "dict"},
            "load_balancer": {"type": "str", "default": ""},
            "pods": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "replicas": {"type": "int", "required": True},
                    "cpu": {"type": "str", "default": "0"},
                    "memory": {"type": "str", "default": "0"},
                },
            },
            "load_balancer_scheme": {"type": "str", "choices": ["internet-facing", "internal"], "default": "internet-facing"},
            "scrape_interval": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    run(module, look)


if __name__ == "__main__":
    main()
