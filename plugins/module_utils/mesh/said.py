# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How a finding is worded: what it is about, what it says, and what is accepted."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterator, Mapping

from .names import Entry

TEXT = "text (put it in quotes: YAML reads it as something else)"


def said(where: str, value: t.Any, accepted: str) -> str:
    return f"{where} is {value!r}; accepted: {accepted}"


def unknown(where: str, entry: t.Any, words: Collection[str]) -> Iterator[str]:
    """A word that nobody reads is a mistake, not a wish."""
    if not isinstance(entry, Mapping):
        yield said(where, entry, f"a dictionary of {', '.join(words)}")
        return
    for word in entry:
        if word not in words:
            yield f"{where} has {word!r}; accepted: {', '.join(words)}"


def misshapen(where: str, entry: Entry, lists: t.Iterable[str] = (), dictionaries: t.Iterable[str] = ()) -> Iterator[str]:
    """Words that are not what the others are looked at as."""
    for words, kind, name in ((lists, list, "a list"), (dictionaries, Mapping, "a dictionary")):
        for word in words:
            if entry.get(word) is not None and not isinstance(entry[word], kind):
                yield said(f"{where}: {word}", entry[word], name)


def are_texts(value: t.Any) -> t.TypeGuard[list[str]]:
    """A list with something in it."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def is_number(value: t.Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_percent(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 100
