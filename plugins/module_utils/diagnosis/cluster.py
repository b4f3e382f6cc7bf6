# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Nodes, the platform's workloads, admission webhooks, and objects that should be deleted."""

from __future__ import annotations

import datetime
import typing as t

from ..kube.api import KubeApi
from ..kube.objects import Manifest
from ..kube.ready import workload_state
from . import pods as report_pods
from .report import Section

WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
# Kinds whose objects are deleted only after others have removed their finalizers.
HELD = (("v1", "Namespace"), ("networking.k8s.io/v1", "Ingress"), ("v1", "Service"), ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding"))
LATE = 60.0


def nodes(api: KubeApi) -> Section:
    section = Section("nodes")
    found = api.find("v1", "Node")
    if not found:
        section.wrong("node", "the cluster has no node")
    for node in found:
        name, status = node["metadata"]["name"], node.get("status") or {}
        conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
        ready = conditions.get("Ready") or {}
        is_ready = ready.get("status") == "True"
        section.lines.append(f"{name}: {'Ready' if is_ready else 'not ready'}, {(status.get('nodeInfo') or {}).get('kubeletVersion', '')}")
        if not is_ready:
            section.wrong("node", f"{name} is not ready: {ready.get('reason', 'NotReady')}: {ready.get('message', 'it has said nothing')}")
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"):
            if (conditions.get(kind) or {}).get("status") == "True":
                section.wrong("node", f"{name} has {kind}: {conditions[kind].get('message', '')}")
        if (node.get("spec") or {}).get("unschedulable"):
            section.noted("node", f"{name} is cordoned: no new pod goes there")
    return section


def workloads(api: KubeApi, expected: list[str]) -> Section:
    """`expected`: NAMESPACE/NAME of the Deployments that a platform must have."""
    section = Section("workloads")
    live: dict[str, Manifest] = {}
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        live |= {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one for one in api.find("apps/v1", kind)}
    gone = [name for name in expected if name not in live]
    if gone:
        section.wrong("missing", f"there is no Deployment {', '.join(gone)}")
    for name in expected:
        if name in live and (live[name].get("spec") or {}).get("replicas", 1) == 0:
            section.wrong("scaled", f"{name} is scaled to 0")
    for name, one in sorted(live.items()):
        state = workload_state(one)
        section.lines.append(f"{name}: {state or 'ready'}")
        if state and (one.get("spec") or {}).get("replicas", 1) and not _made(one):
            said = _refusals(api, one)
            if said:
                section.wrong("no_pods", f"{name}: {state}", *said)
    return section


def _made(workload: Manifest) -> bool:
    """Whether as many pods exist as requested; the checks of pods report why they are not ready."""
    status, spec = workload.get("status") or {}, workload.get("spec") or {}
    if workload["kind"] == "DaemonSet":
        return int(status.get("currentNumberScheduled", 0)) >= int(status.get("desiredNumberScheduled", 0))
    return int(status.get("updatedReplicas", 0)) >= int(spec.get("replicas", 1))


def _refusals(api: KubeApi, workload: Manifest) -> list[str]:
    """Why pods could not be created, from the Deployment's ReplicaSets or from the workload itself."""
    metadata = workload["metadata"]
    names = [(workload["kind"], metadata["name"])]
    if workload["kind"] == "Deployment":
        for replica_set in api.find("apps/v1", "ReplicaSet", metadata["namespace"]):
            if any(one.get("uid") == metadata.get("uid") for one in replica_set["metadata"].get("ownerReferences") or []):
                names.append(("ReplicaSet", replica_set["metadata"]["name"]))
    said = [line for kind, name in names for line in report_pods.warnings(api, metadata["namespace"], name, kind, 1) if line.startswith("FailedCreate")]
    conditions = (workload.get("status") or {}).get("conditions") or []
    return said or [f"{one.get('reason')}: {one.get('message')}" for one in conditions if one["type"] == "ReplicaFailure" and one["status"] == "True"]


def webhooks(api: KubeApi) -> Section:
    """What the API server must call before it accepts an object, and whether anything can answer."""
    section = Section("admission webhooks")
    slices: dict[tuple[str, str], bool] = {}
    for one in api.find("discovery.k8s.io/v1", "EndpointSlice"):
        key = (one["metadata"]["namespace"], (one["metadata"].get("labels") or {}).get("kubernetes.io/service-name", ""))
        slices[key] = slices.get(key, False) or any((end.get("conditions") or {}).get("ready") for end in one.get("endpoints") or [])
    for kind in WEBHOOKS:
        for item in api.find("admissionregistration.k8s.io/v1", kind):
            _judge_webhook(section, item, slices)
    return section


def _judge_webhook(section: Section, item: Manifest, slices: dict[tuple[str, str], bool]) -> None:
    services: dict[tuple[str, str], bool] = {}
    for webhook in item.get("webhooks") or []:
        service = (webhook.get("clientConfig") or {}).get("service")
        if service:
            key = (service["namespace"], service["name"])
            services[key] = services.get(key, False) or webhook.get("failurePolicy", "Fail") == "Fail"
    name = item["metadata"]["name"]
    for key, refuses in services.items():
        answers = slices.get(key, False)
        where = "/".join(key)
        section.lines.append(f"{name}: Service {where} {'is ready' if answers else 'has no ready endpoint'}")
        if not answers:
            what = f"{name} asks Service {where}, which has no ready endpoint"
            if refuses:
                section.wrong("webhook", f"{what}: the requests that it handles are rejected")
            else:
                section.noted("webhook", f"{what}: it is not called")


def terminating(api: KubeApi, now: datetime.datetime) -> Section:
    section = Section("what is being deleted")
    for api_version, kind in HELD:
        for item in api.find(api_version, kind):
            metadata = item["metadata"]
            if not metadata.get("deletionTimestamp"):
                continue
            name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
            seconds = report_pods.age(metadata["deletionTimestamp"], now)
            why = _held_by(item)
            section.lines.append(f"{kind} {name}: for {seconds:.0f} s; {why}")
            if seconds > LATE:
                section.wrong("terminating", f"{kind} {name} is being deleted for {seconds:.0f} s: {why}")
    return section


def _held_by(item: dict[str, t.Any]) -> str:
    holders = [*(item["metadata"].get("finalizers") or []), *((item.get("spec") or {}).get("finalizers") or [])]
    conditions = (item.get("status") or {}).get("conditions") or []
    said = [one["message"] for one in conditions if one.get("status") == "True" and one.get("message")]
    return "; ".join([f"held by {', '.join(holders) or 'nothing that it names'}", *said])
