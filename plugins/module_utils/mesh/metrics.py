# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Istio's standard metrics from a stock Envoy, which lacks the filter that counts them in Istio's own.

Envoy's stats access logger counts the same requests under the same names, with `envoy_` before them. What it cannot know, such as the other side's
workload, scraping makes of what it can (see observability/scraping.py). It is made for the images that are built here, and never for Istio's own.
"""

from __future__ import annotations

import typing as t

from ..kube.objects import Manifest

NAME = "stock-envoy-metrics"
STATS = "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config"
_FILTERS = "type.googleapis.com/envoy.extensions.filters.network"
_HTTP = ("envoy.filters.network.http_connection_manager", f"{_FILTERS}.http_connection_manager.v3.HttpConnectionManager")
_TCP = ("envoy.filters.network.tcp_proxy", f"{_FILTERS}.tcp_proxy.v3.TcpProxy")

# The labels of a proxy's pod of which its metrics have labels. Prometheus finds the pod by the API server and knows them; a CEL expression for each of them, in
# each of four metrics of each request, took half of the time that counting takes.
OWN_LABELS = {
    "app": "app",
    "version": "version",
    "canonical_service": "service.istio.io/canonical-name",
    "canonical_revision": "service.istio.io/canonical-revision",
}

Reporter = t.Literal["source", "destination"]
Tags = dict[str, str]
# Whose view a listener's is. A gateway is the source, as in https://istio.io/latest/docs/reference/config/metrics/.
_REPORTERS: dict[str, Reporter] = {"SIDECAR_OUTBOUND": "source", "SIDECAR_INBOUND": "destination", "GATEWAY": "source"}
# Labels of no metric of Istio's, of which scraping makes others. Each decides the others alone: two series that differ in it only would become one.
# Name;namespace;canonical name;canonical revision;cluster of the workload behind an endpoint, as istiod puts it into its metadata.
PEER = "destination_peer"
# The Services of a cluster, as JSON. A CEL expression that looks into them costs ten times as much as all other tags together.
SERVICES = "destination_services"


def stock_envoy_filter(namespace: str, revision: str = "") -> Manifest:
    """In Istio's root namespace, it holds for all proxies of its revision. Without the label, those of others would take it, too, and count twice."""
    revision = revision or "default"
    metadata = {"name": f"{NAME}-{revision}", "namespace": namespace, "labels": {"istio.io/rev": revision}}
    patches = [
        patch
        for context, reporter in _REPORTERS.items()
        for patch in (_patch(context, _HTTP, http_logger(reporter, context)), _patch(context, _TCP, tcp_logger(reporter)))
    ]
    return {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": metadata, "spec": {"configPatches": patches}}


def _patch(context: str, network_filter: tuple[str, str], logger: Manifest) -> Manifest:
    name, kind = network_filter
    value = {"typed_config": {"@type": kind, "access_log": [logger]}}
    return {
        "applyTo": "NETWORK_FILTER",
        "match": {"context": context, "listener": {"filterChain": {"filter": {"name": name}}}},
        "patch": {"operation": "MERGE", "value": value},
    }


def http_logger(reporter: Reporter, context: str) -> Manifest:
    """Whether it was gRPC, and whether it was mutual TLS, shows in what is here: see observability/scraping.py."""
    tags = {
        **_ends(reporter),
        **_service(context),
        "response_code": "%RESPONSE_CODE%",
        "grpc_response_status": "%GRPC_STATUS_NUMBER%",
        "response_flags": "%RESPONSE_FLAGS%",
    }
    sizes = {"request_bytes": "%DOWNSTREAM_WIRE_BYTES_RECEIVED%", "response_bytes": "%DOWNSTREAM_WIRE_BYTES_SENT%"}
    duration = _histogram("request_duration_milliseconds", tags, "%DURATION%", "Milliseconds")
    return _logger([_counter("requests_total", tags)], [duration, *[_histogram(name, tags, value, "Bytes") for name, value in sizes.items()]])


def tcp_logger(reporter: Reporter) -> Manifest:
    """Written once, when a connection ends; Istio's own proxy counts while it is open."""
    tags = {**_ends(reporter), **_service(), "request_protocol": "tcp", "response_flags": "%RESPONSE_FLAGS%"}
    sizes = {"tcp_received_bytes_total": "%DOWNSTREAM_WIRE_BYTES_RECEIVED%", "tcp_sent_bytes_total": "%DOWNSTREAM_WIRE_BYTES_SENT%"}
    connections = [_counter(f"tcp_connections_{event}_total", tags) for event in ("opened", "closed")]
    return _logger([*connections, *[_counter(name, tags, value) for name, value in sizes.items()]], [])


def _ends(reporter: Reporter) -> Tags:
    """Who asks and who answers. A proxy knows itself, its peer's certificate, and as the source the endpoint that it chose."""
    own = {f"{reporter}_{name}": value for name, value in _own_workload().items()}
    if reporter == "destination":
        principals = {"source_principal": "%DOWNSTREAM_PEER_URI_SAN%", "destination_principal": "%DOWNSTREAM_LOCAL_URI_SAN%"}
        return {"reporter": reporter, **own, **principals}
    principals = {"source_principal": "%UPSTREAM_LOCAL_URI_SAN%", "destination_principal": "%UPSTREAM_PEER_URI_SAN%"}
    return {"reporter": reporter, **own, **principals, PEER: "%UPSTREAM_METADATA(istio:workload)%"}


def _own_workload() -> Tags:
    """From the proxy's environment, which costs nothing. What its pod's labels say is added where they are known already: see OWN_LABELS."""
    return {
        "workload": "%ENVIRONMENT(ISTIO_META_WORKLOAD_NAME)%",
        "workload_namespace": "%ENVIRONMENT(POD_NAMESPACE)%",
        "cluster": "%ENVIRONMENT(ISTIO_META_CLUSTER_ID)%",
    }


def _service(http_context: str = "") -> Tags:
    """The Service that was asked for. A request that leads to none has the name of the cluster that takes such, and from a sidecar the host that it named."""
    none = " || ".join(f"xds.cluster_name == '{name}'" for name in ("BlackHoleCluster", "PassthroughCluster", "InboundPassthroughCluster"))
    name = f"({none}) ? xds.cluster_name : ''"
    if http_context:
        name = f"xds.route_name == 'block_all' ? 'BlackHoleCluster' : xds.route_name == 'allow_any' ? 'PassthroughCluster' : {name}"
    host = {"destination_service": _cel(f"({none}) ? request.host : ''")} if http_context == "SIDECAR_OUTBOUND" else {}
    return {SERVICES: "%CLUSTER_METADATA(istio:services)%", "destination_service_name": _cel(name), **host}


def _cel(expression: str) -> str:
    return f"%CEL({expression})%"


def _stat(name: str, tags: Tags) -> Manifest:
    return {"name": name, "tags": [{"name": tag, "value_format": value} for tag, value in tags.items()]}


def _counter(name: str, tags: Tags, value: str = "") -> Manifest:
    return {"stat": _stat(name, tags), **({"value_format": value} if value else {"value_fixed": 1})}


def _histogram(name: str, tags: Tags, value: str, unit: str) -> Manifest:
    return {"stat": _stat(name, tags), "unit": unit, "value_format": value}


def _logger(counters: list[Manifest], histograms: list[Manifest]) -> Manifest:
    config = {"@type": STATS, "stats_scope": {"prefix": "istio"}, "counters": counters, **({"histograms": histograms} if histograms else {})}
    return {"name": "envoy.access_loggers.stats", "typed_config": config}
