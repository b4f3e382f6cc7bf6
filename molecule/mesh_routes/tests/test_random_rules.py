# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Two hundred random rule sets on the live gateway, in both APIs where they are said to answer alike: every request gets the same rule from both,
and the one that is first in the order written.
"""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from demo_app import deploy
from harness import Play, ask, until

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems  # noqa: E402
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.expectations import Request, rule_for  # noqa: E402

VARIABLES = "molecule/mesh_routes/vars/scenario.yml"
NAMESPACE = "molecule-routes"
# A Gateway of the Gateway API has 64 listeners at most, one for each host.
BATCHES, HOSTS = 4, 50
PATHS = ("/", "/a", "/a/", "/a/b", "/ab", "/b/a")
ASKED = [(f"{path}{query}", headers) for path in PATHS for query in ("", "?v=1") for headers in ({}, {"x-canary": "true"})]
APP = {"name": "product", "namespace": NAMESPACE, "port": 8080, "image": "p", "versions": [{"name": "v1"}, {"name": "v2"}]}


def a_rule(dice: random.Random, place: int) -> dict[str, Any]:
    match: dict[str, Any] = {dice.choice(("path", "path_prefix")): dice.choice(("/", "/a", "/a/b", "/b"))}
    if dice.random() < 0.2:
        match["method"] = "GET"
    if dice.random() < 0.3:
        match["headers"] = {"x-canary": "true"}
    if dice.random() < 0.3:
        match["query"] = {"v": "1"}
    return {
        "match": match,
        "to": [{"app": "product", "version": dice.choice(("v1", "v2"))}],
        "response_headers": {"set": {"x-rule": str(place)}},
    }


@functools.cache
def a_route(seed: int) -> dict[str, Any]:
    """Drawn again until none of its rules hides another one."""
    dice = random.Random(seed)
    while True:
        rules = [a_rule(dice, place) for place in range(dice.randint(2, 5))]
        route = {"name": f"random-{seed}", "namespace": NAMESPACE, "hosts": [f"r{seed}.example.com"], "rules": rules}
        if not refused(route, "istio"):
            return route


def refused(route: dict[str, Any], api: str) -> list[str]:
    return problems({"apps": [APP], "gateway": {"namespace": "istio-ingress"}, "routes": [route]}, api)


def answered(route: dict[str, Any]) -> list[str]:
    """The rule of each request; empty where none is for it."""
    return [ask(route["hosts"][0], path, headers=headers).headers.get("x-rule", "") for path, headers in ASKED]


def written(route: dict[str, Any]) -> list[str]:
    places = [rule_for(route, Request("GET", route["hosts"][0], path, tuple(headers.items()))) for path, headers in ASKED]
    return ["" if place is None else str(place) for place in places]


def wrong(routes: list[dict[str, Any]]) -> list[str]:
    return [route["name"] for route in routes if answered(route) != written(route)]


@pytest.fixture(autouse=True, scope="module")
def as_it_was(play: Play) -> Iterator[None]:
    yield
    deploy(play, VARIABLES, {})


@pytest.mark.parametrize("batch", range(BATCHES))
def test_both_apis_answer_in_the_order_written(play: Play, batch: int) -> None:
    routes = [a_route(seed) for seed in range(batch * HOSTS, (batch + 1) * HOSTS)]
    alike = [route for route in routes if not refused(route, "gateway_api")]
    assert len(alike) > HOSTS // 4, "hardly any is said by the Gateway API"
    for api, taken in (("istio", routes), ("gateway_api", alike)):
        deploy(play, VARIABLES, {"mesh_routes": taken, "mesh_routes_api": api})
        until(f"{api}'s last route", lambda last=taken[-1]: answered(last) == written(last))
        time.sleep(1)
        assert wrong(taken) == [], api
