# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Istio's own dashboards, which are Grafana's, for a Grafana or a Perses that has one data source: the mesh's Prometheus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# Grafana's own: several of them in one panel, and its annotations.
_KINDS = ("prometheus", "datasource")
_AGO = "now-"
# Perses' project; a dashboard's address is /projects/istio/dashboards/NAME.
PROJECT = "istio"


def plain(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """A dashboard that asks the default data source: without the choice of one, which only a Grafana that somebody set up by hand needs."""
    bare = _bare(dashboard)
    bare["templating"] = {"list": [item for item in bare.get("templating", {}).get("list", []) if item.get("type") != "datasource"]}
    return {**bare, "annotations": {"list": []}}


def _bare(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {name: _bare(value) for name, value in node.items() if name != "datasource" or not _is_source(value)}
    return [_bare(item) for item in node] if isinstance(node, list) else node


def _is_source(value: Any) -> bool:
    return value is None or isinstance(value, str) or (isinstance(value, Mapping) and value.get("type") in _KINDS)


def of_perses(name: str, migrated: Mapping[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
    """What Perses made of it, under a name of ours instead of its title's, and with what Perses leaves out: how often it asks again, and since when."""
    spec = dict(migrated["spec"])
    if original.get("refresh"):
        spec["refreshInterval"] = original["refresh"]
    since = str(original.get("time", {}).get("from", ""))
    if since.startswith(_AGO):
        spec["duration"] = since.removeprefix(_AGO)
    return {**migrated, "metadata": {"name": name, "project": PROJECT}, "spec": spec}


def text(dashboard: Mapping[str, Any]) -> str:
    return json.dumps(dashboard, separators=(",", ":"), sort_keys=True)
