# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module eks_cluster against an emulated AWS, over HTTP: each update, upgrades with EKS's insights, deletion with what belongs to a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from aws_harness import Account, run
from eks_parts import FAST, Parts, until

from ansible_collections.meshgate.eks_istio.plugins.modules import eks_cluster, eks_cluster_info

KEY = "arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def parts(account: Account) -> Parts:
    return Parts(account)


def cluster(account: Account, name: str, check: bool = False, **options: Any) -> dict[str, Any]:
    return run(eks_cluster, account.endpoint, check, **{"name": name, **FAST, **options})


def test_every_update_is_seen_made_and_then_none(account: Account, parts: Parts) -> None:
    name = parts.cluster("cluster-updates")
    group = account.client("ec2").create_security_group(GroupName="extra", Description="x", VpcId=parts.vpc_id)["GroupId"]
    for options, before in (
        ({"endpoint_private_access": True}, {"endpoint_private_access": False}),
        ({"public_access_cidrs": ["203.0.113.0/24"]}, {"public_access_cidrs": ["0.0.0.0/0"]}),
        ({"endpoint_public_access": False}, {"endpoint_public_access": True}),
        ({"security_group_ids": [group]}, {"security_group_ids": []}),
        ({"logging": ["api", "audit"]}, {"logging": []}),
        ({"logging": []}, {"logging": ["api", "audit"]}),
        ({"support_type": "STANDARD"}, {"support_type": "EXTENDED"}),
        ({"zonal_shift": True}, {"zonal_shift": False}),
        ({"authentication_mode": "API"}, {"authentication_mode": "API_AND_CONFIG_MAP"}),
        ({"encryption_key_arn": KEY}, {"encryption_key_arn": None}),
        ({"remote_node_networks": ["10.200.0.0/16"]}, {"remote_node_networks": []}),
        ({"remote_node_networks": []}, {"remote_node_networks": ["10.200.0.0/16"]}),
        ({"deletion_protection": True}, {"deletion_protection": False}),
        ({"tags": {"team": "a"}}, {"tags": {}}),
    ):
        mark = account.mark()
        planned = cluster(account, name, check=True, **options)
        assert planned["changed"] and planned["diff"] == {"before": before, "after": options}, planned
        assert account.mutations(mark) == []
        assert cluster(account, name, **options)["changed"] is True
        mark = account.mark()
        assert cluster(account, name, **options)["changed"] is False, options
        assert account.mutations(mark) == []


def test_an_upgrade_reads_the_insights_before(account: Account, parts: Parts) -> None:
    name = parts.cluster("cluster-insight", version="1.35")
    insight = {
        "name": "Deprecated APIs removed in Kubernetes v1.36",
        "status": "ERROR",
        "reason": "Deprecated API usage detected.",
        "kubernetesVersion": "1.36",
        "recommendation": "Update manifests and API clients.",
    }
    account.control("PUT", f"clusters/{name}/insights", {"insights": [insight]})
    mark = account.mark()
    for check in (True, False):
        refused = cluster(account, name, check, version="1.36")
        assert refused["failed"] and "Deprecated APIs removed in Kubernetes v1.36: Deprecated API usage detected. (Update manifests" in refused["msg"]
        assert "force_upgrade" in refused["msg"] and "\n" not in refused["msg"]
    assert account.mutations(mark) == []
    found = run(eks_cluster_info, account.endpoint, name=name, insights=True)["clusters"][0]["insights"]
    assert [entry["insight_status"]["status"] for entry in found if entry["name"] == insight["name"]] == ["ERROR"]

    forced = cluster(account, name, version="1.36", force_upgrade=True)
    assert forced["changed"] and forced["cluster"]["version"] == "1.36" and "despite: " in str(forced["warnings"])


def test_a_warning_does_not_stop_an_upgrade(account: Account, parts: Parts) -> None:
    name = parts.cluster("cluster-warning", version="1.35")
    insight = {"name": "kube-proxy version skew", "status": "WARNING", "reason": "kube-proxy is old.", "kubernetesVersion": "1.36"}
    account.control("PUT", f"clusters/{name}/insights", {"insights": [insight]})
    planned = cluster(account, name, check=True, version="1.36")
    assert planned["updates"] == ["Kubernetes 1.36"] and "kube-proxy is old." in str(planned["warnings"])
    upgraded = cluster(account, name, version="1.36")
    assert upgraded["cluster"]["version"] == "1.36" and cluster(account, name, version="1.36")["changed"] is False


def test_nodes_may_be_three_minors_older_and_no_more(account: Account, parts: Parts) -> None:
    name = parts.cluster("cluster-skew", version="1.32")
    parts.nodes(name, "old", instanceTypes=["m6i.large"])
    for version in ("1.33", "1.34", "1.35"):
        assert cluster(account, name, version=version)["cluster"]["version"] == version
    mark = account.mark()
    refused = cluster(account, name, version="1.36")
    assert refused["failed"] and "node group old (1.32) would be more than 3 minor versions older" in refused["msg"]
    assert account.mutations(mark) == []


