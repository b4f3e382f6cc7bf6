# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether pods are in the mesh: their sidecar, and their response to plain HTTP from outside it."""

from __future__ import annotations

import time
import typing as t

from ..kube.api import KubeApi, KubeError
from ..kube.objects import Manifest, labels_of

PROXY = "istio-proxy"
# The API server's messages if the pod closed or refused the connection.
_NO_ANSWER = "error trying to reach service"


def injects(namespace: Manifest) -> bool:
    """Whether its pods get a sidecar. C(istio-injection) precedes a revision."""
    labels = labels_of(namespace)
    return labels.get("istio-injection") == "enabled" or bool(labels.get("istio.io/rev") and labels.get("istio-injection") != "disabled")


def sidecar(pod: Manifest) -> str:
    """native (an init container that keeps running), container (the older way), or an empty string."""
    spec = pod["spec"]
    if any(c["name"] == PROXY and c.get("restartPolicy") == "Always" for c in spec.get("initContainers") or []):
        return "native"
    return "container" if any(c["name"] == PROXY for c in spec["containers"]) else ""


def sidecar_ready(pod: Manifest) -> bool:
    status = pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return any(c["name"] == PROXY and c.get("ready") for c in found)


def plain_http(api: KubeApi, pod: Manifest, port: int, path: str) -> str:
    """Send a request through the API server, which is outside the mesh: "refused", or the response.

    The sidecar's health port, which accepts plain HTTP from everyone, proves that the API server can reach the pod.
    """
    metadata = pod["metadata"]
    base = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
    try:
        api.request("GET", f"{base}:15021/proxy/healthz/ready")
    except KubeError as error:
        return f"unknown: the API server cannot reach the pod ({error})"
    try:
        answer = api.request("GET", f"{base}:{port}/proxy{path}")
    except KubeError as error:
        return "refused" if _NO_ANSWER in str(error) else f"answered with {error.status}: {error}"
    return f"answered with 200: {str(answer)[:100]}"


def look(api: KubeApi, namespace: str, selector: str, port: int, path: str) -> list[dict[str, t.Any]]:
    """Every running pod."""
    pods = [
        pod
        for pod in api.find("v1", "Pod", namespace, labels=selector)
        if (pod.get("status") or {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")
    ]
    answers = api.map(lambda pod: plain_http(api, pod, port, path) if port and sidecar(pod) else "", pods)
    return [
        {
            "name": pod["metadata"]["name"],
            "app": (pod["metadata"].get("labels") or {}).get("app", ""),
            "sidecar": sidecar(pod),
            "ready": sidecar_ready(pod),
            "plain_http": answer,
        }
        for pod, answer in zip(pods, answers, strict=True)
    ]


def complaints(pods: list[dict[str, t.Any]], apps: list[str], port: int) -> list[str]:
    """Empty if every app has pods, all with a ready sidecar, and none accepts plain HTTP."""
    found = [f"{app} has no running pod" for app in apps if not any(pod["app"] == app for pod in pods)]
    for pod in pods:
        if not pod["sidecar"]:
            found.append(f"pod {pod['name']} has no sidecar: it was created while the sidecar injector was down, or the namespace lacks the injection label")
        elif not pod["ready"]:
            found.append(f"pod {pod['name']}'s sidecar is not ready")
        elif port and pod["plain_http"] != "refused":
            found.append(f"pod {pod['name']}, port {port}: plain HTTP from outside the mesh must be rejected, but was {pod['plain_http']}")
    return found


def look_until_fine(
    api: KubeApi, namespace: str, selector: str, apps: list[str], port: int, path: str, timeout: float
) -> tuple[list[dict[str, t.Any]], list[str]]:
    """A new policy takes a moment to reach the sidecars."""
    end = time.monotonic() + timeout
    while True:
        pods = look(api, namespace, selector, port, path)
        found = complaints(pods, apps, port)
        if not found or time.monotonic() > end:
            return pods, found
        time.sleep(0.5)


def act(api: KubeApi, params: dict[str, t.Any]) -> dict[str, t.Any]:
    selector = f"app in ({','.join(params['apps'])})"
    pods, found = look_until_fine(api, params["namespace"], selector, params["apps"], params["port"], params["path"], params["timeout"])
    return {"changed": False, "pods": pods, "complaints": found}
