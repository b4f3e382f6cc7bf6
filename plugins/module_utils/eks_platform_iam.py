# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The IAM roles of the control plane and of the nodes, wanted and compared."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_diff import Difference, compare, wanted_tags
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_live import Live

CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def wanted_roles(given: dict[str, Any], account_id: str, partition: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    """The control plane's role, then the nodes'."""
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    kinds: tuple[tuple[str, str, tuple[str, ...], list[str], str], ...] = (
        (given["role_name"], "eks.amazonaws.com", CLUSTER_POLICIES, [], "The control plane of EKS cluster"),
        (given["node_role_name"], f"ec2.{suffix}", NODE_POLICIES, given.get("node_policies") or [], "The nodes of EKS cluster"),
    )
    return [
        {
            "name": name,
            "arn": f"arn:{partition}:iam::{account_id}:role/{name}",
            "description": f"{text} {given['name']}",
            "trust": trust(service),
            "policies": sorted({*(f"arn:{partition}:iam::aws:policy/{policy}" for policy in policies), *more}),
            "tags": {**tags, "Name": name},
        }
        for name, service, policies, more, text in kinds
    ]


def differences(roles: list[dict[str, Any]], live: Live) -> list[Difference]:
    found = []
    for wanted in roles:
        role = live.roles.get(wanted["name"])
        before = {
            "trust": (role or {}).get("AssumeRolePolicyDocument"),
            "policies": (role or {}).get("Policies"),
            "tags": wanted_tags(role, wanted["tags"]),
        }
        after = {key: wanted[key] for key in ("trust", "policies", "tags")}
        found += compare("iam", f"IAM role {wanted['name']}", role is not None, before, after)
    return found
