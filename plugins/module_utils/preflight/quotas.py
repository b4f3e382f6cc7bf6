# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The account's quotas for a platform: what is in use, what a run would add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..aws.client import Aws, AwsError, is_missing
from ..eks.platform.node_group_inputs import sizes as sizes_of

# Instance types by the quota that counts their vCPUs: the family is what comes before the first digit. A, C, D, H, I, M, R, T and Z are the standard ones.
FAMILIES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "standard": (("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"), "L-1216C47A", "L-34B43A08"),
    "F": (("f",), "L-74FC7D96", "L-88CF9481"),
    "G and VT": (("g", "gr", "vt"), "L-DB2E81BA", "L-3819A6DF"),
    "P": (("p",), "L-417A185B", "L-7212CCBC"),
    "Inf": (("inf",), "L-1945791B", "L-B5D1601B"),
    "X": (("x",), "L-7295265B", "L-E3A00192"),
}


@dataclass(frozen=True)
class Quota:
    """A quota, and which responses its usage needs."""

    name: str
    service: str
    code: str
    answers: tuple[str, ...]
    family: str = ""
    capacity: str = ""


FIXED = (
    Quota("VPCs", "vpc", "L-F678F1CE", ("vpcs",)),
    Quota("elastic IPs", "ec2", "L-0263D0A3", ("addresses",)),
    Quota("NAT gateways", "vpc", "L-FE5A380F", ("nat_gateways", "subnets")),
    Quota("EKS clusters", "eks", "L-1194D53C", ("clusters",)),
    Quota("Application Load Balancers", "elasticloadbalancing", "L-53DA6B97", ("balancers",)),
)


@dataclass
class Usage:
    where: str
    used: float
    needed: float
    # What the node groups may scale up to, above what is needed now.
    growth: float = 0


def instance_types(given: dict[str, Any]) -> list[str]:
    return sorted({kind for group in given["node_groups"] for kind in group["instance_types"]})


def family_of(instance_type: str) -> str:
    letters = instance_type.split(".")[0]
    letters = letters[: next((at for at, letter in enumerate(letters) if letter.isdigit()), len(letters))]
    return next((family for family, (prefixes, _on_demand, _spot) in FAMILIES.items() if letters in prefixes), "")


def concerned(given: dict[str, Any]) -> list[Quota]:
    """The quotas of everything that a platform has, and of the vCPUs of its node groups' families."""
    found = list(FIXED)
    for family, (_prefixes, on_demand, spot) in FAMILIES.items():
        for capacity, code in (("ON_DEMAND", on_demand), ("SPOT", spot)):
            if any(family in map(family_of, group["instance_types"]) for group in _groups(given, capacity)):
                name = f"{'on-demand' if capacity == 'ON_DEMAND' else 'spot'} vCPUs of {family} instances"
                found.append(Quota(name, "ec2", code, ("reservations", "types"), family, capacity))
    return found


def _groups(given: dict[str, Any], capacity: str) -> list[dict[str, Any]]:
    return [group for group in given["node_groups"] if (group.get("capacity_type") or "ON_DEMAND") == capacity]


def limit(aws: Aws, quota: Quota) -> float:
    """The quota as it applies to this account. Some regions return an unchanged one only as AWS's default."""
    key: dict[str, Any] = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        return float(aws.call("service-quotas", "get_service_quota", **key)["Quota"]["Value"])
    except AwsError as error:
        if not is_missing(error.code) and error.code != "NoSuchResourceException":
            raise
        return float(aws.call("service-quotas", "get_aws_default_service_quota", **key)["Quota"]["Value"])


def usages(quota: Quota, platform: Any, answers: dict[str, Any], balancers: int) -> list[Usage]:
    """What counts against a quota, and what a run adds. Existing resources count as used, and need nothing more."""
    plan = platform.plan()
    missing = [gateway for gateway in plan["nat_gateways"] if not gateway["id"]]
    if quota.name == "VPCs":
        return [Usage("", len(answers["vpcs"]), 0 if plan["vpc"]["id"] else 1)]
    if quota.name == "elastic IPs":
        return [Usage("", len(answers["addresses"]), sum(not gateway["allocation_id"] for gateway in missing))]
    if quota.name == "EKS clusters":
        return [Usage("", len(answers["clusters"]), 0 if platform.live.cluster else 1)]
    if quota.name == "Application Load Balancers":
        return [Usage("", sum(balancer.get("Type") == "application" for balancer in answers["balancers"]), balancers)]
    if quota.name == "NAT gateways":
        zone_of = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in answers["subnets"]}
        used = [zone_of.get(gateway.get("SubnetId")) for gateway in answers["nat_gateways"] if gateway["State"] in ("pending", "available")]
        return [Usage(zone, used.count(zone), 1) for zone in sorted({gateway["zone"] for gateway in missing})]
    return [_vcpus(quota, platform, answers)]


def _vcpus(quota: Quota, platform: Any, answers: dict[str, Any]) -> Usage:
    sizes = {entry["InstanceType"]: entry["VCpuInfo"]["DefaultVCpus"] for entry in answers["types"]}
    needed = growth = 0
    for group in _groups(platform.given, quota.capacity):
        live = platform.live.node_groups.get(group["name"])
        wanted, there = sizes_of(group, live), ((live or {}).get("scalingConfig") or {}).get("desiredSize", 0)
        each = max((sizes.get(kind, 0) for kind in group["instance_types"] if family_of(kind) == quota.family), default=0)
        needed += each * max(0, wanted["desired_size"] - there)
        growth += each * max(0, wanted["max_size"] - max(wanted["desired_size"], there))
    return Usage("", sum(_running(quota, answers["reservations"])), needed, growth)


def _running(quota: Quota, reservations: list[dict[str, Any]]) -> Iterable[int]:
    for reservation in reservations:
        for instance in reservation["Instances"]:
            spot = instance.get("InstanceLifecycle") == "spot"
            if spot == (quota.capacity == "SPOT") and family_of(instance["InstanceType"]) == quota.family:
                cpu = instance.get("CpuOptions") or {}
                yield cpu.get("CoreCount", 0) * cpu.get("ThreadsPerCore", 1)


def check(quota: Quota, usage: Usage, value: float, region: str) -> tuple[Any, ...]:
    """One line about one quota."""
    name, where = quota.name, usage.where or region
    found = {"used": usage.used, "needed": usage.needed, "quota": value, "code": quota.code, "where": where}
    accepted = f"at most {max(0, value - usage.needed):g} in use"
    said = f"{name} in {where}: {usage.used:g} of {value:g} are in use, and this run needs {usage.needed:g} more"
    if usage.needed and usage.used + usage.needed > value:
        return (name, False, found, accepted, f"{said}; accepted: {accepted}; free some, or raise quota {quota.code} of {quota.service} in Service Quotas")
    if usage.growth and usage.used + usage.needed + usage.growth > value:
        most = usage.used + usage.needed + usage.growth
        return (name, True, found, accepted, f"{said}; the node groups may grow to {most:g} in total, which quota {quota.code} does not allow", True)
    return (name, True, found, accepted, said)
