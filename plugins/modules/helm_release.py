#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Helm release whose change is measured against the cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: helm_release
author: The meshgate authors (@meshgate)
short_description: Install a Helm release, measuring change against the cluster
version_added: "0.1.0"
description:
  - Renders the chart as an install would, asks the API server by a server-side dry run what that would change, and runs
    C(helm upgrade --install) only if it would change something.
    An object that was edited or deleted by hand is therefore seen, named, and repaired, which comparing versions and values does not do.
  - Applies the chart's CRDs server-side first. Helm installs CRDs once and never upgrades them.
  - A release that a killed Helm left in C(pending-install), C(pending-upgrade), C(pending-rollback) or C(uninstalling) is taken up again.
  - Waits until the workloads are rolled out, the Services behind the chart's admission webhooks have ready endpoints, and the objects of
    O(accepted) pass a server-side dry run.
  - In check mode, a cluster that does not answer is reported as a change, since an install would follow.
options:
  name:
    description: The release.
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
    description: A chart's folder, archive, or name in O(repository). Needed for O(state=present), and for O(remove_crds=true).
    type: str
    default: ""
  repository:
    description: Address of the Helm repository that holds O(chart).
    type: str
    default: ""
  version:
    description: The chart's version, where O(chart) is not a folder.
    type: str
    default: ""
  values:
    description: The chart's values.
    type: dict
    default: {}
  labels:
    description:
      - Ownership. A release whose workloads do not carry these labels belongs to somebody else, is not changed unless O(adopt=true), and never removed.
      - The module does not set them, the chart's values do.
    type: dict
    default: {}
  adopt:
    description: Take over a release that does not carry O(labels).
    type: bool
    default: false
  accepted:
    description: Objects that the API server and its webhooks must accept in a server-side dry run before the release counts as ready.
    type: list
    elements: dict
    default: []
  finalizers:
    description:
      - With O(state=absent), refuse while an object of O(finalizer_kinds) holds a finalizer that contains one of these strings.
      - Such an object could never be deleted once the controller is gone.
    type: list
    elements: str
    default: []
  finalizer_kinds:
    description: Kinds that O(finalizers) are looked for in, each with C(api_version) and C(kind).
    type: list
    elements: dict
    default: []
  leftovers:
    description:
      - With O(state=absent), objects that the program made itself and Helm does not know, such as a Lease, each with C(api_version), C(kind) and C(name).
      - They are looked for in O(namespace), and go only together with the release.
    type: list
    elements: dict
    default: []
  remove_crds:
    description: With O(state=absent), remove the chart's CRDs, unless objects of them are left.
    type: bool
    default: false
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
    description: Says what would change, exactly.
    support: full
  diff_mode:
    description: The objects that would change, before and after. Values of Secrets are hidden.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
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

- name: Remove it, unless it still has something to clean up
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
  description: Why Helm was run or would be; empty if nothing differs.
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
  description: The version of the program that the installed chart names.
  returned: always
  type: str
  sample: v3.2.2
ready:
  description: Whether everything that was waited for is so. In check mode, whether it is so now.
  returned: always
  type: bool
waited:
  description: Seconds that readiness took.
  returned: O(state=present)
  type: float
command:
  description: The Helm command that was run, or the one that failed.
  returned: when Helm was run
  type: list
  elements: str
stdout:
  description: What that command said.
  returned: when Helm was run
  type: str
stderr:
  description: What that command said on its error stream.
  returned: when Helm was run
  type: str
causes:
  description: On failure, the pods that do not run, their last warnings and last log lines.
  returned: when the release is not ready in time
  type: list
  elements: str
