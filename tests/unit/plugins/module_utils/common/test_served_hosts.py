# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.served_hosts import served_host

BALANCER = "sandbox-alb-1.us-west-2.elb.amazonaws.com"


@pytest.mark.parametrize(
    ("hosts", "names", "asked"),
    [
        (["*"], ["", BALANCER], BALANCER),
        (["*"], ["mesh.example.com", BALANCER], "mesh.example.com"),
        (["shop.example.com"], ["", BALANCER], "shop.example.com"),
        (["shop.example.com", "mesh.example.com"], ["mesh.example.com", BALANCER], "mesh.example.com"),
        (["*.elb.amazonaws.com"], ["mesh.example.com", BALANCER], BALANCER),
        (["*.example.com"], ["example.com", BALANCER], "meshgate.example.com"),
        (["*.example.com", "shop.example.org"], ["", BALANCER], "shop.example.org"),
        ([], [BALANCER], ""),
    ],
)
def test_a_gateway_is_asked_by_a_name_that_it_serves(hosts: list[str], names: list[str], asked: str) -> None:
    assert served_host(hosts, names) == asked
