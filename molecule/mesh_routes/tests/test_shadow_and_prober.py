# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a shadow gateway and a prober see that the rules do not say: what others put on the gateway, real shares, and answers to callers inside the mesh."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from cluster import Cluster
from demo_app import deploy, versions
from harness import REPO, Play, Run, until

VARIABLES = "molecule/mesh_routes/vars/scenario.yml"
NAMESPACE, HOST, PRODUCTS = "molecule-routes", "routes.example.com", "/api/products"
GIVEN: dict[str, Any] = yaml.safe_load((REPO / VARIABLES).read_text(encoding="utf-8"))
V1, V2 = {"app": "product", "version": "v1"}, {"app": "product", "version": "v2"}
SPLIT = [{**V1, "weight": 90}, {**V2, "weight": 10}]
# Without callers, whoever is in the mesh may ask.
OPEN = [{key: value for key, value in app.items() if key != "callers"} for app in GIVEN["mesh_apps"][:1]] + GIVEN["mesh_apps"][1:]


def outside(to: list[dict[str, Any]], *expect: dict[str, Any]) -> dict[str, Any]:
    return {**copy.deepcopy(GIVEN["mesh_routes"][0]), "rules": [{"to": to}], "expect": list(expect)}


def inside(to: list[dict[str, Any]], *expect: dict[str, Any]) -> dict[str, Any]:
    return {"name": "product-inside", "namespace": NAMESPACE, "inside": True, "hosts": ["product"], "rules": [{"to": to}], "expect": list(expect)}


@pytest.fixture(scope="module")
def apply(play: Play):
    def run(*routes: dict[str, Any], options: tuple[str, ...] = (), ok: bool = True, **variables: Any) -> Run:
        return deploy(play, VARIABLES, {"mesh_routes": list(routes), "mesh_routes_address": "", **variables}, *options, ok=ok)

    return run


@pytest.fixture(autouse=True, scope="module")
def as_it_was(apply) -> Iterator[None]:
    yield
    apply(*GIVEN["mesh_routes"])


@contextmanager
def on_the_live_gateway(cluster: Cluster, kind: str, api_version: str, spec: dict[str, Any]) -> Iterator[None]:
    selector = (
        {"workloadSelector": {"labels": {"istio": "ingressgateway"}}} if kind == "EnvoyFilter" else {"selector": {"matchLabels": {"istio": "ingressgateway"}}}
    )
    item = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "molecule-theirs", "namespace": "istio-ingress"}, "spec": {**selector, **spec}}
    cluster.kubectl("apply", "-f", "-", text=json.dumps(item))
    try:
        yield
    finally:
        cluster.kubectl("delete", "-f", "-", text=json.dumps(item))


def live_routes(cluster: Cluster) -> list[tuple[str, str, str]]:
    return [
        (item["kind"], item["metadata"]["name"], item["metadata"]["resourceVersion"])
        for kind in ("VirtualService", "HTTPRoute")
        for item in cluster.find(kind, NAMESPACE, "app.kubernetes.io/part-of=mesh-routes")
    ]


def left(cluster: Cluster) -> list[str]:
    """Of shadows and probers; a namespace that is being deleted is none."""
    labels = "app.kubernetes.io/part-of=meshgate-shadow"
    kinds = ("Namespace", "Deployment", "VirtualService", "HTTPRoute", "EnvoyFilter", "AuthorizationPolicy", "Telemetry")
    found = [item for kind in kinds for item in cluster.find(kind, None, labels)]
    return [f"{item['kind']} {item['metadata']['name']}" for item in found if not item["metadata"].get("deletionTimestamp")]


# -- the gateway ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["istio", "gateway_api"])
def test_shares_are_those_of_the_gateways_own_configuration(apply, cluster: Cluster, api: str) -> None:
    """Someone's filter on the live gateway sends more to version 2 than the rule says: no single request tells."""
    apply(outside([V1]), mesh_routes_api=api)
    more = {"route": {"weighted_clusters": {"clusters": [{"name": f"outbound|8080||product-v2.{NAMESPACE}.svc.cluster.local", "weight": 100}]}}}
    matched = {"context": "GATEWAY", "routeConfiguration": {"vhost": {"name": f"{HOST}:80", "route": {"action": "ROUTE"}}}}
    patch = {"applyTo": "HTTP_ROUTE", "match": matched, "patch": {"operation": "MERGE", "value": more}}
    wanted = outside(SPLIT, {"get": PRODUCTS, "weights": {"v1": 90, "v2": 10}})
    with on_the_live_gateway(cluster, "EnvoyFilter", "networking.istio.io/v1alpha3", {"configPatches": [patch]}):
        before = live_routes(cluster)
        failed = apply(wanted, mesh_routes_api=api, ok=False)
        rule, got = (f"product-v1.{NAMESPACE} {v1} %, product-v2.{NAMESPACE} {v2} %" for v1, v2 in ((90, 10), (45, 55)))
        assert f"route products, rule 1: wanted {rule}, got {got}" in failed.failures()
        assert live_routes(cluster) == before and left(cluster) == []
    apply(wanted, mesh_routes_api=api)
    until("both versions", lambda: set(versions(HOST, PRODUCTS, 50)) == {"v1", "v2"})


def test_a_policy_of_the_live_gateway_refuses_at_the_shadow_too(apply, cluster: Cluster) -> None:
    apply(outside([V1]))
    denied = {"action": "DENY", "rules": [{"to": [{"operation": {"hosts": [HOST, f"{HOST}:*"], "paths": ["/api/*"]}}]}]}
    with on_the_live_gateway(cluster, "AuthorizationPolicy", "security.istio.io/v1", denied):
        failed = apply(outside([V2], {"get": PRODUCTS, "from": ["v2"]}), ok=False)
        assert f"GET {HOST}{PRODUCTS}: wanted 200 from v2, got 403 from the gateway itself" in failed.failures()
    apply(outside([V2], {"get": PRODUCTS, "from": ["v2"]}))


