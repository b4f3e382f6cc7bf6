# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Listener rule conditions -> Envoy route matches.

Values of one condition are alternatives, all conditions of a rule must match. `*` matches any text, `?` one
character. Host names, header values and query strings ignore case; paths and methods do not.
"""

from __future__ import annotations

import re
from typing import Any

from .state import Json

# Set for every connection by the listener (translate.py), read by the source-ip condition.
CLIENT_ADDRESS_KEY = "envoy.filters.listener.original_dst.remote_ip"

_DETAILS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}


def wildcard(pattern: str, any_character: str = ".") -> str:
    """An ELB pattern as a regular expression."""
    signs = {"*": f"{any_character}*", "?": any_character}
    return "".join(signs.get(character) or re.escape(character) for character in pattern)


def route_match(conditions: tuple[Json, ...]) -> Json:
    match: Json = {}
    headers: list[Json] = []
    for condition in conditions:
        kind = condition["Field"]
        if kind not in _DETAILS:
            raise ValueError(f"unknown condition field {kind}")
        detail = condition.get(_DETAILS[kind]) or {}
        values = detail.get("Values") or condition.get("Values") or []
        regexes = detail.get("RegexValues") or condition.get("RegexValues") or []
        if kind == "path-pattern":
            match["safe_regex"] = {"regex": _either([wildcard(value) for value in values] + list(regexes))}
        elif kind == "host-header":
            names = _either([wildcard(value, "[^:]") for value in values] + list(regexes))
            headers.append(_header(":authority", f"(?i){names}(:[0-9]+)?"))
        elif kind == "http-header":
            headers.append(_header(detail["HttpHeaderName"].lower(), f"(?i){_either([wildcard(v) for v in values] + list(regexes))}"))
        elif kind == "http-request-method":
            headers.append(_header(":method", _either([re.escape(value) for value in values])))
        elif kind == "query-string":
            headers.append(_header(":path", rf"(?i)[^?]*\?(.*&)?{_either([_query(value) for value in values])}(&.*)?"))
        else:
            match["filter_state"] = [{"key": CLIENT_ADDRESS_KEY, "address_match": {"ranges": [_cidr(value) for value in values]}}]
    if "safe_regex" not in match:
        match["prefix"] = "/"
    if headers:
        match["headers"] = headers
    return match


def _either(patterns: list[str]) -> str:
    return "(" + "|".join(patterns) + ")"


def _header(name: str, regex: str) -> Json:
    return {"name": name, "string_match": {"safe_regex": {"regex": regex}}}


def _query(pair: dict[str, Any]) -> str:
    key = wildcard(pair["Key"], "[^&=]") if pair.get("Key") else "[^&=]*"
    value = wildcard(pair.get("Value") or "", "[^&]")
    # Without a key, the value may be that of any key, or a parameter of its own.
    return f"({key}=)?{value}" if not pair.get("Key") else f"{key}={value}"


def _cidr(value: str) -> Json:
    address, _unused, length = value.partition("/")
    return {"address_prefix": address, "prefix_len": int(length or (128 if ":" in address else 32))}
