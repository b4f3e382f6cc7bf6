# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Removing Istio: one revision or all of it, the CRDs only on request, and what stays. Ownership and use are checked first."""

from __future__ import annotations

import os
import tempfile
import time
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field

from ..common.command import Answer
from ..common.ownership import OWNER_LABEL
from ..common.progress import Waiting
from ..kube.api import KubeApi
from ..kube.apply import Change, delete, plan_delete
from ..kube.objects import Manifest, identity, labels_of
from ..kube.ready import WORKLOADS
from . import operator as istio_operator
from . import ownership as istio_ownership
from . import users as istio_users
from .install import NAMESPACE
from .istioctl import Istioctl, IstioError, last_error

with suppress(ImportError):  # see safe_yaml
    import yaml

# A revision's own components; the rest ("Base") is shared, and deleted only by a purge.
_REVISIONED = "Pilot,IngressGateways,EgressGateways,Cni,Ztunnel"
_REVISIONED_SELECTOR = istio_operator.COMPONENT + " in (" + _REVISIONED + ")"
# A tag's webhook and Service have no component label if `istioctl tag set` created them, so istioctl would leave them behind, pointing at nothing.
_TAG_SELECTOR = istio_users.TAG
# istiod creates these itself, without a label, and leaves them behind: the Gateway API's CRDs could then not be deleted.
_CLASSES = ("istio", "istio-remote", "istio-waypoint", "istio-east-west")


@dataclass
class Removal:
    namespace: str = "istio-system"
    name: str = "installed-state"
    revision: str = ""
    purge: bool = False
    remove_crds: bool = False
    prerequisites: list[Manifest] = field(default_factory=list)
    grace: int | None = None
    timeout: int = 300
    force: bool = False
    wait: bool = True
    labels: dict[str, str] = field(default_factory=dict)
    adopt: bool = False
    tags_to: str = ""
    remove_used: bool = False

    @property
    def target(self) -> str:
        return self.revision or istio_users.DEFAULT


@dataclass
class Result:
    changed: bool = False
    changes: list[Change] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""
    version_before: str = ""
    stays: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def run(removal: Removal, istioctl: Istioctl, api: KubeApi, check: bool) -> Result:
    result = Result()
    objects, foreign = split(api, removal, owned(api, removal))
    ours = [live for live in (ours_of(api, manifest) for manifest in reversed(removal.prerequisites)) if live]
    if not removal.purge:
        ours = not_shared(api, removal, ours)
    if not removal.wait:
        return _without_waiting(removal, api, objects, ours, foreign, result, check)
    if foreign:
        raise IstioError(istio_ownership.refusal(foreign, removal.labels, "removed"))
    tags = [item for item in objects if istio_users.TAG in labels_of(item)] if removal.tags_to else []
    objects = [item for item in objects if item not in tags]
    refuse_used(api, removal, objects, tags)
    result.version_before = next((v for item in objects if (v := labels_of(item).get(istio_operator.VERSION))), "")
    classes = own_classes(api) if removal.purge else []
    result.changes = [*(_moved(item, removal.tags_to) for item in tags), *plan_delete([*objects, *ours, *classes])]
    result.changed = bool(result.changes)
    result.warnings = without_injector(api, removal, objects)
    if not check and result.changed:
        for tag in sorted({labels_of(item)[istio_users.TAG] for item in tags}):
            _done(istioctl.set_tag(tag, removal.tags_to), result)
        if objects:
            _uninstall(removal, istioctl, api, objects, result)
            if removal.grace is not None:
                _hasten(api, objects, removal.grace)
            _await_gone(api, objects, removal.timeout)
        # Namespaces with terminating pods are checked again only after their whole grace period.
        delete(api, [*ours, *classes], propagation="Foreground")
        _await_gone(api, [*ours, *classes], removal.timeout)
    result.stays = stays(api, removal, [] if not check else [*objects, *ours])
    return result


