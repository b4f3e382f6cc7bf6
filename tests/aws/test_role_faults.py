# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role eks_cluster as a whole on bad days, stopped at each of its calls: it goes on, or says why and the next run goes on, or teardown leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from cloud import QUICK, Cloud
from fault_proxy import FaultProxy
from nursery import Nursery
from test_fault_matrix import compared

pytestmark = pytest.mark.xdist_group("role")
EXPIRED = "credentials have expired"
# Every call by which the role changes an empty account. The first test compares it with what the role does.
CALLS = [
    "ec2:AllocateAddress",
    "ec2:AssociateRouteTable",
    "ec2:AttachInternetGateway",
    "ec2:CreateInternetGateway",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateNatGateway",
    "ec2:CreateRoute",
    "ec2:CreateRouteTable",
    "ec2:CreateSubnet",
    "ec2:CreateVpc",
    "ec2:DeleteTags",
    "ec2:ModifySubnetAttribute",
    "ec2:ModifyVpcAttribute",
    "eks:CreateAddon",
    "eks:CreateCluster",
    "eks:CreateNodegroup",
    "iam:AttachRolePolicy",
    "iam:CreateOpenIDConnectProvider",
    "iam:CreateRole",
    "logs:CreateLogGroup",
    "logs:PutRetentionPolicy",
    "logs:UntagResource",
]
# One day on which everything goes wrong that a run can survive.
BAD_DAY = [
    ("throttled", "ec2:DescribeVpcs"),
    ("throttled", "iam:CreateRole"),
    ("unseen", "ec2:CreateVpc"),
    ("dropped_after", "ec2:AllocateAddress"),
    ("dropped_after", "ec2:CreateInternetGateway"),
    ("error_500", "ec2:CreateSubnet"),
    ("unseen", "ec2:CreateRouteTable"),
    ("dropped_after", "ec2:CreateNatGateway"),
    ("error_500", "ec2:CreateRoute"),
    ("dropped_before", "iam:AttachRolePolicy"),
    ("dropped_after", "eks:CreateCluster"),
    ("error_500", "eks:DescribeCluster"),
    ("dropped_after", "iam:CreateOpenIDConnectProvider"),
    ("throttled", "eks:CreateAddon"),
    ("dropped_after", "eks:CreateNodegroup"),
    ("dropped_before", "eks:DescribeNodegroup"),
]


@pytest.fixture(scope="module")
def expected(nursery: Nursery, proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The account after a run on a good day."""
    with nursery.account(**QUICK) as endpoint:
        aws = Cloud(endpoint, proxy, tmp_path_factory.mktemp("good"))
        aws.role("eks_cluster")
        assert sorted(set(proxy.mutations())) == CALLS
        return aws.picture()


@pytest.mark.slow
def test_a_bad_day_is_survived(aws: Cloud, expected: dict[str, list[str]]) -> None:
    for kind, call in BAD_DAY:
        aws.faults.inject(kind, call, times=2 if kind in ("throttled", "unseen") else 1)
    aws.role("eks_cluster")
    assert {call.fault for call in aws.faults.calls} >= {kind for kind, _call in BAD_DAY}
    assert not compared(expected, aws.picture())
    assert aws.role("eks_cluster").changed == 0
    # A client that is not ours sees it, too.
    assert aws.aws_cli("eks", "list-clusters") == {"clusters": ["sandbox"]}


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_a_stopped_run_says_why_and_the_next_goes_on(aws: Cloud, expected: dict[str, list[str]], call: str) -> None:
    before = aws.contents()
    aws.faults.inject("expired", call)
    stopped = aws.role("eks_cluster", ok=False)
    assert stopped.code != 0 and EXPIRED in stopped.failures(), stopped.failures()
    aws.faults.reset()
    aws.role("eks_cluster")
    assert not compared(expected, aws.picture())
    aws.role("eks_cluster", tasks_from="remove")
    assert aws.contents() == before


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_teardown_of_a_stopped_run_leaves_nothing(aws: Cloud, call: str) -> None:
    before = aws.contents()
    aws.faults.inject("expired", call)
    assert aws.role("eks_cluster", ok=False).code != 0
    aws.faults.reset()
    aws.role("eks_cluster", tasks_from="remove")
    assert aws.contents() == before


@pytest.mark.slow
@pytest.mark.parametrize("call", ["eks:DeleteCluster", "ec2:DeleteNatGateway", "ec2:DeleteSubnet", "iam:DeleteRole"])
def test_a_stopped_teardown_goes_on(aws: Cloud, call: str, tmp_path: Path) -> None:
    before = aws.contents()
    aws.role("eks_cluster")
    aws.faults.inject("expired", call)
    stopped = aws.role("eks_cluster", tasks_from="remove", ok=False)
    assert stopped.code != 0 and EXPIRED in stopped.failures(), stopped.failures()
    aws.faults.reset()
    aws.role("eks_cluster", tasks_from="remove")
    assert aws.contents() == before
