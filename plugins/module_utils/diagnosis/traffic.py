# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which app fails, since when, and who calls it, as far as the mesh's metrics know.

Mirrored requests are counted by their destination only (https://github.com/istio/istio/issues/23496), so nobody waits for those that fail.
"""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..kube.api import KubeApi
from ..observability.alerts import FAILING_SHARE
from ..observability.asking import ask, value_of
from ..observability.prometheus import NAME
from ..observability.series import DESTINATION, ENDS, destination, source
from .report import Section

_WINDOW, _HOUR = "5m", "1h"
_ASKED = 'istio_requests_total{reporter="source"}'
_FAILED = 'istio_requests_total{reporter="source", response_code=~"0|5.."}'
QUERIES = {
    "asked": f"sum by ({ENDS}) (rate({_ASKED}[{_WINDOW}]))",
    "failed": f"sum by ({ENDS}) (rate({_FAILED}[{_WINDOW}]))",
    # The first look within an hour at which requests had failed in the minute before.
    "since": f"min_over_time(timestamp(sum by ({DESTINATION}) (rate({_FAILED}[1m])) > 0)[{_HOUR}:30s])",
}


@dataclass(frozen=True)
class Call:
    caller: str
    service: str
    asked: float
    failed: float


def look(api: KubeApi, namespace: str, now: datetime.datetime) -> Section:
    section = Section("requests")
    if api.get("v1", "Service", NAME, namespace) is None:
        section.lines.append(f"not counted: there is no Prometheus in {namespace} (observability_components)")
        return section
    answers = {name: ask(api, namespace, query) for name, query in QUERIES.items()}
    judge(section, calls(answers["asked"], answers["failed"]), {_service(one["metric"]): value_of(one) for one in answers["since"]}, now)
    return section


def calls(asked: Iterable[Mapping[str, t.Any]], failed: Iterable[Mapping[str, t.Any]]) -> list[Call]:
    failures = {(_caller(one["metric"]), _service(one["metric"])): value_of(one) for one in failed}
    rates = {(_caller(one["metric"]), _service(one["metric"])): value_of(one) for one in asked}
    return [Call(*ends, asked=rate, failed=failures.get(ends, 0.0)) for ends, rate in sorted(rates.items()) if rate > 0]


def judge(section: Section, found: list[Call], since: Mapping[str, float], now: datetime.datetime) -> None:
    for service in sorted({call.service for call in found}):
        callers = [call for call in found if call.service == service]
        asked, failed = sum(call.asked for call in callers), sum(call.failed for call in callers)
        section.lines.append(f"{service}: {asked:.1f} a second, {failed / asked:.1%} failed")
        if failed / asked > FAILING_SHARE:
            begun = f", since {_clock(since[service], now)}" if service in since else ""
            details = [f"{call.caller} asks {call.asked:.1f} times a second, and {call.failed / call.asked:.0%} fail" for call in callers]
            section.wrong("traffic", f"{service}: {failed / asked:.0%} of {asked:.1f} requests a second failed{begun}", *details)
    if not found:
        section.lines.append(f"none within {_WINDOW}")


def _clock(seconds: float, now: datetime.datetime) -> str:
    begun = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    minutes = max(int((now - begun).total_seconds() // 60), 0)
    return f"{begun:%H:%M} UTC ({minutes} minutes)" if minutes < 59 else "an hour ago or longer"


def _service(labels: Mapping[str, str]) -> str:
    return "/".join(destination(labels))


def _caller(labels: Mapping[str, str]) -> str:
    return "/".join(source(labels))
