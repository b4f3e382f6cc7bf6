# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whose a host is. A team has hosts and namespaces, and no route of another namespace gets its hosts."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..common.served_hosts import serves
from .inside import is_inside
from .names import Entry


@dataclass(frozen=True)
class Listening:
    """A host that the gateway listens for, and the namespaces whose routes it takes for it."""

    host: str
    namespaces: tuple[str, ...]


def owner(host: str, teams: t.Sequence[Entry]) -> Entry | None:
    """The team whose host it is, or the one whose wildcard takes it. The exact name comes first, then the longer wildcard."""
    claims = [(len(claim), team) for team in teams for claim in team["hosts"] if serves(claim, host)]
    return max(claims, key=lambda claim: claim[0])[1] if claims else None


def of_routes(routes: t.Sequence[Entry], teams: t.Sequence[Entry]) -> list[Listening]:
    return [_listening(host, str(route["namespace"]), teams) for route in routes for host in route["hosts"]]


def without_routes(routes: t.Sequence[Entry], teams: t.Sequence[Entry]) -> list[Listening]:
    """Hosts of teams that no route of ours names: their own, applied by whatever they like, get them."""
    named = {host for route in routes if not is_inside(route) for host in route["hosts"]}
    return [Listening(host, tuple(team["namespaces"])) for team in teams for host in team["hosts"] if host not in named]


def _listening(host: str, namespace: str, teams: t.Sequence[Entry]) -> Listening:
    team = owner(host, teams)
    return Listening(host, tuple(team["namespaces"]) if team else (namespace,))
