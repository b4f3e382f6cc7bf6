# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the platform's inputs must look like, and the network that follows from them. Nothing here asks AWS."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_cluster import AUTHENTICATION_MODES, LOG_TYPES, NAME, VERSION
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_nodegroup import (
    AMI_TYPES,
    EFFECTS,
    INSTANCE_TYPE,
    architecture_of_ami,
    architecture_of_instance,
)
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_nodegroup import NAME as GROUP_NAME

NAT_MODES = ("single", "highly_available", "disabled")
ENDPOINT_ACCESS = ("public", "private", "public_and_private")
REGION = re.compile(
    r"(af|ap|ca|cn|eu|eusc|il|me|mx|sa|us)(-(gov|iso|isob|isoe|isof|de))?-(central|east|north|northeast|northwest|south|southeast|southwest|west)-[1-9]"
)
PRIVATE_BLOCKS = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
GROUP_KEYS = (
    "name",
    "instance_types",
    "ami_type",
    "desired_size",
    "min_size",
    "max_size",
    "max_unavailable",
    "capacity_type",
    "disk_size",
    "labels",
    "taints",
    "subnets",
    "release_version",
)
# EKS puts no control plane into these zones.
ZONES_WITHOUT_EKS = ("use1-az3", "usw1-az2", "cac1-az3")


def partition_of(region: str) -> str:
    """The AWS partition of a region."""
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-iso-", "aws-iso"), ("us-isob-", "aws-iso-b"), ("eusc-", "aws-eusc")):
        if region.startswith(prefix):
            return partition
    return "aws"


def problems(given: dict[str, Any], prefix: str = "eks_cluster_") -> list[str]:
    """Everything that is wrong with the inputs, each as one sentence with variable, value and what is accepted."""
    found: list[str] = []

    def wrong(name: str, accepted: str, value: Any = None) -> None:
        shown = given.get(name) if value is None else value
        found.append(f"{prefix}{name} is {shown!r}; accepted: {accepted}")

    name = str(given.get("name", ""))
    if not NAME.fullmatch(name):
        wrong("name", "1 to 100 letters, digits, - and _, a letter or digit first")
    if not REGION.fullmatch(str(given.get("region", ""))):
        wrong("region", "an AWS region such as us-west-2 or ap-southeast-2")
    if not VERSION.fullmatch(str(given.get("version", ""))):
        wrong("version", "a minor version of Kubernetes such as '1.36', in quotes")
    for sentence in _cidr_problems(str(given.get("vpc_cidr", ""))):
        wrong("vpc_cidr", sentence)
    if given.get("nat_mode") not in NAT_MODES:
        wrong("nat_mode", " | ".join(NAT_MODES))
    zones = given.get("availability_zones") or []
    region = str(given.get("region", ""))
    if zones and (not 2 <= len(zones) <= 3 or len(set(zones)) != len(zones) or any(not re.fullmatch(re.escape(region) + "[a-z]", str(zone)) for zone in zones)):
        wrong("availability_zones", f"two or three different zones of {region}, or an empty list for the region's first three")
    access, cidrs = given.get("endpoint_access"), given.get("public_access_cidrs") or []
    if access not in ENDPOINT_ACCESS:
        wrong("endpoint_access", " | ".join(ENDPOINT_ACCESS))
    if access == "private" and list(cidrs) not in ([], ["0.0.0.0/0"]):
        wrong("public_access_cidrs", f"nothing, since {prefix}endpoint_access is 'private' and there is no public endpoint to open")
    if access in ("public", "public_and_private") and not cidrs:
        wrong("public_access_cidrs", "at least one CIDR block, or no public endpoint")
    for cidr in cidrs:
        if not _network(str(cidr)):
            wrong("public_access_cidrs", "IPv4 CIDR blocks such as 203.0.113.0/24", cidr)
    unknown = [kind for kind in given.get("logging") or [] if kind not in LOG_TYPES]
    if unknown:
        wrong("logging", "a list of " + ", ".join(LOG_TYPES), unknown)
    if given.get("authentication_mode") not in AUTHENTICATION_MODES:
        wrong("authentication_mode", " | ".join(AUTHENTICATION_MODES))
    if given.get("support_type") not in ("STANDARD", "EXTENDED"):
        wrong("support_type", "STANDARD | EXTENDED")
    account = str(given.get("expected_account_id") or "")
    if account and not re.fullmatch(r"[0-9]{12}", account):
        wrong("expected_account_id", "the 12 digits of an AWS account, in quotes, or empty")
    for arn in given.get("node_policies") or []:
        if not re.fullmatch(r"arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/[A-Za-z0-9_+=,.@/-]+", str(arn)):
            wrong("node_policies", "ARNs of managed policies, such as arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", arn)
    for key in ("role_name", "node_role_name"):
        if not ROLE_NAME.fullmatch(str(given.get(key, ""))):
            wrong(key, "1 to 64 letters, digits and _+=,.@-; with a long cluster name, give a shorter role name")
    if given.get("role_name") == given.get("node_role_name"):
        wrong("node_role_name", f"another name than {prefix}role_name")
    for key, value in (given.get("tags") or {}).items():
        if key == OWNER_TAG or str(key).lower().startswith("aws:") or not 1 <= len(str(key)) <= 128 or len(str(value)) > 256:
            wrong("tags", f"keys of 1 to 128 characters, values of at most 256, neither aws:... nor {OWNER_TAG}, which is set by this role", {key: value})
    if given.get("kubeconfig_manage") is False and not given.get("kubeconfig"):
        wrong("kubeconfig", f"a path, since {prefix}kubeconfig_manage is false", "")

    groups = given.get("node_groups")
    if not isinstance(groups, list) or not groups:
        wrong("node_groups", "a list with at least one node group")
        return found
    names = [group.get("name") if isinstance(group, dict) else None for group in groups]
    if len(set(map(str, names))) != len(names):
        wrong("node_groups", "groups with different names", names)
    for number, group in enumerate(groups):
        found += _group_problems(group, f"{prefix}node_groups[{number}]", str(given.get("nat_mode")))
    return found


