# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""New pods for everything on a request's way, under load: nobody notices."""

from __future__ import annotations

from harness import until

REQUESTS = 10_000
# Namespace, Deployment, and the label of its pods.
DEPLOYMENTS = [
    ("rust-services", "service-a", "app=service-a"),
    ("rust-services", "service-b", "app=service-b"),
    ("istio-ingress", "istio-ingressgateway", "istio=ingressgateway"),
]


def pods(cluster) -> dict[str, list[dict]]:
    return {name: cluster.find("Pod", namespace, label) for namespace, name, label in DEPLOYMENTS}


def uids(found: dict[str, list[dict]]) -> set[str]:
    return {pod["metadata"]["uid"] for items in found.values() for pod in items}


def test_a_rolling_update_of_services_and_gateway_fails_no_request(load, cluster, record):
    before = pods(cluster)
    assert {name: len(items) for name, items in before.items()} == {"service-a": 2, "service-b": 2, "istio-ingressgateway": 2}
    with load(rate=300) as running:
        for namespace, name, _label in DEPLOYMENTS:
            cluster.kubectl("-n", namespace, "rollout", "restart", f"deployment/{name}")
        for namespace, name, _label in DEPLOYMENTS:
            cluster.kubectl("-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=170s")
        # The former ones still drain.
        after = until("the former pods' end", lambda: not uids(now := pods(cluster)) & uids(before) and now, 120)
        until(f"{REQUESTS} requests", lambda: running.sent() >= REQUESTS, 300)
    record("rolling update of both services and the gateway", "no request fails", running.outcome)
    assert {name: len(items) for name, items in after.items()} == {"service-a": 2, "service-b": 2, "istio-ingressgateway": 2}
    assert all(pod["spec"].get("readinessGates") for pod in after["istio-ingressgateway"])
    assert running.outcome.requests >= REQUESTS
    assert running.outcome.failed == 0, running.outcome
