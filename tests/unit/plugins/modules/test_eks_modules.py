# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The EKS and OIDC modules against an emulated AWS, over HTTP: create, no change, change, drift, check mode, delete, delete again."""

from __future__ import annotations

from typing import Any

import pytest
from aws_harness import Account, run

from ansible_collections.meshgate.eks_istio.plugins.modules import eks_cluster, eks_cluster_info, eks_nodegroup, iam_oidc_provider

FAST = {"wait_delay": 0.1, "wait_timeout": 20}


@pytest.fixture(scope="module")
def parts(account: Account) -> dict[str, Any]:
    return {
        "role_arn": account.role("control-plane", "eks.amazonaws.com"),
        "node_role": account.role("nodes", "ec2.amazonaws.com"),
        "subnet_ids": account.subnets(account.vpc()),
    }


def cluster(account: Account, parts: dict[str, Any], name: str, check: bool = False, **options: Any) -> dict[str, Any]:
    given = {"name": name, "role_arn": parts["role_arn"], "subnet_ids": parts["subnet_ids"], "version": "1.35", "tags": {"team": "a"}, **FAST, **options}
    return run(eks_cluster, account.endpoint, check, **{key: value for key, value in given.items() if value is not None})


def group(account: Account, parts: dict[str, Any], cluster_name: str, check: bool = False, **options: Any) -> dict[str, Any]:
    given = {
        "cluster_name": cluster_name,
        "name": "mng-arm",
        "node_role": parts["node_role"],
        "subnet_ids": parts["subnet_ids"],
        "instance_types": ["m6g.large"],
        "ami_type": "AL2023_ARM_64_STANDARD",
        "scaling_config": {"min_size": 1, "max_size": 3, "desired_size": 2},
        "labels": {"pool": "general"},
        **FAST,
        **options,
    }
    return run(eks_nodegroup, account.endpoint, check, **given)


def test_cluster_from_creation_to_deletion(account: Account, parts: dict[str, Any]) -> None:
    mark = account.mark()
    planned = cluster(account, parts, "life", check=True)
    assert planned["changed"] and planned["cluster"] == {} and planned["diff"]["after"]["version"] == "1.35"
    assert account.mutations(mark) == []

    made = cluster(account, parts, "life")
    assert made["changed"] and made["cluster"]["status"] == "ACTIVE" and made["cluster"]["tags"] == {"team": "a"}

    mark = account.mark()
    assert cluster(account, parts, "life")["changed"] is False
    assert account.mutations(mark) == []

    wanted = {
        "endpoint_private_access": True,
        "public_access_cidrs": ["203.0.113.0/24"],
        "logging": ["audit", "api"],
        "authentication_mode": "API",
        "support_type": "STANDARD",
        "tags": {"team": "b"},
    }
    planned = cluster(account, parts, "life", check=True, **wanted)
    assert planned["changed"] and planned["diff"]["before"]["logging"] == [] and planned["diff"]["after"]["logging"] == ["api", "audit"]
    assert account.mutations(mark) == []
    changed = cluster(account, parts, "life", **wanted)
    assert changed["changed"] and changed["cluster"]["tags"] == {"team": "b"}
    assert changed["cluster"]["resources_vpc_config"]["public_access_cidrs"] == ["203.0.113.0/24"]
    assert cluster(account, parts, "life", **wanted)["changed"] is False

    upgraded = cluster(account, parts, "life", version="1.36", **wanted)
    assert upgraded["changed"] and upgraded["cluster"]["version"] == "1.36"

    assert cluster(account, parts, "life", state="absent", check=True)["changed"] is True
    assert cluster(account, parts, "life", state="absent")["changed"] is True
    assert cluster(account, parts, "life", state="absent")["changed"] is False


def test_drift_is_seen_and_repaired(account: Account, parts: dict[str, Any]) -> None:
    cluster(account, parts, "drift")
    eks = account.client("eks")
    arn = eks.describe_cluster(name="drift")["cluster"]["arn"]
    eks.tag_resource(resourceArn=arn, tags={"team": "z", "mine": "1"})
    seen = cluster(account, parts, "drift", check=True)
    assert seen["changed"] and seen["diff"]["before"]["tags"]["team"] == "z"
    kept = cluster(account, parts, "drift", purge_tags=False)
    assert kept["cluster"]["tags"] == {"team": "a", "mine": "1"}
    assert cluster(account, parts, "drift")["cluster"]["tags"] == {"team": "a"}


def test_what_eks_cannot_do_is_refused_before_anything_is_changed(account: Account, parts: dict[str, Any]) -> None:
    cluster(account, parts, "stiff", service_ipv4_cidr="10.100.0.0/16")
    mark = account.mark()
    for options, said in (
        ({"version": "1.34"}, "cannot go back"),
        ({"version": "1.37"}, "one minor version at a time"),
        ({"service_ipv4_cidr": "10.200.0.0/16"}, "service_ipv4_cidr is 10.100.0.0/16, not 10.200.0.0/16"),
        ({"version": "latest"}, "version is 'latest'"),
        ({"name": "not a name"}, "name is 'not a name'"),
        ({"endpoint_public_access": False, "endpoint_private_access": False}, "no endpoint"),
    ):
        refused = cluster(account, parts, **{"name": "stiff", **options})
        assert refused.get("failed") and said in refused["msg"], refused
    assert account.mutations(mark) == []


