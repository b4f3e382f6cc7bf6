# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role eks_cluster with add-ons, access entries and Pod Identity associations: lists that are brought about, kept, and cut."""

from __future__ import annotations

from typing import Any

import pytest
from cloud import Cloud

ADMIN = "arn:aws:iam::123456789012:role/platform"
DEFAULTS = ["coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"]


def addons(aws: Cloud) -> dict[str, str]:
    eks = aws.client("eks")
    names = eks.list_addons(clusterName="sandbox")["addons"]
    return {name: eks.describe_addon(clusterName="sandbox", addonName=name)["addon"]["status"] for name in names}


@pytest.mark.slow
def test_lists_are_brought_about_kept_and_cut(aws: Cloud) -> None:
    eks, role = aws.client("eks"), aws.role_for("pods.eks.amazonaws.com", "reports")
    aws.role_for("ec2.amazonaws.com", ADMIN.rsplit("/", 1)[-1])
    given: dict[str, Any] = {
        "eks_cluster_access_entries": [{"principal_arn": ADMIN, "policies": [{"policy": "AmazonEKSClusterAdminPolicy"}]}],
        "eks_cluster_pod_identity_associations": [{"namespace": "reports", "service_account": "writer", "role_arn": role}],
    }
    aws.role("eks_cluster", **given)
    assert addons(aws) == dict.fromkeys(DEFAULTS, "ACTIVE"), "the run ends when those that need nodes are active, too"
    assert ADMIN in eks.list_access_entries(clusterName="sandbox")["accessEntries"]
    calls = [call for call in aws.faults.mutations() if call.startswith("eks:Create")]
    assert calls.index("eks:CreateAddon") < calls.index("eks:CreateNodegroup"), "nodes find their network plugin"
    mark = aws.mark()
    assert not aws.role("eks_cluster", **given).changed and aws.mutations(mark) == []

    # Drift is named by check mode and repaired by the next run; what is not listed any more goes.
    eks.delete_addon(clusterName="sandbox", addonName="metrics-server")
    eks.update_access_entry(clusterName="sandbox", principalArn=ADMIN, kubernetesGroups=["masters"])
    cut = {**given, "eks_cluster_pod_identity_associations": []}
    mark = aws.mark()
    would = aws.role("eks_cluster", check=True, **cut)
    assert would.changed and aws.mutations(mark) == []
    said = str(would.tasks)
    for line in ("would create add-on metrics-server", f"would change access entry {ADMIN}", "would delete Pod Identity association reports/writer"):
        assert line in said, line
    aws.role("eks_cluster", **cut)
    assert addons(aws) == dict.fromkeys(DEFAULTS, "ACTIVE")
    assert eks.list_pod_identity_associations(clusterName="sandbox")["associations"] == []
    assert not aws.role("eks_cluster", **cut).changed


def test_bad_lists_are_refused_before_aws_is_asked(aws: Cloud) -> None:
    refused = aws.role("eks_cluster", ok=False, eks_cluster_addons=[{"name": "vpc-cni", "version": "newest"}])
    assert "eks_cluster_addons[0].version is 'newest'; accepted: default, latest, or a version such as" in str(refused.failures())
    assert aws.faults.calls == []
