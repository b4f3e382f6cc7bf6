# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The IAM roles of the control plane and of the nodes, wanted and compared."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Refused, tags_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_diff import Difference, compare, wanted_tags
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_live import Live

CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
# What the SSM agent of EKS's images needs, so that Session Manager opens a shell without SSH and without an open port.
SSM_POLICY = "AmazonSSMManagedInstanceCore"


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def wanted_roles(given: dict[str, Any], account_id: str, partition: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    """The control plane's role, then the nodes'."""
    # EC2's name is another one in China; EKS's is the same everywhere.
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    path = given.get("iam_path") or "/"
    node_policies = (*NODE_POLICIES, SSM_POLICY) if given.get("node_ssm") else NODE_POLICIES
    kinds: tuple[tuple[str, str, tuple[str, ...], list[str], str], ...] = (
        (given["role_name"], "eks.amazonaws.com", CLUSTER_POLICIES, [], "The control plane of EKS cluster"),
        (given["node_role_name"], f"ec2.{suffix}", node_policies, given.get("node_policies") or [], "The nodes of EKS cluster"),
    )
    return [
        {
            "name": name,
            "path": path,
            "arn": f"arn:{partition}:iam::{account_id}:role{path}{name}",
            "description": f"{text} {given['name']}",
            "trust": trust(service),
            "policies": sorted({*(f"arn:{partition}:iam::aws:policy/{policy}" for policy in policies), *more}),
            "permissions_boundary": given.get("iam_permissions_boundary") or "",
            "tags": {**tags, "Name": name},
        }
        for name, service, policies, more, text in kinds
    ]


def refuse_strangers(given: dict[str, Any], live: Live) -> None:
    """A role that has our name and not our tag belongs to somebody else, and one of another path cannot be moved."""
    name, path = given["name"], given.get("iam_path") or "/"
    for role_name, role in live.roles.items():
        if tags_of(role.get("Tags")).get(OWNER_TAG) != name and not given.get("adopt"):
            raise Refused(
                f"IAM role {role_name} exists and is not ours (no tag {OWNER_TAG}={name}); choose another name, or eks_cluster_adopt: true takes it over"
            )
        if role.get("Path", "/") != path:
            raise Refused(
                f"eks_cluster_iam_path is {path!r}, but IAM role {role_name} has {role['Path']!r}; IAM cannot move a role: ask for its path, or another name"
            )


def differences(roles: list[dict[str, Any]], live: Live) -> list[Difference]:
    found = []
    for wanted in roles:
        role = live.roles.get(wanted["name"])
        before = {
            "trust": (role or {}).get("AssumeRolePolicyDocument"),
            "policies": (role or {}).get("Policies"),
            "permissions_boundary": ((role or {}).get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
            "tags": wanted_tags(role, wanted["tags"]),
        }
        after = {key: wanted[key] for key in ("trust", "policies", "permissions_boundary", "tags")}
        found += compare("iam", f"IAM role {wanted['name']}", role is not None, before, after)
    return found
