# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Make the network, the IAM roles and the launch templates of the platform what they should be, in parallel.

Everything gets its tags in the call that makes it, so that a run that is stopped anywhere leaves nothing that the next one does not find.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_network_create, eks_network_iam
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, tag_list, tags_of, wait_for
from ansible_collections.meshgate.eks_istio.plugins.module_utils.certain import certain
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_network_create import patient
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform import Platform
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_network import Network, target_of

# What this makes; the rest of the look is for other modules.
SECTIONS = ("vpc", "subnets", "internet_gateway", "nat", "route_tables", "iam", "launch_templates")


class Builder:
    """Makes what a look found missing, and changes what differs. Ids of what it makes go into the platform's own lists."""

    def __init__(self, aws: Aws, platform: Platform) -> None:
        self.aws, self.platform = aws, platform
        self.sections = {entry.section for entry in platform.differences()}

    def build(self) -> None:
        """Two independent halves at the same time: what stands on the VPC, and what stands on nothing."""
        platform = self.platform
        calls: list[Callable[[], Any]] = []
        if "iam" in self.sections:
            calls += [partial(eks_network_iam.make, self.aws, role, platform.live.roles.get(role["name"])) for role in platform.roles]
        if "launch_templates" in self.sections:
            calls += [partial(self._launch_template, template) for template in platform.nodes.launch_templates]
        if isinstance(platform.network, Network):
            calls.append(self._network)
        self.aws.together(*calls)

    # The network, from the VPC outwards

    def _own_network(self) -> Network:
        return certain(self.platform.network if isinstance(self.platform.network, Network) else None)

    def _network(self) -> None:
        network = self._own_network()
        addresses = [gateway for gateway in network.nat_gateways if not gateway["id"] and not gateway["allocation_id"]] if "nat" in self.sections else []
        self.aws.together(self._vpc, *[partial(self._address, gateway) for gateway in addresses])
        calls: list[Callable[[], Any]] = []
        if "internet_gateway" in self.sections:
            calls.append(self._internet_gateway)
        if "subnets" in self.sections:
            calls += [partial(self._subnet, subnet) for subnet in network.subnets]
        if "route_tables" in self.sections:
            calls += [partial(self._route_table, table) for table in network.route_tables]
        self.aws.together(*calls)
        network.link()
        if "nat" in self.sections:
            self.aws.together(*[partial(self._nat_gateway, gateway) for gateway in network.nat_gateways])
        if self.sections & {"nat", "route_tables"}:
            network.link()
            self.aws.together(*[partial(self._routes, table) for table in network.route_tables])

    def _tags(self, resource_id: str, live: dict[str, Any] | None, wanted: dict[str, str]) -> None:
        there = tags_of((live or {}).get("Tags"))
        missing = {key: value for key, value in wanted.items() if there.get(key) != value}
        if live is not None and missing:
            self.aws.call("ec2", "create_tags", Resources=[resource_id], Tags=tag_list(missing))

    def _vpc(self) -> None:
        vpc, live = self.platform.network.vpc, self.platform.live.vpc
        if live is None:
            vpc["id"] = eks_network_create.vpc(self.aws, vpc)
        if "vpc" not in self.sections:
            return
        self._tags(vpc["id"], live, vpc["tags"])
        dns = self.platform.live.dns if live else {}
        # Support comes first: AWS takes names only where addresses are resolved.
        for option, attribute in (("dns_support", "EnableDnsSupport"), ("dns_hostnames", "EnableDnsHostnames")):
            if not dns.get(option):
                request: dict[str, Any] = {"VpcId": vpc["id"], attribute: {"Value": True}}
                patient(self.aws, "ec2", "modify_vpc_attribute", **request)

    def _internet_gateway(self) -> None:
        network = self._own_network()
        gateway = network.internet_gateway
        live = network.live_internet_gateway()
        if live is None:
            gateway["id"] = eks_network_create.internet_gateway(self.aws, gateway)
        self._tags(gateway["id"], live, gateway["tags"])
        if live is None or not network.attached(live):
            patient(self.aws, "ec2", "attach_internet_gateway", ("Resource.AlreadyAssociated",), InternetGatewayId=gateway["id"], VpcId=network.vpc["id"])

    def _subnet(self, subnet: dict[str, Any]) -> None:
        live = next((item for item in self.platform.live.subnets if item["SubnetId"] == subnet["id"]), None)
        if live is None:
            subnet["id"] = eks_network_create.subnet(self.aws, self.platform.network.vpc["id"], subnet)
        self._tags(subnet["id"], live, subnet["tags"])
        if subnet["map_public"] != (live or {}).get("MapPublicIpOnLaunch", False):
            patient(self.aws, "ec2", "modify_subnet_attribute", SubnetId=subnet["id"], MapPublicIpOnLaunch={"Value": subnet["map_public"]})

    def _address(self, gateway: dict[str, Any]) -> None:
        gateway["allocation_id"] = eks_network_create.address(self.aws, gateway)

    def _nat_gateway(self, gateway: dict[str, Any]) -> None:
        live = next((item for item in self.platform.live.nat_gateways if item["NatGatewayId"] == gateway["id"]), None)
        self._tags(gateway["id"], live, gateway["tags"])
        if live is None:
            gateway["id"], gateway["state"] = eks_network_create.nat_gateway(self.aws, gateway)

    # Route tables

    def _route_table(self, table: dict[str, Any]) -> None:
        live = next((item for item in self.platform.live.route_tables if item["RouteTableId"] == table["id"]), None)
        if live is None:
            table["id"] = eks_network_create.route_table(self.aws, self.platform.network.vpc["id"], table)
        self._tags(table["id"], live, table["tags"])

    def _routes(self, table: dict[str, Any]) -> None:
        tables = self.platform.live.route_tables
        live: dict[str, Any] = next((item for item in tables if item["RouteTableId"] == table["id"]), {})
        joined = {entry.get("SubnetId"): (item["RouteTableId"], entry["RouteTableAssociationId"]) for item in tables for entry in item.get("Associations", [])}
        for subnet_id in table["subnet_ids"]:
            at, association = joined.get(subnet_id, (None, None))
            if at is None:
                patient(self.aws, "ec2", "associate_route_table", ("Resource.AlreadyAssociated",), RouteTableId=table["id"], SubnetId=subnet_id)
            elif at != table["id"]:
                patient(self.aws, "ec2", "replace_route_table_association", RouteTableId=table["id"], AssociationId=association)
        for entry in live.get("Associations", []):
            if entry.get("SubnetId") and entry["SubnetId"] not in table["subnet_ids"]:
                self.aws.call("ec2", "disassociate_route_table", AssociationId=entry["RouteTableAssociationId"])
        there = {route["DestinationCidrBlock"]: target_of(route) for route in live.get("Routes", []) if route.get("DestinationCidrBlock")}
        wanted = {route["dest"]: route["gateway_id"] for route in table["routes"]}
        for destination, gateway_id in wanted.items():
            if there.get(destination) != gateway_id:
                self._route(table["id"], destination, gateway_id, destination in there)
        for destination, target in there.items():
            if destination not in wanted and target != "local":
                self.aws.call("ec2", "delete_route", RouteTableId=table["id"], DestinationCidrBlock=destination)

    def _route(self, table_id: str, destination: str, gateway_id: str, replace: bool) -> None:
        where = {"NatGatewayId": gateway_id} if gateway_id.startswith("nat-") else {"GatewayId": gateway_id}
        request: dict[str, Any] = {"RouteTableId": table_id, "DestinationCidrBlock": destination, **where}
        # AWS does not always take a route to a NAT gateway that it is still making: then the route comes when the gateway is there.
        state = next((gateway["state"] for gateway in self._nat_gateways() if gateway["id"] == gateway_id), "available")
        for attempt in ("replace_route", "create_route") if replace else ("create_route", "replace_route"):
            try:
                if state == "pending":
                    self.aws.call("ec2", attempt, **request)
                else:
                    patient(self.aws, "ec2", attempt, **request)
                return
            except AwsError as error:
                if state == "pending" and "NatGateway" in error.code:
                    return
                if attempt == "create_route" and error.code != "RouteAlreadyExists" or attempt == "replace_route" and error.code != "InvalidParameterValue":
                    raise
        raise AwsError(f"route table {table_id}: the route to {destination} can be neither created nor replaced")

    def _nat_gateways(self) -> list[dict[str, Any]]:
        return self.platform.network.plan()["nat_gateways"]

    # Launch templates

    def _launch_template(self, template: dict[str, Any]) -> None:
        live = self.platform.live.launch_templates.get(template["name"])
        if live is None:
            template["id"] = eks_network_create.launch_template(self.aws, template)
            return
        self._tags(live["LaunchTemplateId"], live, template["tags"])
        if int(template["version"]) > int(live["LatestVersionNumber"]):
            eks_network_create.launch_template_version(self.aws, template)