"""

import os
import tempfile
import typing as t
from contextlib import suppress

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import crds as definitions
from ansible_collections.meshgate.eks_istio.plugins.module_utils import helm_drift, kube_ready
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL
from ansible_collections.meshgate.eks_istio.plugins.module_utils.object_diff import diffs
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Change, Manifest, apply, changed, delete, plan, plan_delete

with suppress(ImportError):  # as safe_yaml says
    import yaml

CRD_MANAGER = "meshgate"


class Refused(Exception):
    """What was asked for would harm something."""


def look(api: KubeApi, helm: helm_drift.Helm) -> tuple[helm_drift.Release | None, list[Manifest], list[Manifest], list[Change], list[Change]]:
    """Helm's record, the chart's CRDs, its other objects, and what applying both would change."""
    version = api.request("GET", "/version")["gitVersion"]
    groups = api.request("GET", "/apis")["groups"]
    api_versions = ["v1", *(v["groupVersion"] for group in groups for v in group["versions"])]
    questions: list[t.Callable[[], t.Any]] = [lambda: helm.release(api), helm.crds, lambda: helm.render(version, api_versions)]
    release, crds, rendered = api.map(lambda question: question(), questions)
    rendered = helm_drift.with_namespace(api, rendered, helm.namespace)
    recorded = helm_drift.with_namespace(api, release.manifests, helm.namespace) if release else []
    changes = plan(api, rendered, "helm") + helm_drift.dropped(recorded, rendered)
    live = definitions.live_crds(api, [crd["metadata"]["name"] for crd in crds])
    return release, crds, rendered, definitions.plan_crds(api, crds, CRD_MANAGER, live), changes


def readiness(api: KubeApi, rendered: list[Manifest], accepted: list[Manifest]) -> list[tuple[str, t.Callable[[], str]]]:
    services = kube_ready.webhook_services(rendered)
    return [
        ("workloads", lambda: kube_ready.workloads_state(api, rendered)),
        ("webhooks", lambda: kube_ready.endpoints_state(api, services)),
        ("admission", lambda: kube_ready.accepted_state(api, accepted)),
    ]


def present(api: KubeApi, helm: helm_drift.Helm, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    release, crds, rendered, crd_changes, changes = look(api, helm)
    if release and not params["adopt"] and release.manifests and not helm_drift.carries(release.manifests, params["labels"]):
        wanted = ", ".join(f"{k}={v}" for k, v in params["labels"].items())
        raise Refused(
            f"release {helm.name} in {helm.namespace} was not installed by us: its workloads lack the label {wanted}; remove it, or take it over with adopt"
        )
    recorded_same = release is not None and helm_drift.same_record(release.manifests, rendered)
    why = helm_drift.reasons(release, recorded_same, changes)
    all_changes = crd_changes + changes
    differing = [change.summary() for change in all_changes if change.action != "unchanged"]
    result: dict[str, t.Any] = {
        "changed": bool(why) or changed(crd_changes),
        "reasons": [f"{c.id}: {c.action}" for c in crd_changes if c.action != "unchanged"] + why,
        "resources": differing,
        "diff": diffs(all_changes),
        "revision": release.revision if release else 0,
        "chart_version": release.chart_version if release else "",
        "app_version": release.app_version if release else "",
        "waited": 0.0,
    }
    if check_mode:
        return {**result, "ready": bool(release) and not any(state() for _what, state in readiness(api, rendered, params["accepted"]))}

    if changed(crd_changes):
        report(f"{helm.name}: applying {len(crds)} CRDs")
        apply(api, crds, CRD_MANAGER)
    if crds:
        kube_ready.await_true("CRDs", lambda: kube_ready.established_state(api, crds), params["timeout"])
    if why:
        report(f"{helm.name}: helm upgrade --install")
        if release and release.interrupted:
            helm.forget(api, release)
        answer = helm.install()
        result.update(stdout=answer.stdout, stderr=answer.stderr, command=[helm.binary, "upgrade", helm.name, helm.chart])
        # Rendered anew, since what a chart makes up (certificates) is now what Helm wrote.
        release, _crds, rendered, _crd_changes, changes = look(api, helm)
        # Helm leaves custom resources alone that were edited since, when the chart did not change.
        left = {change.id for change in changes if change.action in ("create", "update")}
        apply(api, [m for m in rendered if definitions.name_of(m) in left], "helm")
        if release:
            result.update(revision=release.revision, chart_version=release.chart_version, app_version=release.app_version)
    for what, state in readiness(api, rendered, params["accepted"]):
        result["waited"] += kube_ready.await_true(f"{helm.name}, {what}", state, params["timeout"], why=lambda: kube_ready.causes(api, rendered))
    return {**result, "ready": True}


def absent(api: KubeApi, helm: helm_drift.Helm, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    release = helm.release(api)
    ours = release is not None and helm_drift.carries(release.manifests, params["labels"])
    held = holders(api, params["finalizers"], params["finalizer_kinds"])
    crds = list(definitions.live_crds(api, [crd["metadata"]["name"] for crd in helm.crds()]).values()) if params["remove_crds"] else []
    if release and not ours:
        crds = []
    left = [item for crd in crds for item in objects_of(api, crd)]
    obstacles = []
    if held and (ours or crds):
        obstacles.append(f"{helm.name} still has to clean up after {', '.join(held)}; delete them first, they could not be deleted without it")
    if left:
        obstacles.append(f"the CRDs of {helm.name} cannot be removed, objects of them are left: {', '.join(left)}")
    if obstacles and not check_mode:  # what was to delete them before did so in check mode, too
        raise Refused("; ".join(obstacles))
    gone = [definitions.brief(change) for change in plan_delete([*(release.manifests if release and ours else []), *crds])]
    result: dict[str, t.Any] = {
        "changed": bool(gone),
        "reasons": ([f"the release is {release.status}"] if release and ours else []) + obstacles,
        "resources": [change.summary() for change in gone],
        "diff": diffs(gone),
        "revision": release.revision if release else 0,
        "chart_version": release.chart_version if release else "",
        "app_version": release.app_version if release else "",
        "ready": True,
    }
    if check_mode:
        return result
    if release and ours:
        report(f"{helm.name}: helm uninstall")
        answer = helm.uninstall()
        result.update(stdout=answer.stdout, stderr=answer.stderr, command=[helm.binary, "uninstall", helm.name])
        for item in params["leftovers"]:
            api.delete(item["api_version"], item["kind"], item["name"], helm.namespace)
    delete(api, crds)
    return result


def holders(api: KubeApi, finalizers: list[str], kinds: list[dict[str, str]]) -> list[str]:
    found = []
    for kind in kinds if finalizers else []:
        for item in api.find(kind["api_version"], kind["kind"]):
            metadata = item["metadata"]
            if any(part in finalizer for part in finalizers for finalizer in metadata.get("finalizers") or []):
                found.append(definitions.name_of(item))
    return found


def objects_of(api: KubeApi, crd: Manifest) -> list[str]:
    """The chart's own parameters object goes with the release."""
    managed_by = "app.kubernetes.io/managed-by"
    return [definitions.name_of(item) for item in definitions.objects_of(api, crd) if (item["metadata"].get("labels") or {}).get(managed_by) != "Helm"]


