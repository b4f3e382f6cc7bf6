# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One request is one trace over the gateway and both services."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from itertools import groupby
from typing import Any

from harness import ask, until

Get = Callable[..., Any]
# Proxies have names with their namespace, the services' own spans are without.
PATH = ["istio-ingressgateway.istio-ingress", "service-b.rust-services", "service-b", "service-b.rust-services", "service-a.rust-services", "service-a"]


def spans_of(get: Get, trace: str) -> list[dict[str, Any]]:
    found = get("tracing:80", "/jaeger/api/traces", service=PATH[0], limit="200", lookback="1h")["data"] or []
    return [span | {"service": one["processes"][span["processID"]]["serviceName"]} for one in found if one["traceID"] == trace for span in one["spans"]]


def test_a_trace_leads_from_the_gateway_over_both_services(get: Get, host: str) -> None:
    trace = secrets.token_hex(16)
    # The caller's own trace, which it wants to be kept.
    assert ask(host, "/?name=A+Field", headers={"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}).status == 200
    until("the spans of proxies and services", lambda: {span["service"] for span in spans_of(get, trace)} >= {*PATH}, 60)
    spans = {span["spanID"]: span for span in spans_of(get, trace)}

    def callers(span: dict[str, Any]) -> list[str]:
        """From a span up to the first one."""
        parents = [reference["spanID"] for reference in span.get("references", []) if reference["refType"] == "CHILD_OF" and reference["spanID"] in spans]
        return [span["service"], *[name for parent in parents for name in callers(spans[parent])]]

    longest = max((callers(span) for span in spans.values()), key=len)
    assert [name for name, _all in groupby(reversed(longest))] == PATH, longest


def test_a_caller_that_wants_no_trace_gets_none(get: Get, host: str) -> None:
    unwanted, wanted = secrets.token_hex(16), secrets.token_hex(16)
    for trace, flag in ((unwanted, "00"), (wanted, "01")):
        assert ask(host, "/?name=A+Field", headers={"traceparent": f"00-{trace}-{secrets.token_hex(8)}-{flag}"}).status == 200
    until("the later one's spans", lambda: spans_of(get, wanted), 60)
    assert spans_of(get, unwanted) == []
