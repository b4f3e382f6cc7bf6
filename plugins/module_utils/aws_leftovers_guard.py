# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What stands in the way of a removal: what others have put into our network or made of our parts, what is protected, and what holds data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Aws, tags_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_leftovers import Found, balancers_with_tags, reason

CNI_TAG = "node.k8s.amazonaws.com/instance_id"
CNI_CLUSTER_TAG = "cluster.k8s.amazonaws.com/name"
DATA = ("volume", "snapshot")
# Interfaces of these types belong to a service of AWS.
SERVICE_TYPES = ("nat_gateway", "network_load_balancer", "gateway_load_balancer", "vpc_endpoint", "gateway_load_balancer_endpoint")


def protected(found: Iterable[Found]) -> list[Found]:
    """What is not to be deleted before its deletion protection is off."""
    said = [Found(entry.type, entry.id, "it has deletion protection", entry.name) for entry in found if is_protected(entry)]
    return sorted(said, key=lambda entry: (entry.type, entry.id))


def is_protected(entry: Found) -> bool:
    return bool(entry.raw.get("protected") if entry.type == "load balancer" else entry.type == "EKS cluster" and entry.raw.get("deletionProtection"))


def data(found: Iterable[Found]) -> list[Found]:
    """Volumes and snapshots that hold what the cluster's users wrote. The disks of nodes go with their instances."""
    return [Found(entry.type, entry.id, "it holds data", entry.name, entry.owned) for entry in found if holds_data(entry)]


def holds_data(entry: Found) -> bool:
    return entry.type in DATA and not any(attachment.get("DeleteOnTermination") for attachment in entry.raw.get("Attachments") or [])


def strangers(aws: Aws, name: str, found: Iterable[Found]) -> list[Found]:
    """What is not ours and would be broken by the removal, or would hinder it."""
    found = list(found)
    others = [
        Found(entry.type, entry.id, f"it has no tag {OWNER_TAG}={name}", entry.name)
        for entry in found
        if entry.type in ("EKS cluster", "node group", "Fargate profile") and not entry.owned
    ]
    # Nobody ends these with the cluster: nodes that Karpenter or a person made.
    others += [
        Found(entry.type, entry.id, "it is a node of the cluster but in no node group; whoever made it has to end it first", entry.name)
        for entry in found
        if entry.type == "instance" and not tags_of(entry.raw.get("Tags")).get("eks:nodegroup-name")
    ]
    vpcs = [entry.id for entry in found if entry.type == "vpc" and entry.owned]
    groups = [entry.id for entry in found if entry.type == "security group"]
    if vpcs or groups:
        others += _Guard(aws, name, found).others(vpcs, groups)
    return list({(entry.type, entry.id): entry for entry in others}.values())


def in_the_way(found: list[Found], others: list[Found], protection_off: bool, volumes: str) -> list[str]:
    """Why a removal would stop before it begins, each with what can be done."""
    said = [f"{entry}: {entry.reason}" for entry in others]
    if not protection_off:
        said += [f"{entry}: {entry.reason}, and is only removed when told (disable_deletion_protection)" for entry in protected(found)]
    if volumes == "refuse":
        said += [f"{entry}: {entry.reason}; say whether to keep or to delete it (volumes)" for entry in data(found)]
    return said


