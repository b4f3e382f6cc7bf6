# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who calls whom: from routes, from those whom policies let in, and, where Prometheus knows, from what was called."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..alb.ingress import hostname
from ..kube.objects import Manifest
from .apps import App, apps_of, selector_of, service_of
from .facts import Call, Facts, Place, place_of
from .routes import Route, Share, routes_of

Kind = t.Literal["client", "balancer", "gateway", "app", "outside"]
CLIENT, BALANCER = ("", "clients"), ("", "load balancer")
_PRINCIPAL = re.compile(r"[^/]*/ns/([^/]+)/sa/([^/]+)")


@dataclass(frozen=True)
class Node:
    place: Place
    kind: Kind
    app: App | None = None

    @property
    def name(self) -> str:
        return "/".join(filter(None, self.place))


@dataclass(frozen=True)
class Edge:
    """`copy`: of each request, or of a share, whose answers nobody waits for. `seen`: nobody declared it, but requests were measured."""

    source: Place
    target: Place
    shares: tuple[float, ...] = ()
    copy: bool = False
    seen: bool = False
    rate: float | None = None

    @property
    def label(self) -> str:
        """What all requests go to needs no number."""
        shares = [f"{share:g} %" for share in self.shares if self.copy or share != 100]
        said = " or ".join(dict.fromkeys(shares[:3]))
        rate = "" if self.rate is None else f"{self.rate:.1f}/s"
        return ", ".join(filter(None, [f"copy of {said}" if self.copy else said, rate]))


@dataclass
class Graph:
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


def graph_of(facts: Facts) -> Graph:
    gateway = (facts.wanted.ingress_namespace, facts.wanted.gateway)
    declared = _merged([*_from_outside(facts, gateway), *_of_routes(routes_of(facts), gateway), *_of_policies(facts, gateway)])
    edges = _measured(facts, declared, gateway)
    return Graph(_nodes(facts, edges, gateway), edges)


def _from_outside(facts: Facts, gateway: Place) -> list[Edge]:
    published = hostname(facts.find("Ingress", (facts.wanted.ingress_namespace, facts.wanted.ingress)))
    there = facts.find("Deployment", gateway) is not None
    return [Edge(CLIENT, BALANCER), Edge(BALANCER, gateway)] if published and there else []


# -- what is declared -------------------------------------------------------------------------------------------------


def _of_routes(routes: Iterable[Route], gateway: Place) -> Iterator[Edge]:
    for route in routes:
        for source in route.asked if route.inside else [gateway]:
            yield from (_edge(source, share, False) for rule in route.rules for share in rule.to if share.percent and share.to != source)
            yield from (_edge(source, share, True) for rule in route.rules for share in rule.mirrors if share.to != source)


def _edge(source: Place, share: Share, copy: bool) -> Edge:
    return Edge(source, share.to, (round(share.percent, 1),), copy)


def _of_policies(facts: Facts, gateway: Place) -> Iterator[Edge]:
    """Callers that are apps. What the gateway may call, its routes say; whole namespaces are no node."""
    for policy in facts.of_kind("AuthorizationPolicy"):
        spec = policy.get("spec") or {}
        if spec.get("action", "ALLOW") != "ALLOW":
            continue
        targets = _selected(facts, policy)
        for namespace, account in _principals(spec):
            sources = {service_of(facts, place_of(one)) for one in _run_as(facts, namespace, account)} - {gateway}
            yield from (Edge(source, target) for source in sorted(sources) for target in targets if source != target)


def _principals(spec: Manifest) -> list[tuple[str, str]]:
    sources = [one.get("source") or {} for rule in spec.get("rules") or [] for one in rule.get("from") or []]
    found = [_PRINCIPAL.fullmatch(str(name)) for source in sources for name in source.get("principals") or []]
    return [(match[1], match[2]) for match in found if match]


def _run_as(facts: Facts, namespace: str, account: str) -> list[Manifest]:
    here = [item for item in facts.of_kind("Deployment") if item["metadata"]["namespace"] == namespace]
    return [item for item in here if item["spec"]["template"]["spec"].get("serviceAccountName", "default") == account]


