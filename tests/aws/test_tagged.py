# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The search by tag: every page, every region that it is asked of, and an error that says what was asked."""

from __future__ import annotations

import boto3
import pytest
from cloud import CREDENTIALS, REGION, Cloud

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws import tagged as aws_tagged
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import Aws, AwsError

TAGS = {"meshgate.io/cluster": "sandbox"}


def clients(aws: Cloud) -> Aws:
    def make(service: str, region: str = REGION):
        return boto3.client(service, region_name=region, endpoint_url=aws.faults.url, **CREDENTIALS)

    return Aws(make, sleep=lambda _seconds: None)


def test_all_pages_of_one_region(aws: Cloud) -> None:
    ecr = aws.client("ecr")
    for number in range(120):  # a page has 100
        ecr.create_repository(repositoryName=f"r{number}", tags=[{"Key": "meshgate.io/cluster", "Value": "sandbox"}])
    ecr.create_repository(repositoryName="theirs", tags=[{"Key": "meshgate.io/cluster", "Value": "other"}])
    assert len(aws_tagged.arns(clients(aws), TAGS)) == 120
    assert aws_tagged.arns(clients(aws).in_region("eu-west-1"), TAGS) == []


def test_what_is_global(aws: Cloud) -> None:
    aws.client("iam").create_instance_profile(InstanceProfileName="p", Tags=[{"Key": "meshgate.io/cluster", "Value": "sandbox"}])
    assert aws_tagged.global_arns(clients(aws), REGION, TAGS) == ["arn:aws:iam::123456789012:instance-profile/p"]


def test_it_goes_on_when_throttled_and_says_what_is_denied(aws: Cloud) -> None:
    aws.faults.inject("throttled", "tagging:GetResources")
    assert aws_tagged.arns(clients(aws), TAGS) == []
    aws.faults.reset()
    aws.faults.inject("denied", "tagging:GetResources")
    with pytest.raises(AwsError, match="GetResources: not authorized"):
        aws_tagged.arns(clients(aws), TAGS)
