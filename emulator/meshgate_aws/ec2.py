# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""EC2: resources in use cannot be deleted, NAT gateways clean up after themselves and have their tags under AWS's name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2 import exceptions, utils
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models import tags as tags_model
from moto.ec2.responses import EC2Response
from moto.eks.models import eks_backends
from moto.utilities.utils import get_partition

from .common import Schedule, error, seconds, use_backend

# EC2's messages for unknown ids. moto's differ; each of these is in public logs under its code
# (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html lists the codes; hashicorp/terraform#1815 quotes the address's text).
WORDS = {
    exceptions.InvalidVPCIdError: "The vpc ID '{}' does not exist",
    exceptions.InvalidInternetGatewayIdError: "The internetGateway ID '{}' does not exist",
    exceptions.InvalidAllocationIdError: "The allocation ID '{}' does not exist",
    exceptions.InvalidAssociationIdError: "The association ID '{}' does not exist",
    exceptions.InvalidVpcEndPointIdError: "The Vpc Endpoint Id '{}' does not exist",
    exceptions.InvalidSecurityGroupNotFoundError: "The security group '{}' does not exist",
    exceptions.InvalidVolumeIdError: "The volume '{}' does not exist.",
}


def _reword(exception: Any, text: str) -> None:
    before = exception.__init__

    def say(self: Any, what: Any, *rest: Any) -> None:
        before(self, what, *rest)
        self.message = text.format(what if isinstance(what, str) else min(what, default=""))

    exception.__init__ = say


def unknown_nat_gateway(gateway_id: str) -> Exception:
    """kubernetes/kops#16876 quotes it."""
    return error("NatGatewayNotFound", f"The Nat gateway {gateway_id} was not found")


def _nat_seconds() -> float:
    return seconds("MESHGATE_NAT_SECONDS", 0.2)


def violation(message: str) -> Exception:
    return error("DependencyViolation", message)


