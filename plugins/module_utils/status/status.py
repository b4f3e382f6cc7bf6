# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One look at a platform, or looks until it is healthy: what the module platform_status_info does."""

from __future__ import annotations

import time
import typing as t
from dataclasses import asdict

from ..aws.client import Aws
from ..common.progress import Waiting
from ..kube.module import access_of
from .apps import apps_of
from .checks import rows_of, verdict
from .facts import Facts, Wanted
from .gather import gather
from .graph import Edge, Graph, graph_of
from .page import page
from .routes import routes_of
from .text import screen

PAUSE = 2.0
# An object of somebody's that is not as its API documents it.
ODD = (AttributeError, KeyError, TypeError, ValueError)
Result = dict[str, t.Any]


def status_of(module: t.Any, aws: Aws) -> Result:
    params = module.params
    # A screen must not take minutes because a server hangs.
    aws.retries = 1
    wanted = wanted_of(params)
    with access_of(module, float(params["timeout"])) as access:
        return awaited(lambda: result(gather(wanted, access, aws if params["aws"] else None), params["page"]), params["wait_timeout"])


def wanted_of(params: t.Mapping[str, t.Any]) -> Wanted:
    same = {name: params[name] for name in Wanted.__dataclass_fields__ if name in params and params[name] is not None}
    return Wanted(cluster=params["cluster_name"], **same)


def awaited(look: t.Callable[[], Result], timeout: float, sleep: t.Callable[[float], None] = time.sleep) -> Result:
    """The last look, which is the first healthy one or the one when the time was over."""
    waiting = Waiting("waiting for the platform")
    while True:
        started = time.monotonic()
        found = {**look(), "seconds": round(time.monotonic() - started, 2)}
        if found["healthy"] or waiting.elapsed >= timeout:
            return found
        waiting.saw(found["verdict"])
        sleep(PAUSE)


def result(facts: Facts, with_page: bool = False) -> Result:
    rows = rows_of(facts)
    healthy, said = verdict(facts, rows)
    found = (_read(facts, routes_of), _read(facts, apps_of))
    graph = _graph(facts)
    title = f"{facts.wanted.cluster}, {facts.wanted.region}" if facts.wanted.region else facts.wanted.cluster
    moment = facts.now.strftime("%Y-%m-%d %H:%M:%S UTC")
    return {
        "healthy": healthy,
        "verdict": said,
        "time": moment,
        "screen": screen(f"{title}: {said}", rows, *found),
        "checks": [asdict(row) for row in rows],
        "routes": [asdict(route) for route in found[0]],
        "apps": [{**asdict(app), "name": app.name} for app in found[1]],
        "calls": [_call(edge) for edge in graph.edges],
        **({"page": page(title, moment, healthy, said, rows, *found, graph)} if with_page else {}),
    }


One = t.TypeVar("One")


def _read(facts: Facts, what: t.Callable[[Facts], list[One]]) -> list[One]:
    """What cannot be read has its row already."""
    try:
        return what(facts)
    except ODD:
        return []


def _graph(facts: Facts) -> Graph:
    try:
        return graph_of(facts)
    except ODD:
        return Graph()


def _call(edge: Edge) -> Result:
    source, target = ("/".join(filter(None, place)) for place in (edge.source, edge.target))
    return {"source": source, "target": target, "percent": list(edge.shares), "copy": edge.copy, "seen": edge.seen, "rate": edge.rate}
