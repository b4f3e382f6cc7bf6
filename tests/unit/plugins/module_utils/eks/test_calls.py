# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""How long is waited for what AWS does not know yet, on a clock of the test's own; that it is waited for at all is in tests/aws/real_answers.py."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.patience import is_busy
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import calls as eks_calls

ROLE = "arn:aws:iam::123456789012:role/nodes"
REFUSAL = AwsError("eks:CreateNodegroup: Role with arn: " + ROLE + ", could not be assumed because it does not exist", "InvalidParameterException")


class Clock:
    """An Aws that knows a role's and a subnet's age, and whose pauses pass at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, role_age: float = 1.0, subnets: bool = True) -> None:
        self.now, self.role_age, self.subnets, self.tries = 0.0, role_age, subnets, 0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def find(self, *_call: str, **_arguments: str) -> dict[str, Any]:
        return {"CreateDate": datetime.now(UTC) - timedelta(seconds=self.role_age)}

    def call(self, _service: str, operation: str, **_arguments: Any) -> dict[str, Any]:
        if not self.subnets:
            raise AwsError("ec2:DescribeSubnets: does not exist", "InvalidSubnetID.NotFound")
        return {"Subnets": [{}]} if operation == "describe_subnets" else {"SecurityGroups": [{}]}

    def refuse_for(self, seconds: float, refusal: AwsError) -> Any:
        def call() -> str:
            self.tries += 1
            if self.now < seconds:
                raise refusal
            return "taken"

        return call


def test_a_young_role_is_waited_for_as_long_as_terraform_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert eks_calls.with_young_role(clock, ROLE, clock.refuse_for(110, REFUSAL)) == "taken"  # type: ignore[arg-type]
    with pytest.raises(AwsError, match="could not be assumed"):
        eks_calls.with_young_role(clock, ROLE, clock.refuse_for(1000, REFUSAL))  # type: ignore[arg-type]
    assert 230 < clock.now < 260


def test_an_old_role_that_is_wrong_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, role_age=600)
    with pytest.raises(AwsError, match="could not be assumed"):
        eks_calls.with_young_role(clock, ROLE, clock.refuse_for(5, REFUSAL))  # type: ignore[arg-type]
    assert clock.tries == 1


@pytest.mark.parametrize("thing", ["subnet ID 'subnet-034d34afe1d9e29e6'", "security group 'sg-034d34afe1d9e29e6'"])
def test_what_ec2_knows_is_waited_for(monkeypatch: pytest.MonkeyPatch, thing: str) -> None:
    unknown = AwsError(f"eks:CreateCluster: The {thing} does not exist", "InvalidParameterException")
    clock = Clock(monkeypatch)
    assert eks_calls.with_young_network(clock, clock.refuse_for(60, unknown)) == "taken"  # type: ignore[arg-type]
    gone = Clock(monkeypatch, subnets=False)
    with pytest.raises(AwsError, match="does not exist"):
        eks_calls.with_young_network(gone, gone.refuse_for(60, unknown))  # type: ignore[arg-type]
    assert gone.tries == 1


@pytest.mark.parametrize(
    ("text", "code", "busy"),
    [
        ("Cannot LoggingUpdate because cluster box currently has update 4-5 in progress", "ResourceInUseException", True),
        ("Cluster 'box' is not in ACTIVE status", "InvalidRequestException", True),
        ("Nodegroup cannot be updated as it is currently not in Active State", "ResourceInUseException", True),
        ("Addon vpc-cni cannot be updated as it is currently in DELETING state", "ResourceInUseException", True),
        ("Addon vpc-cni cannot be updated as it is currently in CREATE_FAILED state", "ResourceInUseException", False),
        ("Cluster has nodegroups attached", "ResourceInUseException", False),
        ("The specified access entry resource is already in use on this cluster.", "ResourceInUseException", False),
        ("an upload is in progress", "InvalidParameterException", False),
    ],
)
def test_what_passes_by_itself(text: str, code: str, busy: bool) -> None:
    assert is_busy(AwsError(f"eks:Call: {text} ({code})", code)) is busy