def test_a_cluster_in_use_is_not_deleted(account: Account, parts: dict[str, Any]) -> None:
    cluster(account, parts, "used")
    group(account, parts, "used")
    refused = cluster(account, parts, "used", state="absent")
    assert refused["failed"] and "node group mng-arm" in refused["msg"]
    group(account, parts, "used", state="absent")
    cluster(account, parts, "used", deletion_protection=True)
    refused = cluster(account, parts, "used", state="absent")
    assert refused["failed"] and "deletion protection" in refused["msg"]


def test_a_missing_role_is_said_in_one_line(account: Account, parts: dict[str, Any]) -> None:
    refused = cluster(account, parts, "nobody", role_arn="arn:aws:iam::123456789012:role/nobody")
    assert refused["failed"] and "\n" not in refused["msg"] and "CreateCluster" in refused["msg"]
    incomplete = run(eks_cluster, account.endpoint, name="nobody")
    assert "role_arn and subnet_ids must be given" in incomplete["msg"]


def test_node_group_from_creation_to_deletion(account: Account, parts: dict[str, Any]) -> None:
    cluster(account, parts, "groups")
    taint = {"key": "dedicated", "value": "mesh", "effect": "NO_SCHEDULE"}
    assert group(account, parts, "groups", check=True)["changed"] is True
    made = group(account, parts, "groups", taints=[taint])
    assert made["changed"] and made["nodegroup"]["status"] == "ACTIVE" and made["nodegroup"]["labels"] == {"pool": "general"}
    mark = account.mark()
    assert group(account, parts, "groups", taints=[taint])["changed"] is False
    assert account.mutations(mark) == []

    wanted = {
        "scaling_config": {"desired_size": 3},
        "update_config": {"max_unavailable_percentage": 50},
        "labels": {"tier": "gold"},
        "taints": [{**taint, "value": "other"}, {"key": "b", "effect": "NO_EXECUTE"}],
        "tags": {"team": "a"},
    }
    planned = group(account, parts, "groups", check=True, **wanted)
    assert planned["diff"]["after"]["scaling_config"] == {"min_size": 1, "max_size": 3, "desired_size": 3}
    assert account.mutations(mark) == []
    changed = group(account, parts, "groups", **wanted)["nodegroup"]
    assert changed["labels"] == {"tier": "gold"} and changed["scaling_config"]["desired_size"] == 3 and changed["tags"] == {"team": "a"}
    assert sorted(taint["key"] for taint in changed["taints"]) == ["b", "dedicated"]
    # In another order they are the same.
    assert group(account, parts, "groups", **{**wanted, "taints": list(reversed(wanted["taints"]))})["changed"] is False
    assert group(account, parts, "groups", **{**wanted, "labels": {}, "taints": []})["nodegroup"]["labels"] == {}

    cluster(account, parts, "groups", version="1.36")
    assert group(account, parts, "groups", version="1.36")["nodegroup"]["version"] == "1.36"

    refused = group(account, parts, "groups", instance_types=["m7g.large"], disk_size=40)
    assert refused["failed"] and "instance_types is m6g.large, not m7g.large" in refused["msg"]

    assert group(account, parts, "groups", state="absent", check=True)["changed"] is True
    assert group(account, parts, "groups", state="absent")["changed"] is True
    assert group(account, parts, "groups", state="absent")["changed"] is False


def test_info_describes_clusters_with_their_groups(account: Account, parts: dict[str, Any]) -> None:
    cluster(account, parts, "seen")
    group(account, parts, "seen")
    found = run(eks_cluster_info, account.endpoint, name="seen")["clusters"]
    assert [entry["nodegroup_name"] for entry in found[0]["nodegroups"]] == ["mng-arm"]
    assert run(eks_cluster_info, account.endpoint, name="unseen")["clusters"] == []
    assert "seen" in [entry["name"] for entry in run(eks_cluster_info, account.endpoint)["clusters"]]


def test_oidc_provider_from_creation_to_deletion(account: Account) -> None:
    url = "https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
    planned = run(iam_oidc_provider, account.endpoint, check=True, url=url)
    assert planned["changed"] and planned["arn"] == ""
    made = run(iam_oidc_provider, account.endpoint, url=url, tags={"team": "a"})
    assert made["changed"] and made["arn"].endswith("oidc-provider/" + url.removeprefix("https://"))
    mark = account.mark()
    assert run(iam_oidc_provider, account.endpoint, url=url + "/", tags={"team": "a"})["changed"] is False
    assert account.mutations(mark) == []
    wanted = {"url": url, "client_ids": ["sts.amazonaws.com", "sigstore"], "thumbprints": ["9" * 40], "tags": {"team": "b"}}
    assert run(iam_oidc_provider, account.endpoint, check=True, **wanted)["diff"]["after"]["client_ids"] == ["sigstore", "sts.amazonaws.com"]
    changed = run(iam_oidc_provider, account.endpoint, **wanted)
    assert changed["provider"]["client_ids"] == ["sigstore", "sts.amazonaws.com"] and changed["provider"]["thumbprints"] == ["9" * 40]
    assert changed["provider"]["tags"] == {"team": "b"}
    assert run(iam_oidc_provider, account.endpoint, **wanted)["changed"] is False
    assert run(iam_oidc_provider, account.endpoint, url=url, state="absent")["changed"] is True
    assert run(iam_oidc_provider, account.endpoint, url=url, state="absent")["changed"] is False
    assert "issuer" in run(iam_oidc_provider, account.endpoint, url="http://no")["msg"]


def test_an_endpoint_where_nobody_answers_is_one_line() -> None:
    said = run(eks_cluster_info, "http://127.0.0.1:1", name="any")
    assert said["failed"] and said["msg"] == "eks:DescribeCluster: nothing answers at http://127.0.0.1:1/clusters/any"
