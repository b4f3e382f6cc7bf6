# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Service Quotas: the documented defaults of what a cluster needs, and where instance types are offered."""

from __future__ import annotations

import pytest
from aws_rig import ACCOUNT, REGION
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("service", "code", "name", "value"),
    [
        # AWS General Reference, "Amazon VPC endpoints and quotas", "Amazon EC2 ...", "Amazon EKS ...", "Elastic Load Balancing ...".
        ("vpc", "L-F678F1CE", "VPCs per Region", 5),
        ("vpc", "L-FE5A380F", "NAT gateways per Availability Zone", 5),
        ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5),
        ("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5),
        ("ec2", "L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5),
        ("eks", "L-1194D53C", "Clusters", 100),
        ("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region", 50),
    ],
)
def test_defaults(aws, service, code, name, value) -> None:
    quotas = aws.client("service-quotas")
    for call in (quotas.get_service_quota, quotas.get_aws_default_service_quota):
        quota = call(ServiceCode=service, QuotaCode=code)["Quota"]
        assert (quota["QuotaName"], quota["Value"], quota["Adjustable"]) == (name, value, True)


def test_an_increase_is_applied_and_the_default_stays(aws) -> None:
    # RequestServiceQuotaIncrease; GetServiceQuota "Retrieves the applied quota value", GetAWSDefaultServiceQuota the default.
    # DesiredValue at or below the current value: IllegalArgumentException.
    quotas, quota = aws.client("service-quotas"), {"ServiceCode": "ec2", "QuotaCode": "L-DB2E81BA"}
    request = quotas.request_service_quota_increase(**quota, DesiredValue=8)["RequestedQuota"]
    assert (request["DesiredValue"], request["Status"]) == (8, "APPROVED")
    applied = quotas.get_service_quota(**quota)["Quota"]
    assert (applied["Value"], applied["QuotaArn"]) == (8, f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:ec2/L-DB2E81BA")
    assert quotas.get_aws_default_service_quota(**quota)["Quota"]["Value"] == 0
    with pytest.raises(ClientError) as caught:
        quotas.request_service_quota_increase(**quota, DesiredValue=8)
    assert caught.value.response["Error"]["Code"] == "IllegalArgumentException"


@pytest.mark.parametrize(("service", "code"), [("nosuch", "L-F678F1CE"), ("vpc", "L-00000000")])
def test_what_does_not_exist(aws, service, code) -> None:
    # "NoSuchResourceException: The specified resource does not exist."
    with pytest.raises(ClientError) as caught:
        aws.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
    assert caught.value.response["Error"]["Code"] == "NoSuchResourceException"


def test_instance_types_are_offered_by_zone(aws) -> None:
    # DescribeInstanceTypeOfferings, LocationType availability-zone; filters instance-type and location. A type that does not exist is no error.
    ec2, by_zone = aws.client("ec2"), {"LocationType": "availability-zone"}

    def offered(**filters: list[str]) -> set[str]:
        given = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
        return {entry["Location"] for entry in ec2.describe_instance_type_offerings(**by_zone, Filters=given)["InstanceTypeOfferings"]}

    assert offered(instance_type=["m6g.large"], location=[f"{REGION}a", f"{REGION}b"]) == {f"{REGION}a", f"{REGION}b"}
    assert offered(instance_type=["m99.large"]) == set()
