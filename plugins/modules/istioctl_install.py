#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage Istio with istioctl."""

from __future__ import annotations

DOCUMENTATION = r"""
module: istioctl_install
author: The meshgate authors (@meshgate)
short_description: Manage Istio with istioctl
version_added: "0.1.0"
description:
  - Installs or changes Istio according to an IstioOperator specification, only if something differs.
  - The specification is rendered by C(istioctl manifest generate --cluster-specific) and compared with the cluster in
    a server-side dry run under istioctl's own field manager. Live objects of the same owner that are no longer in the specification are part of the
    difference, and so is what istioctl creates besides, such as the webhook and the Service of the tag C(default). Check mode and diff therefore report
    exactly what a run would do, which C(istioctl install --dry-run) does not.
  - Manual additions to an object are part of the difference and are removed, with the exceptions that M(meshgate.eks_istio.k8s_apply_set) lists.
  - Before an install, C(istioctl x precheck) runs, version skew and downgrades are refused, and so are namespaces whose labels keep a
    gateway's proxy from being injected.
  - An IstioOperator without a control plane, such as one with only gateways, does not change the tag C(default) and its webhooks.
  - A revision that a tag points to, or whose proxies run, is not removed unless options allow it. An Istio without O(labels) is neither changed nor removed.
  - On failure, the message contains what is not ready, its pods' warnings and their last log lines.
options:
  state:
    description:
      - V(absent) removes the objects of the IstioOperator O(name) in the revision, or with O(purge) all of Istio.
      - V(absent) ignores O(spec), O(values), O(files), O(version), O(readiness_gates) and O(known_target_groups), since nothing is rendered.
    type: str
    choices: [present, absent]
    default: present
  spec:
    description: The C(spec) of an IstioOperator.
    type: dict
    default: {}
  values:
    description: Helm values, merged over C(values) in O(spec).
    type: dict
    default: {}
  files:
    description: IstioOperator files, applied before O(spec), in order.
    type: list
    elements: path
    default: []
  name:
    description: The name of the IstioOperator. With namespace and revision it identifies the objects to own, prune and remove. Not together with O(purge).
    type: str
    default: installed-state
  revision:
    description: The control plane's revision. Defaults to the one without a name. Not together with O(purge).
    type: str
    default: ""
  version:
    description: The required version of istioctl, since it installs its own. Empty for any.
    type: str
    default: ""
  istio_namespace:
    description: The control plane's namespace.
    type: str
    default: istio-system
  prerequisites:
    description:
      - Manifests that must exist before a gateway's pods, such as its namespace with labels, or the Ingress in front of it.
      - Namespaces are applied first, then the Services that an Ingress among them refers to, as istioctl renders them, then the rest.
      - With O(state=absent), those that carry the label C(meshgate.io/cluster) with the manifest's value are deleted. Without O(purge), a
        namespace that another revision uses stays, with its objects.
      - An existing namespace without that label gets the manifest's labels, but is never adopted.
    type: list
    elements: dict
    default: []
  labels:
    description:
      - Ownership. Deployments and DaemonSets get these labels, and an Istio whose workloads lack them belongs to someone else; it is reported, and neither
        overwritten nor removed unless O(adopt) is set. The same holds for an existing object of O(prerequisites) without its manifest's label
        C(meshgate.io/cluster).
      - An Istio that was installed before these labels existed counts as labelled if its namespace is, as long as no workload is.
      - With O(wait=false), what others own is not refused but left, since it is deleted with the cluster.
      - Without labels, ownership is not checked.
    type: dict
    default: {}
  adopt:
    description: Adopt, or remove, an Istio that does not carry O(labels).
    type: bool
    default: false
  tags_to:
    description:
      - With O(state=absent), the revision to move the tags of the removed one to, as C(istioctl tag set TAG --overwrite) does.
      - If unset, tags block a removal, since pods in their namespaces would no longer get a sidecar.
    type: str
    default: ""
  remove_used:
    description:
      - With O(state=absent), remove the revision even if tags point to it, or remaining proxies get their configuration from it. The tags are removed, too.
      - With O(wait=false) neither is checked.
    type: bool
    default: false
  readiness_gates:
    description:
      - Whether pods behind the Ingresses of O(prerequisites) get readiness gates for the health of their target group.
      - Waits for the TargetGroupBinding before the pods are created, and restarts a Deployment once if its pods are older.
    type: bool
    default: false
  known_target_groups:
    description:
      - ARNs of the target groups of these Ingresses' load balancer. A TargetGroupBinding of the controller to another one is left over
        from a deleted load balancer, and is deleted, since the controller cannot replace it.
      - If unset, none is deleted.
    type: list
    elements: str
  readiness_timeout:
    description: Seconds to wait for each component, for a target group and for a removal.
    type: int
    default: 300
  force:
    description: Proceed despite a downgrade, a skipped minor version, or errors of precheck and validation.
    type: bool
    default: false
  purge:
    description: With O(state=absent), remove every revision and what they share, of any IstioOperator.
    type: bool
    default: false
  remove_crds:
    description: With O(purge), also remove Istio's CRDs, and with them everyone's routes and policies.
    type: bool
    default: false
  wait:
    description:
      - With O(state=absent), whether to wait until everything is deleted. If V(false), C(istioctl) is not used; the same objects and the namespaces are deleted
        in the background. That is enough if the cluster is deleted next.
    type: bool
    default: true
  grace_period:
    description: With O(state=absent), the grace period of the removed pods in seconds. Defaults to their own, in which gateways drain.
    type: int
  istioctl:
    description: The istioctl binary. Its version is installed.
    type: str
    default: istioctl
attributes:
  check_mode:
    description: Compares in the API server's own dry run. A cluster that does not answer counts as one that does not exist yet.
    support: full
  diff_mode:
    description: Shows every object that differs. Never shows a Secret's values, and only the versions of a new CRD.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Install Istio's control plane
  meshgate.eks_istio.istioctl_install:
    spec:
      profile: minimal
      meshConfig:
        accessLogFile: /dev/stdout
    values:
      pilot:
        autoscaleEnabled: false

- name: Install another revision beside it
  meshgate.eks_istio.istioctl_install:
    spec:
      profile: minimal
    revision: canary

- name: Remove that revision
  meshgate.eks_istio.istioctl_install:
    state: absent
    revision: canary

- name: Remove it and point the tag default back to the revision without a name
  meshgate.eks_istio.istioctl_install:
    state: absent
    revision: canary
    tags_to: default

- name: Remove all of Istio but keep its CRDs
  meshgate.eks_istio.istioctl_install:
    state: absent
    purge: true
"""

