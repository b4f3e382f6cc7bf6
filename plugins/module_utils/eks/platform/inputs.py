# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the platform's inputs, by AWS's documented limits. Makes no requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...aws.partitions import partition_of
from ...common.ownership import OWNER_TAG, REGION_TAG
from .. import extras as eks_extras
from ..cluster import AUTHENTICATION_MODES, LOG_TYPES, NAME, VERSION
from ..input_names import Names, variable
from ..options import said, said_bool
from . import logs as eks_platform_logs
from . import network_inputs as eks_input_network
from .node_group_inputs import group_problems

ENDPOINT_ACCESS = ("public", "private", "public_and_private")
REGION = re.compile(
    r"(af|ap|ca|cn|eu|eusc|il|me|mx|sa|us)(-(gov|iso|isob|isoe|isof|de))?-(central|east|north|northeast|northwest|south|southeast|southwest|west)-[1-9]"
)
ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
IAM_PATH = re.compile(r"/|/[\x21-\x7e]{1,510}/")
KEY_NAME = re.compile(r"[\x20-\x7e]{1,255}")
# https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html and the API's reference
MOST_CIDRS = 40
MOST_TAGS = 50
MOST_GROUPS = 30
OUR_TAGS = 2

Wrong = Callable[..., None]


def problems(given: Mapping[str, Any], names: Names = variable) -> list[str]:
    """All problems of the inputs, each as one sentence with its name, value and what is accepted."""
    found: list[str] = []

    def wrong(name: str, accepted: str, value: Any = None) -> None:
        shown = given.get(name) if value is None else value
        found.append(f"{names(name)} is {shown!r}; accepted: {accepted}")

    if not NAME.fullmatch(str(given.get("name", ""))):
        wrong("name", "1 to 100 letters, digits, - and _, beginning with a letter or digit")
    if not REGION.fullmatch(str(given.get("region", ""))):
        wrong("region", "an AWS region such as us-west-2 or ap-southeast-2")
    if not VERSION.fullmatch(str(given.get("version", ""))):
        wrong("version", "a minor version of Kubernetes such as '1.36', in quotes")
    eks_input_network.problems(given, wrong, names)
    _control_plane(given, wrong, names)
    _identity(given, wrong, names)
    _tags(given, wrong)
    found += eks_extras.problems(given, names)
    if given.get("kubeconfig_manage") is False and not given.get("kubeconfig"):
        wrong("kubeconfig", f"a path, since {names('kubeconfig_manage')} is false", "")
    if re.search(r"[\r\n]", str(given.get("kubeconfig_profile") or "")):
        wrong("kubeconfig_profile", "the name of a profile of the AWS CLI, or empty")
    hops = given.get("node_metadata_hop_limit")
    if hops is not None and (not str(hops).isdigit() or not 1 <= int(hops) <= 64):
        wrong("node_metadata_hop_limit", "a whole number from 1 to 64")
    key_name = str(given.get("node_key_name") or "")
    if key_name and not KEY_NAME.fullmatch(key_name):
        wrong("node_key_name", "the name of an EC2 key pair, at most 255 characters, or empty")

    groups = given.get("node_groups")
    if not isinstance(groups, list) or not 1 <= len(groups) <= MOST_GROUPS:
        wrong("node_groups", f"a list of 1 to {MOST_GROUPS} node groups")
        return found
    called = [group.get("name") if isinstance(group, dict) else None for group in groups]
    if len(set(map(str, called))) != len(called):
        wrong("node_groups", "groups with different names", called)
    nat_mode = "existing" if given.get("vpc_id") else str(given.get("nat_mode"))
    for number, group in enumerate(groups):
        found += group_problems(group, f"{names('node_groups')}[{number}]", nat_mode)
    return found


