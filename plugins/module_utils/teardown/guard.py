# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What blocks a removal: resources of others in our network or using our resources, protected resources, and data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ..aws.client import Aws, tags_of
from ..common.ownership import OWNER_TAG
from . import data as aws_leftovers_data
from . import iam as aws_leftovers_iam
from .found import EKS_KINDS, Found, Look
from .others_inside import inside_of


def protected(found: Iterable[Found]) -> list[Found]:
    """What cannot be deleted before its deletion protection is off."""
    said = [Found(entry.type, entry.id, "it has deletion protection", entry.name) for entry in found if is_protected(entry)]
    return sorted(said, key=lambda entry: (entry.type, entry.id))


def is_protected(entry: Found) -> bool:
    return bool(entry.raw.get("protected") if entry.type == "load balancer" else entry.type == "EKS cluster" and entry.raw.get("deletionProtection"))


def strangers(aws: Aws, name: str, look: Look) -> list[Found]:
    """Resources of others that the removal would break, or that would block it."""
    others = [
        Found(entry.type, entry.id, f"it has no tag {OWNER_TAG}={name}", entry.name) for entry in look.ours if entry.type in EKS_KINDS and not entry.owned
    ]
    # Nothing terminates these with the cluster: nodes that Karpenter or a person created.
    others += [
        Found(entry.type, entry.id, "it is a node of the cluster but in no node group; whoever created it must terminate it first", entry.name)
        for entry in look.ours
        if entry.type == "instance" and not tags_of(entry.raw.get("Tags")).get("eks:nodegroup-name")
    ]
    inside, users = aws.run_parallel(lambda: inside_of(aws, name, look), lambda: _users(aws, look.ours))
    others += aws_leftovers_iam.users(look.ours)
    return list({(entry.type, entry.id): entry for entry in [*others, *inside, *users]}.values())


def in_the_way(look: Look, others: list[Found], options: Mapping[str, Any]) -> list[str]:
    """Why a removal would stop before it starts, each with advice."""
    said = [f"{entry}: {entry.reason}" for entry in others]
    if not options["disable_deletion_protection"]:
        said += [f"{entry}: {entry.reason}, and is removed only with disable_deletion_protection" for entry in protected(look.ours)]
    return said + aws_leftovers_data.refusals(look.ours, options)


def _users(aws: Aws, ours: list[Found]) -> list[Found]:
    """Resources of others that use ours: they would lose them, or block their deletion."""
    known = {entry.id for entry in ours}
    certificates = [entry for entry in ours if entry.type == "certificate" and entry.owned]
    looks = [partial(aws.find, "acm", "describe_certificate", "Certificate", CertificateArn=entry.id) for entry in certificates]
    users = [(entry, arn) for entry, detail in zip(certificates, aws.run_parallel(*looks), strict=True) for arn in (detail or {}).get("InUseBy") or []]
    users += [(entry, arn) for entry in ours if entry.type == "target group" for arn in entry.raw.get("LoadBalancerArns") or []]
    users += [(entry, str(entry.raw["InstanceId"])) for entry in ours if entry.type == "elastic IP" and entry.raw.get("InstanceId")]
    return [Found(_kind_of(user), user, f"it uses our {part}") for part, user in users if user not in known]


def _kind_of(user: str) -> str:
    if user.startswith("i-"):
        return "instance"
    return "load balancer" if ":loadbalancer/" in user else "user"
