# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Names of the IAM roles of the control plane and of the nodes: EKS cannot change either, so a cluster keeps its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.ownership import Owner, global_name

CLUSTER, NODES = "eks-cluster", "eks-node"


def role_names(given: Mapping[str, Any], account: str, cluster: Mapping[str, Any] | None, groups: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """The control plane's and the nodes': from the inventory, else those in use, else by the current rule."""
    live_cluster, live_nodes = names_in_use(given, cluster, groups)
    new = {purpose: global_name(account, given["region"], given["name"], purpose) for purpose in (CLUSTER, NODES)}
    return given.get("role_name") or live_cluster or new[CLUSTER], given.get("node_role_name") or next(iter(live_nodes), new[NODES])


def names_in_use(given: Mapping[str, Any], cluster: Mapping[str, Any] | None, groups: Mapping[str, Mapping[str, Any]]) -> tuple[str, list[str]]:
    """The role of our cluster, and those of our node groups."""

    owner = Owner(given["name"], given["region"])

    def ours(resource: Mapping[str, Any]) -> bool:
        return bool(given.get("adopt")) or owner.owns(resource.get("tags") or {})

    nodes = [name_of(group.get("nodeRole", "")) for _name, group in sorted(groups.items()) if ours(group) and group.get("status") != "DELETING"]
    there = cluster is not None and cluster.get("status") != "DELETING" and ours(cluster)
    return name_of(cluster.get("roleArn", "")) if cluster and there else "", list(dict.fromkeys(filter(None, nodes)))


def name_of(arn: str) -> str:
    """A role's name; its ARN has the path before it."""
    return arn.rpartition("/")[2]
