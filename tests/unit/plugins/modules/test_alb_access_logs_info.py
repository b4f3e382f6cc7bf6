# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""alb_access_logs_info over HTTP: buckets to which a load balancer could not write.

What is right is said by Elastic Load Balancing's user guide, "Enable access logs for your Application Load Balancer".
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pytest
from aws_harness import REGION, Account, run

from ansible_collections.meshgate.eks_istio.plugins.modules import alb_access_logs_info

ACCOUNT = "123456789012"
SERVICE = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
LEGACY = {"AWS": "arn:aws:iam::797873946194:root"}


def allow(bucket: str, principal: Any = None, path: str = f"AWSLogs/{ACCOUNT}/*", **more: Any) -> dict[str, Any]:
    resource = f"arn:aws:s3:::{bucket}/{path}"
    return {"Effect": "Allow", "Principal": principal or SERVICE, "Action": "s3:PutObject", "Resource": resource, **more}


@pytest.fixture
def bucket(account: Account) -> str:
    name = f"logs-{uuid.uuid4().hex[:10]}"
    account.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def look(account: Account, bucket: str, *statements: dict[str, Any], **more: Any) -> str:
    """Why the bucket is refused; empty if it is not."""
    if statements:
        account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    found = run(alb_access_logs_info, account.endpoint, bucket=bucket, **more)
    assert not found.get("changed")
    return str(found["msg"]) if found.get("failed") else ""


ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/*"


@pytest.mark.parametrize(
    ("prefix", "statement"),
    [
        ("", {}),
        ("", {"principal": LEGACY}),
        ("", {"principal": {"AWS": "797873946194"}}),
        ("mesh", {"path": f"mesh/AWSLogs/{ACCOUNT}/*"}),
        ("mesh", {"path": "*", "Action": ["s3:GetObject", "s3:Put*"]}),
        ("", {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": ARN}}}),
        ("", {"Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}}),
        ("", {"Condition": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}),  # cannot be judged: ELB will say
    ],
)
def test_a_bucket_that_lets_log_delivery_in(account: Account, bucket: str, prefix: str, statement: dict[str, Any]) -> None:
    assert look(account, bucket, allow(bucket, **statement), prefix=prefix) == ""


@pytest.mark.parametrize(
    ("prefix", "statement"),
    [
        ("", {"principal": {"Service": "delivery.logs.amazonaws.com"}}),  # that of network load balancers
        ("", {"principal": {"AWS": "arn:aws:iam::127311923021:root"}}),  # ELB's account of another region
        ("mesh", {}),
        ("", {"path": "AWSLogs/210987654321/*"}),
        ("", {"Action": "s3:GetObject"}),
        ("", {"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}}),
    ],
)
def test_a_policy_that_does_not_let_it_in_is_named(account: Account, bucket: str, prefix: str, statement: dict[str, Any]) -> None:
    said = look(account, bucket, allow(bucket, **statement), prefix=prefix)
    below = f"{prefix}/" if prefix else ""
    assert said.startswith(f"access logs: the policy of the bucket {bucket} does not let logdelivery.elasticloadbalancing.amazonaws.com do s3:PutObject")
    assert said.endswith(f"arn:aws:s3:::{bucket}/{below}AWSLogs/{ACCOUNT}/*")


def test_a_denial_wins_unless_it_is_about_insecure_transport(account: Account, bucket: str) -> None:
    insecure = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert look(account, bucket, allow(bucket), {**allow(bucket, "*", "*"), "Effect": "Deny", "Action": "s3:*", **insecure}) == ""
    assert "denies" in look(account, bucket, allow(bucket), {**allow(bucket, "*", "*"), "Effect": "Deny", "Action": "s3:*"})


def test_no_policy_no_bucket_another_region_another_key(account: Account, bucket: str) -> None:
    assert "does not let" in look(account, bucket)
    assert "the bucket none-of-ours does not exist" in look(account, "none-of-ours")
    s3 = account.client("s3")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert f"the bucket {bucket} is encrypted with aws:kms" in look(account, bucket, allow(bucket))
    elsewhere = boto3.client("s3", region_name="eu-west-1", endpoint_url=account.endpoint, aws_access_key_id="test", aws_secret_access_key="test")
    elsewhere.create_bucket(Bucket=f"far-{bucket}", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert look(account, f"far-{bucket}") == f"access logs: the bucket far-{bucket} is in eu-west-1, and must be in the load balancer's region {REGION}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bucket": "My_Logs"}, "bucket is 'My_Logs'; accepted"),
        ({"bucket": "a..b"}, "bucket is 'a..b'; accepted"),
        ({"bucket": "192.168.5.4"}, "bucket is '192.168.5.4'; accepted"),
        ({"bucket": "logs", "prefix": "/mesh"}, "prefix is '/mesh'; accepted"),
        ({"bucket": "logs", "prefix": "mesh/AWSLogs"}, "which ELB adds itself"),
    ],
)
def test_what_s3_or_elb_would_refuse_is_refused_first(account: Account, given: dict[str, str], said: str) -> None:
    assert said in run(alb_access_logs_info, account.endpoint, **given)["msg"]


def test_an_emulated_aws_that_does_not_run_yet_is_not_looked_at() -> None:
    assert run(alb_access_logs_info, "http://127.0.0.1:9", bucket="logs", account_id=ACCOUNT)["looked"] is False
