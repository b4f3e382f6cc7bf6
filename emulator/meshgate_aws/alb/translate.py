# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulator's state -> everything that Envoy reads. A pure function: the same state gives the same files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from . import clusters, grpc_health, listeners, routes
from .layout import Layout
from .login.envoy import cluster as login_cluster
from .login.envoy import logs_in
from .routes import Owned
from .state import Json, State, TargetGroup


@dataclass
class Configuration:
    # Path -> resources of that file, in the order that Envoy needs: referenced resources first.
    files: dict[Path, list[Json]] = field(default_factory=dict)
    # Target groups that a listener sends to, and whose targets are therefore checked.
    groups: list[TargetGroup] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def translate(state: State, layout: Layout) -> Configuration:
    result = Configuration()
    used = _used_groups(state)
    result.groups = [group for group in state.target_groups if group.arn in used]
    known = {group.arn: group.protocol_version for group in result.groups}
    for group in result.groups:
        result.files[layout.endpoints(group.arn)] = [clusters.endpoints(group, layout)]
    result.files[layout.clusters] = [clusters.cluster(group, layout) for group in result.groups]

    served: list[Json] = []
    for port, by_protocol in sorted(_by_port(state, result.problems).items()):
        for protocol in ("HTTP", "HTTPS"):
            if by_protocol.get(protocol):
                name = listeners.routes_name(protocol, port)
                configuration = routes.route_configuration(name, by_protocol[protocol], known, result.problems)
                result.files[layout.routes(name)] = [configuration]
        if "TCP" in by_protocol:
            served.append(listeners.tcp_listener(by_protocol["TCP"][0][1], known, layout))
        else:
            listener = listeners.http_listener(port, by_protocol.get("HTTP", []), by_protocol.get("HTTPS", []), layout, result.problems)
            served += [listener] if listener else []
    if any(logs_in(rule) for rule in state.rules):
        result.files[layout.clusters].append(login_cluster(layout))
    if any(clusters.by_grpc_code(group) for group in result.groups):
        result.files[layout.clusters].append(grpc_health.cluster())
        served.append(grpc_health.listener(layout))
    result.files[layout.listeners] = served
    return result


def _used_groups(state: State) -> set[str]:
    return {arn for rule in state.rules for action in rule.actions if action.get("Type") == "forward" for arn, _unused in routes.forward_groups(action)}


def _by_port(state: State, problems: list[str]) -> dict[int, dict[str, list[Owned]]]:
    """Which listeners are on which port. HTTP and HTTPS can share a port (Host and TLS tell them apart), TCP cannot."""
    result: dict[int, dict[str, list[Owned]]] = {}
    for balancer in state.load_balancers:
        # Its targets are checked already, but no request comes through yet.
        for listener in () if balancer.provisioning else balancer.listeners:
            here = result.setdefault(listener.port, {})
            if listener.protocol not in ("HTTP", "HTTPS", "TCP"):
                problems.append(f"{listener.protocol} listeners are not emulated: {listener.arn}")
            elif here and (listener.protocol == "TCP" or "TCP" in here):
                problems.append(f"port {listener.port} is in use by an older load balancer: {listener.arn} is skipped")
            else:
                here.setdefault(listener.protocol, []).append((balancer, listener))
    return {port: here for port, here in result.items() if here}
