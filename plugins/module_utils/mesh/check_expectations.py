# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Expectations that cannot be asked, and those that the rules do not fulfil as they are written."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ..common.served_hosts import serves
from .destinations import destination
from .expectations import METHODS, WORDS, Expectation, read_entry, rule_for, service_name, services_named
from .inside import is_inside
from .names import WHOLE, Entry, host_of, versions_of
from .replacing import REDIRECT_CODE
from .said import TEXT, is_percent, misshapen, said, unknown
from .shares import shares_of, shown


def problems_of_expectations(route: Entry, apps: t.Sequence[Entry]) -> Iterator[str]:
    """Expectations that cannot be asked, and those that the rules do not fulfil as they are written."""
    shape = list(misshapen(f"route {route['name']}", route, ("expect",)))
    yield from shape
    for place, entry in enumerate((not shape and route.get("expect")) or [], start=1):
        where = f"route {route['name']}, expect {place}"
        unreadable = list(unknown(where, entry, WORDS)) or list(misshapen(where, entry, ("from",), ("headers", "weights")))
        unreadable = unreadable or list(_unreadable(where, route, entry, apps))
        yield from unreadable or _unfulfilled(where, route, read_entry(route, entry, apps), apps)
        yield from () if unreadable else _other_shares(where, route, entry, apps)


def _unreadable(where: str, route: Entry, entry: Entry, apps: t.Sequence[Entry]) -> Iterator[str]:
    words = [word for word in METHODS if entry.get(word) is not None]
    if len(words) != 1 or not str(entry[words[0]]).startswith("/"):
        yield f"{where} is {dict(entry)!r}; accepted: one request, as METHOD: PATH, such as get: /api (of {', '.join(METHODS)})"
    host = entry.get("host") or next(iter(route["hosts"]), "")
    if "*" in str(host):
        yield f"{where}: host is {host!r}; accepted: the name of a host, since the route's is a pattern"
    elif not any(serves(pattern, str(host)) for pattern in route["hosts"]):
        yield f"{where}: host is {host!r}; accepted: a host of the route: {', '.join(route['hosts'])}"
    answer = entry.get("answer", 200)
    if isinstance(answer, bool) or not str(answer).isdigit() or not 100 <= int(answer) <= 599:
        yield f"{where}: answer is {answer!r}; accepted: a status, such as 200"
    for name, value in (entry.get("headers") or {}).items():
        if not isinstance(value, str):
            yield said(f"{where}: headers, {name}", value, TEXT)
    yield from _unreadable_weights(where, entry)
    for name in [*(entry.get("from") or []), *(entry.get("weights") or {})]:
        if not services_named(route, str(name), apps):
            word = "from" if name in (entry.get("from") or []) else "weights"
            yield f"{where}: {word} is {name!r}; accepted: a version, an app or a service to which the route leads"


def _unreadable_weights(where: str, entry: Entry) -> Iterator[str]:
    weights = entry.get("weights")
    if weights is None:
        return
    if entry.get("from"):
        yield f"{where} has from and weights; accepted: one of them"
    if not all(share == 0 or is_percent(share) for share in weights.values()) or sum(weights.values()) != 100:
        yield said(f"{where}: weights", dict(weights), "a share for each name, in per cent, 100 in all")


def _unfulfilled(where: str, route: Entry, wanted: Expectation, apps: t.Sequence[Entry]) -> Iterator[str]:
    place = rule_for(route, wanted.request)
    if place is None:
        if wanted.answer != 404:
            yield f"{where}: {wanted.request} meets no rule, and would be answered with 404; accepted: a request that meets one, or answer: 404"
        return
    redirect = route["rules"][place].get("redirect")
    if redirect:
        code = redirect.get("code") or REDIRECT_CODE
        if wanted.answer != code:
            yield f"{where}: {wanted.request} meets rule {place + 1}, which redirects; accepted: answer: {code}"
        return
    reached = [destination(to, str(route["namespace"]), apps) for to in route["rules"][place].get("to") or [] if to.get("weight") != 0]
    services = {service_name(one) for one in reached}
    if wanted.services is not None and not services <= wanted.services:
        others = ", ".join(sorted(services - wanted.services))
        yield f"{where}: {wanted.request} meets rule {place + 1}, which leads to {others}, too; accepted: {' or '.join(wanted.named)}"
    if is_inside(route):  # whom the app admits is not the gateway
        return
    closed = sorted(service for service in services if service in _closed(apps))
    if closed and wanted.answer < 400 and wanted.request.method != "OPTIONS":  # which the gateway may answer by itself
        accepted = "{gateway: true} among the callers of the app, or answer: 403"
        yield f"{where}: {wanted.request} meets rule {place + 1}, which leads to {', '.join(closed)}, closed to the gateway; accepted: {accepted}"


def _other_shares(where: str, route: Entry, entry: Entry, apps: t.Sequence[Entry]) -> Iterator[str]:
    """What is written of the rule that the request meets; whether a proxy has it so is compared there."""
    wanted, place = entry.get("weights"), rule_for(route, read_entry(route, entry, apps).request)
    if not wanted or place is None:
        return
    shares = shares_of(destination(to, str(route["namespace"]), apps) for to in route["rules"][place].get("to") or [])
    got = {name: sum(shares.get(service, 0) for service in services_named(route, str(name), apps)) for name in wanted}
    if got != dict(wanted):
        yield f"{where}: weights is {dict(wanted)!r}, and rule {place + 1}, which the request meets, has {shown(shares)}; accepted: the shares of the rule"


def _closed(apps: t.Sequence[Entry]) -> set[str]:
    """Services of apps whose callers are neither the gateway nor of another namespace, which may be the gateway's."""
    return {
        host_of(app, version).removesuffix(".svc.cluster.local")
        for app in apps
        if app.get("callers") is not None
        and not any(caller.get("gateway") or caller.get("namespace") not in (None, app["namespace"]) for caller in app["callers"])
        for version in (WHOLE, *versions_of(app))
    }
