# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Creations in EC2 that are carried out once, even if AWS's answer is lost.

Some calls take a client token, which aws_access fills in: sent again, they answer what they answered before. CreateVpc, CreateSubnet,
CreateInternetGateway and AllocateAddress have none (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html). They are never
repeated blindly: after an answer that is lost, what they were to make is looked for by its tags first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, is_missing, tag_list, tags_of

# How long AWS's servers may take until all of them know what one of them has made.
LAG = 60.0
LONGEST_PAUSE = 5.0


def specification(kind: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": tag_list(tags)}]


def patient(aws: Aws, service: str, operation: str, done: tuple[str, ...] = (), timeout: float = LAG, **arguments: Any) -> dict[str, Any]:
    """A call about something that was made a moment ago: AWS may not know it everywhere yet. Codes in `done` say that it is so already."""
    end, pause = time.monotonic() + timeout, 0.2
    while True:
        try:
            return aws.call(service, operation, **arguments)
        except AwsError as error:
            if error.code in done:
                return {}
            if not is_missing(error.code) or time.monotonic() > end:
                raise
        aws.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.6)


def _tagged(
    aws: Aws, operation: str, key: str, tags: dict[str, str], answer: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[[], dict[str, Any] | None]:
    """Look for what a creation with these tags has made, in the form of its answer. The name narrows it down, all of the tags decide."""

    def find() -> dict[str, Any] | None:
        listed = aws.call("ec2", operation, Filters=[{"Name": "tag:Name", "Values": [tags["Name"]]}])[key]
        found = [item for item in listed if tags.items() <= tags_of(item.get("Tags")).items()]
        return answer(found[0]) if found else None

    return find


def vpc(aws: Aws, wanted: dict[str, Any]) -> str:
    find = _tagged(aws, "describe_vpcs", "Vpcs", wanted["tags"], lambda item: {"Vpc": item})
    made = aws.call("ec2", "create_vpc", find, CidrBlock=wanted["cidr"], TagSpecifications=specification("vpc", wanted["tags"]))
    return made["Vpc"]["VpcId"]


def internet_gateway(aws: Aws, wanted: dict[str, Any]) -> str:
    find = _tagged(aws, "describe_internet_gateways", "InternetGateways", wanted["tags"], lambda item: {"InternetGateway": item})
    made = aws.call("ec2", "create_internet_gateway", find, TagSpecifications=specification("internet-gateway", wanted["tags"]))
    return made["InternetGateway"]["InternetGatewayId"]


def address(aws: Aws, wanted: dict[str, Any]) -> str:
    find = _tagged(aws, "describe_addresses", "Addresses", wanted["tags"], lambda item: item)
    return aws.call("ec2", "allocate_address", find, Domain="vpc", TagSpecifications=specification("elastic-ip", wanted["tags"]))["AllocationId"]


def subnet(aws: Aws, vpc_id: str, wanted: dict[str, Any]) -> str:
    """A block is given once in a VPC: whoever finds it taken after a lost answer finds the subnet."""
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
    return made["Subnet"]["SubnetId"]


def nat_gateway(aws: Aws, wanted: dict[str, Any]) -> tuple[str, str]:
    tags = specification("natgateway", wanted["tags"])
    made = patient(aws, "ec2", "create_nat_gateway", SubnetId=wanted["subnet_id"], AllocationId=wanted["allocation_id"], TagSpecifications=tags)
    return made["NatGateway"]["NatGatewayId"], made["NatGateway"]["State"]


def route_table(aws: Aws, vpc_id: str, wanted: dict[str, Any]) -> str:
    made = patient(aws, "ec2", "create_route_table", VpcId=vpc_id, TagSpecifications=specification("route-table", wanted["tags"]))
    return made["RouteTable"]["RouteTableId"]


def launch_template(aws: Aws, wanted: dict[str, Any]) -> str:
    tags = specification("launch-template", wanted["tags"])
    made = aws.call("ec2", "create_launch_template", LaunchTemplateName=wanted["name"], LaunchTemplateData=wanted["data"], TagSpecifications=tags)
    return made["LaunchTemplate"]["LaunchTemplateId"]


def launch_template_version(aws: Aws, wanted: dict[str, Any]) -> str:
    made = aws.call("ec2", "create_launch_template_version", LaunchTemplateId=wanted["id"], LaunchTemplateData=wanted["data"])
    return str(made["LaunchTemplateVersion"]["VersionNumber"])
