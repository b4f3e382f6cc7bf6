# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The mesh lab: what docs/mesh-lab.md says that one sees, seen."""

from __future__ import annotations

from collections import Counter

import pytest
from cluster import Cluster
from demo_app import Pods, versions
from harness import until

NAMESPACE, HOST = "shop", "shop.example.com"
PRODUCTS = "/api/products"


def asked(path: str, count: int, headers: dict[str, str] | None = None) -> Counter[str]:
    return versions(HOST, path, count, headers)


@pytest.fixture
def products(cluster: Cluster) -> Pods:
    return Pods(cluster, NAMESPACE, "product-service")


def test_testers_get_version_2() -> None:
    assert asked(PRODUCTS, 100, {"x-canary": "true"}) == {"v2": 100}
    assert asked("/ready", 20, {"x-canary": "true"}) == {"v2": 20}


def test_one_in_ten_requests_is_version_2s() -> None:
    found = asked(PRODUCTS, 2000)
    assert set(found) == {"v1", "v2"}
    assert 133 <= found["v2"] <= 267, f"{found}: 200 of 2000 with a deviation of 13.4; this is five of them"


def test_what_no_rule_is_for_is_not_found() -> None:
    assert asked("/nowhere", 5) == asked("/api/productsx", 5) == {"404": 5}


def test_a_request_that_fails_is_sent_again() -> None:
    """Half of all tries fail; four of them in a row do in one of sixteen cases."""
    found = asked(f"{PRODUCTS}?fail=503&ratio=0.5", 200)
    assert found["503"] <= 30, found
    assert found["v1"] + found["v2"] + found["503"] == 200, found


def test_a_bad_pod_is_left_alone_and_comes_back(products) -> None:
    bad = products.names()[0]
    products.told(bad, "PUT", "/fault?fail=500")
    try:
        until("nobody meets the bad pod", lambda: "500" not in asked(PRODUCTS, 30))
    finally:
        products.told(bad, "DELETE", "/fault")
    before = products.told(bad, "GET", "/count")["received"]

    def is_asked_again() -> bool:
        asked(PRODUCTS, 20)
        return products.told(bad, "GET", "/count")["received"] > before

    until("the pod is asked again", is_asked_again, 90)


def test_plain_http_is_refused(cluster, products) -> None:
    """The API server is outside of the mesh."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{products.names()[0]}:8080/proxy{PRODUCTS}"
    asked = cluster.kubectl("get", "--raw", path, ok=False)
    assert asked.returncode != 0 and "error trying to reach service" in asked.stderr, asked.stderr


def test_the_load_generator_asks_both_asked(cluster) -> None:
    pod = Pods(cluster, NAMESPACE, "load-generator").names()[0]
    log = cluster.logs(NAMESPACE, pod, "load-generator", 50)
    assert "v1" in log and "v2" in log, log[-1000:]
