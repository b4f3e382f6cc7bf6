# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Creations in EC2 that are executed once, even if AWS's response is lost.

Some calls have a client token, which aws_access sets: repeated, they return the first response. CreateVpc, CreateSubnet,
CreateInternetGateway and AllocateAddress have none (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html). They are never
repeated blindly: after a lost response, the resource is first searched by its tags.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...aws.client import Aws, AwsError, tag_list, tags_of
from ...aws.patience import patiently


def specification(kind: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tag_list(tags)}]


def patient(aws: Aws, service: str, operation: str, done: tuple[str, ...] = (), **arguments: Any) -> dict[str, Any]:
    """A call about a resource that was created a moment ago. Codes in `done` mean that it is done already."""
    try:
        return patiently(lambda: aws.call(service, operation, **arguments), aws.sleep)
    except AwsError as error:
        if error.code in done:
            return {}
        raise


def _tagged(
    aws: Aws, operation: str, key: str, tags: dict[str, str], answer: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[[], dict[str, Any] | None]:
    """Find what a creation with these tags has created, in the form of its response. The name narrows the search, all tags must match."""

    def find() -> dict[str, Any] | None:
        listed = aws.call("ec2", operation, Filters=[{"Name": "tag:Name", "Values": [tags["Name"]]}])[key]
        found = [item for item in listed if tags.items() <= tags_of(item.get("Tags")).items()]
        return answer(found[0]) if found else None

    return find


def vpc(aws: Aws, wanted: dict[str, Any]) -> str:
    find = _tagged(aws, "describe_vpcs", "Vpcs", wanted["tags"], lambda item: {"Vpc": item})
    made = aws.call("ec2", "create_vpc", find, CidrBlock=wanted["cidr"], TagSpecifications=specification("vpc", wanted["tags"]))
    return str(made["Vpc"]["VpcId"])


def internet_gateway(aws: Aws, wanted: dict[str, Any]) -> str:
    find = _tagged(aws, "describe_internet_gateways", "InternetGateways", wanted["tags"], lambda item: {"InternetGateway": item})
    made = aws.call("ec2", "create_internet_gateway", find, TagSpecifications=specification("internet-gateway", wanted["tags"]))
    return str(made["InternetGateway"]["InternetGatewayId"])


def address(aws: Aws, wanted: dict[str, Any]) -> str:
    find = _tagged(aws, "describe_addresses", "Addresses", wanted["tags"], lambda item: item)
    made = aws.call("ec2", "allocate_address", find, Domain="vpc", TagSpecifications=specification("elastic-ip", wanted["tags"]))
    return str(made["AllocationId"])


def subnet(aws: Aws, vpc_id: str, wanted: dict[str, Any]) -> str:
    """A CIDR block is unique in a VPC: if it is in use after a lost response, the subnet exists."""
    inside = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "cidr-block", "Values": [wanted["cidr"]]}]

    def find() -> dict[str, Any] | None:
        found = aws.call("ec2", "describe_subnets", Filters=inside)["Subnets"]
        return {"Subnet": found[0]} if found else None

    made = patient(
        aws,
        "ec2",
        "create_subnet",
        found=find,
        VpcId=vpc_id,
        CidrBlock=wanted["cidr"],
        AvailabilityZone=wanted["zone"],
        TagSpecifications=specification("subnet", wanted["tags"]),
    )
    return str(made["Subnet"]["SubnetId"])


def nat_gateway(aws: Aws, wanted: dict[str, Any]) -> tuple[str, str]:
    tags = specification("natgateway", wanted["tags"])
    made = patient(aws, "ec2", "create_nat_gateway", SubnetId=wanted["subnet_id"], AllocationId=wanted["allocation_id"], TagSpecifications=tags)
    return made["NatGateway"]["NatGatewayId"], made["NatGateway"]["State"]


def route_table(aws: Aws, vpc_id: str, wanted: dict[str, Any]) -> str:
    made = patient(aws, "ec2", "create_route_table", VpcId=vpc_id, TagSpecifications=specification("route-table", wanted["tags"]))
    return str(made["RouteTable"]["RouteTableId"])


def launch_template(aws: Aws, wanted: dict[str, Any]) -> str:
    tags = specification("launch-template", wanted["tags"])
    made = aws.call("ec2", "create_launch_template", LaunchTemplateName=wanted["name"], LaunchTemplateData=wanted["data"], TagSpecifications=tags)
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def launch_template_version(aws: Aws, wanted: dict[str, Any]) -> str:
    made = aws.call("ec2", "create_launch_template_version", LaunchTemplateId=wanted["id"], LaunchTemplateData=wanted["data"])
    return str(made["LaunchTemplateVersion"]["VersionNumber"])
