# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which faults outlived their day: for those who look at a platform that nobody has applied since."""

from __future__ import annotations

import typing as t

from .names import Entry


def expired(routes: t.Sequence[Entry], today: str) -> list[str]:
    """`today` and C(until) are ISO days, the latter the last one of a fault."""
    found = []
    for route in routes:
        for place, rule in enumerate(route.get("rules") or [], start=1):
            until = (rule.get("faults") or {}).get("until")
            if until and str(until) < today:
                found.append(f"route {route['name']} of {route['namespace']}, rule {place}: its faults were to end on {until}")
    return found
