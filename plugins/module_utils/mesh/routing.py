# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which of the two routing APIs says a route: the Gateway API where it can say all of it and answers alike, else Istio's own. Never both for one host."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from .http_route import unsayable
from .inside import is_inside
from .names import Entry

Api = t.Literal["istio", "gateway_api"]
WANTED = ("auto", "istio", "gateway_api")
# Of one Gateway: https://gateway-api.sigs.k8s.io/reference/spec/#gatewayspec. Each host has a listener, which says from where its routes may come.
MOST_LISTENERS = 64
_INSIDE = "its hosts are inside the mesh"
_ALIKE = "it can say all of the rules, and tries them in the order in which they are written"


@dataclass(frozen=True)
class Choice:
    """For one route. `reason` is for the plan: why it is this API."""

    api: Api
    reason: str


def choose(routes: t.Sequence[Entry], wanted: str = "auto") -> list[Choice]:
    """One for each route, in their order. All hosts of a route go by one API, and a host has one route."""
    if wanted != "auto":
        forced: Api = "gateway_api" if wanted == "gateway_api" else "istio"
        return [Choice(forced, f"mesh_routes_api is {forced}") for _route in routes]
    return list(_by_need(routes))


def _by_need(routes: t.Sequence[Entry]) -> Iterator[Choice]:
    listeners = 0
    for route in routes:
        if is_inside(route):
            yield Choice("istio", _INSIDE)
            continue
        reasons = [f"rule {place + 1}: {reason}" for place, reason in unsayable(route)]
        if not reasons and listeners + len(route["hosts"]) > MOST_LISTENERS:
            reasons = [f"a Gateway of the Gateway API holds {MOST_LISTENERS} listeners, one for each host"]
        if not reasons:
            listeners += len(route["hosts"])
        yield Choice("istio", "; ".join(reasons)) if reasons else Choice("gateway_api", _ALIKE)
