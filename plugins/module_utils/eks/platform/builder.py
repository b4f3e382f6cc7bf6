# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Create and change the network, the IAM roles and the launch templates of the platform, in parallel.

Everything gets its tags in the call that creates it, so that the next run finds everything that an interrupted one left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from ...aws import patience as aws_patience
from ...aws.client import Aws, AwsError, tag_list, tags_of, wait_for
from ...common.ownership import UNFINISHED_TAG
from ...common.require import require
from . import creations as eks_network_create
from . import logs as eks_platform_logs
from . import role_builder as eks_network_iam
from .creations import patient
from .difference import is_unfinished
from .network import Network, default_route
from .plan import Platform

# The sections that are created here; other modules handle the rest.
NETWORK = frozenset({"vpc", "subnets", "internet_gateway", "nat", "route_tables"})
SECTIONS = NETWORK | {"iam", "launch_templates", "logs"}


class Builder:
    """Creates what is missing, and changes what differs. Ids of new resources are added to the platform's lists."""

    def __init__(self, aws: Aws, platform: Platform, sections: Collection[str] = SECTIONS) -> None:
        self.aws, self.platform = aws, platform
        self.sections = {entry.section for entry in platform.differences() if entry.section in sections}
        # NAT gateways that this run created: id and name.
        self.begun: dict[str, str] = {}

    def build(self) -> None:
        """Two independent halves in parallel: what depends on the VPC, and what depends on nothing."""
        platform = self.platform
        calls: list[Callable[[], Any]] = []
        if "iam" in self.sections:
            calls += [
                partial(eks_network_iam.make, self.aws, role, platform.live.roles.get(role["name"]))
                for role in platform.roles
                if role["name"] not in platform.shared_roles
            ]
        if "launch_templates" in self.sections:
            calls += [partial(self._launch_template, template) for template in platform.nodes.launch_templates]
        if "logs" in self.sections:
            calls += [partial(eks_platform_logs.make, self.aws, platform.name, entry, platform.tags) for entry in platform.log_group()]
        if isinstance(platform.network, Network) and self.sections & NETWORK:
            calls.append(self._network)
        self.aws.run_parallel(*calls)

    # The network, from the VPC outwards

    def _own_network(self) -> Network:
        return require(self.platform.network if isinstance(self.platform.network, Network) else None)

    def _network(self) -> None:
        network = self._own_network()
        addresses = [gateway for gateway in network.nat_gateways if not gateway["id"] and not gateway["allocation_id"]] if "nat" in self.sections else []
        self.aws.run_parallel(self._vpc, *[partial(self._address, gateway) for gateway in addresses])
        calls: list[Callable[[], Any]] = []
        if "internet_gateway" in self.sections:
            calls.append(self._internet_gateway)
        if "subnets" in self.sections:
            calls += [partial(self._subnet, subnet) for subnet in network.subnets]
        if "route_tables" in self.sections:
            calls += [partial(self._route_table, table) for table in network.route_tables]
        self.aws.run_parallel(*calls)
        network.link()
        if "nat" in self.sections:
            self.aws.run_parallel(*[partial(self._nat_gateway, gateway) for gateway in network.nat_gateways])
        if self.sections & {"nat", "route_tables"}:
            network.link()
            self.aws.run_parallel(*[partial(self._routes, table) for table in network.route_tables])

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
        # Support comes first: AWS accepts hostnames only with DNS resolution.
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
            unfinished = {UNFINISHED_TAG: "true"} if subnet["map_public"] else {}
            subnet["id"] = eks_network_create.subnet(self.aws, self.platform.network.vpc["id"], {**subnet, "tags": {**subnet["tags"], **unfinished}})
        self._tags(subnet["id"], live, subnet["tags"])
        if subnet["map_public"] != (live or {}).get("MapPublicIpOnLaunch", False):
            patient(self.aws, "ec2", "modify_subnet_attribute", SubnetId=subnet["id"], MapPublicIpOnLaunch={"Value": subnet["map_public"]})
        if subnet["map_public"] if live is None else is_unfinished(live):
            patient(self.aws, "ec2", "delete_tags", Resources=[subnet["id"]], Tags=[{"Key": UNFINISHED_TAG}])

    def _address(self, gateway: dict[str, Any]) -> None:
        gateway["allocation_id"] = eks_network_create.address(self.aws, gateway)

    def _nat_gateway(self, gateway: dict[str, Any]) -> None:
        live = next((item for item in self.platform.live.nat_gateways if item["NatGatewayId"] == gateway["id"]), None)
        self._tags(gateway["id"], live, gateway["tags"])
        if live is None:
            gateway["id"], gateway["state"] = eks_network_create.nat_gateway(self.aws, gateway)
            self.begun[gateway["id"]] = gateway["name"]

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
        there, wanted = default_route(live), self._own_network().wanted_route(live, table)
        for destination, gateway_id in wanted.items():
            if there.get(destination) != gateway_id:
                self._route(table["id"], destination, gateway_id, destination in there)
        for destination in set(there) - set(wanted):
            self.aws.call("ec2", "delete_route", RouteTableId=table["id"], DestinationCidrBlock=destination)

    def _route(self, table_id: str, destination: str, gateway_id: str, replace: bool) -> None:
        where = {"NatGatewayId": gateway_id} if gateway_id.startswith("nat-") else {"GatewayId": gateway_id}
        request: dict[str, Any] = {"RouteTableId": table_id, "DestinationCidrBlock": destination, **where}
        # AWS does not always accept a route to a pending NAT gateway: then the route is added once the gateway is available.
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
        raise AwsError(f"route table {table_id}: the route to {destination} cannot be created or replaced")

    def _nat_gateways(self) -> list[dict[str, Any]]:
        gateways: list[dict[str, Any]] = self.platform.network.plan()["nat_gateways"]
        return gateways

    # Launch templates

    def _launch_template(self, template: dict[str, Any]) -> None:
        live = self.platform.live.launch_templates.get(template["name"])
        if live is None:
            template["id"] = eks_network_create.launch_template(self.aws, template)
            return
        self._tags(live["LaunchTemplateId"], live, template["tags"])
        if int(template["version"]) > int(live["LatestVersionNumber"]):
            eks_network_create.launch_template_version(self.aws, template)


