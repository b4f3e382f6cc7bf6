# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The host name for requests to a gateway that serves only some hosts."""

from __future__ import annotations

from collections.abc import Iterable

# Replaces the asterisk if a gateway serves only names below a domain.
ANY = "meshgate"


def serves(pattern: str, name: str) -> bool:
    """As Envoy matches a domain of a virtual host: all, one, or each below a domain.

    >>> serves("*.example.com", "shop.example.com"), serves("*.example.com", "example.com")
    (True, False)
    """
    return pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]) and name != pattern[1:])


def served_host(patterns: Iterable[str], names: Iterable[str]) -> str:
    """The first of the names that is served, or else some name that is."""
    wanted = list(patterns)
    served = [name for name in names if name and any(serves(pattern, name) for pattern in wanted)]
    plain = [pattern for pattern in wanted if "*" not in pattern]
    below = [f"{ANY}{pattern[1:]}" for pattern in wanted if pattern.startswith("*.")]
    return next(iter([*served, *plain, *below]), "")
