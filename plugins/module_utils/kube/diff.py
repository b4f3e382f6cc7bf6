# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible's diff of cluster objects, each under its own name."""

from __future__ import annotations

from collections.abc import Iterable

from .apply import Change, as_text


def diffs(changes: Iterable[Change]) -> list[dict[str, str]]:
    """One diff per object, since the context lines of a joint one rarely contain the object's name."""
    return [
        {
            "before_header": f"{change.id} (live)",
            "after_header": f"{change.id} ({change.action})",
            "before": as_text(change.before),
            "after": as_text(change.after),
        }
        for change in changes
        if change.action != "unchanged"
    ]