def _network(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text) if "/" in text else None
    except ValueError:
        return None


def _cidr_problems(text: str) -> list[str]:
    network = _network(text)
    if network is None:
        return ["an IPv4 block such as 192.168.0.0/16, with the bits behind the prefix zero"]
    if not any(network.subnet_of(block) for block in PRIVATE_BLOCKS):
        return ["a block inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"]
    if network.prefixlen < 16:
        return ["a prefix from /16 to /25; AWS makes no larger VPC"]
    if network.prefixlen > 25:
        return ["a prefix from /16 to /25; a smaller block cannot hold three public and three private subnets of at least /28"]
    return []


def _group_problems(group: Any, where: str, nat_mode: str) -> list[str]:
    if not isinstance(group, dict):
        return [f"{where} is {group!r}; accepted: a dict with name, instance_types, desired_size ..."]
    found: list[str] = []

    def wrong(key: str, accepted: str) -> None:
        found.append(f"{where}.{key} is {group.get(key)!r}; accepted: {accepted}")

    unknown = sorted(set(group) - set(GROUP_KEYS))
    if unknown:
        found.append(f"{where} has {', '.join(unknown)}; accepted: {', '.join(GROUP_KEYS)}")
    if not GROUP_NAME.fullmatch(str(group.get("name", ""))):
        wrong("name", "1 to 63 letters, digits, - and _, a letter or digit first")
    types = group.get("instance_types")
    types = types if isinstance(types, list) else []
    valid_types = bool(types) and all(INSTANCE_TYPE.fullmatch(str(kind)) for kind in types)
    if not valid_types:
        wrong("instance_types", "a list of EC2 instance types such as [m6g.large]")
    ami_type = group.get("ami_type")
    if ami_type is not None and (ami_type not in AMI_TYPES or ami_type == "CUSTOM"):
        wrong("ami_type", ", ".join(kind for kind in AMI_TYPES if kind != "CUSTOM"))
    elif valid_types:
        architectures = {kind: architecture_of_instance(kind) for kind in types}
        if len(set(architectures.values())) > 1:
            wrong("instance_types", "types of one architecture; these are " + ", ".join(f"{kind} ({arch})" for kind, arch in architectures.items()))
        elif ami_type and architecture_of_ami(ami_type) not in architectures.values():
            wrong("ami_type", f"an image for {next(iter(architectures.values()))}, since instance_types is {types}")
    sizes = {key: group.get(key) for key in ("min_size", "desired_size", "max_size") if group.get(key) is not None}
    whole = all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in sizes.values())
    if not whole:
        found.append(f"{where} has {sizes}; accepted: whole numbers from 0")
    else:
        full = full_sizes(group)
        if not (full["min_size"] <= full["desired_size"] <= full["max_size"] and full["max_size"] >= 1):
            found.append(f"{where} has {sizes}; accepted: min_size <= desired_size <= max_size, and max_size at least 1")
    for key, least, most in (("disk_size", 1, 16384), ("max_unavailable", 1, 100)):
        value = group.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most):
            wrong(key, f"a whole number from {least} to {most}")
    if group.get("capacity_type") not in (None, "ON_DEMAND", "SPOT"):
        wrong("capacity_type", "ON_DEMAND | SPOT")
    if group.get("subnets") not in (None, "private", "public"):
        wrong("subnets", "private | public")
    elif group.get("subnets") == "private" and nat_mode == "disabled":
        wrong("subnets", "public, since without NAT a node in a private subnet reaches neither the registry nor the API server")
    if not isinstance(group.get("labels") or {}, dict):
        wrong("labels", "a dict of Kubernetes labels")
    taints = group.get("taints") or []
    if not isinstance(taints, list) or any(not isinstance(taint, dict) or not taint.get("key") or taint.get("effect") not in EFFECTS for taint in taints):
        wrong("taints", "a list of {key, value, effect} with effect " + " | ".join(EFFECTS))
    return found


