# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Paginated lists where moto returns everything at once: EC2's NextToken, IAM's Marker."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from typing import Any

from moto.ec2.responses import EC2Response

from .common import error

# Operation of EC2 -> its list, and the maximum length of one page (API reference, MaxResults of each).
EC2_LISTS = {
    "describe_vpcs": ("Vpcs", 1000),
    "describe_subnets": ("Subnets", 1000),
    "describe_route_tables": ("RouteTables", 100),
    "describe_internet_gateways": ("InternetGateways", 1000),
    "describe_nat_gateways": ("NatGateways", 1000),
    "describe_security_groups": ("SecurityGroups", 1000),
    "describe_security_group_rules": ("SecurityGroupRules", 1000),
    "describe_network_interfaces": ("NetworkInterfaces", 1000),
    "describe_network_acls": ("NetworkAcls", 1000),
    "describe_vpc_endpoints": ("VpcEndpoints", 1000),
    "describe_vpc_peering_connections": ("VpcPeeringConnections", 1000),
    "describe_launch_templates": ("LaunchTemplates", 200),
    "describe_volumes": ("Volumes", 1000),
    "describe_tags": ("Tags", 1000),
    "describe_instance_types": ("InstanceTypes", 100),
    "describe_instance_type_offerings": ("InstanceTypeOfferings", 1000),
}
# API reference of IAM, MaxItems: 100 if it is not given.
IAM_LISTS = {
    "list_policy_versions": "Versions",
    "list_role_policies": "PolicyNames",
    "list_role_tags": "Tags",
    "list_instance_profiles": "InstanceProfiles",
    "list_instance_profiles_for_role": "InstanceProfiles",
    "list_open_id_connect_provider_tags": "Tags",
}


def token(place: int) -> str:
    """A token from which a client cannot read a number."""
    return base64.b64encode(f"page {place}".encode()).decode()


def place(given: str | None, code: str) -> int:
    try:
        return int(base64.b64decode(given, validate=True).decode().removeprefix("page ")) if given else 0
    except ValueError:
        raise error(code, f"The token '{given}' is not valid.") from None


def _ec2(operation: Callable[[Any], Any], key: str, most: int) -> Callable[[Any], Any]:
    @functools.wraps(operation)
    def answer(response: Any) -> Any:
        start, size = place(response._get_param("NextToken"), "InvalidNextToken"), min(int(response._get_param("MaxResults") or most), most)
        given = operation(response)
        found = list(given.result[key])
        given.result[key] = found[start : start + size]
        given.result["NextToken"] = token(start + size) if len(found) > start + size else None
        return given

    return answer


def iam(operation: Callable[[Any], Any], key: str) -> Callable[[Any], Any]:
    @functools.wraps(operation)
    def answer(response: Any) -> Any:
        start, size = place(response._get_param("Marker"), "ValidationError"), int(response._get_param("MaxItems") or 100)
        given = operation(response)
        found = list(given.result[key])
        more = len(found) > start + size
        given.result.update({key: found[start : start + size], "IsTruncated": more, "Marker": token(start + size) if more else None})
        return given

    return answer


def install() -> None:
    for name, (key, most) in EC2_LISTS.items():
        setattr(EC2Response, name, _ec2(getattr(EC2Response, name), key, most))
