# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Create or change an IAM role of the platform."""

from __future__ import annotations

import json
from typing import Any

from ...aws.client import Aws, tag_list, tags_of
from ...common.ownership import with_marks
from .creations import patient
from .policies import NEEDED_POLICIES


def make(aws: Aws, wanted: dict[str, Any], live: dict[str, Any] | None) -> None:
    name = wanted["name"]
    if live is None:
        live = _create(aws, wanted)
    # First: an operator may change only what carries the tag.
    there = tags_of(live.get("Tags"))
    tags = {key: value for key, value in wanted["tags"].items() if there.get(key) != value}
    if tags:
        patient(aws, "iam", "tag_role", RoleName=name, Tags=tag_list(with_marks(tags, wanted["tags"])))
    if live.get("AssumeRolePolicyDocument") != wanted["trust"]:
        patient(aws, "iam", "update_assume_role_policy", RoleName=name, PolicyDocument=json.dumps(wanted["trust"]))
    boundary = (live.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")
    if wanted["permissions_boundary"] and boundary != wanted["permissions_boundary"]:
        patient(aws, "iam", "put_role_permissions_boundary", RoleName=name, PermissionsBoundary=wanted["permissions_boundary"])
    elif boundary and wanted["permissions_boundary"] == "":
        patient(aws, "iam", "delete_role_permissions_boundary", RoleName=name)
    attached = live.get("Policies") or []
    # What EKS needs comes last: a role that has all of it is complete, and anything else that it lacks was removed on purpose.
    for arn in sorted(wanted["policies"], key=lambda arn: arn.endswith(NEEDED_POLICIES)):
        if arn not in attached:
            patient(aws, "iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
    for arn in attached:
        if arn not in wanted["policies"]:
            aws.call("iam", "detach_role_policy", RoleName=name, PolicyArn=arn)


def _create(aws: Aws, wanted: dict[str, Any]) -> dict[str, Any]:
    """A role that exists after a lost response is the one that was to be created, if its tags are ours."""
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
    # The response omits what we know anyway.
    boundary = {"PermissionsBoundaryArn": wanted["permissions_boundary"]}
    return {"AssumeRolePolicyDocument": wanted["trust"], "PermissionsBoundary": boundary, "Tags": request["Tags"]}
