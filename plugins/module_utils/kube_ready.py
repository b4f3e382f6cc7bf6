# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether what was installed works, and if not, why."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import Waiting
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Manifest

WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")


class NotReady(Exception):
    """The wait is over and it does not work; `causes` says why."""

    def __init__(self, message: str, causes: list[str]) -> None:
        super().__init__(message)
        self.causes = causes


def await_true(what: str, look: Callable[[], str], timeout: float, interval: float = 0.5, why: Callable[[], list[str]] | None = None) -> float:
    """Ask until `look` returns an empty string, else fail with its last one. Returns the seconds it took."""
    waiting = Waiting(what)
    while state := look():
        waiting.saw(state)
        if waiting.elapsed > timeout:
            raise NotReady(f"{what}: {state}, after {timeout:.0f} s", why() if why else [])
        time.sleep(interval)
    return waiting.elapsed


def workload_state(live: Manifest | None) -> str:
    """Empty when the newest generation is rolled out and ready."""
    if live is None:
        return "is not there"
    status, spec = live.get("status") or {}, live.get("spec") or {}
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return "its newest version is not yet seen by its controller"
    if live.get("kind") == "DaemonSet":
        wanted, updated, ready = (status.get(k, 0) for k in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"))
    else:
        wanted = spec.get("replicas", 1)
        updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
        if live.get("kind") == "Deployment" and status.get("replicas", 0) > updated:
            return f"{status.get('replicas', 0) - updated} old pods are still there"
    if updated < wanted:
        return f"{updated} of {wanted} pods are new"
    return "" if ready >= wanted else f"{ready} of {wanted} pods are ready"


def workloads_state(api: KubeApi, manifests: list[Manifest]) -> str:
    """Of all workloads among the manifests, the first that is not ready."""
    for manifest in manifests:
        if manifest["kind"] in WORKLOADS:
            metadata = manifest["metadata"]
            state = workload_state(api.get(manifest["apiVersion"], manifest["kind"], metadata["name"], metadata.get("namespace")))
            if state:
                return f"{manifest['kind']} {metadata['name']}: {state}"
    return ""


def webhook_services(manifests: list[Manifest]) -> list[tuple[str, str]]:
    """Namespace and name of every Service that an admission webhook among the manifests calls."""
    found = set()
    for manifest in manifests:
        for webhook in manifest.get("webhooks") or [] if manifest["kind"].endswith("WebhookConfiguration") else []:
            service = (webhook.get("clientConfig") or {}).get("service")
            if service:
                found.add((service["namespace"], service["name"]))
    return sorted(found)


def endpoints_state(api: KubeApi, services: list[tuple[str, str]]) -> str:
    """While a Service has no ready endpoint, a request to it can leave the node and be answered by a stranger."""
    for namespace, name in services:
        slices = api.find("discovery.k8s.io/v1", "EndpointSlice", namespace, labels=f"kubernetes.io/service-name={name}")
        if not any((e.get("conditions") or {}).get("ready") for s in slices for e in s.get("endpoints") or []):
            return f"Service {namespace}/{name} has no ready endpoint"
    return ""


def accepted_state(api: KubeApi, objects: list[Manifest]) -> str:
    """Whether the API server, and every webhook it asks, would accept the objects; nothing is created."""
    for item in objects:
        metadata = item["metadata"]
        path = api.path(item["apiVersion"], item["kind"], None, metadata.get("namespace"))
        if path is None:
            return f"the cluster does not know {item['kind']}"
        try:
            api.request("POST", path, {"dryRun": "All"}, item)
        except KubeError as error:
            if error.status != 409:  # it exists: the webhooks were asked, and let it pass
                return f"{item['kind']} {metadata['name']} is not accepted: {error}"
    return ""


def established_state(api: KubeApi, crds: list[Manifest]) -> str:
    for crd in crds:
        name = crd["metadata"]["name"]
        live = api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
        conditions = ((live or {}).get("status") or {}).get("conditions") or []
        if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return f"{name} is not established"
    return ""


def causes(api: KubeApi, manifests: list[Manifest], lines: int = 8) -> list[str]:
    """Pods that do not run, their last warnings and last log lines, for a person to read."""
    found: list[str] = []
    for manifest in manifests:
        if manifest["kind"] not in WORKLOADS:
            continue
        namespace = manifest["metadata"].get("namespace") or "default"
        if not workload_state(api.get(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"], namespace)):
            continue
        selector = ",".join(f"{k}={v}" for k, v in ((manifest["spec"].get("selector") or {}).get("matchLabels") or {}).items())
        pods = api.find("v1", "Pod", namespace, labels=selector)
        found += _warnings(api, namespace, manifest["kind"], manifest["metadata"]["name"])
        if not pods:
            found.append(f"{manifest['kind']} {manifest['metadata']['name']} has no pods")
            # Admission tells its reasons to who would have made them.
            for maker in api.find("apps/v1", "ReplicaSet", namespace, labels=selector):
                found += _warnings(api, namespace, "ReplicaSet", maker["metadata"]["name"])
        for pod in pods:
            conditions = (pod.get("status") or {}).get("conditions") or []
            if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
                continue  # its warnings are of its start, and past
            found += _pod_causes(api, namespace, pod, lines)
    return found


def _pod_causes(api: KubeApi, namespace: str, pod: Manifest, lines: int) -> list[str]:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    found = []
    for container in status.get("containerStatuses") or []:
        if container.get("ready"):
            continue
        state: dict[str, t.Any] = container.get("state") or {}
        detail: dict[str, t.Any] = next(iter(state.values()), {}) or {}
        said = [f"pod {name}, {container['name']}: {next(iter(state), 'unknown')}", detail.get("reason"), detail.get("message")]
        found.append(" ".join(filter(None, said)))
        for previous in ("false", "true"):
            log = _log(api, namespace, name, container["name"], lines, previous)
            found += [f"pod {name} says: {line}" for line in log]
            if log:
                break
    if not status.get("containerStatuses"):
        found += [f"pod {name}: {c.get('reason')} {c.get('message', '')}".strip() for c in status.get("conditions") or [] if c.get("status") == "False"]
    return found + _warnings(api, namespace, "Pod", name)


def _log(api: KubeApi, namespace: str, pod: str, container: str, lines: int, previous: str) -> list[str]:
    query = {"container": container, "tailLines": str(lines), "previous": previous}
    try:
        text = api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query)
    except KubeError:
        return []  # it never ran
    return [line for line in str(text).splitlines() if line.strip()]


def _warnings(api: KubeApi, namespace: str, kind: str, name: str) -> list[str]:
    events = api.find("v1", "Event", namespace, fields=f"involvedObject.kind={kind},involvedObject.name={name},type=Warning")
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return [f"{kind} {name}: {event.get('reason')}: {event.get('message', '').strip()}" for event in events[-3:]]
