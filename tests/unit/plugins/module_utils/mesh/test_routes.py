# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a route becomes in either routing API."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.http_route import http_routes, unsayable
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.virtual_service import virtual_service

APPS = [{"name": "product", "namespace": "shop", "port": 8080, "versions": [{"name": "v1"}, {"name": "v2"}]}]
SPLIT = [{"app": "product", "version": "v1", "weight": 90}, {"app": "product", "version": "v2", "weight": 10}]


def route(*rules: dict[str, Any], hosts: tuple[str, ...] = ("shop.example.com",)) -> dict[str, Any]:
    return {"name": "products", "namespace": "shop", "hosts": list(hosts), "rules": list(rules)}


def istio(rule: dict[str, Any]) -> dict[str, Any]:
    return virtual_service(route(rule), ["edge"], APPS)["spec"]["http"][0]


def gateway_api(rule: dict[str, Any]) -> dict[str, Any]:
    return http_routes(route(rule), "edge", "istio-ingress", APPS)[0]["spec"]["rules"][0]


def test_shares_lead_to_the_services_of_versions() -> None:
    rule = {"to": SPLIT}
    assert [(one["destination"]["host"], one["destination"]["port"], one["weight"]) for one in istio(rule)["route"]] == [
        ("product-v1.shop.svc.cluster.local", {"number": 8080}, 90),
        ("product-v2.shop.svc.cluster.local", {"number": 8080}, 10),
    ]
    assert [(one["name"], one["port"], one["weight"]) for one in gateway_api(rule)["backendRefs"]] == [("product-v1", 8080, 90), ("product-v2", 8080, 10)]


@pytest.mark.parametrize(
    ("prefix", "uris", "path"),
    [
        ("/", [{"prefix": "/"}], "/"),
        ("/api", [{"exact": "/api"}, {"prefix": "/api/"}], "/api"),
        ("/api/", [{"exact": "/api"}, {"prefix": "/api/"}], "/api/"),
    ],
)
def test_a_prefix_is_by_segments_in_both(prefix: str, uris: list[dict[str, str]], path: str) -> None:
    rule = {"match": {"path_prefix": prefix}, "to": [{"app": "product"}]}
    assert [match["uri"] for match in istio(rule)["match"]] == uris
    assert gateway_api(rule)["matches"] == [{"path": {"type": "PathPrefix", "value": path}}]


def test_what_an_earlier_rule_takes_word_for_word_is_not_said_again() -> None:
    rules = [{"match": {"path": "/api"}, "to": SPLIT[:1]}, {"match": {"path_prefix": "/api"}, "to": SPLIT}]
    found = virtual_service(route(*rules), ["edge"], APPS)["spec"]["http"]
    assert [[match["uri"] for match in rule["match"]] for rule in found] == [[{"exact": "/api"}], [{"prefix": "/api/"}]]


@pytest.mark.parametrize(("method", "suppressed"), [("GET", True), (None, False)])
def test_a_prefix_of_one_method_hides_no_longer_one_whatever_istios_analysis_says(method: str | None, suppressed: bool) -> None:
    rules = [{"match": {"path_prefix": "/api", "method": method}, "to": SPLIT[:1]}, {"match": {"path_prefix": "/api/x"}, "to": SPLIT}]
    found = virtual_service(route(*rules), ["edge"], APPS)["metadata"]
    assert found.get("annotations") == ({"galley.istio.io/analyze-suppress": "IST0131"} if suppressed else None)


def test_method_header_and_query() -> None:
    match = {"path": "/api", "method": "GET", "headers": {"x-canary": "true", "x-user": {"regex": "a.*"}}, "query": {"v": "1"}}
    rule = {"match": match, "to": [{"app": "product"}]}
    assert istio(rule)["match"] == [
        {
            "uri": {"exact": "/api"},
            "method": {"exact": "GET"},
            "headers": {"x-canary": {"exact": "true"}, "x-user": {"regex": "a.*"}},
            "queryParams": {"v": {"exact": "1"}},
        }
    ]
    assert gateway_api(rule)["matches"] == [
        {
            "path": {"type": "Exact", "value": "/api"},
            "method": "GET",
            "headers": [{"type": "Exact", "name": "x-canary", "value": "true"}, {"type": "RegularExpression", "name": "x-user", "value": "a.*"}],
            "queryParams": [{"type": "Exact", "name": "v", "value": "1"}],
        }
    ]


def test_another_service_timeout_retries_and_a_copy() -> None:
    rule = {
        "to": [{"service": "legacy", "namespace": "old", "port": 9090}],
        "timeout": "5s",
        "retries": {"attempts": 3, "per_try_timeout": "2s", "retry_on": [502, 503, "connect-failure"]},
        "mirrors": [{"app": "product", "version": "v2", "percent": 25}],
    }
    found = istio(rule)
    assert found["route"] == [{"destination": {"host": "legacy.old.svc.cluster.local", "port": {"number": 9090}}}] and found["timeout"] == "5s"
    assert found["retries"] == {"attempts": 3, "perTryTimeout": "2s", "retryOn": "502,503,connect-failure"}
    assert found["mirrors"] == [{"destination": {"host": "product-v2.shop.svc.cluster.local", "port": {"number": 8080}}, "percentage": {"value": 25.0}}]


def test_any_host_is_no_host_in_the_gateway_api() -> None:
    assert "hostnames" not in http_routes(route({"to": SPLIT}, hosts=("*",)), "edge", "istio-ingress", APPS)[0]["spec"]


def test_a_copy_in_the_gateway_api() -> None:
    rule = {"to": [{"app": "product", "version": "v1"}], "mirrors": [{"app": "product", "version": "v2", "percent": 25}]}
    (mirror,) = gateway_api(rule)["filters"]
    assert mirror["type"] == "RequestMirror" and mirror["requestMirror"]["percent"] == 25
    assert mirror["requestMirror"]["backendRef"]["name"] == "product-v2"


def test_more_rules_than_an_object_holds_are_several_objects() -> None:
    rules = [{"match": {"path_prefix": f"/t{place}"}, "to": SPLIT, "timeout": f"{place + 1}s"} for place in range(20)]
    found = http_routes(route(*rules), "edge", "istio-ingress", APPS)
    assert [(item["metadata"]["name"], len(item["spec"]["rules"])) for item in found] == [("products", 16), ("products-2", 4)]
    assert all(item["spec"]["hostnames"] == ["shop.example.com"] for item in found)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([{"to": SPLIT, "retries": {"attempts": 1}}], (0, "retries are not in its standard channel")),
        ([{"match": {"path_regex": "/[0-9]+"}, "to": SPLIT}], (0, "the order among regular expressions of paths is left to the implementation")),
        ([{"to": SPLIT}, {"match": {"path": "/a"}, "to": SPLIT[:1]}], (1, "it would be tried before rule 1: its path is exact")),
    ],
)
def test_what_an_httproute_cannot_say(rules: list[dict[str, Any]], reason: tuple[int, str]) -> None:
    assert unsayable(route(*rules)) == [reason]