def unfinished(platform: Platform) -> list[str]:
    """What AWS is still making, and what goes when that is there."""
    plan = platform.plan()
    pending = [f"NAT gateway {gateway['name']}" for gateway in plan["nat_gateways"] if gateway["state"] == "pending"]
    kinds = {"surplus_nat_gateways": "NAT gateway", "surplus_addresses": "elastic IP", "surplus_internet_gateways": "internet gateway"}
    names = [f"{kind} {name}" for key, kind in kinds.items() for name in plan[key]]
    return pending + names + [f"launch template {name}" for name in plan["surplus_launch_templates"]]


def wait_for_nat_gateways(aws: Aws, platform: Platform, timeout: float, delay: float) -> None:
    """Wait for those that are being made. One that fails says why."""
    names = {gateway["id"]: gateway["name"] for gateway in platform.network.plan()["nat_gateways"] if gateway["state"] == "pending"}
    if not names:
        return

    def look() -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_nat_gateways", "NatGateways", NatGatewayIds=list(names))

    def said(gateways: list[dict[str, Any]]) -> str:
        return ", ".join(f"{names[gateway['NatGatewayId']]} {gateway['State']}" for gateway in gateways)

    found = wait_for("NAT gateways", look, said, lambda gateways: all(gateway["State"] != "pending" for gateway in gateways), timeout, delay)
    for gateway in found:
        if gateway["State"] != "available":
            reason = f"{gateway.get('FailureCode', '')}: {gateway.get('FailureMessage', 'AWS gives no reason')}"
            raise AwsError(f"NAT gateway {names[gateway['NatGatewayId']]} ({gateway['NatGatewayId']}) is {gateway['State']}: {reason}", gateway["State"])