def test_a_policy_by_addresses_is_said_not_to_be_tried(apply, cluster: Cluster) -> None:
    apply(outside([V1]))
    denied = {"action": "DENY", "rules": [{"from": [{"source": {"remoteIpBlocks": ["192.0.2.0/24"]}}]}]}
    with on_the_live_gateway(cluster, "AuthorizationPolicy", "security.istio.io/v1", denied):
        run = apply(outside([V2], {"get": PRODUCTS, "from": ["v2"]}))
    said = "AuthorizationPolicy istio-ingress/molecule-theirs is not tried on the shadow gateway: it goes by addresses"
    assert any(said in remark for remark in run.result("Test the routes on a shadow gateway")["remarks"])


def test_a_rate_limit_of_the_live_gateway_does_not_end_a_table(apply, cluster: Cluster) -> None:
    apply(outside([V1]))
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    limit = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "molecule",
        "token_bucket": {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "600s"},
        "filter_enabled": always,
        "filter_enforced": always,
    }
    matched = {"context": "GATEWAY", "listener": {"filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}}}
    value = {"name": "envoy.filters.http.local_ratelimit", "typed_config": limit}
    patch = {"applyTo": "HTTP_FILTER", "match": matched, "patch": {"operation": "INSERT_BEFORE", "value": value}}
    with on_the_live_gateway(cluster, "EnvoyFilter", "networking.istio.io/v1alpha3", {"configPatches": [patch]}):
        until("the live gateway limits", lambda: "429" in versions(HOST, PRODUCTS, 5))
        apply(outside([V2], *[{"get": PRODUCTS, "from": ["v2"]}] * 5))
    until("the live gateway does not", lambda: "429" not in versions(HOST, PRODUCTS, 5))


# -- inside the mesh --------------------------------------------------------------------------------------------------


def test_callers_inside_get_what_is_expected_before_it_is_live(apply, cluster: Cluster) -> None:
    """That the app has no such path only a request can tell."""
    apply(inside([V1]), mesh_apps=OPEN)
    before = live_routes(cluster)
    failed = apply(inside([V2], {"get": "/no/such/path", "from": ["v2"]}, {"get": PRODUCTS, "from": ["v2"]}), mesh_apps=OPEN, ok=False)
    asked = f"GET product.{NAMESPACE}.svc.cluster.local/no/such/path"
    assert failed.failures().count("wanted") == 1
    assert f"route product-inside: {asked}: wanted 200 from v2, got 404 from product-v2.{NAMESPACE}" in failed.failures()
    assert live_routes(cluster) == before and left(cluster) == []
    run = apply(inside(SPLIT, {"get": PRODUCTS, "weights": {"v1": 90, "v2": 10}}), mesh_apps=OPEN)
    (answer,) = run.result("Test the routes on a shadow gateway")["answers"]
    assert answer["status"] == 200 and answer["service"] in (f"product-v1.{NAMESPACE}", f"product-v2.{NAMESPACE}")
    assert live_routes(cluster) != before and left(cluster) == []


def test_an_app_that_admits_others_is_reached_and_it_is_said(apply) -> None:
    apply(inside([V1]))
    run = apply(inside([V2], {"get": PRODUCTS, "from": ["v2"]}))
    result = run.result("Test the routes on a shadow gateway")
    assert [(answer["status"], answer["service"]) for answer in result["answers"]] == [(403, f"product-v2.{NAMESPACE}")]
    assert any("admits other callers only" in remark for remark in result["remarks"])


def test_a_killed_run_leaves_what_is_live_and_the_next_one_takes_its_prober_away(apply, cluster: Cluster) -> None:
    apply(outside([V1]), inside([V1]), mesh_apps=OPEN)
    before = live_routes(cluster)
    killed = {"mesh_apps": OPEN, "mesh_routes": [outside([V2], {"get": PRODUCTS}), inside([V2], {"get": PRODUCTS})]}
    argv = ["ansible-playbook", "playbooks/routes.yml", "-i", "inventories/gophers", "-e", f"@{VARIABLES}", "-e", json.dumps(killed)]
    run = subprocess.Popen(argv, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until("shadow and prober", lambda: sum("Deployment" in one for one in left(cluster)) == 2, 60, 0.1)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert left(cluster) and live_routes(cluster) == before
    again = apply(outside([V1], {"get": PRODUCTS, "from": ["v1"]}), inside(SPLIT, {"get": PRODUCTS, "from": ["v1", "v2"]}), mesh_apps=OPEN)
    answers = again.result("Test the routes on a shadow gateway")["answers"]
    assert [answer["status"] for answer in answers] == [200, 200]
    assert answers[0]["service"] == f"product-v1.{NAMESPACE}", "the routes of the killed run were asked"
    assert left(cluster) == []


def test_a_removal_takes_what_a_killed_run_left(apply, cluster: Cluster) -> None:
    apply(*GIVEN["mesh_routes"])
    leftover = {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {
            "name": "meshgate-shadow-molecule-routes",
            "namespace": "istio-ingress",
            "labels": {"meshgate.io/set": "molecule-routes", "app.kubernetes.io/part-of": "meshgate-shadow"},
        },
        "spec": {},
    }
    cluster.kubectl("apply", "-f", "-", text=json.dumps(leftover))
    apply(options=("-e", "mesh_state=absent"))
    assert left(cluster) == [] and live_routes(cluster) == []
