# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Routes for callers inside the mesh, and hosts outside of it as destinations."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import route_manifests
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.routing import choose

VERSIONS = [{"name": "v1", "image": "product:1"}, {"name": "v2", "image": "product:2"}]
PORTS = [{"port": 80, "container_port": 8080}, {"port": 9000, "protocol": "grpc"}, {"port": 9001, "protocol": "tcp"}]
PRODUCT = {"name": "product", "namespace": "shop", "port": 8080, "versions": VERSIONS}
SEVERAL = {"name": "several", "namespace": "shop", "ports": PORTS, "image": "several:1"}
GATEWAY = {"name": "edge", "namespace": "ingress", "service": "gateway", "selector": {"istio": "gateway"}}
V1 = {"app": "product", "version": "v1"}


def wanted(*rules: dict[str, Any], hosts: tuple[str, ...] = ("product",), **said: Any) -> dict[str, Any]:
    route = {"name": "product-inside", "namespace": "shop", "inside": True, "hosts": list(hosts), "rules": list(rules) or [{"to": [V1]}], **said}
    return {"apps": [PRODUCT, SEVERAL], "gateway": GATEWAY, "routes": [route]}


def made(given: dict[str, Any], routing_api: str = "auto") -> list[dict[str, Any]]:
    assert problems(given, routing_api) == []
    return route_manifests(given, routing_api)


@pytest.mark.parametrize(
    ("host", "name"),
    [("product", "product.shop.svc.cluster.local"), ("legacy.old.svc.cluster.local", "legacy.old.svc.cluster.local"), ("api.example.com", "api.example.com")],
)
def test_hosts_are_apps_or_what_callers_ask_for(host: str, name: str) -> None:
    (virtual_service,) = made(wanted(hosts=(host,)))
    assert virtual_service["spec"]["hosts"] == [name] and virtual_service["spec"]["gateways"] == ["mesh"]
    assert virtual_service["spec"]["http"][0]["route"] == [{"destination": {"host": "product-v1.shop.svc.cluster.local", "port": {"number": 8080}}}]


def test_inside_the_mesh_istios_own_api_is_chosen_and_the_other_can_be_forced() -> None:
    given = wanted()
    assert [(choice.api, choice.reason) for choice in choose(given["routes"])] == [("istio", "its hosts are inside the mesh")]
    (http_route,) = made(given, "gateway_api")
    assert http_route["spec"]["parentRefs"] == [{"group": "", "kind": "Service", "namespace": "shop", "name": "product", "port": 8080}]
    assert "hostnames" not in http_route["spec"]


def test_the_other_ports_of_an_app_stay_as_they_are() -> None:
    host = "several.shop.svc.cluster.local"
    (virtual_service,) = made(wanted({"match": {"path_prefix": "/api"}, "to": [{"app": "several"}]}, {"to": [V1]}, hosts=("several",)))
    assert [[(match.get("uri"), match["port"]) for match in rule["match"]] for rule in virtual_service["spec"]["http"]] == [
        [({"exact": "/api"}, 80), ({"prefix": "/api/"}, 80)],
        [({"prefix": "/"}, 80)],
        [(None, 9000)],
    ]
    assert virtual_service["spec"]["http"][2]["route"] == [{"destination": {"host": host, "port": {"number": 9000}}}]


def test_a_route_inside_needs_no_gateway_to_listen() -> None:
    given = wanted()
    given["routes"].append({"name": "product", "namespace": "shop", "hosts": ["shop.example.com"], "rules": [{"to": [V1]}]})
    gateways = [item for item in made(given) if item["kind"] == "Gateway"]
    assert [listener["hostname"] for gateway in gateways for listener in gateway["spec"]["listeners"]] == ["shop.example.com"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (wanted(hosts=("prodcut",)), ("hosts is 'prodcut'", "an app of shop (product, several), or a name with dots")),
        (wanted(hosts=("*.example.com",)), ("hosts is '*.example.com'", "a name with dots")),
        (wanted(hosts=()), ("hosts is []", "a list: an app of shop (product, several)")),
        (wanted(hosts=("product", "several")), ("hosts is ['product', 'several']", "several alone, which has several ports")),
        (wanted({"to": [{"app": "several", "port": 9001}]}), ("protocol is 'tcp'", "a port that a rule carries requests to: http, websocket, http2, grpc")),
        (wanted({"to": [{"external": "example"}]}), ("external is 'example'", "such as api.example.com")),
        (wanted({"to": [{"external": "a.example.com", "app": "product"}]}), ("to has external and app", "one of them")),
        (wanted({"to": [{"external": "a.example.com", "tls": "yes"}]}), ("to a.example.com, tls is 'yes'", "true or false")),
        (wanted({"to": [V1], "mirrors": [{"external": "a.example.com"}]}), ("to has 'external'", "app, service, version")),
    ],
)
def test_what_is_refused(given: dict[str, Any], words: tuple[str, str]) -> None:
    (found,) = problems(given)
    assert all(word in found for word in words), found


def test_a_host_inside_is_claimed_once_by_whichever_name() -> None:
    given = wanted()
    given["routes"].append({**given["routes"][0], "name": "again", "hosts": ["product.shop.svc.cluster.local"]})
    (found,) = problems(given)
    assert "host product.shop.svc.cluster.local inside the mesh is claimed by product-inside and again" in found


def test_a_host_inside_and_one_at_the_gateway_are_two() -> None:
    given = wanted(hosts=("api.example.com",))
    given["routes"].append({**given["routes"][0], "name": "again", "inside": False})
    assert problems(given) == []


def outside(to: dict[str, Any], **said: Any) -> dict[str, dict[str, Any]]:
    items = made(wanted({"to": [to]}, **{"inside": False, "hosts": ["shop.example.com"], **said}))
    return {item["kind"]: item for item in items}


@pytest.mark.parametrize(
    ("to", "port", "tls"),
    [
        ({"external": "api.example.com"}, 443, True),
        ({"external": "api.example.com", "port": 80}, 80, False),
        ({"external": "api.example.com", "port": 8443, "tls": True}, 8443, True),
    ],
)
def test_a_host_outside_is_led_to_by_a_name_of_its_own(to: dict[str, Any], port: int, tls: bool) -> None:
    items, name = outside(to), f"api.example.com.{port}.shop.external"
    assert items["ServiceEntry"]["metadata"] == {"name": f"api.example.com-{port}", "namespace": "shop"}
    assert items["ServiceEntry"]["spec"] == {
        "hosts": [name],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": "api.example.com", "ports": {"http": port}}],
        "exportTo": ["ingress"],
    }
    policy = items["DestinationRule"]["spec"]["trafficPolicy"]["tls"]
    assert policy == ({"mode": "SIMPLE", "sni": "api.example.com", "subjectAltNames": ["api.example.com"]} if tls else {"mode": "DISABLE"})
    assert items["DestinationRule"]["spec"]["host"] == name
    (route,) = items["VirtualService"]["spec"]["http"][0]["route"]
    assert route["destination"] == {"host": name, "port": {"number": 80}}
    assert route["headers"] == {"request": {"set": {"host": "api.example.com"}}}


def test_callers_inside_know_the_host_outside_too() -> None:
    assert "exportTo" not in outside({"external": "api.example.com"}, inside=True, hosts=["product"])["ServiceEntry"]["spec"]


def test_a_host_outside_is_no_destination_of_an_httproute() -> None:
    (choice,) = choose(wanted({"to": [{"external": "api.example.com"}]}, inside=False, hosts=["shop.example.com"])["routes"])
    assert choice.api == "istio" and "api.example.com is outside of the cluster" in choice.reason
