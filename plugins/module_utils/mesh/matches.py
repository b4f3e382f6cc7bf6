# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which requests a rule of a route is for, and whether two rules are for the same request."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .names import Entry

PathKind = t.Literal["exact", "prefix", "regex"]


@dataclass(frozen=True)
class Path:
    """A path as a whole, by its first segments, or by a regular expression (RE2) for the whole path."""

    kind: PathKind = "prefix"
    value: str = "/"

    @property
    def stem(self) -> str:
        """A prefix without its last slash, which means nothing: `/api/` is `/api`, and `/` is empty."""
        return self.value.rstrip("/") if self.kind == "prefix" else self.value


@dataclass(frozen=True)
class Value:
    """What a header or a query parameter must be: this text, or something that this regular expression matches as a whole."""

    text: str
    regex: bool = False


@dataclass(frozen=True)
class Match:
    """All of it must hold; what is not named may be anything. Header names are in lower case."""

    path: Path = Path()
    method: str | None = None
    headers: tuple[tuple[str, Value], ...] = ()
    query: tuple[tuple[str, Value], ...] = ()


def matches_of(rule: Entry) -> list[Entry]:
    """A rule's match as it is written, or several of which one must hold; none is any request."""
    match = rule.get("match") or {}
    return list(match) if isinstance(match, list) else [match]


def read(rule: Entry) -> tuple[Match, ...]:
    return tuple(_read(match) for match in matches_of(rule))


def _read(match: Entry) -> Match:
    words: dict[PathKind, str] = {"exact": "path", "regex": "path_regex", "prefix": "path_prefix"}
    path = next((Path(kind, str(match[word])) for kind, word in words.items() if match.get(word)), Path())
    headers = {str(name).lower(): value for name, value in (match.get("headers") or {}).items()}
    return Match(path, match.get("method"), _values(headers), _values(match.get("query") or {}))


def _values(wanted: Entry) -> tuple[tuple[str, Value], ...]:
    return tuple((name, Value(value["regex"], True) if isinstance(value, dict) else Value(value)) for name, value in wanted.items())


def covers(one: Match, other: Match) -> bool:
    """True where whatever meets the other meets this one, too. Regular expressions cover none but themselves, except for that of every path."""
    path = one.path == other.path or (one.path.kind == "prefix" and other.path.kind != "regex" and is_below(other.path.stem, one.path.stem))
    everything = one.path in (Path(), Path("regex", "/.*"))
    method = one.method is None or one.method == other.method
    return (path or everything) and method and set(one.headers) <= set(other.headers) and set(one.query) <= set(other.query)


def overlap(one: Match, other: Match) -> bool:
    """False where no request can meet both. Regular expressions are not compared: with them, some request may."""
    if one.method and other.method and one.method != other.method:
        return False
    return _paths_overlap(one.path, other.path) and _values_overlap(one.headers, other.headers) and _values_overlap(one.query, other.query)


def _paths_overlap(one: Path, other: Path) -> bool:
    if "regex" in (one.kind, other.kind):
        return True
    if one.kind == other.kind == "exact":
        return one.value == other.value
    if one.kind == other.kind:
        return is_below(one.stem, other.stem) or is_below(other.stem, one.stem)
    exact, prefix = (one, other) if one.kind == "exact" else (other, one)
    return is_below(exact.value, prefix.stem)


def is_below(path: str, stem: str) -> bool:
    """By whole segments: `/apix` is not below `/api`."""
    return path == stem or path.startswith(f"{stem}/")


def _values_overlap(one: tuple[tuple[str, Value], ...], other: tuple[tuple[str, Value], ...]) -> bool:
    wanted = dict(other)
    shared = [(value, wanted[name]) for name, value in one if name in wanted]
    return all(mine == theirs or mine.regex or theirs.regex for mine, theirs in shared)
