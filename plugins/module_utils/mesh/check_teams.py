# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with teams, and with routes for hosts of others."""

from __future__ import annotations

import itertools
import typing as t
from collections import Counter
from collections.abc import Iterator, Mapping

from ..common.served_hosts import serves
from ..kube.names import DNS_LABEL, ROUTE_HOST
from .inside import is_inside
from .names import Entry
from .said import are_texts, said, unknown
from .teams import owner

_WORDS = ("name", "hosts", "namespaces")


def problems_of_teams(teams: t.Sequence[Entry]) -> Iterator[str]:
    found = [problem for team in teams for problem in _team(team)]
    yield from found
    if found:
        return
    for name, count in Counter(team["name"] for team in teams).items():
        if count > 1:
            yield f"team {name} is there {count} times; accepted: one of a name"
    for one, other in itertools.permutations(teams, 2):
        for claim, host in itertools.product(one["hosts"], other["hosts"]):
            if serves(claim, host) and (claim != host or one["name"] < other["name"]):
                yield f"team {one['name']}: host {claim} takes {host} of team {other['name']}; accepted: hosts that are of one team"


def hosts_of_others(routes: t.Sequence[Entry], teams: t.Sequence[Entry]) -> Iterator[str]:
    for route in routes:
        hosts = [] if is_inside(route) or not are_texts(route.get("hosts")) else route["hosts"]
        for host in hosts:
            team = owner(host, teams)
            if team and route.get("namespace") not in team["namespaces"]:
                accepted = f"a route of its namespaces ({', '.join(team['namespaces'])}), or another host"
                yield f"route {route.get('name')} of {route.get('namespace')}: host {host} belongs to team {team['name']}; accepted: {accepted}"


def _team(team: t.Any) -> Iterator[str]:
    where = f"team {team.get('name') if isinstance(team, Mapping) else ''}".rstrip()
    found = list(unknown(where, team, _WORDS))
    yield from found
    if found:
        return
    if not isinstance(team.get("name"), str) or not team["name"]:
        yield said(f"{where}: name", team.get("name"), "text")
    if not are_texts(team.get("hosts")) or not all(ROUTE_HOST.fullmatch(host) and host != "*" for host in team["hosts"]):
        yield said(f"{where}: hosts", team.get("hosts"), 'host names in lower case, such as [shop.example.com] or ["*.shop.example.com"]')
    if not are_texts(team.get("namespaces")) or not all(DNS_LABEL.fullmatch(name) for name in team["namespaces"]):
        yield said(f"{where}: namespaces", team.get("namespaces"), "the namespaces whose routes are the team's, such as [shop]")
