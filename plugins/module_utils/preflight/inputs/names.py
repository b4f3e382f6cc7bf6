# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Variables that no role reads, since their names are misspelt."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# A letter more, less, wrong or in another place. Names that roles set themselves, such as istio_ingress_facts, are less like any variable.
ALIKE = 0.85


def misspelt(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """One sentence for each name that is none of the known ones and almost one, without its value, which may be a secret.

    Only names with the same first word are compared: that of a role, which variables of others rarely have.
    """
    groups: dict[str, dict[str, str]] = {}
    for name in known:
        word, _separator, rest = name.partition("_")
        groups.setdefault(word, {})[rest] = name
    found = []
    for name in names:
        word, _separator, rest = name.partition("_")
        group = groups.get(word, {})
        if rest and rest not in group and (alike := get_close_matches(rest, group, 1, ALIKE)):
            found.append(f"{name} is not known; accepted: {group[alike[0]]}, or a name of your own that is less like it")
    return found
