# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which routing API says a route, and what the gateway listens to for it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import app_manifests, manifests, route_manifests
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.routing import choose
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.teams import owner

APPS = [{"name": "front", "namespace": space, "port": 8080, "image": "front:1"} for space in ("shop", "till")]
TO = [{"app": "front"}]
PLAIN = {"to": TO}
RETRIED = {"to": TO, "retries": {"attempts": 1}}
EXACT = {"match": {"path": "/a"}, "to": TO, "timeout": "1s"}
GATEWAY = {"name": "edge", "namespace": "ingress", "service": "gateway", "selector": {"istio": "gateway"}}
LABEL = "kubernetes.io/metadata.name"


def route(host: str, *rules: dict[str, Any], namespace: str = "shop", name: str = "") -> dict[str, Any]:
    return {"name": name or host.split(".")[0], "namespace": namespace, "hosts": [host], "rules": list(rules)}


@pytest.mark.parametrize(
    ("rules", "api", "reason"),
    [
        ([PLAIN], "gateway_api", "it can say all of the rules"),
        ([EXACT, PLAIN], "gateway_api", "it can say all of the rules"),
        ([EXACT, RETRIED], "istio", "rule 2: retries are not in its standard channel"),
        ([{**PLAIN, "match": {"method": "GET"}}, EXACT], "istio", "rule 2: it would be tried before rule 1: its path is exact"),
    ],
)
def test_the_gateway_api_is_chosen_where_it_can_say_all_and_answers_alike(rules: list[dict[str, Any]], api: str, reason: str) -> None:
    (choice,) = choose([route("shop.example.com", *rules)])
    assert choice.api == api and reason in choice.reason


@pytest.mark.parametrize("wanted", ["istio", "gateway_api"])
def test_one_api_is_forced(wanted: str) -> None:
    assert [choice.api for choice in choose([route("a.example.com", PLAIN), route("b.example.com", RETRIED)], wanted)] == [wanted, wanted]


def test_a_gateway_holds_no_more_listeners_than_64() -> None:
    routes = [route(f"t{place}.example.com", RETRIED if place == 5 else PLAIN) for place in range(70)]
    apis = [choice.api for choice in choose(routes)]
    assert apis.count("gateway_api") == 64 and apis[5] == "istio" and apis[:5] + apis[6:65] == ["gateway_api"] * 64
    assert "64 listeners" in choose(routes)[-1].reason


def made(routing_api: str, *routes: dict[str, Any], **said: Any) -> list[dict[str, Any]]:
    return route_manifests({"apps": APPS, "gateway": GATEWAY, "routes": list(routes), **said}, routing_api)


