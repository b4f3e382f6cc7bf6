# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The operator policy, and which actions of it calls are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

POLICY = json.loads((Path(__file__).resolve().parents[2] / "roles/eks_cluster/files/operator_policy.json").read_text())
ALLOWED = {action for statement in POLICY["Statement"] for action in statement["Action"]}
# Service Authorization Reference: operations whose action has another name.
NAMES = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    # The prefix of the Resource Groups Tagging API's actions is not the name that its requests are signed for.
    "tagging:GetResources": "tag:GetResources",
}
# API reference, GetCallerIdentity: "No permissions are required to perform this operation".
FREE = {"sts:GetCallerIdentity"}


def missing(calls: Iterable[str]) -> list[str]:
    """Actions of these calls that the policy does not have."""
    return sorted({NAMES.get(call, call) for call in calls} - ALLOWED - FREE)
