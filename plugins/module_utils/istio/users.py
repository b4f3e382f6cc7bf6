# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who uses a revision of Istio: the tags that point to it, and the proxies that get their configuration from it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..kube.api import KubeApi
from ..kube.objects import Manifest, labels_of
from ..kube.ready import WORKLOADS
from . import operator as istio_operator
from . import pods as mesh_pods
from .ownership import is_control_plane, revision_of

TAG = "istio.io/tag"
DEFAULT = "default"
# `istioctl tag set` creates both, and refuses a name if either exists.
_TAG_KINDS = (istio_operator.CLUSTER_KINDS[0], ("v1", "Service"))
_SHOWN = 5


def tag_objects(api: KubeApi, revision: str) -> list[Manifest]:
    """The webhooks and Services of all tags that point to a revision."""
    return istio_operator.find(api, f"{istio_operator.REVISION}={revision},{TAG}", _TAG_KINDS)


def control_planes(api: KubeApi) -> list[Manifest]:
    return api.find("apps/v1", "Deployment", labels="app=istiod")


def tags_in_use(api: KubeApi, revision: str, tags: Iterable[Manifest]) -> list[str]:
    """Names of tags in use. The tag of the only control plane is removed with it, like everything else."""
    names = sorted({labels_of(item)[TAG] for item in tags})
    alone = all(revision_of(item) == revision for item in control_planes(api))
    return [name for name in names if not (alone and name == revision == DEFAULT)]


def by_tag(api: KubeApi, tag: str) -> list[str]:
    """The namespaces whose pods are injected by a tag."""
    return sorted(one["metadata"]["name"] for one in api.find("v1", "Namespace") if _asks_for(labels_of(one), tag))


def _asks_for(labels: dict[str, str], tag: str) -> bool:
    return labels.get(istio_operator.REVISION) == tag or (tag == DEFAULT and labels.get("istio-injection") == "enabled")


def described(api: KubeApi, tags: Iterable[str]) -> list[str]:
    return [f"tag {tag} ({', '.join(by_tag(api, tag)) or 'no namespace'})" for tag in tags]


def proxies(api: KubeApi, revision: str | None, going: Iterable[Manifest]) -> list[str]:
    """Running pods whose proxy is of a revision (None: of any), except those of the workloads that are removed with it."""
    selectors = [(item["metadata"].get("namespace"), item["spec"]["selector"]["matchLabels"]) for item in going if item["kind"] in WORKLOADS]
    attached = [pod for pod in api.find("v1", "Pod") if _attached(pod, revision)]
    staying = [pod for pod in attached if not any(_chosen(pod, namespace, labels) for namespace, labels in selectors)]
    return sorted(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in staying)


def _chosen(pod: Manifest, namespace: str | None, labels: dict[str, str]) -> bool:
    return pod["metadata"]["namespace"] == namespace and labels.items() <= labels_of(pod).items()


def _attached(pod: Manifest, revision: str | None) -> bool:
    if pod["metadata"].get("deletionTimestamp") or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") or not mesh_pods.sidecar(pod):
        return False
    return revision is None or proxy_revision(pod) == revision


def proxy_revision(pod: Manifest) -> str:
    """The revision that the injector recorded in a pod."""
    annotations = pod["metadata"].get("annotations") or {}
    try:
        noted = json.loads(annotations.get("sidecar.istio.io/status") or "{}").get("revision")
    except (ValueError, AttributeError):
        noted = None
    return noted or annotations.get(istio_operator.REVISION) or labels_of(pod).get(istio_operator.REVISION) or DEFAULT


def shown(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {'proxy' if len(names) == 1 else 'proxies'}: {', '.join(names[:_SHOWN])}{more}"


def takes_over(api: KubeApi, revision: str) -> bool:
    """Whether there is a control plane of a revision that a tag can be moved to."""
    return any(is_control_plane(item) and revision_of(item) == revision for item in control_planes(api))
