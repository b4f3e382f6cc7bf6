# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Make an IAM role of the platform what it should be."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, tag_list, tags_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_network_create import patient


def make(aws: Aws, wanted: dict[str, Any], live: dict[str, Any] | None) -> None:
    name = wanted["name"]
    if live is None:
        live = _create(aws, wanted)
    if live.get("AssumeRolePolicyDocument") != wanted["trust"]:
        patient(aws, "iam", "update_assume_role_policy", RoleName=name, PolicyDocument=json.dumps(wanted["trust"]))
    boundary = (live.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")
    if wanted["permissions_boundary"] and boundary != wanted["permissions_boundary"]:
        patient(aws, "iam", "put_role_permissions_boundary", RoleName=name, PermissionsBoundary=wanted["permissions_boundary"])
    elif boundary and not wanted["permissions_boundary"]:
        patient(aws, "iam", "delete_role_permissions_boundary", RoleName=name)
    there = tags_of(live.get("Tags"))
    tags = {key: value for key, value in wanted["tags"].items() if there.get(key) != value}
    if tags:
        patient(aws, "iam", "tag_role", RoleName=name, Tags=tag_list(tags))
    attached = live.get("Policies") or []
    for arn in wanted["policies"]:
        if arn not in attached:
            patient(aws, "iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
    for arn in attached:
        if arn not in wanted["policies"]:
            aws.call("iam", "detach_role_policy", RoleName=name, PolicyArn=arn)


def _create(aws: Aws, wanted: dict[str, Any]) -> dict[str, Any]:
    """A role that is there after a lost answer is the one that was to be made, if its tags are ours."""
    request: dict[str, Any] = {
        "RoleName": wanted["name"],
        "Path": wanted["path"],
        "AssumeRolePolicyDocument": json.dumps(wanted["trust"]),
        "Description": wanted["description"],
        "Tags": tag_list(wanted["tags"]),
    }
    if wanted["permissions_boundary"]:
        request["PermissionsBoundary"] = wanted["permissions_boundary"]

    def find() -> dict[str, Any] | None:
        role = aws.find("iam", "get_role", "Role", RoleName=wanted["name"])
        return {"Role": role} if role and wanted["tags"].items() <= tags_of(role.get("Tags")).items() else None

    aws.call("iam", "create_role", find, **request)
    # The answer leaves out what we know anyhow.
    boundary = {"PermissionsBoundaryArn": wanted["permissions_boundary"]}
    return {"AssumeRolePolicyDocument": wanted["trust"], "PermissionsBoundary": boundary, "Tags": request["Tags"]}
