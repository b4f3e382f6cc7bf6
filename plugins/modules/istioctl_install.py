#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Install, change or remove Istio with istioctl."""

from __future__ import annotations

DOCUMENTATION = r"""
module: istioctl_install
author: The meshgate authors (@meshgate)
short_description: Install, change or remove Istio with istioctl
version_added: "0.1.0"
description:
  - Brings Istio to an IstioOperator specification, and only when something differs.
  - What differs is measured. The specification is rendered by C(istioctl manifest generate --cluster-specific) and compared with the cluster by
    a server-side dry run under istioctl's own field manager. Live objects of the same owner that the specification no longer has are part of the
    difference. Check mode and diff therefore say exactly what a run would do, which C(istioctl install --dry-run) does not.
  - Before an install, C(istioctl x precheck) is asked, version skew and downgrades are refused, and so are namespaces whose labels keep a
    gateway's proxy from being injected.
  - A failure names what is not ready, its pods' warnings and their last log lines.
options:
  state:
    description: V(absent) removes the revision, or with O(purge) all of Istio.
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
    description: IstioOperator files, applied before O(spec), in their order.
    type: list
    elements: path
    default: []
  name:
    description: The name of the IstioOperator. Objects are owned, and pruned, by it, by the namespace and by the revision.
    type: str
    default: installed-state
  revision:
    description: The control plane's revision. Without it, the unnamed default one.
    type: str
    default: ""
  version:
    description: The version that istioctl must be of, since it installs its own. Empty for any.
    type: str
    default: ""
  istio_namespace:
    description: The control plane's namespace.
    type: str
    default: istio-system
  prerequisites:
    description:
      - Manifests that must exist before a gateway's pods do, such as its namespace with labels, or the Ingress in front of it.
      - Namespaces are applied first, then the Services that an Ingress among them refers to, as istioctl renders them, then the rest.
      - With O(state=absent) those of them go that carry the label C(meshgate.io/cluster) with the manifest's value. Without O(purge), what is in a
        namespace that another revision uses stays, and so does the namespace.
      - A namespace that exists without that label is labelled as asked, but never adopted.
    type: list
    elements: dict
    default: []
  readiness_gates:
    description:
      - Pods behind the Ingresses of O(prerequisites) must wait for the health of their target group.
      - Waits for the TargetGroupBinding before the pods are made, and rolls a Deployment once whose pods came earlier.
    type: bool
    default: false
  known_target_groups:
    description:
      - ARNs of the target groups that the load balancer of these Ingresses has. A TargetGroupBinding of the controller's to another one is left over
        from a load balancer that is gone, and is deleted, since the controller cannot replace it.
      - Without it, nothing is deleted.
    type: list
    elements: str
  readiness_timeout:
    description: Seconds to wait for each component, for a target group and for a removal.
    type: int
    default: 300
  force:
    description: Goes on despite a downgrade, a skipped minor version, errors of precheck and of validation.
    type: bool
    default: false
  purge:
    description: With O(state=absent), removes every revision and what they share.
    type: bool
    default: false
  remove_crds:
    description: With O(purge), also removes Istio's CRDs, and with them everybody's routes and policies.
    type: bool
    default: false
  wait:
    description:
      - With O(state=absent), whether to wait until everything is gone. Without it C(istioctl) is not asked; the same objects and the namespaces are deleted
        and end by themselves. That is enough for a cluster that goes next.
    type: bool
    default: true
  grace_period:
    description: With O(state=absent), the seconds that the removed pods get to end. Without it, those of their own, in which gateways drain.
    type: int
  istioctl:
    description: The istioctl binary. Its version is the one that gets installed.
    type: str
    default: istioctl
  kubectl:
    description: The kubectl binary, through which the cluster is read.
    type: str
    default: kubectl
  kubeconfig:
    description: The kubeconfig file. Without it, kubectl's own default holds.
    type: path
    default: ""
  context:
    description: The context in it. Without it, the current context.
    type: str
    default: ""
attributes:
  check_mode:
    description: Measures by the API server's own dry run. A cluster that does not answer counts as one that does not exist yet.
    support: full
  diff_mode:
    description: Shows every object that differs. A Secret's values are never shown, of a new CRD only its versions.
    support: full
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

- name: Remove all of Istio, keep its CRDs
  meshgate.eks_istio.istioctl_install:
    state: absent
    purge: true
"""

