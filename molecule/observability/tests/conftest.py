# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the checks of the components share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from cluster import Cluster
from harness import REPO

# How the report of diagnose.yml is asked for.
sys.path.append(str(REPO / "tests/troubleshooting"))

Get = Callable[..., Any]


@pytest.fixture(scope="module")
def host(cluster: Cluster) -> str:
    return str(cluster.get("Ingress", "ingress", "istio-ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"])


@pytest.fixture(scope="module")
def get(cluster: Cluster) -> Get:
    """Asks a Service of Istio's namespace by the API server's proxy, as the page's commands do."""

    def asked(service: str, path: str, /, **query: str) -> Any:
        place = f"/api/v1/namespaces/istio-system/services/{service}/proxy{path}"
        return json.loads(cluster.kubectl("get", "--raw", f"{place}?{urlencode(query)}" if query else place).stdout)

    return asked
