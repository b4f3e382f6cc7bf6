# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A set of objects that belong together: applied as one, pruned and removed by the labels that mark them."""

from __future__ import annotations

import copy
import time
import typing as t

from ..common.failure import Refused
from ..common.progress import report
from . import ready as kube_ready
from .api import KubeApi, KubeError
from .apply import Change, apply, changed, delete, documents, plan, plan_delete
from .diff import diffs
from .objects import Identity, Kind, Manifest, carries, group_of, identity, kind_of, title
from .reading import live_objects, namespace_of
from .used_data import with_digests

MANAGER = "meshgate"
# What Kubernetes and Istio create in every namespace.
_EVERYWHERE = ("kube-root-ca.crt", "istio-ca-root-cert", "istio-ca-crl", "default")
# Kinds whose presence in a namespace means that it is used.
_IN_USE: tuple[Kind, ...] = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "PersistentVolumeClaim"),
)


def labelled(manifests: t.Iterable[Manifest], labels: dict[str, str]) -> list[Manifest]:
    """The manifests with the labels that mark the set, and each of them once."""
    result = copy.deepcopy(documents(manifests))
    seen: set[Identity] = set()
    for item in result:
        if not item.get("apiVersion") or not item.get("kind") or not (item.get("metadata") or {}).get("name"):
            raise Refused(f"a manifest lacks apiVersion, kind or metadata.name: {str(item)[:200]}")
        if identity(item) in seen:
            raise Refused(f"{title(item)} occurs twice")
        seen.add(identity(item))
        item["metadata"]["labels"] = {**(item["metadata"].get("labels") or {}), **labels}
    return result


def unknown_kinds(api: KubeApi, manifests: list[Manifest]) -> list[str]:
    """Kinds that neither the cluster nor the set itself defines."""
    defined = {(m["spec"]["group"], m["spec"]["names"]["kind"]) for m in manifests if m["kind"] == "CustomResourceDefinition"}
    kinds = sorted({kind_of(item) for item in manifests})
    return [f"{kind} of {version}" for version, kind in kinds if api.resource(version, kind) is None and (group_of(version), kind) not in defined]


def look(
    api: KubeApi, manifests: list[Manifest], kinds: t.Iterable[Kind], labels: dict[str, str], namespaces: t.Sequence[str] = ()
) -> tuple[list[Manifest], list[Manifest | None]]:
    """The set's live objects, and the live object of each manifest.

    Only objects that are neither in the set nor among many of their kind are read one by one: a set of hundreds is listed in a few calls.
    """
    there = members(api, kinds, labels, namespaces)
    return there, live_objects(api, manifests, there)


def respect_foreign(manifests: list[Manifest], live: list[Manifest | None], labels: dict[str, str], adopt: bool) -> None:
    """Refuse to adopt what others created, unless requested.

    An existing namespace is used, but not labelled: it must not be deleted with the set.
    """
    foreign = []
    for item, there in zip(manifests, live, strict=True):
        if there is None or carries(there, labels):
            continue
        if item["kind"] == "Namespace":
            for name in labels:
                item["metadata"]["labels"].pop(name)
        elif not adopt:
            foreign.append(title(item))
    if foreign:
        wanted = ", ".join(f"{name}={value}" for name, value in labels.items())
        raise Refused(f"{', '.join(foreign)}: created by someone else (without the labels {wanted}); delete it, choose other names, or take it over with adopt")


def require_namespaces(api: KubeApi, manifests: list[Manifest], live: list[Manifest | None]) -> None:
    """Refuse what would be created in a namespace that neither exists nor comes with the set, before anything is written."""
    coming = {item["metadata"]["name"] for item in manifests if item["kind"] == "Namespace"}
    new = [item for item, there in zip(manifests, live, strict=True) if there is None and item["metadata"].get("namespace", "") not in {"", *coming}]
    places = sorted({item["metadata"]["namespace"] for item in new})
    missing = {place for place, is_there in zip(places, api.map(lambda place: _exists(api, place), places), strict=True) if not is_there}
    if homeless := [title(item) for item in new if item["metadata"]["namespace"] in missing]:
        raise Refused(f"{_first_of(homeless)}: there is no namespace {', '.join(sorted(missing))}; create it first")