def remove_surplus(aws: Aws, platform: Platform, timeout: float, delay: float) -> None:
    """Take away what is ours and not wanted any more; nothing refers to it any more by now."""
    plan = platform.plan()
    gateways = plan["surplus_nat_gateways"]
    for gateway_id in gateways:
        aws.call("ec2", "delete_nat_gateway", NatGatewayId=gateway_id)
    if gateways:
        wait_for(
            f"deletion of {len(gateways)} NAT gateway(s)",
            lambda: aws.pages("ec2", "describe_nat_gateways", "NatGateways", NatGatewayIds=gateways),
            lambda found: ", ".join(f"{gateway['NatGatewayId']} {gateway['State']}" for gateway in found) or "gone",
            lambda found: all(gateway["State"] in ("deleted", "failed") for gateway in found),
            timeout,
            delay,
        )
    calls: list[Callable[[], Any]] = []
    calls += [partial(aws.call, "ec2", "release_address", AllocationId=name) for name in plan["surplus_addresses"]]
    calls += [partial(aws.call, "ec2", "delete_internet_gateway", InternetGatewayId=name) for name in plan["surplus_internet_gateways"]]
    calls += [partial(aws.call, "ec2", "delete_launch_template", LaunchTemplateName=name) for name in plan["surplus_launch_templates"]]
    aws.together(*calls)


def settled(look: Callable[[], Platform], timeout: float = 60.0) -> Platform:
    """Look until AWS shows what was just made: its lists lag behind for seconds, and whoever reads an old one would make it twice."""
    end = time.monotonic() + timeout
    pause = 0.5
    while True:
        platform = look()
        found = [entry for entry in platform.differences() if entry.section in SECTIONS and entry.action == "create"]
        if not found or time.monotonic() > end:
            return platform
        time.sleep(pause)
        pause = min(5.0, pause * 1.6)
