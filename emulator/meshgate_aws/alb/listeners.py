# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Listeners -> Envoy listeners, one per port, shared by all load balancers that have it."""

from __future__ import annotations

from collections.abc import Collection

from . import access_log, answers, tls
from .clusters import ENVOY, config_source
from .conditions import CLIENT_ADDRESS_KEY
from .layout import Layout
from .login.envoy import http_filter as login_filter
from .routes import Owned, forward_groups
from .state import Json, Listener

_LISTENER_FILTERS = f"{ENVOY}.extensions.filters.listener"
_NETWORK_FILTERS = f"{ENVOY}.extensions.filters.network"


def http_listener(port: int, plain: list[Owned], secure: list[Owned], layout: Layout, problems: list[str]) -> Json | None:
    chains = [
        {
            "name": chain.certificate.arn,
            "filter_chain_match": chain.match,
            "transport_socket": tls.transport_socket(chain),
            "filters": _http_filters("HTTPS", port, secure, layout),
        }
        for chain in (tls.chains(secure, problems) if secure else [])
    ]
    if plain:
        chains.append({"name": "-", "filter_chain_match": {"transport_protocol": "raw_buffer"}, "filters": _http_filters("HTTP", port, plain, layout)})
    if not chains:
        return None
    result = _listener(port, chains, layout)
    if secure:
        inspector = {"@type": f"{_LISTENER_FILTERS}.tls_inspector.v3.TlsInspector"}
        result["listener_filters"] = [{"name": "tls_inspector", "typed_config": inspector}]
    else:
        del chains[0]["filter_chain_match"]
    return result


def tcp_listener(listener: Listener, known_groups: Collection[str], layout: Layout) -> Json:
    weights = [(arn, weight) for arn, weight in forward_groups(listener.rules[-1].actions[0]) if weight > 0 and arn in known_groups]
    proxy: Json = {"@type": f"{_NETWORK_FILTERS}.tcp_proxy.v3.TcpProxy", "stat_prefix": "nlb", "idle_timeout": "350s"}
    if weights:
        proxy["weighted_clusters"] = {"clusters": [{"name": arn, "weight": weight} for arn, weight in weights]}
    else:
        proxy["cluster"] = "no-target-group"
    return _listener(listener.port, [{"name": "-", "filters": [{"name": "tcp", "typed_config": proxy}]}], layout)


def _listener(port: int, chains: list[Json], layout: Layout) -> Json:
    return {
        "@type": f"{ENVOY}.config.listener.v3.Listener",
        "name": f"port-{port}",
        "address": {"socket_address": {"address": layout.address, "port_value": port + layout.port_offset}},
        "enable_reuse_port": False,
        "filter_chains": chains,
    }


def _http_filters(protocol: str, port: int, owned: list[Owned], layout: Layout) -> list[Json]:
    name = routes_name(protocol, port)
    idle = f"{max(balancer.idle_timeout for balancer, _unused in owned)}s"
    manager = {
        "@type": f"{_NETWORK_FILTERS}.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "alb",
        # A plain HTTP listener of an ALB does not support HTTP/2.
        "codec_type": "AUTO" if protocol == "HTTPS" else "HTTP1",
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": owned[0][0].dns_name},
        "common_http_protocol_options": {"idle_timeout": idle},
        # A client that has started a request and sends nothing more: 408, "Troubleshoot your Application Load Balancers".
        "stream_idle_timeout": idle,
        "request_headers_timeout": idle,
        "rds": {"route_config_name": name, "config_source": config_source(str(layout.routes(name)))},
        # The peer is the client; the Lua filter adds its address to X-Forwarded-For, as each load balancer is configured.
        "use_remote_address": True,
        "skip_xff_append": True,
        "server_header_transformation": "PASS_THROUGH",
        "generate_request_id": False,
        "preserve_external_request_id": True,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "local_reply_config": answers.local_replies(),
        "access_log": [access_log.sink(protocol, port, layout)],
        "http_filters": [
            {
                "name": answers.LUA,
                "typed_config": {
                    "@type": f"{ENVOY}.extensions.filters.http.lua.v3.Lua",
                    "default_source_code": {"inline_string": answers.LUA_SCRIPT},
                },
            },
            login_filter(),
            {
                "name": "router",
                "typed_config": {"@type": f"{ENVOY}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True},
            },
        ],
    }
    client = {
        "@type": f"{_NETWORK_FILTERS}.set_filter_state.v3.Config",
        "on_new_connection": [
            {
                "object_key": CLIENT_ADDRESS_KEY,
                "format_string": {"text_format_source": {"inline_string": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"}},
            }
        ],
    }
    return [{"name": "client_address", "typed_config": client}, {"name": "http", "typed_config": manager}]


def routes_name(protocol: str, port: int) -> str:
    return f"{protocol.lower()}-{port}"
