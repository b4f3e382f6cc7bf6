# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with a rule."""

from __future__ import annotations

import math
import typing as t
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from .check_actions import problems_of_actions
from .check_destinations import problems_of_destinations
from .check_matches import problems_of_match
from .durations import seconds
from .matches import matches_of
from .names import Entry
from .said import is_number, misshapen, said, unknown
from .setting import Setting

WORDS = ("name", "match", "to", "mirrors", "timeout", "retries", "redirect", "rewrite", "request_headers", "response_headers", "cors", "faults")
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on, and those of gRPC below it.
RETRY_ON = (
    *("5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited", "retriable-4xx", "refused-stream"),
    *("retriable-status-codes", "retriable-headers", "http3-post-connect-failure"),
    *("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"),
)
_RETRIES = ("attempts", "per_try_timeout", "retry_on")


def problems_of_rule(where: str, rule: t.Any, namespace: str, setting: Setting) -> Iterator[str]:
    yield from unknown(where, rule, WORDS)
    if not isinstance(rule, Mapping):
        return
    if rule.get("match") == []:
        yield said(f"{where}: match", [], "what a request must be, or a list of such; without the word, every request is meant")
    found = [problem for match in matches_of(rule) for problem in problems_of_match(where, match)]
    yield from found
    if rule.get("redirect") is None:
        yield from problems_of_destinations(where, rule, namespace, setting)
    yield from _times(where, rule, setting)
    if not found:  # whether they fit to the match cannot be told of one that cannot be read
        yield from problems_of_actions(where, rule, setting)


def _times(where: str, rule: Entry, setting: Setting) -> Iterator[str]:
    retries = rule.get("retries") or {}
    found = list(unknown(f"{where}: retries", retries, _RETRIES)) or list(misshapen(f"{where}: retries", retries, ("retry_on",)))
    yield from found
    if found:
        return
    times = {"timeout": rule.get("timeout"), "retries, per_try_timeout": retries.get("per_try_timeout")}
    for word, value in times.items():
        if value is not None and not seconds(value):
            yield said(f"{where}: {word}", value, "a duration such as 5s or 500ms")
    if retries and not is_number(retries.get("attempts"), 0, 100):
        yield said(f"{where}: retries, attempts", retries.get("attempts"), "how often it is tried once more, from 0 on")
    for cause in retries.get("retry_on") or []:
        if str(cause) not in RETRY_ON and (isinstance(cause, bool) or not str(cause).isdigit() or int(cause) not in set(HTTPStatus)):
            yield said(f"{where}: retries, retry_on", cause, f"a status, such as 503, or one of {', '.join(RETRY_ON)}")
    whole, each = (seconds(value) for value in times.values())
    if whole and each and each >= whole:
        yield said(f"{where}: retries, per_try_timeout", retries["per_try_timeout"], f"less than the rule's timeout ({rule['timeout']})")
    elif whole and each and is_number(retries.get("attempts"), 0, 100) and retries["attempts"] * each >= whole:
        late = f"of {retries['per_try_timeout']} each, more begin only after the rule's timeout ({rule['timeout']})"
        room = f"at most {math.ceil(whole / each) - 1}: {late}"
        yield said(f"{where}: retries, attempts", retries["attempts"], room)
    if whole and setting.idle_timeout and whole > setting.idle_timeout:
        yield said(
            f"{where}: timeout", rule["timeout"], f"at most the load balancer's idle timeout ({setting.idle_timeout:g}s), after which it ends the connection"
        )
