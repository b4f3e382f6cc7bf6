# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where requests go by the routes that are live, for a person to read."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from ..mesh import live
from ..mesh.names import Entry
from .facts import Facts, Place


@dataclass(frozen=True)
class Share:
    """A destination, and how many per cent of a rule's requests it gets. Outside of the cluster, its namespace is empty."""

    to: Place
    percent: float

    @property
    def name(self) -> str:
        return "/".join(filter(None, self.to))


@dataclass(frozen=True)
class Rule:
    match: str
    to: tuple[Share, ...]
    mirrors: tuple[Share, ...] = ()
    faults: str = ""
    redirects: bool = False


@dataclass(frozen=True)
class Route:
    name: str
    namespace: str
    hosts: tuple[str, ...]
    inside: bool
    rules: tuple[Rule, ...]

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def asked(self) -> list[Place]:
        """Whom callers inside ask: the Services that are its hosts."""
        named = [host.removesuffix(".svc.cluster.local").split(".") for host in self.hosts] if self.inside else []
        return [(parts[1] if len(parts) > 1 else self.namespace, parts[0]) for parts in named if len(parts) < 3]


def routes_of(facts: Facts) -> list[Route]:
    return sorted(read([item for _api, kind in live.KINDS for item in facts.of_kind(kind)]), key=lambda one: (one.inside, one.namespace, one.name))


def read(items: t.Sequence[dict[str, t.Any]]) -> list[Route]:
    found = [(inside, entry) for inside in (False, True) for entry in live.routes_of(items, inside)]
    return [_route(entry, inside) for inside, entry in found if entry["rules"]]


def _route(entry: Entry, inside: bool) -> Route:
    rules = tuple(_rule(rule, str(entry["namespace"])) for rule in entry["rules"])
    return Route(str(entry["name"]), str(entry["namespace"]), tuple(entry["hosts"]), inside, rules)


def _rule(rule: Entry, namespace: str) -> Rule:
    weights = [100 if to.get("weight") is None else to["weight"] for to in rule.get("to") or []]
    whole = sum(weights) or 1
    return Rule(
        match_text(rule.get("match") or []),
        tuple(Share(_place(to, namespace), 100 * weight / whole) for to, weight in zip(rule.get("to") or [], weights, strict=True)),
        tuple(Share(_place(one, namespace), one["percent"]) for one in rule.get("mirrors") or []),
        ", ".join(_faults(rule.get("faults") or {})),
        bool(rule.get("redirect")),
    )


def _place(to: Entry, namespace: str) -> Place:
    return ("", str(to["external"])) if to.get("external") else (str(to.get("namespace") or namespace), str(to["service"]))


def _faults(faults: Entry) -> Iterator[str]:
    delay, abort = faults.get("delay"), faults.get("abort")
    if delay:
        yield f"delay of {delay['duration']} for {delay['percent']:g} %"
    if abort:
        yield f"{abort['code']} for {abort['percent']:g} %"


def match_text(matches: t.Sequence[Entry]) -> str:
    """As short as a column: `/api/…` is a prefix by segments, which Istio says as two matches."""
    said = list(dict.fromkeys(_one_match(match) for match in matches))
    said = [one for one in said if f"{one}/…" not in said]
    return "everything" if not said or "everything" in said else ", ".join(said)


def _one_match(match: Entry) -> str:
    prefix = str(match.get("path_prefix") or "").rstrip("/")
    path = match.get("path") or (f"{prefix}/…" if prefix else "") or (f"~{match['path_regex']}" if match.get("path_regex") else "")
    query = "&".join(f"{name}={_value(value)}" for name, value in (match.get("query") or {}).items())
    headers = [f"{name}: {_value(value)}" for name, value in (match.get("headers") or {}).items()]
    address = f"{path or ('/…' if query else '')}{'?' if query else ''}{query}"
    return " ".join(filter(None, [match.get("method"), address, *headers])) or "everything"


def _value(value: t.Any) -> str:
    return f"~{value['regex']}" if isinstance(value, dict) else str(value)
