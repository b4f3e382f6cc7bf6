# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which service fails, since when, and who asks it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import traffic

NOW = datetime.datetime(2026, 12, 1, 14, 30, tzinfo=datetime.UTC)
THERE = {"kind": "Service", "metadata": {"name": "prometheus", "namespace": "istio-system"}}


def sample(value: float, service: str, caller: str = "front") -> dict[str, Any]:
    metric = {"source_workload_namespace": "shop", "source_workload": caller, "destination_service_namespace": "shop", "destination_service_name": service}
    return {"metric": metric, "value": [0, str(value)]}


def looked(monkeypatch: pytest.MonkeyPatch, asked: list[Any], failed: list[Any], since: list[Any]) -> Any:
    answers = {traffic.QUERIES["asked"]: asked, traffic.QUERIES["failed"]: failed, traffic.QUERIES["since"]: since}
    monkeypatch.setattr(traffic, "ask", lambda _api, _namespace, query: answers[query])
    return traffic.look(FakeApi(THERE), "istio-system", NOW)  # type: ignore[arg-type]


def test_a_failing_service_is_named_with_its_beginning_and_its_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = (NOW - datetime.timedelta(minutes=12)).timestamp()
    section = looked(monkeypatch, [sample(8, "stock"), sample(2, "stock", "admin")], [sample(4, "stock")], [sample(begun, "stock")])
    (finding,) = section.findings
    assert (finding.symptom, finding.what) == ("traffic", "shop/stock: 40% of 10.0 requests a second failed, since 14:18 UTC (12 minutes)")
    assert finding.details == ["shop/admin asks 2.0 times a second, and 0% fail", "shop/front asks 8.0 times a second, and 50% fail"]


def test_few_failures_are_a_line_and_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    section = looked(monkeypatch, [sample(100, "stock")], [sample(4, "stock")], [])
    assert section.findings == [] and section.lines == ["shop/stock: 100.0 a second, 4.0% failed"]


def test_what_has_failed_for_longer_than_is_looked_back(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = (NOW - datetime.timedelta(minutes=60)).timestamp()
    section = looked(monkeypatch, [sample(1, "stock")], [sample(1, "stock")], [sample(begun, "stock")])
    assert section.findings[0].what.endswith("failed, since an hour ago or longer")


def test_a_mesh_at_rest_and_one_without_metrics_are_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked(monkeypatch, [], [], []).lines == ["none within 5m"]
    section = traffic.look(FakeApi(), "istio-system", NOW)  # type: ignore[arg-type]
    assert section.state == "fine" and section.lines == ["not counted: there is no Prometheus in istio-system (observability_components)"]
