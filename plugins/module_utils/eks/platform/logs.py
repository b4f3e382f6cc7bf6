# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The log group of the control plane's logs. EKS would create one that never expires and has no tag, so ours is created first.

CloudWatch Logs has no call that creates a group with its retention, and a retention that no variable sets stays as it is. Until it is complete, a new group
therefore carries a tag, which the last step removes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...aws.client import Aws, AwsError, is_there_already
from ...common.ownership import UNFINISHED_TAG
from ..options import said
from .difference import Difference

# The default of a new log group.
DAYS_AT_CREATION = 90
# CloudWatch Logs API reference, PutRetentionPolicy. 0: they never expire.
DAYS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def control_plane_logs(name: str) -> str:
    """The log group into which EKS writes; others below it are not EKS's ("Send control plane logs to CloudWatch Logs", EKS user guide)."""
    return f"/aws/eks/{name}/cluster"


def days_of(given: Mapping[str, Any]) -> int | None:
    days = said(given, "log_retention_days")
    return None if days is None else int(days)


def is_wrong(given: Mapping[str, Any]) -> bool:
    days = said(given, "log_retention_days")
    return days is not None and (isinstance(days, bool) or not str(days).isdigit() or int(days) not in DAYS)


def find(aws: Aws, cluster: str) -> dict[str, Any] | None:
    """The group with its C(tags), or None."""
    name = control_plane_logs(cluster)
    groups = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    group = next((group for group in groups if group["logGroupName"] == name), None)
    tags = aws.find("logs", "list_tags_for_resource", "tags", resourceArn=_arn(group)) if group else None
    return None if group is None or tags is None else {**group, "tags": tags}


def differences(given: dict[str, Any], logging: list[str], live: dict[str, Any] | None) -> list[Difference]:
    """The current retention, if any, stays unless a variable sets another one."""
    days, resource = days_of(given), f"log group {control_plane_logs(given['name'])}"
    if live is None or _is_unfinished(live):
        return [Difference("logs", resource, "create", {}, {"retention_days": DAYS_AT_CREATION if days is None else days})] if logging else []
    there = live.get("retentionInDays", 0)
    if days is None or days == there:
        return []
    return [Difference("logs", resource, "update", {"retention_days": there}, {"retention_days": days})]


def make(aws: Aws, name: str, wanted: Difference, tags: dict[str, str]) -> None:
    group, days = control_plane_logs(name), wanted.after["retention_days"]
    if wanted.action == "create":
        try:
            aws.call("logs", "create_log_group", logGroupName=group, tags={**tags, UNFINISHED_TAG: "true"})
        except AwsError as error:
            if not is_there_already(error.code):  # EKS was faster, a response was lost, or an earlier run was interrupted
                raise
    if days:
        aws.call("logs", "put_retention_policy", logGroupName=group, retentionInDays=days)
    elif wanted.action == "update":
        aws.call("logs", "delete_retention_policy", logGroupName=group)
    if wanted.action == "create":
        _finish(aws, name)


def _finish(aws: Aws, name: str) -> None:
    group = find(aws, name)
    if group and _is_unfinished(group):
        aws.call("logs", "untag_resource", resourceArn=_arn(group), tagKeys=[UNFINISHED_TAG])


def _is_unfinished(group: dict[str, Any]) -> bool:
    return UNFINISHED_TAG in (group.get("tags") or {})


def _arn(group: dict[str, Any]) -> str:
    """As the tag calls require it: without the streams' wildcard (CloudWatch Logs API reference, ListTagsForResource)."""
    return str(group["arn"]).removesuffix(":*")