RETURN = r"""
resources:
  description: Every object of the specification, and what was (or in check mode would be) done to it.
  returned: always
  type: list
  elements: dict
  contains:
    api_version:
      description: Its API version.
      type: str
    kind:
      description: Its kind.
      type: str
    namespace:
      description: Its namespace, empty for cluster-wide objects.
      type: str
    name:
      description: Its name.
      type: str
    action:
      description: One of create, update, delete, restart and unchanged.
      type: str
version_before:
  description: The version of the control plane that ran before, empty if none did.
  returned: always
  type: str
  sample: 1.30.2
version_after:
  description: The version that runs now, which is istioctl's. Empty after a removal.
  returned: always
  type: str
  sample: 1.31.1
components:
  description: The components that the specification renders.
  returned: when state is present
  type: list
  elements: str
  sample: [Base, IngressGateways, Pilot]
stays:
  description: What stays in the cluster.
  returned: when state is absent
  type: list
  elements: str
  sample: ["Namespace istio-system", "14 CustomResourceDefinitions of istio.io"]
command:
  description: The istioctl command that changed the cluster; empty if none was needed. The last one, if there were several.
  returned: always
  type: list
  elements: str
stdout:
  description: Its output.
  returned: always
  type: str
stderr:
  description: Its error output on failure.
  returned: always
  type: str
causes:
  description: Why something is not ready.
  returned: on failure to become ready
  type: list
  elements: str
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio.run import act, contradicts, unreachable
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run


def main() -> None:
    module = kube_module(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "spec": {"type": "dict", "default": {}},
            "values": {"type": "dict", "default": {}},
            "files": {"type": "list", "elements": "path", "default": []},
            "name": {"type": "str", "default": "installed-state"},
            "revision": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "istio_namespace": {"type": "str", "default": "istio-system"},
            "prerequisites": {"type": "list", "elements": "dict", "default": []},
            "labels": {"type": "dict", "default": {}},
            "adopt": {"type": "bool", "default": False},
            "tags_to": {"type": "str", "default": ""},
            "remove_used": {"type": "bool", "default": False},
            "readiness_gates": {"type": "bool", "default": False},
            "known_target_groups": {"type": "list", "elements": "str"},
            "readiness_timeout": {"type": "int", "default": 300},
            "force": {"type": "bool", "default": False},
            "purge": {"type": "bool", "default": False},
            "remove_crds": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "grace_period": {"type": "int"},
            "istioctl": {"type": "str", "default": "istioctl"},
        }
    )
    params = module.params
    contradiction = contradicts(params)
    if contradiction:
        module.fail_json(msg=contradiction)
    run(
        module,
        lambda api, access: act(api, access, params, module.check_mode, with_diff=module._diff),
        lambda error: unreachable(params, error),
    )


if __name__ == "__main__":
    main()
