# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Dictionaries and lists inside a variable, against its role's specification: each mistake with the place where it is.

ansible-core names the option, not the entry, and fails by a TypeError where a number stands for a dictionary.

>>> list(misshapen("routes", [{"retries": 3}], {"type": "list", "elements": "dict", "options": {"retries": {"type": "dict", "options": {"attempts": {}}}}}))
['routes[0].retries is 3; accepted: a dictionary of attempts']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def misshapen(where: str, value: Any, option: Mapping[str, Any]) -> Iterator[str]:
    """A text may be JSON or key=value pairs, which ansible-core reads."""
    known = option.get("options")
    if value is None or not known or isinstance(value, str):
        return
    if option.get("type") == "list":
        yield from _of_list(where, value, option)
    elif not isinstance(value, Mapping):
        yield f"{where} is {value!r}; accepted: a dictionary of {', '.join(known)}"
    else:
        yield from _of_dictionary(where, value, known)


def _of_list(where: str, value: Any, option: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where} is {value!r}; accepted: a list of dictionaries"
        return
    for place, item in enumerate(value):
        yield from misshapen(f"{where}[{place}]", item, {**option, "type": option.get("elements", "str")})


def _of_dictionary(where: str, value: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    names = {*known, *(alias for option in known.values() for alias in option.get("aliases") or [])}
    unknown = [name for name in value if name not in names]
    yield from (f"{where}.{name} is not known; accepted: {', '.join(known)}" for name in unknown)
    for name, option in known.items():
        yield from misshapen(f"{where}.{name}", value.get(name), option)