def unreachable(params: dict[str, t.Any], error: KubeError) -> dict[str, t.Any]:
    present_wanted = params["state"] == "present"
    return {
        "changed": present_wanted,
        "msg": f"release {params['name']} would be installed; the cluster does not answer yet: {error}" if present_wanted else "there is no cluster",
        "reasons": ["the cluster does not answer yet"] if present_wanted else [],
        "resources": [],
        "revision": 0,
        "chart_version": "",
        "app_version": "",
        "ready": not present_wanted,
        "waited": 0.0,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "chart": {"type": "str", "default": ""},
            "repository": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "values": {"type": "dict", "default": {}},
            "labels": {"type": "dict", "default": {}},
            "adopt": {"type": "bool", "default": False},
            "accepted": {"type": "list", "elements": "dict", "default": []},
            "finalizers": {"type": "list", "elements": "str", "default": []},
            "finalizer_kinds": {"type": "list", "elements": "dict", "default": []},
            "leftovers": {"type": "list", "elements": "dict", "default": []},
            "remove_crds": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 180},
            **KUBECTL,
            "helm": {"type": "str", "default": "helm"},
        },
        required_if=[("state", "present", ["chart"]), ("remove_crds", True, ["chart"])],
        supports_check_mode=True,
    )
    params = module.params
    # 0600: values may hold secrets.
    handle, values_file = tempfile.mkstemp(prefix="meshgate-values-", suffix=".yaml")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        yaml.safe_dump(params["values"], stream)
    module.add_cleanup_file(values_file)
    helm = helm_drift.Helm(
        name=params["name"],
        namespace=params["namespace"],
        chart=params["chart"],
        repository=params["repository"],
        version=params["version"],
        values_file=values_file,
        binary=params["helm"],
        kubeconfig=params["kubeconfig"],
        context=params["context"],
        timeout=params["timeout"],
    )
    act = present if params["state"] == "present" else absent
    try:
        with KubeApi(params["kubectl"], params["kubeconfig"], params["context"]) as api:
            module.exit_json(**act(api, helm, params, module.check_mode))
    except KubeError as error:
        if error.status == 0 and module.check_mode:
            module.exit_json(**unreachable(params, error))
        module.fail_json(msg=f"release {params['name']}: {error}")
    except helm_drift.HelmError as error:
        module.fail_json(msg=str(error), command=error.command, stdout=error.stdout, stderr=error.stderr)
    except kube_ready.NotReady as error:
        module.fail_json(msg="; ".join([str(error), *error.causes]), causes=error.causes)
    except Refused as refused:
        module.fail_json(msg=str(refused))


if __name__ == "__main__":
    main()
