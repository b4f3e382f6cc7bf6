# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The node groups, wanted and compared."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_nodegroup
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_input import node_group
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_diff import Difference
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_live import Live
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_network import Network


def wanted_group(group: dict[str, Any], given: dict[str, Any], role_arn: str, network: Network, tags: dict[str, str]) -> dict[str, Any]:
    group = node_group(group, given["nat_mode"])
    kind = group.pop("subnets")
    # Half a network is not compared: it is completed first.
    ids = network.subnet_ids(kind) if network.complete() else None
    return {**group, "node_role": role_arn, "subnet_ids": ids, "version": str(given["version"]), "tags": tags}


def surplus(groups: list[dict[str, Any]], live: Live, name: str) -> list[str]:
    """Node groups of ours that are not asked for any more."""
    wanted = {group["name"] for group in groups}
    return sorted(known for known, group in live.node_groups.items() if known not in wanted and (group.get("tags") or {}).get(OWNER_TAG) == name)


def differences(groups: list[dict[str, Any]], live: Live, name: str) -> list[Difference]:
    found = []
    for wanted in groups:
        group, resource = live.node_groups.get(wanted["name"]), f"node group {wanted['name']}"
        if group is None or group["status"] == "DELETING":
            shown = {key: value for key, value in wanted.items() if value not in (None, {}, []) and key != "name"}
            found.append(Difference("node_groups", resource, "create", {}, shown))
            continue
        if group["status"] in ("CREATE_FAILED", "DELETE_FAILED"):
            raise AwsError(f"node group {wanted['name']} is {group['status']}: {eks_nodegroup.failure(group)}. Delete it and run again")
        plan = eks_nodegroup.plan_nodegroup(group, wanted, purge_tags=False)
        if group["status"] == "CREATING":
            plan.before["status"], plan.after["status"] = group["status"], "ACTIVE"
        if plan.after:
            found.append(Difference("node_groups", resource, "update", plan.before, plan.after))
    found += [Difference("node_groups", f"node group {known}", "delete") for known in surplus(groups, live, name)]
    return found
