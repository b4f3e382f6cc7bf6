# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the load balancer speaks to the gateway for a route's hosts: HTTP/1.1, or what all of its destinations speak."""

from __future__ import annotations

import typing as t

from .inside import is_inside
from .names import Entry
from .traffic import ports_of

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version
VERSIONS = {"grpc": "GRPC", "http2": "HTTP2"}


def spoken_by(route: Entry, apps: t.Sequence[Entry]) -> set[str]:
    """The protocols of its destinations. Of a Service or a host outside, nobody says it."""
    found = (_protocol(to, route, apps) for rule in route.get("rules") or [] for to in rule.get("to") or [])
    return {protocol for protocol in found if protocol}


def _protocol(to: Entry, route: Entry, apps: t.Sequence[Entry]) -> str | None:
    place = (to.get("app"), to.get("namespace") or route.get("namespace"))
    ports = next((ports_of(app) for app in apps if (app.get("name"), app.get("namespace")) == place), [])
    wanted = to.get("port") if to.get("port") is not None or not ports else ports[0]["port"]
    return next((str(port["protocol"]) for port in ports if port["port"] == wanted), None)


def version_of(route: Entry, apps: t.Sequence[Entry]) -> str | None:
    """The protocol version of a target group of its own. None: the gateway's target group for all other hosts takes its requests, as HTTP/1.1.

    What takes HTTP/2 takes gRPC, too; what takes HTTP/1.1 does not.
    """
    spoken = spoken_by(route, apps)
    if is_inside(route):
        return None
    if len(spoken) > 1:
        return "HTTP2" if "grpc" in spoken else None
    return VERSIONS.get(next(iter(spoken), ""))


def hosts_of_versions(routes: t.Sequence[Entry], apps: t.Sequence[Entry]) -> dict[str, list[str]]:
    """The hosts for which each version is needed."""
    found: dict[str, list[str]] = {}
    for route in routes:
        version = version_of(route, apps)
        if version:
            found.setdefault(version, []).extend(route["hosts"])
    return found
