# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with what a rule is for."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from collections.abc import Iterator, Mapping

from .names import Entry
from .said import TEXT, misshapen, said, unknown

HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
# As the gateway compares it: encoded where it must be, and without the dots and doubled slashes that do not reach it.
PATH = re.compile(r"(/(?![.]{1,2}(/|$))([-A-Za-z0-9._~!$&'()*+,;=:@]|%(?!2[fF])[0-9a-fA-F]{2})+)*/?")
PATH_WORDS = "a path, which begins with a slash and has neither query, blanks, dots for a directory, nor two slashes together"
_PATHS = ("path", "path_prefix", "path_regex")
_WORDS = (*_PATHS, "method", "headers", "query")
# RE2 has neither: https://github.com/google/re2/wiki/Syntax
_LOOKS_AROUND = re.compile(r"\(\?(=|!|<=|<!)|\\[1-9]")
# RE2 has these, and Python's expressions have not.
_OF_RE2_ALONE = re.compile(r"\\[pPzCQ]|\(\?[a-zA-Z-]|\[\[:")


def problems_of_match(where: str, match: Entry) -> Iterator[str]:
    found = [*unknown(f"{where}: match", match, _WORDS), *misshapen(f"{where}: match", match if isinstance(match, Mapping) else {}, (), ("headers", "query"))]
    yield from found
    if not found:
        yield from _path(where, match)
        if match.get("method") is not None and match["method"] not in METHODS:
            yield said(f"{where}: method", match["method"], ", ".join(METHODS))
        for kind in ("headers", "query"):
            yield from _values(where, kind, match.get(kind) or {})


def _path(where: str, match: Entry) -> Iterator[str]:
    paths = {word: match[word] for word in _PATHS if match.get(word) is not None}
    if len(paths) > 1:
        yield said(f"{where}: match", paths, f"one of {', '.join(_PATHS)}")
    for word, path in paths.items():
        if not isinstance(path, str) or not path.startswith("/") or (word != "path_regex" and not PATH.fullmatch(path)):
            yield said(f"{where}: {word}", path, PATH_WORDS)
        elif word != "path_regex" and path.endswith("*"):
            yield said(f"{where}: {word}", path, "a path without a star, which would be compared as it is; path_prefix takes what is below it")
        elif word == "path_regex":
            yield from _regex(f"{where}: {word}", path)


def _values(where: str, kind: str, wanted: Entry) -> Iterator[str]:
    """Names of headers are the same in capitals."""
    named = Counter(str(name).lower() for name in wanted) if kind == "headers" else Counter[str]()
    yield from (f"{where}: {kind} names {name} {count} times; accepted: once" for name, count in named.items() if count > 1)
    for name, value in wanted.items():
        if not isinstance(name, str) or (kind == "headers" and not HEADER.fullmatch(name)):
            yield said(f"{where}: {kind}", name, "a header's name" if isinstance(name, str) else TEXT)
        elif isinstance(value, Mapping) and set(value) == {"regex"} and isinstance(value["regex"], str):
            yield from _regex(f"{where}: {kind}, {name}", value["regex"])
        elif not isinstance(value, str) or not value:
            yield said(f"{where}: {kind}, {name}", value, f"{TEXT}, or {{regex: TEXT}}")


def _regex(where: str, regex: t.Any) -> Iterator[str]:
    if _LOOKS_AROUND.search(regex):
        yield said(where, regex, "a regular expression of RE2, which neither looks around nor back")
    elif not _OF_RE2_ALONE.search(regex):
        try:
            re.compile(regex)
        except re.error as error:
            yield said(where, regex, f"a regular expression ({error})")