def gateways(items: list[dict[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    """What Istio's Gateway listens for, and the listeners of the Gateway API's with the namespaces that each takes routes from."""
    specs = {item["apiVersion"].split("/")[0]: item["spec"] for item in items if item["kind"] == "Gateway"}
    istio = specs.get("networking.istio.io", {"servers": [{"hosts": []}]})["servers"][0]["hosts"]
    listeners = specs.get("gateway.networking.k8s.io", {"listeners": []})["listeners"]
    return istio, {listener.get("hostname", "*"): listener["allowedRoutes"]["namespaces"]["selector"] for listener in listeners}


TEAM = {"name": "till", "hosts": ["till.example.com", "*.till.example.com"], "namespaces": ["till", "till-dev"]}
FROM_SHOP, FROM_TEAM = {"matchLabels": {LABEL: "shop"}}, {"matchExpressions": [{"key": LABEL, "operator": "In", "values": ["till", "till-dev"]}]}
BY_NEED = [route("shop.example.com", PLAIN), route("www.example.com", RETRIED)]
OF_A_TEAM = [route("a.till.example.com", PLAIN, namespace="till"), route("till.example.com", RETRIED, namespace="till")]
TEAMS_OWN = ["till/*.till.example.com", "till-dev/*.till.example.com"]


@pytest.mark.parametrize(
    ("routing_api", "routes", "teams", "istio", "gateway_api"),
    [
        ("istio", BY_NEED, [], ["shop/shop.example.com", "shop/www.example.com"], {}),
        ("gateway_api", BY_NEED[:1], [], [], {"shop.example.com": FROM_SHOP}),
        ("auto", BY_NEED, [], ["shop/www.example.com"], {"shop.example.com": FROM_SHOP}),
        ("auto", BY_NEED[:1], [], [], {"shop.example.com": FROM_SHOP}),
        ("auto", BY_NEED[1:], [], ["shop/www.example.com"], {}),
        ("auto", [route("*", PLAIN)], [], [], {"*": FROM_SHOP}),
        ("auto", [], [], [], {}),
        ("auto", OF_A_TEAM, [TEAM], ["till/till.example.com", "till-dev/till.example.com", *TEAMS_OWN], {"a.till.example.com": FROM_TEAM}),
        ("gateway_api", [], [TEAM], [], {"till.example.com": FROM_TEAM, "*.till.example.com": FROM_TEAM}),
        ("gateway_api", BY_NEED[:1], [TEAM], [], {"shop.example.com": FROM_SHOP, "till.example.com": FROM_TEAM, "*.till.example.com": FROM_TEAM}),
    ],
)
def test_what_the_gateway_listens_for(routing_api: str, routes: Any, teams: Any, istio: list[str], gateway_api: dict[str, Any]) -> None:
    assert gateways(made(routing_api, *routes, teams=teams)) == (istio, gateway_api)


def test_routes_bind_to_the_gateway_beside_the_gateway() -> None:
    items = made("auto", *BY_NEED)
    assert {item["metadata"]["namespace"] for item in items if item["kind"] == "Gateway"} == {"ingress"}
    (virtual_service,) = [item for item in items if item["kind"] == "VirtualService"]
    (http_route,) = [item for item in items if item["kind"] == "HTTPRoute"]
    assert virtual_service["spec"]["gateways"] == ["ingress/edge"] and virtual_service["metadata"]["namespace"] == "shop"
    assert [(parent["namespace"], parent["name"]) for parent in http_route["spec"]["parentRefs"]] == [("ingress", "edge")]


def test_a_listener_keeps_its_name_when_another_host_comes_before_it() -> None:
    hosts = ["*", "*.example.com", "any.example.com", "example.com"]
    names = {}
    for order in (hosts, hosts[::-1]):
        routes = [route(host, PLAIN, name=f"r{place}") for place, host in enumerate(order)]
        (gateway,) = [item for item in made("auto", *routes) if item["kind"] == "Gateway"]
        names[order[0]] = {listener["name"]: listener.get("hostname", "*") for listener in gateway["spec"]["listeners"]}
    assert names["*"] == names["example.com"] and len(names["*"]) == 4


def test_all_routes_from_one_namespace_by_need() -> None:
    beside = {**GATEWAY, "hosts": ["shop.example.com", "www.example.com"], "routes_from": "shop"}
    items = made("auto", *BY_NEED, gateway=beside)
    assert gateways(items) == (["www.example.com"], {"shop.example.com": FROM_SHOP})
    assert {item["metadata"]["namespace"] for item in items if item["kind"] == "Gateway"} == {"shop", "ingress"}
    assert [item["spec"]["gateways"] for item in items if item["kind"] == "VirtualService"] == [["edge"]]


def test_apps_and_routes_apart_are_what_they_are_together() -> None:
    wanted = {"namespaces": [{"name": "shop", "pod_security": "baseline"}], "apps": APPS, "gateway": GATEWAY, "routes": BY_NEED}
    apart = [*app_manifests(wanted, "blue"), *route_manifests(wanted, "auto")]
    assert manifests(wanted, "auto", "blue") == apart
    assert app_manifests({**wanted, "gateway": {"namespace": "ingress"}}, "blue") == manifests(
        {**wanted, "gateway": {"namespace": "ingress"}, "routes": []}, "auto", "blue"
    )


@pytest.mark.parametrize(
    ("host", "team"),
    [("shop.example.com", "shop"), ("a.shop.example.com", "wild"), ("b.a.shop.example.com", "wild"), ("x.example.com", "all"), ("example.com", None)],
)
def test_whose_a_host_is(host: str, team: str | None) -> None:
    teams = [
        {"name": "all", "hosts": ["*.example.com"], "namespaces": []},
        {"name": "wild", "hosts": ["*.shop.example.com"], "namespaces": []},
        {"name": "shop", "hosts": ["shop.example.com"], "namespaces": []},
    ]
    found = owner(host, teams)
    assert (found["name"] if found else None) == team
