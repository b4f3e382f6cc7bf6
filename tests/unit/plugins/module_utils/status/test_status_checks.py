# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Each row of the screen, by what is wrong with a platform."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from status_rig import HOSTNAME, NOW, absent, balancer, deployment, gone, healthy, measured, ready_pods, running

from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.certificates import Expiry
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.checks import Row, rows_of, verdict
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.facts import Facts
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.status import result

INSIDE = {"load balancer controller", "Gateway API CRDs", "istiod", "gateway", "apps", "routes", "certificates", "metrics", "inventory"}


def row(facts: Facts, name: str) -> Row:
    return next(one for one in rows_of(facts) if one.name == name)


def states(facts: Facts) -> dict[str, str]:
    return {one.name: one.state for one in rows_of(facts)}


def said(one: Row) -> str:
    return "\n".join((one.text, *one.details))


def conclusion(facts: Facts) -> tuple[bool, str]:
    return verdict(facts, rows_of(facts))


def test_a_good_platform_is_healthy_and_says_what_it_cannot_know() -> None:
    found = states(healthy())
    assert {name for name, state in found.items() if state != "ok"} == {"metrics"}
    assert found["metrics"] == "unknown"
    assert "there is no Prometheus" in row(healthy(), "metrics").text
    assert conclusion(healthy()) == (True, "healthy")
    assert conclusion(measured(healthy())) == (True, "healthy")


def test_without_a_cluster_and_an_account_there_is_no_platform() -> None:
    facts = absent()
    assert conclusion(facts) == (False, "there is no platform")
    assert not INSIDE & set(states(facts)), "what needs a cluster has no row without one"
    assert row(facts, "cluster").text == "there is no kubeconfig /nowhere"
    assert row(facts, "cluster").advice == "run playbooks/site.yml"
    assert result(facts)["calls"] == []


def test_on_aws_there_is_no_platform_only_where_eks_says_so() -> None:
    facts = absent(billed=True)
    assert conclusion(facts) == (False, "there is no platform")
    facts.unread["EKS"] = "the AWS credentials have expired (ExpiredToken)"
    assert conclusion(facts)[1].startswith("not healthy")
    assert row(facts, "EKS").state == "unknown"


def test_a_cluster_that_does_not_answer_is_not_an_absent_one() -> None:
    facts = healthy()
    facts.unreached = "the API server does not answer: dial tcp 127.0.0.1:6443: connection refused"
    assert conclusion(facts) == (False, "not healthy: 1 of 5 checks failed (cluster)")
    assert states(facts)["load balancer"] == "ok", "AWS is asked all the same"


def test_a_stand_in_for_aws_that_does_not_answer_is_a_failure() -> None:
    facts = healthy()
    facts.eks, facts.balancers, facts.unread["EKS"] = None, None, "eks:DescribeCluster: nothing answers at http://127.0.0.1:4566"
    assert row(facts, "EKS").state == "failed"
    facts = healthy(billed=True)
    facts.eks, facts.balancers, facts.unread["EKS"] = None, None, "no AWS credentials"
    assert row(facts, "EKS").state == "unknown", "a team without credentials may look, too"
    assert conclusion(facts) == (True, "healthy, as far as could be seen (not EKS, load balancer, targets, cost)")


@pytest.mark.parametrize(
    ("namespace", "name", "check"),
    [
        ("istio-system", "istiod", "istiod"),
        ("istio-ingress", "istio-ingressgateway", "gateway"),
        ("kube-system", "aws-load-balancer-controller", "load balancer controller"),
    ],
)
def test_each_part_may_be_missing_scaled_to_0_or_half_there(namespace: str, name: str, check: str) -> None:
    missing = gone(healthy(), "Deployment", name)
    assert row(missing, check) == Row(check, "failed", f"there is no Deployment {namespace}/{name}", advice="run playbooks/site.yml")
    assert conclusion(missing) == (False, f"not healthy: 1 of 14 checks failed ({check})")
    for replicas, ready, state, text in (
        (0, 0, "failed", "is scaled to 0"),
        (2, 0, "failed", "0 of 2 pods are ready"),
        (2, 1, "note", "1 of 2 pods are ready"),
    ):
        facts = gone(healthy(), "Deployment", name)
        facts.objects["Deployment"].append(running(deployment(namespace, name, replicas=replicas), ready))
        assert (row(facts, check).state, row(facts, check).text) == (state, text)
        assert conclusion(facts)[0] == (state == "note")


