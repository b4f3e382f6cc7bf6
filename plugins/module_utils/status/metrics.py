# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prometheus's answers about the mesh, asked by way of the API server: neither a port nor a login of its own is needed.

Istio's own proxies and stock Envoys give the same two metrics. Mirrored requests have none on the side of their source
(https://github.com/istio/istio/issues/23496).
"""

from __future__ import annotations

import math
import typing as t
from collections.abc import Mapping

from ..kube.api import KubeApi, KubeError
from .facts import Call, Place, Traffic

SERVICE, PORT = "prometheus", 9090
_ENDS = "source_workload_namespace, source_workload, destination_service_namespace, destination_service_name"
_DESTINATION = "destination_service_namespace, destination_service_name"
_UNKNOWN = ("", "unknown")


def queries(window: int) -> dict[str, str]:
    """`window` in seconds. By those who ask: what never reached its destination counts, too."""
    asked = f'istio_requests_total{{reporter="source"}}[{window}s]'
    failed = f'istio_requests_total{{reporter="source",response_code=~"5.."}}[{window}s]'
    durations = f'istio_request_duration_milliseconds_bucket{{reporter="source"}}[{window}s]'
    return {
        "rate": f"sum by ({_ENDS}) (rate({asked}))",
        "failures": f"sum by ({_ENDS}) (rate({failed}))",
        "p99": f"histogram_quantile(0.99, sum by (le, {_DESTINATION}) (rate({durations})))",
    }


def ask(api: KubeApi, namespace: str, query: str) -> list[dict[str, t.Any]]:
    path = f"/api/v1/namespaces/{namespace}/services/{SERVICE}:{PORT}/proxy/api/v1/query"
    answer = api.request("GET", path, {"query": query})
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise KubeError(f"what answers at the Service {SERVICE} is no Prometheus")
    result: list[dict[str, t.Any]] = answer["data"]["result"]
    return result


def traffic(answers: Mapping[str, list[dict[str, t.Any]]]) -> Traffic:
    failures = {(_source(one["metric"]), _destination(one["metric"])): _value(one) for one in answers["failures"]}
    rates = {(_source(one["metric"]), _destination(one["metric"])): _value(one) for one in answers["rate"]}
    calls = [Call(*ends, rate=rate, failures=failures.get(ends, 0.0)) for ends, rate in sorted(rates.items()) if rate > 0 and ends[1][1] not in _UNKNOWN]
    p99 = {_destination(one["metric"]): _value(one) for one in answers["p99"]}
    return Traffic(calls, {place: value for place, value in p99.items() if value > 0})


def _source(labels: Mapping[str, str]) -> Place:
    return labels.get("source_workload_namespace", ""), labels.get("source_workload", "")


def _destination(labels: Mapping[str, str]) -> Place:
    return labels.get("destination_service_namespace", ""), labels.get("destination_service_name", "")


def _value(one: Mapping[str, t.Any]) -> float:
    """Without requests, a quantile is NaN."""
    value = float(one["value"][1])
    return value if math.isfinite(value) else 0.0
