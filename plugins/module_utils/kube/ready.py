# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether installed objects work, and if not, why."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable

from ..common.failure import Failure
from ..common.printable import printable
from ..common.progress import Waiting
from .api import KubeApi, KubeError
from .logs import log_lines
from .objects import Manifest, title
from .reading import live_objects

WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")


class NotReady(Failure):
    """Not ready in time; `causes` says why."""

    def __init__(self, message: str, causes: list[str]) -> None:
        super().__init__(message, causes=causes)
        self.causes = causes


def await_true(what: str, look: Callable[[], str], timeout: float, interval: float = 0.5, why: Callable[[], list[str]] | None = None) -> float:
    """Poll until `look` returns an empty string, else fail with its last one. Returns the seconds it took."""
    waiting = Waiting(what)
    while state := look():
        waiting.saw(state)
        if waiting.elapsed > timeout:
            raise NotReady(f"{what}: {state}, after {timeout:.0f} s", told(why) if why else [])
        time.sleep(interval)
    return waiting.elapsed


def told(why: Callable[[], list[str]]) -> list[str]:
    """The causes of a failure; an error while reading them must not replace the failure."""
    try:
        return why()
    except KubeError as error:
        return [f"the cluster does not tell why: {error}"]


def workload_state(live: Manifest | None) -> str:
    """Empty if the newest generation is rolled out and ready."""
    if live is None:
        return "does not exist"
    status, spec = live.get("status") or {}, live.get("spec") or {}
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return "its controller has not observed its newest generation"
    if live.get("kind") == "DaemonSet":
        wanted, updated, ready = (status.get(k, 0) for k in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"))
    else:
        wanted = spec.get("replicas", 1)
        updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
        if live.get("kind") == "Deployment" and status.get("replicas", 0) > updated:
            return f"{status.get('replicas', 0) - updated} old pods still exist"
    if updated < wanted:
        return f"{updated} of {wanted} pods are updated"
    return "" if ready >= wanted else f"{ready} of {wanted} pods are ready"


def workloads_state(api: KubeApi, manifests: list[Manifest]) -> str:
    """Of all workloads among the manifests, the first that is not ready."""
    workloads = [item for item in manifests if item["kind"] in WORKLOADS]
    for item, live in zip(workloads, live_objects(api, workloads), strict=True):
        if state := workload_state(live):
            return f"{item['kind']} {item['metadata']['name']}: {state}"
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
    """While a Service has no ready endpoint, a request to it can leave the node and be answered by something else."""
    for namespace, name in services:
        slices = api.find("discovery.k8s.io/v1", "EndpointSlice", namespace, labels=f"kubernetes.io/service-name={name}")
        if not any((e.get("conditions") or {}).get("ready") for s in slices for e in s.get("endpoints") or []):
            return f"Service {namespace}/{name} has no ready endpoint"
    return ""


def accepted_state(api: KubeApi, objects: list[Manifest]) -> str:
    """Whether the API server and every webhook would accept the objects; nothing is created."""
    for item in objects:
        metadata = item["metadata"]
        path = api.path(item["apiVersion"], item["kind"], None, metadata.get("namespace"))
        if path is None:
            return f"the cluster does not serve {item['kind']}"
        try:
            api.request("POST", path, {"dryRun": "All"}, item)
        except KubeError as error:
            if error.status != 409:  # it exists: the webhooks were called, and accepted it
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
    """Pods that do not run, their last warnings and last log lines, in readable form."""
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
            # Admission reports its reasons to the creator.
            for maker in api.find("apps/v1", "ReplicaSet", namespace, labels=selector):
                found += _warnings(api, namespace, "ReplicaSet", maker["metadata"]["name"])
        for pod in pods:
            conditions = (pod.get("status") or {}).get("conditions") or []
            if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
                continue  # its warnings are from its start, and outdated
            found += _pod_causes(api, namespace, pod, lines)
    return found


def job_causes(api: KubeApi, namespace: str, names: list[str], lines: int = 8) -> list[str]:
    """The same of Jobs' pods."""
    found: list[str] = []
    for name in names:
        found += _warnings(api, namespace, "Job", name)
        for pod in api.find("v1", "Pod", namespace, labels=f"job-name={name}"):
            if (pod.get("status") or {}).get("phase") != "Succeeded":
                found += _pod_causes(api, namespace, pod, lines)
    return found


def held_causes(items: list[Manifest]) -> list[str]:
    """What blocks the deletion of live objects."""
    held = ((title(item), ", ".join(item["metadata"].get("finalizers") or [])) for item in items)
    return [f"{name} is still there" + (f", held by {finalizers}" if finalizers else "") for name, finalizers in held]


def _pod_causes(api: KubeApi, namespace: str, pod: Manifest, lines: int) -> list[str]:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    # A native sidecar is an init container, and its pod is not ready unless it is.
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    unready = [container for container in containers if not container.get("ready")]
    found = []
    for container in unready:
        state: dict[str, t.Any] = container.get("state") or {}
        detail: dict[str, t.Any] = next(iter(state.values()), {}) or {}
        said = [f"pod {name}, {container['name']}: {next(iter(state), 'unknown')}", detail.get("reason"), detail.get("message")]
        found.append(" ".join(filter(None, said)))
        for previous in ("false", "true"):
            log = log_lines(api, namespace, name, container["name"], lines, previous)
            found += [f"pod {name} logged: {line}" for line in log]
            if log:
                break
    # It is not scheduled, or only its readiness gates are missing.
    return found + ([] if unready else _condition_causes(pod)) + _warnings(api, namespace, "Pod", name)


def _condition_causes(pod: Manifest) -> list[str]:
    """A pod's own conditions, and those of its readiness gates that others set, such as a load balancer's controller."""
    name = pod["metadata"]["name"]
    gates = {gate["conditionType"] for gate in (pod.get("spec") or {}).get("readinessGates") or []}
    conditions = (pod.get("status") or {}).get("conditions") or []
    own = [c for c in conditions if c["type"] not in gates and c.get("status") == "False"]
    of_gates = [c for c in conditions if c["type"] in gates and c.get("status") != "True"]
    said = [(f"pod {name}:", c.get("reason"), c.get("message")) for c in own]
    said += [(f"pod {name}, {c['type']}:", c.get("reason") or c.get("status"), c.get("message")) for c in of_gates]
    return [" ".join(filter(None, parts)) for parts in said]


def _warnings(api: KubeApi, namespace: str, kind: str, name: str) -> list[str]:
    events = api.find("v1", "Event", namespace, fields=f"involvedObject.kind={kind},involvedObject.name={name},type=Warning")
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return [f"{kind} {name}: {event.get('reason')}: {printable(event.get('message', '')).strip()}" for event in events[-3:]]
