# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A set of objects that belong together: applied as one, pruned and removed by the labels that mark them."""

from __future__ import annotations

import collections
import copy
import time
import typing as t

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Manifest, documents, live_object

Kind = tuple[str, str]  # apiVersion, kind

# From here on, a list of a namespace's objects of a kind is cheaper than each of them.
_MANY = 10
# What Kubernetes and Istio put into every namespace by themselves.
_EVERYWHERE = ("kube-root-ca.crt", "istio-ca-root-cert", "istio-ca-crl", "default")
# Kinds whose presence in a namespace means that somebody uses it.
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


class Refused(Exception):
    """What was asked for cannot be, or would take somebody else's."""


def kind_of(item: Manifest) -> Kind:
    return item["apiVersion"], item["kind"]


def key(item: Manifest) -> tuple[str, str, str, str]:
    """An object's identity; its group's version is not part of it."""
    metadata = item["metadata"]
    return item["apiVersion"].rpartition("/")[0], item["kind"], metadata.get("namespace") or "", metadata["name"]


def title(item: Manifest) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} {metadata['namespace'] + '/' if metadata.get('namespace') else ''}{metadata['name']}"


def carries(item: Manifest, labels: dict[str, str]) -> bool:
    found = item["metadata"].get("labels") or {}
    return bool(labels) and all(found.get(name) == value for name, value in labels.items())


def labelled(manifests: t.Iterable[Manifest], labels: dict[str, str]) -> list[Manifest]:
    """The manifests with the labels that mark the set, and each of them once."""
    result = copy.deepcopy(documents(manifests))
    seen: set[tuple[str, str, str, str]] = set()
    for item in result:
        if not item.get("apiVersion") or not item.get("kind") or not (item.get("metadata") or {}).get("name"):
            raise Refused(f"a manifest lacks apiVersion, kind or metadata.name: {str(item)[:200]}")
        if key(item) in seen:
            raise Refused(f"{title(item)} is there twice")
        seen.add(key(item))
        item["metadata"]["labels"] = {**(item["metadata"].get("labels") or {}), **labels}
    return result


def unknown_kinds(api: KubeApi, manifests: list[Manifest]) -> list[str]:
    """Kinds that neither the cluster nor the set itself defines."""
    defined = {(m["spec"]["group"], m["spec"]["names"]["kind"]) for m in manifests if m["kind"] == "CustomResourceDefinition"}
    kinds = sorted({kind_of(item) for item in manifests})
    return [f"{kind} of {version}" for version, kind in kinds if api.resource(version, kind) is None and (version.rpartition("/")[0], kind) not in defined]


def look(api: KubeApi, manifests: list[Manifest], kinds: t.Iterable[Kind], labels: dict[str, str]) -> tuple[list[Manifest], list[Manifest | None]]:
    """The set's live objects, and what is there of each manifest.

    Only what is neither among the set's nor one of many of its kind is asked for by itself: a set of hundreds is listed in a few calls.
    """
    there = members(api, kinds, labels)
    listed = {(item["apiVersion"], *key(item)): item for item in there}
    several = crowds(api, (item for item in manifests if (item["apiVersion"], *key(item)) not in listed))
    for items in api.map(lambda crowd: api.find(*crowd), several):
        listed |= {(item["apiVersion"], *key(item)): item for item in items}

    def live(item: Manifest) -> Manifest | None:
        found = listed.get((item["apiVersion"], *key(item)))
        return found if found or (*kind_of(item), item["metadata"].get("namespace") or "") in several else live_object(api, item)

    return there, api.map(live, manifests)


def crowds(api: KubeApi, manifests: t.Iterable[Manifest]) -> list[tuple[str, str, str]]:
    """apiVersion, kind and namespace of which there are so many that one list costs less than asking for each."""
    counted = collections.Counter((*kind_of(item), item["metadata"].get("namespace") or "") for item in manifests)
    many = [crowd for crowd, count in counted.items() if crowd[2] and count >= _MANY]
    return [(version, kind, namespace) for version, kind, namespace in many if (known := api.resource(version, kind)) and known.namespaced]


