# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Transient refusals of AWS, and the one way to retry a call until they have passed.

New resources are not visible everywhere, resources that are being changed accept no other change, and resources in use cannot be deleted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ..common.progress import Waiting
from .boto import botocore
from .client import Aws, AwsError, code_of, is_missing

Answer = TypeVar("Answer")
Passes = Callable[[Exception], bool]

# How long it may take until a new resource is visible on all of AWS's servers.
LAG = 60.0

# Interfaces of deleted resources linger for minutes, and changes take as long.
HELD = (
    "DependencyViolation",
    "InvalidIPAddress.InUse",
    "InvalidNetworkInterface.InUse",
    "InvalidGroup.InUse",
    "ResourceInUse",
    "ResourceInUseException",
    "DeleteConflict",
    "VolumeInUse",
)
# Codes that mean this for one kind. ReleaseAddress returns "You do not have permission to access the specified resource" while a NAT gateway is being deleted
# (https://github.com/kubernetes/kops/issues/938).
HELD_OF = {"AuthFailure": "elastic IP", "InvalidParameterValue": "network interface"}

# EKS's messages while a cluster, a node group or an add-on is being changed, by us, by others, or by AWS itself, which patches control planes while
# DescribeCluster still returns ACTIVE (https://github.com/aws/containers-roadmap/issues/1500).
#   Cannot EndpointAccessUpdate because cluster NAME currently has update ID in progress (https://github.com/aws-controllers-k8s/community/issues/1192)
#   Cluster 'NAME' is not in ACTIVE status (https://github.com/eksctl-io/eksctl/issues/2244)
#   Addon vpc-cni cannot be updated as it is currently in CREATING state (https://github.com/eksctl-io/eksctl/issues/8091)
BUSY = re.compile(r"\bin progress\b|\bnot in ACTIVE (status|state)\b|\bcurrently in (CREATING|UPDATING|DELETING|PENDING) (status|state)\b", re.IGNORECASE)
BUSY_CODES = ("ResourceInUseException", "InvalidRequestException")


def is_unknown(error: Exception) -> bool:
    """Whether AWS reports that the resource does not exist."""
    return is_missing(code_of(error))


def is_busy(error: Exception) -> bool:
    """Whether EKS refuses only until its current change is done."""
    return code_of(error) in BUSY_CODES and bool(BUSY.search(str(error)))


def is_held(error: Exception, kind: str) -> bool:
    """Whether a resource of this kind is still in use."""
    return code_of(error) in HELD or HELD_OF.get(code_of(error)) == kind or is_busy(error)


def patiently(
    call: Callable[[], Answer],
    sleep: Callable[[float], None] = time.sleep,
    timeout: float = LAG,
    passes: Passes = is_unknown,
    delay: float = 5.0,
    refused: Callable[[Exception], None] = lambda _error: None,
) -> Answer:
    """Retry a call while its refusal is transient, with growing pauses; a permanent refusal is raised unchanged.

    Most often the cause is a new resource that is not visible on every server of AWS yet
    (EC2 user guide, "Eventual consistency in the Amazon EC2 API"; https://github.com/hashicorp/packer/issues/878).
    `refused` is called for each refusal except the last.
    """
    end, pause = time.monotonic() + timeout, 0.2
    while True:
        try:
            return call()
        except (AwsError, botocore.exceptions.ClientError) as error:
            if not passes(error) or time.monotonic() > end:
                raise
            refused(error)
        sleep(min(pause, delay, max(0.05, end - time.monotonic())))
        pause = min(delay, pause * 1.6)


def while_busy(what: str, call: Callable[[], Answer], timeout: float = 900.0, delay: float = 10.0) -> Answer:
    """A call that EKS may refuse because of another change in progress: retried until it is accepted, or until the timeout."""
    return _aloud(Waiting(what), "rejected because another change is in progress", call, timeout, delay, is_busy)


def delete(aws: Aws, kind: str, service: str, operation: str, timeout: float, delay: float, **arguments: Any) -> None:
    """Delete one resource of a kind, retrying while it is in use. If it no longer exists, that is success."""
    waiting = Waiting(f"deletion of {kind} {next(iter(arguments.values()), '')}")
    _aloud(waiting, "in use", lambda: gone(lambda: aws.call(service, operation, **arguments)), timeout, delay, lambda error: is_held(error, kind))
    waiting.saw("gone")


def gone(call: Callable[[], Any]) -> None:
    """A deletion. If a retry finds nothing, that is success."""
    try:
        call()
    except AwsError as error:
        if not is_missing(error.code):
            raise


def _aloud(waiting: Waiting, why: str, call: Callable[[], Answer], timeout: float, delay: float, passes: Passes) -> Answer:
    """With retries, reporting what it waits for; a timeout is a separate error, since a later run can continue."""
    try:
        return patiently(call, time.sleep, timeout, passes, delay, refused=lambda error: waiting.saw(f"{why}: {error}"))
    except AwsError as error:
        if not passes(error):
            raise
        raise AwsError(f"{waiting.what}: still {why}: {error} after {timeout:g} s; run again to keep waiting", "Timeout") from error