RETURN = r"""
resources:
  description: Every object of the specification, and what happened (or in check mode would happen) to it.
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
  description: What is left in the cluster.
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
  description: What it said.
  returned: always
  type: str
stderr:
  description: What it said when it failed.
  returned: always
  type: str
causes:
  description: Why something is not ready.
  returned: on failure to become ready
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import istio_install, istio_operator, istio_uninstall
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istioctl import Istioctl, IstioError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_ready import NotReady
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.object_diff import diffs


def present(module: AnsibleModule, istioctl: Istioctl, api: KubeApi) -> dict:
    params = module.params
    merged: dict = {}
    for spec in [*(document.get("spec") or {} for document in istio_install.operator_files(params["files"])), params["spec"]]:
        merged = istio_operator.deep_merge(merged, spec)
    wrong = istio_operator.problems(merged, params["revision"])
    if wrong:
        raise IstioError("; ".join(wrong))
    request = istio_install.Request(
        spec=params["spec"],
        values=params["values"],
        files=params["files"],
        name=params["name"],
        revision=params["revision"] or merged.get("revision") or "",
        version=params["version"],
        namespace=params["istio_namespace"],
        prerequisites=params["prerequisites"],
        readiness_gates=params["readiness_gates"],
        known_target_groups=params["known_target_groups"],
        readiness_timeout=params["readiness_timeout"],
        force=params["force"],
    )
    result = istio_install.Install(request, istioctl, api).run(module.check_mode)
    for warning in result.warnings:
        module.warn(warning)
    return {
        "changed": result.changed,
        "resources": result.resources(),
        "version_before": result.version_before,
        "version_after": result.version_after,
        "components": result.components,
        "command": result.command,
        "stdout": result.stdout,
        "stderr": result.stderr,
        **({"diff": diffs(result.changes)} if module._diff else {}),
    }


def absent(module: AnsibleModule, istioctl: Istioctl, api: KubeApi) -> dict:
    params = module.params
    removal = istio_uninstall.Removal(
        namespace=params["istio_namespace"],
        revision=params["revision"],
        purge=params["purge"],
        remove_crds=params["remove_crds"],
        prerequisites=params["prerequisites"],
        grace=params["grace_period"],
        timeout=params["readiness_timeout"],
        force=params["force"],
        wait=params["wait"],
    )
    result = istio_uninstall.run(removal, istioctl, api, module.check_mode)
    return {
        "changed": result.changed,
        "resources": [change.summary() for change in result.changes],
        "version_before": result.version_before,
        "version_after": "",
        "stays": result.stays,
        "command": (result.commands or [[]])[-1],
        "stdout": result.stdout,
        "stderr": result.stderr,
        **({"diff": diffs(result.changes)} if module._diff else {}),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "spec": {"type": "dict", "default": {}},
            "values": {"type": "dict", "default": {}},
            "files": {"type": "list", "elements": "path", "default": []},
            "name": {"type": "str", "default": "installed-state"},
            "revision": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "istio_namespace": {"type": "str", "default": "istio-system"},
            "prerequisites": {"type": "list", "elements": "dict", "default": []},
            "readiness_gates": {"type": "bool", "default": False},
            "known_target_groups": {"type": "list", "elements": "str"},
            "readiness_timeout": {"type": "int", "default": 300},
            "force": {"type": "bool", "default": False},
            "purge": {"type": "bool", "default": False},
            "remove_crds": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "grace_period": {"type": "int"},
            "istioctl": {"type": "str", "default": "istioctl"},
            **KUBECTL,
        },
        supports_check_mode=True,
    )
    params = module.params
    if params["remove_crds"] and not params["purge"]:
        module.fail_json(msg="remove_crds is true and purge false: the CRDs are shared by all revisions, so that they go with a purge only")
    istioctl = Istioctl(params["istioctl"], params["kubeconfig"] or "", params["context"], params["istio_namespace"])
    try:
        with KubeApi(params["kubectl"], params["kubeconfig"] or None, params["context"] or None) as api:
            api.request("GET", "/version")
            module.exit_json(**(present if params["state"] == "present" else absent)(module, istioctl, api))
    except IstioError as error:
        module.fail_json(msg=str(error), **error.details)
    except NotReady as error:
        module.fail_json(msg=f"{error}" + "".join(f"\n  {line}" for line in error.causes), causes=error.causes)
    except KubeError as error:
        if module.check_mode and error.status == 0:
            nothing = {"resources": [], "version_before": "", "version_after": "", "command": [], "stdout": "", "stderr": ""}
            module.exit_json(changed=params["state"] == "present", msg=f"would be installed once the cluster is there: {error}", **nothing)
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
