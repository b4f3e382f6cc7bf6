# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which policies the nodes' role gets, whatever a stopped run has left of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.iam import node_policies
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.policies import NEEDED_POLICIES, NODE_POLICIES, SSM_POLICY

PREFIX = "arn:aws:iam::aws:policy/"
NEEDED = [f"{PREFIX}{name}" for name in NODE_POLICIES]
SSM = f"{PREFIX}{SSM_POLICY}"


@pytest.mark.parametrize(
    ("live", "said", "ssm"),
    [
        (None, {}, True),
        ({"Policies": []}, {}, True),  # stopped before the first policy
        ({"Policies": NEEDED[:1]}, {}, True),  # and between two
        ({"Policies": NEEDED}, {}, False),  # finished, and somebody took it away
        ({"Policies": [*NEEDED, SSM]}, {}, True),
        ({"Policies": [*NEEDED, SSM]}, {"node_ssm": False}, False),
        ({"Policies": NEEDED}, {"node_ssm": True}, True),
    ],
)
def test_a_role_that_is_not_finished_becomes_what_a_new_one_is(live: dict[str, Any] | None, said: dict[str, Any], ssm: bool) -> None:
    found = node_policies(said, PREFIX, live)
    assert set(NEEDED) <= found
    assert (SSM in found) is ssm


def test_what_eks_needs_is_known_where_policies_are_attached() -> None:
    """It is attached last, so that a role which has it all is finished."""
    assert all(arn.endswith(NEEDED_POLICIES) for arn in NEEDED) and not SSM.endswith(NEEDED_POLICIES)
