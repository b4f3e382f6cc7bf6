# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Health checks by gRPC code. Envoy's own ask grpc.health.v1 only, and those by HTTP look at nothing but the status.

So they go through a listener of this Envoy that hands them on to the target and makes a status of the code: 200 for OK, 212 for UNIMPLEMENTED.
"""

from __future__ import annotations

from .clusters import ENVOY, GRPC_HEALTH_PORT
from .layout import Layout
from .state import Json

_CLUSTER = "grpc-health"
# An answer of Envoy itself, which a target that is not there gets, is no answer of the target.
_SCRIPT = """
function envoy_on_response(handle)
  local answered = handle:headers():get("x-envoy-upstream-service-time")
  handle:body()
  local trailers = handle:trailers()
  local code = handle:headers():get("grpc-status") or (trailers and trailers:get("grpc-status"))
  handle:headers():replace(":status", answered and tonumber(code) and tostring(200 + tonumber(code)) or "599")
end
"""


def cluster() -> Json:
    """The target is in the request's :authority."""
    version = {"@type": f"{ENVOY}.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}
    return {
        "@type": f"{ENVOY}.config.cluster.v3.Cluster",
        "name": _CLUSTER,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "5s",
        "original_dst_lb_config": {"use_http_header": True, "http_header_name": ":authority"},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": version},
    }


def listener(layout: Layout) -> Json:
    filters = f"{ENVOY}.extensions.filters"
    route = {"match": {"prefix": "/"}, "route": {"cluster": _CLUSTER, "timeout": "0s"}}
    manager = {
        "@type": f"{filters}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "grpc_health",
        "codec_type": "HTTP2",
        "route_config": {"virtual_hosts": [{"name": "targets", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "code", "typed_config": {"@type": f"{filters}.http.lua.v3.Lua", "default_source_code": {"inline_string": _SCRIPT}}},
            {"name": "router", "typed_config": {"@type": f"{filters}.http.router.v3.Router"}},
        ],
    }
    return {
        "@type": f"{ENVOY}.config.listener.v3.Listener",
        "name": "grpc-health",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": GRPC_HEALTH_PORT + layout.port_offset}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
