# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Calls to EKS about new resources of EC2 and IAM that EKS cannot see yet."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from ..aws.client import Aws, AwsError, code_of
from ..aws.patience import patiently

Answer = TypeVar("Answer")

# IAM: "changes ... take time to become visible from all endpoints" (IAM user guide, troubleshooting). Terraform waits as long until a role is visible
# (propagationTimeout of its package iam); one that is older than ROLE_AGE is visible by now.
PATIENCE = 120.0
ROLE_AGE = 180.0
# Subnets and security groups, and roles, in EKS's refusals.
NETWORK_IDS = re.compile(r"\b(subnet|sg)-[0-9a-f]+\b")
ROLE_WORDS = re.compile(r"\b(role|principal)\b", re.IGNORECASE)


def with_young_network(aws: Aws, call: Callable[[], Answer]) -> Answer:
    """A call with subnets and security groups. EKS may not see yet what EC2 created seconds ago; if they do not exist in EC2 either, the refusal is final."""

    def passes(error: Exception) -> bool:
        ids = {found[0] for found in NETWORK_IDS.finditer(str(error))}
        unknown = code_of(error) == "InvalidParameterException" and "does not exist" in str(error)
        return bool(ids) and unknown and _known(aws, ids)

    return patiently(call, aws.sleep, PATIENCE, passes)


def _known(aws: Aws, ids: set[str]) -> bool:
    """Whether EC2 has all of these subnets and security groups."""
    subnets, groups = ([one for one in sorted(ids) if one.startswith(kind)] for kind in ("subnet-", "sg-"))
    try:
        return bool(
            (not subnets or aws.call("ec2", "describe_subnets", SubnetIds=subnets)["Subnets"])
            and (not groups or aws.call("ec2", "describe_security_groups", GroupIds=groups)["SecurityGroups"])
        )
    except AwsError:
        return False


def with_young_role(aws: Aws, role_arn: str | None, call: Callable[[], Answer]) -> Answer:
    """A call with an IAM role. EKS refuses a role that IAM created seconds ago; for an older or missing one, the refusal is final."""

    def passes(error: Exception) -> bool:
        about_role = code_of(error) in ("InvalidParameterException", "InvalidRequestException") and ROLE_WORDS.search(str(error))
        return bool(role_arn and about_role) and _young(aws, str(role_arn))

    return patiently(call, aws.sleep, PATIENCE, passes)


def _young(aws: Aws, role_arn: str) -> bool:
    try:
        role = aws.find("iam", "get_role", "Role", RoleName=role_arn.rsplit("/", 1)[-1])
    except AwsError:
        # A caller who may not read the role gets EKS's own error.
        return False
    return role is not None and (datetime.now(UTC) - role["CreateDate"]).total_seconds() < ROLE_AGE
