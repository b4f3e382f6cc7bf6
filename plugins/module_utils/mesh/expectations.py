# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is expected of routes: requests, and where they must lead. Plain data in; asking a gateway is somebody else's part."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from .destinations import Destination, destination
from .inside import app_of, full_name, is_inside, main_port
from .matches import Match, Value, is_below, read
from .names import Entry

# The word of an expectation is the method of its request.
METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
WORDS = (*METHODS, "host", "headers", "answer", "from", "weights")
_HTTP = 80


@dataclass(frozen=True)
class Request:
    method: str
    host: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        said = "".join(f", {name}: {value}" for name, value in self.headers)
        return f"{self.method} {self.host}{self.path}{said}"


@dataclass(frozen=True)
class Expectation:
    """`services`: one of these answers, each as SERVICE.NAMESPACE; None: whichever. `port`: to which a caller inside the mesh sends it."""

    route: str
    request: Request
    answer: int = 200
    services: frozenset[str] | None = None
    named: tuple[str, ...] = field(default=(), compare=False)
    port: int | None = None


def expectations(routes: t.Sequence[Entry], apps: t.Sequence[Entry], inside: bool = False) -> list[Expectation]:
    """The whole table of the gateway, or of callers inside the mesh, in the order in which it is written."""
    return [read_entry(route, entry, apps) for route in routes if is_inside(route) == inside for entry in route.get("expect") or []]


def read_entry(route: Entry, entry: Entry, apps: t.Sequence[Entry]) -> Expectation:
    method = next(word for word in METHODS if entry.get(word) is not None)
    host, port = _asked_for(str(entry.get("host") or next(iter(route["hosts"]))), route, apps)
    headers = tuple(sorted((str(name).lower(), str(value)) for name, value in (entry.get("headers") or {}).items()))
    named = tuple(str(name) for name in entry.get("from") or [name for name, share in (entry.get("weights") or {}).items() if share])
    services = frozenset(name for one in named for name in services_named(route, one, apps)) if named else None
    request = Request(method.upper(), host, str(entry[method]), headers)
    return Expectation(str(route["name"]), request, int(entry.get("answer") or 200), services, named, port)


def _asked_for(host: str, route: Entry, apps: t.Sequence[Entry]) -> tuple[str, int | None]:
    """The name and port by which a caller inside the mesh asks for a host; a gateway is asked for the host itself."""
    if not is_inside(route):
        return host, None
    app = app_of(host, route, apps)
    return full_name(host, route, apps), main_port(app) if app else _HTTP


def services_named(route: Entry, name: str, apps: t.Sequence[Entry]) -> set[str]:
    """Where a name in `from` may mean: a version, an app, or a Service, of those to which the route leads."""
    return {
        service_name(destination(to, str(route["namespace"]), apps))
        for rule in route.get("rules") or []
        for to in rule.get("to") or []
        if name in (to.get("version"), to.get("app"), to.get("service"), f"{to.get('app')}-{to.get('version')}")
    }


def service_name(one: Destination) -> str:
    """As the name of Envoy's cluster for it ends: SERVICE.NAMESPACE, or the host outside."""
    return one.host.removesuffix(".svc.cluster.local")


# -- what the rules, as they are written, would do -------------------------------------------------------------------


def rule_for(route: Entry, request: Request) -> int | None:
    """The place of the rule that a request meets first; None: no rule is for it."""
    return next((place for place, rule in enumerate(route["rules"]) if any(meets(match, request) for match in read(rule))), None)


def meets(match: Match, request: Request) -> bool:
    parts = urlsplit(request.path)
    query, headers = dict(parse_qsl(parts.query, keep_blank_values=True)), dict(request.headers)
    return (
        _path_meets(match, parts.path)
        and match.method in (None, request.method)
        and all(name in headers and _value_meets(value, headers[name]) for name, value in match.headers)
        and all(name in query and _value_meets(value, query[name]) for name, value in match.query)
    )


def _path_meets(match: Match, path: str) -> bool:
    if match.path.kind == "regex":
        return bool(re.fullmatch(match.path.value, path))
    return path == match.path.value if match.path.kind == "exact" else is_below(path, match.path.stem)


def _value_meets(value: Value, given: str) -> bool:
    return bool(re.fullmatch(value.text, given)) if value.regex else value.text == given
