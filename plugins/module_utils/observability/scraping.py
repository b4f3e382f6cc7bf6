# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What Prometheus asks the mesh, and how it reads the answers: one configuration for Istio's own proxies and for stock Envoys.

Pods that are to be asked say so in annotations, which Istio gives to its own and to all that have a sidecar, whose agent adds the app's own metrics
(https://istio.io/latest/docs/ops/integrations/prometheus/#option-1-metrics-merging).
"""

from __future__ import annotations

import re
import typing as t

from ..mesh.metrics import OWN_LABELS, PEER, SERVICES

Rule = dict[str, t.Any]

# Those of https://istio.io/latest/docs/reference/config/metrics/, and neither the agent's nor istiod's.
_STANDARD = "istio_(?:requests?|response|tcp)_[^;]*"
# What Istio's own proxy says where it does not know. Kiali takes no series that lacks one of these.
UNKNOWN = {
    **{
        f"{end}_{name}": "latest" if name == "canonical_revision" else "unknown"
        for end in ("source", "destination")
        for name in ("workload", "workload_namespace", "principal", "app", "version", "canonical_service", "canonical_revision", "cluster")
    },
    **{f"destination_service{part}": "unknown" for part in ("", "_name", "_namespace")},
}
# A service account as Istio writes it, and the workload's name in it: Istio's chart for gateways adds its own ending.
_ACCOUNT = r"spiffe://[^/]+/ns/([^/]+)/sa/(.+?)(?:-service-account)?"
_FROM_PEER = ("workload", "workload_namespace", "canonical_service", "canonical_revision", "cluster")
# What a pod's own labels are called between its discovery and its metrics. Those that Prometheus makes itself, such as `up`, keep them.
_OWN = "proxy_"
_POD = "__meta_kubernetes_pod"
_ANNOTATION = f"{_POD}_annotation_prometheus_io"


def metric_rules() -> list[Rule]:
    """They change nothing about what Istio's own proxy says."""
    return [
        _replace(["__name__"], f"envoy_({_STANDARD})", "__name__", "$1"),
        *_own(),
        *_peer(),
        *_service(),
        *_security(),
        *_caller(),
        *_protocol(),
        *[_replace(["__name__", label], f"{_STANDARD};", label, value) for label, value in UNKNOWN.items()],
        {"action": "labeldrop", "regex": f"{PEER}|{SERVICES}|{_OWN}({'|'.join(OWN_LABELS)})"},
    ]


def _replace(sources: list[str], regex: str, target: str, value: str) -> Rule:
    return {"source_labels": sources, "regex": regex, "target_label": target, "replacement": value}


def _own() -> list[Rule]:
    """What the proxy's pod says of itself, on the side that reports."""
    return [
        _replace(["__name__", "reporter", f"{end}_{name}", f"{_OWN}{name}"], f"{_STANDARD};{end};;(.+)", f"{end}_{name}", "$1")
        for end in ("source", "destination")
        for name in OWN_LABELS
    ]


def _peer() -> list[Rule]:
    """The source's view: istiod says five things of a workload, and Istio's canonical name and revision are made of the labels app and version."""
    fields = ";".join(["([^;]*)"] * len(_FROM_PEER))
    values = {**{name: f"${number}" for number, name in enumerate(_FROM_PEER, 1)}, "app": "$3", "version": "$4"}
    found = [_replace([PEER], fields, f"destination_{name}", value) for name, value in values.items()]
    return [*found, _replace([PEER, "destination_version"], ".+;latest", "destination_version", "unknown")]


def _service() -> list[Rule]:
    """The first of the Services that a cluster belongs to, as Istio's own proxy takes it."""
    names = {"destination_service": "host", "destination_service_name": "name", "destination_service_namespace": "namespace"}
    return [_replace([SERVICES], rf'\[\{{[^}}]*"{key}":"([^"]*)".*', label, "$1") for label, key in names.items()]


def _security() -> list[Rule]:
    """A connection with both certificates is mutual TLS; a source cannot know."""
    policy = "connection_security_policy"
    sources = ["__name__", "reporter", policy, "source_principal", "destination_principal"]
    said = {"source;;.*": "unknown", "destination;;.+;.+": "mutual_tls", "destination;;.*": "none"}
    return [_replace(sources, f"{_STANDARD};{seen}", policy, value) for seen, value in said.items()]


def _protocol() -> list[Rule]:
    """A response has a gRPC status if the request was gRPC. Connections say what they are."""
    sources = ["__name__", "request_protocol", "grpc_response_status"]
    return [_replace(sources, f"{_STANDARD};;{status}", "request_protocol", value) for status, value in ((".+", "grpc"), ("", "http"))]


def _caller() -> list[Rule]:
    """The destination's view: nothing but the service account is known of a caller. Its workload comes last, since that it is missing is the condition."""
    names = {"workload_namespace": "$1", "canonical_service": "$2", "app": "$2", "workload": "$2"}
    sources = ["__name__", "reporter", "source_workload", "source_principal"]
    # Images with a stock Envoy are those of one cluster. Kiali takes an edge's two reports for one edge only if they agree about it.
    cluster = [*sources[:2], "source_cluster", "source_principal", "destination_cluster"]
    return [
        _replace(cluster, f"{_STANDARD};destination;;{_ACCOUNT};(.+)", "source_cluster", "$3"),
        *[_replace(sources, f"{_STANDARD};destination;;{_ACCOUNT}", f"source_{name}", value) for name, value in names.items()],
    ]


def scrape_configs() -> list[Rule]:
    """`prometheus` is the server itself. Labels that a pod claims for itself do not replace where it was found (no honor_labels)."""
    return [
        {"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]},
        {
            "job_name": "kubernetes-pods",
            "kubernetes_sd_configs": [{"role": "pod"}],
            "relabel_configs": _target_rules(),
            "metric_relabel_configs": metric_rules(),
        },
    ]


def _target_rules() -> list[Rule]:
    """One target a pod, however many ports it has: what differs between these is not kept."""
    address = [f"{_ANNOTATION}_port", f"{_POD}_ip"]
    labels = {"namespace": "__meta_kubernetes_namespace", "pod": f"{_POD}_name", "node": f"{_POD}_node_name", "app": f"{_POD}_label_app"}
    labels |= {f"{_OWN}{name}": f"{_POD}_label_{re.sub('[^a-zA-Z0-9_]', '_', label)}" for name, label in OWN_LABELS.items()}
    return [
        {"source_labels": [f"{_ANNOTATION}_scrape"], "action": "keep", "regex": "true"},
        {"source_labels": [f"{_POD}_phase"], "action": "drop", "regex": "Pending|Succeeded|Failed"},
        _replace([f"{_ANNOTATION}_scheme"], "(https?)", "__scheme__", "$1"),
        _replace([f"{_ANNOTATION}_path"], "(.+)", "__metrics_path__", "$1"),
        _replace(address, r"(\d+);([^:]+)", "__address__", "$2:$1"),
        _replace(address, r"(\d+);(.*:.*)", "__address__", "[$2]:$1"),
        *[{"source_labels": [source], "target_label": label} for label, source in labels.items()],
    ]
