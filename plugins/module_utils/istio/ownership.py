# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ownership of a cluster's Istio. Our workloads carry our labels, as a Helm release's do; istioctl's own labels only mark them as Istio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..kube.api import KubeApi
from ..kube.network_policies import enforcer
from ..kube.objects import Manifest, carries, identity, labels_of, title
from ..kube.ready import WORKLOADS
from . import operator as istio_operator

_KINDS = (("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"))
_CONTROL_PLANE = "app=istiod"
# On the control plane's namespace while a revision is being installed: if a run is killed before its workloads are labelled, the next one recognises them.
INSTALLING = "meshgate.io/installing"


def revision_of(item: Manifest) -> str:
    return labels_of(item).get(istio_operator.REVISION) or "default"


def is_control_plane(item: Manifest) -> bool:
    return item["kind"] == "Deployment" and labels_of(item).get("app") == "istiod"


def marked(manifests: Iterable[Manifest], labels: Mapping[str, str]) -> list[Manifest]:
    """Rendered objects; their workloads with our labels, which istioctl does not set."""
    return [_with(manifest, labels) if labels and manifest["kind"] in WORKLOADS else manifest for manifest in manifests]


def _with(manifest: Manifest, labels: Mapping[str, str]) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "labels": {**labels_of(manifest), **labels}}}


def marks(manifests: Iterable[Manifest], labels: Mapping[str, str]) -> list[Manifest]:
    """Patches that add the labels."""
    return [_mark(manifest, labels) for manifest in manifests if labels and manifest["kind"] in WORKLOADS]


def _mark(manifest: Manifest, labels: Mapping[str, str]) -> Manifest:
    metadata = {"name": manifest["metadata"]["name"], "namespace": manifest["metadata"].get("namespace"), "labels": dict(labels)}
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": metadata}


def workloads(api: KubeApi) -> list[Manifest]:
    """All Istio workloads in a cluster, however installed: Helm's charts and istioctl use the same labels, and old charts at least that of istiod."""
    found = istio_operator.find(api, istio_operator.COMPONENT, _KINDS) + api.find(*_KINDS[0], labels=_CONTROL_PLANE)
    return list({identity(item): item for item in found}.values())


def foreign(api: KubeApi, items: Iterable[Manifest], labels: Mapping[str, str]) -> list[Manifest]:
    """Workloads that are not ours; none if no labels are given.

    A platform of an older version has labels only on its namespaces. These count as long as no workload has any.
    """
    strangers = [item for item in items if labels and item["kind"] in WORKLOADS and not carries(item, labels)]
    if not strangers:
        return []
    spaces = api.find("v1", "Namespace")
    begun = {(one["metadata"].get("annotations") or {}).get(INSTALLING) for one in spaces}
    strangers = [item for item in strangers if set(labels) & set(labels_of(item)) or revision_of(item) not in begun]
    if any(carries(item, labels) for item in workloads(api)):
        return strangers
    ours = {one["metadata"]["name"] for one in spaces if carries(one, labels)}
    return [item for item in strangers if item["metadata"].get("namespace") not in ours or set(labels) & set(labels_of(item))]


def describe(item: Manifest) -> str:
    """Its location and version."""
    image = ""
    for container in ((item.get("spec") or {}).get("template") or {}).get("spec", {}).get("containers") or []:
        image = image or container.get("image", "").rpartition(":")[2]
    version = labels_of(item).get(istio_operator.VERSION) or labels_of(item).get("app.kubernetes.io/version") or image or "unknown"
    return f"{title(item)} (revision {revision_of(item)}, version {version})"


def refusal(items: Iterable[Manifest], labels: Mapping[str, str], what: str) -> str:
    wanted = ", ".join(f"{name}={value}" for name, value in labels.items())
    found = ", ".join(describe(item) for item in items)
    return (
        f"this cluster has an Istio of someone else: {found}, without the label {wanted}. It is not {what}: leave it to its owner, or take it over with adopt"
    )


def _told(item: Manifest, foreign: list[Manifest]) -> dict[str, object]:
    metadata = item["metadata"]
    return {
        "kind": item["kind"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "revision": revision_of(item),
        "control_plane": is_control_plane(item),
        "ours": item not in foreign,
    }


def survey(api: KubeApi, labels: dict[str, str]) -> dict[str, object]:
    """All Istio workloads, their owner, and what enforces NetworkPolicies."""
    found = workloads(api)
    strangers = foreign(api, found, labels)
    planes = [describe(item) for item in strangers if is_control_plane(item)]
    agent = enforcer(api.find("apps/v1", "DaemonSet"))
    return {"workloads": [_told(item, strangers) for item in found], "foreign": planes, "network_policy_enforcer": agent}
