# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What EKS and the nodes report about an upgrade before it starts."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..aws.client import Aws

# "Kubernetes version skew policy": since 1.28 a kubelet may be three minors older than the API server.
KUBELET_SKEW = 3


def insights(aws: Aws, name: str, version: str | None = None) -> list[dict[str, Any]]:
    """EKS's upgrade insights, with details of those that are not passing."""
    filters: dict[str, Any] = {"categories": ["UPGRADE_READINESS"]}
    if version:
        filters["kubernetesVersions"] = [version]
    found = aws.pages("eks", "list_insights", "insights", clusterName=name, filter=filters)
    return [
        insight
        if insight["insightStatus"]["status"] == "PASSING"
        else aws.find("eks", "describe_insight", "insight", clusterName=name, id=insight["id"]) or insight
        for insight in found
    ]


def say_insight(insight: dict[str, Any]) -> str:
    status = insight.get("insightStatus") or {}
    said = f"{insight.get('name')}: {status.get('reason') or status.get('status')}"
    advice = " ".join(str(insight.get("recommendation") or "").split())
    return f"{said} ({advice})" if advice else said


def upgrade_hindrances(aws: Aws, name: str, version: str) -> tuple[list[str], list[str]]:
    """What blocks an upgrade to the next minor, and what is only worth checking. Without force, EKS refuses because of the former."""
    groups, found = aws.run_parallel(partial(_group_versions, aws, name), partial(insights, aws, name, version))
    wanted_minor = int(version.split(".")[1])
    behind = [f"node group {group} ({old})" for group, old in sorted(groups.items()) if wanted_minor - int(old.split(".")[1]) > KUBELET_SKEW]
    errors = [say_insight(insight) for insight in found if insight["insightStatus"]["status"] == "ERROR"]
    warnings = [say_insight(insight) for insight in found if insight["insightStatus"]["status"] in ("WARNING", "UNKNOWN")]
    if behind:
        errors.insert(0, f"{', '.join(behind)} would be more than {KUBELET_SKEW} minor versions older than the control plane; upgrade the nodes first")
    return errors, warnings


def _group_versions(aws: Aws, name: str) -> dict[str, str]:
    groups = aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name)
    found = [aws.find("eks", "describe_nodegroup", "nodegroup", clusterName=name, nodegroupName=group) for group in groups]
    return {group["nodegroupName"]: group["version"] for group in found if group and group.get("version")}
