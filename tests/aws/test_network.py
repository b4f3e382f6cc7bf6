# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A NAT gateway takes AWS a minute or two: nothing waits for it before a node needs it, and the routes to it are complete when one does."""

from __future__ import annotations

from pathlib import Path

import pytest
from cloud import QUICK, Cloud
from fault_proxy import FaultProxy
from nursery import Nursery
from platform_parts import GROUND, options_of, platform


def ways_out(aws: Cloud) -> list[str]:
    """NAT gateways that default routes lead to."""
    tables = aws.client("ec2").describe_route_tables()["RouteTables"]
    return [route["NatGatewayId"] for table in tables for route in table["Routes"] if route.get("NatGatewayId")]


@pytest.mark.parametrize("refused", [False, True], ids=["AWS takes the route at once", "AWS does not know the gateway yet"])
def test_a_nat_gateway_is_awaited_when_it_is_needed(nursery: Nursery, proxy: FaultProxy, tmp_path: Path, refused: bool) -> None:
    """ "pending: the NAT gateway is being created and is not processing traffic": https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html.

    A route to one is not always taken meanwhile (InvalidNatGatewayID.NotFound, https://github.com/boto/boto3/issues/779).
    """
    with nursery.account(**QUICK, MESHGATE_NAT_SECONDS="60") as endpoint:
        aws = Cloud(endpoint, proxy, tmp_path)
        given = {**options_of(platform(tmp_path, name="box")), "sections": GROUND}
        if refused:
            # What was just created is not known to the three calls that make routes to it.
            proxy.inject("unseen", "ec2:CreateNatGateway", times=3)
        begun = aws.module("eks_platform", **given, wait=False)
        assert begun["changed"] and begun["unfinished"] == ["NAT gateway box-nat-us-west-2a"], begun.get("msg")
        look = aws.module("eks_platform", **given, state="planned")
        assert [entry["after"]["state"] for entry in look["differs"] if entry["section"] == "nat"] == ["available"]
        aws.control("POST", "clock", {"advance": 61})
        ended = aws.module("eks_platform", **given, wait_delay=0.1)
        assert ended["unfinished"] == [] and not {"nat", "route_tables"} & set(ended["sections"]), ended.get("msg")
        assert len(ways_out(aws)) == 3 and len(set(ways_out(aws))) == 1
        assert aws.module("eks_platform", **given)["changed"] is False
        proxy.reset()


def test_the_role_begins_the_control_plane_and_then_waits_for_the_gateway(nursery: Nursery, proxy: FaultProxy, tmp_path: Path) -> None:
    with nursery.account(**QUICK, MESHGATE_NAT_SECONDS="15") as endpoint:
        aws = Cloud(endpoint, proxy, tmp_path)
        run = aws.role("eks_cluster")
        assert run.result("Create the control plane")["changed"] and run.result("Manage NAT gateways and routes")["unfinished"] == []
        assert len(ways_out(aws)) == 3
        proxy.reset()
