# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The shadow gateway: like the live one in all that decides about an answer, and like nothing that a load balancer or a policy knows."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.http import Answer
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh import asking, shadow
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.asking import complaint
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.expectations import Expectation, Request

LIVE: dict[str, Any] = {
    "metadata": {"name": "istio-ingressgateway", "namespace": "istio-ingress", "labels": {"app": "istio-ingressgateway"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "istio-ingressgateway", "istio": "ingressgateway"}},
        "template": {
            "metadata": {
                "labels": {"app": "istio-ingressgateway", "istio": "ingressgateway", "istio.io/rev": "default"},
                "annotations": {"istio.io/rev": "default", "kubectl.kubernetes.io/restartedAt": "2026-11-30T00:00:00Z"},
            },
            "spec": {
                "serviceAccountName": "istio-ingressgateway-service-account",
                "affinity": {"podAntiAffinity": {}},
                "terminationGracePeriodSeconds": 60,
                "containers": [{"name": "istio-proxy", "image": "proxyv2:1", "lifecycle": {"preStop": {"sleep": {"seconds": 25}}}}],
            },
        },
    },
}
SERVICE = {"spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "ports": [{"name": "http2", "port": 80, "targetPort": 8080, "nodePort": 31234}]}}


def test_it_is_the_same_program_under_the_same_account_with_labels_of_its_own() -> None:
    service, header, _telemetry, deployment = shadow.gateway_manifests(LIVE, SERVICE, "shop")
    template = deployment["spec"]["template"]
    assert template["spec"]["serviceAccountName"] == "istio-ingressgateway-service-account"
    assert template["spec"]["containers"] == [{"name": "istio-proxy", "image": "proxyv2:1"}]
    assert template["metadata"]["labels"] == {"istio.io/rev": "default", "app": "meshgate-shadow-shop", "istio": "meshgate-shadow-shop"}
    assert template["metadata"]["annotations"] == {"istio.io/rev": "default"}
    assert "affinity" not in template["spec"] and deployment["spec"]["replicas"] == 1
    labels = {"app": "meshgate-shadow-shop", "istio": "meshgate-shadow-shop"}
    assert service["spec"] == {"type": "ClusterIP", "selector": labels, "ports": [{"name": "http2", "port": 80, "targetPort": 8080}]}
    assert header["spec"]["workloadSelector"] == {"labels": labels}
    assert LIVE["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 60, "the live one was changed"


def test_its_routes_are_the_same_on_another_gateway() -> None:
    gateway = {"name": "mesh-shop", "namespace": "istio-ingress", "service": "istio-ingressgateway", "selector": {"istio": "ingressgateway"}}
    wanted = {"gateway": gateway, "routes": [{"name": "front", "namespace": "shop", "hosts": ["shop.example.com"], "rules": [{"timeout": "1s"}]}]}
    made = shadow.wanted_by(wanted, "shop", "a1b2c3")
    (route,) = made["routes"]
    assert (route["name"], route["hosts"], route["rules"][0]["timeout"]) == ("front-shadow-a1b2c3", ["shop.example.com"], "1s")
    assert made["gateway"] == {
        "name": "meshgate-shadow-shop",
        "namespace": "istio-ingress",
        "service": "meshgate-shadow-shop",
        "selector": {"app": "meshgate-shadow-shop", "istio": "meshgate-shadow-shop"},
        "exists": False,
        "load_balancer": None,
    }


def test_its_name_is_one_that_kubernetes_takes() -> None:
    assert shadow.name_for("My_Set.1") == "meshgate-shadow-my-set-1"
    one, other = (shadow.name_for("x" * 62 + last) for last in "ab")
    assert len(one) <= 63 and len(other) <= 63 and one != other, "two sets have one shadow"


def test_what_it_is_asked_is_in_no_metric_log_or_trace() -> None:
    telemetry = shadow.gateway_manifests(LIVE, SERVICE, "shop")[2]
    assert telemetry["kind"] == "Telemetry" and telemetry["spec"]["selector"]["matchLabels"] == shadow.pod_labels("shop")
    assert telemetry["spec"]["metrics"][0]["overrides"][0]["disabled"] and telemetry["spec"]["accessLogging"][0]["disabled"]


def from_pod(service: str, status: int = 200, body: str = "") -> Answer:
    return Answer(status, body, {"x-meshgate-upstream": f"outbound|80||{service}.shop.svc.cluster.local; 10.244.0.9:8080"})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (from_pod("product-v2", 200), ""),
        (
            from_pod("product-v2", 503),
            "wanted 200 from v2, got 503 from product-v2.shop",
        ),
        (
            from_pod("product-v1", 200),
            "wanted 200 from v2, got 200 from product-v1.shop",
        ),
        (
            Answer(403, headers={"x-meshgate-upstream": "outbound|80||product-v2.shop.svc.cluster.local"}),
            "wanted 200 from v2, got 403 from the gateway itself on the way to product-v2.shop",
        ),
        (Answer(404, headers={"x-meshgate-upstream": ""}), "wanted 200 from v2, got 404 from the gateway itself"),
        (Answer(error="127.0.0.1:1 does not answer"), "127.0.0.1:1 does not answer"),
    ],
)
def test_a_wrong_answer_is_named_with_request_wanted_and_got(answer: Answer, said: str) -> None:
    wanted = Expectation("products", Request("GET", "shop.example.com", "/api"), 200, frozenset({"product-v2.shop"}), ("v2",))
    assert complaint(wanted, answer) == (f"route products: GET shop.example.com/api: {said}" if said else "")


def test_only_what_was_not_answered_as_expected_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is not a GET has its effects each time."""
    asked: list[str] = []

    def ask(url: str, *_address: str, method: str, sent: dict[str, str]) -> Answer:
        assert sent["x-meshgate-probe"], "a request that apps would count"
        asked.append(f"{method} {url.rpartition('/')[2]}")
        return Answer(200 if method == "POST" or len(asked) > 2 else 503)

    monkeypatch.setattr(asking, "ask", ask)
    monkeypatch.setattr(asking.time, "sleep", lambda _seconds: None)
    table = [Expectation("orders", Request(method, "shop.example.com", path)) for method, path in (("POST", "/order"), ("GET", "/late"))]
    found = asking.asked(table, lambda _one: "127.0.0.1:1", 5)
    assert asked == ["POST order", "GET late", "GET late"]
    assert [answer["status"] for answer in found.given] == [200, 200] and found.complaints == []


@pytest.mark.parametrize(
    ("answer", "remarks"),
    [
        (from_pod("product-v2", 403, "RBAC: access denied"), 1),
        (from_pod("product-v2", 200, ""), 0),
    ],
)
def test_an_app_inside_the_mesh_that_has_other_callers_was_reached_all_the_same(monkeypatch: pytest.MonkeyPatch, answer: Answer, remarks: int) -> None:
    monkeypatch.setattr(asking, "ask", lambda *_arguments, **_more: answer)
    wanted = Expectation("product", Request("GET", "product.shop.svc.cluster.local", "/api"), 200, frozenset({"product-v2.shop"}), ("v2",), 8080)
    found = asking.asked([wanted], lambda _one: "127.0.0.1:1", 0)
    assert found.complaints == [] and len(found.remarks) == remarks
    of_the_gateway = Expectation("product", wanted.request, 200, wanted.services, wanted.named)
    assert bool(asking.asked([of_the_gateway], lambda _one: "127.0.0.1:1", 0).complaints) == bool(remarks), "a gateway's 403 is a user's"
