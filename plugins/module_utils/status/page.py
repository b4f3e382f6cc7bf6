# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The same as one HTML file: nothing in it runs or is fetched, so that it can be sent to somebody, opened on a phone, or kept as it was."""

from __future__ import annotations

import typing as t

from .apps import App
from .checks import Row
from .graph import Graph
from .routes import Route
from .style import STYLE
from .svg import svg, text
from .text import leads, load_words

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head><body>
"""
_COPIES = "Dashed lines are copies: nobody waits for their answers, and Istio measures none of them at their source, so that they have no rate."
_SEEN = "Dotted lines were measured, and no route or policy names them."
_UNMEASURED = "Without metrics, lines are what routes and policies say, not what was called."


def page(title: str, time: str, healthy: bool, verdict: str, rows: t.Sequence[Row], routes: t.Sequence[Route], apps: t.Sequence[App], graph: Graph) -> str:
    parts = [
        _HEAD.format(title=text(f"{title}: {verdict}"), style=STYLE),
        f'<header><h1>{text(title)}</h1><p class="badge {"ok" if healthy else "failed"}">{text(verdict)}</p><p class="small">{text(time)}</p></header>\n',
        _graph(graph),
        f'<section><h2>Checks</h2><div class="cards">{"".join(map(_card, _worst_first(rows)))}</div></section>\n',
        _table("Routes", ("host", "requests", "go to"), [cells for route in routes for cells in _route(route)]),
        _table("Apps", ("app", "pods", "requests/s", "success", "p99"), [(app.name, f"{app.ready}/{app.wanted}", *load_words(app)) for app in apps]),
        "</body></html>\n",
    ]
    return "".join(parts)


def _graph(graph: Graph) -> str:
    drawn = svg(graph)
    if not drawn:
        return ""
    notes = [_COPIES] if any(edge.copy for edge in graph.edges) else []
    notes += [_SEEN] if any(edge.seen for edge in graph.edges) else []
    notes += [] if any(edge.rate is not None for edge in graph.edges) else [_UNMEASURED]
    return f'<section><h2>Who calls whom</h2><div class="graph">{drawn}</div><p class="small">{" ".join(notes)}</p></section>\n'


def _worst_first(rows: t.Sequence[Row]) -> list[Row]:
    """What is wrong is seen without scrolling; the others stay in their order."""
    return sorted(rows, key=lambda row: ("failed", "note", "unknown", "ok").index(row.state))


def _card(row: Row) -> str:
    details = "".join(f"<li>{text(line)}</li>" for line in row.details)
    advice = f'<p class="small">{text(row.advice)}</p>' if row.advice else ""
    head = f'<h3>{text(row.name)} <span class="state">{row.state}</span></h3>'
    return f'<article class="{row.state}">{head}<p>{text(row.text)}</p>{f"<ul>{details}</ul>" if details else ""}{advice}</article>'


def _route(route: Route) -> t.Iterator[tuple[str, ...]]:
    """The host stands beside the first of its rules."""
    host = ", ".join(route.hosts) + (" (callers inside)" if route.inside else "")
    for number, rule in enumerate(route.rules):
        yield "" if number else host, rule.match, ", ".join(leads(rule, route.namespace))


def _table(title: str, columns: t.Sequence[str], rows: t.Sequence[t.Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    table = f'<table class="{title.lower()}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<section><h2>{title}</h2><div class="table">{table}</div></section>\n'
