# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""All objects of the components that are wanted."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..kube.objects import Manifest
from . import alertmanager, dashboards, kiali, pages, prometheus, tracing

_COMPONENTS = {
    "prometheus": prometheus.manifests,
    "alertmanager": alertmanager.manifests,
    "kiali": kiali.manifests,
    "dashboards": dashboards.manifests,
    "tracing": tracing.manifests,
}


def manifests(wanted: Mapping[str, Mapping[str, t.Any]], namespace: str = "istio-system", behind_login: Mapping[str, t.Any] | None = None) -> list[Manifest]:
    made = [item for name, said in wanted.items() for item in _COMPONENTS[name](said, namespace, wanted)]
    return made + (pages.manifests(behind_login, namespace, wanted) if behind_login else [])