class Ec2Backend(EC2Backend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.schedule = Schedule()
        self._vpc_goes = False
        self._terminating = False

    def settle(self) -> None:
        """Due changes here, and those of EKS to the network."""
        self.schedule.settle()
        eks_backends[self.account_id][self.region_name].schedule.settle()  # type: ignore[attr-defined]

    def describe_regions(self, region_names: list[str] | None = None) -> list[Any]:
        """DescribeRegions: "the Regions that are enabled for your account", all of one partition; moto lists those of every partition."""
        regions = super().describe_regions(region_names)
        return [region for region in regions if get_partition(region.name) == self.partition]

    # Who uses what

    def _clusters(self) -> list[Any]:
        return list(eks_backends[self.account_id][self.region_name].clusters.values())

    def _group_users(self, group_id: str) -> Iterator[str]:
        for interface in self.enis.values():
            if group_id in [group.id for group in interface.group_set]:
                yield f"network interface {interface.id}"
        for by_id in self.groups.values():
            for group in by_id.values():
                rules = [*group.ingress_rules, *group.egress_rules] if group.id != group_id else []
                if any((rule.source_group or {}).get("GroupId") == group_id for rule in rules):
                    yield f"a rule of security group {group.id}"
        for cluster in self._clusters():
            vpc = cluster.data["resourcesVpcConfig"]
            if group_id in [vpc.get("clusterSecurityGroupId"), *vpc["securityGroupIds"]]:
                yield f"EKS cluster {cluster.data['name']}"

    def _subnet_users(self, subnet_id: str) -> Iterator[str]:
        for interface in self.enis.values():
            if interface.subnet.id == subnet_id:
                yield f"network interface {interface.id}"
        for cluster in self._clusters():
            if subnet_id in cluster.data["resourcesVpcConfig"]["subnetIds"]:
                yield f"EKS cluster {cluster.data['name']}"
            for group in cluster.nodegroups.values():
                if subnet_id in group.data["subnets"]:
                    yield f"node group {group.data['nodegroupName']}"

    # Unknown ids that moto accepts

    def create_security_group(self, name: str, description: str, vpc_id: str | None = None, *rest: Any, **given: Any) -> Any:
        if vpc_id and vpc_id not in self.vpcs:
            raise exceptions.InvalidVPCIdError(vpc_id)
        return super().create_security_group(name, description, vpc_id, *rest, **given)

    def describe_launch_templates(self, template_names: Any = None, template_ids: Any = None, filters: Any = None) -> Any:
        self._known_templates(template_ids)
        found = super().describe_launch_templates(template_names, template_ids, filters)
        for template in found:
            template.tags = template.get_tags()  # moto always shows those of its creation; CreateTags accepts launch templates
        return found

    def delete_launch_template(self, name: str, tid: str | None) -> Any:
        self._known_templates([tid] if tid else [])
        if name and name not in self.launch_template_name_to_ids:
            raise exceptions.InvalidLaunchTemplateNameNotFoundWithNameError(name)
        return super().delete_launch_template(name, tid)

    def _known_templates(self, ids: list[str] | None) -> None:
        for template_id in ids or []:
            if template_id not in self.launch_templates:
                raise exceptions.InvalidLaunchTemplateIdNotFound(template_id)

    # Refusals

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        self.settle()
        group = self.get_security_group_from_id(group_id) if group_id else self.get_security_group_by_name_or_id(name or "")
        if group is not None and not self._vpc_goes:
            if group.name == "default":
                raise error("CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user')
            if next(self._group_users(group.id), None):
                raise violation(f"resource {group.id} has a dependent object")
        super().delete_security_group(name, group_id)

    def delete_subnet(self, subnet_id: str) -> Any:
        self.settle()
        if next(self._subnet_users(subnet_id), None):
            raise violation(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        subnet = super().delete_subnet(subnet_id)
        # AWS also deletes the subnet's associations; moto would keep the route table in use forever.
        for table in self.route_tables.values():
            for association in [key for key, value in table._associations.items() if value == subnet_id]:
                del table._associations[association]
        return subnet

    def delete_vpc(self, vpc_id: str) -> Any:
        self.settle()
        if any(True for _user in self._vpc_contents(vpc_id)):
            raise violation(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        self._vpc_goes = True
        try:
            return super().delete_vpc(vpc_id)
        finally:
            self._vpc_goes = False

    def _vpc_contents(self, vpc_id: str) -> Iterator[str]:
        gateways: list[Any] = list(self.internet_gateways.values())
        yield from (igw.id for igw in gateways if igw.vpc and igw.vpc.id == vpc_id)
        yield from (group.id for group in self.groups.get(vpc_id, {}).values() if group.name != "default")
        yield from (interface.id for interface in self.enis.values() if interface.subnet.vpc_id == vpc_id)
        yield from (subnet.id for by_id in self.subnets.values() for subnet in by_id.values() if subnet.vpc_id == vpc_id)
        yield from (point.id for point in self.vpc_end_points.values() if point.vpc_id == vpc_id and point.state != "deleted")

    def detach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> None:
        self.settle()
        mapped = {id(eip.eni) for eip in self.addresses if eip.eni is not None}
        if any(i.subnet.vpc_id == vpc_id and (i.public_ip or id(i) in mapped) for i in self.enis.values()):
            raise violation(f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
        super().detach_internet_gateway(internet_gateway_id, vpc_id)

    def release_address(self, address: str | None = None, allocation_id: str | None = None) -> None:
        found: list[Any] = self.address_by_ip([address]) if address else self.address_by_allocation([allocation_id or ""])
        if found and found[0].eni is not None and found[0].eni.interface_type == "nat_gateway":
            # kubernetes/kops#938 and eformat/sno-for-100#5 quote it, and have all permissions.
            raise error("AuthFailure", "You do not have permission to access the specified resource.")
        if found and found[0].eni is not None:
            raise error("InvalidIPAddress.InUse", f"The address {found[0].public_ip} is in use.")
        super().release_address(address, allocation_id)

    # Network interfaces

    def get_all_network_interfaces(self, eni_ids: list[str] | None = None, filters: Any = None) -> list[Any]:
        self.settle()
        return super().get_all_network_interfaces(eni_ids, filters)

    def all_reservations(self, filters: Any = None) -> list[Any]:
        self.settle()
        return super().all_reservations(filters)

    def delete_network_interface(self, eni_id: str) -> None:
        self.settle()
        interface = self.enis.get(eni_id)
        if interface is not None and interface.status == "in-use" and not self._terminating:
            raise error("InvalidParameterValue", f"Network interface '{eni_id}' is currently in use.")
        super().delete_network_interface(eni_id)

    def attach_volume(self, volume_id: str, instance_id: str, device_path: str, delete_on_termination: bool = False) -> Any:
        attachment = super().attach_volume(volume_id, instance_id, device_path, delete_on_termination)
        if attachment is not None:
            attachment.delete_on_termination = delete_on_termination  # type: ignore[attr-defined]
        return attachment

    def terminate_instances(self, instance_ids: list[str]) -> Any:
        # A change that is applied here may be another group's termination.
        before, self._terminating = self._terminating, True
        try:
            return super().terminate_instances(instance_ids)
        finally:
            self._terminating = before

    # VPC endpoints

    def create_vpc_endpoint(self, vpc_id: str, service_name: str, endpoint_type: str | None, *rest: Any, **given: Any) -> Any:
        # API reference, CreateVpcEndpoint: "Default: Gateway"; private DNS is for interface endpoints only.
        kind = endpoint_type or "Gateway"
        point = super().create_vpc_endpoint(vpc_id, service_name, kind, *rest, **given)
        point.private_dns_enabled = kind == "Interface" and point.private_dns_enabled is not False
        if point.network_interface_ids and not point.security_group_ids:
            # "If this parameter is not specified, we use the default security group for the VPC" (API reference, SecurityGroupIds).
            point.security_group_ids = [group.id for group in self.groups[vpc_id].values() if group.name == "default"]
        for interface_id in point.network_interface_ids:
            interface = self.enis[interface_id]
            interface.description, interface.interface_type = f"VPC Endpoint Interface {point.id}", "vpc_endpoint"
            interface.status, interface.requester_managed = "in-use", True
            interface._group_set = [group for group in map(self.get_security_group_from_id, point.security_group_ids) if group]
        return point

    def delete_vpc_endpoints(self, vpce_ids: list[str] | None = None) -> None:
        """An interface endpoint is `deleting` before it is gone with its interfaces ("Delete an interface endpoint" of the PrivateLink guide)."""
        interfaces = [self.vpc_end_points[one] for one in vpce_ids or [] if one in self.vpc_end_points and self.vpc_end_points[one].network_interface_ids]
        for point in interfaces:
            point.state = "deleting"
            self.schedule.after(seconds("MESHGATE_LINGER_SECONDS", 1), partial(self._remove_vpc_endpoint, point))
        for point_id in set(vpce_ids or []) - {point.id for point in interfaces}:
            super().delete_vpc_endpoints([point_id])
            self.vpc_end_points.pop(point_id, None)

    def _remove_vpc_endpoint(self, point: Any) -> None:
        super().delete_vpc_endpoints([point.id])
        self.vpc_end_points.pop(point.id, None)

    def describe_vpc_endpoints(self, vpc_end_point_ids: list[str] | None, filters: Any = None) -> list[Any]:
        self.settle()
        for wanted in vpc_end_point_ids or []:
            if wanted not in self.vpc_end_points:
                raise exceptions.InvalidVpcEndPointIdError(wanted)
        # A filter that AWS has and moto does not.
        ids = (filters or {}).get("vpc-endpoint-id")
        found = super().describe_vpc_endpoints(vpc_end_point_ids, {key: value for key, value in (filters or {}).items() if key != "vpc-endpoint-id"})
        return [point for point in found if ids is None or point.id in ids]

    # NAT gateways

    def create_nat_gateway(self, subnet_id: str, allocation_id: str, *rest: Any, **given: Any) -> Any:
        if allocation_id and any(eip.eni is not None for eip in self.address_by_allocation([allocation_id])):
            raise error("Resource.AlreadyAssociated", f"resource {allocation_id} is already associated")
        gateway = super().create_nat_gateway(subnet_id, allocation_id, *rest, **given)
        gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"
        gateway._eni.interface_type = "nat_gateway"
        gateway._eni.status = "in-use"
        # "Work with NAT gateways": pending first, always.
        gateway.state = "pending"
        self.schedule.after(_nat_seconds(), lambda: self._nat_gateway_is(gateway, "pending", "available"))
        return gateway

    def _nat_gateway_is(self, gateway: Any, before: str, state: str) -> None:
        if gateway.state == before:
            gateway.state = state

    def delete_nat_gateway(self, nat_gateway_id: str) -> Any:
        self.settle()
        gateway = self.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise unknown_nat_gateway(nat_gateway_id)
        if gateway.state not in ("deleting", "deleted"):
            gateway.state = "deleting"
            self.schedule.after(_nat_seconds(), lambda: self._remove_nat_gateway(gateway))
        return gateway

    def _remove_nat_gateway(self, gateway: Any) -> None:
        gateway.state = "deleted"
        for address in gateway.address_set:
            if address.get("publicIp"):
                self.disassociate_address(address=address["publicIp"])
        self.enis.pop(gateway._eni.id, None)
        # DeleteNatGateway: "visible in the console for a short while (usually less than an hour)".
        self.schedule.after(seconds("MESHGATE_DELETED_SECONDS", 3600), lambda: self._forget_nat_gateway(gateway.id))

    def _forget_nat_gateway(self, nat_gateway_id: str) -> None:
        self.nat_gateways.pop(nat_gateway_id, None)
        self.tags.pop(nat_gateway_id, None)

    def describe_nat_gateways(self, filters: Any, nat_gateway_ids: list[str] | None) -> list[Any]:
        self.settle()
        for wanted in nat_gateway_ids or []:
            if wanted not in self.nat_gateways:
                raise unknown_nat_gateway(wanted)
        found = super().describe_nat_gateways(filters, nat_gateway_ids)
        tags = {key: value for key, value in (filters or {}).items() if key.startswith("tag")}
        return [gateway for gateway in found if all(utils.tag_filter_matches(gateway, key, value) for key, value in tags.items())]


def get_ebs_default_kms_key_id(self: Any) -> Any:
    """The key that encrypts volumes without a key of their own, which moto sets and does not return (API reference, GetEbsDefaultKmsKeyId)."""
    return ActionResult({"KmsKeyId": self.ec2_backend.default_kms_key_id or "alias/aws/ebs"})


def install() -> None:
    for exception, text in WORDS.items():
        _reword(exception, text)
    # Resource types as DescribeTags and TagSpecifications name them; moto has names of its own for two.
    for mapping in (utils.EC2_PREFIX_TO_RESOURCE, vars(tags_model)["EC2_PREFIX_TO_RESOURCE"]):
        mapping.update({"nat": "natgateway", "eipalloc": "elastic-ip"})
    use_backend(ec2_backends, Ec2Backend)
    EC2Response.get_ebs_default_kms_key_id = get_ebs_default_kms_key_id  # type: ignore[attr-defined]
