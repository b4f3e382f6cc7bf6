# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The name of a platform's input in messages: a variable of role eks_cluster, or an option of module eks_platform."""

from __future__ import annotations

from collections.abc import Callable

Names = Callable[[str], str]

PREFIX = "eks_cluster_"
# The options by the variables' names without prefix. Others have the same name.
OPTIONS = {
    "vpc_cidr": "network.vpc_cidr",
    "availability_zones": "network.availability_zones",
    "nat_mode": "network.nat_mode",
    "vpc_id": "network.vpc_id",
    "subnet_ids": "network.subnet_ids",
    "iam_path": "iam.path",
    "iam_permissions_boundary": "iam.permissions_boundary",
    "role_name": "iam.cluster_role_name",
    "node_role_name": "iam.node_role_name",
    "node_policies": "iam.node_policies",
    "node_ssm": "iam.node_ssm",
    "endpoint_access": "control_plane.endpoint_access",
    "public_access_cidrs": "control_plane.public_access_cidrs",
    "authentication_mode": "control_plane.authentication_mode",
    "logging": "control_plane.logging",
    "log_retention_days": "control_plane.log_retention_days",
    "support_type": "control_plane.support_type",
    "deletion_protection": "control_plane.deletion_protection",
    "zonal_shift": "control_plane.zonal_shift",
    "encryption_key_arn": "control_plane.encryption_key_arn",
    "node_key_name": "nodes.key_name",
    "node_metadata_hop_limit": "nodes.metadata_hop_limit",
    "kubeconfig_manage": "kubeconfig.manage",
    "kubeconfig": "kubeconfig.path",
    "context": "kubeconfig.context",
    "kubeconfig_profile": "kubeconfig.profile",
    "kubeconfig_role_arn": "kubeconfig.role_arn",
}


def variable(key: str) -> str:
    """The role's variable."""
    return PREFIX + key


def option(key: str) -> str:
    """The module's option, with its parent."""
    return OPTIONS.get(key, key)
