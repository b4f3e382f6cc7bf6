# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The platform's own network, derived from the inputs, and their validation. Makes no requests."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..input_names import Names, variable

NAT_MODES = ("single", "highly_available", "disabled")
VPC = re.compile(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})")
SUBNET = re.compile(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})")
# "You can specify up to 16 subnets" for a control plane.
MOST_SUBNETS = 16
PRIVATE_BLOCKS = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
# EKS does not support control planes in these zones.
ZONES_WITHOUT_EKS = ("use1-az3", "usw1-az2", "cac1-az3")


def problems(given: Mapping[str, Any], wrong: Callable[..., None], names: Names) -> None:
    """Problems of the network, own or existing."""
    for sentence in cidr_problems(str(given.get("vpc_cidr", ""))):
        wrong("vpc_cidr", sentence)
    if given.get("nat_mode") not in NAT_MODES:
        wrong("nat_mode", " | ".join(NAT_MODES))
    zones, region = given.get("availability_zones") or [], str(given.get("region", ""))
    if zones and (not 2 <= len(zones) <= 3 or len(set(zones)) != len(zones) or any(not re.fullmatch(re.escape(region) + "[a-z]", str(zone)) for zone in zones)):
        wrong("availability_zones", f"two or three different zones of {region}, or an empty list for the first three")
    vpc_id, subnets = given.get("vpc_id") or "", given.get("subnet_ids") or {}
    if not vpc_id:
        if subnets:
            wrong("subnet_ids", f"nothing, unless {names('vpc_id')} is set")
        return
    if not VPC.fullmatch(str(vpc_id)):
        wrong("vpc_id", "the id of a VPC such as vpc-0123456789abcdef0, or empty to create one")
    if zones:
        wrong("availability_zones", f"an empty list, since {names('vpc_id')} is given: the zones are those of {names('subnet_ids')}")
    if not isinstance(subnets, dict) or not set(subnets) <= {"public", "private"} or not all(isinstance(ids, list) for ids in subnets.values()):
        wrong("subnet_ids", "a dict of two lists, {public: [subnet-...], private: [subnet-...]}")
        return
    ids = [str(subnet_id) for kind in subnets.values() for subnet_id in kind]
    if not 2 <= len(ids) <= MOST_SUBNETS or len(set(ids)) != len(ids) or not all(SUBNET.fullmatch(subnet_id) for subnet_id in ids):
        wrong("subnet_ids", f"2 to {MOST_SUBNETS} different ids of subnets such as subnet-0123456789abcdef0, in at least two availability zones")


def network(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text) if "/" in text else None
    except ValueError:
        return None


def cidr_problems(text: str) -> list[str]:
    block = network(text)
    if block is None:
        return ["an IPv4 block such as 192.168.0.0/16, without host bits"]
    if not any(block.subnet_of(private) for private in PRIVATE_BLOCKS):
        return ["a block inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"]
    if block.prefixlen < 16:
        return ["a prefix from /16 to /25; AWS allows no larger VPC"]
    if block.prefixlen > 25:
        return ["a prefix from /16 to /25; a smaller block cannot hold three public and three private subnets of at least /28"]
    return []


def subnets_of(vpc_cidr: str, zones: list[str]) -> list[dict[str, str]]:
    """Eighths of the VPC as eksctl cuts it: public ones first, then private ones, one of each per zone; two eighths stay free."""
    eighths = list(ipaddress.IPv4Network(vpc_cidr).subnets(prefixlen_diff=3))
    return [
        {"kind": kind, "zone": zone, "cidr": str(eighths[offset + number])}
        for kind, offset in (("public", 0), ("private", 3))
        for number, zone in enumerate(zones)
    ]


def choose_zones(zones: list[dict[str, Any]], wanted: list[str], names: Names = variable) -> list[str]:
    """The requested zones, or the first three that support an EKS control plane."""
    usable = sorted(
        zone["ZoneName"]
        for zone in zones
        if zone.get("State", "available") == "available"
        and zone.get("ZoneType", "availability-zone") == "availability-zone"
        and zone.get("ZoneId") not in ZONES_WITHOUT_EKS
    )
    missing = [zone for zone in wanted if zone not in usable]
    if missing:
        raise ValueError(f"{names('availability_zones')} has {', '.join(missing)}; accepted: {', '.join(usable)}")
    if wanted:
        return list(wanted)
    if len(usable) < 2:
        raise ValueError(f"the region offers {len(usable)} usable availability zone(s) to this account; EKS needs two")
    return usable[:3]
