# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A load balancer's access logs: ELB's user guide, "Enable access logs for your Application Load Balancer"."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_rig import ACCOUNT, REGION, Emulator
from botocore.exceptions import ClientError


def test_elb_writes_a_test_file_or_refuses_the_bucket(aws: Emulator, network: Any, name: str) -> None:
    """API reference, ModifyLoadBalancerAttributes: InvalidConfigurationRequest. "Verify bucket permissions": the test file."""
    elbv2, s3 = aws.client("elbv2"), aws.client("s3")
    arn = elbv2.create_load_balancer(Name=name, Subnets=network.subnets)["LoadBalancers"][0]["LoadBalancerArn"]

    def enable(**wanted: str) -> None:
        attributes = [{"Key": f"access_logs.s3.{key}", "Value": value} for key, value in wanted.items()]
        elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)

    def refused(**wanted: str) -> str:
        with pytest.raises(ClientError) as error:
            enable(**wanted)
        assert error.value.response["Error"]["Code"] == "InvalidConfigurationRequest"
        return error.value.response["Error"]["Message"]

    logs = {"enabled": "true", "bucket": name, "prefix": "mesh"}
    enable(enabled="false")
    assert "does not exist" in refused(**logs)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert refused(**logs) == f"Access Denied for bucket: {name}. Please check S3bucket permission"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/mesh/AWSLogs/{ACCOUNT}/*",
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    enable(**logs)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=name)["Contents"]] == [f"mesh/AWSLogs/{ACCOUNT}/ELBAccessLogTestFile"]
    assert "Access Denied" in refused(prefix="other")  # what is on stays on, and is looked at again
    enable(enabled="false", prefix="other")
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
