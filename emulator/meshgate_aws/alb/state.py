# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The load balancers' state in the emulator's control API (`GET /_meshgate/alb`), as typed values."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Certificate:
    arn: str
    pem: str
    private_key: str
    domains: tuple[str, ...]
    is_default: bool


@dataclass(frozen=True)
class Rule:
    """Conditions and actions stay in the ELBv2 API's format."""

    arn: str
    priority: str
    conditions: tuple[Json, ...]
    actions: tuple[Json, ...]

    @property
    def order(self) -> float:
        return float("inf") if self.priority == "default" else int(self.priority)

    @property
    def kinds(self) -> list[str]:
        return [str(action["Type"]) for action in self.actions]


@dataclass(frozen=True)
class Listener:
    arn: str
    port: int
    protocol: str
    ssl_policy: str
    certificates: tuple[Certificate, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class LoadBalancer:
    arn: str
    dns_name: str
    names: tuple[str, ...]
    type: str
    provisioning: bool
    attributes: dict[str, str]
    listeners: tuple[Listener, ...]

    @property
    def resource_id(self) -> str:
        """`app/name/id`, as access logs call a load balancer."""
        return self.arn.partition(":loadbalancer/")[2] or self.arn

    @property
    def idle_timeout(self) -> int:
        return int(self.attributes.get("idle_timeout.timeout_seconds") or 60)


@dataclass(frozen=True)
class Target:
    id: str
    port: int
    draining: bool
    reachable: bool
    unreachable_reason: str


@dataclass(frozen=True)
class HealthCheck:
    enabled: bool
    protocol: str
    path: str
    port: str
    interval: int
    timeout: int
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str


@dataclass(frozen=True)
class TargetGroup:
    arn: str
    protocol: str
    protocol_version: str
    attributes: dict[str, str]
    health_check: HealthCheck
    targets: tuple[Target, ...]

    @property
    def serving(self) -> tuple[Target, ...]:
        """Targets that may get requests: a draining one only finishes its current ones, a blocked one cannot be reached."""
        return tuple(target for target in self.targets if target.reachable and not target.draining)

    @property
    def blocked(self) -> bool:
        """Registered targets exist, and the security groups keep the load balancer from all of them."""
        return not self.serving and any(not target.draining for target in self.targets)


@dataclass(frozen=True)
class State:
    revision: str
    routes: dict[str, str] = field(default_factory=dict)
    load_balancers: tuple[LoadBalancer, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()

    @property
    def rules(self) -> list[Rule]:
        return [rule for balancer in self.load_balancers for listener in balancer.listeners for rule in listener.rules]


def parse(document: Json) -> State:
    return State(
        revision=str(document["revision"]),
        routes={route["cidr"]: route["via"] for route in document.get("routes", ())},
        # The oldest comes first: it keeps what two of them use (a TCP port, a server name).
        load_balancers=tuple(_load_balancer(item) for item in sorted(document.get("load_balancers", ()), key=_age)),
        target_groups=tuple(_target_group(item) for item in document.get("target_groups", ())),
    )


def _age(item: Json) -> tuple[str, str]:
    return str(item.get("created_at") or ""), item["arn"]


def _load_balancer(item: Json) -> LoadBalancer:
    return LoadBalancer(
        arn=item["arn"],
        dns_name=item["dns_name"].lower(),
        names=tuple(name.lower() for name in item.get("names") or ()),
        type=item.get("type") or "application",
        provisioning=item.get("state") == "provisioning",
        attributes=item.get("attributes") or {},
        listeners=tuple(_listener(listener) for listener in item.get("listeners", ())),
    )


def _listener(item: Json) -> Listener:
    rules = [_rule(rule) for rule in item.get("rules", ())]
    return Listener(
        arn=item["arn"],
        port=int(item["port"]),
        protocol=item["protocol"],
        ssl_policy=item.get("ssl_policy") or "",
        certificates=tuple(_certificate(certificate) for certificate in item.get("certificates") or ()),
        rules=tuple(sorted(rules, key=lambda rule: rule.order)),
    )


def _rule(item: Json) -> Rule:
    actions = sorted(item.get("actions") or (), key=lambda action: int(action.get("Order") or 1))
    return Rule(item["arn"], str(item["priority"]), tuple(item.get("conditions") or ()), tuple(actions))


def _certificate(item: Json) -> Certificate:
    parts = [part.strip() for part in (item.get("certificate"), item.get("chain")) if part]
    return Certificate(
        arn=item["arn"],
        pem="".join(part + "\n" for part in parts),
        private_key=item.get("private_key") or "",
        domains=tuple(domain.lower() for domain in item.get("domains") or ()),
        is_default=bool(item.get("is_default")),
    )


def _target_group(item: Json) -> TargetGroup:
    check = item.get("health_check") or {}
    matcher = check.get("matcher") or ""
    if isinstance(matcher, dict):
        matcher = matcher.get("HttpCode") or matcher.get("GrpcCode") or ""
    return TargetGroup(
        arn=item["arn"],
        protocol=item.get("protocol") or "HTTP",
        protocol_version=item.get("protocol_version") or "HTTP1",
        attributes=item.get("attributes") or {},
        health_check=HealthCheck(
            enabled=check.get("enabled", True) is not False,
            protocol=check.get("protocol") or "HTTP",
            path=check.get("path") or "/",
            port=str(check.get("port") or "traffic-port"),
            interval=int(check.get("interval_seconds") or 30),
            timeout=int(check.get("timeout_seconds") or 5),
            healthy_threshold=int(check.get("healthy_threshold") or 5),
            unhealthy_threshold=int(check.get("unhealthy_threshold") or 2),
            matcher=matcher or "200",
        ),
        targets=tuple(_target(target) for target in item.get("targets", ())),
    )


def _target(item: Json) -> Target:
    reason = item.get("unreachable_reason") or ""
    try:
        ipaddress.ip_address(item["id"])
        reachable = item.get("reachable", True) is not False
    except ValueError:
        reachable, reason = False, f"the emulator has no address for {item['id']}"
    return Target(item["id"], int(item["port"]), item.get("state") == "draining", reachable, reason)
