# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Routes inside the mesh on a prober: its namespace alone sees them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh import prober, shadow
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.acknowledged import missing
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.expectations import expectations

VERSIONS = [{"name": "v1", "image": "product:1"}, {"name": "v2", "image": "product:2"}]
PRODUCT = {"name": "product", "namespace": "shop", "port": 8080, "versions": VERSIONS, "callers": [{"app": "front"}]}
FRONT = {"name": "front", "namespace": "shop", "port": 8080, "image": "front:1"}
GATEWAY = {"name": "edge", "namespace": "ingress", "service": "gateway", "selector": {"istio": "gateway"}}
SPLIT = [{"app": "product", "version": "v1", "weight": 90}, {"app": "product", "version": "v2", "weight": 10}]
EXPECT: list[dict[str, Any]] = [{"get": "/api", "weights": {"v1": 90, "v2": 10}}]
INSIDE = {"name": "product", "namespace": "shop", "inside": True, "hosts": ["product"], "rules": [{"to": SPLIT}], "expect": EXPECT}
OUTSIDE = {"name": "front", "namespace": "shop", "hosts": ["shop.example.com"], "rules": [{"to": [{"app": "front"}]}], "expect": [{"get": "/"}]}
WANTED = {"apps": [PRODUCT, FRONT], "gateway": GATEWAY, "routes": [INSIDE, OUTSIDE]}


def test_only_its_own_namespace_sees_the_routes() -> None:
    (item,) = prober.route_manifests(WANTED, "shop", "a1b2c3")
    assert (item["metadata"]["namespace"], item["spec"]["exportTo"], item["spec"]["gateways"]) == ("meshgate-prober-shop", ["."], ["mesh"])
    assert item["spec"]["hosts"] == ["product.shop.svc.cluster.local"]
    assert [one["destination"]["host"] for one in item["spec"]["http"][0]["route"]] == [f"product-{v}.shop.svc.cluster.local" for v in ("v1", "v2")]
    assert missing([item], "shop.shop-product-a1b2c3.0") == [] and missing([item], "shop.shop-product-000000.0") != []


def test_what_stands_for_a_host_outside_is_for_its_namespace_alone_too() -> None:
    route = {**INSIDE, "rules": [{"to": [{"external": "api.example.com"}]}], "expect": []}
    found = prober.kept_to_itself(prober.stand_ins({**WANTED, "routes": [route]}, "ingress"), "shop")
    assert {(item["kind"], item["metadata"]["namespace"], *item["spec"]["exportTo"]) for item in found} == {
        ("ServiceEntry", "meshgate-prober-shop", "."),
        ("DestinationRule", "meshgate-prober-shop", "."),
    }


def test_its_sidecar_is_asked_at_the_port_of_the_app_and_nobody_is_asked_for_the_gateways_hosts() -> None:
    assert problems(WANTED, "auto") == []
    (inside,), (outside,) = expectations(WANTED["routes"], WANTED["apps"], inside=True), expectations(WANTED["routes"], WANTED["apps"])
    assert (inside.request.host, inside.port, outside.request.host, outside.port) == ("product.shop.svc.cluster.local", 8080, "shop.example.com", None)
    labels = {"istio.io/rev": "stable"}
    namespace, sidecar, header, deployment = prober.manifests([inside], "shop", "proxyv2:1", labels, shadow.upstream_header("SIDECAR_OUTBOUND"))
    assert namespace["metadata"] == {"name": "meshgate-prober-shop", "labels": labels}
    (listener, rest) = sidecar["spec"]["egress"]
    assert (listener["port"]["number"], listener["bind"], listener["captureMode"]) == (8080, "127.0.0.1", "NONE")
    assert rest["hosts"] == ["*/*"], "what rules lead to has other ports"
    assert header["spec"]["configPatches"][0]["match"] == {"context": "SIDECAR_OUTBOUND"}
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "proxyv2:1"
    made = {(item["apiVersion"], item["kind"]) for item in (namespace, sidecar, header, deployment, *prober.route_manifests(WANTED, "shop", "a1b2c3"))}
    assert made <= set(shadow.KINDS), "the next run would not find what a killed one left"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"get": "/api", "weights": {"v1": 50, "v2": 50}}, ("weights is {'v1': 50, 'v2': 50}", "product-v1.shop 90 %, product-v2.shop 10 %")),
        ({"get": "/api", "weights": {"v1": 90}}, ("weights is {'v1': 90}", "100 in all")),
        ({"get": "/api", "weights": {"v1": "90", "v2": "10"}}, ("weights is {'v1': '90', 'v2': '10'}", "a share for each name")),
        ({"get": "/api", "weights": {"v3": 100}}, ("weights is 'v3'", "a version, an app or a service")),
        ({"get": "/api", "weights": ["v1"]}, ("weights is ['v1']", "a dictionary")),
        ({"get": "/api", "weights": {"v1": 90, "v2": 10}, "from": ["v1", "v2"]}, ("has from and weights", "one of them")),
    ],
)
def test_weights_that_the_rule_does_not_have_are_refused(entry: dict[str, Any], words: tuple[str, ...]) -> None:
    (said,) = problems({**WANTED, "routes": [{**INSIDE, "expect": [entry]}, OUTSIDE]}, "auto")
    assert all(word in said for word in words), said
