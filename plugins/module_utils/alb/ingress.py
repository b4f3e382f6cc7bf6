# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The load balancer controller's side of a cluster: bindings, readiness gates, and why it makes no progress."""

from __future__ import annotations

import json
import typing as t

from ..kube.api import KubeApi, KubeError
from ..kube.objects import Manifest

BINDING = ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding")
INGRESS = ("networking.k8s.io/v1", "Ingress")
GATE = "target-health.elbv2.k8s.aws/"
CONTROLLER = "app.kubernetes.io/name=aws-load-balancer-controller"


def backends(ingress: Manifest) -> list[tuple[str, str]]:
    """Namespace and name of every Service that an Ingress sends requests to."""
    namespace = ingress["metadata"].get("namespace") or "default"
    spec = ingress.get("spec") or {}
    found = [spec.get("defaultBackend") or {}]
    for rule in spec.get("rules") or []:
        found += [path.get("backend") or {} for path in (rule.get("http") or {}).get("paths") or []]
    names = [(backend.get("service") or {}).get("name") for backend in found]
    return list(dict.fromkeys((namespace, name) for name in names if name))


def bindings(api: KubeApi, services: t.Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Manifest]]:
    """The TargetGroupBindings of each Service."""
    result: dict[tuple[str, str], list[Manifest]] = {}
    for namespace, name in services:
        items = [] if (namespace, name) in result else api.find(*BINDING, namespace)
        live = [b for b in items if not b["metadata"].get("deletionTimestamp")]
        result[(namespace, name)] = [b for b in live if ((b.get("spec") or {}).get("serviceRef") or {}).get("name") == name]
    return result


def is_the_controllers(binding: Manifest) -> bool:
    """Whether the controller created it for an Ingress, and would create it again; users created the others."""
    return any(label.startswith("ingress.k8s.aws/stack") for label in binding["metadata"].get("labels") or {})


def bindings_state(api: KubeApi, services: t.Iterable[tuple[str, str]]) -> str:
    """Empty when every Service has its target group."""
    missing = [f"{namespace}/{name}" for (namespace, name), found in bindings(api, services).items() if not found]
    return f"no TargetGroupBinding yet for Service {', '.join(missing)}" if missing else ""


def ungated_pods(api: KubeApi, services: t.Iterable[tuple[str, str]]) -> list[Manifest]:
    """Pods behind the Services that do not wait for their target group's health.

    The controller's webhook gives the gate only to pods that are created after the TargetGroupBinding.
    """
    found = []
    for (namespace, name), bound in bindings(api, services).items():
        wanted = {GATE + b["metadata"]["name"] for b in bound if (b.get("spec") or {}).get("targetType") == "ip"}
        service = api.get("v1", "Service", name, namespace)
        selector = ((service or {}).get("spec") or {}).get("selector") or {}
        if not wanted or not selector:
            continue
        for pod in api.find("v1", "Pod", namespace, labels=",".join(f"{k}={v}" for k, v in selector.items())):
            gates = {gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []}
            if not pod["metadata"].get("deletionTimestamp") and not wanted <= gates:
                found.append(pod)
    return found


def owning_deployment(api: KubeApi, pod: Manifest) -> str:
    """The Deployment above a pod, by its ReplicaSet; empty if there is none."""
    namespace = pod["metadata"]["namespace"]
    for owner in pod["metadata"].get("ownerReferences") or []:
        replica_set = api.get("apps/v1", "ReplicaSet", owner["name"], namespace) if owner["kind"] == "ReplicaSet" else None
        for above in ((replica_set or {}).get("metadata") or {}).get("ownerReferences") or []:
            if above["kind"] == "Deployment":
                return str(above["name"])
    return ""


def causes(api: KubeApi, kind: str, name: str, namespace: str) -> list[str]:
    """Why an Ingress or a Gateway gets no load balancer: its last warning and the controller's last error."""
    if api.get(*(INGRESS if kind == "Ingress" else ("gateway.networking.k8s.io/v1", kind)), name, namespace) is None:
        return [f"{kind} {namespace}/{name} does not exist"]
    events = api.find("v1", "Event", namespace, fields=f"involvedObject.kind={kind},involvedObject.name={name},type=Warning")
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    found = [f"{kind} {namespace}/{name}: {event.get('reason')}: {(event.get('message') or '').strip()}" for event in events[-1:]]
    return found + controller_causes(api)


def controller_causes(api: KubeApi) -> list[str]:
    """That the controller does not exist, or its last error line."""
    pods = [pod for pod in api.find("v1", "Pod", None, labels=CONTROLLER) if not pod["metadata"].get("deletionTimestamp")]
    if not pods:
        return ["the AWS Load Balancer Controller is not running in this cluster"]
    found = []
    for pod in pods:
        metadata = pod["metadata"]
        try:
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
            text = str(api.request("GET", path, {"tailLines": "200"}))
        except KubeError as error:
            found.append(f"controller pod {metadata['name']}: {error}")
            continue
        line = last_error_line(text)
        if line:
            found.append(f"the controller logged: {line}")
    return found


def last_error_line(log: str) -> str:
    """The last error of the controller's JSON log, in short."""
    for line in reversed(log.splitlines()):
        try:
            entry = json.loads(line)
        except ValueError:
            if line.startswith("E"):
                return line.strip()
            continue
        if isinstance(entry, dict) and entry.get("level") == "error":
            return ": ".join(str(entry[key]) for key in ("ts", "msg", "error") if entry.get(key))
    return ""


def hostname(item: Manifest | None) -> str:
    """What the controller has published on an Ingress, a Gateway or a Service."""
    status = (item or {}).get("status") or {}
    for entry in (status.get("loadBalancer") or {}).get("ingress") or []:
        if entry.get("hostname"):
            return str(entry["hostname"])
    for address in status.get("addresses") or []:
        if address.get("type") == "Hostname" and address.get("value"):
            return str(address["value"])
    return ""
