# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The results of Envoy's health checks, in terms of DescribeTargetHealth."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .state import Json, Target, TargetGroup

# A target in Envoy: cluster, address, port.
Host = tuple[str, str, int]

_FAILURES = {
    "NETWORK": ("Target.FailedHealthChecks", "Health checks failed"),
    "NETWORK_TIMEOUT": ("Target.Timeout", "Request timed out"),
    "ACTIVE": ("Target.ResponseCodeMismatch", "Health checks failed with unexpected response codes"),
    # A draining gateway sets x-envoy-immediate-health-check-fail in its responses, whatever their status.
    "PASSIVE": ("Target.FailedHealthChecks", "Health checks failed"),
}


def hosts(clusters: Json) -> dict[Host, Json]:
    """Health flags of every host, from the admin API's `/clusters?format=json`."""
    result: dict[Host, Json] = {}
    for cluster in clusters.get("cluster_statuses", ()):
        for host in cluster.get("host_statuses", ()):
            socket = host["address"].get("socket_address")
            if socket is None:  # no target, but the daemon
                continue
            result[(cluster["name"], socket["address"], int(socket["port_value"]))] = host.get("health_status", {})
    return result


def collect_failures(events: Iterator[str], failures: dict[Host, str]) -> None:
    """Envoy's health check events: the kind of each target's last failure."""
    for line in events:
        try:
            event = json.loads(line)
            socket = event["host"]["socket_address"]
            key = (event["cluster_name"], socket["address"], int(socket["port_value"]))
        except (ValueError, KeyError):
            continue
        for name in ("health_check_failure_event", "eject_unhealthy_event"):
            if name in event:
                # A protobuf's first enum value is omitted from its JSON.
                failures[key] = event[name].get("failure_type", "ACTIVE")


def report(groups: list[TargetGroup], flags: dict[Host, Json], failures: dict[Host, str]) -> list[Json]:
    """The results for registered targets; ELBv2 itself knows which others are draining, or in no listener's group."""
    return [
        {"target_group_arn": group.arn, "id": target.id, "port": target.port, **_verdict(group, target, flags, failures)}
        for group in groups
        for target in group.targets
        if not target.draining
    ]


def _verdict(group: TargetGroup, target: Target, flags: dict[Host, Json], failures: dict[Host, str]) -> Json:
    if not target.reachable:
        return _say("unhealthy", "Target.Timeout", ": ".join(filter(None, ("Request timed out", target.unreachable_reason))))
    if not group.health_check.enabled:
        return _say("unavailable", "Target.HealthCheckDisabled", "Health checks are not enabled for this target group")
    key = (group.arn, target.id, target.port)
    host = flags.get(key)
    if host is None or host.get("pending_active_hc"):
        return _say("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
    if not host.get("failed_active_health_check"):
        return _say("healthy", "", "")
    failure = "NETWORK_TIMEOUT" if host.get("active_hc_timeout") else failures.get(key, "NETWORK")
    return _say("unhealthy", *_FAILURES.get(failure, _FAILURES["ACTIVE"]))


def _say(state: str, reason: str, description: str) -> Json:
    return {"state": state, "reason": reason, "description": description}
