# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Cluster insights, as "Prepare for Kubernetes version upgrades with cluster insights" of the EKS user guide and the API reference describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_rig import Emulator
from botocore.exceptions import ClientError

FIVE = {
    "Cluster health issues",
    "Deprecated APIs removed in Kubernetes v1.35",
    "EKS add-on version compatibility",
    "Kubelet version skew",
    "kube-proxy version skew",
}
PLANTED = {
    "name": "Deprecated APIs removed in Kubernetes v1.35",
    "status": "ERROR",
    "reason": "Deprecated API usage detected within last 30 days.",
    "kubernetesVersion": "1.35",
    "recommendation": "Update manifests.",
    "deprecationDetails": [{"usage": "/apis/old.k8s.io/v1beta1/things", "replacedWith": "/apis/old.k8s.io/v1/things", "stopServingVersion": "1.35"}],
}


@pytest.fixture
def cluster(aws: Emulator, make_cluster: Callable[..., str]) -> Iterator[str]:
    name = make_cluster(version="1.34")
    yield name
    aws.control("PUT", f"clusters/{name}/insights", {"insights": []})


def upgrade(aws: Emulator, cluster: str, version: str, **more: Any) -> str:
    return aws.client("eks").update_cluster_version(name=cluster, version=version, **more)["update"]["status"]


def test_a_healthy_cluster_passes_every_check_for_the_next_minor(aws: Emulator, cluster: str) -> None:
    """User guide: the example output of list-insights; every entry is of category UPGRADE_READINESS and of the version above the cluster's."""
    found = aws.client("eks").list_insights(clusterName=cluster)["insights"]
    assert {entry["name"] for entry in found} == FIVE
    assert {(entry["category"], entry["kubernetesVersion"], entry["insightStatus"]["status"]) for entry in found} == {("UPGRADE_READINESS", "1.35", "PASSING")}


def test_the_list_is_filtered_and_paged(aws: Emulator, cluster: str) -> None:
    """API_ListInsights: filter by categories, kubernetesVersions and statuses; maxResults and nextToken."""
    eks = aws.client("eks")
    aws.control("PUT", f"clusters/{cluster}/insights", {"insights": [PLANTED]})
    bad = eks.list_insights(clusterName=cluster, filter={"categories": ["UPGRADE_READINESS"], "statuses": ["ERROR"]})["insights"]
    assert [entry["name"] for entry in bad] == [PLANTED["name"]]
    assert eks.list_insights(clusterName=cluster, filter={"kubernetesVersions": ["1.30"]})["insights"] == []
    first = eks.list_insights(clusterName=cluster, maxResults=2)
    assert len(first["insights"]) == 2
    assert len(eks.list_insights(clusterName=cluster, nextToken=first["nextToken"])["insights"]) == 3


def test_one_is_described_with_what_uses_the_old_api(aws: Emulator, cluster: str) -> None:
    """API_DescribeInsight: recommendation and categorySpecificSummary.deprecationDetails; an id that is none is ResourceNotFoundException."""
    eks = aws.client("eks")
    aws.control("PUT", f"clusters/{cluster}/insights", {"insights": [PLANTED]})
    listed = next(entry for entry in eks.list_insights(clusterName=cluster)["insights"] if entry["insightStatus"]["status"] == "ERROR")
    insight = eks.describe_insight(clusterName=cluster, id=listed["id"])["insight"]
    assert insight["recommendation"] == "Update manifests."
    assert insight["categorySpecificSummary"]["deprecationDetails"][0]["usage"] == "/apis/old.k8s.io/v1beta1/things"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        eks.describe_insight(clusterName=cluster, id="none")


def test_an_error_blocks_the_upgrade_unless_forced(aws: Emulator, cluster: str) -> None:
    """API_UpdateClusterVersion: force overrides "upgrade-blocking readiness checks"; the error is InvalidStateException, status 400."""
    aws.control("PUT", f"clusters/{cluster}/insights", {"insights": [PLANTED]})
    with pytest.raises(ClientError, match="Upgrade readiness issues detected") as refused:
        upgrade(aws, cluster, "1.35")
    assert refused.value.response["Error"]["Code"] == "InvalidStateException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert upgrade(aws, cluster, "1.35", force=True) == "InProgress"


def test_a_warning_is_of_a_later_version_and_blocks_nothing(aws: Emulator, cluster: str) -> None:
    """User guide: Error "typically means the impacted Kubernetes version is N+1", Warning "a future Kubernetes version N+2 or more"."""
    eks = aws.client("eks")
    aws.control(
        "PUT", f"clusters/{cluster}/insights", {"insights": [{**PLANTED, "name": "Deprecated APIs removed in Kubernetes v1.36", "kubernetesVersion": "1.36"}]}
    )
    assert upgrade(aws, cluster, "1.35") == "InProgress"
    aws.wait(lambda: eks.describe_cluster(name=cluster)["cluster"]["version"], "1.35")
    found = {entry["name"]: entry["insightStatus"]["status"] for entry in eks.list_insights(clusterName=cluster)["insights"]}
    assert found["Deprecated APIs removed in Kubernetes v1.36"] == "ERROR"


def test_a_failing_check_of_the_wrong_version_is_said_first(aws: Emulator, cluster: str) -> None:
    """A version that is not the next one is InvalidParameterException, whatever the insights say."""
    aws.control("PUT", f"clusters/{cluster}/insights", {"insights": [PLANTED]})
    with pytest.raises(ClientError, match="InvalidParameterException"):
        upgrade(aws, cluster, "1.36")


def test_a_node_group_can_be_made_unwell(aws: Emulator, cluster: str, network: Any, make_role: Callable[..., str]) -> None:
    """API_NodegroupHealth: a DEGRADED node group names its issues with code, message and resource ids."""
    eks = aws.client("eks")
    eks.create_nodegroup(clusterName=cluster, nodegroupName="mng", nodeRole=make_role("ec2.amazonaws.com", "node"), subnets=network.subnets)
    aws.wait(lambda: eks.describe_nodegroup(clusterName=cluster, nodegroupName="mng")["nodegroup"]["status"], "ACTIVE")
    issue = {"code": "NodeCreationFailure", "message": "Instances failed to join", "resourceIds": ["i-0123456789abcdef0"]}
    aws.control("PUT", f"clusters/{cluster}/health", {"node_groups": {"mng": {"status": "DEGRADED", "issues": [issue]}}})
    group = eks.describe_nodegroup(clusterName=cluster, nodegroupName="mng")["nodegroup"]
    assert (group["status"], group["health"]["issues"]) == ("DEGRADED", [issue])
