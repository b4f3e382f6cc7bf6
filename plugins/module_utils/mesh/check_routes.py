# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with a route, and with routes beside each other."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ..kube.names import ROUTE_HOST
from .check_apps import names
from .check_expectations import problems_of_expectations
from .check_protocols import problems_of_protocols
from .check_rules import problems_of_rule
from .http_route import unsayable
from .inside import app_of, full_name, is_inside
from .matches import Match, covers, read
from .names import Entry, host_of, versions_of
from .routing import MOST_LISTENERS
from .said import are_texts, said
from .setting import Setting
from .traffic import ports_of

# More are a table that nobody reads any more; and each is looked at for each request.
MOST_RULES = 200


def problems_of_route(route: Entry, routing_api: str, setting: Setting) -> Iterator[str]:
    where = f"route {route.get('name')}"
    yield from names(where, route)
    hosts = [*(_hosts_inside(where, route, setting) if is_inside(route) else _hosts(where, route))]
    yield from hosts
    rules = route.get("rules") or []
    if not isinstance(rules, list) or not rules:
        yield said(f"{where}: rules", rules, "at least one rule, in a list")
        return
    if len(rules) > MOST_RULES:
        yield f"{where}: rules are {len(rules)}; accepted: at most {MOST_RULES} for a host"
    found = [
        problem
        for place, rule in enumerate(rules, start=1)
        for problem in problems_of_rule(f"{where}, rule {place}", rule, str(route.get("namespace")), setting)
    ]
    yield from found
    if not found:  # only what can be read can be compared
        yield from _hidden(where, rules)
        yield from problems_of_protocols(where, route, setting) if not hosts else ()
        # Of an app that was refused, nobody knows where it would lead.
        yield from problems_of_expectations(route, setting.apps) if not (hosts or setting.wrong or setting.unsure) else ()
        yield from _not_in_the_gateway_api(where, route) if routing_api == "gateway_api" and not hosts else ()


def _hosts(where: str, route: Entry) -> Iterator[str]:
    hosts = route.get("hosts")
    if not are_texts(hosts) or not all(ROUTE_HOST.fullmatch(host) for host in hosts):
        yield said(f"{where}: hosts", hosts, 'host names in lower case, such as [api.example.com] or ["*.example.com"], or ["*"] for any')


def _hosts_inside(where: str, route: Entry, setting: Setting) -> Iterator[str]:
    hosts, space = route.get("hosts"), route.get("namespace")
    known = [str(app.get("name")) for app in (*setting.apps, *setting.wrong) if app.get("namespace") == space]
    accepted = f"an app of {space} ({', '.join(known) or 'none'}), or a name with dots that callers ask for"
    if not are_texts(hosts):
        yield said(f"{where}: hosts", hosts, f"a list: {accepted}")
        return
    for host in hosts:
        if host not in known and not ("." in host and "*" not in host and ROUTE_HOST.fullmatch(host)):
            yield said(f"{where}: hosts", host, accepted)
    several = [host for host in hosts for app in setting.apps if app_of(host, route, [app]) and len(ports_of(app)) > 1]
    if several and len(hosts) > 1:
        yield said(f"{where}: hosts", hosts, f"{several[0]} alone, which has several ports")


def beside_each_other(routes: t.Sequence[Entry], routing_api: str, setting: Setting) -> Iterator[str]:
    """What can be told of all of them only; of each, its hosts have been looked at."""
    readable = [route for route in routes if are_texts(route.get("hosts"))]
    yield from _hosts_twice(readable, setting.apps)
    listeners = sum(len(route["hosts"]) for route in readable if not is_inside(route))
    if routing_api == "gateway_api" and listeners > MOST_LISTENERS:
        yield f"routes have {listeners} hosts; accepted: at most {MOST_LISTENERS}, which are a Gateway's listeners, or mesh_routes_api: auto"
    yield from _versions_without_a_rule(readable, setting.apps)


def _hosts_twice(routes: t.Sequence[Entry], apps: t.Sequence[Entry]) -> Iterator[str]:
    claims: dict[str, list[str]] = {}
    for route in routes:
        for host in route["hosts"]:
            claim = f"{full_name(host, route, apps)} inside the mesh" if is_inside(route) else host
            claims.setdefault(claim, []).append(str(route.get("name")))
    for claim, claimants in claims.items():
        if len(claimants) > 1:
            yield f"host {claim} is claimed by {' and '.join(claimants)}; accepted: one route for a host, with the rules of both"


def _versions_without_a_rule(routes: t.Sequence[Entry], apps: t.Sequence[Entry]) -> Iterator[str]:
    """Where there are routes at all: a run for the apps alone does not know them."""
    ruled = {full_name(host, route, apps) for route in routes if is_inside(route) for host in route["hosts"]}
    for app in apps if routes else ():
        versions, callers = [version.name for version in versions_of(app)], [caller["app"] for caller in app.get("callers") or [] if caller.get("app")]
        if len(versions) > 1 and callers and host_of(app) not in ruled:
            accepted = f"a route with inside: true and hosts: [{app['name']}], which says which of them its callers get"
            yield f"app {app['name']} has versions {', '.join(versions)} and is called by {', '.join(callers)}, who would get all of them; accepted: {accepted}"


def _hidden(where: str, rules: t.Sequence[Entry]) -> Iterator[str]:
    """A rule that no request reaches, or one of the matches of a rule."""
    earlier: list[tuple[int, Match]] = []
    for place, rule in enumerate(rules, start=1):
        matches, hiding = read(rule), list[int]()
        for match in matches:
            hiding.append(next((at for at, one in earlier if covers(one, match)), 0))
            earlier.append((place, match))
        if all(0 < at < place for at in hiding):
            yield f"{where}, rule {place} is never reached; accepted: a rule before rule {min(hiding)}, which takes all of its requests"
        else:
            unreached = [(number, at) for number, at in enumerate(hiding, start=1) if at]
            yield from (
                f"{where}, rule {place}, match {number} is never reached; accepted: without it, since rule {at} takes its requests" for number, at in unreached
            )


def _not_in_the_gateway_api(where: str, route: Entry) -> Iterator[str]:
    for place, reason in unsayable(route):
        yield f"{where}, rule {place + 1} is not for an HTTPRoute: {reason}; accepted: mesh_routes_api: istio, or rules that the Gateway API can say"
