# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A routine run of role eks_cluster on a cluster that somebody hardened by hand: nothing is weakened, and what an explicit value would weaken is marked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloud import Cloud
from eks_parts import until


def harden(aws: Cloud) -> None:
    eks = aws.client("eks")
    for change in (
        {"logging": {"clusterLogging": [{"types": ["api", "audit", "authenticator", "scheduler"], "enabled": True}]}},
        {"deletionProtection": True},
        {"resourcesVpcConfig": {"endpointPublicAccess": True, "endpointPrivateAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}},
    ):
        update = eks.update_cluster_config(name="sandbox", **change)["update"]["id"]
        until(lambda update=update: eks.describe_update(name="sandbox", updateId=update)["update"]["status"], "Successful")


@pytest.mark.slow
def test_a_routine_run_weakens_nothing(aws: Cloud) -> None:
    aws.role("eks_cluster")
    harden(aws)
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName="sandbox-us-west-2-eks-node", PolicyName="extra", PolicyDocument=document)
    mark = aws.mark()
    would = aws.role("eks_cluster", check=True)
    assert not would.changed and "IAM role sandbox-us-west-2-eks-node has the inline policy extra, which is not configured here" in str(would.tasks)
    assert not aws.role("eks_cluster").changed
    assert aws.mutations(mark) == []

    weaker: dict[str, Any] = {"eks_cluster_logging": ["audit"], "eks_cluster_deletion_protection": False, "eks_cluster_public_access_cidrs": ["0.0.0.0/0"]}
    said = str(aws.role("eks_cluster", check=True, **weaker).tasks)
    for line in ("WEAKENS logging: api, audit, authenticator, scheduler -> audit", "WEAKENS deletion_protection: True -> False"):
        assert line in said, line
    assert "WEAKENS public_access_cidrs: 203.0.113.0/24 -> 0.0.0.0/0" in said
    aws.role("eks_cluster", **weaker)
    found = aws.client("eks").describe_cluster(name="sandbox")["cluster"]
    assert found["deletionProtection"] is False and found["resourcesVpcConfig"]["publicAccessCidrs"] == ["0.0.0.0/0"]
    assert not aws.role("eks_cluster").changed
