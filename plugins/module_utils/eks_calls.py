# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Calls to EKS that meet AWS's habits: what was just made is not known everywhere at once, and what is gone is gone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, is_missing

Answer = TypeVar("Answer")

# IAM: "changes ... take time to become visible from all endpoints" (IAM user guide, troubleshooting). For so long a young role is believed in.
ROLE_AGE = 120.0
PATIENCE = 30.0


def eventually(aws: Aws, call: Callable[[], Answer], patience: float = 20.0) -> Answer:
    """A call about something that exists, and that a server may not know yet."""
    end, pause = time.monotonic() + patience, 0.2
    while True:
        try:
            return call()
        except AwsError as error:
            if not is_missing(error.code) or time.monotonic() > end:
                raise
        aws.sleep(pause)
        pause = min(3.0, pause * 2)


def with_young_role(aws: Aws, role_arn: str | None, call: Callable[[], Answer]) -> Answer:
    """A call that names an IAM role. EKS refuses a role that IAM made seconds ago; one that is older, or missing, is refused for good."""
    end, pause = time.monotonic() + PATIENCE, 0.5
    while True:
        try:
            return call()
        except AwsError as error:
            about_role = error.code in ("InvalidParameterException", "InvalidRequestException") and re.search(
                r"\b(role|principal)\b", str(error), re.IGNORECASE
            )
            if not role_arn or not about_role or time.monotonic() > end or not _young(aws, role_arn):
                raise
        aws.sleep(pause)
        pause = min(5.0, pause * 2)


def _young(aws: Aws, role_arn: str) -> bool:
    try:
        role = aws.find("iam", "get_role", "Role", RoleName=role_arn.rsplit("/", 1)[-1])
    except AwsError:
        # Whoever may not look at the role gets EKS's own answer.
        return False
    return role is not None and (datetime.now(UTC) - role["CreateDate"]).total_seconds() < ROLE_AGE


def gone(call: Callable[[], Any]) -> None:
    """A deletion. A repeated one finds nothing, which is what was wanted."""
    try:
        call()
    except AwsError as error:
        if not is_missing(error.code):
            raise
