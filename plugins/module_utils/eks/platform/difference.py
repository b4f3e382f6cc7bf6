# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What differs between the requested and the current platform, in readable form and for Ansible's diff."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ...aws.client import tags_of
from ...common.ownership import UNFINISHED_TAG
from .weakening import weakened


@dataclass
class Difference:
    section: str
    resource: str
    action: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> str:
        if self.action != "update":
            return f"would {self.action} {self.resource}"
        weak = self.weakens()
        said = [f"{'WEAKENS ' if key in weak else ''}{key}: {_short(self.before.get(key))} -> {_short(self.after.get(key))}" for key in self.after]
        return f"would change {self.resource}: {'; '.join(said)}"

    def weakens(self) -> list[str]:
        """The options whose change weakens protection."""
        return weakened(self.section, self.before, self.after) if self.action == "update" else []


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_short(item)}" for key, item in sorted(value.items())) or "none"
    return "none" if value is None else str(value)


def compare(section: str, resource: str, there: bool, before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    if not there:
        return [Difference(section, resource, "create", {}, after)]
    changed = [key for key in after if before.get(key) != after[key]]
    if not changed:
        return []
    return [Difference(section, resource, "update", {key: before.get(key) for key in changed}, {key: after[key] for key in changed})]


def wanted_tags(resource: dict[str, Any] | None, wanted: dict[str, str]) -> dict[str, str]:
    """Those of the current tags that we manage; others are the user's own."""
    live = tags_of((resource or {}).get("Tags"))
    return {key: live[key] for key in wanted if key in live}


def is_unfinished(resource: dict[str, Any]) -> bool:
    """Whether a run was interrupted while creating it."""
    return UNFINISHED_TAG in tags_of(resource.get("Tags"))


def as_diff(differences: list[Difference]) -> dict[str, Any]:
    """Ansible's before and after, one entry per resource."""
    return {
        "before": {entry.resource: entry.before for entry in differences if entry.action != "create"},
        "after": {entry.resource: entry.after for entry in differences if entry.action != "delete"},
    }


def as_results(differences: list[Difference]) -> list[dict[str, Any]]:
    return [{**asdict(entry), "weakens": entry.weakens(), "summary": entry.summary()} for entry in differences]
