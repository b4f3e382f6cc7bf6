# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Entries as somebody wrote them.

A specification or a template may have put None into every word that nobody said, and `-e weight=10` and templates make numbers and booleans into text.
Text becomes what its word is for, as Ansible's own specifications do it; what cannot is left for the checks to refuse.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from contextlib import suppress

from ansible.module_utils.common.validation import check_type_bool, check_type_float, check_type_int

# Names of the user's own: there, None is a value that somebody forgot, and is refused; and text stays text.
_FREE = ("env", "files", "headers", "labels", "node_selector", "pod_annotations", "query", "set", "add", "resources", "selector", "tolerations")
_INTEGERS = (
    *("port", "container_port", "replicas", "max_replicas", "cpu_percent", "startup_seconds", "run_as_user", "drain_seconds", "termination_seconds"),
    *("max_connections", "http1_max_pending_requests", "http2_max_requests", "max_requests_per_connection", "max_retries"),
    *("consecutive_5xx_errors", "consecutive_gateway_errors", "max_ejection_percent", "min_health_percent"),
    *("weight", "attempts", "code", "answer"),
)
_BOOLEANS = ("gateway", "inside", "tls", "read_only", "zone_preference", "credentials", "exists", "production")
_TYPES: dict[str, t.Callable[[t.Any], t.Any]] = {
    **dict.fromkeys(_INTEGERS, check_type_int),
    **dict.fromkeys(_BOOLEANS, check_type_bool),
    "percent": check_type_float,
}


def spoken(value: t.Any) -> t.Any:
    """
    >>> spoken({"port": "80", "health": None, "env": {"A": None, "port": "80"}})
    {'port': 80, 'env': {'A': None, 'port': '80'}}
    """
    if isinstance(value, Mapping):
        return {key: item if key in _FREE else _of_its_type(key, spoken(item)) for key, item in value.items() if item is not None}
    return [spoken(item) for item in value] if isinstance(value, list) else value


def _of_its_type(word: str, value: t.Any) -> t.Any:
    if isinstance(value, str) and word in _TYPES:
        with suppress(TypeError, ValueError):
            return _TYPES[word](value)
    return value
