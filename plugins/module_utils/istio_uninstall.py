# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Taking Istio out: one revision or all of it, the CRDs only when asked, and what stays."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.meshgate.eks_istio.plugins.module_utils import istio_operator
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio_install import NAMESPACE, OWNERSHIP
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istioctl import Istioctl, IstioError, last_error
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_ready import WORKLOADS
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import Waiting
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Change, Manifest, delete, plan_delete

# A revision's own components; the rest ("Base") is shared, and goes with a purge only.
_REVISIONED = "Pilot,IngressGateways,EgressGateways,Cni,Ztunnel"
_REVISIONED_SELECTOR = istio_operator.COMPONENT + " in (" + _REVISIONED + ")"
# The default tag's webhook carries no component, so that istioctl's purge leaves it to point at nothing.
_TAG_SELECTOR = "istio.io/tag"
# istiod makes these itself, without a label, and leaves them behind: the Gateway API's CRDs could not go then.
_CLASSES = ("istio", "istio-remote", "istio-waypoint", "istio-east-west")


@dataclass
class Removal:
    namespace: str = "istio-system"
    revision: str = ""
    purge: bool = False
    remove_crds: bool = False
    prerequisites: list[Manifest] = field(default_factory=list)
    grace: int | None = None
    timeout: int = 300
    force: bool = False
    wait: bool = True


@dataclass
class Result:
    changed: bool = False
    changes: list[Change] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""
    version_before: str = ""
    stays: list[str] = field(default_factory=list)


def run(removal: Removal, istioctl: Istioctl, api: KubeApi, check: bool) -> Result:
    result = Result()
    objects = owned(api, removal)
    ours = [live for live in (ours_of(api, manifest) for manifest in reversed(removal.prerequisites)) if live]
    if not removal.purge:
        ours = not_shared(api, removal, ours)
    if not removal.wait:
        return _without_waiting(removal, api, objects, ours, result, check)
    result.version_before = next((v for item in objects if (v := _labels(item).get(istio_operator.VERSION))), "")
    classes = own_classes(api) if removal.purge else []
    result.changes = plan_delete([*objects, *ours, *classes])
    result.changed = bool(result.changes)
    if not check and result.changed:
        if objects:
            _uninstall(removal, istioctl, api, objects, result)
            if removal.grace is not None:
                _hasten(api, objects, removal.grace)
            _await_gone(api, objects, removal.timeout)
        # A namespace whose pods still end is looked at again only after their whole time.
        delete(api, [*ours, *classes], propagation="Foreground")
        _await_gone(api, [*ours, *classes], removal.timeout)
    result.stays = stays(api, removal, [] if not check else [*objects, *ours])
    return result


def _without_waiting(removal: Removal, api: KubeApi, objects: list[Manifest], ours: list[Manifest], result: Result, check: bool) -> Result:
    """The cluster itself is about to go: ask for the removal and go on. istioctl would wait for what nobody needs."""
    ending = {item["metadata"]["name"] for item in ours if item["kind"] == "Namespace" and item["metadata"].get("deletionTimestamp")}
    objects, ours = ([item for item in items if _lives(item, ending)] for items in (objects, ours))
    result.version_before = next((v for item in objects if (v := _labels(item).get(istio_operator.VERSION))), "")
    result.changes = plan_delete([*objects, *ours])
    result.changed = bool(result.changes)
    # A namespace takes what is in it along. Webhooks go first: they would hold up what changes while their servers end.
    namespaces = {item["metadata"]["name"] for item in ours if item["kind"] == "Namespace"}
    singly = [item for item in [*objects, *ours] if item["kind"] != "Namespace" and item["metadata"].get("namespace") not in namespaces]
    webhooks = [item for item in singly if item["kind"].endswith("WebhookConfiguration")]
    rest = [item for item in singly if item not in webhooks]
    for batch in [] if check else [webhooks, rest, [item for item in ours if item["kind"] == "Namespace"]]:
        api.map(lambda item: delete(api, [item]), batch)
    result.stays = stays(api, removal, [*objects, *ours])
    return result


def _lives(item: Manifest, ending: set[str]) -> bool:
    metadata = item["metadata"]
    return not metadata.get("deletionTimestamp") and metadata.get("namespace") not in ending


def owned(api: KubeApi, removal: Removal) -> list[Manifest]:
    """What istioctl would remove; for a purge also the default tag's webhook, which it forgets."""
    kinds = istio_operator.NAMESPACED_KINDS + istio_operator.CLUSTER_KINDS
    if not removal.purge:
        revision = f"{istio_operator.REVISION}={removal.revision or 'default'}"
        return istio_operator.find(api, f"{revision},{_REVISIONED_SELECTOR}", kinds) + istio_operator.find(api, f"{revision},{_TAG_SELECTOR}", kinds[-4:-3])
    found = istio_operator.find(api, istio_operator.COMPONENT, (*kinds, *([istio_operator.CRD] if removal.remove_crds else [])))
    known = {istio_operator.identity(item) for item in found}
    tags = istio_operator.find(api, _TAG_SELECTOR, istio_operator.CLUSTER_KINDS[:2])
    return found + [item for item in tags if istio_operator.identity(item) not in known]


