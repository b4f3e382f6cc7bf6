#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Plan the way from the versions that run to those that are wanted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_plan_info
author: The meshgate authors (@meshgate)
short_description: Plan the way from the versions that run to those that are wanted
version_added: "0.1.0"
description:
  - Reads what runs, of EKS (control plane, add-ons, managed node groups, upgrade insights) and in the cluster (load balancer controller,
    Gateway API CRDs, Istio and its proxies), and puts what has to move into an order in which every state on the way is a supported one.
  - The control plane and Istio go one minor version at a time; add-ons and node groups follow the control plane before it goes on; nothing goes back.
  - Says what stands in the way, why, and what to do about it. Combinations of versions of which nothing is known are said to be unknown.
  - With O(step) it waits until that step is seen to be done.
options:
  wanted:
    description: The versions that are wanted, as the roles' variables have them.
    type: dict
    required: true
    suboptions:
      cluster:
        description:
          - C(name) and C(version) of the EKS cluster; C(node_groups) with C(name) and C(release_version), and C(addons) with C(name) and C(version), where
            one is pinned.
        type: dict
        required: true
      controller:
        description: C(version) of the load balancer controller's chart, and whether C(gateway_api) is one of its features that are on.
        type: dict
      gateway_crds:
        description: C(version) and C(channel) of the Gateway API's CRDs.
        type: dict
      istio:
        description:
          - C(version), C(revision) and C(namespace) of Istio's control plane, and in C(binaries) an istioctl for each version on the way, by its version.
        type: dict
  parts:
    description: What is upgraded. Without V(kubernetes) the cluster's API server is not asked.
    type: list
    elements: str
    choices: [aws, kubernetes]
    default: [aws, kubernetes]
  control_plane:
    description: Whether EKS runs the control plane, or V(kind) does, whose version EKS's API does not move.
    type: str
    choices: [eks, kind]
    default: eks
  allow_unknown:
    description: Goes through combinations of versions of which nothing is known.
    type: bool
    default: false
  accept_insights:
    description: Names of EKS upgrade insights that do not stand in the way although they are ERROR.
    type: list
    elements: str
    default: []
  ignore_budgets:
    description: PodDisruptionBudgets, as C(namespace/name), that do not stand in the way although they allow no disruption.
    type: list
    elements: str
    default: []
  step:
    description: A step of RV(steps) that was made. The module waits until nothing is RV(missing), and fails after O(wait_timeout).
    type: dict
  wait_timeout:
    description: Seconds to wait for O(step).
    type: int
    default: 600
attributes:
  check_mode:
    description: Only reads.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.eks_cluster
  - module: meshgate.eks_istio.eks_addon
  - module: meshgate.eks_istio.eks_nodegroup
"""

EXAMPLES = r"""
- name: Plan
  meshgate.eks_istio.upgrade_plan_info:
    wanted:
      cluster: {name: sandbox, version: "1.36"}
      controller: {version: 3.2.2}
      gateway_crds: {version: 1.6.3, channel: standard}
      istio: {version: 1.31.1}
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
  register: upgrade

- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ upgrade.lines }}"

- name: Look at EKS alone
  meshgate.eks_istio.upgrade_plan_info:
    wanted:
      cluster: {name: sandbox, version: "1.36"}
    parts: [aws]
"""

RETURN = r"""
steps:
  description: What has to move, in order.
  returned: always
  type: list
  elements: dict
  contains:
    part:
      description: C(aws) or C(kubernetes).
      type: str
    kind:
      description: One of control_plane, addon, node_group, node_group_release, controller, gateway_crds, istio and data_plane.
      type: str
    name:
      description: What it is, for people.
      type: str
    before:
      description: The version that runs.
      type: str
    after:
      description: The version that it gets.
      type: str
    why:
      description: Why this step is there, where that is not plain.
      type: str
    title:
      description: All of it in one line.
      type: str
      sample: control plane 1.34 -> 1.35
blocked:
  description: What stands in the way.
  returned: always
  type: list
  elements: dict
  contains:
    what:
      description: The step that cannot be made.
      type: str
    reason:
      description: Why not.
      type: str
    remedy:
      description: What to do about it.
      type: str
    summary:
      description: All of it in one line.
      type: str
notes:
  description: What is worth knowing and stands in nobody's way.
  returned: always
  type: list
  elements: str
lines:
  description: The plan for people.
  returned: always
  type: list
  elements: str
restarts:
  description: What the next step of kind data_plane restarts, by C(namespace), C(kind) and C(name).
  returned: always
  type: list
  elements: dict
version:
  description: The control plane's version now, by EKS. Empty if there is no cluster.
  returned: always
  type: str
missing:
  description: What of O(step) is not done yet. Empty, since the module waits for it.
  returned: when O(step) is given
  type: list
  elements: str
"""

import time

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import upgrade_plan, upgrade_state
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, for_module
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_access import Access
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import Waiting

LOOK_AGAIN = 2.0


def wait_for_step(module: AnsibleAWSModule, read: upgrade_plan.Reader) -> upgrade_plan.State:
    params = module.params
    step, parts = params["step"], tuple(params["parts"])
    waiting = Waiting(step["title"])
    while True:
        state = read()
        missing = upgrade_plan.missing(step, state, parts)
        waiting.saw(missing[0] if missing else "done")
        if not missing:
            return state
        if waiting.elapsed > params["wait_timeout"]:
            module.fail_json(msg=f"{step['title']}: not done after {params['wait_timeout']} s: {'; '.join(missing)}", missing=missing)
        time.sleep(min(LOOK_AGAIN, params["wait_timeout"]))


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "wanted": {
                "type": "dict",
                "required": True,
                "options": {
                    "cluster": {"type": "dict", "required": True},
                    "controller": {"type": "dict"},
                    "gateway_crds": {"type": "dict"},
                    "istio": {"type": "dict"},
                },
            },
            "parts": {"type": "list", "elements": "str", "choices": ["aws", "kubernetes"], "default": ["aws", "kubernetes"]},
            "control_plane": {"type": "str", "choices": ["eks", "kind"], "default": "eks"},
            "allow_unknown": {"type": "bool", "default": False},
            "accept_insights": {"type": "list", "elements": "str", "default": []},
            "ignore_budgets": {"type": "list", "elements": "str", "default": []},
            "step": {"type": "dict"},
            "wait_timeout": {"type": "int", "default": 600},
            **KUBECTL,
        },
        supports_check_mode=True,
    )
    params = module.params
    wanted, parts = params["wanted"], tuple(params["parts"])
    if not wanted["cluster"].get("name") or not wanted["cluster"].get("version"):
        module.fail_json(msg="wanted.cluster has no name or no version; accepted: both, for example {name: sandbox, version: '1.36'}")
    access = Access(params["kubeconfig"], params["context"], params["kubectl"])
    options = upgrade_plan.Options(parts, params["control_plane"], params["allow_unknown"], params["accept_insights"], params["ignore_budgets"])
    try:
        aws = for_module(module, attempts=2 if module.check_mode else 4)

        def read() -> upgrade_plan.State:
            return upgrade_state.read(aws, access, wanted, parts)

        state = wait_for_step(module, read) if params["step"] else read()
        plan = upgrade_plan.make_plan(state, wanted, options)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    module.exit_json(
        changed=False,
        **plan.as_result(),
        version=state["cluster"].get("version", ""),
        restarts=upgrade_plan.restarts(state, next((step.after for step in plan.steps if step.kind == "data_plane"), "")),
        **({"missing": []} if params["step"] else {}),
    )


if __name__ == "__main__":
    main()
