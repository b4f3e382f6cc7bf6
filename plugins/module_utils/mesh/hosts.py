# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The hosts that clients outside ask for. Reads what has not been validated yet, and passes over what is malformed."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from .inside import is_inside


def outside_hosts(routes: t.Any, teams: t.Any = ()) -> list[str]:
    """Of routes at the gateway and of teams, without those that no certificate could name: C(*), and names without a domain.

    >>> outside_hosts([{"hosts": ["shop.example.com", "*"]}, {"hosts": ["product"], "inside": True}], [{"name": "a", "hosts": ["*.a.example.com"]}])
    ['*.a.example.com', 'shop.example.com']
    """
    entries = [*(entry for entry in _entries(routes) if not is_inside(entry)), *_entries(teams)]
    hosts = {host.lower() for entry in entries for host in _list(entry.get("hosts")) if isinstance(host, str)}
    return sorted(host for host in hosts if "." in host.removeprefix("*."))


def _entries(given: t.Any) -> list[Mapping[str, t.Any]]:
    return [entry for entry in _list(given) if isinstance(entry, Mapping)]


def _list(given: t.Any) -> list[t.Any]:
    return list(given) if isinstance(given, (list, tuple)) else []
