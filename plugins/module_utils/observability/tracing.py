# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Jaeger, which takes the spans of proxies and apps by OpenTelemetry, and the share of requests of which proxies send any. Plain data in, manifests out.

The Services' names are those of Istio's own samples, which tools and documents refer to. Traces are kept in memory: the newest ones, until the pod ends.
"""

from __future__ import annotations

from collections.abc import Collection

from ..kube.objects import Manifest
from ..kube.stream import yaml_text
from .part import Part, Wanted, api_server, pods, probe

NAME = "jaeger"
# The mesh's provider of this name, which role istio puts into its configuration.
PROVIDER = "jaeger"
COLLECTOR, QUERY = "jaeger-collector", "tracing"
TELEMETRY = "tracing"
_COLLECTS = {"grpc-otel": 4317, "http-otel": 4318}
_ANSWERS = {"http-query": 16686, "grpc-query": 16685}
_HEALTH = {"health": 13133}
_CONFIG = "/etc/jaeger"
_STORE = "traces"


def manifests(wanted: Wanted, namespace: str, _components: Collection[str]) -> list[Manifest]:
    """C(wanted): image, resources, sampling (percent), traces (how many are kept), api_server_cidrs."""
    # `istioctl dashboard jaeger` looks for the first label.
    part = Part(NAME, namespace, {"app": NAME, "app.kubernetes.io/name": NAME}, 10001)
    said = configuration(wanted)
    query = part.service(_ANSWERS, QUERY)
    query["spec"]["ports"][0]["port"] = 80
    return [
        part.account(),
        part.config_map({"config.yaml": yaml_text(said)}),
        _deployment(part, wanted, said),
        part.service(_COLLECTS, COLLECTOR),
        query,
        # Every proxy, and every app that wants to, sends spans.
        part.policy([([{"namespaceSelector": {}}], _COLLECTS.values()), ([pods("kiali"), *api_server(wanted)], _ANSWERS.values())]),
        telemetry(wanted, namespace),
    ]


def telemetry(wanted: Wanted, namespace: str) -> Manifest:
    """For the whole mesh, since it is in Istio's root namespace and selects nothing."""
    tracing = [{"providers": [{"name": PROVIDER}], "randomSamplingPercentage": float(wanted["sampling"])}]
    metadata = {"name": TELEMETRY, "namespace": namespace}
    return {"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": metadata, "spec": {"tracing": tracing}}


def configuration(wanted: Wanted) -> Manifest:
    everywhere = "0.0.0.0"  # noqa: S104 (in a pod, behind a NetworkPolicy)
    return {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {"traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["jaeger_storage_exporter"]}},
            "telemetry": {"resource": {"service.name": NAME}, "metrics": {"level": "none"}, "logs": {"level": "warn"}},
        },
        "extensions": {
            "jaeger_storage": {"backends": {_STORE: {"memory": {"max_traces": wanted["traces"]}}}},
            "jaeger_query": {
                "base_path": "/jaeger",
                "storage": {"traces": _STORE},
                "http": {"endpoint": f"{everywhere}:{_ANSWERS['http-query']}"},
                "grpc": {"endpoint": f"{everywhere}:{_ANSWERS['grpc-query']}"},
            },
            "healthcheckv2": {"use_v2": True, "http": {"endpoint": f"{everywhere}:{_HEALTH['health']}"}},
        },
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"{everywhere}:{_COLLECTS['grpc-otel']}"},
                    "http": {"endpoint": f"{everywhere}:{_COLLECTS['http-otel']}"},
                }
            }
        },
        "processors": {"batch": {}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": _STORE}},
    }


def _deployment(part: Part, wanted: Wanted, said: Manifest) -> Manifest:
    container = part.container(
        wanted,
        {**_COLLECTS, **_ANSWERS, **_HEALTH},
        args=[f"--config={_CONFIG}/config.yaml"],
        startupProbe=probe("/status", "health", periodSeconds=1, failureThreshold=60),
        readinessProbe=probe("/status", "health", periodSeconds=5, timeoutSeconds=5),
        livenessProbe=probe("/status", "health", periodSeconds=15, timeoutSeconds=5),
        volumeMounts=[{"name": "config", "mountPath": _CONFIG, "readOnly": True}],
    )
    return part.deployment(container, [{"name": "config", "configMap": {"name": NAME}}], restart_for=said)
