# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Live routes, read back: whoever has a host is named, and a request that would go elsewhere is told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.expectations import Request, expectations
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.live import leads, moves, routes_of, taken
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import route_manifests

APPS = [{"name": "product", "namespace": "shop", "port": 8080, "image": "p:1", "versions": [{"name": "v1"}, {"name": "v2"}]}]
GATEWAY = {"name": "mesh-shop", "namespace": "istio-ingress", "service": "istio-ingressgateway", "selector": {"istio": "ingressgateway"}}
V1, V2 = {"app": "product", "version": "v1"}, {"app": "product", "version": "v2"}
RULES = [
    {"match": {"path_prefix": "/api", "headers": {"x-canary": "true"}}, "to": [V2]},
    {"match": {"path": "/old", "method": "GET"}, "redirect": {"path": "/api"}},
    {"match": {"path_prefix": "/api", "query": {"beta": {"regex": "y.*"}}}, "to": [V2]},
    {"match": {"path_prefix": "/api"}, "to": [{**V1, "weight": 90}, {**V2, "weight": 10}]},
]
ROUTE = {"name": "products", "namespace": "shop", "hosts": ["shop.example.com"], "rules": RULES}
REQUESTS = {
    Request("GET", "shop.example.com", "/api/x", (("x-canary", "true"),)): "product-v2.shop",
    Request("GET", "shop.example.com", "/api"): "product-v1.shop 90 %, product-v2.shop 10 %",
    Request("GET", "shop.example.com", "/api?beta=yes"): "product-v2.shop",
    Request("GET", "shop.example.com", "/apix"): "404",
    Request("GET", "shop.example.com", "/old"): "a redirect",
    Request("POST", "shop.example.com", "/old"): "404",
    Request("GET", "other.example.com", "/api"): "404",
}


def live(api: str, route: dict[str, Any]) -> list[dict[str, Any]]:
    made = route_manifests({"apps": APPS, "gateway": GATEWAY, "routes": [route]}, api)
    return [item for item in made if item["kind"] in ("VirtualService", "HTTPRoute")]


@pytest.mark.parametrize("api", ["istio", "gateway_api"])
@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_what_is_live_leads_where_our_own_words_led(api: str, request_: Request) -> None:
    assert leads([ROUTE], request_, APPS) == leads(routes_of(live(api, ROUTE)), request_, ()) == REQUESTS[request_]


@pytest.mark.parametrize("api", ["istio", "gateway_api"])
def test_a_request_that_would_go_elsewhere_is_told(api: str) -> None:
    after = {**ROUTE, "rules": [*RULES[:3], {"match": {"path_prefix": "/api"}, "to": [V2]}]}
    table = expectations([{**after, "expect": [{"get": "/api"}, {"get": "/api", "headers": {"x-canary": "true"}}]}], APPS)
    assert moves(table, routes_of(live(api, ROUTE)), [after], APPS) == [
        "GET shop.example.com/api: product-v1.shop 90 %, product-v2.shop 10 % -> product-v2.shop"
    ]
    assert moves(table, routes_of(live(api, after)), [after], APPS) == []


def test_rules_of_several_objects_are_one_route() -> None:
    rules = [{"match": {"path": f"/{place}"}, "to": [V1 if place % 2 else V2]} for place in range(40)]
    items = live("gateway_api", {**ROUTE, "rules": rules})
    assert len(items) == 3
    (route,) = routes_of(reversed(items))
    assert [rule["match"][0]["path"] for rule in route["rules"]] == [f"/{place}" for place in range(40)]


def test_the_most_specific_host_answers() -> None:
    routes = [{**ROUTE, "hosts": [host], "rules": [{"to": [{"service": service, "port": 80}]}]} for host, service in (("*", "a"), ("*.example.com", "b"))]
    assert leads(routes, Request("GET", "shop.example.com", "/"), ()) == "b.shop"
    assert leads(routes, Request("GET", "example.org", "/"), ()) == "a.shop"


def test_a_host_of_others_is_named_with_its_object_and_set() -> None:
    theirs = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "front", "namespace": "pay", "labels": {"meshgate.io/set": "pay"}},
        "spec": {"hosts": ["shop.example.com", "pay.example.com"], "gateways": ["istio-ingress/pay"]},
    }
    inside = {**theirs, "spec": {"hosts": ["shop.example.com"]}}
    of_a_service = {**theirs, "kind": "HTTPRoute", "spec": {"parentRefs": [{"kind": "Service", "group": "", "name": "front"}]}}
    assert taken(["shop.example.com"], [theirs]) == ["host shop.example.com is already routed by VirtualService pay/front of the set pay"]
    assert taken(["shop.example.com"], [inside]) == taken(["*"], [of_a_service]) == taken(["other.example.com"], [theirs]) == []


@pytest.mark.parametrize("api", ["istio", "gateway_api"])
def test_copies_are_read_back(api: str) -> None:
    rule = {"to": [V1], "mirrors": [{**V2, "percent": 50}]}
    ((found,),) = [route["rules"] for route in routes_of(live(api, {**ROUTE, "rules": [rule]}))]
    assert [(one["service"], one["percent"]) for one in found["mirrors"]] == [("product-v2", 50.0)]


def test_the_older_field_of_one_copy_is_read_back() -> None:
    (item,) = live("istio", {**ROUTE, "rules": [{"to": [V1], "mirrors": [V2]}]})
    (rule,) = item["spec"]["http"]
    (one,) = rule.pop("mirrors")
    rule |= {"mirror": one["destination"]}
    ((found,),) = [route["rules"] for route in routes_of([item])]
    assert [(one["service"], one["percent"]) for one in found["mirrors"]] == [("product-v2", 100.0)]


def test_faults_are_read_back() -> None:
    faults = {"delay": {"percent": 50, "duration": "2s"}, "abort": {"percent": 10, "code": 503}}
    ((found,),) = [route["rules"] for route in routes_of(live("istio", {**ROUTE, "rules": [{"to": [V1], "faults": faults}]}))]
    assert found["faults"] == faults


@pytest.mark.parametrize("api", ["istio", "gateway_api"])
def test_routes_of_callers_inside_are_told_from_the_gateways(api: str) -> None:
    items = live(api, {"name": "product", "namespace": "shop", "inside": True, "hosts": ["product"], "rules": [{"to": [V1]}]})
    assert routes_of(items) == []
    (route,) = routes_of(items, inside=True)
    assert (route["hosts"], route["rules"][0]["to"][0]["service"]) == (["product.shop.svc.cluster.local"], "product-v1")


def test_a_host_outside_that_stays_is_no_move() -> None:
    route = {**ROUTE, "rules": [{"to": [{"external": "api.example.net", "port": 443}]}]}
    table = expectations([{**route, "expect": [{"get": "/"}]}], APPS)
    assert moves(table, routes_of(live("istio", route)), [route], APPS) == []
