# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ansible's diff of cluster objects, each under its own name."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Change, as_text


def diffs(changes: Iterable[Change]) -> list[dict[str, str]]:
    """One diff an object, since in a joint one the lines around a difference rarely hold the object's name."""
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
