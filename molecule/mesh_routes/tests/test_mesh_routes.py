# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the words of apps and routes promise, by real requests in numbers that make the claim."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import time
from collections import Counter
from typing import Any

import pytest
import yaml
from cluster import Cluster
from demo_app import Pods, deploy, versions
from harness import REPO, Play, Run, ask, until

VARIABLES = "molecule/mesh_routes/vars/scenario.yml"
NAMESPACE, HOST, PRODUCTS = "molecule-routes", "routes.example.com", "/api/products"
V1, V2 = {"app": "product", "version": "v1"}, {"app": "product", "version": "v2"}
ROUTE: dict[str, Any] = yaml.safe_load((REPO / VARIABLES).read_text(encoding="utf-8"))["mesh_routes"][0]
APIS = ("istio", "gateway_api")


def route(*rules: dict[str, Any], expect: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ROUTE), "rules": list(rules), "expect": expect or [], **more}


@pytest.fixture(scope="module")
def apply(play: Play):
    def run(*routes: dict[str, Any], options: tuple[str, ...] = (), ok: bool = True, **variables: Any) -> Run:
        return deploy(play, VARIABLES, {"mesh_routes": list(routes), **variables}, *options, ok=ok)

    return run


@pytest.fixture(autouse=True, scope="module")
def as_it_was(apply):
    yield
    apply(ROUTE)


def asked(count: int, path: str = PRODUCTS, headers: dict[str, str] | None = None) -> Counter[str]:
    return versions(HOST, path, count, headers)


@pytest.fixture(scope="module")
def v1(cluster: Cluster) -> Pods:
    return Pods(cluster, NAMESPACE, "product", "v1")


@pytest.fixture(scope="module")
def v2(cluster: Cluster) -> Pods:
    return Pods(cluster, NAMESPACE, "product", "v2")


def live_routes(cluster: Cluster) -> list[tuple[str, str, str]]:
    return [
        (item["kind"], item["metadata"]["name"], item["metadata"]["resourceVersion"])
        for kind in ("VirtualService", "HTTPRoute")
        for item in cluster.find(kind, NAMESPACE, "app.kubernetes.io/part-of=mesh-routes")
    ]


def shadows(cluster: Cluster) -> list[str]:
    labels = "app.kubernetes.io/part-of=meshgate-shadow"
    return [item["metadata"]["name"] for kind in ("Deployment", "Service") for item in cluster.find(kind, "istio-ingress", labels)]


# -- where requests go ---------------------------------------------------------------------------------------------


def test_a_tester_is_led_by_a_header_and_a_caller_that_is_none_gets_403() -> None:
    assert asked(50, headers={"x-canary": "true"}) == {"v2": 50}
    assert asked(5, "/closed") == {"403": 5}


@pytest.mark.parametrize("api", APIS)
def test_a_split_of_90_and_10(apply, api: str) -> None:
    apply(route(ROUTE["rules"][2]), mesh_routes_api=api)
    until("version 2", lambda: "v2" in asked(50))
    found = asked(2000)
    assert set(found) == {"v1", "v2"}
    assert 133 <= found["v2"] <= 267, f"{found}: 200 of 2000 with a deviation of 13.4; this is five of them"


def forty_rules() -> list[dict[str, Any]]:
    """One host: exact paths, prefixes in prefixes, methods, headers and queries; each says its number."""
    rules = [{"match": {"path": f"/exact/{place}"}} for place in range(10)]
    rules += [{"match": {"path_prefix": f"/deep/{'x/' * (9 - place)}end"}} for place in range(10)]
    rules += [{"match": {"path_prefix": f"/by/{place}", "headers": {"x-user": "ann"}}} for place in range(5)]
    rules += [{"match": {"path_prefix": f"/by/{place}", "query": {"v": "1"}}} for place in range(5, 10)]
    rules += [{"match": {"path_prefix": f"/only/{place}", "method": "GET"}} for place in range(9)]
    rules += [{}]
    made = [{**rule, "to": [V2 if place % 2 else V1], "response_headers": {"set": {"x-rule": str(place)}}} for place, rule in enumerate(rules)]
    assert len(made) == 40
    return made


