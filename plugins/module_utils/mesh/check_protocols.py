# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with the protocols of hosts behind the load balancer, which tells them apart by host."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ..common.served_hosts import serves
from .inside import is_inside
from .names import Entry
from .protocols import spoken_by, version_of
from .said import said
from .setting import Setting


def problems_of_protocols(where: str, route: Entry, setting: Setting) -> Iterator[str]:
    if is_inside(route):
        return
    spoken = spoken_by(route, setting.apps)
    if {"grpc", "websocket"} <= spoken:
        accepted = "a host for each: the load balancer sends gRPC to targets of HTTP/2 only, and WebSocket to targets of HTTP/1.1 only"
        yield said(f"{where}: protocols", sorted(spoken), accepted)
    if "*" in route["hosts"] and version_of(route, setting.apps):
        yield said(
            f"{where}: hosts", route["hosts"], f"names, by which the load balancer tells what speaks {'grpc' if 'grpc' in spoken else 'http2'} from all others"
        )


def taken_by_patterns(routes: t.Sequence[Entry], setting: Setting) -> Iterator[str]:
    """A host of HTTP/1 below a pattern of another protocol: the load balancer would send its requests to that one's target group."""
    versions = {host: version_of(route, setting.apps) for route in routes if not is_inside(route) for host in route["hosts"]}
    for pattern, version in versions.items():
        for host, other in versions.items():
            if version and not other and pattern.startswith("*") and host not in (pattern, "*") and serves(pattern, host):
                yield f"host {host} is taken by {pattern}, whose target group takes {version} alone; accepted: names in place of {pattern}"
