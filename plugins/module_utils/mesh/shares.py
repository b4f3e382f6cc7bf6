# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The shares of rules that lead to several Services, as a proxy has them: compared, where asking would take hundreds of requests.

What a proxy has taken is Envoy's own to say: https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--config_dump. Plain data in and out.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from .destinations import Destination, destination
from .expectations import service_name
from .http_route import numbered
from .names import TRACED, Entry
from .routing import Choice

# SERVICE.NAMESPACE and its per cent.
Shares = t.Mapping[str, float]


@dataclass(frozen=True)
class Weighted:
    """A rule, and the name by which Envoy knows it."""

    route: str
    number: int
    name: str
    shares: Shares


def traced(route: Entry, name: str) -> dict[str, t.Any]:
    """The route under another name, with rules that are found again in a proxy's configuration."""
    rules = [{**rule, TRACED: f"{prefix(route['namespace'], name)}{place}"} for place, rule in enumerate(route["rules"])]
    return {**route, "name": name, "rules": rules}


def prefix(namespace: str, name: str) -> str:
    """With what Envoy's names of an object's rules begin. For an HTTPRoute, Istio itself names them NAMESPACE.NAME.PLACE."""
    return f"{namespace}.{name}."


def weighted(named: t.Iterable[tuple[str, Entry]], choices: t.Iterable[Choice], apps: t.Sequence[Entry]) -> Iterator[Weighted]:
    """Of traced routes, each with the name that its user knows."""
    for (shown, route), choice in zip(named, choices, strict=True):
        for place, name in sorted(_names(route, choice).items()):
            reached = [destination(to, str(route["namespace"]), apps) for to in route["rules"][place].get("to") or []]
            if len(reached) > 1:
                yield Weighted(shown, place + 1, name, shares_of(reached))


def _names(route: Entry, choice: Choice) -> dict[int, str]:
    if choice.api == "istio":
        return {place: rule[TRACED] for place, rule in enumerate(route["rules"])}
    split = [(prefix(route["namespace"], name), places) for name, places in numbered(route)]
    return {place: f"{begins}{position}" for begins, places in split for position, place in enumerate(places)}


def shares_of(reached: t.Iterable[Destination]) -> dict[str, float]:
    """Without weights, each has the same."""
    return _in_per_cent((service_name(one), 1 if one.weight is None else one.weight) for one in reached)


def _in_per_cent(weights: t.Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, weight in weights:
        found[name] = found.get(name, 0) + weight
    whole = sum(found.values()) or 1
    return {name: round(weight * 100 / whole, 2) for name, weight in found.items() if weight}


def service_of(upstream: str) -> str:
    """SERVICE.NAMESPACE of a cluster's name as Istio writes it; empty where nothing answered.

    >>> service_of("outbound|80||front-v2.shop.svc.cluster.local;"), service_of("-")
    ('front-v2.shop', '')
    """
    host = upstream.rpartition("|")[2].rstrip(";")  # Istio ends what Envoy makes its statistics' names of
    return host.removesuffix(".svc.cluster.local") if "|" in upstream else ""


def configured(dump: t.Mapping[str, t.Any]) -> dict[str, list[Shares]]:
    """The shares of each of Envoy's routes, by name: one for each match of a rule, and for each host."""
    found: dict[str, list[Shares]] = {}
    for config in dump.get("configs") or []:
        for host in (config.get("route_config") or {}).get("virtual_hosts") or []:
            for route in host.get("routes") or []:
                found.setdefault(str(route.get("name", "")), []).append(_shares(route.get("route") or {}))
    return found


def _shares(action: t.Mapping[str, t.Any]) -> Shares:
    several = (action.get("weighted_clusters") or {}).get("clusters") or [{"name": action.get("cluster", ""), "weight": 1}]
    return _in_per_cent((service_of(one["name"]), one.get("weight", 0)) for one in several)


def different(wanted: t.Iterable[Weighted], dump: t.Mapping[str, t.Any]) -> list[str]:
    """Rules whose shares are not the wanted ones, each with wanted and got."""
    found = configured(dump)
    return [
        f"route {rule.route}, rule {rule.number}: wanted {shown(rule.shares)}, got {' and '.join(map(shown, wrong)) or 'no such rule'}"
        for rule in wanted
        if (wrong := [got for got in found.get(rule.name, []) if got != rule.shares]) or rule.name not in found
    ]


def shown(shares: Shares) -> str:
    """For a person to read.

    >>> shown({"front-v2.shop": 10.0, "front-v1.shop": 90.0})
    'front-v1.shop 90 %, front-v2.shop 10 %'
    """
    return ", ".join(f"{name} {share:g} %" for name, share in sorted(shares.items())) or "no Service"
