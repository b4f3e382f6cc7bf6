# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""EC2: what is in use is not deleted, NAT gateways clean up after themselves and have their tags under AWS's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.ec2 import utils
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models import tags as tags_model
from moto.eks.models import eks_backends

from .common import Schedule, error, seconds, use_backend


def violation(message: str) -> Exception:
    return error("DependencyViolation", message)


class Ec2Backend(EC2Backend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.schedule = Schedule()
        self._vpc_goes = False
        self._terminating = False

    def settle(self) -> None:
        """What is due here, and what EKS does to the network."""
        self.schedule.settle()
        eks_backends[self.account_id][self.region_name].schedule.settle()  # type: ignore[attr-defined]

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
        # AWS takes the subnet's associations with it; moto would keep the route table in use for ever.
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
        yield from (igw.id for igw in self.internet_gateways.values() if igw.vpc and igw.vpc.id == vpc_id)
        yield from (group.id for group in self.groups.get(vpc_id, {}).values() if group.name != "default")
        yield from (interface.id for interface in self.enis.values() if interface.subnet.vpc_id == vpc_id)
        yield from (point.id for point in self.vpc_end_points.values() if point.vpc_id == vpc_id and point.state != "deleted")

    def detach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> None:
        self.settle()
        mapped = {id(eip.eni) for eip in self.addresses if eip.eni is not None}
        if any(i.subnet.vpc_id == vpc_id and (i.public_ip or id(i) in mapped) for i in self.enis.values()):
            raise violation(f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
        super().detach_internet_gateway(internet_gateway_id, vpc_id)

    def release_address(self, address: str | None = None, allocation_id: str | None = None) -> None:
        found = self.address_by_ip([address]) if address else self.address_by_allocation([allocation_id or ""])
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
        # What settles on the way may be another group's termination.
        before, self._terminating = self._terminating, True
        try:
            return super().terminate_instances(instance_ids)
        finally:
            self._terminating = before

    # NAT gateways

    def create_nat_gateway(self, subnet_id: str, allocation_id: str, *rest: Any, **given: Any) -> Any:
        if allocation_id and any(eip.eni is not None for eip in self.address_by_allocation([allocation_id])):
            raise error("Resource.AlreadyAssociated", f"resource {allocation_id} is already associated")
        gateway = super().create_nat_gateway(subnet_id, allocation_id, *rest, **given)
        gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"
        gateway._eni.interface_type = "nat_gateway"
        gateway._eni.status = "in-use"
        if (takes := seconds("MESHGATE_NAT_SECONDS", 0)) > 0:
            gateway.state = "pending"
            self.schedule.after(takes, lambda: self._nat_gateway_is(gateway, "pending", "available"))
        return gateway

    def _nat_gateway_is(self, gateway: Any, before: str, state: str) -> None:
        if gateway.state == before:
            gateway.state = state

    def delete_nat_gateway(self, nat_gateway_id: str) -> Any:
        self.settle()
        gateway = self.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise error("NatGatewayNotFound", f"The Nat Gateway {nat_gateway_id} was not found")
        if gateway.state not in ("deleting", "deleted"):
            gateway.state = "deleting"
            self.schedule.after(seconds("MESHGATE_NAT_SECONDS", 0), lambda: self._remove_nat_gateway(gateway))
            self.settle()
        return gateway

    def _remove_nat_gateway(self, gateway: Any) -> None:
        gateway.state = "deleted"
        for address in gateway.address_set:
            if address.get("publicIp"):
                self.disassociate_address(address=address["publicIp"])
        self.enis.pop(gateway._eni.id, None)
        # AWS shows a deleted NAT gateway for about an hour.
        self.schedule.after(seconds("MESHGATE_DELETED_SECONDS", 3), lambda: self._forget_nat_gateway(gateway.id))

    def _forget_nat_gateway(self, nat_gateway_id: str) -> None:
        self.nat_gateways.pop(nat_gateway_id, None)
        self.tags.pop(nat_gateway_id, None)

    def describe_nat_gateways(self, filters: Any, nat_gateway_ids: list[str] | None) -> list[Any]:
        self.settle()
        for wanted in nat_gateway_ids or []:
            if wanted not in self.nat_gateways:
                raise error("NatGatewayNotFound", f"NatGateway {wanted} was not found")
        found = super().describe_nat_gateways(filters, nat_gateway_ids)
        tags = {key: value for key, value in (filters or {}).items() if key.startswith("tag")}
        return [gateway for gateway in found if all(utils.tag_filter_matches(gateway, key, value) for key, value in tags.items())]


def install() -> None:
    # Resource types as DescribeTags and TagSpecifications name them; moto has names of its own for two.
    for mapping in (utils.EC2_PREFIX_TO_RESOURCE, tags_model.EC2_PREFIX_TO_RESOURCE):
        mapping.update({"nat": "natgateway", "eipalloc": "elastic-ip"})
    use_backend(ec2_backends, Ec2Backend)