def _first_of(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _exists(api: KubeApi, namespace: str) -> bool:
    """Who may not ask may still be allowed to write there."""
    try:
        return api.get("v1", "Namespace", namespace) is not None
    except KubeError as error:
        if error.status != 403:
            raise
        return True


def leaving(manifests: list[Manifest], live: list[Manifest | None]) -> list[Manifest]:
    """Desired objects that are still being deleted: nothing can be written there until that is done."""
    return [manifest for manifest, item in zip(manifests, live, strict=True) if item and item["metadata"].get("deletionTimestamp")]


def outsiders(api: KubeApi, manifests: list[Manifest], sidecar: str) -> dict[str, list[str]]:
    """Deployments of the set that run pods without the sidecar which admission should have added: title and names of pods."""
    deployments = [item for item in manifests if item["kind"] == "Deployment"] if sidecar else []
    place_of = {title(item): namespace_of(api, item) for item in deployments}
    places = list(dict.fromkeys(place_of.values()))
    running = dict(zip(places, api.map(lambda place: [pod for pod in api.find("v1", "Pod", place) if _lacks(pod, sidecar)], places), strict=True))

    def pods(deployment: Manifest) -> list[str]:
        chosen = deployment["spec"]["selector"]["matchLabels"]
        return [pod["metadata"]["name"] for pod in running[place_of[title(deployment)]] if carries(pod, chosen)]

    return {title(item): names for item in deployments if (names := pods(item))}


def _lacks(pod: Manifest, sidecar: str) -> bool:
    """Of pods that run and stay."""
    if pod["metadata"].get("deletionTimestamp") or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    return not any(container["name"] == sidecar for container in [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]])


