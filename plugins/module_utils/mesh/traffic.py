# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How the mesh reaches an app: its Services, and what callers' proxies do about slow and failing pods."""

from __future__ import annotations

import typing as t

from ..kube.objects import Manifest
from .names import WHOLE, Entry, Version, host_of, metadata_of, selector_of

# Where the app's entry does not say it. Half of the pods at most: where all fail, their cause is elsewhere, and an empty pool helps nobody.
OUTLIER_DETECTION = {"consecutive_5xx_errors": 5, "interval": "10s", "base_ejection_time": "30s", "max_ejection_percent": 50}
# Our words, and those of Istio's DestinationRule: https://istio.io/latest/docs/reference/config/networking/destination-rule/
OUTLIERS = {
    "consecutive_5xx_errors": "consecutive5xxErrors",
    "consecutive_gateway_errors": "consecutiveGatewayErrors",
    "interval": "interval",
    "base_ejection_time": "baseEjectionTime",
    "max_ejection_percent": "maxEjectionPercent",
    "min_health_percent": "minHealthPercent",
}
_POOL_TCP = {"max_connections": "maxConnections", "connect_timeout": "connectTimeout"}
_POOL_HTTP = {
    "http1_max_pending_requests": "http1MaxPendingRequests",
    "http2_max_requests": "http2MaxRequests",
    "max_requests_per_connection": "maxRequestsPerConnection",
    "max_retries": "maxRetries",
    "idle_timeout": "idleTimeout",
}
POOL = (*_POOL_TCP, *_POOL_HTTP)
BALANCING = {"round_robin": "ROUND_ROBIN", "least_request": "LEAST_REQUEST", "random": "RANDOM"}
# https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/: a port's name says "http" already.
APP_PROTOCOLS = {"http": None, "http2": "kubernetes.io/h2c", "grpc": "grpc", "websocket": "kubernetes.io/ws", "tcp": "tcp"}


def ports_of(app: Entry) -> list[dict[str, t.Any]]:
    """The app's ports, the first one being what routes lead to. C(port) alone is one port of HTTP."""
    ports = app.get("ports") or [{"port": app["port"], "container_port": app.get("container_port"), "protocol": app.get("protocol")}]
    return [_port(dict(port)) for port in ports]


def _port(port: dict[str, t.Any]) -> dict[str, t.Any]:
    protocol = port.get("protocol") or "http"
    return {"name": port.get("name") or protocol, "port": port["port"], "container_port": port.get("container_port") or port["port"], "protocol": protocol}


def service(app: Entry, version: Version = WHOLE) -> Manifest:
    ports = [_service_port(port) for port in ports_of(app)]
    spec = {"selector": selector_of(app, version), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata_of(app, version), "spec": spec}


def _service_port(port: Entry) -> dict[str, t.Any]:
    said = APP_PROTOCOLS[port["protocol"]]
    return {"name": port["name"], "port": port["port"], "targetPort": port["name"], **({"appProtocol": said} if said else {})}


def destination_rule(app: Entry, version: Version = WHOLE) -> Manifest:
    """One for each host: routes lead to the Services of versions, callers in the mesh to the app's."""
    outliers = app.get("outlier_detection")
    policy = {
        "loadBalancer": _load_balancer(app),
        "connectionPool": _connection_pool(app.get("connection_pool") or {}),
        "outlierDetection": _renamed({**OUTLIER_DETECTION, **outliers} if outliers else OUTLIER_DETECTION, OUTLIERS),
    }
    spec = {"host": host_of(app, version), "trafficPolicy": {key: value for key, value in policy.items() if value}}
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": metadata_of(app, version), "spec": spec}


def _load_balancer(app: Entry) -> dict[str, t.Any]:
    """A hash keeps a client with one pod; the nearest zone comes first only where asked for."""
    wanted, found = app.get("load_balancing") or {}, dict[str, t.Any]()
    if wanted.get("by"):
        found["simple"] = BALANCING[wanted["by"]]
    if wanted.get("cookie"):
        found["consistentHash"] = {"httpCookie": {"name": wanted["cookie"], "ttl": wanted.get("cookie_ttl", "0s")}}
    if wanted.get("header"):
        found["consistentHash"] = {"httpHeaderName": wanted["header"]}
    if wanted.get("zone_preference"):
        found["localityLbSetting"] = {"enabled": True}
    return found


def _connection_pool(wanted: Entry) -> dict[str, t.Any]:
    parts = {"tcp": _renamed(wanted, _POOL_TCP), "http": _renamed(wanted, _POOL_HTTP)}
    return {name: part for name, part in parts.items() if part}


def _renamed(wanted: Entry, words: t.Mapping[str, str]) -> dict[str, t.Any]:
    return {theirs: wanted[ours] for ours, theirs in words.items() if wanted.get(ours) is not None}
