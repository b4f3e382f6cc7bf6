# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Istio's own view: istioctl analyze, istioctl proxy-status, and pods that the injector has missed."""

from __future__ import annotations

import datetime
import json
import typing as t

from ansible_collections.meshgate.eks_istio.plugins.module_utils import mesh_pods, report_pods
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istioctl import Istioctl, last_error, parse_messages
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi
from ansible_collections.meshgate.eks_istio.plugins.module_utils.report import Section
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Manifest

COMMAND_TIMEOUT = 40.0
# A push that istiod sent this long ago should have been acknowledged.
STALE_AFTER = 10.0
FINE = ("SYNCED", "NOT_SENT", "UNKNOWN")
# What analyze says of sidecars is said of each pod by `sidecars`.
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
    """Of each proxy (NAME.NAMESPACE) and type of configuration: state, and since when. There is one JSON document for each istiod."""
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
    """A push on its way is stale for a moment; one that stays so is not taken."""
    return [kind for kind, (state, when) in sorted(types.items()) if state not in FINE and (not when or report_pods.age(when, now) > STALE_AFTER)]


def _with_running_proxy(pods: list[Manifest]) -> set[str]:
    return {
        f"{pod['metadata']['name']}.{pod['metadata']['namespace']}"
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp") and mesh_pods.sidecar_ready(pod)
    }


def injects(namespace: Manifest) -> bool:
    labels = namespace["metadata"].get("labels") or {}
    return labels.get("istio-injection") == "enabled" or bool(labels.get("istio.io/rev") and labels.get("istio-injection") != "disabled")


def sidecars(api: KubeApi) -> Section:
    """Pods in namespaces of the mesh that run without a proxy, and do not say that they want none."""
    section = Section("sidecars")
    spaces = {one["metadata"]["name"] for one in api.find("v1", "Namespace") if injects(one)}
    pods = [pod for pod in api.find("v1", "Pod") if pod["metadata"]["namespace"] in spaces and (pod.get("status") or {}).get("phase") in ("Pending", "Running")]
    without = [pod for pod in pods if not mesh_pods.sidecar(pod) and not _declines(pod)]
    section.lines.append(
        f"{len(pods) - len(without)} of {len(pods)} pods in {', '.join(sorted(spaces)) or 'no namespace of the mesh'} are in the mesh, or want not to be"
    )
    for pod in without:
        section.wrong("sidecar", f"{pod['metadata']['namespace']}/{pod['metadata']['name']} runs without one, in a namespace that is labelled for injection")
    return section


def _declines(pod: dict[str, t.Any]) -> bool:
    metadata = pod["metadata"]
    said = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    return said.get("sidecar.istio.io/inject") == "false" or bool((pod.get("spec") or {}).get("hostNetwork"))
