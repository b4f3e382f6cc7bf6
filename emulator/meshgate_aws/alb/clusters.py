# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Target groups -> Envoy clusters and endpoints."""

from __future__ import annotations

from .answers import METADATA
from .layout import Layout
from .state import Json, Target, TargetGroup

ENVOY = "type.googleapis.com/envoy"
CONNECT_TIMEOUT = "10s"
# Where checks by gRPC code are handed on to targets: see grpc_health.
GRPC_HEALTH_PORT = 7
_BALANCING = {"least_outstanding_requests": "LEAST_REQUEST", "weighted_random": "RANDOM"}


def _header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


_USER_AGENT = _header("user-agent", "ELB-HealthChecker/2.0")


def cluster(group: TargetGroup, layout: Layout) -> Json:
    result: Json = {
        "@type": f"{ENVOY}.config.cluster.v3.Cluster",
        "name": group.arn,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": config_source(str(layout.endpoints(group.arn)))},
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": _BALANCING.get(group.attributes.get("load_balancing.algorithm.type", ""), "ROUND_ROBIN"),
        "common_lb_config": {
            # Fail open: without a healthy target (below Envoy's minimum setting of 1 %), every target is tried.
            "healthy_panic_threshold": {"value": 1},
            # A new one waits for its first check all the same.
            "ignore_new_hosts_until_first_hc": True,
            # Otherwise a target that is healthy again could wait another second.
            "update_merge_window": "0s",
        },
        "ignore_health_on_host_removal": True,
        "metadata": {"filter_metadata": {METADATA: {"blocked": group.blocked}}},
    }
    if group.protocol in ("HTTP", "HTTPS"):
        version = "http_protocol_options" if group.protocol_version == "HTTP1" else "http2_protocol_options"
        result["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{ENVOY}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {version: {}},
            }
        }
    if group.protocol == "HTTPS":
        result["transport_socket"] = _socket(tls=True)
    if group.health_check.enabled:
        result["health_checks"] = [_health_check(group, layout)]
        result["transport_socket_matches"] = [
            {"name": "health", "match": {"health": True}, "transport_socket": _socket(group.health_check.protocol == "HTTPS")}
        ]
    return result


def endpoints(group: TargetGroup, layout: Layout) -> Json:
    return {
        "@type": f"{ENVOY}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": group.arn,
        "endpoints": [{"lb_endpoints": [{"endpoint": _endpoint(group, target, layout)} for target in group.serving]}],
    }


def config_source(path: str) -> Json:
    return {"path_config_source": {"path": path}, "resource_api_version": "V3"}


def _endpoint(group: TargetGroup, target: Target, layout: Layout) -> Json:
    check: Json = {"hostname": f"{target.id}:{target.port}"}
    if group.health_check.port != "traffic-port":
        port = int(group.health_check.port)
        check = {"hostname": f"{target.id}:{port}", "port_value": port}
    if by_grpc_code(group):
        address = {"address": "127.0.0.1", "port_value": GRPC_HEALTH_PORT + layout.port_offset}
        check = {"hostname": check["hostname"], "address": {"socket_address": address}}
    return {"address": {"socket_address": {"address": target.id, "port_value": target.port}}, "health_check_config": check}


def by_grpc_code(group: TargetGroup) -> bool:
    return group.protocol_version == "GRPC" and group.health_check.protocol == "HTTP"


def _socket(tls: bool) -> Json:
    if tls:
        # A load balancer encrypts to its targets and does not verify their certificates.
        return {"name": "tls", "typed_config": {"@type": f"{ENVOY}.extensions.transport_sockets.tls.v3.UpstreamTlsContext"}}
    return {"name": "plain", "typed_config": {"@type": f"{ENVOY}.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}}


def _health_check(group: TargetGroup, layout: Layout) -> Json:
    check = group.health_check
    interval = f"{check.interval}s"
    result: Json = {
        "interval": interval,
        # By default, Envoy checks a cluster without traffic once a minute.
        "no_traffic_interval": interval,
        "timeout": f"{check.timeout}s",
        "healthy_threshold": check.healthy_threshold,
        "unhealthy_threshold": check.unhealthy_threshold,
        "reuse_connection": False,
        "transport_socket_match_criteria": {"health": True},
        "always_log_health_check_failures": True,
        "event_logger": [
            {
                "name": "envoy.health_check.event_sink.file",
                "typed_config": {
                    "@type": f"{ENVOY}.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink",
                    "event_log_path": str(layout.health_pipe),
                },
            }
        ],
    }
    if by_grpc_code(group):
        result["http_health_check"] = {
            "path": check.path,
            "method": "POST",
            "send": {"text": "0000000000"},  # an empty message
            "codec_client_type": "HTTP2",
            "expected_statuses": [{"start": 200 + one["start"], "end": 200 + one["end"]} for one in status_ranges(check.matcher)],
            "retriable_statuses": [{"start": 100, "end": 600}],
            "request_headers_to_add": [_header("content-type", "application/grpc"), _header("te", "trailers"), _USER_AGENT],
        }
    # Those by TLS are only checked by connecting: their matcher has gRPC codes.
    elif check.protocol in ("HTTP", "HTTPS") and group.protocol_version != "GRPC":
        result["http_health_check"] = {
            "path": check.path,
            "expected_statuses": status_ranges(check.matcher),
            # Without this, one wrong status would count as many as the unhealthy threshold.
            "retriable_statuses": [{"start": 100, "end": 600}],
            "codec_client_type": "HTTP2" if group.protocol_version == "HTTP2" else "HTTP1",
            "request_headers_to_add": [_USER_AGENT],
        }
    else:
        result["tcp_health_check"] = {}
    return result


def status_ranges(matcher: str) -> list[Json]:
    """`200,202-204` as half-open ranges."""
    ranges = []
    for part in matcher.split(","):
        first, _unused, last = part.strip().partition("-")
        ranges.append({"start": int(first), "end": int(last or first) + 1})
    return ranges
