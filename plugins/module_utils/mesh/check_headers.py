# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with the headers that a rule changes, and with what it answers to browsers of other origins."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from collections.abc import Iterator

from .check_matches import HEADER, METHODS
from .cors import ORIGIN
from .durations import seconds
from .said import TEXT, misshapen, said, unknown

# Envoy reads %WORD% and %WORD(...)% in a value, and takes no routes at all where a single % is left over.
_HEADER_VALUE = re.compile(r"([^%\x00-\x08\x0a-\x1f\x7f]|%%|%[A-Z_]+(\([^)]*\))?(:[0-9]+)?%)*")


def problems_of_headers(where: str, changes: t.Any) -> Iterator[str]:
    found = list(unknown(where, changes, ("set", "add", "remove"))) or list(misshapen(where, changes, ("remove",), ("set", "add")))
    yield from found
    if found:
        return
    values = [pair for word in ("set", "add") for pair in dict(changes.get(word) or {}).items()]
    names = [*[name for name, _value in values], *(changes.get("remove") or [])]
    if not names:
        yield said(where, dict(changes), "what it sets, adds or removes")
    for name in names:
        if not isinstance(name, str) or not HEADER.fullmatch(name) or name.lower() == "host":
            yield said(where, name, "a header's name; the host is for rewrite, host" if isinstance(name, str) else TEXT)
    for name, value in values:
        if not isinstance(value, str):
            yield said(f"{where}, {name}", value, TEXT)
        elif not _HEADER_VALUE.fullmatch(value):
            yield said(f"{where}, {name}", value, "text of one line, with %% for a per cent sign")
    for name, count in Counter(str(name).lower() for name in names).items():
        if count > 1:
            yield f"{where} names {name} {count} times; accepted: once, to be set, added or removed"


def problems_of_cors(where: str, wanted: t.Any) -> Iterator[str]:
    lists = {"methods": (*METHODS, "*"), "headers": None, "expose": None}
    found = list(unknown(where, wanted, ("origins", *lists, "max_age", "credentials"))) or list(misshapen(where, wanted, ("origins", *lists)))
    yield from found
    if found:
        return
    origins = wanted.get("origins") or []
    if not origins or not all(isinstance(origin, str) and ORIGIN.fullmatch(origin) for origin in origins):
        yield said(f"{where}, origins", origins, 'origins such as [https://www.example.com], ["https://*.example.com"] or ["*"]')
    for word, accepted in lists.items():
        for name in wanted.get(word) or []:
            if not isinstance(name, str) or not (name in accepted if accepted else HEADER.fullmatch(name)):
                yield said(f"{where}, {word}", name, ", ".join(accepted) if accepted else "a header's name")
    for word in ("origins", *lists):
        names = wanted.get(word) or []
        if "*" in names and len(names) > 1:
            yield said(f"{where}, {word}", names, '["*"] alone, or names')
        if "*" in names and wanted.get("credentials"):
            yield said(
                f"{where}, {word}", names, "names, since with credentials * would let every site ask in its visitors' names, or is no wildcard to a browser"
            )
    if wanted.get("credentials") not in (None, True, False):
        yield said(f"{where}, credentials", wanted["credentials"], "true or false")
    age = seconds(wanted["max_age"]) if wanted.get("max_age") is not None else 1.0
    if not age or age < 1 or age != int(age):
        yield said(f"{where}, max_age", wanted["max_age"], "whole seconds, such as 10m")
