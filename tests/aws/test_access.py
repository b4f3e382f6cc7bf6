# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""aws_access.Aws on a bad day: what is repeated, what is not, and what is said.

"Error retries and exponential backoff in AWS" (AWS general reference); EC2's "Ensuring idempotency in Amazon EC2 API requests".
"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from cloud import CREDENTIALS, REGION, Cloud

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import Aws, AwsError, Unreachable

PASSING = ("throttled", "error_500", "slow", "dropped_before", "dropped_after")


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def calls(aws: Cloud, slept: list[float]) -> Aws:
    """Our clients through the proxy. Their pauses are recorded and not slept, so that tests of them take no time."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=0.5)
    return Aws(lambda service: boto3.client(service, region_name=REGION, endpoint_url=aws.faults.url, config=config, **CREDENTIALS), sleep=slept.append)


def network(aws: Cloud) -> tuple[str, str]:
    vpc_id = aws.vpc()
    return vpc_id, aws.subnets(vpc_id)[0]


@pytest.mark.parametrize("kind", PASSING)
def test_a_read_survives(aws: Cloud, calls: Aws, kind: str) -> None:
    aws.faults.inject(kind, "ec2:DescribeVpcs", times=2, seconds=1)
    assert len(calls.call("ec2", "describe_vpcs")["Vpcs"]) == 1
    assert len(aws.faults.calls) == 3


@pytest.mark.parametrize("kind", PASSING)
def test_what_carries_a_client_token_is_made_once(aws: Cloud, calls: Aws, kind: str) -> None:
    vpc_id, _subnet = network(aws)
    aws.faults.inject(kind, "ec2:CreateRouteTable", times=2, seconds=1)
    made = calls.call("ec2", "create_route_table", VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    tables = aws.client("ec2").describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "association.main", "Values": ["false"]}])
    assert [table["RouteTableId"] for table in tables["RouteTables"]] == [made]


@pytest.mark.parametrize("kind", PASSING)
def test_what_has_no_token_is_looked_for_before_it_is_made_again(aws: Cloud, calls: Aws, kind: str) -> None:
    ec2 = aws.client("ec2")

    def found() -> dict[str, Any] | None:
        gateways = ec2.describe_internet_gateways()["InternetGateways"]
        return {"InternetGateway": gateways[0]} if gateways else None

    aws.faults.inject(kind, "ec2:CreateInternetGateway", seconds=1)
    made = calls.call("ec2", "create_internet_gateway", found=found)["InternetGateway"]["InternetGatewayId"]
    assert aws.contents()["internet_gateways"] == [made]


@pytest.mark.parametrize("kind", ["error_500", "dropped_before", "dropped_after"])
def test_without_a_look_it_is_not_repeated_and_that_is_said(aws: Cloud, calls: Aws, kind: str) -> None:
    aws.faults.inject(kind, "ec2:CreateInternetGateway")
    with pytest.raises(AwsError, match=r"^ec2:CreateInternetGateway: .*Whether it succeeded is unknown; the next run checks$"):
        calls.call("ec2", "create_internet_gateway")
    assert len(aws.faults.calls) == 1


@pytest.mark.parametrize("kind", ["error_500", "dropped_before", "dropped_after"])
def test_repeated_changes_that_were_done_are_done(aws: Cloud, calls: Aws, kind: str) -> None:
    """The second try is told that it is so already: that is no failure of ours."""
    vpc_id, subnet = network(aws)
    ec2 = aws.client("ec2")
    table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc_id)["GroupId"]
    rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    for operation, arguments in (
        ("attach_internet_gateway", {"VpcId": vpc_id, "InternetGatewayId": gateway}),
        ("create_route", {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}),
        ("authorize_security_group_ingress", {"GroupId": group, "IpPermissions": rule}),
        ("revoke_security_group_ingress", {"GroupId": group, "IpPermissions": rule}),
        ("delete_route", {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}),
        ("detach_internet_gateway", {"VpcId": vpc_id, "InternetGatewayId": gateway}),
        ("delete_internet_gateway", {"InternetGatewayId": gateway}),
        ("delete_security_group", {"GroupId": group}),
        ("delete_route_table", {"RouteTableId": table}),
        ("delete_subnet", {"SubnetId": subnet}),
    ):
        name = "ec2:" + "".join(part.capitalize() for part in operation.split("_"))
        aws.faults.inject(kind, name)
        calls.call("ec2", operation, **arguments)
        assert aws.faults.calls[-2].fault == kind, name
    contents = aws.contents()
    assert contents["internet_gateways"] == [] and group not in contents["security_groups"] and subnet not in contents["subnets"]


def test_pauses_are_random_and_bounded_and_come_to_an_end(aws: Cloud, calls: Aws, slept: list[float]) -> None:
    aws.faults.inject("throttled", "iam:ListRoles", times=99)
    with pytest.raises(AwsError, match=r"^iam:ListRoles: Rate exceeded \(Throttling\)$"):
        calls.call("iam", "list_roles")
    assert len(aws.faults.calls) == 9 and len(slept) == 8
    assert all(0 <= pause <= min(20.0, 0.5 * 2**attempt) for attempt, pause in enumerate(slept)) and len(set(slept)) > 1


def test_an_answer_that_stays_is_not_repeated(aws: Cloud, calls: Aws) -> None:
    for kind, code in (("expired", "the AWS credentials have expired"), ("", "NoSuchEntity")):
        aws.faults.reset()
        if kind:
            aws.faults.inject(kind, "iam:GetRole")
        with pytest.raises(AwsError, match=code):
            calls.call("iam", "get_role", RoleName="none")
        assert len(aws.faults.calls) == 1


def test_where_nothing_listens_it_is_not_tried_for_long(slept: list[float]) -> None:
    config = Config(retries={"total_max_attempts": 1})
    calls = Aws(lambda service: boto3.client(service, region_name=REGION, endpoint_url="http://127.0.0.1:9", config=config, **CREDENTIALS), sleep=slept.append)
    with pytest.raises(Unreachable, match=r"^ec2:DescribeVpcs: nothing answers at http://127.0.0.1:9"):
        calls.call("ec2", "describe_vpcs")
    assert len(slept) == 3
