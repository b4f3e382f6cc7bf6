# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What others put on the live gateway is on its shadow, too; or it is said why not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.acknowledged import missing
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.copied import Gateway, copies

LIVE = Gateway({"app": "istio-ingressgateway", "istio": "ingressgateway"}, "istio-ingress", "istio-ingress/mesh-shop")
SHADOW = Gateway({"app": "meshgate-shadow-shop", "istio": "meshgate-shadow-shop"}, "istio-ingress", "istio-ingress/meshgate-shadow-shop")
SELECTED = {"selector": {"matchLabels": {"istio": "ingressgateway"}}}
HTTP = "type.googleapis.com/envoy.extensions.filters.http"


def policy(spec: dict[str, Any], kind: str = "AuthorizationPolicy", namespace: str = "istio-ingress", **metadata: Any) -> dict[str, Any]:
    versions = {"EnvoyFilter": "networking.istio.io/v1alpha3", "WasmPlugin": "extensions.istio.io/v1alpha1"}
    return {
        "apiVersion": versions.get(kind, "security.istio.io/v1"),
        "kind": kind,
        "metadata": {"name": "one", "namespace": namespace, **metadata},
        "spec": spec,
    }


def envoy_filter(value: dict[str, Any], **match: Any) -> dict[str, Any]:
    patch = {"applyTo": "HTTP_FILTER", "match": {"context": "GATEWAY", **match}, "patch": {"operation": "INSERT_BEFORE", "value": value}}
    return policy({"workloadSelector": {"labels": dict(LIVE.labels)}, "configPatches": [patch]}, "EnvoyFilter")


def made(*items: dict[str, Any]) -> list[dict[str, Any]]:
    found, left = copies(items, LIVE, SHADOW, "a1b2c3")
    assert left == []
    return found


def test_a_policy_of_the_gateway_is_retargeted_and_nothing_else_of_it_changes() -> None:
    rules = [{"to": [{"operation": {"paths": ["/admin*"]}}]}]
    annotations = {"istio.io/dry-run": "true", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    (one, root) = made(
        policy({**SELECTED, "action": "DENY", "rules": rules}, annotations=annotations, resourceVersion="7", uid="u"),
        policy({**SELECTED, "rules": rules}, namespace="istio-system"),
    )
    assert one["spec"] == {"selector": {"matchLabels": SHADOW.labels}, "action": "DENY", "rules": rules}
    assert one["metadata"] == {"name": "istio-ingress-one-shadow-a1b2c3", "namespace": "istio-ingress", "annotations": {"istio.io/dry-run": "true"}}
    assert root["metadata"] == {"name": "istio-system-one-shadow-a1b2c3", "namespace": "istio-ingress"}


@pytest.mark.parametrize(
    "selector",
    [
        {},  # of the whole namespace: of the shadow, too
        {"selector": {"matchLabels": {"istio": "eastwest"}}},
        {"targetRefs": [{"kind": "Gateway", "name": "x"}]},
    ],
)
def test_what_does_not_select_the_live_gateway_alone_is_not_copied(selector: dict[str, Any]) -> None:
    assert made(policy({**selector, "rules": [{}]})) == []


def limit(kind: str) -> dict[str, Any]:
    return {"stat_prefix": "limit", "filter_enforced": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}, "@type": f"{HTTP}.{kind}"}


def test_a_local_rate_limit_is_evaluated_and_not_enforced_and_a_global_one_is_not_asked() -> None:
    plain = {"name": "envoy.filters.http.local_ratelimit", "typed_config": limit("local_ratelimit.v3.LocalRateLimit")}
    wrapped = {"typed_config": {"@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": f"{HTTP}.local_ratelimit.v3.LocalRateLimit", "value": {}}}
    shared = {"name": "envoy.filters.http.ratelimit", "typed_config": limit("ratelimit.v3.RateLimit")}
    never = {"default_value": {"numerator": 0, "denominator": "HUNDRED"}}
    found = [item["spec"]["configPatches"][0]["patch"]["value"]["typed_config"] for item in made(*map(envoy_filter, (plain, wrapped, shared)))]
    assert found[0]["filter_enforced"] == never and found[1]["value"] == {"filter_enforced": never} and found[2]["filter_enabled"] == never
    assert plain["typed_config"]["filter_enforced"]["default_value"]["numerator"] == 100, "the live one was changed"