def ours_of(api: KubeApi, manifest: Manifest) -> Manifest | None:
    """The live object of a prerequisite, if it carries the same ownership label."""
    metadata = manifest["metadata"]
    live = api.get(manifest["apiVersion"], manifest["kind"], metadata["name"], metadata.get("namespace"))
    owner = _labels(manifest).get(OWNERSHIP)
    if live is None or not owner or _labels(live).get(OWNERSHIP) != owner:
        return None
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], **live}


def own_classes(api: KubeApi) -> list[Manifest]:
    found = api.find("gateway.networking.k8s.io/v1", "GatewayClass")
    return [item for item in found if item["metadata"]["name"] in _CLASSES and str(item["spec"].get("controllerName")).startswith("istio.io/")]


def not_shared(api: KubeApi, removal: Removal, ours: list[Manifest]) -> list[Manifest]:
    """Of the prerequisites, those in whose namespace nothing of another revision is: that one needs them still."""
    others = {
        item["metadata"].get("namespace")
        for item in istio_operator.find(api, istio_operator.COMPONENT, istio_operator.NAMESPACED_KINDS)
        if _labels(item).get(istio_operator.REVISION) != (removal.revision or "default")
    }
    return [item for item in ours if (item["metadata"]["name"] if item["kind"] == "Namespace" else item["metadata"].get("namespace")) not in others]


def _uninstall(removal: Removal, istioctl: Istioctl, api: KubeApi, objects: list[Manifest], result: Result) -> None:
    # istioctl's purge takes the CRDs, and with them every user's routes: unless that is wanted, it goes revision by revision.
    targets: list[str | None]
    if removal.purge and removal.remove_crds:
        targets = [None]
    elif removal.purge:
        targets = [*sorted({revision for item in objects if item["kind"] == "Deployment" and (revision := _labels(item).get(istio_operator.REVISION))})]
    else:
        targets = [removal.revision or "default"]
    for target in targets:
        command, answer = istioctl.uninstall(target, removal.force)
        result.commands.append(command)
        result.stdout += answer.stdout
        result.stderr += answer.stderr
        if answer.rc and "could not find target revision" not in answer.stdout + answer.stderr:
            raise IstioError(f"istioctl uninstall failed: {last_error(answer)}", command=command, stdout=answer.stdout, stderr=answer.stderr)
    delete(api, owned(api, removal), propagation="Foreground")


def _hasten(api: KubeApi, objects: list[Manifest], grace: int) -> None:
    """Nobody sends requests any more: there is nothing to drain for."""
    for item in objects:
        if item["kind"] in WORKLOADS:
            selector = ",".join(f"{k}={v}" for k, v in item["spec"]["selector"]["matchLabels"].items())
            for pod in api.find("v1", "Pod", item["metadata"]["namespace"], labels=selector):
                api.delete("v1", "Pod", pod["metadata"]["name"], item["metadata"]["namespace"], grace=grace)


def _await_gone(api: KubeApi, items: list[Manifest], timeout: float) -> None:
    waiting = Waiting("removal of Istio")
    while left := [item for item in items if _still(api, item)]:
        names = ", ".join(f"{item['kind']} {item['metadata']['name']}" for item in left[:3])
        waiting.saw(f"{len(left)} objects left: {names}")
        if waiting.elapsed > timeout:
            raise IstioError(f"not gone after {timeout:.0f} s: {names}{_blockers(api, left)}")
        time.sleep(0.5)
        items = left


def _still(api: KubeApi, item: Manifest) -> bool:
    metadata = item["metadata"]
    live = api.get(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace"))
    return live is not None and live["metadata"]["uid"] == metadata["uid"]


def _blockers(api: KubeApi, items: list[Manifest]) -> str:
    """What a namespace that will not go says of itself."""
    found = []
    for item in items:
        live: dict[str, t.Any] = api.get(*NAMESPACE, item["metadata"]["name"]) or {} if item["kind"] == "Namespace" else {}
        conditions = (live.get("status") or {}).get("conditions") or []
        found += [c["message"] for c in conditions if c.get("status") == "True" and c.get("message")]
    return "".join(f"\n  {line}" for line in found)


def stays(api: KubeApi, removal: Removal, going: list[Manifest]) -> list[str]:
    """What a person may want to know is still there."""
    gone = {istio_operator.identity(item) for item in going}
    found = []
    if api.get(*NAMESPACE, removal.namespace) and ("v1", "Namespace", "", removal.namespace) not in gone:
        found.append(f"Namespace {removal.namespace}")
    names = [item["metadata"]["name"] for item in api.find(*istio_operator.CRD) if istio_operator.identity(item) not in gone]
    for group in ("istio.io", "gateway.networking.k8s.io"):
        count = sum(1 for name in names if name.endswith("." + group))
        if count:
            found.append(f"{count} CustomResourceDefinitions of {group}")
    return found


def _labels(item: Manifest) -> dict[str, str]:
    return item["metadata"].get("labels") or {}
