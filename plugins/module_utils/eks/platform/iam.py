# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The IAM roles of the control plane and of the nodes: desired state and comparison."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ...aws.client import tags_of
from ...common.failure import Refused
from ...common.ownership import OWNER_TAG, REGION_TAG, Owner
from .. import role_names as eks_role_names
from ..input_names import Names, variable
from ..options import said, said_bool
from .difference import Difference, compare, wanted_tags
from .live import Live
from .policies import CLUSTER_POLICIES, NODE_POLICIES, SSM_POLICY


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def wanted_roles(given: dict[str, Any], live: Live, partition: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    """The control plane's role, then the nodes'."""
    cluster_name, node_name = eks_role_names.role_names(given, live.account_id, live.cluster, live.node_groups)
    # EC2's service name differs in China; EKS's is the same everywhere.
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    path, boundary = given.get("iam_path") or "/", said(given, "iam_permissions_boundary")
    prefix = f"arn:{partition}:iam::aws:policy/"
    control_plane = {f"{prefix}{policy}" for policy in CLUSTER_POLICIES} | attached(live.roles.get(cluster_name))
    kinds: tuple[tuple[str, str, set[str], str], ...] = (
        (cluster_name, "eks.amazonaws.com", control_plane, "The control plane of EKS cluster"),
        (node_name, f"ec2.{suffix}", node_policies(given, prefix, live.roles.get(node_name)), "The nodes of EKS cluster"),
    )
    return [
        {
            "name": name,
            "path": path,
            "arn": f"arn:{partition}:iam::{live.account_id}:role{path}{name}",
            "description": f"{text} {given['name']}",
            "trust": trust(service),
            "policies": sorted(policies),
            # None: as it is.
            "permissions_boundary": "" if boundary == "none" else boundary,
            "tags": {**tags, "Name": name},
        }
        for name, service, policies, text in kinds
    ]


def attached(role: dict[str, Any] | None) -> set[str]:
    return set((role or {}).get("Policies") or [])


def node_policies(given: dict[str, Any], prefix: str, live: dict[str, Any] | None) -> set[str]:
    """What EKS needs, and what is set. An existing role keeps what no variable sets."""
    more, ssm, policy = said(given, "node_policies"), said_bool(given, "node_ssm"), f"{prefix}{SSM_POLICY}"
    there = attached(live)
    needed = {f"{prefix}{name}" for name in NODE_POLICIES}
    # A role that lacks policies that EKS needs was left by an interrupted run: it becomes what a new one is.
    keep_ssm = policy in there or not needed <= there
    wanted = needed | (there if more is None else set(more))
    return (wanted | {policy}) if (keep_ssm if ssm is None else ssm) else wanted - ({policy} - set(more or []))


def unmanaged(roles: list[dict[str, Any]], given: dict[str, Any], live: dict[str, dict[str, Any]]) -> list[str]:
    """What others added to our roles, one sentence each. It stays: IAM does not record who added it."""
    ours = {*CLUSTER_POLICIES, *NODE_POLICIES, SSM_POLICY}
    listed = set(said(given, "node_policies") or [])
    found = []
    for role in roles:
        there = live.get(role["name"]) or {}
        strange = sorted(arn for arn in attached(there) & set(role["policies"]) if arn.rsplit("/", 1)[-1] not in ours and arn not in listed)
        found += [f"IAM role {role['name']} has the policy {arn} attached, which is not configured here" for arn in strange]
        found += [f"IAM role {role['name']} has the inline policy {name}, which is not configured here" for name in there.get("Inline") or []]
    return found


def refuse_strangers(given: dict[str, Any], live: Live, names: Names = variable) -> None:
    """A role with our name but without our tags is not ours, and one with another path cannot be moved."""
    path = given.get("iam_path") or "/"
    for role_name, role in live.roles.items():
        if why := _why_not_ours(given, live, role_name, tags_of(role.get("Tags")), names):
            raise Refused(f"IAM role {role_name} {why}")
        if role.get("Path", "/") != path:
            raise Refused(
                f"{names('iam_path')} is {path!r}, but IAM role {role_name} has {role['Path']!r}; IAM cannot change a role's path: use it, or another name"
            )


def _why_not_ours(given: dict[str, Any], live: Live, role_name: str, tags: dict[str, str], names: Names) -> str:
    """Why a role that exists cannot be this cluster's; empty if it can."""
    owner, verdict = Owner(given["name"], given["region"]), live.verdicts.get(role_name)
    other = f"choose another {names('role_name')} or {names('node_role_name')}"
    if owner.owns_globally(tags):
        return ""
    if whose := owner.whose(tags):
        return f"belongs to {whose}, by its tags {OWNER_TAG} and {REGION_TAG}; {other}, or remove the tags if that cluster is gone"
    if owner.may_own(tags):
        # Ours because our cluster uses it, though we may share it: `shared` leaves it as it is.
        taken = verdict is None or verdict.free or role_name in _in_use(given, live)
        return "" if taken else f"has no tag {REGION_TAG} that shows its owner, and {verdict}; {other}"
    if not given.get("adopt"):
        return (
            f"exists and is not managed by this collection (no tag {OWNER_TAG}={given['name']}); choose another name, or {names('adopt')}: true takes it over"
        )
    return f"cannot be taken over: {verdict}; {other}" if verdict and verdict.users else ""


def _in_use(given: dict[str, Any], live: Live) -> tuple[str, ...]:
    cluster, nodes = eks_role_names.names_in_use(given, live.cluster, live.node_groups)
    return (cluster, *nodes)


def shared(given: dict[str, Any], live: Live) -> dict[str, str]:
    """Roles from older versions, without a region tag, that another cluster also uses, or may use: why each stays as it is."""
    owner = Owner(given["name"], given["region"])
    old = {name for name, role in live.roles.items() if owner.may_own(tags_of(role.get("Tags")))}
    return {name: str(verdict) for name, verdict in live.verdicts.items() if name in old and not verdict.free}


def differences(roles: list[dict[str, Any]], live: Live, left_alone: Container[str] = ()) -> list[Difference]:
    found = []
    for wanted in roles:
        if wanted["name"] in left_alone:
            continue
        role = live.roles.get(wanted["name"])
        before = {
            "trust": (role or {}).get("AssumeRolePolicyDocument"),
            "policies": (role or {}).get("Policies"),
            "permissions_boundary": ((role or {}).get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
            "tags": wanted_tags(role, wanted["tags"]),
        }
        after = {key: wanted[key] for key in ("trust", "policies", "permissions_boundary", "tags") if wanted[key] is not None}
        found += compare("iam", f"IAM role {wanted['name']}", role is not None, before, after)
    return found
