# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Finding the load balancer behind an Ingress, a Gateway or a cluster's tags, and waiting until it serves."""

from __future__ import annotations

import contextlib
import socket
import time
import typing as t
from dataclasses import dataclass, field

from ..aws import elbv2 as alb_elbv2
from ..aws.client import Aws
from ..common.failure import Failure
from ..common.http import ask, unresolved
from ..common.progress import Waiting
from ..kube.api import KubeApi
from ..kube.module import api_of
from ..kube.options import connection
from . import ingress as alb_kubernetes

GATEWAY = ("gateway.networking.k8s.io/v1", "Gateway")
STAGES = ("hostname", "active", "healthy_targets", "dns", "http")
# What a load balancer answers by itself while nothing behind it can.
GATEWAY_ERRORS = (502, 503, 504)


class NotThere(Failure):
    """The conditions were not met in time."""

    def __init__(self, message: str, causes: list[str], found: dict[str, t.Any]) -> None:
        super().__init__(message + "".join(f"\n  {cause}" for cause in causes), causes=causes, **found)
        self.causes = causes


@dataclass
class Wanted:
    """Which one, and the conditions that it must meet."""

    ingress: str = ""
    gateway: str = ""
    namespace: str = "default"
    cluster: str = ""
    stack: str = ""
    wait_for: list[str] = field(default_factory=lambda: ["hostname"])
    wait_timeout: float = 300
    connect_to: str = ""
    http_path: str = "/"

    @property
    def name(self) -> str:
        if self.ingress or self.gateway:
            return f"{'Ingress' if self.ingress else 'Gateway'} {self.namespace}/{self.ingress or self.gateway}"
        return f"the load balancer of cluster {self.cluster}" + (f", stack {self.stack}" if self.stack else "")


@dataclass
class Look:
    """Polls it until the conditions are met."""

    wanted: Wanted
    elbv2: t.Any
    api: KubeApi | None = None
    interval: float = 0.5
    sleep: t.Callable[[float], None] = time.sleep

    def run(self) -> dict[str, t.Any]:
        waiting = Waiting(self.wanted.name)
        while True:
            found, state = self.once()
            if not state:
                return {**found, "waited": round(waiting.elapsed, 1)}
            waiting.saw(state)
            if waiting.elapsed >= self.wanted.wait_timeout:
                raise NotThere(f"{self.wanted.name}: {state}, after {waiting.elapsed:.0f} s", self.causes(), found)
            self.sleep(self.interval)

    def once(self) -> tuple[dict[str, t.Any], str]:
        """The current state, and which conditions are not met yet."""
        wanted = self.wanted
        hostname, lb = self._find()
        found: dict[str, t.Any] = {"hostname": hostname}
        if lb:
            found = alb_elbv2.describe(self.elbv2, lb)
        if not hostname:
            return found, "no hostname yet" if wanted.wait_for else ""
        for stage in STAGES:
            if stage in wanted.wait_for and (state := self._state(stage, found)):
                return found, state
        return found, ""

    def _find(self) -> tuple[str, dict[str, t.Any] | None]:
        wanted = self.wanted
        if self.api and (wanted.ingress or wanted.gateway):
            kind = alb_kubernetes.INGRESS if wanted.ingress else GATEWAY
            hostname = alb_kubernetes.hostname(self.api.get(*kind, wanted.ingress or wanted.gateway, wanted.namespace))
            return hostname, alb_elbv2.by_hostname(self.elbv2, hostname) if hostname else None
        items = alb_elbv2.by_tags(self.elbv2, wanted.cluster, wanted.stack)
        if len(items) > 1:
            names = ", ".join(lb["LoadBalancerName"] for lb in items)
            raise NotThere(f"{wanted.name}: {len(items)} load balancers match ({names}); select one with stack", [], {})
        return (items[0]["DNSName"], items[0]) if items else ("", None)

    def _state(self, stage: str, found: dict[str, t.Any]) -> str:
        if stage == "hostname":
            return ""
        if stage in ("active", "healthy_targets") and "arn" not in found:
            return f"ELBv2 has no load balancer {found['hostname']}"
        if stage == "active":
            return "" if found["state"] == "active" else f"its state is {found['state']} {found['state_reason']}".strip()
        if stage == "healthy_targets":
            return alb_elbv2.health_state(found)
        if stage == "dns":
            return _resolves(found["hostname"])
        return answers(found["hostname"], self.wanted.connect_to, self.wanted.http_path)

    def causes(self) -> list[str]:
        wanted = self.wanted
        if not self.api:
            return []
        if wanted.ingress or wanted.gateway:
            return alb_kubernetes.causes(self.api, "Ingress" if wanted.ingress else "Gateway", wanted.ingress or wanted.gateway, wanted.namespace)
        return alb_kubernetes.controller_causes(self.api)


def _resolves(hostname: str) -> str:
    try:
        socket.getaddrinfo(hostname, 80)
    except OSError as error:
        return unresolved(hostname, error)
    return ""


def answers(hostname: str, connect_to: str, path: str) -> str:
    """Empty when something behind the load balancer answers a request to it."""
    answer = ask(f"http://{hostname}{path}", connect_to, timeout=5)
    if answer.error:
        return f"http://{hostname}{path}: {answer.error}"
    return f"http://{hostname}{path} returned {answer.status}" if answer.status in GATEWAY_ERRORS else ""


# What the module alb_hostname_info does


def problems(params: dict[str, t.Any]) -> list[str]:
    wrong = []
    if params["connect_to"] and not params["connect_to"].rpartition(":")[2].isdigit():
        wrong.append(f"connect_to is {params['connect_to']!r}; accepted: host:port")
    if params["connect_to"] and "dns" in params["wait_for"]:
        wrong.append("connect_to is set, so the hostname is not resolved; leave dns out of wait_for")
    return wrong


def look(module: t.Any, aws: Aws) -> dict[str, t.Any]:
    params = module.params
    wanted = Wanted(
        ingress=params["ingress"] or "",
        gateway=params["gateway"] or "",
        namespace=params["namespace"],
        cluster=params["cluster_name"] or "",
        stack=params["stack"],
        wait_for=[] if module.check_mode else params["wait_for"],
        wait_timeout=params["wait_timeout"],
        connect_to=params["connect_to"],
        http_path=params["http_path"],
    )
    with contextlib.ExitStack() as stack:
        api = None
        if not wanted.cluster or connection(params).names_a_cluster:
            api = stack.enter_context(api_of(module))
        return Look(wanted, aws.retrying_client("elbv2"), api).run()
