# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Two runs that want the same of a cluster: the second one finds EKS busy with it, though DescribeCluster does not say so yet."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import cluster

BUSY = AwsError("eks:UpdateClusterConfig: Cannot ZonalShiftConfigUpdate because cluster shop currently has update 1 in progress", "ResourceInUseException")
NOTHING_TO_DO = AwsError("eks:UpdateClusterConfig: No changes needed for the zonalShiftConfig config provided", "InvalidParameterException")


class Eks:
    """A cluster whose zonal shift another run has begun to switch on; `log` has what EKS took from us."""

    def __init__(self, zonal_shift: bool = False) -> None:
        self.live: dict[str, Any] = {"name": "shop", "arn": "arn", "status": "ACTIVE", "zonalShiftConfig": {"enabled": zonal_shift}}
        self.answers: list[AwsError] = [BUSY]
        self.log: list[str] = []

    def sleep(self, _seconds: float) -> None:
        pass

    def find(self, *_call: str, **_arguments: str) -> dict[str, Any]:
        return self.live

    def call(self, _service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        if operation == "describe_update":
            return {"update": {"id": "2", "status": "Successful"}}
        if "zonalShiftConfig" in arguments:
            if self.answers:
                raise self.answers.pop()
            self.live["zonalShiftConfig"] = {"enabled": True}
            raise NOTHING_TO_DO
        self.log.append(next(key for key in arguments if key != "name"))
        if "deletionProtection" in arguments:
            self.live["deletionProtection"] = True
        return {"update": {"id": "2"}}


def change(eks: Eks, **wanted: Any) -> cluster.Plan:
    def compare(live: dict[str, Any]) -> cluster.Plan:
        return cluster.plan_cluster(live, {"name": "shop", **wanted})

    return cluster.apply_or_join(eks, dict(eks.live), compare(eks.live), compare, timeout=5, delay=0.01)  # type: ignore[arg-type]


def test_what_another_run_has_begun_is_no_change_of_ours() -> None:
    assert change(Eks(), zonal_shift=True).changed is False


def test_what_is_left_beside_it_is_made() -> None:
    eks = Eks()
    plan = change(eks, zonal_shift=True, deletion_protection=True)
    assert plan.changed and [update.name for update in plan.updates] == ["deletion protection"] and eks.log == ["deletionProtection"]


def test_what_eks_refuses_for_good_is_said() -> None:
    eks = Eks()
    eks.answers = [AwsError("eks:UpdateClusterConfig: not in this region", "InvalidParameterException")]
    with pytest.raises(AwsError, match="not in this region"):
        change(eks, zonal_shift=True)
