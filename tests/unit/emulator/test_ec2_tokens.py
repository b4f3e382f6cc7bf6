# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Client tokens, as documented in https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html."""

from __future__ import annotations

import pytest
from aws_rig import Emulator
from botocore.exceptions import ClientError


def test_a_request_that_comes_twice_is_carried_out_once(aws: Emulator) -> None:
    """ "If you retry a request that completed successfully using the same client token and the same parameters, the retry succeeds without
    performing any further actions"; with other parameters "the retry fails with an IdempotentParameterMismatch error"."""
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    first, again = (ec2.create_route_table(VpcId=vpc, ClientToken="one")["RouteTable"]["RouteTableId"] for _unused in range(2))
    assert first == again
    assert ec2.create_route_table(VpcId=vpc, ClientToken="two")["RouteTable"]["RouteTableId"] != first
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        ec2.create_route_table(VpcId=other, ClientToken="one")
