# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a rule does to a request beside leading it somewhere, in the words of a VirtualService.

https://istio.io/latest/docs/reference/config/networking/virtual-service/
"""

from __future__ import annotations

import re

from ..kube.objects import Manifest
from .cors import MAX_AGE
from .names import Entry
from .replacing import REDIRECT_CODE


def redirect(wanted: Entry | None, prefix: Manifest) -> Manifest | None:
    """`prefix`: what the matched prefix becomes, where one is replaced."""
    if not wanted:
        return None
    return {
        **({"authority": wanted["host"]} if wanted.get("host") else {}),
        **({"uri": wanted["path"]} if wanted.get("path") else prefix),
        **({"scheme": wanted["scheme"]} if wanted.get("scheme") else {}),
        **({"port": wanted["port"]} if wanted.get("port") else {}),
        "redirectCode": wanted.get("code") or REDIRECT_CODE,
    }


def rewrite(wanted: Entry | None, prefix: Manifest) -> Manifest | None:
    """A whole path by a regular expression: C(uri) alone would replace what has matched, and keep the rest."""
    if not wanted:
        return None
    path = {"uriRegexRewrite": {"match": "/.*", "rewrite": wanted["path"]}} if wanted.get("path") else prefix
    return {**path, **({"authority": wanted["host"]} if wanted.get("host") else {})}


def headers(rule: Entry) -> Manifest | None:
    found = {theirs: dict(rule[ours]) for ours, theirs in (("request_headers", "request"), ("response_headers", "response")) if rule.get(ours)}
    return found or None


def cors(wanted: Entry | None) -> Manifest | None:
    """As Istio makes it of an HTTPRoute: a preflight of another origin is answered by the gateway, and does not reach the app."""
    if not wanted:
        return None
    lists = {"methods": "allowMethods", "headers": "allowHeaders", "expose": "exposeHeaders"}
    return {
        "allowOrigins": [_origin(origin) for origin in wanted["origins"]],
        **{theirs: list(wanted[ours]) for ours, theirs in lists.items() if wanted.get(ours)},
        "maxAge": wanted.get("max_age") or MAX_AGE,
        **({"allowCredentials": True} if wanted.get("credentials") else {}),
        "unmatchedPreflights": "IGNORE",
    }


def _origin(origin: str) -> Manifest:
    if origin == "*":
        return {"regex": r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#]+"}
    return {"regex": re.escape(origin).replace(r"\*", ".*")} if "*" in origin else {"exact": origin}


def fault(wanted: Entry | None) -> Manifest | None:
    """C(until) is for those who read the inventory; no field says it."""
    if not wanted:
        return None
    delay, abort = wanted.get("delay"), wanted.get("abort")
    return {
        **({"delay": {"percentage": _percent(delay), "fixedDelay": delay["duration"]}} if delay else {}),
        **({"abort": {"percentage": _percent(abort), "httpStatus": abort["code"]}} if abort else {}),
    }


def _percent(wanted: Entry) -> Manifest:
    return {"value": float(wanted.get("percent", 100))}
