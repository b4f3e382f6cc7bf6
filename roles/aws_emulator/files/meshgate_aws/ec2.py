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
from moto.elbv2.models import elbv2_backends

from .common import Schedule, error, seconds, use_backend


def violation(message: str) -> Exception:
    return error("DependencyViolation", message)


class Ec2Backend(EC2Backend):
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.schedule = Schedule()
        self._vpc_goes = False

    # Who uses what

    def _balancers(self) -> list[Any]:
        return list(elbv2_backends[self.account_id][self.region_name].load_balancers.values())

    def _clusters(self) -> list[Any]:
        return list(eks_backends[self.account_id][self.region_name].clusters.values())

    def _group_users(self, group_id: str) -> Iterator[str]:
        for balancer in self._balancers():
            if group_id in (balancer.security_groups or []):
                yield f"load balancer {balancer.name}"
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
        for balancer in self._balancers():
            if subnet_id in [subnet.id for subnet in balancer.subnets]:
                yield f"load balancer {balancer.name}"
        for cluster in self._clusters():
            if subnet_id in cluster.data["resourcesVpcConfig"]["subnetIds"]:
                yield f"EKS cluster {cluster.data['name']}"
            for group in cluster.nodegroups.values():
                if subnet_id in group.data["subnets"]:
                    yield f"node group {group.data['nodegroupName']}"

    # Refusals

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        group = self.get_security_group_from_id(group_id) if group_id else self.get_security_group_by_name_or_id(name or "")
        if group is not None and not self._vpc_goes:
            if group.name == "default":
                raise error("CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user')
            if next(self._group_users(group.id), None):
                raise violation(f"resource {group.id} has a dependent object")
        super().delete_security_group(name, group_id)

    def delete_subnet(self, subnet_id: str) -> Any:
        if next(self._subnet_users(subnet_id), None):
            raise violation(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        subnet = super().delete_subnet(subnet_id)
        # AWS takes the subnet's associations with it; moto would keep the route table in use for ever.
        for table in self.route_tables.values():
            for association in [key for key, value in table._associations.items() if value == subnet_id]:
                del table._associations[association]
        return subnet

    def delete_vpc(self, vpc_id: str) -> Any:
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
        yield from (balancer.name for balancer in self._balancers() if balancer.vpc_id == vpc_id)

    def detach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> None:
        public = [i.id for i in self.enis.values() if i.subnet.vpc_id == vpc_id and any(eip.eni is i for eip in self.addresses)]
        public += [b.name for b in self._balancers() if b.vpc_id == vpc_id and b.scheme == "internet-facing"]
        if public:
            raise violation(f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.")
        super().detach_internet_gateway(internet_gateway_id, vpc_id)

    def release_address(self, address: str | None = None, allocation_id: str | None = None) -> None:
        found = self.address_by_ip([address]) if address else self.address_by_allocation([allocation_id or ""])
        if found and found[0].eni is not None:
            raise error("InvalidIPAddress.InUse", f"The address {found[0].public_ip} is in use.")
        super().release_address(address, allocation_id)

    # NAT gateways

    def create_nat_gateway(self, subnet_id: str, allocation_id: str, *rest: Any, **given: Any) -> Any:
        if allocation_id and any(eip.eni is not None for eip in self.address_by_allocation([allocation_id])):
            raise error("Resource.AlreadyAssociated", f"resource {allocation_id} is already associated")
        gateway = super().create_nat_gateway(subnet_id, allocation_id, *rest, **given)
        gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"
        gateway._eni.interface_type = "nat_gateway"
        gateway._eni.status = "in-use"
        return gateway

    def delete_nat_gateway(self, nat_gateway_id: str) -> Any:
        self.schedule.settle()
        gateway = self.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise error("NatGatewayNotFound", f"The Nat Gateway {nat_gateway_id} was not found")
        if gateway.state != "deleted":
            gateway.state = "deleted"
            for address in gateway.address_set:
                if address.get("publicIp"):
                    self.disassociate_address(address=address["publicIp"])
            self.enis.pop(gateway._eni.id, None)
            # AWS shows a deleted NAT gateway for about an hour.
            shown = seconds("MESHGATE_DELETED_SECONDS", 3)
            self.schedule.after(shown, lambda: self._forget_nat_gateway(nat_gateway_id))
        return gateway

    def _forget_nat_gateway(self, nat_gateway_id: str) -> None:
        self.nat_gateways.pop(nat_gateway_id, None)
        self.tags.pop(nat_gateway_id, None)

    def describe_nat_gateways(self, filters: Any, nat_gateway_ids: list[str] | None) -> list[Any]:
        self.schedule.settle()
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
