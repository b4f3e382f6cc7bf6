#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Helm release whose change is measured against the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: helm_release
author: The meshgate authors (@meshgate)
short_description: Manage a Helm release, comparing it with the cluster
version_added: "0.1.0"
description:
  - Renders the chart as an install would, compares it with the cluster in a server-side dry run, and runs
    C(helm upgrade --install) only if that would change something.
    An object that was edited or deleted by hand is therefore detected, reported and repaired, which comparing versions and values does not do.
  - Manual additions to an object are part of the difference and are removed, with the exceptions that M(meshgate.eks_istio.k8s_apply_set) lists.
  - Applies the chart's CRDs server-side first. Helm installs CRDs once and never upgrades them.
  - A release that a killed Helm left in C(pending-install), C(pending-upgrade), C(pending-rollback) or C(uninstalling) is completed.
  - Waits until the workloads are rolled out, the Services behind the chart's admission webhooks have ready endpoints, and the objects of
    O(admission_probes) pass a server-side dry run.
  - In check mode, a cluster that does not answer is reported as a change, since an install would follow.
options:
  name:
    description: The release's name.
    type: str
    required: true
  namespace:
    description: The release's namespace, which must exist.
    type: str
    required: true
  state:
    description: Whether the release should exist.
    type: str
    choices: [present, absent]
    default: present
  chart:
    description: A chart's directory, archive, or name in O(repository). Required for O(state=present), and for O(remove_crds=true).
    type: str
    default: ""
  repository:
    description: URL of the Helm repository that contains O(chart).
    type: str
    default: ""
  version:
    description: The chart's version, if O(chart) is not a directory.
    type: str
    default: ""
  values:
    description: The chart's values. Ignored with O(state=absent), as is O(admission_probes).
    type: dict
    default: {}
  labels:
    description:
      - Ownership. A release whose workloads do not carry these labels belongs to someone else, is not changed unless O(adopt=true), and never removed.
      - The module does not set them, the chart's values must; but it sets them on CRDs of the chart that it creates.
    type: dict
    default: {}
  adopt:
    description:
      - Adopt a release that does not carry O(labels), and objects with the chart's names that Helm did not create (C(--take-ownership), Helm 3.17 or newer).
      - Otherwise, such objects are refused before Helm runs, also in check mode.
    type: bool
    default: false
  admission_probes:
    description: Objects that the API server and its webhooks must accept in a server-side dry run before the release counts as ready.
    type: list
    elements: dict
    default: []
  finalizers:
    description:
      - With O(state=absent), refuse while an object of O(finalizer_kinds) has a finalizer that contains one of these strings.
      - Such an object could never be deleted once the controller is gone.
    type: list
    elements: str
    default: []
  finalizer_kinds:
    description: Kinds to search for O(finalizers), each with C(api_version) and C(kind).
    type: list
    elements: dict
    default: []
  delete_after_uninstall:
    description:
      - With O(state=absent), objects that the program itself created, unknown to Helm, such as a Lease, each with C(api_version), C(kind) and C(name).
      - They are searched in O(namespace), and deleted only together with the release.
    type: list
    elements: dict
    default: []
  remove_crds:
    description: With O(state=absent), remove our CRDs of the chart (see O(labels)), unless they have objects left.
    type: bool
    default: false
  wait:
    description: Whether to wait until the workloads run, the webhooks answer and O(admission_probes) are accepted. RV(ready) returns whether they are.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for Helm, and then for readiness.
    type: int
    default: 180
  helm:
    description: The Helm 3 binary.
    type: str
    default: helm
attributes:
  check_mode:
    description: Reports exactly what would change.
    support: full
  diff_mode:
    description: The objects that would change, before and after. Values of Secrets are hidden.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Install the AWS Load Balancer Controller
  meshgate.eks_istio.helm_release:
    name: aws-load-balancer-controller
    namespace: kube-system
    chart: aws-load-balancer-controller
    repository: https://aws.github.io/eks-charts
    version: 3.2.2
    values:
      clusterName: sandbox
      keepTLSSecret: true

- name: Remove the release unless it still has something to clean up
  meshgate.eks_istio.helm_release:
    name: aws-load-balancer-controller
    namespace: kube-system
    state: absent
    finalizers: [ingress.k8s.aws]
    finalizer_kinds:
      - {api_version: networking.k8s.io/v1, kind: Ingress}
"""

RETURN = r"""
reasons:
  description: Why Helm ran or would run; empty if nothing differs.
  returned: always
  type: list
  elements: str
  sample: ["Deployment kube-system/aws-load-balancer-controller: update"]
resources:
  description: The objects that differ, and what is done to each.
  returned: always
  type: list
  elements: dict
  sample: [{api_version: apps/v1, kind: Deployment, namespace: kube-system, name: aws-load-balancer-controller, action: update}]
revision:
  description: The release's revision, 0 if there is none.
  returned: always
  type: int
chart_version:
  description: The version of the installed chart.
  returned: always
  type: str
  sample: 3.2.2
app_version:
  description: The app version of the installed chart.
  returned: always
  type: str
  sample: v3.2.2
ready:
  description: Whether all conditions are met. In check mode, whether they are met now.
  returned: always
  type: bool
waited:
  description: Seconds until it was ready.
  returned: O(state=present)
  type: float
command:
  description: The Helm command that was run, or the one that failed.
  returned: when Helm was run
  type: list
  elements: str
stdout:
  description: The command's output.
  returned: when Helm was run
  type: str
stderr:
  description: The command's error output.
  returned: when Helm was run
  type: str
causes:
  description:
    - On failure, the pods that do not run, their last warnings and last log lines, and the message of a readiness gate that blocks a pod.
    - If an uninstallation does not finish, the remaining objects and what blocks their deletion.
  returned: when the release is not ready in time, or Helm itself failed
  type: list
  elements: str
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.helm_release import act, unreachable
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run


def main() -> None:
    module = kube_module(
        {
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "chart": {"type": "str", "default": ""},
            "repository": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "values": {"type": "dict", "default": {}},
            "labels": {"type": "dict", "default": {}},
            "adopt": {"type": "bool", "default": False},
            "admission_probes": {"type": "list", "elements": "dict", "default": []},
            "finalizers": {"type": "list", "elements": "str", "default": []},
            "finalizer_kinds": {"type": "list", "elements": "dict", "default": []},
            "delete_after_uninstall": {"type": "list", "elements": "dict", "default": []},
            "remove_crds": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 180},
            "helm": {"type": "str", "default": "helm"},
        },
        required_if=[("state", "present", ["chart"]), ("remove_crds", True, ["chart"])],
    )
    params = module.params
    run(
        module,
        lambda api, access: act(api, access, params, module.check_mode),
        lambda error: unreachable(params, error),
        what=f"release {params['name']}",
    )


if __name__ == "__main__":
    main()
