# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Bad credentials are said in one line, before anything is done."""

from __future__ import annotations

import pytest
from cloud import Cloud

NONE = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None, "AWS_PROFILE": None}


def said(aws: Cloud, **more) -> str:
    run = aws.role("eks_cluster", ok=False, **more)
    assert run.code != 0
    assert aws.faults.mutations() == []
    (failed,) = [line for line in run.failures().splitlines() if line.strip()]
    return failed


def test_none(aws: Cloud) -> None:
    assert "no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said(aws, environment=NONE)


def test_a_profile_that_is_not_there(aws: Cloud) -> None:
    line = said(aws, environment={**NONE, "AWS_PROFILE": "nobody"})
    assert "nobody" in line and "could not be found" in line


@pytest.mark.parametrize("action", ["main", "remove"])
def test_expired(aws: Cloud, action: str) -> None:
    for call in ("sts:GetCallerIdentity", "eks:DescribeCluster", "eks:ListClusters", "ec2:DescribeVpcs", "ec2:DescribeAvailabilityZones"):
        aws.faults.inject("expired", call)
    assert "the AWS credentials have expired" in said(aws, tasks_from=action)


def test_of_another_account(aws: Cloud) -> None:
    line = said(aws, eks_cluster_expected_account_id="999999999999")
    assert "123456789012" in line and "999999999999" in line