def test_a_patch_for_the_live_gateways_routes_is_for_the_shadows() -> None:
    (item,) = made(envoy_filter({}, routeConfiguration={"gateway": LIVE.name, "vhost": {"name": "shop.example.com:80"}}))
    assert item["spec"]["configPatches"][0]["match"]["routeConfiguration"] == {"gateway": SHADOW.name, "vhost": {"name": "shop.example.com:80"}}
    assert item["spec"]["workloadSelector"] == {"labels": SHADOW.labels}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (policy({**SELECTED, "rules": [{"from": [{"source": {"remoteIpBlocks": ["10.0.0.0/8"]}}]}]}), "by addresses"),
        (policy({**SELECTED, "rules": [{"when": [{"key": "remote.ip", "values": ["10.0.0.0/8"]}]}]}), "by addresses"),
        (policy({**SELECTED, "url": "oci://x", "imagePullSecret": "key"}, "WasmPlugin", "istio-system"), "imagePullSecret is in namespace istio-system"),
        (envoy_filter({}, routeConfiguration={"vhost": {"route": {"name": "shop.front.0"}}}), "for the route shop.front.0"),
    ],
)
def test_what_cannot_be_copied_is_said_with_its_reason(item: dict[str, Any], reason: str) -> None:
    found, (said,) = copies([item], LIVE, SHADOW, "a1b2c3")
    assert found == [] and reason in said and said.startswith(f"{item['kind']} {item['metadata']['namespace']}/one is not tried on the shadow gateway")


def test_the_platforms_own_policy_for_the_load_balancer_is_neither_copied_nor_told() -> None:
    rules = [{"from": [{"source": {"notIpBlocks": ["10.0.0.1/32"]}}]}]
    assert made(policy({**SELECTED, "action": "DENY", "rules": rules}, labels={"meshgate.io/cluster": "sandbox"})) == []


def test_policies_that_allow_are_copied_all_or_none() -> None:
    """Without the one by addresses, the other would refuse whom that one admits."""
    by_path = policy({**SELECTED, "rules": [{"to": [{"operation": {"paths": ["/public"]}}]}]}, uid="1")
    by_address = policy({**SELECTED, "rules": [{"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}]})
    denies = policy({**SELECTED, "action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/admin"]}}]}]})
    found, left = copies([by_path, by_address, denies], LIVE, SHADOW, "a1b2c3")
    assert [item["spec"]["action"] for item in found] == ["DENY"] and len(left) == 2


@pytest.mark.parametrize(
    ("item", "seen"),
    [
        (policy({**SELECTED, "rules": [{}]}), "ns[istio-ingress]-policy[istio-ingress-one-shadow-a1b2c3]-rule[0]"),
        (policy({**SELECTED, "jwtRules": [{"issuer": "https://issuer.example.com"}]}, "RequestAuthentication"), '"issuer": "https://issuer.example.com"'),
        (envoy_filter({}), '"value": "istio-ingress-one-shadow-a1b2c3"'),
        (policy({**SELECTED, "url": "oci://x"}, "WasmPlugin"), "istio-ingress.istio-ingress-one-shadow-a1b2c3"),
    ],
)
def test_a_proxy_is_not_asked_before_it_has_the_copy(item: dict[str, Any], seen: str) -> None:
    copied = made(item)
    assert missing(copied, seen) == [] and missing(copied, seen.replace("a1b2c3", "000000").replace("issuer.", "other.")) != []
