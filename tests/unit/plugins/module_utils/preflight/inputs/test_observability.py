# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What role observability refuses, and the images that role toolchain must be asked for."""

from __future__ import annotations

from typing import Any

import pytest
from right import NO_CLUSTER, problems

P = "observability_prometheus"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"namespace": "Istio"}, "observability_namespace is 'Istio'; accepted: the name of a namespace"),
        ({"timeout": 0}, "observability_timeout is 0; accepted: a number of seconds, at least 1"),
        ({"kubectl": "/no/such/kubectl"}, "observability_kubectl is /no/such/kubectl; accepted: a program that exists"),
        (
            {"prometheus_image": ""},
            f"{P}_image is ''; accepted: an image, such as the one that role toolchain provides with prometheus in toolchain_components",
        ),
        ({"prometheus_image": "prom prometheus"}, f"{P}_image is 'prom prometheus'; accepted: an image"),
        (
            {"prometheus_image": "meshgate.local/prometheus:v3", "platform_billed": True},
            f"{P}_image is 'meshgate.local/prometheus:v3'; accepted: an image of a registry that nodes on AWS can reach",
        ),
        ({"prometheus_scrape_interval": 0}, f"{P}_scrape_interval is 0; accepted: 1 to 300 seconds"),
        ({"prometheus_retention": "two days"}, f"{P}_retention is 'two days'; accepted: a duration as Prometheus writes it, such as 36h or 15d"),
        ({"prometheus_retention": ""}, f"{P}_retention is ''; accepted: a duration"),
        ({"prometheus_storage": "20 GB"}, f"{P}_storage is '20 GB'; accepted: empty, or a size of at least 1Gi, such as 20Gi"),
        ({"prometheus_storage": "500Mi"}, f"{P}_storage is '500Mi'; accepted: empty, or a size of at least 1Gi"),
        ({"prometheus_storage_class": "gp3"}, f"{P}_storage_class is 'gp3'; accepted: empty where {P}_storage is empty"),
        ({"prometheus_reader_namespaces": ["Argo"]}, f"{P}_reader_namespaces is ['Argo']; accepted: names of namespaces"),
        (
            {"prometheus_retention": "30d"},
            f"{P}_retention is '30d'; accepted: at most 19d, for which 2Gi have room, or {P}_storage of at least 4Gi",
        ),
        (
            {"prometheus_retention": "1y", "prometheus_storage": "20Gi"},
            f"{P}_retention is '1y'; accepted: at most 198d, for which 20Gi have room, or {P}_storage of at least 37Gi",
        ),
    ],
)
def test_refused(given: dict[str, Any], said: str) -> None:
    (found,) = problems("observability", **given)
    assert found.startswith(said)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"prometheus_retention": "19d"},
        {"prometheus_retention": "1y", "prometheus_storage": "37Gi", "prometheus_storage_class": "gp3"},
        {"prometheus_retention": "1d12h", "prometheus_scrape_interval": 5},
        {"components": [], "prometheus_image": "", "prometheus_retention": "for ever"},
        {"prometheus_image": "", **NO_CLUSTER},
    ],
)
def test_accepted(given: dict[str, Any]) -> None:
    assert problems("observability", **given) == []


LAPTOP = ["kubectl", "node", "pilot", "proxyv2"]


def test_an_image_that_nobody_makes_for_the_laptops_nodes_is_refused_before_anything_is_made() -> None:
    (said,) = problems("toolchain", components=LAPTOP, observability_components=["prometheus"])
    assert said == "toolchain_components is kubectl, node, pilot, proxyv2; accepted: a list with prometheus, whose images observability_components needs"


@pytest.mark.parametrize(
    "given",
    [
        {"components": [*LAPTOP, "prometheus"], "observability_components": ["prometheus"]},
        {"components": LAPTOP, "observability_components": ["prometheus"], "observability_prometheus_image": "registry.example.com/prometheus:v3"},
        {"components": LAPTOP, "observability_components": []},
        {"components": ["kubectl"], "observability_components": ["prometheus"]},  # on AWS nodes pull the publisher's
        {"components": LAPTOP},
    ],
)
def test_images_that_are_in_reach_are_accepted(given: dict[str, Any]) -> None:
    assert problems("toolchain", **given) == []