def respect_foreign(manifests: list[Manifest], live: list[Manifest | None], labels: dict[str, str], adopt: bool) -> None:
    """Refuse to take over what others created, unless told to.

    A namespace of somebody else is used, but not marked: it must not go when the set goes.
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
        raise Refused(
            f"{', '.join(foreign)}: created by somebody else (without the labels {wanted}); delete it, choose other names, or take it over with adopt"
        )


def leaving(manifests: list[Manifest], live: list[Manifest | None]) -> list[Manifest]:
    """What is wanted, but still on its way out: nothing can be written there until it is gone."""
    return [manifest for manifest, item in zip(manifests, live, strict=True) if item and item["metadata"].get("deletionTimestamp")]


def outsiders(api: KubeApi, manifests: list[Manifest], sidecar: str) -> dict[str, list[str]]:
    """Deployments of the set that run pods without the sidecar which admission should have added: title and names of pods."""
    deployments = [item for item in manifests if item["kind"] == "Deployment"] if sidecar else []

    def pods(deployment: Manifest) -> list[str]:
        labels = ",".join(f"{name}={value}" for name, value in deployment["spec"]["selector"]["matchLabels"].items())
        return [
            pod["metadata"]["name"]
            for pod in api.find("v1", "Pod", deployment["metadata"].get("namespace"), labels=labels)
            if not pod["metadata"].get("deletionTimestamp")
            and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
            and not any(c["name"] == sidecar for c in [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]])
        ]

    return {title(item): names for item, names in zip(deployments, api.map(pods, deployments), strict=True) if names}


def restart(api: KubeApi, deployment: Manifest) -> None:
    """New pods in a rolling update, as kubectl rollout restart makes them."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    patch = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}}
    api.merge(*kind_of(deployment), deployment["metadata"]["name"], deployment["metadata"].get("namespace"), patch)


def routing_state(api: KubeApi, manifests: list[Manifest]) -> str:
    """Of all Gateways and routes of the Gateway API among the manifests, the first that its controller did not take, in its words."""
    for item in manifests:
        if not item["apiVersion"].startswith("gateway.networking.k8s.io/"):
            continue
        live = api.get(*kind_of(item), item["metadata"]["name"], item["metadata"].get("namespace")) or {"metadata": {}}
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


def members(api: KubeApi, kinds: t.Iterable[Kind], labels: dict[str, str]) -> list[Manifest]:
    """Live objects of the set, in all namespaces, except those already on their way out."""
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    found = api.map(lambda kind: api.find(*kind, labels=selector), list(kinds))
    return [item for items in found for item in items if not item["metadata"].get("deletionTimestamp")]


def superfluous(live: list[Manifest], wanted: list[Manifest]) -> list[Manifest]:
    """Members that the manifests no longer name. A namespace is never one: others may have moved in."""
    keep = {key(item) for item in wanted}
    return [item for item in live if item["kind"] != "Namespace" and key(item) not in keep]


def users(api: KubeApi, namespace: str, labels: dict[str, str]) -> list[str]:
    """What others have in a namespace, which would go with it."""
    found = api.map(lambda kind: api.find(*kind, namespace), _IN_USE)
    return [
        title(item)
        for items in found
        for item in items
        if not carries(item, labels) and not item["metadata"].get("ownerReferences") and item["metadata"]["name"] not in _EVERYWHERE
    ]


def removable(api: KubeApi, live: list[Manifest], labels: dict[str, str]) -> tuple[list[Manifest], list[str]]:
    """What may go, namespaces last; and the namespaces that stay, each with the reason."""
    going = [item for item in live if item["kind"] != "Namespace"]
    staying = []
    for namespace in (item for item in live if item["kind"] == "Namespace"):
        name = namespace["metadata"]["name"]
        others = users(api, name, labels)
        if others:
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            staying.append(f"namespace {name} stays: others use it ({', '.join(others[:3])}{more})")
        else:
            going.append(namespace)
    return going, staying
