# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Cluster insights: ListInsights, DescribeInsight, and the upgrades that they block.

"Prepare for Kubernetes version upgrades with cluster insights" of the EKS user guide names the checks. Here they check the contents of
the emulated account; deprecated APIs, which AWS reads from the audit log, are found only when a test plants them.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from ..common import error
from .addons import Addons
from .catalogue import KUBELET_MAX_SKEW, addon_versions, minor
from .clusters import page
from .state import Cluster, Data, Resource

UPGRADE = "UPGRADE_READINESS"
STATUSES = ("PASSING", "WARNING", "ERROR", "UNKNOWN")
GUIDE = "https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html"
# What AWS says when it enforces them (hashicorp/terraform-provider-aws#42031 quotes it).
BLOCKED = (
    "Upgrade readiness issues detected. Call the EKS ListInsights API to view upgrade blocking issues detected by EKS. "
    "Pass the force flag to override upgrade readiness errors and proceed with upgrade."
)
_planted: dict[str, list[Data]] = {}


def plant(name: str, insights: list[Data]) -> None:
    """The insights that a test plants for cluster `name`, instead of earlier ones."""
    wrong = [entry for entry in insights if not entry.get("name") or entry.get("status") not in STATUSES]
    if wrong:
        raise ValueError(f"an insight has a name and a status ({', '.join(STATUSES)}): {wrong}")
    _planted[name] = insights


class Insights(Addons):
    def update_cluster_version(self, p: Data) -> Data:
        """API_UpdateClusterVersion: "Set this value to true to override upgrade-blocking readiness checks when updating a cluster"."""
        cluster = self.cluster(p["name"], active=True)
        blocking = [entry for entry in self._insights(cluster) if entry["insightStatus"]["status"] == "ERROR"]
        is_next = p["version"] == _next(cluster)
        if is_next and blocking and not p.get("force"):
            raise error("InvalidStateException", BLOCKED, clusterName=p["name"])
        return super().update_cluster_version(p)

    def list_insights(self, p: Data) -> Data:
        wanted = p.get("filter") or {}
        found = [
            {key: value for key, value in entry.items() if key in SUMMARY}
            for entry in self._insights(self.cluster(p["clusterName"]))
            if _in(entry["category"], wanted.get("categories"))
            and _in(entry["kubernetesVersion"], wanted.get("kubernetesVersions"))
            and _in(entry["insightStatus"]["status"], wanted.get("statuses"))
        ]
        return page(found, p, "insights")

    def describe_insight(self, p: Data) -> Data:
        for entry in self._insights(self.cluster(p["clusterName"])):
            if entry["id"] == p["id"]:
                return {"insight": entry}
        raise error("ResourceNotFoundException", f"Insight with id {p['id']} does not exist", clusterName=p["clusterName"])

    def _insights(self, cluster: Cluster) -> list[Data]:
        found = {entry["name"]: entry for entry in (_check(cluster, *result) for result in _checks(cluster))}
        for planted in _planted.get(cluster.data["name"], []):
            version = planted.get("kubernetesVersion") or _next(cluster)
            if minor(version) <= minor(cluster.data["version"]):
                continue  # that upgrade is over
            # "An insight with a status of Error typically means the impacted Kubernetes version is N+1, Warning N+2 or more."
            early = planted["status"] == "ERROR" and version != _next(cluster)
            found[planted["name"]] = _check(
                cluster, planted["name"], "WARNING" if early else planted["status"], planted.get("reason", "Planted by a test."), version, planted
            )
        return sorted(found.values(), key=lambda entry: (entry["kubernetesVersion"], entry["name"]))


SUMMARY = ("id", "name", "category", "kubernetesVersion", "lastRefreshTime", "lastTransitionTime", "description", "insightStatus")


def _next(cluster: Cluster) -> str:
    return f"1.{minor(cluster.data['version']) + 1}"


def _in(value: str, wanted: list[str] | None) -> bool:
    return not wanted or value in wanted


def _checks(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Name, status and reason of what AWS checks in every cluster."""
    new = _next(cluster)
    health = (cluster.data.get("health") or {}).get("issues") or []
    behind = [name for name, group in cluster.nodegroups.items() if minor(new) - minor(group.data["version"]) > KUBELET_MAX_SKEW]
    addons = {name: addon.data["addonVersion"] for name, addon in cluster.addons.items()}
    proxy = addons.pop("kube-proxy", None)
    lost = [f"{name} {version}" for name, version in addons.items() if version not in _compatible(name, new)]
    late = proxy is not None and minor(new) - minor(proxy.removeprefix("v")) > KUBELET_MAX_SKEW
    return [
        (f"Deprecated APIs removed in Kubernetes v{new}", "PASSING", "No deprecated API usage detected within the last 30 days."),
        _result("Cluster health issues", health, "Cluster health issues detected.", "No cluster health issues detected."),
        _result("Kubelet version skew", behind, f"Node groups {', '.join(behind)} run a kubelet that is too old.", "Node kubelet versions match."),
        _result(
            "EKS add-on version compatibility",
            lost,
            f"Add-on versions not compatible with the next Kubernetes version: {', '.join(lost)}.",
            "All installed EKS add-on versions are compatible with next Kubernetes version.",
        ),
        _result("kube-proxy version skew", late, f"kube-proxy {proxy} is too old.", "kube-proxy versions match the cluster control plane version."),
    ]


def _compatible(addon: str, version: str) -> list[str]:
    try:
        return addon_versions(addon, version)
    except KeyError:  # a Kubernetes version that does not exist yet, as the next one of the newest
        return addon_versions(addon, f"1.{minor(version) - 1}")


def _result(name: str, wrong: Any, bad: str, good: str) -> tuple[str, str, str]:
    return (name, "ERROR", bad) if wrong else (name, "PASSING", good)


def _check(cluster: Cluster, name: str, status: str, reason: str, version: str = "", details: Data | None = None) -> Data:
    details = details or {}
    since: datetime = cluster.data["createdAt"]
    return {
        # The same check of the same cluster keeps its id.
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{cluster.data['arn']}/{name}")),
        "name": name,
        "category": details.get("category", UPGRADE),
        "kubernetesVersion": version or _next(cluster),
        "lastRefreshTime": datetime.now(UTC),
        "lastTransitionTime": since,
        "description": details.get("description", f"{name}, checked before an upgrade."),
        "insightStatus": {"status": status, "reason": reason},
        "recommendation": details.get("recommendation", "Fix the listed issues before upgrading."),
        "additionalInfo": {"EKS update cluster documentation": GUIDE},
        "resources": details.get("resources", []),
        "categorySpecificSummary": {"deprecationDetails": details.get("deprecationDetails", []), "addonCompatibilityDetails": []},
    }


def make_unwell(group: Resource, status: str, issues: list[Data]) -> None:
    """A node group in the state that a test needs: DEGRADED with AWS's health issues, or ACTIVE again without any."""
    group.data["status"] = status
    group.data["health"] = {"issues": issues}
