# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Variables of the roles mesh_apps and mesh_routes. What is wrong with an app or a route is mesh/checks' part, and tested there."""

from __future__ import annotations

from typing import Any

import pytest
from right import NO_CLUSTER, problems

APP = {"name": "front", "namespace": "shop", "port": 8080, "image": "registry.example.com/front:1.0"}
ROUTE = {"name": "front", "namespace": "shop", "hosts": ["shop.example.com"], "rules": [{"to": [{"app": "front"}]}]}


def of_apps(*apps: dict[str, Any], **changed: Any) -> list[str]:
    return problems("mesh_apps", mesh_apps=list(apps), **changed)


def of_routes(*routes: dict[str, Any], **changed: Any) -> list[str]:
    return problems("mesh_routes", mesh_routes=list(routes), **{"apps": [APP], **changed})


def test_right_ones_pass() -> None:
    assert of_apps(APP) == [] and of_apps() == []
    assert of_routes(ROUTE) == [] and of_routes() == []


def test_what_a_specification_filled_with_none_was_not_said() -> None:
    versions = [{"name": "v1", "image": None, "replicas": None}, {"name": "v2", "image": "registry.example.com/front:2.0"}]
    assert of_apps({**APP, "versions": versions, "callers": None, "outlier_detection": {"interval": None}}) == []
    to = {"app": "front", "version": None, "service": None, "port": None, "weight": None}
    assert of_routes({**ROUTE, "rules": [{"to": [to], "timeout": None, "retries": None}]}) == []


@pytest.mark.parametrize(
    ("apps", "changed", "said"),
    [
        ([{**APP, "port": 0}], {}, "mesh_apps: app front: port is 0; accepted: the port of its Service, or ports"),
        ([APP], {"set": "my set"}, "mesh_apps_set is 'my set'; accepted: a valid label value, by which the set's objects are marked"),
        ([APP], {"confined_to": ["pay"]}, "mesh_apps is ['front']; accepted: apps in the namespaces of mesh_apps_confined_to (pay)"),
        (
            [APP],
            {"aws_roles": True, "cluster_name": ""},
            "mesh_apps_cluster_name is ''; accepted: the name of the EKS cluster in which the apps' service accounts are",
        ),
        ([APP], {"timeout": 0}, "mesh_apps_timeout is 0; accepted: a number of seconds, at least 1"),
        ([{**APP, "namespace": "kube-system"}], {}, "mesh_apps is ['kube-system']; accepted: namespaces for apps, not the cluster's or Istio's own"),
        (
            [{**APP, "env": {"DEBUG": None}}],
            {},
            "mesh_apps: app front: env DEBUG is None; accepted: text (put it in quotes: YAML reads it as something else), or {field: spec.nodeName}",
        ),
    ],
)
def test_wrong_apps_are_refused(apps: list[dict[str, Any]], changed: dict[str, Any], said: str) -> None:
    assert of_apps(*apps, **changed) == [said]


def test_images_that_are_still_to_be_made_pass_before_there_is_a_cluster_and_not_afterwards() -> None:
    app = {**APP, "image": ""}
    assert of_apps(app, **NO_CLUSTER) == []
    assert of_apps(app) == ["mesh_apps: app front: image is ''; accepted: an image, such as registry.example.com/product:1.4"]


def test_images_of_this_machine_are_refused_on_aws() -> None:
    app = {**APP, "image": "meshgate.local/front:1"}
    assert of_apps(app) == []
    (said,) = of_apps(app, platform_billed=True)
    assert said.startswith("mesh_apps is {'front': 'meshgate.local/front:1'}; accepted: images of a registry that nodes on AWS can reach")


@pytest.mark.parametrize(
    ("route", "changed", "said"),
    [
        ({**ROUTE, "hosts": []}, {}, "mesh_routes: route front: hosts is []; accepted: host names in lower case"),
        (ROUTE, {"confined_to": ["pay"]}, "mesh_routes is ['front']; accepted: routes in the namespaces of mesh_routes_confined_to (pay)"),
        (
            {**ROUTE, "rules": [{"to": [{"app": "front"}], "timeout": "2m"}]},
            {"idle_timeout": 60},
            "mesh_routes: route front, rule 1: timeout is '2m'; accepted: at most the load balancer's idle timeout (60s)",
        ),
        (ROUTE, {"gateway_selector": {}}, "mesh_routes_gateway_selector is {}; accepted: the labels of the ingress gateway's pods"),
        ({**ROUTE, "expect": [{"get": "/", "from": ["v9"]}]}, {}, "mesh_routes: route front, expect 1: from is 'v9'; accepted: a version, an app or a service"),
    ],
)
def test_wrong_routes_are_refused(route: dict[str, Any], changed: dict[str, Any], said: str) -> None:
    (found,) = of_routes(route, **changed)
    assert found.startswith(said)


def test_an_app_that_is_wrong_is_told_by_both_roles_in_the_same_words() -> None:
    wrong = {**APP, "port": 0}
    assert of_routes(ROUTE, apps=[wrong]) == of_apps(wrong) == ["mesh_apps: app front: port is 0; accepted: the port of its Service, or ports"]


GRPC = {"apps": [{**APP, "protocol": "grpc"}], "gateway": "", "render_to": "", "load_balancer": {}}
LATER = "HTTPS listener: istio_ingress_host_name or istio_ingress_certificate_arn"


def test_grpc_is_left_to_the_cluster_to_refuse_where_there_is_one_and_to_the_variables_where_there_is_none() -> None:
    assert of_routes(ROUTE, **GRPC) == []
    (found,) = of_routes(ROUTE, **GRPC, **NO_CLUSTER)
    assert "route front, rule 1: to front, protocol is 'grpc'" in found and LATER in found
    assert of_routes(ROUTE, **GRPC, **NO_CLUSTER, istio_ingress_host_name="shop.example.com") == []
    assert of_routes(ROUTE, **GRPC, **NO_CLUSTER, istio_ingress_certificate_arn="arn:aws:acm:us-west-2:123456789012:certificate/1") == []


def test_manifests_of_grpc_need_to_be_told_what_the_load_balancer_is() -> None:
    (found,) = of_routes(ROUTE, **{**GRPC, "render_to": "manifests"})
    assert LATER in found
    told = {"group": "sandbox", "https_port": 443, "certificate_arns": ["arn:1"]}
    assert of_routes(ROUTE, **{**GRPC, "render_to": "manifests", "load_balancer": told}) == []


def test_grpc_is_not_for_a_set_without_a_gateway_of_its_own() -> None:
    (found,) = of_routes(ROUTE, **{**GRPC, "gateway": "mesh-platform"})
    assert "for the set that makes the Gateway" in found