def two_hundred_requests() -> list[tuple[str, dict[str, str]]]:
    paths = [f"/exact/{place}{tail}" for place in range(10) for tail in ("", "/", "/more", "?v=1")]
    paths += [f"/deep/{'x/' * depth}end{tail}" for depth in range(10) for tail in ("", "/a", "x", "?v=1")]
    paths += [f"/by/{place}{tail}" for place in range(10) for tail in ("", "?v=1")] + [f"/only/{place}" for place in range(9)]
    return [(path, headers) for path in paths for headers in ({}, {"x-user": "ann"})]


def test_forty_rules_of_one_host_answer_alike_in_both_apis(apply) -> None:
    table = two_hundred_requests()
    assert len(table) >= 200
    answers = {}
    for api in APIS:
        apply(route(*forty_rules()), mesh_routes_api=api)
        until(f"{api}'s rules", lambda: ask(HOST, "/exact/3").headers.get("x-rule") == "3")
        time.sleep(1)
        answers[api] = [ask(HOST, path, headers=headers).headers.get("x-rule") for path, headers in table]
    assert answers["istio"] == answers["gateway_api"]
    assert len(set(answers["istio"])) == 40, "the table does not ask each of the rules"


def test_a_redirect_a_rewrite_and_headers(apply) -> None:
    rules = [
        {"match": {"path": "/old"}, "redirect": {"path": "/new", "code": 301}},
        {
            "match": {"path_prefix": "/shop"},
            "rewrite": {"path_prefix": "/api"},
            "response_headers": {"set": {"cache-control": "no-store"}, "remove": ["x-pod"]},
            "to": [V1],
        },
        {"to": [V2]},
    ]
    for api in APIS:
        apply(route(*rules), mesh_routes_api=api)
        until(f"{api}'s rules", lambda: ask(HOST, "/shop/products").headers.get("cache-control") == "no-store")
        answer = ask(HOST, "/shop/products")
        assert (answer.status, answer.headers["x-version"], "x-pod" in answer.headers) == (200, "v1", False)
        assert ask(HOST, "/shopx").status == 404, "a prefix is by segments"


# -- what is done about time and failure ------------------------------------------------------------------------------


def test_a_copy_of_each_request_reaches_the_mirror_and_its_answer_no_client(apply, v2) -> None:
    apply(route({"to": [V1], "mirrors": [V2]}))
    until("version 1 alone", lambda: asked(20) == {"v1": 20})
    time.sleep(1)
    before = v2.received()
    assert asked(200) == {"v1": 200}
    until("200 copies", lambda: v2.received() - before == 200)


def test_retries_are_seen_at_the_server_and_not_by_the_client(apply, v1) -> None:
    apply(route({"to": [V1], "timeout": "5s", "retries": {"attempts": 2, "per_try_timeout": "1s", "retry_on": ["503"]}}))
    until("the retries", lambda: asked(1, f"{PRODUCTS}?fail=503&attempts=1") == {"v1": 1})
    before = v1.received()
    assert asked(20, f"{PRODUCTS}?fail=503&attempts=2") == {"v1": 20}
    assert v1.received() - before == 60


def test_a_timeout_ends_a_slow_request(apply) -> None:
    apply(route({"to": [V2], "timeout": "500ms"}))
    until("the timeout", lambda: asked(1, f"{PRODUCTS}?delay_ms=3000") == {"504": 1})
    begun = time.monotonic()
    assert asked(1, f"{PRODUCTS}?delay_ms=3000") == {"504": 1}
    assert time.monotonic() - begun < 2


def test_faults_hit_the_said_share(apply) -> None:
    apply(route({"to": [V1], "faults": {"abort": {"percent": 20, "code": 418}}}))
    until("the faults", lambda: "418" in asked(40))
    found = asked(1000)
    assert set(found) == {"v1", "418"}
    assert 137 <= found["418"] <= 263, f"{found}: 200 of 1000 with a deviation of 12.6; this is five of them"


def test_a_bad_pod_is_ejected_within_ten_seconds_and_comes_back(apply, v1) -> None:
    apply(route({"to": [V1]}))
    until("version 1 alone", lambda: asked(20) == {"v1": 20})
    bad = v1.names()[0]
    v1.told(bad, "PUT", "/fault?fail=500")
    try:
        until("nobody meets the bad pod", lambda: asked(30) == {"v1": 30}, 10, 0.1)
    finally:
        v1.told(bad, "DELETE", "/fault")
    before = v1.told(bad, "GET", "/count")["received"]
    until("the pod is asked again", lambda: asked(10) and v1.told(bad, "GET", "/count")["received"] > before)