def _control_plane(given: Mapping[str, Any], wrong: Wrong, names: Names) -> None:
    access, cidrs = said(given, "endpoint_access"), given.get("public_access_cidrs") or []
    if access not in (None, *ENDPOINT_ACCESS):
        wrong("endpoint_access", " | ".join(ENDPOINT_ACCESS))
    if access == "private" and list(cidrs) not in ([], ["0.0.0.0/0"]):
        wrong("public_access_cidrs", f"nothing, since {names('endpoint_access')} is 'private' and there is no public endpoint to open")
    if access != "private" and not cidrs:
        _no_networks(given, wrong, names)
    if len(cidrs) > MOST_CIDRS:
        wrong("public_access_cidrs", f"at most {MOST_CIDRS} blocks", len(cidrs))
    for cidr in cidrs:
        if not eks_input_network.network(str(cidr)):
            wrong("public_access_cidrs", "IPv4 CIDR blocks such as 203.0.113.0/24", cidr)
    unknown = [kind for kind in said(given, "logging") or [] if kind not in LOG_TYPES]
    if unknown:
        wrong("logging", "a list of " + ", ".join(LOG_TYPES), unknown)
    if eks_platform_logs.is_wrong(given):
        wrong("log_retention_days", "a number of days that CloudWatch Logs allows: " + ", ".join(map(str, eks_platform_logs.DAYS)) + " (0: never)")
    if said(given, "authentication_mode") not in (None, *AUTHENTICATION_MODES):
        wrong("authentication_mode", " | ".join(AUTHENTICATION_MODES))
    if said(given, "support_type") not in (None, "STANDARD", "EXTENDED"):
        wrong("support_type", "STANDARD | EXTENDED")
    key = str(given.get("encryption_key_arn") or "")
    region = str(given.get("region", ""))
    if key and not re.fullmatch(rf"arn:{partition_of(region)}:kms:{re.escape(region)}:[0-9]{{12}}:key/[A-Za-z0-9-]+", key):
        wrong("encryption_key_arn", f"the ARN of a KMS key in {region}, such as arn:{partition_of(region)}:kms:{region}:123456789012:key/..., or empty")


def _no_networks(given: Mapping[str, Any], wrong: Wrong, names: Names) -> None:
    """By default a public endpoint is open to everyone. Where AWS bills, that must be set explicitly."""
    private = f"or {names('endpoint_access')}: private"
    if said_bool(given, "billed"):
        everybody = "[0.0.0.0/0] for everyone, who still needs credentials"
        shown = given.get("public_access_cidrs") or "not set"
        wrong("public_access_cidrs", f"on billed AWS, the networks that may reach the API server, such as [203.0.113.0/24], {everybody}, {private}", shown)
    elif said(given, "public_access_cidrs") is not None:
        wrong("public_access_cidrs", f"at least one CIDR block, {private}")


def _identity(given: Mapping[str, Any], wrong: Wrong, names: Names) -> None:
    """Account, roles and policies; every ARN must be in the region's partition."""
    partition = partition_of(str(given.get("region", "")))
    account = str(given.get("expected_account_id") or "")
    if account and not re.fullmatch(r"[0-9]{12}", account):
        wrong("expected_account_id", "the 12 digits of an AWS account, in quotes, or empty")
    policy = re.compile(rf"arn:{partition}:iam::(aws|[0-9]{{12}}):policy/[A-Za-z0-9_+=,.@/-]+")
    for arn in given.get("node_policies") or []:
        if not policy.fullmatch(str(arn)):
            wrong("node_policies", f"ARNs of managed policies, such as arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore", arn)
    boundary = str(given.get("iam_permissions_boundary") or "none")
    if boundary != "none" and not policy.fullmatch(boundary):
        accepted = f"the ARN of a managed policy, such as arn:{partition}:iam::123456789012:policy/boundary, none, or empty to leave it as it is"
        wrong("iam_permissions_boundary", accepted)
    role = str(given.get("kubeconfig_role_arn") or "")
    if role and not re.fullmatch(rf"arn:{partition}:iam::[0-9]{{12}}:role/[\x21-\x7e]+", role):
        wrong("kubeconfig_role_arn", f"the ARN of an IAM role, such as arn:{partition}:iam::123456789012:role/admin, or empty")
    path = str(given.get("iam_path") or "/")
    if not IAM_PATH.fullmatch(path):
        wrong("iam_path", "/ or a path that begins and ends with /, at most 512 characters")
    for key in ("role_name", "node_role_name"):
        if given.get(key) and not ROLE_NAME.fullmatch(str(given[key])):
            wrong(key, "1 to 64 letters, digits and _+=,.@-, or empty for a name made of cluster and region")
    if given.get("role_name") and given["role_name"] == given.get("node_role_name"):
        wrong("node_role_name", f"another name than {names('role_name')}")


def _tags(given: Mapping[str, Any], wrong: Wrong) -> None:
    tags = given.get("tags") or {}
    if len(tags) > MOST_TAGS - OUR_TAGS - 2:
        wrong("tags", f"at most {MOST_TAGS - OUR_TAGS - 2} tags; AWS allows {MOST_TAGS}, and this role adds four to a subnet", len(tags))
    for key, value in tags.items():
        if key in (OWNER_TAG, REGION_TAG) or str(key).lower().startswith("aws:") or not 1 <= len(str(key)) <= 128 or len(str(value)) > 256:
            wrong(
                "tags",
                f"keys of 1 to 128 characters, values of at most 256, but not aws:..., {OWNER_TAG} or {REGION_TAG}, which this role sets",
                {key: value},
            )
