# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the variables of role eks_cluster: the platform's rules, and the role's own. Makes no requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...eks.platform import inputs
from . import rules as r

READS = ("platform_billed",)
PREFIX = "eks_cluster_"


class Platform(Mapping[str, Any]):
    """The variables by their names in the platform's rules. Null means unset."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def __getitem__(self, name: str) -> Any:
        value = r.truth(self._given.get("platform_billed")) if name == "billed" else self._given[f"{PREFIX}{name}"]
        if value is None:
            raise KeyError(name)
        return _said(value)

    def __iter__(self) -> Iterator[str]:
        return iter([*(name.removeprefix(PREFIX) for name in self._given if name.startswith(PREFIX)), "billed"])

    def __len__(self) -> int:
        return len(list(iter(self)))


def problems(given: Mapping[str, Any]) -> list[str]:
    found = inputs.problems(Platform(given))
    rules = r.Rules(given)
    for name in ("eks_cluster_wait_timeout", "eks_cluster_wait_delay"):
        rules.need(rules.number(name) > 0, name, "a number of seconds above 0")
    return found + rules.found


def _said(value: Any) -> Any:
    """Without the keys that a specification of suboptions adds."""
    if isinstance(value, list):
        return [{key: one for key, one in entry.items() if one is not None} if isinstance(entry, dict) else entry for entry in value]
    return value