def plan_of(platform: Platform, sections: Collection[str]) -> dict[str, Any]:
    """The plan, without NAT gateways and surplus resources of sections that are not requested."""
    plan = platform.plan()
    if not NETWORK & set(sections):
        plan |= {key: [] for key in ("nat_gateways", "surplus_nat_gateways", "surplus_addresses", "surplus_internet_gateways")}
    return plan if "launch_templates" in sections else {**plan, "surplus_launch_templates": []}


def unfinished(platform: Platform, sections: Collection[str] = SECTIONS) -> list[str]:
    """What AWS is still creating, and what is deleted afterwards."""
    plan = plan_of(platform, sections)
    pending = [f"NAT gateway {gateway['name']}" for gateway in plan["nat_gateways"] if gateway["state"] == "pending"]
    kinds = {"surplus_nat_gateways": "NAT gateway", "surplus_addresses": "elastic IP", "surplus_internet_gateways": "internet gateway"}
    names = [f"{kind} {name}" for key, kind in kinds.items() for name in plan[key]]
    return pending + names + [f"launch template {name}" for name in plan["surplus_launch_templates"]]


def wait_for_nat_gateways(aws: Aws, platform: Platform, timeout: float, delay: float) -> None:
    """Wait for pending ones. A failure is reported with its reason."""
    names = {gateway["id"]: gateway["name"] for gateway in platform.network.plan()["nat_gateways"] if gateway["state"] == "pending"}
    if not names:
        return

    def look() -> list[dict[str, Any]]:
        return aws.pages("ec2", "describe_nat_gateways", "NatGateways", NatGatewayIds=list(names))

    def said(gateways: list[dict[str, Any]]) -> str:
        return ", ".join(f"{names[gateway['NatGatewayId']]} {gateway['State']}" for gateway in gateways)

    found = wait_for("NAT gateways", look, said, lambda gateways: all(gateway["State"] != "pending" for gateway in gateways), timeout, delay)
    _refuse_failed([gateway for gateway in found if gateway["State"] != "available"], names)


def _refuse_failed(gateways: list[dict[str, Any]], names: dict[str, str]) -> None:
    """AWS lists a failed gateway for an hour, with the reason."""
    for gateway in gateways:
        name, reason = names.get(gateway["NatGatewayId"]), f"{gateway.get('FailureCode', '')}: {gateway.get('FailureMessage', 'AWS gives no reason')}"
        if name:
            raise AwsError(f"NAT gateway {name} ({gateway['NatGatewayId']}) is {gateway['State']}: {reason}. The next run creates a new one", gateway["State"])


def remove_surplus(aws: Aws, platform: Platform, sections: Collection[str], timeout: float, delay: float) -> None:
    """Delete our surplus resources; nothing refers to them any more by now."""
    plan = plan_of(platform, sections)
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
    addresses, internet = plan["surplus_addresses"], plan["surplus_internet_gateways"]
    calls += [partial(aws_patience.delete, aws, "elastic IP", "ec2", "release_address", timeout, delay, AllocationId=name) for name in addresses]
    calls += [
        partial(aws_patience.delete, aws, "internet gateway", "ec2", "delete_internet_gateway", timeout, delay, InternetGatewayId=name) for name in internet
    ]
    calls += [partial(aws.call, "ec2", "delete_launch_template", LaunchTemplateName=name) for name in plan["surplus_launch_templates"]]
    aws.run_parallel(*calls)


def settled(look: Callable[[], Platform], begun: dict[str, str], sections: Collection[str] = SECTIONS, timeout: float = 60.0) -> Platform:
    """Poll until AWS lists the new resources: its lists are stale for seconds, and a reader of an old one would create them twice.

    A NAT gateway of this run that has failed by now is reported with its reason.
    """
    end = time.monotonic() + timeout
    pause = 0.5
    while True:
        platform = look()
        _refuse_failed(platform.live.failed_nat_gateways, begun)
        found = [entry for entry in platform.differences() if entry.section in sections and entry.action == "create"]
        if not found or time.monotonic() > end:
            return platform
        time.sleep(pause)
        pause = min(5.0, pause * 1.6)