def test_the_version_is_the_images_tag() -> None:
    facts = gone(healthy(), "Deployment", "istiod")
    facts.objects["Deployment"].append(deployment("istio-system", "istiod", "registry:5000/istio/pilot:1.31.1@sha256:abc", 1))
    assert row(facts, "istiod").text == "1.31.1, 1 of 1 pod ready"


def test_a_node_that_is_not_ready_or_cordoned() -> None:
    facts = healthy()
    facts.objects["Node"].append(
        {"metadata": {"name": "node-2"}, "spec": {"unschedulable": True}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    )
    assert row(facts, "cluster").state == "failed"
    assert said(row(facts, "cluster")) == "node node-2 is not ready\nnode node-2 is cordoned"


def test_a_node_group_that_eks_calls_degraded() -> None:
    facts = healthy()
    facts.node_groups[0]["status"] = "DEGRADED"
    assert (row(facts, "EKS").state, row(facts, "EKS").text) == ("failed", "node group mng is DEGRADED")


@pytest.mark.parametrize(
    ("targets", "state", "text"),
    [
        (("healthy", "healthy"), "ok", "2 of 2 healthy"),
        (("healthy", "draining"), "ok", "1 of 1 healthy"),
        (("healthy", "unhealthy"), "note", "10.1.0.1:8080 of k8s-ingress is unhealthy"),
        (("unhealthy", "unhealthy"), "failed", "10.1.0.0:8080 of k8s-ingress is unhealthy"),
        (("initial",), "note", "10.1.0.0:8080 of k8s-ingress is initial"),
        (("draining",), "failed", "target group k8s-ingress has no target"),
        ((), "failed", "target group k8s-ingress has no target"),
    ],
)
def test_targets(targets: tuple[str, ...], state: str, text: str) -> None:
    facts = healthy()
    facts.balancers = [balancer(*targets)]
    assert (row(facts, "targets").state, row(facts, "targets").text) == (state, text)


def test_a_load_balancer_that_is_not_the_one_of_the_ingress() -> None:
    facts = healthy()
    facts.balancers = [{**balancer("healthy"), "hostname": "other.example.com"}]
    assert row(facts, "load balancer").text == f"the Ingress publishes {HOSTNAME}, which ELBv2 does not have"
    facts.balancers = []
    assert states(facts)["load balancer"] == "failed"
    facts.objects["Ingress"] = []
    assert row(facts, "load balancer").text == "there is none"


def test_an_ingress_that_may_not_be_read_says_nothing_of_its_load_balancer() -> None:
    facts = healthy()
    del facts.objects["Ingress"]
    assert (row(facts, "load balancer").state, row(facts, "load balancer").text) == (
        "failed",
        "Ingress istio-ingress/ingress publishes no host name",
    )
    facts.unread["Ingress"] = "forbidden"
    assert states(facts)["load balancer"] == "ok"


def test_crds_that_are_not_installed() -> None:
    assert states(gone(healthy(), "CustomResourceDefinition", "httproutes"))["Gateway API CRDs"] == "failed"


# -- apps and routes --------------------------------------------------------------------------------------------------


def without_pods(facts: Facts, service: str) -> Facts:
    facts.objects["EndpointSlice"] = [item for item in facts.objects["EndpointSlice"] if item["metadata"]["name"] != f"{service}-x"]
    facts.objects["EndpointSlice"].append(ready_pods("shop", service, 0))
    mine = [item for item in facts.objects["Deployment"] if item["metadata"]["name"] == service]
    facts.objects["Deployment"] = [item for item in facts.objects["Deployment"] if item not in mine] + [running(item, 0) for item in mine]
    return facts


def test_a_version_without_pods_is_an_app_that_fails_and_a_route_that_leads_nowhere() -> None:
    facts = without_pods(healthy(), "product-v2")
    assert said(row(facts, "apps")) == "shop/product-v2 has no ready pod of 2\nshop/product has 5 of 7 pods ready"
    assert said(row(facts, "routes")).splitlines() == [
        "route shop/shop leads 10 % to shop/product-v2, which has no ready pod",
        "route shop/product leads 25 % to shop/product-v2, which has no ready pod",
    ]
    assert conclusion(facts) == (False, "not healthy: 2 of 14 checks failed (apps, routes)")


def test_a_copy_that_goes_to_nobody_fails_no_request() -> None:
    assert states(without_pods(healthy(), "product-v3"))["routes"] == "ok"


def test_a_route_to_a_service_that_does_not_exist() -> None:
    facts = gone(healthy(), "Service", "front")
    assert row(facts, "routes").text == "route shop/shop leads 100 % to shop/front, which does not exist"


def test_an_http_route_that_its_gateway_does_not_take() -> None:
    facts = healthy()
    condition = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners", "message": "no listener allows it"}
    spec = {"parentRefs": [{"name": "mesh-shop"}], "hostnames": ["pay.example.com"], "rules": [{"backendRefs": [{"name": "front", "port": 80}]}]}
    facts.objects["HTTPRoute"] = [
        {"kind": "HTTPRoute", "metadata": {"namespace": "shop", "name": "pay"}, "spec": spec, "status": {"parents": [{"conditions": [condition]}]}}
    ]
    assert (row(facts, "routes").state, row(facts, "routes").text) == ("failed", "route shop/pay: NotAllowedByListeners: no listener allows it")


def test_faults_on_purpose_are_a_note() -> None:
    facts = healthy()
    facts.objects["VirtualService"][0]["spec"]["http"][0]["fault"] = {"abort": {"percentage": {"value": 10.0}, "httpStatus": 503}}
    assert (row(facts, "routes").state, row(facts, "routes").text) == ("note", "route shop/shop: 503 for 10 %, on purpose")


def test_a_deployment_that_every_platform_has() -> None:
    assert row(healthy(expected=["rust-services/service-a"]), "apps").text == "there is no Deployment rust-services/service-a"


# -- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "state"), [(-1, "failed"), (5, "note"), (90, "ok")])
def test_certificates(days: int, state: str) -> None:
    facts = healthy()
    facts.expiries.append(Expiry("Secret shop/tls", NOW + datetime.timedelta(days=days)))
    assert states(facts)["certificates"] == state
    assert "Secret shop/tls" in row(facts, "certificates").text


def test_requests_that_fail_are_a_note() -> None:
    assert states(measured(healthy()))["metrics"] == "note"
    assert row(measured(healthy()), "metrics").text == "75.0 % of the requests of shop/product-v2 succeeded in the last 300 s"


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"versions": {"Istio": "1.32.0"}}, "Istio is 1.31.1, the inventory says 1.32.0"),
        ({"versions": {"Kubernetes": "1.3"}}, "Kubernetes is 1.36.4, the inventory says 1.3"),
        ({"versions": {"Gateway API": "v1.6.3", "Kubernetes": "1.36"}}, ""),
    ],
)
def test_a_version_that_is_not_the_inventorys(change: dict[str, Any], difference: str) -> None:
    found = row(healthy(**change), "inventory")
    assert (found.state, found.text) == (("note", difference) if difference else ("ok", "nothing differs of versions, mesh_apps and mesh_routes"))