def split(api: KubeApi, removal: Removal, objects: list[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    """What we can remove, and workloads of others among it. With these, the objects of their revision and shared ones stay, too."""
    foreign = [] if removal.adopt else istio_ownership.foreign(api, objects, removal.labels)
    if not foreign:
        return objects, []
    if not removal.adopt and all(item in foreign for item in objects if item["kind"] in WORKLOADS):
        return [], foreign
    theirs = {istio_ownership.revision_of(item) for item in foreign}
    mine = [item for item in objects if istio_ownership.revision_of(item) not in theirs and labels_of(item).get(istio_operator.COMPONENT) != "Base"]
    return [item for item in mine if item["kind"] != istio_operator.CRD[1]], foreign


def refuse_used(api: KubeApi, removal: Removal, objects: list[Manifest], tags: list[Manifest]) -> None:
    """A revision with tags or attached proxies is not removed without permission."""
    if removal.tags_to and tags and (removal.tags_to == removal.target or not istio_users.takes_over(api, removal.tags_to)):
        known = sorted({istio_ownership.revision_of(item) for item in istio_users.control_planes(api)} - {removal.target})
        raise IstioError(f"tags_to is {removal.tags_to}; accepted: a remaining revision ({', '.join(known) or 'there is none'})")
    if removal.remove_used or not objects:
        return
    tagged = [] if removal.purge else istio_users.tags_in_use(api, removal.target, [item for item in objects if istio_users.TAG in labels_of(item)])
    gone = removal.purge or any(istio_ownership.is_control_plane(item) for item in objects)
    attached = istio_users.proxies(api, None if removal.purge else removal.target, objects) if gone else []
    if not tagged and not attached:
        return
    said = [*istio_users.described(api, tagged), *([istio_users.shown(attached)] if attached else [])]
    ways = ["point the tags to another revision (tags_to, or istioctl tag set TAG --revision REVISION --overwrite)"] if tagged else []
    ways += ["move the workloads' pods to another revision, or out of Istio, by restarting them"] if attached else []
    what = "Istio" if removal.purge else f"revision {removal.target}"
    raise IstioError(
        f"{what} is still used by {'; '.join(said)}. Without it their pods get no sidecar or no configuration: {', and '.join(ways)}; "
        "or set remove_used to remove it anyway"
    )


def without_injector(api: KubeApi, removal: Removal, objects: list[Manifest]) -> list[str]:
    """Tags that are removed although namespaces use them: only with remove_used."""
    names = sorted({labels_of(item)[istio_users.TAG] for item in objects if istio_users.TAG in labels_of(item)}) if not removal.purge else []
    in_use = istio_users.tags_in_use(api, removal.target, [item for item in objects if labels_of(item).get(istio_users.TAG) in names])
    return [f"{said} is removed with revision {removal.target}: new pods there get no sidecar" for said in istio_users.described(api, in_use)]


def _moved(item: Manifest, revision: str) -> Change:
    change = plan_delete([item])[0]
    change.action, change.after = "update", {"metadata": {"labels": {istio_operator.REVISION: revision}}}
    change.before = {"metadata": {"labels": {istio_operator.REVISION: istio_ownership.revision_of(item)}}}
    return change


def _without_waiting(
    removal: Removal, api: KubeApi, objects: list[Manifest], ours: list[Manifest], foreign: list[Manifest], result: Result, check: bool
) -> Result:
    """The cluster itself is deleted next: delete without waiting. istioctl would wait needlessly, and what others own is deleted with the cluster."""
    ours = _outside(ours, {item["metadata"].get("namespace") for item in foreign})
    ending = {item["metadata"]["name"] for item in ours if item["kind"] == "Namespace" and item["metadata"].get("deletionTimestamp")}
    objects, ours = ([item for item in items if _lives(item, ending)] for items in (objects, ours))
    result.version_before = next((v for item in objects if (v := labels_of(item).get(istio_operator.VERSION))), "")
    result.changes = plan_delete([*objects, *ours])
    result.changed = bool(result.changes)
    # A namespace is deleted with its contents. Webhooks are deleted first: they would block changes while their servers terminate.
    namespaces = {item["metadata"]["name"] for item in ours if item["kind"] == "Namespace"}
    singly = [item for item in [*objects, *ours] if item["kind"] != "Namespace" and item["metadata"].get("namespace") not in namespaces]
    webhooks = [item for item in singly if item["kind"].endswith("WebhookConfiguration")]
    rest = [item for item in singly if item not in webhooks]
    for batch in [] if check else [webhooks, rest, [item for item in ours if item["kind"] == "Namespace"]]:
        api.map(lambda item: delete(api, [item]), batch)
    result.stays = [*(f"{istio_ownership.describe(item)} of someone else" for item in foreign), *stays(api, removal, [*objects, *ours])]
    return result


def _lives(item: Manifest, ending: set[str]) -> bool:
    metadata = item["metadata"]
    return not metadata.get("deletionTimestamp") and metadata.get("namespace") not in ending


def owned(api: KubeApi, removal: Removal) -> list[Manifest]:
    """For a revision, what the IstioOperator of that name owns, and with its control plane the tags that point to it; for a purge, all of Istio."""
    kinds = istio_operator.NAMESPACED_KINDS + istio_operator.CLUSTER_KINDS
    if not removal.purge:
        owner = {istio_operator.REVISION: removal.target, istio_operator.OWNER_NAME: removal.name, istio_operator.OWNER_NAMESPACE: removal.namespace}
        selector = ",".join(f"{name}={value}" for name, value in owner.items())
        return _with_tags(api, removal, istio_operator.find(api, f"{selector},{_REVISIONED_SELECTOR}", kinds))
    found = istio_operator.find(api, istio_operator.COMPONENT, (*kinds, *([istio_operator.CRD] if removal.remove_crds else [])))
    known = {identity(item) for item in found}
    tags = istio_operator.find(api, _TAG_SELECTOR, (*istio_operator.CLUSTER_KINDS[:2], ("v1", "Service")))
    return found + [item for item in tags if identity(item) not in known]


def _with_tags(api: KubeApi, removal: Removal, objects: list[Manifest]) -> list[Manifest]:
    going = {identity(item) for item in objects}
    serving = [item for item in istio_users.control_planes(api) if istio_ownership.revision_of(item) == removal.target]
    tags = istio_users.tag_objects(api, removal.target) if all(identity(item) in going for item in serving) else []
    named = {identity(item) for item in tags}
    return [item for item in objects if identity(item) not in named and istio_users.TAG not in labels_of(item)] + tags


def ours_of(api: KubeApi, manifest: Manifest) -> Manifest | None:
    """The live object of a prerequisite, if it carries the same ownership label."""
    metadata = manifest["metadata"]
    live = api.get(manifest["apiVersion"], manifest["kind"], metadata["name"], metadata.get("namespace"))
    owner = labels_of(manifest).get(OWNER_LABEL)
    if live is None or not owner or labels_of(live).get(OWNER_LABEL) != owner:
        return None
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], **live}