def _selected(facts: Facts, policy: Manifest) -> list[Place]:
    """The Services of the pods that a policy is about: callers ask the app's, and its routes divide them among those of its versions."""
    wanted = ((policy.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    here = [item for item in facts.of_kind("Service") if item["metadata"]["namespace"] == policy["metadata"]["namespace"] and selector_of(item)]
    return [place_of(item) for item in here if wanted and selector_of(item) == wanted]


def _merged(edges: Iterable[Edge]) -> list[Edge]:
    """One between two nodes, with the shares of all rules; a copy is one of its own."""
    found: dict[tuple[Place, Place, bool], Edge] = {}
    for edge in edges:
        key = (edge.source, edge.target, edge.copy)
        before = found.get(key, replace(edge, shares=()))
        found[key] = replace(before, shares=tuple(dict.fromkeys((*before.shares, *edge.shares))))
    return list(found.values())


# -- what was measured ------------------------------------------------------------------------------------------------


def _measured(facts: Facts, edges: list[Edge], gateway: Place) -> list[Edge]:
    """Mirrored requests have no metrics of their source: a copy gets no rate."""
    if facts.traffic is None:
        return edges
    rates = _rates(facts, facts.traffic.calls, gateway)
    ends, callers = _neighbours(edges)
    known = [edge if edge.copy or edge.source in (CLIENT, BALANCER) else replace(edge, rate=_along(edge, rates, ends, callers)) for edge in edges]
    drawn = {(edge.source, edge.target) for edge in edges if not edge.copy}
    passed = {(source, last) for source, target in drawn for last in ends.get(target, ())}
    return known + [Edge(*way, seen=True, rate=rate) for way, rate in rates.items() if way not in drawn | passed]


def _rates(facts: Facts, calls: Iterable[Call], gateway: Place) -> dict[tuple[Place, Place], float]:
    found: dict[tuple[Place, Place], float] = {}
    for call in calls:
        source = gateway if call.source == gateway else service_of(facts, call.source)
        found[source, call.destination] = found.get((source, call.destination), 0.0) + call.rate
    return found


def _neighbours(edges: Iterable[Edge]) -> tuple[dict[Place, set[Place]], dict[Place, set[Place]]]:
    """Of a Service whose route divides its requests: where these end, and who asks it."""
    ends: dict[Place, set[Place]] = {}
    callers: dict[Place, set[Place]] = {}
    for edge in (edge for edge in edges if not edge.copy):
        (ends.setdefault(edge.source, set()) if edge.shares else callers.setdefault(edge.target, set())).add(edge.target if edge.shares else edge.source)
    return ends, callers


def _along(edge: Edge, rates: dict[tuple[Place, Place], float], ends: dict[Place, set[Place]], callers: dict[Place, set[Place]]) -> float:
    """Proxies measure from a caller to an end, past the Service that divides. To it: all that its caller sent to its ends; from it: what all callers sent."""
    sources = {edge.source} | (callers.get(edge.source, set()) if edge.shares else set())
    targets = {edge.target} | (set() if edge.shares else ends.get(edge.target, set()))
    return sum(rates.get((source, target), 0.0) for source in sources for target in targets)


# -- the nodes --------------------------------------------------------------------------------------------------------


def _nodes(facts: Facts, edges: Iterable[Edge], gateway: Place) -> list[Node]:
    """Everybody who calls or is called, and apps that nobody calls; not a Service that only holds those of its versions together."""
    apps = {app.place: app for app in apps_of(facts)}
    drawn = dict.fromkeys(place for edge in edges for place in (edge.source, edge.target))
    alone = [place for place in apps if place not in drawn and _has_workload(facts, place)]
    return [Node(place, _kind(place, apps, gateway), apps.get(place)) for place in (*drawn, *alone)]


def _has_workload(facts: Facts, place: Place) -> bool:
    return any(service_of(facts, place_of(item)) == place for item in facts.of_kind("Deployment") if item["metadata"]["namespace"] == place[0])


def _kind(place: Place, apps: dict[Place, App], gateway: Place) -> Kind:
    if place in apps:
        return "app"
    own: dict[Place, Kind] = {CLIENT: "client", BALANCER: "balancer", gateway: "gateway"}
    return own.get(place, "outside")
