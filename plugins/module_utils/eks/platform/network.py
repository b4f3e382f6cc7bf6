# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The platform's own network: VPC, subnets, internet gateway, NAT gateways and route tables: desired state and comparison."""

from __future__ import annotations

from typing import Any

from ...aws.client import tags_of
from ...common.failure import Refused
from ...common.ownership import Owner
from ..input_names import Names, variable
from .difference import Difference, compare, is_unfinished, wanted_tags
from .live import Live, ours
from .network_inputs import choose_zones, subnets_of

# The one route of a table that we manage. All others, such as a peering's or a gateway endpoint's, are not ours.
ANYWHERE = "0.0.0.0/0"
# The target types of a route, by the names of DescribeRouteTables.
TARGETS = (
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


class Network:
    """The desired network, with the ids of existing resources."""

    existing = False

    def __init__(self, given: dict[str, Any], live: Live, tags: dict[str, str], names: Names = variable) -> None:
        self.given, self.live, self.tags, self.names = given, live, tags, names
        self.name, self.region = given["name"], given["region"]
        self._refuse_another_block()
        self.zones = self._zones()
        self.vpc: dict[str, Any] = {
            "id": (live.vpc or {}).get("VpcId"),
            "name": f"{self.name}-vpc",
            "cidr": given["vpc_cidr"],
            "tags": self._tags(f"{self.name}-vpc"),
        }
        self.subnets = self._subnets()
        gateway = self.live_internet_gateway()
        gateway_name = f"{self.name}-igw"
        self.internet_gateway: dict[str, Any] = {"id": (gateway or {}).get("InternetGatewayId"), "name": gateway_name, "tags": self._tags(gateway_name)}
        self.nat_gateways = self._nat_gateways()
        self.route_tables: list[dict[str, Any]] = []
        self.route_tables = self._route_tables()

    def link(self) -> None:
        """Set the ids of subnets and gateways that were just created."""
        public = {subnet["zone"]: subnet["id"] for subnet in self.subnets if subnet["kind"] == "public"}
        for gateway in self.nat_gateways:
            gateway["subnet_id"] = public[gateway["zone"]]
        self.route_tables = self._route_tables()

    def _tags(self, name: str) -> dict[str, str]:
        return {**self.tags, "Name": name}

    def _refuse_another_block(self) -> None:
        live = self.live
        if live.vpc and live.vpc["CidrBlock"] != self.given["vpc_cidr"]:
            raise Refused(
                f"{self.names('vpc_cidr')} is {self.given['vpc_cidr']!r}, but VPC {live.vpc['VpcId']} of this cluster has {live.vpc['CidrBlock']};"
                " AWS cannot change it: use that block, or tear the platform down first"
            )

    def _zones(self) -> list[str]:
        """The zones of existing subnets stay, even if the region's first three have changed."""
        wanted = list(self.given.get("availability_zones") or [])
        if not wanted and self.live.subnets:
            by_cidr = {subnet["CidrBlock"]: subnet["AvailabilityZone"] for subnet in self.live.subnets}
            wanted = [
                by_cidr[entry["cidr"]]
                for entry in subnets_of(self.given["vpc_cidr"], ["a", "b", "c"])
                if entry["kind"] == "public" and entry["cidr"] in by_cidr
            ]
            wanted = wanted if len(wanted) == 3 else []
        if not self.live.zones:
            return wanted or [f"{self.region}{letter}" for letter in "abc"]
        try:
            return choose_zones(self.live.zones, wanted, self.names)
        except ValueError as error:
            raise Refused(str(error)) from error

    def _subnets(self) -> list[dict[str, Any]]:
        ids = {subnet["CidrBlock"]: subnet["SubnetId"] for subnet in self.live.subnets}
        subnets = []
        for entry in subnets_of(self.given["vpc_cidr"], self.zones):
            name = f"{self.name}-{entry['kind']}-{entry['zone']}"
            role = "kubernetes.io/role/elb" if entry["kind"] == "public" else "kubernetes.io/role/internal-elb"
            tags = {**self._tags(name), role: "1", f"kubernetes.io/cluster/{self.name}": "shared"}
            subnet = {**entry, "name": name, "id": ids.get(entry["cidr"]), "tags": tags}
            subnets.append({**subnet, "map_public": self._map_public(subnet)})
        return subnets

    def _map_public(self, subnet: dict[str, Any]) -> bool:
        """Whether instances get a public address. Nodes in public subnets need one; otherwise it stays as it is."""
        if subnet["kind"] == "public" and self._nodes_are_public():
            return True
        live = next((item for item in self.live.subnets if item["SubnetId"] == subnet["id"]), None)
        return subnet["kind"] == "public" if live is None or is_unfinished(live) else bool(live.get("MapPublicIpOnLaunch"))

    def _nodes_are_public(self) -> bool:
        return any((group.get("subnets") or self.default_kind()) == "public" for group in self.given["node_groups"])

    def subnet_ids(self, *kinds: str) -> list[str]:
        return sorted(subnet["id"] for subnet in self.subnets if subnet["id"] and subnet["kind"] in kinds)

    def default_kind(self) -> str:
        """Where nodes are unless a group sets something else."""
        return "public" if self.given["nat_mode"] == "disabled" else "private"

    def balancer_problem(self, scheme: str) -> str:
        """Our own network has subnets for either scheme."""
        return ""

    def complete(self) -> bool:
        return all(subnet["id"] for subnet in self.subnets)

    def attached(self, gateway: dict[str, Any]) -> bool:
        return self.vpc["id"] is not None and self.vpc["id"] in [entry.get("VpcId") for entry in gateway.get("Attachments") or []]

    def live_internet_gateway(self) -> dict[str, Any] | None:
        """The attached one, or one of ours that an interrupted run has not attached yet."""
        gateways = sorted(self.live.internet_gateways, key=lambda item: item["InternetGatewayId"])
        free = (gateway for gateway in gateways if not gateway.get("Attachments") and self._ours(gateway))
        return next((gateway for gateway in gateways if self.attached(gateway)), None) or next(free, None)

    def surplus_internet_gateways(self) -> list[str]:
        """Ours, not attached and surplus: the response to their creation was lost."""
        spare = [gateway for gateway in self.live.internet_gateways if self._ours(gateway) and not gateway.get("Attachments")]
        return [gateway["InternetGatewayId"] for gateway in spare if gateway["InternetGatewayId"] != self.internet_gateway["id"]]

    def _nat_gateways(self) -> list[dict[str, Any]]:
        zones = {"single": self.zones[:1], "highly_available": self.zones, "disabled": []}[self.given["nat_mode"]]
        public = {subnet["zone"]: subnet["id"] for subnet in self.subnets if subnet["kind"] == "public"}
        gateways = []
        for zone in zones:
            name = f"{self.name}-nat-{zone}"
            there = [gateway for gateway in self.live.nat_gateways if public[zone] and gateway["SubnetId"] == public[zone] and self._ours(gateway)]
            address = self._address(name, there)
            gateways.append(
                {
                    "name": name,
                    "zone": zone,
                    "id": there[0]["NatGatewayId"] if there else None,
                    "state": there[0]["State"] if there else None,
                    "subnet_id": public[zone],
                    "allocation_id": address.get("AllocationId") if address else None,
                    "tags": self._tags(name),
                }
            )
        return gateways

    def _address(self, name: str, gateways: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The elastic IP of a NAT gateway: its current one, or one that was allocated for it."""
        used = {entry.get("AllocationId") for gateway in gateways for entry in gateway.get("NatGatewayAddresses") or []}
        named = [address for address in self.live.addresses if tags_of(address.get("Tags")).get("Name") == name]
        named.sort(key=lambda address: (address["AllocationId"] not in used, address["AllocationId"]))
        return named[0] if named else None

    def _ours(self, resource: dict[str, Any]) -> bool:
        return ours(resource, Owner(self.name, self.region))

    def surplus_nat_gateways(self) -> list[dict[str, Any]]:
        kept = {gateway["id"] for gateway in self.nat_gateways}
        return [gateway for gateway in self.live.nat_gateways if self._ours(gateway) and gateway["NatGatewayId"] not in kept]

    def surplus_addresses(self) -> list[dict[str, Any]]:
        """Addresses of our NAT gateways that none of the desired ones uses."""
        kept = {gateway["allocation_id"] for gateway in self.nat_gateways}
        return [
            address
            for address in self.live.addresses
            if tags_of(address.get("Tags")).get("Name", "").startswith(f"{self.name}-nat-") and address["AllocationId"] not in kept
        ]

    def _route_tables(self) -> list[dict[str, Any]]:
        ids = {tags_of(table.get("Tags")).get("Name"): table["RouteTableId"] for table in self.live.route_tables if self._ours(table)}
        ids |= {table["name"]: table["id"] for table in self.route_tables if table["id"]}
        tables: list[dict[str, Any]] = [
            {
                "name": f"{self.name}-public",
                "gateway": self.internet_gateway["id"] or "internet gateway",
                "subnets": [subnet for subnet in self.subnets if subnet["kind"] == "public"],
            }
        ]
        by_zone = {gateway["zone"]: gateway for gateway in self.nat_gateways}
        for subnet in self.subnets:
            if subnet["kind"] == "private":
                gateway = by_zone.get(subnet["zone"]) or next(iter(by_zone.values()), None)
                target = (gateway["id"] or gateway["name"]) if gateway else None
                tables.append({"name": f"{self.name}-private-{subnet['zone']}", "gateway": target, "subnets": [subnet]})
        return [
            {
                "name": table["name"],
                "id": ids.get(table["name"]),
                "tags": self._tags(table["name"]),
                "routes": [{"dest": ANYWHERE, "gateway_id": table["gateway"]}] if table["gateway"] else [],
                "subnet_ids": sorted(subnet["id"] for subnet in table["subnets"] if subnet["id"]),
                "subnet_names": [subnet["name"] for subnet in table["subnets"]],
            }
            for table in tables
        ]

    def plan(self) -> dict[str, Any]:
        return {
            "vpc": self.vpc,
            "subnets": self.subnets,
            "internet_gateway": self.internet_gateway,
            "nat_gateways": self.nat_gateways,
            "surplus_nat_gateways": [gateway["NatGatewayId"] for gateway in self.surplus_nat_gateways()],
            "surplus_addresses": [address["AllocationId"] for address in self.surplus_addresses()],
            "surplus_internet_gateways": self.surplus_internet_gateways(),
            "route_tables": self.route_tables,
        }

    # What differs

    def differences(self) -> list[Difference]:
        return [
            *self._vpc_differences(),
            *self._subnet_differences(),
            *self._gateway_differences(),
            *self._nat_differences(),
            *self._route_differences(),
        ]

    def _vpc_differences(self) -> list[Difference]:
        live = self.live.vpc
        after = {"cidr": self.vpc["cidr"], "dns_support": True, "dns_hostnames": True, "tags": self.vpc["tags"]}
        before = {"cidr": (live or {}).get("CidrBlock"), **self.live.dns, "tags": wanted_tags(live, self.vpc["tags"])}
        return compare("vpc", f"VPC {self.vpc['name']} {self.vpc['cidr']}", live is not None, before, after)

    def _subnet_differences(self) -> list[Difference]:
        by_id = {subnet["SubnetId"]: subnet for subnet in self.live.subnets}
        found = []
        for subnet in self.subnets:
            live = by_id.get(subnet["id"])
            if live and live["AvailabilityZone"] != subnet["zone"]:
                raise Refused(f"subnet {subnet['id']} ({subnet['cidr']}) is in {live['AvailabilityZone']}, not {subnet['zone']}, and cannot be moved")
            after = {"zone": subnet["zone"], "map_public": subnet["map_public"], "tags": subnet["tags"]}
            before = {
                "zone": (live or {}).get("AvailabilityZone"),
                "map_public": (live or {}).get("MapPublicIpOnLaunch", False),
                "tags": wanted_tags(live, subnet["tags"]),
            }
            found += compare("subnets", f"subnet {subnet['name']} {subnet['cidr']}", live is not None and not is_unfinished(live), before, after)
        return found

    def _gateway_differences(self) -> list[Difference]:
        live, wanted = self.live_internet_gateway(), self.internet_gateway
        before = {"attached": live is not None and self.attached(live), "tags": wanted_tags(live, wanted["tags"])}
        after = {"attached": True, "tags": wanted["tags"]}
        found = compare("internet_gateway", f"internet gateway {wanted['name']}", live is not None, before, after)
        return found + [Difference("internet_gateway", f"internet gateway {gateway}", "delete") for gateway in self.surplus_internet_gateways()]

    def _nat_differences(self) -> list[Difference]:
        by_id = {gateway["NatGatewayId"]: gateway for gateway in self.live.nat_gateways}
        found = []
        for wanted in self.nat_gateways:
            live = by_id.get(wanted["id"])
            before: dict[str, Any] = {"tags": wanted_tags(live, wanted["tags"])}
            if live is None and not wanted["allocation_id"]:
                found.append(Difference("nat", f"elastic IP {wanted['name']}", "create", {}, {"tags": wanted["tags"]}))
            after: dict[str, Any] = {"tags": wanted["tags"]}
            if live and live["State"] == "pending":
                before["state"], after["state"] = "pending", "available"
            found += compare("nat", f"NAT gateway {wanted['name']}", live is not None, before, after)
        found += [Difference("nat", f"NAT gateway {gateway['NatGatewayId']}", "delete") for gateway in self.surplus_nat_gateways()]
        found += [Difference("nat", f"elastic IP {address.get('PublicIp')}", "delete") for address in self.surplus_addresses()]
        return found

    def _route_differences(self) -> list[Difference]:
        by_id = {table["RouteTableId"]: table for table in self.live.route_tables}
        names = {subnet["SubnetId"]: tags_of(subnet.get("Tags")).get("Name", subnet["SubnetId"]) for subnet in self.live.subnets}
        found = []
        for wanted in self.route_tables:
            live = by_id.get(wanted["id"]) or {}
            joined = [names.get(entry["SubnetId"], entry["SubnetId"]) for entry in live.get("Associations", []) if entry.get("SubnetId")]
            before = {
                "routes": default_route(live),
                # A subnet of others that is associated with our table stays.
                "subnets": sorted(set(joined) & set(wanted["subnet_names"])),
                "tags": wanted_tags(live, wanted["tags"]),
            }
            after = {"routes": self.wanted_route(live, wanted), "subnets": sorted(wanted["subnet_names"]), "tags": wanted["tags"]}
            found += compare("route_tables", f"route table {wanted['name']}", bool(live), before, after)
        return found

    def wanted_route(self, live: dict[str, Any], wanted: dict[str, Any]) -> dict[str, str]:
        """The default route. If there should be none, only one to our NAT gateway is deleted: any other is not ours."""
        if wanted["routes"]:
            return {route["dest"]: route["gateway_id"] for route in wanted["routes"]}
        return {dest: target for dest, target in default_route(live).items() if not self._is_our_nat(target)}

    def _is_our_nat(self, target: str) -> bool:
        """A deleted gateway leaves a blackhole route behind, which is useless."""
        there = {gateway["NatGatewayId"]: gateway for gateway in self.live.nat_gateways}
        return target.startswith("nat-") and (target not in there or self._ours(there[target]))


def default_route(table: dict[str, Any]) -> dict[str, str]:
    """The target of a table's default route; empty without one."""
    targets = [target_of(route) for route in table.get("Routes", []) if route.get("DestinationCidrBlock") == ANYWHERE]
    return {ANYWHERE: targets[0]} if targets else {}


def target_of(route: dict[str, Any]) -> str:
    return str(next((route[key] for key in TARGETS if route.get(key)), "?"))
