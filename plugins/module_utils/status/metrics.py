# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is asked of Prometheus about the mesh, and what its answers mean.

Istio's own proxies and stock Envoys give the same two metrics. Mirrored requests have none on the side of their source
(https://github.com/istio/istio/issues/23496).
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..observability.asking import value_of
from ..observability.series import DESTINATION, ENDS, destination, source
from .facts import Call, Traffic

_UNKNOWN = ("", "unknown")


def queries(window: int) -> dict[str, str]:
    """`window` in seconds. By those who ask: what never reached its destination counts, too."""
    asked = f'istio_requests_total{{reporter="source"}}[{window}s]'
    failed = f'istio_requests_total{{reporter="source",response_code=~"5.."}}[{window}s]'
    durations = f'istio_request_duration_milliseconds_bucket{{reporter="source"}}[{window}s]'
    return {
        "rate": f"sum by ({ENDS}) (rate({asked}))",
        "failures": f"sum by ({ENDS}) (rate({failed}))",
        "p99": f"histogram_quantile(0.99, sum by (le, {DESTINATION}) (rate({durations})))",
    }


def traffic(answers: Mapping[str, list[dict[str, t.Any]]]) -> Traffic:
    failures = {(source(one["metric"]), destination(one["metric"])): value_of(one) for one in answers["failures"]}
    rates = {(source(one["metric"]), destination(one["metric"])): value_of(one) for one in answers["rate"]}
    calls = [Call(*ends, rate=rate, failures=failures.get(ends, 0.0)) for ends, rate in sorted(rates.items()) if rate > 0 and ends[1][1] not in _UNKNOWN]
    p99 = {destination(one["metric"]): value_of(one) for one in answers["p99"]}
    return Traffic(calls, {place: value for place, value in p99.items() if value > 0})
