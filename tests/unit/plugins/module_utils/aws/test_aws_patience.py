# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A call is made again while its refusal is one that passes by itself, on a clock of the test's own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws import patience
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.progress import PROGRESS_FILE

UNKNOWN = AwsError("ec2:CreateTags: no vpc-1", "InvalidVpcID.NotFound")
BUSY = AwsError("eks:DeleteCluster: Cannot delete because cluster shop currently has an update in progress", "ResourceInUseException")
HELD = AwsError("ec2:DeleteVpc: it has dependencies", "DependencyViolation")
DENIED = AwsError("ec2:DeleteVpc: you may not", "UnauthorizedOperation")


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.pauses = 0.0, list[float]()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def refuse(self, error: AwsError, seconds: float = 1e9) -> Any:
        def call(*_call: Any, **_arguments: Any) -> dict[str, Any]:
            if self.now < seconds:
                raise error
            return {"done": True}

        return call


class Aws:
    def __init__(self, call: Any) -> None:
        self.call = call


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_what_is_not_known_everywhere_yet_is_asked_again_with_growing_pauses(clock: Clock) -> None:
    assert patience.patiently(clock.refuse(UNKNOWN, 20), clock.sleep) == {"done": True}
    assert clock.pauses == sorted(clock.pauses) and clock.pauses[0] == 0.2 and clock.pauses[-1] <= 5


def test_a_refusal_that_stays_comes_as_it_was_and_in_time(clock: Clock) -> None:
    with pytest.raises(AwsError) as raised:
        patience.patiently(clock.refuse(UNKNOWN), clock.sleep)
    assert raised.value is UNKNOWN and patience.LAG <= clock.now < patience.LAG + 1
    clock.now = 0
    with pytest.raises(AwsError) as raised:
        patience.patiently(clock.refuse(DENIED), clock.sleep)
    assert raised.value is DENIED and clock.now == 0


def test_a_long_wait_says_why_and_that_a_later_run_goes_on(clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = tmp_path / "said"
    monkeypatch.setenv(PROGRESS_FILE, str(said))
    with pytest.raises(
        AwsError, match="deletion of shop: still rejected because another change is in progress: .* after 60 s; run again to keep waiting"
    ) as raised:
        patience.while_busy("deletion of shop", clock.refuse(BUSY), 60, 10)
    assert raised.value.code == "Timeout" and 60 <= clock.now < 61
    assert "deletion of shop: rejected because another change is in progress: eks:DeleteCluster" in said.read_text()


def test_what_is_held_is_deleted_later_and_what_is_gone_is_gone(clock: Clock) -> None:
    patience.delete(Aws(clock.refuse(HELD, 30)), "VPC", "ec2", "delete_vpc", 60, 10, VpcId="vpc-1")  # type: ignore[arg-type]
    assert clock.now >= 30
    patience.delete(Aws(clock.refuse(UNKNOWN)), "VPC", "ec2", "delete_vpc", 60, 10, VpcId="vpc-1")  # type: ignore[arg-type]
    with pytest.raises(AwsError, match="you may not"):
        patience.delete(Aws(clock.refuse(DENIED)), "VPC", "ec2", "delete_vpc", 60, 10, VpcId="vpc-1")  # type: ignore[arg-type]
    with pytest.raises(AwsError, match="deletion of VPC vpc-1: still in use: ec2:DeleteVpc: it has dependencies after 60 s"):
        patience.delete(Aws(clock.refuse(HELD)), "VPC", "ec2", "delete_vpc", 60, 10, VpcId="vpc-1")  # type: ignore[arg-type]
