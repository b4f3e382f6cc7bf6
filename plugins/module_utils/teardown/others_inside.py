# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Resources of others in our VPC, and their interfaces and rules that use our security groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..aws.client import Aws, tags_of
from .found import Found, Look, reason
from .search import balancers_with_tags

CNI_TAG = "node.k8s.amazonaws.com/instance_id"
CNI_CLUSTER_TAG = "cluster.k8s.amazonaws.com/name"
# Interfaces of these types belong to an AWS service, or to a resource that is checked by itself.
SERVICE_TYPES = (
    "nat_gateway",
    "network_load_balancer",
    "gateway_load_balancer",
    "vpc_endpoint",
    "gateway_load_balancer_endpoint",
    "transit_gateway",
    "ec2_instance_connect_endpoint",
)
OVER = ("deleted", "deleting", "delete-complete", "delete-in-progress", "rejected", "failed", "expired", "detached", "terminated", "shutting-down")
Item = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A type of resource in a VPC: how EC2 lists it, and its filter, if any."""

    type: str
    operation: str
    key: str
    id: str
    filter: str = ""
    # A VPC is created with one of these, which is deleted with it.
    born_with: Callable[[Item], bool] = lambda item: False


KINDS = (
    Kind("subnet", "describe_subnets", "Subnets", "SubnetId", "vpc-id"),
    Kind(
        "route table",
        "describe_route_tables",
        "RouteTables",
        "RouteTableId",
        "vpc-id",
        lambda item: any(association.get("Main") for association in item.get("Associations") or []),
    ),
    Kind("security group", "describe_security_groups", "SecurityGroups", "GroupId", "vpc-id", lambda item: item["GroupName"] == "default"),
    Kind("network ACL", "describe_network_acls", "NetworkAcls", "NetworkAclId", "vpc-id", lambda item: bool(item.get("IsDefault"))),
    Kind("VPC endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "vpc-id"),
    Kind("NAT gateway", "describe_nat_gateways", "NatGateways", "NatGatewayId", "vpc-id"),
    Kind("internet gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", "attachment.vpc-id"),
    Kind("egress-only internet gateway", "describe_egress_only_internet_gateways", "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId"),
    Kind("VPN gateway", "describe_vpn_gateways", "VpnGateways", "VpnGatewayId", "attachment.vpc-id"),
    Kind("VPC peering connection", "describe_vpc_peering_connections", "VpcPeeringConnections", "VpcPeeringConnectionId"),
    Kind(
        "transit gateway attachment",
        "describe_transit_gateway_vpc_attachments",
        "TransitGatewayVpcAttachments",
        "TransitGatewayAttachmentId",
        "vpc-id",
    ),
    Kind("EC2 Instance Connect endpoint", "describe_instance_connect_endpoints", "InstanceConnectEndpoints", "InstanceConnectEndpointId", "vpc-id"),
)


def inside_of(aws: Aws, name: str, look: Look) -> list[Found]:
    vpcs, groups = sorted(look.proof.homes), [entry.id for entry in look.ours if entry.type == "security group"]
    return _Inside(aws, name, look, vpcs, groups).others() if vpcs or groups else []


def vpcs_of(item: Item) -> set[str]:
    """The VPCs that it is in, or between."""
    said = [item.get("VpcId"), item.get("VPCId")]
    said += [attachment.get("VpcId") for key in ("Attachments", "VpcAttachments") for attachment in item.get(key) or []]
    said += [(item.get(key) or {}).get("VpcId") for key in ("RequesterVpcInfo", "AccepterVpcInfo")]
    return {vpc for vpc in said if vpc}


def is_over(item: Item) -> bool:
    state = item.get("State") or item.get("Status")
    state = state.get("Name") or state.get("Code") if isinstance(state, dict) else state
    # A gateway itself has no state, only its attachment.
    attached = [str(attachment.get("State")).lower() for attachment in item.get("VpcAttachments") or []]
    return str(state).lower() in OVER or (bool(attached) and all(state in OVER for state in attached))


class _Inside:
    def __init__(self, aws: Aws, name: str, look: Look, vpcs: list[str], groups: list[str]) -> None:
        self.aws, self.name, self.vpcs, self.groups = aws, name, vpcs, groups
        self.ours = {entry.id for entry in look.ours}
        self.balancers: list[tuple[str, str, str, Item, dict[str, str]]] = []

    def others(self) -> list[Found]:
        self.balancers, inside, using, reservations, *listed = self.aws.run_parallel(
            lambda: balancers_with_tags(self.aws),
            lambda: self._pages("describe_network_interfaces", "NetworkInterfaces", "vpc-id", self.vpcs),
            lambda: self._pages("describe_network_interfaces", "NetworkInterfaces", "group-id", self.groups),
            lambda: self._pages("describe_instances", "Reservations", "vpc-id", self.vpcs),
            lambda: self._pages("describe_security_groups", "SecurityGroups", "ip-permission.group-id", self.groups),
            lambda: self._pages("describe_security_groups", "SecurityGroups", "egress.ip-permission.group-id", self.groups),
            *[partial(self._listed, kind) for kind in KINDS],
        )
        met = [entry for kind, items in zip(KINDS, listed[2:], strict=True) for entry in self._judge(kind, items)]
        met += self._judge(Kind("instance", "", "", "InstanceId"), [instance for one in reservations for instance in one["Instances"]])
        for kind, identity, title, item, _tags in self.balancers:
            met += self._judge(Kind(kind, "", "", "id"), [{**item, "id": identity, "GroupName": title}])
        met += [self._interface(one, self._home(one)) for one in inside if not self._belongs_to_a_service(one)]
        # Outside our own VPC, only what uses our resources matters.
        for one in using:
            if one.get("VpcId") not in self.vpcs and not self._is_ours(one):
                shared = sorted({group["GroupId"] for group in one.get("Groups") or []} & set(self.groups))
                met.append(self._interface(one, f"it uses our security group {', '.join(shared)}"))
        for group in [*listed[0], *listed[1]]:
            if group["GroupId"] not in self.ours:
                met.append(self._met("security group", group["GroupId"], group, "its rules reference one of our security groups"))
        return met

    def _pages(self, operation: str, key: str, name: str, values: list[str]) -> list[Item]:
        # DescribeNatGateways uses another name for it.
        parameter = "Filter" if operation == "describe_nat_gateways" else "Filters"
        return self.aws.pages("ec2", operation, key, **{parameter: [{"Name": name, "Values": values}]}) if values else []

    def _listed(self, kind: Kind) -> list[Item]:
        if not self.vpcs:
            return []
        return self._pages(kind.operation, kind.key, kind.filter, self.vpcs) if kind.filter else self.aws.pages("ec2", kind.operation, kind.key)

    def _judge(self, kind: Kind, items: list[Item]) -> list[Found]:
        strange = [item for item in items if vpcs_of(item) & set(self.vpcs) and item[kind.id] not in self.ours and not is_over(item)]
        return [self._met(kind.type, item[kind.id], item, self._home(item)) for item in strange if not kind.born_with(item)]

    def _home(self, item: Item) -> str:
        return f"it is in our VPC {', '.join(sorted(vpcs_of(item) & set(self.vpcs)))}"

    def _met(self, kind: str, identity: str, item: Item, where: str) -> Found:
        title = item.get("GroupName") or item.get("ServiceName") or tags_of(item.get("Tags")).get("Name", "")
        return Found(kind, identity, f"{where} and has no tag of cluster {self.name}", str(title))

    def _interface(self, interface: Item, where: str) -> Found:
        """An interface is reported with its owner, since that is what a person has to move."""
        user = (interface.get("Attachment") or {}).get("InstanceId") or interface.get("Description") or ""
        return Found("network interface", interface["NetworkInterfaceId"], f"{where} and has no tag of cluster {self.name}", user)

    def _is_ours(self, interface: Item) -> bool:
        """By its tags, its instance, or its load balancer, which may already be deleted."""
        tags = tags_of(interface.get("TagSet") or interface.get("Tags"))
        description = interface.get("Description") or ""
        if reason(self.name, tags) or description == f"Amazon EKS {self.name}" or (CNI_TAG in tags and CNI_CLUSTER_TAG not in tags):
            return True
        if description.startswith("ELB "):
            owner = description.removeprefix("ELB ")
            known = [arn for _kind, arn, title, _item, _tags in self.balancers if owner in (title, arn.rpartition(":loadbalancer/")[2])]
            return all(arn in self.ours for arn in known)
        return (interface.get("Attachment") or {}).get("InstanceId") in self.ours

    def _belongs_to_a_service(self, interface: Item) -> bool:
        """In our VPC, interfaces of load balancers, NAT gateways, instances and endpoints: their owner is checked, not they."""
        description = interface.get("Description") or ""
        return (
            self._is_ours(interface)
            or interface.get("InterfaceType") in SERVICE_TYPES
            or description.startswith(("ELB ", "Interface for NAT Gateway", "VPC Endpoint Interface", "aws-K8S-"))
            or bool((interface.get("Attachment") or {}).get("InstanceId"))
        )
