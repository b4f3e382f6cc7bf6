#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What Istio a cluster has, and whose it is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: istio_workload_info
author: The meshgate authors (@meshgate)
short_description: Gather information about the Istio of a cluster and its owner
version_added: "0.1.0"
description:
  - Lists the control planes, gateways and agents of Istio in all namespaces, whether istioctl or Helm installed them.
  - Reports which of them belong to others, by the same rules as M(meshgate.eks_istio.istioctl_install).
  - Reports what enforces the cluster's NetworkPolicies, since the API server accepts them even if nothing does.
options:
  labels:
    description: Ownership, as in M(meshgate.eks_istio.istioctl_install). Without labels, everything counts as ours.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Read-only.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Gather the installed Istio
  meshgate.eks_istio.istio_workload_info:
    labels: {meshgate.io/cluster: sandbox}
  register: istio

- name: Fail if someone else owns it
  ansible.builtin.assert:
    that: not istio.foreign
    fail_msg: "{{ istio.foreign | join(', ') }}"
"""

RETURN = r"""
workloads:
  description: The workloads of Istio.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: Deployment or DaemonSet.
      type: str
    namespace:
      description: Its namespace.
      type: str
    name:
      description: Its name.
      type: str
    revision:
      description: Its revision.
      type: str
    control_plane:
      description: Whether it is istiod.
      type: bool
    ours:
      description: Whether it is ours.
      type: bool
foreign:
  description: Control planes of others, each with namespace, name, revision and version.
  returned: always
  type: list
  elements: str
  sample: ["Deployment istio-system/istiod (revision default, version 1.30.2)"]
network_policy_enforcer:
  description: The DaemonSet that enforces NetworkPolicies. Empty if none is known to.
  returned: always
  type: str
  sample: aws-node
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio.ownership import survey
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run


def main() -> None:
    module = kube_module({"labels": {"type": "dict", "default": {}}})
    run(module, lambda api, _access: {"changed": False, **survey(api, module.params["labels"])}, what="Istio's workloads cannot be read")


if __name__ == "__main__":
    main()
