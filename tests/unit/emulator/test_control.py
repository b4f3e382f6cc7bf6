# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The control API, the request log, and the services that answer at the edge of what moto has."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request

import pytest
from aws_rig import ACCOUNT, REGION, start
from botocore.exceptions import ClientError


def test_health(aws) -> None:
    health = aws.control("GET", "health")
    assert (health["status"], health["moto"]) == ("ok", "5.2.5")


def test_time_can_be_made_to_pass(aws) -> None:
    first, second = (aws.control("POST", "clock", {"advance": 3600})["now"] for _unused in range(2))
    assert 3600 <= second - first < 3660
    with pytest.raises(urllib.error.HTTPError):
        aws.control("POST", "clock", {"advance": -1})


def test_unknown_things_are_said_to_be_unknown(aws) -> None:
    for method, path in (("GET", "clusters/absent"), ("GET", "nothing"), ("DELETE", "health")):
        with pytest.raises(urllib.error.HTTPError) as caught:
            aws.control(method, path)
        assert caught.value.code == 404


def test_bad_reports_are_refused(aws) -> None:
    for body in ({}, {"targets": [{"target_group_arn": "a", "id": "1", "port": 1, "state": "superb"}]}):
        with pytest.raises(urllib.error.HTTPError) as caught:
            aws.control("POST", "alb/health", body)
        assert caught.value.code == 400


def test_requests_are_logged_with_service_action_and_principal(aws, name) -> None:
    since = aws.control("GET", "requests")["next"]
    aws.client("iam").create_user(UserName=name)
    aws.client("eks").list_clusters()
    aws.client("resourcegroupstaggingapi").get_resources()
    aws.client("shield").get_subscription_state()
    with pytest.raises(ClientError):
        aws.client("eks").delete_cluster(name="absent")
    key = aws.client("iam").create_access_key(UserName=name)["AccessKey"]
    aws.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]).get_caller_identity()
    log = aws.control("GET", f"requests?since={since}")
    seen = [(r["service"], r["action"], r["mutating"], r["status"]) for r in log["requests"]]
    assert seen == [
        ("iam", "CreateUser", True, 200),
        ("eks", "ListClusters", False, 200),
        ("tag", "GetResources", False, 200),
        ("shield", "GetSubscriptionState", False, 200),
        ("eks", "DeleteCluster", True, 404),
        ("iam", "CreateAccessKey", True, 200),
        ("sts", "GetCallerIdentity", False, 200),
    ]
    assert [r["n"] for r in log["requests"]] == list(range(since, log["next"]))
    assert log["requests"][0]["principal"] == f"arn:aws:iam::{ACCOUNT}:user/moto"
    assert log["requests"][-1]["principal"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    assert "Boto3" in log["requests"][0]["user_agent"]


def test_shield_is_not_subscribed(aws) -> None:
    # Shield API reference, GetSubscriptionState: ACTIVE or INACTIVE.
    assert aws.client("shield").get_subscription_state()["SubscriptionState"] == "INACTIVE"


def test_no_web_acl_is_associated(aws) -> None:
    # WAFV2 and WAF Regional API references, GetWebACLForResource: no WebACL in the answer when there is none.
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/x/0123456789abcdef"
    assert not aws.client("wafv2").get_web_acl_for_resource(ResourceArn=arn).get("WebACL")
    assert not aws.client("waf-regional").get_web_acl_for_resource(ResourceArn=arn).get("WebACLSummary")


def test_what_moto_lacks_is_refused_at_once(aws) -> None:
    # A 5xx would be retried by every SDK, for minutes. One call of each protocol: JSON, query, EC2, and a service that does not exist.
    calls = [
        (aws.client("shield").describe_attack_statistics, {}),
        (aws.client("elbv2").describe_trust_store_associations, {"TrustStoreArn": "arn"}),
        (aws.client("ec2").describe_aws_network_performance_metric_subscriptions, {}),
        (aws.client("globalaccelerator").list_accelerators, {}),
    ]
    for call, parameters in calls:
        with pytest.raises(ClientError) as caught:
            call(**parameters)
        answer = caught.value.response
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (400, "NotImplemented"), call


def test_the_server_starts_fast_and_stops_on_sigterm() -> None:
    before = time.monotonic()
    process, url = start()
    try:
        with urllib.request.urlopen(f"{url}/_meshgate/health", timeout=5) as answer:
            assert answer.status == 200
        assert time.monotonic() - before < 60  # a second on an idle machine
    finally:
        process.terminate()
    try:
        # At once, although the thread that preloads is at work: an orderly exit took 7 s beside three others.
        assert process.wait(5) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        raise
