# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Unhealthy pods: which container, why, and its last log lines."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass

from ..kube.api import KubeApi, KubeError
from ..kube.logs import log_lines
from ..kube.objects import Manifest
from .report import Section

NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable")
NOT_CREATED = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
# A pod may take this long to start, or this much longer than its grace period to end, before it is reported.
STARTS_WITHIN = 60.0
RESTARTED_WITHIN = 600.0
# How many pods with the same problem are shown.
SHOWN = 3


@dataclass(frozen=True)
class Trouble:
    symptom: str
    why: str
    container: str = ""
    note: bool = False


def age(timestamp: str | None, now: datetime.datetime) -> float:
    """Seconds since one of Kubernetes' timestamps."""
    if not timestamp:
        return 0.0
    return (now - datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00"))).total_seconds()


def trouble(pod: Manifest, now: datetime.datetime) -> Trouble | None:
    """What is wrong with a pod, its cause before its consequences."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    if metadata.get("deletionTimestamp"):
        late = age(metadata["deletionTimestamp"], now)  # the time at which its grace is over
        return Trouble("terminating", f"should have ended {late:.0f} s ago") if late > STARTS_WITHIN else None
    if status.get("phase") == "Succeeded":
        return None
    if status.get("phase") == "Failed":
        return Trouble("crash", " ".join(filter(None, ["failed:", status.get("reason"), status.get("message")])), _failed_container(status))
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in containers:
        found = _container_trouble(container)
        if found:
            return found
    conditions = {condition["type"]: condition for condition in status.get("conditions") or []}
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        return Trouble("scheduling", " ".join(filter(None, (scheduled.get("reason"), scheduled.get("message")))))
    if (conditions.get("Ready") or {}).get("status") == "True":
        return _restarted(containers, now)
    return _unready(pod, conditions, containers, age(metadata.get("creationTimestamp"), now))


def _container_trouble(container: dict[str, t.Any]) -> Trouble | None:
    name, state = container["name"], container.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    reason = waiting.get("reason", "")
    said = " ".join(filter(None, (reason, waiting.get("message"))))
    if reason in NO_IMAGE:
        return Trouble("image", said, name)
    if reason in NOT_CREATED:
        return Trouble("config", said, name)
    if reason == "CrashLoopBackOff":
        return Trouble("crash", f"{_ended((container.get('lastState') or {}).get('terminated') or {})}, {container.get('restartCount', 0)} restarts", name)
    if ended and ended.get("exitCode"):
        return Trouble("crash", f"{_ended(ended)}, {container.get('restartCount', 0)} restarts", name)
    return None


def _ended(state: dict[str, t.Any]) -> str:
    reason = state.get("reason", "")
    return f"ended with exit code {state.get('exitCode', '?')}" + (f" ({reason})" if reason and reason != "Error" else "")


def _failed_container(status: dict[str, t.Any]) -> str:
    every = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return next((one["name"] for one in every if ((one.get("state") or {}).get("terminated") or {}).get("exitCode")), "")


def _restarted(containers: list[dict[str, t.Any]], now: datetime.datetime) -> Trouble | None:
    for container in containers:
        last = (container.get("lastState") or {}).get("terminated") or {}
        if container.get("restartCount", 0) > 2 and last.get("finishedAt") and age(last["finishedAt"], now) < RESTARTED_WITHIN:
            return Trouble(
                "crash",
                f"is ready, but {_ended(last)} {age(last['finishedAt'], now):.0f} s ago, {container['restartCount']} restarts",
                container["name"],
                note=True,
            )
    return None


def _unready(pod: Manifest, conditions: dict[str, dict[str, t.Any]], containers: list[dict[str, t.Any]], seconds: float) -> Trouble:
    note = seconds < STARTS_WITHIN
    gates = [gate["conditionType"] for gate in (pod.get("spec") or {}).get("readinessGates") or []]
    if (conditions.get("ContainersReady") or {}).get("status") == "True":
        shut = [gate for gate in gates if (conditions.get(gate) or {}).get("status") != "True"]
        said = [" ".join(filter(None, ("waits for", gate, (conditions.get(gate) or {}).get("message")))) for gate in shut]
        return Trouble("unready", "; ".join(said) or "is not ready", note=note)
    pending = [one for one in containers if not one.get("ready")]
    running = [one for one in pending if (one.get("state") or {}).get("running") and one.get("started") is not False]
    initialized = (conditions.get("Initialized") or {}).get("status") == "True"
    if running and initialized:
        return Trouble("unready", f"runs, and its readiness probe fails ({seconds:.0f} s old)", running[0]["name"], note)
    reasons = {((one.get("state") or {}).get("waiting") or {}).get("reason") or "starting" for one in pending} or {"has no container yet"}
    return Trouble("starting", f"{', '.join(sorted(reasons))} ({seconds:.0f} s old)", pending[0]["name"] if pending else "", note)


def owner(pod: Manifest) -> str:
    """What pods with the same problem have in common."""
    metadata = pod["metadata"]
    return next((f"{one['kind']} {one['name']}" for one in metadata.get("ownerReferences") or []), metadata["name"])


def look(api: KubeApi, lines: int, now: datetime.datetime) -> Section:
    section = Section("pods")
    pods = api.find("v1", "Pod")
    found = [(pod, one) for pod in pods if (one := trouble(pod, now))]
    section.lines.append(f"{len(pods) - len(found)} of {len(pods)} pods are as they should be")
    shown: dict[tuple[str, str, str], int] = {}
    for pod, one in found:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        where = f"{namespace}/{name}" + (f", container {one.container}" if one.container else "")
        section.lines.append(f"{where}: {one.why}")
        key = (namespace, owner(pod), one.symptom)
        shown[key] = shown.get(key, 0) + 1
        if shown[key] > SHOWN:
            continue
        said = last_words(api, namespace, name, one.container, lines) if one.symptom in ("crash", "unready", "starting") else []
        if one.symptom != "image":  # its warnings repeat what its state says
            said += warnings(api, namespace, name)
        section.lines += [f"  | {line}" for line in said]
        (section.noted if one.note else section.wrong)(one.symptom, f"{where}: {one.why}", *said)
    return section


def last_words(api: KubeApi, namespace: str, pod: str, container: str, lines: int) -> list[str]:
    """The last lines of a container's log; those of the previous run if this one has none."""
    for previous in ("false", "true") if container else ():
        said = [line[:500] for line in log_lines(api, namespace, pod, container, lines, previous)]
        if said:
            return said
    return []


def warnings(api: KubeApi, namespace: str, name: str, kind: str = "Pod", last: int = 2) -> list[str]:
    """The last warnings about an object, oldest first."""
    fields = f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
    try:
        events = api.find("v1", "Event", namespace, fields=fields)
    except KubeError:
        return []
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return [f"{event.get('reason')}: {' '.join((event.get('message') or '').split())[:500]}" for event in events[-last:]]