@pytest.mark.parametrize(("tag", "state"), [("1.31.1-fe8a578a", "ok"), ("1.31.1-distroless", "ok"), ("1.31.1-rc.1", "note"), ("1.31.10", "note")])
def test_how_an_image_was_made_is_no_other_version(tag: str, state: str) -> None:
    facts = healthy()
    istiod = next(item for item in facts.objects["Deployment"] if item["metadata"]["name"] == "istiod")
    istiod["spec"]["template"]["spec"]["containers"][0]["image"] = f"istio/pilot:{tag}"
    assert states(facts)["inventory"] == state


def test_what_differs_from_the_inventory_is_a_note_with_the_command_that_shows_it() -> None:
    facts = healthy()
    deployments = {item["metadata"]["name"]: item for item in facts.objects["Deployment"]}
    deployments["product-v1"]["spec"]["replicas"] = 5
    deployments["front"]["spec"]["template"]["spec"]["containers"][0]["image"] = "front:0"
    facts.objects["VirtualService"][0]["spec"]["http"][0]["route"][0]["weight"] = 50
    gone(facts, "Deployment", "product-v3")
    facts.objects["Deployment"].append({**deployment("shop", "left"), "metadata": {"namespace": "shop", "name": "left", "labels": {"meshgate.io/set": "shop"}}})
    found = row(facts, "inventory")
    assert said(found).splitlines() == [
        "shop/front runs front:0, the inventory says front:1",
        "shop/product-v1 has 5 replicas, the inventory says 3",
        "Deployment shop/product-v3 is missing",
        "Deployment shop/left is of the set shop, and not in the inventory",
        "route shop/shop leads elsewhere than the inventory says",
    ]
    assert (found.state, found.advice) == ("note", "run playbooks/routes.yml --check --diff")


