# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Istio's dashboards for one data source."""

from __future__ import annotations

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.dashboards import of_perses, plain

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}


def test_the_choice_of_a_data_source_goes_and_all_else_stays() -> None:
    given = {
        "title": "Mesh",
        "annotations": {"list": [{"datasource": {"type": "datasource", "uid": "grafana"}}]},
        "panels": [{"datasource": PROMETHEUS, "targets": [{"expr": "up", "datasource": PROMETHEUS}]}, {"panels": [{"datasource": None}]}],
        "templating": {"list": [{"name": "datasource", "type": "datasource"}, {"name": "namespace", "type": "query", "datasource": PROMETHEUS}]},
    }
    assert plain(given) == {
        "title": "Mesh",
        "annotations": {"list": []},
        "panels": [{"targets": [{"expr": "up"}]}, {"panels": [{}]}],
        "templating": {"list": [{"name": "namespace", "type": "query"}]},
    }


def test_a_data_source_of_another_kind_stays() -> None:
    logs = {"type": "loki", "uid": "logs"}
    assert plain({"panels": [{"datasource": logs}]})["panels"] == [{"datasource": logs}]


def test_perses_knows_it_by_our_name() -> None:
    migrated = {"kind": "Dashboard", "metadata": {"name": "Istio Mesh Dashboard"}, "spec": {"panels": {}}}
    assert of_perses("mesh", migrated, {}) == {"kind": "Dashboard", "metadata": {"name": "mesh", "project": "istio"}, "spec": {"panels": {}}}


def test_perses_asks_as_often_and_since_as_long_as_grafana() -> None:
    migrated = {"kind": "Dashboard", "metadata": {}, "spec": {"duration": "1h", "panels": {}}}
    spec = of_perses("mesh", migrated, {"refresh": "15s", "time": {"from": "now-30m", "to": "now"}})["spec"]
    assert spec == {"duration": "30m", "refreshInterval": "15s", "panels": {}}
    assert of_perses("mesh", migrated, {"refresh": "", "time": {"from": "2026-01-01"}})["spec"] == migrated["spec"]
