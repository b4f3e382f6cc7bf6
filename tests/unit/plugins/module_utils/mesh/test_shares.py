# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Weights are compared with what a proxy has taken, rule by rule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh import shadow
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.acknowledged import missing
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import route_manifests
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.routing import choose
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.shares import Weighted, different, weighted

APPS = [{"name": "product", "namespace": "shop", "port": 8080, "image": "p", "versions": [{"name": "v1"}, {"name": "v2"}]}]
RULES: list[dict[str, Any]] = [
    {"match": {"path": "/old"}, "to": [{"app": "product", "version": "v1"}]},
    {"to": [{"app": "product", "version": "v1", "weight": 90}, {"app": "product", "version": "v2", "weight": 10}]},
]
ROUTE = {"name": "front", "namespace": "shop", "hosts": ["shop.example.com"], "rules": RULES}
GATEWAY = {"name": "edge", "namespace": "ingress", "service": "gateway", "selector": {"istio": "gateway"}}
WANTED = {"gateway": GATEWAY, "apps": APPS, "routes": [ROUTE]}
RUN = "a1b2c3"


def rules(api: str) -> list[Weighted]:
    mine = shadow.wanted_by(WANTED, "shop", RUN)
    return list(weighted(shadow.routes(WANTED, RUN), choose(mine["routes"], api), APPS))


def dump(name: str, weights: dict[str, int]) -> dict[str, Any]:
    """As Envoy 1.40 writes it."""
    clusters = [{"name": f"outbound|8080||{service}.shop.svc.cluster.local", "weight": weight} for service, weight in weights.items()]
    hosts = [{"name": "shop.example.com:80", "routes": [{"name": name, "route": {"weighted_clusters": {"clusters": clusters}}}]}]
    return {"configs": [{"version_info": "1", "route_config": {"name": "http.8080", "virtual_hosts": hosts}}]}


@pytest.mark.parametrize(("api", "place"), [("istio", 1), ("gateway_api", 1)])
def test_a_rule_is_found_by_the_name_that_istio_gives_it(api: str, place: int) -> None:
    (rule,) = rules(api)
    assert (rule.route, rule.number, rule.name) == ("front", 2, f"shop.front-shadow-{RUN}.{place}")
    assert rule.shares == {"product-v1.shop": 90, "product-v2.shop": 10}


def test_an_object_that_holds_a_part_of_the_rules_counts_them_from_its_own_first_one() -> None:
    """More rules than an HTTPRoute holds."""
    many = [{"match": {"path": f"/{place}"}, "to": RULES[1]["to"]} for place in range(20)]
    wanted = {**WANTED, "routes": [{**ROUTE, "rules": many}]}
    mine = shadow.wanted_by(wanted, "shop", RUN)
    found = list(weighted(shadow.routes(wanted, RUN), choose(mine["routes"], "gateway_api"), APPS))
    made = {
        f"shop.{item['metadata']['name']}.{place}": rule["matches"][0]["path"]["value"]
        for item in route_manifests(mine, "gateway_api")
        if item["kind"] == "HTTPRoute"
        for place, rule in enumerate(item["spec"]["rules"])
    }
    assert len(found) == 20 and {rule.name: f"/{rule.number - 1}" for rule in found} == made


def test_a_difference_names_rule_wanted_and_got() -> None:
    (rule,) = rules("istio")
    assert different([rule], dump(rule.name, {"product-v1": 90, "product-v2": 10})) == []
    assert different([rule], dump(rule.name, {"product-v1": 180, "product-v2": 20})) == [], "shares are of the whole"
    wrong = different([rule], dump(rule.name, {"product-v1": 50, "product-v2": 50}))
    assert wrong == [
        "route front, rule 2: wanted product-v1.shop 90 %, product-v2.shop 10 %, got product-v1.shop 50 %, product-v2.shop 50 %",
    ]
    assert different([rule], dump("another", {"product-v1": 90, "product-v2": 10})) == [
        "route front, rule 2: wanted product-v1.shop 90 %, product-v2.shop 10 %, got no such rule"
    ]


@pytest.mark.parametrize("api", ["istio", "gateway_api"])
def test_a_proxy_is_not_asked_while_it_has_the_routes_of_an_earlier_run(api: str) -> None:
    made = [item for item in route_manifests(shadow.wanted_by(WANTED, "shop", RUN), api) if item["kind"] in ("VirtualService", "HTTPRoute")]
    title = f"{made[0]['kind']} shop/front-shadow-{RUN}"
    assert missing(made, json.dumps(dump("shop.front-shadow-000000.0", {}))) == [title]
    assert missing(made, json.dumps(dump(f"shop.front-shadow-{RUN}.0", {}))) == []
