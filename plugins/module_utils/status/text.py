# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The screen: plain text for a terminal, as `linkerd check` and `cilium status` print it. What is more than a screen is in the page and in JSON."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ..common.printable import printable
from .apps import App
from .checks import Row
from .routes import Route, Rule, Share

MOST_LINES = 16
WIDTH = 26
_NO_ANSWER = "-"


def screen(title: str, rows: t.Sequence[Row], routes: t.Sequence[Route], apps: t.Sequence[App]) -> str:
    parts = [[title], [line for row in rows for line in _row(row)], _section("Routes", list(_routes(routes))), _section("Apps", list(_apps(apps)))]
    return "\n\n".join("\n".join(printable(line) for line in part) for part in parts if part)


def _row(row: Row) -> Iterator[str]:
    yield f"  {row.state:<8} {row.name:<{WIDTH}} {_one_line(row.text)}"
    for line in (*row.details, *([f"-> {row.advice}"] if row.advice else [])):
        yield f"{'':>11} {'':<{WIDTH - 1}} {_one_line(line)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _section(title: str, lines: list[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    rest = [f"  … and {more} more lines: status_html and status_output=json have all of them"] if more > 0 else []
    return [title, *lines[:MOST_LINES], *rest] if lines else []


def _routes(routes: t.Sequence[Route]) -> Iterator[str]:
    for route in routes:
        yield f"  {', '.join(route.hosts)}{' (callers inside)' if route.inside else ''}"
        for rule in route.rules:
            yield f"    {rule.match:<{WIDTH + 5}} -> {', '.join(leads(rule, route.namespace))}"


def leads(rule: Rule, namespace: str) -> Iterator[str]:
    """What a rule does, in pieces. Names of the route's own namespace are short."""
    if rule.redirects:
        yield "a redirect"
    yield from (_share(share, namespace, share.percent != 100) for share in rule.to)
    yield from (f"copy of {share.percent:g} % to {_share(share, namespace, False)}" for share in rule.mirrors)
    if rule.faults:
        yield f"faults: {rule.faults}"
    if not rule.redirects and not rule.to:
        yield "nobody"


def _share(share: Share, namespace: str, divided: bool) -> str:
    name = share.to[1] if share.to[0] == namespace else share.name
    return f"{name} {share.percent:g} %" if divided else name


def _apps(apps: t.Sequence[App]) -> Iterator[str]:
    """Without metrics, without their columns."""
    widest = max([len(app.name) for app in apps] + [WIDTH + 7])
    measured = any(app.load for app in apps)
    if apps:
        yield f"  {'':<{widest}} {'pods':>6}" + (f" {'requests/s':>11} {'success':>8} {'p99':>9}" if measured else "")
    for app in apps:
        rate, success, p99 = load_words(app)
        yield f"  {app.name:<{widest}} {f'{app.ready}/{app.wanted}':>6}" + (f" {rate:>11} {success:>8} {p99:>9}" if measured else "")


def load_words(app: App) -> tuple[str, str, str]:
    """Rate, success and duration. Without requests, nobody knows the latter two."""
    load = app.load
    if load is None:
        return _NO_ANSWER, _NO_ANSWER, _NO_ANSWER
    if not load.rate:
        return "0", _NO_ANSWER, _NO_ANSWER
    return f"{load.rate:.1f}", f"{load.success:.1f} %", _NO_ANSWER if load.p99 is None else f"{load.p99:.0f} ms"
