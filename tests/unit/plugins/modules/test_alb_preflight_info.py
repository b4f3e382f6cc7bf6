# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""alb_preflight_info over HTTP: buckets to which a load balancer could not write, host names that it could not get.

What is right is said by Elastic Load Balancing's user guide, "Enable access logs for your Application Load Balancer".
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pytest
from aws_harness import REGION, Account, run

from ansible_collections.meshgate.eks_istio.plugins.modules import alb_preflight_info

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


def look(account: Account, bucket: str, *statements: dict[str, Any], prefix: str = "") -> str:
    """Why the bucket is refused; empty if it is not."""
    if statements:
        account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    found = run(alb_preflight_info, account.endpoint, access_logs={"bucket": bucket, "prefix": prefix})
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
    assert said.startswith(f"access logs: the policy of the bucket {bucket} does not allow logdelivery.elasticloadbalancing.amazonaws.com s3:PutObject")
    assert said.endswith(f"arn:aws:s3:::{bucket}/{below}AWSLogs/{ACCOUNT}/*")


def test_a_denial_wins_unless_it_is_about_insecure_transport(account: Account, bucket: str) -> None:
    insecure = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert look(account, bucket, allow(bucket), {**allow(bucket, "*", "*"), "Effect": "Deny", "Action": "s3:*", **insecure}) == ""
    assert "denies" in look(account, bucket, allow(bucket), {**allow(bucket, "*", "*"), "Effect": "Deny", "Action": "s3:*"})


def test_no_policy_no_bucket_another_region_another_key(account: Account, bucket: str) -> None:
    assert "does not allow" in look(account, bucket)
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
        ({"bucket": "My_Logs"}, "access_logs.bucket is 'My_Logs'; accepted"),
        ({"bucket": "a..b"}, "access_logs.bucket is 'a..b'; accepted"),
        ({"bucket": "192.168.5.4"}, "access_logs.bucket is '192.168.5.4'; accepted"),
        ({"bucket": "logs", "prefix": "/mesh"}, "access_logs.prefix is '/mesh'; accepted"),
        ({"bucket": "logs", "prefix": "mesh/AWSLogs"}, "which ELB adds itself"),
    ],
)
def test_what_s3_or_elb_would_refuse_is_refused_first(account: Account, given: dict[str, str], said: str) -> None:
    assert said in run(alb_preflight_info, account.endpoint, access_logs=given)["msg"]


def test_an_emulated_aws_that_does_not_run_yet_is_not_looked_at() -> None:
    asked = {"access_logs": {"bucket": "logs"}, "domain": {"host_name": "mesh.example.com", "cluster_name": "sandbox"}}
    found = run(alb_preflight_info, "http://127.0.0.1:9", **asked, account_id=ACCOUNT)
    assert found["access_logs"]["looked"] is found["domain"]["looked"] is False


def test_a_name_without_a_zone_and_a_bucket_that_is_not_there_are_said_at_once(account: Account) -> None:
    host = {"host_name": "mesh.nowhere.test", "cluster_name": "sandbox"}
    refused = run(alb_preflight_info, account.endpoint, access_logs={"bucket": "none-of-ours"}, domain=host)
    assert refused["failed"] and "the bucket none-of-ours does not exist" in refused["msg"] and "mesh.nowhere.test" in refused["msg"]
    assert "domain.host_name is 'a b'; accepted" in run(alb_preflight_info, account.endpoint, domain={**host, "host_name": "a b"})["msg"]


def test_what_a_host_name_would_need_is_said_and_nothing_is_made(account: Account) -> None:
    name = f"{uuid.uuid4().hex[:8]}.test"
    zone = account.client("route53").create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"].rsplit("/", 1)[-1]
    host = {"host_name": f"mesh.{name}", "cluster_name": "sandbox", "load_balancer_name": "sandbox-alb"}
    mark = account.mark()
    found = run(alb_preflight_info, account.endpoint, domain=host)
    assert found["domain"]["hosted_zone_id"] == zone and f"certificate mesh.{name}" in found["domain"]["actions"]
    assert found["changed"] is False and found["access_logs"] == {} and account.mutations(mark) == []
    record = {"Name": f"mesh.{name}", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.example.com"}]}
    change = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    account.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
    assert "elsewhere.example.com" in run(alb_preflight_info, account.endpoint, domain=host)["msg"]
    assert not run(alb_preflight_info, account.endpoint, domain={**host, "overwrite": True}).get("failed")
