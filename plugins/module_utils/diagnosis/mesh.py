# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Istio's own view: istioctl analyze, istioctl proxy-status, and pods that the injector has missed."""

from __future__ import annotations

import datetime
import json
import typing as t

from ..istio import operator as istio_operator
from ..istio import pods as mesh_pods
from ..istio.istioctl import Istioctl, last_error, parse_messages
from ..kube.api import KubeApi
from ..kube.objects import Manifest
from . import pods as report_pods
from .report import Section

COMMAND_TIMEOUT = 40.0
# A push that istiod sent this long ago should have been acknowledged.
STALE_AFTER = 10.0
FINE = ("SYNCED", "NOT_SENT", "UNKNOWN")
# analyze's messages about sidecars: `sidecars` reports each pod.
SAID_ELSEWHERE = ("IST0103",)


def analyze(istioctl: Istioctl) -> Section:
    section = Section("istioctl analyze")
    answer = istioctl.runner(istioctl.command("analyze", "--all-namespaces", "--output=json"), COMMAND_TIMEOUT)
    found = parse_messages(answer.stdout)
    if answer.rc == 127:
        section.wrong("tool", last_error(answer))
        return section
    if found is None or (answer.rc and not any(found)):
        section.unknown = f"istioctl analyze: {last_error(answer)}"
        return section
    errors, warnings = ([line for line in lines if not line.startswith(SAID_ELSEWHERE)] for lines in found)
    section.lines = [*errors, *warnings] or ["no error, no warning"]
    for line in errors:
        section.wrong("analyze", line)
    for line in warnings:
        section.noted("analyze", line)
    return section


def proxy_status(istioctl: Istioctl, api: KubeApi, now: datetime.datetime) -> Section:
    section = Section("istioctl proxy-status")
    answer = istioctl.runner(istioctl.command("proxy-status", "--output=json", "--timeout=20s"), COMMAND_TIMEOUT)
    if answer.rc == 127:
        section.unknown = last_error(answer)
        return section
    if answer.rc:
        section.wrong("proxy", f"istiod does not say what its proxies have: {last_error(answer)}")
        return section
    proxies = parse(answer.stdout)
    for name, types in sorted(proxies.items()):
        behind = stale(types, now)
        section.lines.append(f"{name}: {', '.join(f'{kind} {state}' for kind, (state, _when) in sorted(types.items()) if state not in FINE) or 'all of it'}")
        if behind:
            section.wrong("proxy", f"{name} has not taken its newest {', '.join(behind)}")
    pods = api.find("v1", "Pod")
    lost = sorted(_with_running_proxy(pods) - set(proxies))
    if lost:
        section.wrong("proxy", f"{len(lost)} of {len(lost) + len(proxies)} proxies are not connected to istiod", *lost)
    return section


def parse(text: str) -> dict[str, dict[str, tuple[str, str]]]:
    """For each proxy (NAME.NAMESPACE) and type of configuration: state, and since when. There is one JSON document for each istiod."""
    decoder, found, at = json.JSONDecoder(), {}, text.find("{")
    while at >= 0:
        document, end = decoder.raw_decode(text, at)
        for resource in document.get("resources") or []:
            name = str((resource.get("node") or {}).get("id", "")).split("~")[-2:-1] or [str((resource.get("node") or {}).get("id", ""))]
            found[name[0]] = {
                str(config.get("typeUrl", "")).rpartition(".")[2]: (config.get("configStatus", "UNKNOWN"), config.get("lastUpdated", ""))
                for config in resource.get("genericXdsConfigs") or []
            }
        at = text.find("{", end)
    return found


def stale(types: dict[str, tuple[str, str]], now: datetime.datetime) -> list[str]:
    """A push in progress is stale for a moment; one that stays stale was not accepted."""
    return [kind for kind, (state, when) in sorted(types.items()) if state not in FINE and (not when or report_pods.age(when, now) > STALE_AFTER)]


def _with_running_proxy(pods: list[Manifest]) -> set[str]:
    return {
        f"{pod['metadata']['name']}.{pod['metadata']['namespace']}"
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp") and mesh_pods.sidecar_ready(pod)
    }


def asked_by(namespace: Manifest) -> str:
    """The label by which a namespace asks for sidecars."""
    labels = namespace["metadata"].get("labels") or {}
    return "istio-injection=enabled" if labels.get("istio-injection") == "enabled" else f"istio.io/rev={labels.get('istio.io/rev')}"


def selects(selector: dict[str, t.Any] | None, labels: dict[str, str]) -> bool:
    """As the API server evaluates a label selector."""
    wanted = (selector or {}).get("matchLabels") or {}
    return wanted.items() <= labels.items() and all(_fits(one, labels) for one in (selector or {}).get("matchExpressions") or [])


def _fits(one: dict[str, t.Any], labels: dict[str, str]) -> bool:
    key, values = one["key"], one.get("values") or []
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[one["operator"]]


def is_active(webhook: dict[str, t.Any], namespace: Manifest) -> bool:
    """Whether a pod without its own labels is sent to an injector. istioctl disables an injector with a selector that matches nothing."""
    return selects(webhook.get("namespaceSelector"), namespace["metadata"].get("labels") or {}) and selects(webhook.get("objectSelector"), {})


def without_injector(api: KubeApi, spaces: list[Manifest]) -> dict[str, list[str]]:
    """Labels with which namespaces ask for sidecars but which no injector selects, each with the namespaces."""
    webhooks = [webhook for found in api.find(*istio_operator.CLUSTER_KINDS[0], labels="app=sidecar-injector") for webhook in found.get("webhooks") or []]
    dead: dict[str, list[str]] = {}
    for space in spaces:
        if not any(is_active(webhook, space) for webhook in webhooks):
            dead.setdefault(asked_by(space), []).append(space["metadata"]["name"])
    return dead


def sidecars(api: KubeApi) -> Section:
    """Pods in namespaces of the mesh that run without a proxy, and do not opt out; and namespaces without an injector."""
    section = Section("sidecars")
    labelled = [one for one in api.find("v1", "Namespace") if mesh_pods.injects(one)]
    dead, spaces = without_injector(api, labelled), {one["metadata"]["name"] for one in labelled}
    pods = [pod for pod in api.find("v1", "Pod") if pod["metadata"]["namespace"] in spaces and (pod.get("status") or {}).get("phase") in ("Pending", "Running")]
    without = [pod for pod in pods if not mesh_pods.sidecar(pod) and not _declines(pod)]
    section.lines.append(
        f"{len(pods) - len(without)} of {len(pods)} pods in {', '.join(sorted(spaces)) or 'no namespace of the mesh'} are in the mesh, or want not to be"
    )
    for label, names in sorted(dead.items()):
        missed = [f"{_name(pod)} runs without a sidecar" for pod in without if pod["metadata"]["namespace"] in names]
        section.wrong("injector", f"no injector is active for the label {label} of {', '.join(sorted(names))}: new pods there get no sidecar", *missed)
    unheard = {name for names in dead.values() for name in names}
    for pod in (one for one in without if one["metadata"]["namespace"] not in unheard):
        section.wrong("sidecar", f"{_name(pod)} runs without one, in a namespace that is labelled for injection")
    return section


def _name(pod: Manifest) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _declines(pod: dict[str, t.Any]) -> bool:
    metadata = pod["metadata"]
    said = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    return said.get("sidecar.istio.io/inject") == "false" or bool((pod.get("spec") or {}).get("hostNetwork"))
