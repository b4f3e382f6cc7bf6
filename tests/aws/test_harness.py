# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The test bed itself: accounts are fresh, and the proxy's faults look to botocore like AWS's."""

from __future__ import annotations

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from cloud import CREDENTIALS, REGION, Cloud

CALLS = {
    "ec2": ("create_vpc", {"CidrBlock": "10.0.0.0/16"}, "ec2:CreateVpc"),
    "iam": ("create_role", {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}, "iam:CreateRole"),
    "eks": ("delete_cluster", {"name": "none"}, "eks:DeleteCluster"),
    "elbv2": ("describe_load_balancers", {}, "elasticloadbalancing:DescribeLoadBalancers"),
    "ecr": ("create_repository", {"repositoryName": "repo"}, "ecr:CreateRepository"),
    "route53": ("list_hosted_zones", {}, "route53:ListHostedZones"),
}


def through(aws: Cloud, service: str, **config) -> boto3.session.Session:
    config = Config(retries={"total_max_attempts": 1}, **config)
    return boto3.client(service, region_name=REGION, endpoint_url=aws.faults.url, config=config, **CREDENTIALS)


def failure(aws: Cloud, service: str, **config) -> Exception:
    operation, arguments, _name = CALLS[service]
    with pytest.raises((botocore.exceptions.ClientError, botocore.exceptions.HTTPClientError)) as caught:
        getattr(through(aws, service, **config), operation)(**arguments)
    return caught.value


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("throttled", {"RequestLimitExceeded", "Throttling", "ThrottlingException"}),
        ("error_500", {"InternalError", "ServiceFailure", "ServerException", "InternalFailure"}),
        ("expired", {"RequestExpired", "ExpiredToken", "ExpiredTokenException"}),
    ],
)
def test_errors_have_the_form_of_their_service(aws: Cloud, service: str, kind: str, codes: set[str]) -> None:
    aws.faults.inject(kind, CALLS[service][2])
    assert failure(aws, service).response["Error"]["Code"] in codes
    assert [call.fault for call in aws.faults.calls] == [kind]


def test_a_connection_is_cut_before_or_after_the_request_is_carried_out(aws: Cloud) -> None:
    for kind, made in (("dropped_before", 0), ("dropped_after", 1)):
        before = len(aws.contents()["vpcs"])
        aws.faults.reset()
        aws.faults.inject(kind, "ec2:CreateVpc")
        assert isinstance(failure(aws, "ec2"), botocore.exceptions.ConnectionClosedError)
        assert len(aws.contents()["vpcs"]) == before + made


def test_a_slow_answer_outlasts_the_client(aws: Cloud) -> None:
    aws.faults.inject("slow", "ec2:CreateVpc", seconds=1.0)
    assert isinstance(failure(aws, "ec2", read_timeout=0.3), botocore.exceptions.ReadTimeoutError)
    assert len(aws.contents()["vpcs"]) == 2


def test_what_was_just_created_is_unknown_for_some_answers(aws: Cloud) -> None:
    """EC2: a resource "might not be immediately visible to subsequent commands" (Eventual consistency in the Amazon EC2 API)."""
    ec2 = through(aws, "ec2")
    aws.faults.inject("unseen", "ec2:CreateVpc", times=2)
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert vpc_id not in [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
    with pytest.raises(ec2.exceptions.ClientError, match="InvalidVpcID.NotFound"):
        ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.0.0/24")
    assert vpc_id in [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]


@pytest.mark.parametrize("number", [1, 2])
def test_every_account_is_fresh(aws: Cloud, number: int) -> None:
    """Twice the same test: the second finds nothing of the first."""
    assert aws.contents()["roles"] == [] and len(aws.contents()["vpcs"]) == 1
    aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    assert number in (1, 2) and len(aws.contents()["roles"]) == 1


def test_faults_come_to_the_call_that_was_named(aws: Cloud) -> None:
    aws.faults.inject("throttled", "ec2:CreateVpc", nth=2, times=2)
    ec2, seen = through(aws, "ec2"), []
    for _unused in range(4):
        try:
            ec2.create_vpc(CidrBlock="10.0.0.0/16")
            seen.append(True)
        except botocore.exceptions.ClientError:
            seen.append(False)
    assert seen == [True, False, False, True]
