# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What roles are called: apart in every region, short enough for IAM, and for ever what a live cluster names."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import global_name, old_global_name
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import role_references as aws_references
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.inputs import ROLE_NAME
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.role_names import role_names

ACCOUNT = "123456789012"
GIVEN = {"name": "sandbox", "region": "us-west-2"}
CONTROLLER = "aws-load-balancer-controller"
OURS = {"meshgate.io/cluster": "sandbox"}


@pytest.mark.parametrize("length", [1, 20, 21, 35, 36, 100])
@pytest.mark.parametrize("purpose", ["eks-cluster", "eks-node", CONTROLLER])
def test_every_account_region_and_cluster_has_names_of_its_own(length: int, purpose: str) -> None:
    # Alike up to their last letter, which is cut where the name is long.
    clusters, regions, accounts = ["x" * (length - 1) + last for last in "ab"], ["us-west-2", "ap-southeast-2", "us-gov-west-1"], [ACCOUNT, "210987654321"]
    names = {(region, cluster): global_name(ACCOUNT, region, cluster, purpose) for region, cluster in itertools.product(regions, clusters)}
    assert len(set(names.values())) == len(names)
    for (region, cluster), name in names.items():
        assert ROLE_NAME.fullmatch(name) and name.endswith(purpose) and name == global_name(ACCOUNT, region, cluster, purpose)
        whole = f"{cluster}-{region}-{purpose}"
        assert name == whole if len(whole) <= 64 else len({global_name(account, region, cluster, purpose) for account in accounts}) == 2


def test_a_short_name_says_cluster_and_region_and_a_long_one_as_much_as_fits() -> None:
    assert global_name(ACCOUNT, "us-west-2", "sandbox", CONTROLLER) == "sandbox-us-west-2-aws-load-balancer-controller"
    # 20 letters fit beside the longest regions, 21 do not.
    assert global_name(ACCOUNT, "ap-southeast-2", "c" * 20, CONTROLLER) == f"{'c' * 20}-ap-southeast-2-{CONTROLLER}"
    cut = global_name(ACCOUNT, "ap-southeast-2", "c" * 21, CONTROLLER)
    assert cut.startswith("c" * 21 + "-") and "southeast" not in cut
    assert len(global_name(ACCOUNT, "us-west-2", "c" * 100, CONTROLLER)) == 64
    assert old_global_name("c" * 35, CONTROLLER) == f"{'c' * 35}-{CONTROLLER}" and old_global_name("c" * 36, CONTROLLER) == ""


def test_what_the_live_cluster_and_its_node_groups_name_stays() -> None:
    cluster = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/platform/sandbox-eks-cluster", "tags": OURS, "status": "ACTIVE"}
    groups = {"b": {"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/sandbox-eks-node", "tags": OURS}, "a": {"nodeRole": "arn:aws:iam::1:role/theirs", "tags": {}}}
    assert role_names(GIVEN, ACCOUNT, None, {}) == ("sandbox-us-west-2-eks-cluster", "sandbox-us-west-2-eks-node")
    assert role_names(GIVEN, ACCOUNT, cluster, groups) == ("sandbox-eks-cluster", "sandbox-eks-node")
    said = {"role_name": "platform-plane", "node_role_name": "platform-nodes"}
    assert role_names({**GIVEN, **said}, ACCOUNT, cluster, groups) == ("platform-plane", "platform-nodes")
    # Somebody else's cluster, and one that goes, say nothing; an adopted one does.
    for other in ({**cluster, "tags": {}}, {**cluster, "status": "DELETING"}):
        assert role_names(GIVEN, ACCOUNT, other, {})[0] == "sandbox-us-west-2-eks-cluster"
    assert role_names({**GIVEN, "adopt": True}, ACCOUNT, {**cluster, "tags": {}}, {})[0] == "sandbox-eks-cluster"


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF", "eu-west-1"),
        ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/ABC", "cn-north-1"),
        # EKS user guide, "Public and private hostnames": oidc-eks.<region>.api.aws for clusters that speak IPv6, too.
        ("https://oidc-eks.us-west-2.api.aws/id/ABC", "us-west-2"),
        ("arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com", ""),
    ],
)
def test_an_issuers_address_says_its_region(text: str, region: str) -> None:
    assert aws_references.issuer_region(text) == region