def test_another_api_for_the_same_route_is_no_difference() -> None:
    """What requests get is compared, not how it is written."""
    assert states(healthy(routing_api="istio"))["inventory"] == states(healthy(routing_api="gateway_api"))["inventory"] == "ok"


def test_an_image_that_is_built_here_is_not_compared() -> None:
    apps = [{**app, "image": "", "versions": [{**one, "image": ""} for one in app.get("versions", [])]} for app in healthy().wanted.apps]
    assert states(healthy(apps=apps))["inventory"] == "ok"


def test_a_laptop_costs_nothing_and_aws_its_list_prices() -> None:
    assert row(healthy(), "cost").text.startswith("0 USD an hour")
    prices = {
        "date": "2026-11-21",
        "currency": "USD",
        "everywhere": {"eks_cluster_hour": 0.1, "public_ipv4_hour": 0.005},
        "regions": {"us-west-2": {"nat_gateway_hour": 0.045, "alb_hour": 0.0225, "gp3_gb_month": 0.08, "instances": {"m6g": 0.077}}},
    }
    facts = healthy(billed=True, price_list=prices, platform={"nat_mode": "single", "vpc_id": "", "subnet_ids": {}})
    assert row(facts, "cost").text.startswith("0.359 USD an hour")
    assert states(healthy(billed=True))["cost"] == "unknown"


def test_an_object_that_nobody_foresaw_costs_its_row_only() -> None:
    facts = healthy()
    facts.objects["VirtualService"] = [{"kind": "VirtualService", "metadata": {"namespace": "shop", "name": "odd"}, "spec": {"http": [{"route": [{}]}]}}]
    found = states(facts)
    assert found["routes"] == "unknown"
    assert found["apps"] == found["istiod"] == "ok"
    assert result(facts, with_page=True)["routes"] == []


@pytest.mark.parametrize("kind", ["Node", "Deployment", "Service", "EndpointSlice", "VirtualService", "HTTPRoute", "CustomResourceDefinition", "Namespace"])
def test_what_may_not_be_read_is_unknown_and_never_fine(kind: str) -> None:
    facts = healthy()
    del facts.objects[kind]
    facts.unread[kind] = f"{kind} is forbidden"
    assert [one.name for one in rows_of(facts) if one.state == "unknown" and "is forbidden" in one.text], states(facts)
    assert not [one.text for one in rows_of(facts) if one.state in ("failed", "note")], "what is not known is neither missing nor different"
