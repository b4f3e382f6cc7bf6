# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Hosts whose apps speak gRPC or HTTP/2 get target groups of their own, on the load balancer that is there."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.group import said_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh import shadow
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import route_manifests

ALB = "alb.ingress.kubernetes.io/"
LIVE = {
    "metadata": {
        "name": "ingress",
        "namespace": "istio-ingress",
        "labels": {"meshgate.io/cluster": "sandbox", "other": "label"},
        "annotations": {
            f"{ALB}group.name": "sandbox",
            f"{ALB}load-balancer-name": "sandbox-alb",
            f"{ALB}scheme": "internet-facing",
            f"{ALB}listen-ports": '[{"HTTP": 80}, {"HTTPS": 8443}]',
            f"{ALB}certificate-arn": "arn:one, arn:two",
            f"{ALB}security-groups": "sg-1",
            f"{ALB}tags": "env=dev,meshgate.io/cluster=sandbox",
            f"{ALB}healthcheck-path": "/healthz/ready",
            f"{ALB}healthcheck-port": "15021",
            f"{ALB}target-group-attributes": "deregistration_delay.timeout_seconds=30",
            f"{ALB}auth-type": "oidc",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
    }
}
GATEWAY = {
    "name": "mesh-shop",
    "namespace": "istio-ingress",
    "service": "istio-ingressgateway",
    "selector": {"istio": "ingressgateway"},
    "load_balancer": said_of(LIVE),
}
APPS = [{"name": name, "namespace": "shop", "port": 80, "protocol": name} for name in ("http", "http2", "grpc")]


def route(name: str, *hosts: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "shop", "hosts": list(hosts), "rules": [{"to": [{"app": name}]}], **more}


def made(*routes: dict[str, Any], **gateway: Any) -> dict[tuple[str, str], dict[str, Any]]:
    items = route_manifests({"apps": APPS, "gateway": {**GATEWAY, **gateway}, "routes": list(routes)})
    return {(item["kind"], item["metadata"]["name"]): item for item in items}


def test_a_group_is_joined_with_its_certificates_and_health_checks_and_without_what_could_contradict_it() -> None:
    ingress = made(route("grpc", "grpc.example.com"))["Ingress", "mesh-shop"]
    said = {key.removeprefix(ALB): value for key, value in ingress["metadata"]["annotations"].items()}
    assert (said.pop("group.name"), json.loads(said.pop("listen-ports")), said.pop("certificate-arn")) == ("sandbox", [{"HTTPS": 8443}], "arn:one,arn:two")
    assert int(said.pop("group.order")) < 0  # the Ingress of the gateway takes whatever comes, and is 0
    assert said == {
        "target-type": "ip",
        "healthcheck-path": "/healthz/ready",
        "healthcheck-port": "15021",
        "target-group-attributes": "deregistration_delay.timeout_seconds=30",
        "auth-type": "oidc",
        "tags": "meshgate.io/cluster=sandbox",
    }
    assert ingress["metadata"]["labels"] == {"meshgate.io/cluster": "sandbox"}


def test_each_protocol_has_a_service_of_the_gateways_pods_and_grpc_is_checked_by_its_own_code() -> None:
    items = made(route("grpc", "grpc.example.com"), route("http2", "h2.example.com"), route("http", "www.example.com"))
    rules = items["Ingress", "mesh-shop"]["spec"]["rules"]
    assert [(rule["host"], rule["http"]["paths"][0]["backend"]["service"]["name"]) for rule in rules] == [
        ("grpc.example.com", "mesh-shop-grpc"),
        ("h2.example.com", "mesh-shop-http2"),
    ]
    grpc, http2 = (items["Service", f"mesh-shop-{name}"] for name in ("grpc", "http2"))
    assert grpc["metadata"]["annotations"] == {
        f"{ALB}backend-protocol-version": "GRPC",
        f"{ALB}healthcheck-port": "traffic-port",
        f"{ALB}healthcheck-path": "/AWS.ALB/healthcheck",
        f"{ALB}success-codes": "12",
    }
    assert http2["metadata"]["annotations"] == {f"{ALB}backend-protocol-version": "HTTP2"}
    assert grpc["spec"]["selector"] == http2["spec"]["selector"] == {"istio": "ingressgateway"}
    assert [name for kind, name in items if kind == "EnvoyFilter"] == ["mesh-shop-grpc-health"]


def test_a_name_goes_before_the_pattern_that_it_fits_to_and_a_longer_pattern_before_a_shorter_one() -> None:
    items = made(route("grpc", "*.example.com", "a.b.example.com"), route("http2", "*.b.example.com"))
    assert [rule["host"] for rule in items["Ingress", "mesh-shop"]["spec"]["rules"]] == ["a.b.example.com", "*.b.example.com", "*.example.com"]


def test_http_and_what_mixes_with_it_stay_on_the_gateways_own_target_group() -> None:
    mixed = route("http", "www.example.com", rules=[{"to": [{"app": "http2", "weight": 50}, {"app": "http", "weight": 50}]}])
    assert not any(kind in ("Ingress", "Service", "EnvoyFilter") for kind, _name in made(mixed))
    mixed["rules"][0]["to"].append({"app": "grpc", "weight": 0})
    assert ("Service", "mesh-shop-http2") in made(mixed)  # which takes gRPC, too
    inside = route("grpc", "grpc", inside=True)
    assert not any(kind in ("Ingress", "Service", "EnvoyFilter") for kind, _name in made(inside))


def test_the_shadow_of_a_gateway_is_no_target_of_the_load_balancer() -> None:
    wanted = {"apps": APPS, "gateway": GATEWAY, "routes": [route("grpc", "grpc.example.com")]}
    kinds = [item["kind"] for item in route_manifests(shadow.wanted_by(wanted, "shop", "a1b2c3"))]
    assert "VirtualService" in kinds and "Ingress" not in kinds


def test_what_an_ingress_does_not_say_is_not_there() -> None:
    bare = said_of({"metadata": {"name": "ingress", "annotations": {f"{ALB}listen-ports": '[{"HTTP": 80}]'}}})
    assert (bare["group"], bare["https_port"], bare["certificate_arns"], bare["annotations"], bare["labels"]) == ("", None, [], {}, {})
    assert said_of({"metadata": {"name": "ingress", "annotations": {f"{ALB}listen-ports": "[{"}}})["https_port"] is None