def restart(api: KubeApi, deployment: Manifest) -> None:
    """New pods in a rolling update, as kubectl rollout restart makes them."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    patch = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}}
    api.merge(*kind_of(deployment), deployment["metadata"]["name"], deployment["metadata"].get("namespace"), patch)


def routing_state(api: KubeApi, manifests: list[Manifest]) -> str:
    """Of all Gateways and routes of the Gateway API among the manifests, the first that its controller did not accept, with its message."""
    routing = [item for item in manifests if item["apiVersion"].startswith("gateway.networking.k8s.io/")]
    for item, found in zip(routing, live_objects(api, routing), strict=True):
        live = found or {"metadata": {}}
        status = live.get("status") or {}
        verdicts = [status] if item["kind"] == "Gateway" else status.get("parents") or [{}] if item["kind"].endswith("Route") else []
        wanted = ("Accepted", "Programmed") if item["kind"] == "Gateway" else ("Accepted", "ResolvedRefs")
        for verdict in verdicts:
            conditions = {c["type"]: c for c in verdict.get("conditions") or [] if c.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)}
            for name in wanted:
                condition = conditions.get(name, {})
                if condition.get("status") != "True":
                    return f"{title(item)} is not {name}: {condition.get('message') or 'no controller has looked at it yet'}"
    return ""


def members(api: KubeApi, kinds: t.Iterable[Kind], labels: dict[str, str], namespaces: t.Sequence[str] = ()) -> list[Manifest]:
    """Live objects of the set, in these namespaces (none given: in all of them), except those already being deleted."""
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    places = [(kind, namespace) for kind in kinds for namespace in _namespaces_of(api, kind, namespaces)]
    found = api.map(lambda place: api.find(*place[0], place[1], labels=selector), places)
    return [item for items in found for item in items if not item["metadata"].get("deletionTimestamp")]


def _namespaces_of(api: KubeApi, kind: Kind, namespaces: t.Sequence[str]) -> t.Sequence[str | None]:
    """None: in one list, of all namespaces, or of a cluster-scoped kind."""
    known = api.resource(*kind) if namespaces else None
    return namespaces if known and known.namespaced else [None]


def superfluous(live: list[Manifest], wanted: list[Manifest]) -> list[Manifest]:
    """Members that are no longer in the manifests. Never a namespace: others may use it."""
    keep = {identity(item) for item in wanted}
    return [item for item in live if item["kind"] != "Namespace" and identity(item) not in keep]


def users(api: KubeApi, namespace: str, labels: dict[str, str]) -> list[str]:
    """Objects of others in a namespace, which would be deleted with it."""
    found = api.map(lambda kind: api.find(*kind, namespace), _IN_USE)
    return [
        title(item)
        for items in found
        for item in items
        if not carries(item, labels) and not item["metadata"].get("ownerReferences") and item["metadata"]["name"] not in _EVERYWHERE
    ]


def removable(api: KubeApi, live: list[Manifest], labels: dict[str, str]) -> tuple[list[Manifest], list[str]]:
    """What can be deleted, namespaces last; and the namespaces that stay, each with the reason."""
    going = [item for item in live if item["kind"] != "Namespace"]
    staying = []
    for namespace in (item for item in live if item["kind"] == "Namespace"):
        name = namespace["metadata"]["name"]
        others = users(api, name, labels)
        if others:
            staying.append(f"namespace {name} stays: others use it ({_first_of(others)})")
        else:
            going.append(namespace)
    return going, staying


# -- the module's run -----------------------------------------------------------------------------------------------


def result(changes: list[Change], stays: list[str] | None = None, waited: float = 0.0) -> dict[str, t.Any]:
    return {
        "changed": changed(changes),
        "resources": [change.summary() for change in changes if change.action != "unchanged"],
        "stays": stays or [],
        "waited": round(waited, 1),
        "diff": diffs(changes),
    }


def present(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    labels = params["labels"]
    manifests = labelled(params["manifests"], labels)
    unknown = unknown_kinds(api, manifests)
    if unknown and not check_mode:
        raise Refused(f"the cluster does not serve {', '.join(unknown)}; install their CRDs first")
    there, live = look(api, manifests, kinds_of(params), labels, params["namespaces"])
    ending = leaving(manifests, live)
    if ending and check_mode:
        msg = f"{len(manifests)} objects would be created once {title(ending[0])}, which is being deleted, is gone"
        return {**result(creations(manifests)), "msg": msg}
    if ending:
        kube_ready.await_true("earlier removal", lambda: still_there(api, ending), params["timeout"], 0.25)
        there, live = look(api, manifests, kinds_of(params), labels, params["namespaces"])
    if not check_mode:
        require_namespaces(api, manifests, live)
    respect_foreign(manifests, live, labels, params["adopt"])
    manifests = with_digests(api, manifests) if params["replace_pods"] else manifests
    changes = plan(api, manifests, MANAGER, live=live)
    surplus = superfluous(there, manifests)
    outside = outsiders(api, manifests, params["sidecar"])
    everything = changes + plan_delete(surplus) + restarts(manifests, outside, params["sidecar"])
    if check_mode:
        return result(everything)
    differing = [manifest for manifest, change in zip(manifests, changes, strict=True) if change.action != "unchanged"]
    if differing or surplus:
        report(f"applying {len(differing)} of {len(manifests)} objects, deleting {len(surplus)}")
    apply(api, differing, MANAGER, new={identity(manifest) for manifest, item in zip(manifests, live, strict=True) if item is None})
    delete(api, surplus)
    for manifest in manifests:
        if title(manifest) in outside:
            report(f"restarting {title(manifest)}: pods without {params['sidecar']}")
            restart(api, manifest)
    waited = 0.0
    if params["wait"]:
        waited = kube_ready.await_true(
            "workloads", lambda: kube_ready.workloads_state(api, manifests), params["timeout"], 0.25, lambda: kube_ready.causes(api, manifests)
        )
        waited += kube_ready.await_true("routing", lambda: routing_state(api, manifests), params["timeout"], 0.25)
    return result(everything, waited=waited)


def absent(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    labels = params["labels"]
    going, staying = removable(api, members(api, kinds_of(params), labels, params["namespaces"]), labels)
    planned = plan_delete(going)
    if check_mode or not going:
        return result(planned, staying)
    report(f"deleting {len(going)} objects")
    delete(api, going)
    waited = kube_ready.await_true("removal", lambda: still_there(api, going), params["timeout"], 0.25) if params["wait"] else 0.0
    return result(planned, staying, waited)


def still_there(api: KubeApi, gone: list[Manifest]) -> str:
    return next((f"{title(item)} is still there" for item in live_objects(api, gone) if item), "")


def restarts(manifests: list[Manifest], outside: dict[str, list[str]], sidecar: str) -> list[Change]:
    return [
        Change(
            item["apiVersion"],
            item["kind"],
            item["metadata"]["name"],
            item["metadata"].get("namespace") or "",
            "restart",
            before={f"pods without {sidecar}": outside[title(item)]},
        )
        for item in manifests
        if title(item) in outside
    ]


def creations(manifests: list[Manifest]) -> list[Change]:
    return [
        Change(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"].get("namespace") or "", "create", after=item) for item in manifests
    ]


def kinds_of(params: dict[str, t.Any]) -> list[Kind]:
    return [(kind["api_version"], kind["kind"]) for kind in params["prune_kinds"]]


def act(api: KubeApi, params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    return (present if params["state"] == "present" else absent)(api, params, check_mode)


def without_cluster(params: dict[str, t.Any], error: KubeError) -> dict[str, t.Any]:
    """Check mode before there is a cluster: everything would be created."""
    if params["state"] == "absent":
        return {**result([]), "msg": f"there is no cluster: {error}"}
    changes = creations(labelled(params["manifests"], params["labels"]))
    return {**result(changes), "msg": f"{len(changes)} objects would be created; the cluster does not answer yet: {error}"}