class _Guard:
    def __init__(self, aws: Aws, name: str, found: list[Found]) -> None:
        self.aws, self.name = aws, name
        self.ours = {entry.id for entry in found}
        self.balancers: list[tuple[str, str, str, dict[str, Any], dict[str, str]]] = []

    def others(self, vpcs: list[str], groups: list[str]) -> list[Found]:
        def pages(operation: str, key: str, name: str, values: list[str]) -> list[dict[str, Any]]:
            return self.aws.pages("ec2", operation, key, Filters=[{"Name": name, "Values": values}]) if values else []

        self.balancers, inside, using, guards, refer_in, refer_out, reservations, points, gateways = self.aws.together(
            lambda: balancers_with_tags(self.aws),
            lambda: pages("describe_network_interfaces", "NetworkInterfaces", "vpc-id", vpcs),
            lambda: pages("describe_network_interfaces", "NetworkInterfaces", "group-id", groups),
            lambda: pages("describe_security_groups", "SecurityGroups", "vpc-id", vpcs),
            lambda: pages("describe_security_groups", "SecurityGroups", "ip-permission.group-id", groups),
            lambda: pages("describe_security_groups", "SecurityGroups", "egress.ip-permission.group-id", groups),
            lambda: pages("describe_instances", "Reservations", "vpc-id", vpcs),
            lambda: pages("describe_vpc_endpoints", "VpcEndpoints", "vpc-id", vpcs),
            lambda: self.aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=[{"Name": "vpc-id", "Values": vpcs}]) if vpcs else [],
        )
        instances = [instance for reservation in reservations for instance in reservation["Instances"]]
        met: list[Found] = []

        def judge(kind: str, identity: str, title: str, tags: dict[str, str], where: str) -> None:
            if not reason(self.name, tags) and identity not in self.ours:
                met.append(Found(kind, identity, f"{where} and has no tag of cluster {self.name}", title or tags.get("Name", "")))

        def home(item: dict[str, Any]) -> str:
            return f"it is in our VPC {item.get('VpcId') or item.get('VPCId')}"

        for group in guards:
            if group["GroupName"] != "default":
                judge("security group", group["GroupId"], group["GroupName"], tags_of(group.get("Tags")), home(group))
        for instance in instances:
            if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                judge("instance", instance["InstanceId"], "", tags_of(instance.get("Tags")), home(instance))
        for point in points:
            if point.get("State") not in ("deleted", "deleting"):
                judge("VPC endpoint", point["VpcEndpointId"], point["ServiceName"], tags_of(point.get("Tags")), home(point))
        for gateway in gateways:
            if gateway.get("State") not in ("deleted", "deleting", "failed"):
                judge("NAT gateway", gateway["NatGatewayId"], "", tags_of(gateway.get("Tags")), home(gateway))
        for kind, identity, title, item, tags in self.balancers:
            if (item.get("VpcId") or item.get("VPCId")) in vpcs:
                judge(kind, identity, title, tags, home(item))
        for interface in inside:
            if not self._belongs_to_a_service(interface):
                met.append(self._interface(interface, home(interface)))
        # Outside of our own VPC only what uses parts of ours is our business.
        for interface in using:
            if interface.get("VpcId") not in vpcs and not self._is_ours(interface):
                shared = sorted({group["GroupId"] for group in interface.get("Groups") or []} & set(groups))
                met.append(self._interface(interface, f"it uses our security group {', '.join(shared)}"))
        for group in [*refer_in, *refer_out]:
            judge("security group", group["GroupId"], group["GroupName"], tags_of(group.get("Tags")), "its rules name a security group of ours")
        return met

    def _interface(self, interface: dict[str, Any], where: str) -> Found:
        """An interface is named with what it belongs to, since that is what a person has to move."""
        user = (interface.get("Attachment") or {}).get("InstanceId") or interface.get("Description") or ""
        return Found("network interface", interface["NetworkInterfaceId"], f"{where} and has no tag of cluster {self.name}", user)

    def _is_ours(self, interface: dict[str, Any]) -> bool:
        """By its tags, its instance, or the load balancer that it was made for; that one may be gone already."""
        tags = tags_of(interface.get("TagSet") or interface.get("Tags"))
        description = interface.get("Description") or ""
        if reason(self.name, tags) or description == f"Amazon EKS {self.name}" or (CNI_TAG in tags and CNI_CLUSTER_TAG not in tags):
            return True
        if description.startswith("ELB "):
            owner = description.removeprefix("ELB ")
            known = [(tags, arn) for _kind, arn, title, _item, tags in self.balancers if owner in (title, arn.rpartition(":loadbalancer/")[2])]
            return all(reason(self.name, its) for its, _arn in known)
        return (interface.get("Attachment") or {}).get("InstanceId") in self.ours

    def _belongs_to_a_service(self, interface: dict[str, Any]) -> bool:
        """In our VPC, interfaces of load balancers, NAT gateways, instances and endpoints: their owner is judged, not they."""
        description = interface.get("Description") or ""
        return (
            self._is_ours(interface)
            or interface.get("InterfaceType") in SERVICE_TYPES
            or description.startswith(("ELB ", "Interface for NAT Gateway", "VPC Endpoint Interface", "aws-K8S-"))
            or bool((interface.get("Attachment") or {}).get("InstanceId"))
        )
