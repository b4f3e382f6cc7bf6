# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prometheus's answers, asked by way of the API server: neither a port nor a login of its own is needed."""

from __future__ import annotations

import math
import typing as t
from collections.abc import Mapping

from ..kube.api import KubeApi, KubeError
from .prometheus import NAME, PORT

Answer = list[dict[str, t.Any]]


def ask(api: KubeApi, namespace: str, query: str) -> Answer:
    path = f"/api/v1/namespaces/{namespace}/services/{NAME}:{PORT}/proxy/api/v1/query"
    answer = api.request("GET", path, {"query": query})
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise KubeError(f"what answers at the Service {NAME} is no Prometheus")
    result: Answer = answer["data"]["result"]
    return result


def value_of(one: Mapping[str, t.Any]) -> float:
    """Without requests, a quantile is NaN."""
    value = float(one["value"][1])
    return value if math.isfinite(value) else 0.0