def own_classes(api: KubeApi) -> list[Manifest]:
    found = api.find("gateway.networking.k8s.io/v1", "GatewayClass")
    return [item for item in found if item["metadata"]["name"] in _CLASSES and str(item["spec"].get("controllerName")).startswith("istio.io/")]


def not_shared(api: KubeApi, removal: Removal, ours: list[Manifest]) -> list[Manifest]:
    """The prerequisites in namespaces without objects of another revision, which would still need them."""
    others = {
        item["metadata"].get("namespace")
        for item in istio_operator.find(api, istio_operator.COMPONENT, istio_operator.NAMESPACED_KINDS)
        if labels_of(item).get(istio_operator.REVISION) != (removal.revision or "default")
    }
    return _outside(ours, others)


def _outside(items: list[Manifest], namespaces: set[t.Any]) -> list[Manifest]:
    """Neither one of these namespaces, nor in one."""
    return [item for item in items if (item["metadata"]["name"] if item["kind"] == "Namespace" else item["metadata"].get("namespace")) not in namespaces]


def _uninstall(removal: Removal, istioctl: Istioctl, api: KubeApi, objects: list[Manifest], result: Result) -> None:
    # istioctl's purge deletes the CRDs, and with them every user's routes: unless that is requested, each revision is uninstalled separately.
    if removal.purge and removal.remove_crds:
        _done(istioctl.uninstall(None, removal.force), result)
    elif removal.purge:
        for revision in sorted({r for item in objects if item["kind"] == "Deployment" and (r := labels_of(item).get(istio_operator.REVISION))}):
            _done(istioctl.uninstall(revision, removal.force), result)
    else:
        with tempfile.TemporaryDirectory(prefix="meshgate-istio-") as folder:
            path = os.path.join(folder, "operator.yaml")
            with open(path, "w", encoding="utf-8") as stream:
                yaml.safe_dump(istio_operator.document({}, {}, "", removal.name, removal.namespace), stream)
            _done(istioctl.uninstall(removal.target, removal.force, path), result)
    delete(api, split(api, removal, owned(api, removal))[0], propagation="Foreground")


def _done(ran: tuple[list[str], Answer], result: Result) -> None:
    command, answer = ran
    result.commands.append(command)
    result.stdout += answer.stdout
    result.stderr += answer.stderr
    if answer.rc and "could not find target revision" not in answer.stdout + answer.stderr:
        raise IstioError(f"{' '.join(command[:2])} failed: {last_error(answer)}", command=command, stdout=answer.stdout, stderr=answer.stderr)


def _hasten(api: KubeApi, objects: list[Manifest], grace: int) -> None:
    """There are no more requests: nothing to drain."""
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
    """The conditions of a namespace that is not deleted."""
    found = []
    for item in items:
        live: dict[str, t.Any] = api.get(*NAMESPACE, item["metadata"]["name"]) or {} if item["kind"] == "Namespace" else {}
        conditions = (live.get("status") or {}).get("conditions") or []
        found += [c["message"] for c in conditions if c.get("status") == "True" and c.get("message")]
    return "".join(f"\n  {line}" for line in found)


def stays(api: KubeApi, removal: Removal, going: list[Manifest]) -> list[str]:
    """What is left and worth reporting."""
    gone = {identity(item) for item in going}
    found = []
    if api.get(*NAMESPACE, removal.namespace) and ("v1", "Namespace", "", removal.namespace) not in gone:
        found.append(f"Namespace {removal.namespace}")
    names = [item["metadata"]["name"] for item in api.find(*istio_operator.CRD) if identity(item) not in gone]
    for group in ("istio.io", "gateway.networking.k8s.io"):
        count = sum(1 for name in names if name.endswith("." + group))
        if count:
            found.append(f"{count} CustomResourceDefinitions of {group}")
    return found
