# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The last log lines of containers."""

from __future__ import annotations

from ..common.printable import printable
from .api import KubeApi, KubeError


def log_lines(api: KubeApi, namespace: str, pod: str, container: str, lines: int, previous: str) -> list[str]:
    """The last lines of a container's log, without empty ones. None if it never ran."""
    query = {"container": container, "tailLines": str(lines), "previous": previous}
    try:
        text = str(api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query))
    except KubeError:
        return []
    return [said for line in text.splitlines() if (said := printable(line)).strip()]
