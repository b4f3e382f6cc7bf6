# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a removal does to the marks in IAM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import OWNER_TAG, Owner
from ansible_collections.meshgate.eks_istio.plugins.module_utils.teardown import iam as aws_leftovers_iam
from ansible_collections.meshgate.eks_istio.plugins.module_utils.teardown.found import Found

OWNER = Owner("sandbox", "us-west-2")
POLICY = json.loads((Path(__file__).parents[5] / "roles/eks_cluster/files/operator_policy.json").read_text(encoding="utf-8"))


class Account:
    """Takes tagging calls, and notes them."""

    def __init__(self) -> None:
        self.tagged: dict[str, dict[str, str]] = {}

    def run_parallel(self, *calls: Any) -> list[Any]:
        return [call() for call in calls]

    def find(self, _service: str, operation: str, _key: str, **arguments: Any) -> dict[str, Any]:
        self.tagged[operation] = {tag["Key"]: tag["Value"] for tag in arguments["Tags"]}
        return {}


def test_the_mark_of_before_is_made_whole_by_a_call_that_the_operator_may_make() -> None:
    """IAM decides by the tags of the call itself (aws:RequestTag), whatever the role has already."""
    statements = [entry for entry in POLICY["Statement"] if "iam:TagRole" in entry["Action"]]
    assert [entry["Condition"] for entry in statements] == [{"StringLike": {f"aws:RequestTag/{OWNER_TAG}": ["*"]}}]
    account, old = Account(), {"tags": {OWNER_TAG: "sandbox"}}
    ours = [Found("IAM role", "sandbox-eks-node", "", owned=True, raw=old), Found("IAM policy", "arn:aws:iam::123456789012:policy/p", "", owned=True, raw=old)]
    aws_leftovers_iam.mark(account, OWNER, ours)  # type: ignore[arg-type]
    assert account.tagged == {"tag_role": OWNER.marks(), "tag_policy": OWNER.marks()}