# -- tested before they are live ------------------------------------------------------------------------------------


def test_a_wrong_answer_leaves_the_live_routes_untouched(apply, cluster) -> None:
    """The rules say what is expected; that the app answers otherwise only the shadow can see."""
    apply(ROUTE)
    before = live_routes(cluster)
    failed = apply(route({"to": [V2]}, expect=[{"get": "/no/such/path", "from": ["v2"]}, {"get": PRODUCTS, "from": ["v2"]}]), ok=False)
    assert f"GET {HOST}/no/such/path: wanted 200 from v2, got 404 from product-v2.{NAMESPACE}" in failed.failures()
    assert live_routes(cluster) == before
    assert set(asked(100)) == {"v1", "v2"}
    assert shadows(cluster) == []


def test_a_run_that_is_killed_leaves_what_is_live_and_the_next_one_takes_its_shadow_away(apply, cluster) -> None:
    """In the worst moment: while the shadow is asked."""
    wanted = route({"to": [V2]}, expect=[{"get": PRODUCTS, "from": ["v2"]}])
    before = live_routes(cluster)
    argv = ["ansible-playbook", "playbooks/routes.yml", "-i", "inventories/gophers", "-e", f"@{VARIABLES}", "-e", json.dumps({"mesh_routes": [wanted]})]
    run = subprocess.Popen(argv, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until("the shadow", lambda: shadows(cluster), 60, 0.1)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert shadows(cluster) and live_routes(cluster) == before
    assert set(asked(100)) == {"v1", "v2"}
    apply(wanted)
    assert shadows(cluster) == []
    apply(ROUTE)


def test_check_mode_tells_which_requests_would_go_elsewhere(apply, cluster) -> None:
    before = live_routes(cluster)
    run = apply(route({"to": [V2]}, expect=[{"get": PRODUCTS, "from": ["v2"]}]), options=("--check", "--diff"))
    assert run.result("Test the routes on a shadow gateway")["moves"] == [
        f"GET {HOST}{PRODUCTS}: product-v1.{NAMESPACE} 90 %, product-v2.{NAMESPACE} 10 % -> product-v2.{NAMESPACE}"
    ]
    assert live_routes(cluster) == before


def test_probes_are_not_counted(apply, v2) -> None:
    apply(route({"to": [V1]}, expect=[]))
    before = v2.received()
    apply(route({"to": [V2]}, expect=[{"get": PRODUCTS, "from": ["v2"]}] * 20), mesh_routes_address="")
    assert v2.received() == before


# -- others --------------------------------------------------------------------------------------------------------


def test_a_host_of_another_set_is_refused_by_name(apply, cluster) -> None:
    before = live_routes(cluster)
    refused = apply(
        {**copy.deepcopy(ROUTE), "name": "again"},
        mesh_set="another",
        mesh_apps=[],
        mesh_routes_apps=yaml.safe_load((REPO / VARIABLES).read_text())["mesh_apps"],
        ok=False,
    )
    assert f"host {HOST} is already routed by" in refused.failures() and "of the set molecule-routes" in refused.failures()
    assert live_routes(cluster) == before


THEIRS = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: thief, namespace: default}
spec:
  hosts: [routes.example.com]
  gateways: [istio-ingress/mesh-molecule-routes]
  http: [{match: [{uri: {prefix: /stolen}}], directResponse: {status: 418}}]
"""


def test_a_route_of_another_namespace_gets_no_request(apply, cluster) -> None:
    apply(route({"to": [V1]}, expect=[]), mesh_routes_api="istio")
    cluster.kubectl("apply", "-f", "-", text=THEIRS)
    try:
        time.sleep(3)
        assert asked(20, "/stolen") == {"404": 20}
    finally:
        cluster.kubectl("delete", "-f", "-", text=THEIRS)


def test_a_second_run_changes_nothing_and_an_edit_by_hand_is_mended(apply, cluster) -> None:
    apply(ROUTE)
    assert apply(ROUTE).changed == 0
    cluster.kubectl("-n", NAMESPACE, "scale", "deployment/product-v1", "--replicas=1")
    assert apply(ROUTE).changed_names() == ["meshgate.eks_istio.mesh_apps : Apply the apps"]
