# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is expected of routes, and whether the rules, as they are written, would fulfil it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.check_expectations import problems_of_expectations as problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.expectations import Request, expectations, rule_for

APPS = [{"name": "product", "namespace": "shop", "port": 80, "image": "p:1", "versions": [{"name": "v1"}, {"name": "v2"}]}]
V1, V2 = {"app": "product", "version": "v1"}, {"app": "product", "version": "v2"}
RULES = [
    {"match": {"path_prefix": "/api", "headers": {"x-canary": "true"}}, "to": [V2]},
    {"match": [{"path": "/exact", "method": "GET"}, {"path_regex": "/v[0-9]+/.*", "query": {"q": {"regex": "a+"}}}], "to": [{"service": "old", "port": 80}]},
    {"match": {"path_prefix": "/api"}, "to": [{**V1, "weight": 90}, {**V2, "weight": 10}]},
    {"match": {"path_prefix": "/done"}, "to": [{**V1, "weight": 0}, {**V2, "weight": 100}]},
]
ROUTE = {"name": "products", "namespace": "shop", "hosts": ["shop.example.com", "*.shop.example.com"], "rules": RULES}


def request(path: str, method: str = "GET", **headers: str) -> Request:
    return Request(method, "shop.example.com", path, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (request("/api", x_canary="true"), 0),
        (request("/api/products?page=2", x_canary="true"), 0),
        (request("/api", x_canary="false"), 2),
        (request("/apix", x_canary="true"), None),
        (request("/exact"), 1),
        (request("/exact", "POST"), None),
        (request("/v2/x?q=aaa"), 1),
        (request("/v2/x?q=b"), None),
        (request("/done/"), 3),
    ],
)
def test_the_first_rule_that_a_request_meets_is_its_rule(asked: Request, place: int | None) -> None:
    assert rule_for(ROUTE, asked) == place


def test_an_expectation_is_a_request_and_who_answers() -> None:
    entries = [
        {"get": "/api", "from": ["v1", "v2"]},
        {"post": "/api", "host": "eu.shop.example.com", "headers": {"X-Canary": "true"}, "answer": 201, "from": ["v2"]},
    ]
    one, other = expectations([{**ROUTE, "expect": entries}], APPS)
    assert (one.request, one.answer) == (request("/api"), 200)
    assert one.services == {"product-v1.shop", "product-v2.shop"}
    assert (str(other.request), other.answer, other.services) == ("POST eu.shop.example.com/api, x-canary: true", 201, {"product-v2.shop"})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"get": "/api", "from": ["v1", "v2"]}, ""),
        ({"get": "/api", "from": ["product"]}, ""),
        ({"get": "/api", "headers": {"x-canary": "true"}, "from": ["product-v2"]}, ""),
        ({"get": "/done", "from": ["v2"]}, ""),
        ({"get": "/nowhere", "answer": 404}, ""),
        ({"get": "/api", "from": ["v1"]}, "GET shop.example.com/api meets rule 3, which leads to product-v2.shop, too; accepted: v1"),
        ({"get": "/apix"}, "GET shop.example.com/apix meets no rule, and would be answered with 404"),
        ({"get": "api"}, "accepted: one request, as METHOD: PATH, such as get: /api"),
        ({"get": "/api", "post": "/api"}, "accepted: one request"),
        ({"from": ["v1"]}, "accepted: one request"),
        ({"get": "/api", "host": "*.shop.example.com"}, "accepted: the name of a host"),
        ({"get": "/api", "host": "other.example.com"}, "accepted: a host of the route: shop.example.com, *.shop.example.com"),
        ({"get": "/api", "answer": "ok"}, "answer is 'ok'; accepted: a status"),
        ({"get": "/api", "from": ["v3"]}, "from is 'v3'; accepted: a version, an app or a service to which the route leads"),
    ],
)
def test_what_cannot_be_asked_or_is_not_so_is_refused(entry: dict[str, Any], said: str) -> None:
    found = list(problems({**ROUTE, "expect": [entry]}, APPS))
    assert found == [] if not said else len(found) == 1 and said in found[0] and found[0].startswith("route products, expect 1"), found
