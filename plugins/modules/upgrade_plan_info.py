#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Plan the upgrade from the running to the requested versions."""

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_plan_info
author: The meshgate authors (@meshgate)
short_description: Plan the upgrade from the running to the requested versions
version_added: "0.1.0"
description:
  - Reads the running versions, of EKS (control plane, add-ons, managed node groups, upgrade insights) and in the cluster (load balancer controller,
    Gateway API CRDs, Istio and its proxies), and orders the upgrades so that every intermediate combination is supported.
  - The control plane and Istio are upgraded one minor version at a time; add-ons and node groups follow before the control plane's next step; nothing is
    downgraded.
  - Reports what blocks the upgrade, why, and what to do about it. Unknown combinations of versions are reported as such.
  - With O(step) it waits until that step is complete.
options:
  wanted:
    description: The requested versions, as in the roles' variables.
    type: dict
    required: true
    suboptions:
      cluster:
        description:
          - C(name) and C(version) of the EKS cluster; C(node_groups) with C(name) and C(release_version), and C(addons) with C(name) and C(version), if
            pinned.
        type: dict
        required: true
      controller:
        description: C(version) of the load balancer controller's chart, and whether its feature C(gateway_api) is on.
        type: dict
      gateway_crds:
        description: C(version) and C(channel) of the Gateway API's CRDs.
        type: dict
      istio:
        description:
          - C(version), C(revision) and C(namespace) of Istio's control plane, and in C(binaries) an istioctl for each intermediate version, by version.
        type: dict
  parts:
    description: What to upgrade. Without V(kubernetes) the cluster's API server is not used.
    type: list
    elements: str
    choices: [aws, kubernetes]
    default: [aws, kubernetes]
  control_plane:
    description: Whether EKS runs the control plane, or V(kind), whose version EKS's API cannot change.
    type: str
    choices: [eks, kind]
    default: eks
  allow_unknown:
    description: Allow unknown combinations of versions.
    type: bool
    default: false
  accept_insights:
    description: Names of EKS upgrade insights that do not block although they are ERROR.
    type: list
    elements: str
    default: []
  ignore_budgets:
    description: PodDisruptionBudgets, as C(namespace/name), that do not block although they allow no disruption.
    type: list
    elements: str
    default: []
  adopt:
    description:
      - Also plan for resources without the tag C(meshgate.io/cluster) with the cluster's name. Otherwise a cluster of someone else blocks the upgrade, and so
        does every node group and add-on of someone else that would have to be upgraded.
    type: bool
    default: false
  step:
    description: A step of RV(steps) that was executed. The module waits until nothing is RV(missing), and fails after O(wait_timeout).
    type: dict
  wait_timeout:
    description: Seconds to wait for O(step).
    type: int
    default: 600
attributes:
  check_mode:
    description: Read-only.
    support: full
notes:
  - O(validate_certs) applies to AWS. For the API server's certificate, the kubeconfig's C(insecure-skip-tls-verify) applies.
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
- name: Plan the upgrade
  meshgate.eks_istio.upgrade_plan_info:
    wanted:
      cluster: {name: sandbox, version: "1.36"}
      controller: {version: 3.2.2}
      gateway_crds: {version: 1.6.3, channel: standard}
      istio: {version: 1.31.1}
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
  register: upgrade

- name: Print the plan
  ansible.builtin.debug:
    msg: "{{ upgrade.lines }}"

- name: Plan the upgrade of EKS alone
  meshgate.eks_istio.upgrade_plan_info:
    wanted:
      cluster: {name: sandbox, version: "1.36"}
    parts: [aws]
"""

RETURN = r"""
steps:
  description: The upgrade steps, in order.
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
      description: Its readable name.
      type: str
    before:
      description: The running version.
      type: str
    after:
      description: The version after the step.
      type: str
    why:
      description: Why the step is needed, if that is not obvious.
      type: str
    title:
      description: Everything in one line.
      type: str
      sample: control plane 1.34 -> 1.35
blocked:
  description: What blocks the upgrade.
  returned: always
  type: list
  elements: dict
  contains:
    what:
      description: The blocked step.
      type: str
    reason:
      description: Why not.
      type: str
    remedy:
      description: What to do about it.
      type: str
    summary:
      description: Everything in one line.
      type: str
notes:
  description: What is worth knowing but does not block.
  returned: always
  type: list
  elements: str
lines:
  description: The plan in readable form.
  returned: always
  type: list
  elements: str
restarts:
  description: What the next step of kind data_plane restarts, by C(namespace), C(kind) and C(name).
  returned: always
  type: list
  elements: dict
version:
  description: The control plane's current version in EKS. Empty if there is no cluster.
  returned: always
  type: str
missing:
  description: What of O(step) is not done yet. Empty on success, since the module waits for it.
  returned: when O(step) is given
  type: list
  elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.options import BESIDE_AWS
from ansible_collections.meshgate.eks_istio.plugins.module_utils.upgrade.look import look, problems


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
            "adopt": {"type": "bool", "default": False},
            "step": {"type": "dict"},
            "wait_timeout": {"type": "int", "default": 600},
            **BESIDE_AWS,
        },
        supports_check_mode=True,
    )
    run(module, look, problems(module.params), attempts=2 if module.check_mode else 4)


if __name__ == "__main__":
    main()