def test_a_cluster_is_deleted_with_what_belongs_to_it_only_when_told(account: Account, parts: Parts) -> None:
    name = parts.cluster("cluster-full", deletionProtection=True)
    parts.nodes(name)
    eks = parts.eks
    eks.create_addon(clusterName=name, addonName="vpc-cni")
    role = account.role("fargate", "eks-fargate-pods.amazonaws.com")
    for profile in ("f", "g"):
        given = {"clusterName": name, "fargateProfileName": profile}
        eks.create_fargate_profile(**given, podExecutionRoleArn=role, selectors=[{"namespace": profile}], subnets=parts.subnet_ids)
        until(lambda given=given: eks.describe_fargate_profile(**given)["fargateProfile"]["status"], "ACTIVE")
    mark = account.mark()
    refused = cluster(account, name, state="absent")
    assert "in use by node group n, Fargate profile f, Fargate profile g, add-on vpc-cni; delete them first" in refused["msg"]
    refused = cluster(account, name, state="absent", delete_dependents=True)
    assert "deletion protection" in refused["msg"]
    told = {"state": "absent", "delete_dependents": True, "deletion_protection": False}
    planned = cluster(account, name, check=True, **told)
    assert planned["changed"] and "node group n" in planned["diff"]["before"]["dependents"]
    assert account.mutations(mark) == []
    assert cluster(account, name, **told)["changed"] is True
    assert cluster(account, name, **told)["changed"] is False
    assert name not in eks.list_clusters()["clusters"]


def test_a_creation_that_was_not_awaited_is_awaited_by_the_next_run(account: Account, parts: Parts) -> None:
    options = {"role_arn": parts.role_arn, "subnet_ids": parts.subnet_ids, "version": "1.36"}
    made = cluster(account, "cluster-begun", wait=False, **options)
    assert made["changed"] and made["cluster"]["status"] in ("CREATING", "ACTIVE")
    same = cluster(account, "cluster-begun", **options)
    assert same["changed"] is False and same["cluster"]["status"] == "ACTIVE"
    two = {**options, "logging": ["audit"], "zonal_shift": True}
    assert cluster(account, "cluster-begun", wait=False, **two)["changed"] is True
    same = cluster(account, "cluster-begun", **two)
    assert same["changed"] is False and same["cluster"]["status"] == "ACTIVE" and same["cluster"]["zonal_shift_config"] == {"enabled": True}
    parts.eks.delete_cluster(name="cluster-begun")
    assert cluster(account, "cluster-begun", **options)["cluster"]["status"] == "ACTIVE"
    until(lambda: parts.eks.describe_cluster(name="cluster-begun")["cluster"]["status"], "ACTIVE")


def test_what_aws_documents_as_a_limit_is_refused_first(account: Account, parts: Parts) -> None:
    given = {"role_arn": parts.role_arn, "subnet_ids": parts.subnet_ids}
    mark = account.mark()
    for options, said in (
        ({"name": "x" * 101}, "1 to 100 letters"),
        ({"version": "1.36.1"}, "version is '1.36.1'"),
        ({"role_arn": "admin"}, "role_arn is 'admin'"),
        ({"subnet_ids": parts.subnet_ids[:1]}, "at least two subnets"),
        ({"security_group_ids": [f"sg-{i}" for i in range(5)]}, "at most 4 security groups"),
        ({"public_access_cidrs": [f"203.0.{i}.0/24" for i in range(41)]}, "at most 40 blocks"),
        ({"public_access_cidrs": ["203.0.113.1/24"]}, "public_access_cidrs is '203.0.113.1/24'"),
        ({"public_access_cidrs": []}, "at least one block"),
        ({"service_ipv4_cidr": "10.0.0.0/8"}, "from /12 to /24"),
        ({"service_ipv4_cidr": "203.0.113.0/24"}, "service_ipv4_cidr is '203.0.113.0/24'"),
        ({"service_ipv4_cidr": "10.100.0.0/16", "ip_family": "ipv6"}, "since ip_family is ipv6"),
        ({"remote_pod_networks": ["203.0.113.0/24"]}, "inside 10.0.0.0/8"),
        ({"encryption_key_arn": "alias/eks"}, "the ARN of a KMS key"),
        ({"endpoint_public_access": False, "endpoint_private_access": False}, "leaves no endpoint"),
        ({"tags": {str(i): "x" for i in range(51)}}, "tags has 51 tags"),
        ({"tags": {"k" * 129: "x"}}, "keys of 1 to 128 characters"),
    ):
        refused = cluster(account, **{"name": "cluster-limits", **given, **options})
        assert refused.get("failed") and said in refused["msg"], (options, refused)
    assert account.mutations(mark) == []


def test_many_node_groups_go_at_the_same_time(account: Account, parts: Parts) -> None:
    name = parts.cluster("cluster-groups")
    for group in "abcd":
        parts.eks.create_nodegroup(clusterName=name, nodegroupName=group, subnets=parts.subnet_ids, nodeRole=parts.node_role)
    assert cluster(account, name, state="absent", delete_dependents=True)["changed"] is True
    assert name not in parts.eks.list_clusters()["clusters"]
