# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How Envoy is told to ask: a filter that is off, but on the routes of rules with a login."""

from __future__ import annotations

from ..clusters import ENVOY
from ..layout import Layout
from ..state import Json, Rule
from .flow import ACCESS_TOKEN, IDENTITY

ACTION = "authenticate-oidc"
FILTER, _CLUSTER = "login", "login"
# From the Lua filter to the daemon, and no further.
RULE_HEADER = "x-meshgate-rule"
# The other way: Envoy takes a status of 500 and above for no answer at all.
STATUS_HEADER = "x-meshgate-status"
# Which actions may come after it. A redirect would be answered before it.
_GOES_ON = ("forward", "fixed-response")
_EXT_AUTHZ = f"{ENVOY}.extensions.filters.http.ext_authz.v3"


def logs_in(rule: Rule) -> bool:
    kinds = rule.kinds
    return len(kinds) == 2 and kinds[0] == ACTION and kinds[1] in _GOES_ON


def http_filter() -> Json:
    def headers(*names: str) -> Json:
        return {"patterns": [{"exact": name} for name in names]}

    return {
        "name": FILTER,
        "disabled": True,
        "typed_config": {
            "@type": f"{_EXT_AUTHZ}.ExtAuthz",
            "http_service": {
                "server_uri": {"uri": "http://login", "cluster": _CLUSTER, "timeout": "25s"},
                "authorization_response": {
                    "allowed_upstream_headers": headers(IDENTITY, ACCESS_TOKEN),
                    "allowed_client_headers": headers("location", "set-cookie", "server", "cache-control", "content-type", STATUS_HEADER),
                },
            },
            "allowed_headers": headers("cookie", RULE_HEADER),
            "failure_mode_allow": False,
            "status_on_error": {"code": "InternalServerError"},
        },
    }


def on_this_route() -> Json:
    return {FILTER: {"@type": f"{_EXT_AUTHZ}.ExtAuthzPerRoute", "check_settings": {}}}


def cluster(layout: Layout) -> Json:
    address = {"pipe": {"path": str(layout.login_socket)}}
    return {
        "@type": f"{ENVOY}.config.cluster.v3.Cluster",
        "name": _CLUSTER,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": _CLUSTER, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
    }
