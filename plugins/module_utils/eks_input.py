# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the platform's inputs must look like, by the limits that AWS documents. Nothing here asks AWS."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_extras, eks_input_network
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_cluster import AUTHENTICATION_MODES, LOG_TYPES, NAME, VERSION
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_input_groups import group_problems

ENDPOINT_ACCESS = ("public", "private", "public_and_private")
REGION = re.compile(
    r"(af|ap|ca|cn|eu|eusc|il|me|mx|sa|us)(-(gov|iso|isob|isoe|isof|de))?-(central|east|north|northeast|northwest|south|southeast|southwest|west)-[1-9]"
)
PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
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


def partition_of(region: str) -> str:
    """The AWS partition of a region."""
    return next((partition for prefix, partition in PARTITIONS.items() if region.startswith(prefix)), "aws")


def problems(given: dict[str, Any], prefix: str = "eks_cluster_") -> list[str]:
    """Everything that is wrong with the inputs, each as one sentence with variable, value and what is accepted."""
    found: list[str] = []

    def wrong(name: str, accepted: str, value: Any = None) -> None:
        shown = given.get(name) if value is None else value
        found.append(f"{prefix}{name} is {shown!r}; accepted: {accepted}")

    if not NAME.fullmatch(str(given.get("name", ""))):
        wrong("name", "1 to 100 letters, digits, - and _, a letter or digit first")
    if not REGION.fullmatch(str(given.get("region", ""))):
        wrong("region", "an AWS region such as us-west-2 or ap-southeast-2")
    if not VERSION.fullmatch(str(given.get("version", ""))):
        wrong("version", "a minor version of Kubernetes such as '1.36', in quotes")
    eks_input_network.problems(given, wrong, prefix)
    _control_plane(given, wrong, prefix)
    _identity(given, wrong, prefix)
    _tags(given, wrong)
    found += eks_extras.problems(given, prefix)
    if given.get("kubeconfig_manage") is False and not given.get("kubeconfig"):
        wrong("kubeconfig", f"a path, since {prefix}kubeconfig_manage is false", "")
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
    names = [group.get("name") if isinstance(group, dict) else None for group in groups]
    if len(set(map(str, names))) != len(names):
        wrong("node_groups", "groups with different names", names)
    nat_mode = "existing" if given.get("vpc_id") else str(given.get("nat_mode"))
    for number, group in enumerate(groups):
        found += group_problems(group, f"{prefix}node_groups[{number}]", nat_mode)
    return found


def _control_plane(given: dict[str, Any], wrong: Wrong, prefix: str) -> None:
    access, cidrs = given.get("endpoint_access"), given.get("public_access_cidrs") or []
    if access not in ENDPOINT_ACCESS:
        wrong("endpoint_access", " | ".join(ENDPOINT_ACCESS))
    if access == "private" and list(cidrs) not in ([], ["0.0.0.0/0"]):
        wrong("public_access_cidrs", f"nothing, since {prefix}endpoint_access is 'private' and there is no public endpoint to open")
    if access in ("public", "public_and_private") and not cidrs:
        wrong("public_access_cidrs", "at least one CIDR block, or no public endpoint")
    if len(cidrs) > MOST_CIDRS:
        wrong("public_access_cidrs", f"at most {MOST_CIDRS} blocks", len(cidrs))
    for cidr in cidrs:
        if not eks_input_network.network(str(cidr)):
            wrong("public_access_cidrs", "IPv4 CIDR blocks such as 203.0.113.0/24", cidr)
    unknown = [kind for kind in given.get("logging") or [] if kind not in LOG_TYPES]
    if unknown:
        wrong("logging", "a list of " + ", ".join(LOG_TYPES), unknown)
    if given.get("authentication_mode") not in AUTHENTICATION_MODES:
        wrong("authentication_mode", " | ".join(AUTHENTICATION_MODES))
    if given.get("support_type") not in ("STANDARD", "EXTENDED"):
        wrong("support_type", "STANDARD | EXTENDED")
    key = str(given.get("encryption_key_arn") or "")
    region = str(given.get("region", ""))
    if key and not re.fullmatch(rf"arn:{partition_of(region)}:kms:{re.escape(region)}:[0-9]{{12}}:key/[A-Za-z0-9-]+", key):
        wrong("encryption_key_arn", f"the ARN of a KMS key in {region}, such as arn:{partition_of(region)}:kms:{region}:123456789012:key/..., or empty")


def _identity(given: dict[str, Any], wrong: Wrong, prefix: str) -> None:
    """Account, roles and policies; every ARN must be of the region's partition."""
    partition = partition_of(str(given.get("region", "")))
    account = str(given.get("expected_account_id") or "")
    if account and not re.fullmatch(r"[0-9]{12}", account):
        wrong("expected_account_id", "the 12 digits of an AWS account, in quotes, or empty")
    policy = re.compile(rf"arn:{partition}:iam::(aws|[0-9]{{12}}):policy/[A-Za-z0-9_+=,.@/-]+")
    for arn in given.get("node_policies") or []:
        if not policy.fullmatch(str(arn)):
            wrong("node_policies", f"ARNs of managed policies, such as arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore", arn)
    boundary = str(given.get("iam_permissions_boundary") or "")
    if boundary and not policy.fullmatch(boundary):
        wrong("iam_permissions_boundary", f"the ARN of a managed policy, such as arn:{partition}:iam::123456789012:policy/boundary, or empty")
    role = str(given.get("kubeconfig_role_arn") or "")
    if role and not re.fullmatch(rf"arn:{partition}:iam::[0-9]{{12}}:role/[\x21-\x7e]+", role):
        wrong("kubeconfig_role_arn", f"the ARN of an IAM role, such as arn:{partition}:iam::123456789012:role/admin, or empty")
    path = str(given.get("iam_path") or "/")
    if not IAM_PATH.fullmatch(path):
        wrong("iam_path", "/ or a path that begins and ends with /, at most 512 characters")
    for key in ("role_name", "node_role_name"):
        if not ROLE_NAME.fullmatch(str(given.get(key, ""))):
            wrong(key, "1 to 64 letters, digits and _+=,.@-; with a long cluster name, give a shorter role name")
    if given.get("role_name") == given.get("node_role_name"):
        wrong("node_role_name", f"another name than {prefix}role_name")


def _tags(given: dict[str, Any], wrong: Wrong) -> None:
    tags = given.get("tags") or {}
    if len(tags) > MOST_TAGS - OUR_TAGS - 2:
        wrong("tags", f"at most {MOST_TAGS - OUR_TAGS - 2} tags; AWS takes {MOST_TAGS}, and a subnet gets four of this role's", len(tags))
    for key, value in tags.items():
        if key == OWNER_TAG or str(key).lower().startswith("aws:") or not 1 <= len(str(key)) <= 128 or len(str(value)) > 256:
            wrong("tags", f"keys of 1 to 128 characters, values of at most 256, neither aws:... nor {OWNER_TAG}, which is set by this role", {key: value})
