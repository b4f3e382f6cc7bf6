# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An existing VPC and its subnets: checked, used, and never changed.

EKS's requirements for subnets: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html; those of the load balancer controller:
https://docs.aws.amazon.com/eks/latest/userguide/alb-ingress.html.
"""

from __future__ import annotations

from typing import Any

from ...aws.client import tags_of
from ...common.failure import Refused
from ..input_names import Names, variable
from ..options import said
from .difference import Difference
from .live import Live
from .network import ANYWHERE, target_of

# "The subnets must each have at least six IP addresses for use by Amazon EKS. However, we recommend at least 16 IP addresses."
NEEDED_ADDRESSES = 6
# What nodes need without internet access: EC2 for the network plugin, ECR and S3 for images, STS and ELB for the load balancer controller. "Deploy
# private clusters with limited internet access", https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html, which also requires the private
# endpoint of the API server.
ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "elasticloadbalancing", "s3", "sts")
ROLE_TAGS = {"public": "kubernetes.io/role/elb", "private": "kubernetes.io/role/internal-elb"}


class ExistingNetwork:
    """The same interface as Network, for an existing network."""

    existing = True

    def __init__(self, given: dict[str, Any], live: Live, names: Names = variable) -> None:
        self.given, self.live, self.names = given, live, names
        self.name = given["name"]
        by_id = {subnet["SubnetId"]: subnet for subnet in live.subnets}
        self._chosen = [(kind, by_id.get(subnet_id), subnet_id) for kind in ROLE_TAGS for subnet_id in (given.get("subnet_ids") or {}).get(kind) or []]
        # If no API answers, as in check mode before an emulator runs, nothing can be compared.
        if live.account_id:
            self._refuse()
        self.vpc: dict[str, Any] = {"id": given["vpc_id"], "name": given["vpc_id"], "cidr": (live.vpc or {}).get("CidrBlock", ""), "tags": {}}
        self.subnets: list[dict[str, Any]] = [
            {
                "kind": kind,
                "id": subnet_id,
                "name": subnet_id,
                "zone": (subnet or {}).get("AvailabilityZone", ""),
                "cidr": (subnet or {}).get("CidrBlock", ""),
                "map_public": (subnet or {}).get("MapPublicIpOnLaunch", False),
                "tags": {},
            }
            for kind, subnet, subnet_id in self._chosen
        ]
        self.zones = sorted({subnet["zone"] for subnet in self.subnets})

    def subnet_ids(self, *kinds: str) -> list[str]:
        return sorted(subnet["id"] for subnet in self.subnets if subnet["kind"] in kinds)

    def default_kind(self) -> str:
        """Where nodes are unless a group sets something else."""
        return "private" if (self.given.get("subnet_ids") or {}).get("private") else "public"

    def complete(self) -> bool:
        return True

    def differences(self) -> list[Difference]:
        return []

    def plan(self) -> dict[str, Any]:
        nothing: dict[str, Any] = {
            key: [] for key in ("nat_gateways", "surplus_nat_gateways", "surplus_addresses", "surplus_internet_gateways", "route_tables")
        }
        return {"vpc": self.vpc, "subnets": self.subnets, "internet_gateway": {}, **nothing}

    def balancer_problem(self, scheme: str) -> str:
        """Why the load balancer controller would find no subnets for a load balancer; empty if it does."""
        kind = "public" if scheme == "internet-facing" else "private"
        if self.subnet_ids(kind):
            return ""
        other = "internal" if kind == "public" else "internet-facing"
        missing = f"istio_ingress_scheme is {scheme!r}, and {self.names('subnet_ids')} has no {kind} subnet for such a load balancer"
        return f"{missing}; accepted: {kind} subnets with the tag {ROLE_TAGS[kind]}=1, or istio_ingress_scheme: {other}"

    # Problems for AWS or the load balancer controller

    def _refuse(self) -> None:
        vpc_id, live = self.given["vpc_id"], self.live
        if live.vpc is None:
            where = f"which account {live.account_id} does not have in {self.given['region']}"
            raise Refused(f"{self.names('vpc_id')} is {vpc_id!r}, {where}; accepted: one that it has, or empty")
        off = [option for option, on in (("DNS resolution", live.dns["dns_support"]), ("DNS hostnames", live.dns["dns_hostnames"])) if not on]
        found = [f"VPC {vpc_id} has {' and '.join(off)} switched off, which nodes need to resolve the API server"] if off else []
        missing = [subnet_id for _kind, subnet, subnet_id in self._chosen if subnet is None]
        if missing:
            has = ", ".join(subnet["SubnetId"] for subnet in live.subnets)
            found.append(f"{self.names('subnet_ids')} has {', '.join(missing)}, which VPC {vpc_id} does not have; it has {has}")
        there = [(kind, subnet) for kind, subnet, _id in self._chosen if subnet is not None]
        zones = sorted({subnet["AvailabilityZone"] for _kind, subnet in there})
        if not missing and len(zones) < 2:
            found.append(f"{self.names('subnet_ids')} are all in {', '.join(zones)}; EKS needs subnets in at least two availability zones")
        for kind in ROLE_TAGS:
            wanting = self._nodes_in(kind)
            if wanting and not any(known == kind for known, _subnet in there):
                found.append(f"{self.names('subnet_ids')} has no {kind} subnet for node group {', '.join(wanting)}")
        for kind, subnet in there:
            found += [f"subnet {subnet['SubnetId']} ({kind}) {sentence}" for sentence in self._subnet_problems(kind, subnet)]
        if found:
            raise Refused("; ".join(found))

    def _nodes_in(self, kind: str) -> list[str]:
        return [group["name"] for group in self.given["node_groups"] if (group.get("subnets") or self.default_kind()) == kind]

    def _subnet_problems(self, kind: str, subnet: dict[str, Any]) -> list[str]:
        found = []
        free = subnet["AvailableIpAddressCount"]
        # An existing cluster already has its addresses.
        if not self.live.cluster and free < NEEDED_ADDRESSES:
            found.append(f"has {free} free addresses; EKS needs {NEEDED_ADDRESSES} in each, and recommends 16")
        tags = tags_of(subnet.get("Tags"))
        if tags.get(ROLE_TAGS[kind]) not in ("", "1"):
            found.append(f"lacks the tag {ROLE_TAGS[kind]}=1, which the load balancer controller selects by")
        owners = [key.removeprefix("kubernetes.io/cluster/") for key in tags if key.startswith("kubernetes.io/cluster/")]
        if owners and self.name not in owners:
            found.append(f"carries kubernetes.io/cluster/{owners[0]} and not kubernetes.io/cluster/{self.name}: the load balancer controller would ignore it")
        way = self._way_out(subnet["SubnetId"])
        if kind == "public" and not way.startswith("igw-"):
            found.append(f"has no route from {ANYWHERE} to an internet gateway")
        if kind == "private" and way.startswith("igw-"):
            found.append(f"has its route from {ANYWHERE} to an internet gateway, which makes it public")
        if kind == "private" and not way:
            found += self._without_a_way_out(subnet)
        if kind == "public" and self._nodes_in("public") and not subnet.get("MapPublicIpOnLaunch"):
            found.append("assigns no public address at launch, which nodes in it need to reach anything")
        return found

    def _without_a_way_out(self, subnet: dict[str, Any]) -> list[str]:
        """With endpoints for everything that nodes need, a private subnet needs no default route."""
        missing = [service for service in ENDPOINTS if not self._has_endpoint(service, subnet["SubnetId"])]
        if missing:
            reason = f"has no route from {ANYWHERE} to a NAT gateway or another route out, so its nodes can reach neither a registry nor the API server"
            return [f"{reason}; without one they need VPC endpoints of {', '.join(ENDPOINTS)}, and {', '.join(missing)} cannot be used there"]
        if not self._private_endpoint():
            return [f"has no route from {ANYWHERE}, so its nodes need {self.names('endpoint_access')}: private or public_and_private"]
        return []

    def _private_endpoint(self) -> bool:
        access = said(self.given, "endpoint_access")
        vpc = (self.live.cluster or {}).get("resourcesVpcConfig") or {}
        return bool(vpc.get("endpointPrivateAccess", True)) if access is None else access != "public"

    def _has_endpoint(self, service: str, subnet_id: str) -> bool:
        """A gateway's routes are in the subnet's table; an interface is found by its service's usual name anywhere in the VPC."""
        table = self._table(subnet_id).get("RouteTableId")
        for endpoint in self.live.endpoints:
            if not endpoint["ServiceName"].endswith(f".{self.given['region']}.{service}") or endpoint.get("State", "").lower() != "available":
                continue
            gateway = endpoint.get("VpcEndpointType", "Gateway") == "Gateway"
            if table in (endpoint.get("RouteTableIds") or []) if gateway else endpoint.get("PrivateDnsEnabled"):
                return True
        return False

    def _table(self, subnet_id: str) -> dict[str, Any]:
        """A subnet's own route table, or the main one."""

        def joined(table: dict[str, Any], wanted: Any) -> bool:
            return any(wanted(entry) for entry in table.get("Associations") or [])

        tables = self.live.route_tables
        own = [table for table in tables if joined(table, lambda entry: entry.get("SubnetId") == subnet_id)]
        return next(iter(own or [table for table in tables if joined(table, lambda entry: entry.get("Main"))]), {})

    def _way_out(self, subnet_id: str) -> str:
        """The target of a subnet's default route."""
        for route in self._table(subnet_id).get("Routes") or []:
            if route.get("DestinationCidrBlock") == ANYWHERE and route.get("State") != "blackhole":
                return target_of(route)
        return ""