def full_sizes(group: dict[str, Any]) -> dict[str, int]:
    """Sizes as eksctl completes them: what is not said follows from what is."""
    desired = group.get("desired_size")
    if desired is None:
        desired = group["min_size"] if group.get("min_size") is not None else min(2, group.get("max_size") or 2)
    low = group["min_size"] if group.get("min_size") is not None else desired
    high = group["max_size"] if group.get("max_size") is not None else max(desired, low)
    return {"min_size": low, "max_size": high, "desired_size": desired}


def node_group(group: dict[str, Any], nat_mode: str) -> dict[str, Any]:
    """A node group with everything that was left out."""
    arm = architecture_of_instance(group["instance_types"][0]) == "arm64"
    return {
        "name": group["name"],
        "instance_types": group["instance_types"],
        "ami_type": group.get("ami_type") or ("AL2023_ARM_64_STANDARD" if arm else "AL2023_x86_64_STANDARD"),
        "scaling_config": full_sizes(group),
        "update_config": {"max_unavailable": group.get("max_unavailable") or 1},
        "capacity_type": group.get("capacity_type") or "ON_DEMAND",
        "disk_size": group.get("disk_size") or 80,
        "labels": {key: str(value) for key, value in (group.get("labels") or {}).items()},
        "taints": group.get("taints") or [],
        "subnets": group.get("subnets") or ("public" if nat_mode == "disabled" else "private"),
        "release_version": group.get("release_version"),
    }


def subnets_of(vpc_cidr: str, zones: list[str]) -> list[dict[str, str]]:
    """Eighths of the VPC as eksctl cuts it: public ones first, then private ones, one of each per zone; two eighths stay free."""
    eighths = list(ipaddress.IPv4Network(vpc_cidr).subnets(prefixlen_diff=3))
    return [
        {"kind": kind, "zone": zone, "cidr": str(eighths[offset + number])}
        for kind, offset in (("public", 0), ("private", 3))
        for number, zone in enumerate(zones)
    ]


def choose_zones(zones: list[dict[str, Any]], wanted: list[str]) -> list[str]:
    """The wanted zones, or the first three that can take an EKS control plane."""
    usable = sorted(
        zone["ZoneName"]
        for zone in zones
        if zone.get("State", "available") == "available"
        and zone.get("ZoneType", "availability-zone") == "availability-zone"
        and zone.get("ZoneId") not in ZONES_WITHOUT_EKS
    )
    missing = [zone for zone in wanted if zone not in usable]
    if missing:
        raise ValueError(f"eks_cluster_availability_zones has {', '.join(missing)}; accepted: {', '.join(usable)}")
    if wanted:
        return list(wanted)
    if len(usable) < 2:
        raise ValueError(f"the region offers {len(usable)} usable availability zone(s) to this account; EKS needs two")
    return usable[:3]
