# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A VPC and subnets of somebody else's: checked, used, and never changed.

What EKS asks of subnets: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html; what the load balancer controller looks for:
https://docs.aws.amazon.com/eks/latest/userguide/alb-ingress.html.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Refused, tags_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_diff import Difference
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_live import Live

ANYWHERE = "0.0.0.0/0"
# "The subnets must each have at least six IP addresses for use by Amazon EKS. However, we recommend at least 16 IP addresses."
NEEDED_ADDRESSES = 6
# A route's targets.
WAYS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "InstanceId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
)
ROLE_TAGS = {"public": "kubernetes.io/role/elb", "private": "kubernetes.io/role/internal-elb"}


class ExistingNetwork:
    """The same questions as Network answers, about a network that is not ours."""

    existing = True

    def __init__(self, given: dict[str, Any], live: Live) -> None:
        self.given, self.live = given, live
        self.name = given["name"]
        by_id = {subnet["SubnetId"]: subnet for subnet in live.subnets}
        self._chosen = [(kind, by_id.get(subnet_id), subnet_id) for kind in ROLE_TAGS for subnet_id in (given.get("subnet_ids") or {}).get(kind) or []]
        # Where no API answers, as in check mode before an emulator runs, nothing can be compared.
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
        """Where nodes live unless a group says otherwise."""
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

    # What AWS or the load balancer controller would stumble over

    def _refuse(self) -> None:
        vpc_id, live = self.given["vpc_id"], self.live
        if live.vpc is None:
            where = f"which account {live.account_id} does not have in {self.given['region']}"
            raise Refused(f"eks_cluster_vpc_id is {vpc_id!r}, {where}; accepted: one that it has, or empty")
        off = [option for option, on in (("DNS resolution", live.dns["dns_support"]), ("DNS hostnames", live.dns["dns_hostnames"])) if not on]
        found = [f"VPC {vpc_id} has {' and '.join(off)} switched off, which nodes need to find the API server"] if off else []
        missing = [subnet_id for _kind, subnet, subnet_id in self._chosen if subnet is None]
        if missing:
            found.append(
                f"eks_cluster_subnet_ids has {', '.join(missing)}, which VPC {vpc_id} does not have; it has {', '.join(s['SubnetId'] for s in live.subnets)}"
            )
        there = [(kind, subnet) for kind, subnet, _id in self._chosen if subnet is not None]
        zones = sorted({subnet["AvailabilityZone"] for _kind, subnet in there})
        if not missing and len(zones) < 2:
            found.append(f"eks_cluster_subnet_ids are all in {', '.join(zones)}; EKS needs subnets in at least two availability zones")
        for kind in ROLE_TAGS:
            wanting = self._nodes_in(kind)
            if wanting and not any(known == kind for known, _subnet in there):
                found.append(f"eks_cluster_subnet_ids has no {kind} subnet, in which node group {', '.join(wanting)} would be")
        for kind, subnet in there:
            found += [f"subnet {subnet['SubnetId']} ({kind}) {sentence}" for sentence in self._subnet_problems(kind, subnet)]
        if found:
            raise Refused("; ".join(found))

    def _nodes_in(self, kind: str) -> list[str]:
        return [group["name"] for group in self.given["node_groups"] if (group.get("subnets") or self.default_kind()) == kind]

    def _subnet_problems(self, kind: str, subnet: dict[str, Any]) -> list[str]:
        found = []
        free = subnet["AvailableIpAddressCount"]
        # A cluster that exists has its addresses already.
        if not self.live.cluster and free < NEEDED_ADDRESSES:
            found.append(f"has {free} free addresses; EKS needs {NEEDED_ADDRESSES} in each, and 16 are better")
        tags = tags_of(subnet.get("Tags"))
        if tags.get(ROLE_TAGS[kind]) not in ("", "1"):
            found.append(f"lacks the tag {ROLE_TAGS[kind]}=1, by which the load balancer controller finds it")
        owners = [key.removeprefix("kubernetes.io/cluster/") for key in tags if key.startswith("kubernetes.io/cluster/")]
        if owners and self.name not in owners:
            found.append(
                f"carries kubernetes.io/cluster/{owners[0]} and not kubernetes.io/cluster/{self.name}: the load balancer controller would pass it over"
            )
        way = self._way_out(subnet["SubnetId"])
        if kind == "public" and not way.startswith("igw-"):
            found.append(f"has no route from {ANYWHERE} to an internet gateway")
        if kind == "private" and (not way or way.startswith("igw-")):
            found.append(f"has no route from {ANYWHERE} to a NAT gateway or another way out, so that its nodes reach neither a registry nor the API server")
        if kind == "public" and self._nodes_in("public") and not subnet.get("MapPublicIpOnLaunch"):
            found.append("gives no public address at launch, without which a node in it reaches nothing")
        return found

    def _way_out(self, subnet_id: str) -> str:
        """Where the default route of a subnet leads: its own route table's, or the main one's."""

        def joined(table: dict[str, Any], wanted: Any) -> bool:
            return any(wanted(entry) for entry in table.get("Associations") or [])

        tables = self.live.route_tables
        own = [table for table in tables if joined(table, lambda entry: entry.get("SubnetId") == subnet_id)]
        table: dict[str, Any] = next(iter(own or [table for table in tables if joined(table, lambda entry: entry.get("Main"))]), {})
        for route in table.get("Routes") or []:
            if route.get("DestinationCidrBlock") == ANYWHERE and route.get("State") != "blackhole":
                return str(next((route[key] for key in WAYS if route.get(key)), ""))
        return ""
