# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The whole AWS side of the platform: what it should be, what it is, and what differs. Only reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_cluster, eks_kubeconfig, eks_nodegroup, iam_oidc_provider
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Aws, AwsError, Refused, tags_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_input import choose_zones, node_group, partition_of, subnets_of

CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
ANYWHERE = "0.0.0.0/0"


@dataclass
class Difference:
    section: str
    resource: str
    action: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> str:
        if self.action != "update":
            return f"would {self.action} {self.resource}"
        said = "; ".join(f"{key}: {_short(self.before.get(key))} -> {_short(self.after.get(key))}" for key in self.after)
        return f"would change {self.resource}: {said}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_short(item)}" for key, item in sorted(value.items())) or "none"
    return "none" if value is None else str(value)


@dataclass
class Live:
    """What AWS has of it, in AWS's own words."""

    account_id: str = ""
    zones: list[dict[str, Any]] = field(default_factory=list)
    vpc: dict[str, Any] | None = None
    dns: dict[str, bool] = field(default_factory=dict)
    subnets: list[dict[str, Any]] = field(default_factory=list)
    internet_gateway: dict[str, Any] | None = None
    route_tables: list[dict[str, Any]] = field(default_factory=list)
    nat_gateways: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    cluster: dict[str, Any] | None = None
    node_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    provider: dict[str, Any] | None = None
    kubeconfig: str | None = None


def read(aws: Aws, platform: dict[str, Any]) -> Live:
    """Two rounds of calls, each at the same time."""
    name = platform["name"]
    identity = aws.call("sts", "get_caller_identity")
    live = Live(account_id=identity["Account"])
    expected = str(platform.get("expected_account_id") or "")
    if expected and expected != live.account_id:
        raise Refused(f"eks_cluster_expected_account_id is {expected!r}, but the AWS credentials are of account {live.account_id} ({identity['Arn']})")
    aws.prepare("ec2", "eks", "iam")
    ours = [{"Name": f"tag:{OWNER_TAG}", "Values": [name]}]
    roles = [platform["role_name"], platform["node_role_name"]]
    zones, vpcs, addresses, cluster, groups, *role_answers = aws.together(
        lambda: aws.call("ec2", "describe_availability_zones")["AvailabilityZones"],
        lambda: aws.pages("ec2", "describe_vpcs", "Vpcs", Filters=ours),
        lambda: aws.call("ec2", "describe_addresses", Filters=ours)["Addresses"],
        lambda: eks_cluster.describe(aws, name),
        lambda: aws.find("eks", "list_nodegroups", "nodegroups", clusterName=name) or [],
        *[partial(_role, aws, role) for role in roles],
    )
    if len(vpcs) > 1:
        raise Refused(f"{len(vpcs)} VPCs carry the tag {OWNER_TAG}={name}: {', '.join(vpc['VpcId'] for vpc in vpcs)}; keep it on one")
    live.zones, live.addresses, live.cluster = zones, addresses, cluster
    live.vpc = vpcs[0] if vpcs else None
    live.roles = {role: answer for role, answer in zip(roles, role_answers, strict=True) if answer}

    calls: dict[str, Callable[[], Any]] = {f"group {group}": partial(eks_nodegroup.describe, aws, name, group) for group in groups}
    issuer = issuer_of(cluster)
    if issuer:
        calls["provider"] = lambda: iam_oidc_provider.find(aws, issuer)
    if live.vpc:
        vpc_id = live.vpc["VpcId"]
        inside = [{"Name": "vpc-id", "Values": [vpc_id]}]
        attached = [{"Name": "attachment.vpc-id", "Values": [vpc_id]}]
        calls |= {
            "subnets": lambda: aws.pages("ec2", "describe_subnets", "Subnets", Filters=inside),
            "route_tables": lambda: aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=inside),
            "nat_gateways": lambda: aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=inside),
            "gateways": lambda: aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=attached),
            "support": lambda: aws.call("ec2", "describe_vpc_attribute", VpcId=vpc_id, Attribute="enableDnsSupport")["EnableDnsSupport"]["Value"],
            "hostnames": lambda: aws.call("ec2", "describe_vpc_attribute", VpcId=vpc_id, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"],
        }
    answers = dict(zip(calls, aws.together(*calls.values()), strict=True))
    live.node_groups = {group: answers[f"group {group}"] for group in groups if answers[f"group {group}"]}
    live.provider = answers.get("provider")
    live.subnets, live.route_tables = answers.get("subnets", []), answers.get("route_tables", [])
    live.nat_gateways = [gateway for gateway in answers.get("nat_gateways", []) if gateway["State"] in ("pending", "available")]
    live.internet_gateway = (answers.get("gateways") or [None])[0]
    live.dns = {"dns_support": answers.get("support", True), "dns_hostnames": answers.get("hostnames", True)}
    return live


def _role(aws: Aws, name: str) -> dict[str, Any] | None:
    role = aws.find("iam", "get_role", "Role", RoleName=name)
    if role is None:
        return None
    attached = aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return {**role, "Policies": sorted(policy["PolicyArn"] for policy in attached)}


def issuer_of(cluster: dict[str, Any] | None) -> str:
    return ((cluster or {}).get("identity") or {}).get("oidc", {}).get("issuer", "")


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


class Platform:
    """What it should be, with the ids of what there is already."""

    def __init__(self, given: dict[str, Any], live: Live) -> None:
        self.given, self.live = given, live
        self.name, self.region = given["name"], given["region"]
        self.partition = partition_of(self.region)
        self.tags = {**{key: str(value) for key, value in (given.get("tags") or {}).items()}, OWNER_TAG: self.name}
        self._refuse_strangers()
        self.zones = self._zones()
        self.vpc: dict[str, Any] = {
            "id": (live.vpc or {}).get("VpcId"),
            "name": f"{self.name}-vpc",
            "cidr": given["vpc_cidr"],
            "tags": self._tags(f"{self.name}-vpc"),
        }
        self.subnets = self._subnets()
        gateway_id = (live.internet_gateway or {}).get("InternetGatewayId")
        self.internet_gateway: dict[str, Any] = {"id": gateway_id, "name": f"{self.name}-igw", "tags": self._tags(f"{self.name}-igw")}
        self.nat_gateways = self._nat_gateways()
        self.route_tables = self._route_tables()
        self.roles = self._roles()
        self.cluster = self._cluster()
        self.node_groups = [self._node_group(group) for group in given["node_groups"]]

    def _tags(self, name: str) -> dict[str, str]:
        return {**self.tags, "Name": name}

    def _refuse_strangers(self) -> None:
        """What has our names and not our tag belongs to somebody else."""
        live = self.live
        for name, role in live.roles.items():
            if tags_of(role.get("Tags")).get(OWNER_TAG) != self.name:
                raise Refused(f"IAM role {name} exists and is not ours (no tag {OWNER_TAG}={self.name}); choose another name for ours")
        if live.cluster:
            if (live.cluster.get("tags") or {}).get(OWNER_TAG) != self.name:
                raise Refused(f"EKS cluster {self.name} exists and is not ours (no tag {OWNER_TAG}={self.name}); choose another eks_cluster_name, or tag it")
            its_vpc = (live.cluster.get("resourcesVpcConfig") or {}).get("vpcId")
            if its_vpc and its_vpc != (live.vpc or {}).get("VpcId"):
                raise Refused(f"EKS cluster {self.name} is in VPC {its_vpc}, which does not carry the tag {OWNER_TAG}={self.name}")
        if live.vpc and live.vpc["CidrBlock"] != self.given["vpc_cidr"]:
            raise Refused(
                f"eks_cluster_vpc_cidr is {self.given['vpc_cidr']!r}, but VPC {live.vpc['VpcId']} of this cluster has {live.vpc['CidrBlock']};"
                " AWS cannot change it: ask for that, or tear the platform down first"
            )

    def _zones(self) -> list[str]:
        """Zones of subnets that exist stay, even if the region's first three are others by now."""
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
            return choose_zones(self.live.zones, wanted)
        except ValueError as error:
            raise Refused(str(error)) from error

    def _subnets(self) -> list[dict[str, Any]]:
        ids = {subnet["CidrBlock"]: subnet["SubnetId"] for subnet in self.live.subnets}
        subnets = []
        for entry in subnets_of(self.given["vpc_cidr"], self.zones):
            name = f"{self.name}-{entry['kind']}-{entry['zone']}"
            role = "kubernetes.io/role/elb" if entry["kind"] == "public" else "kubernetes.io/role/internal-elb"
            tags = {**self._tags(name), role: "1", f"kubernetes.io/cluster/{self.name}": "shared"}
            subnets.append({**entry, "name": name, "id": ids.get(entry["cidr"]), "map_public": entry["kind"] == "public", "tags": tags})
        return subnets

    def subnet_ids(self, *kinds: str) -> list[str]:
        return sorted(subnet["id"] for subnet in self.subnets if subnet["id"] and subnet["kind"] in kinds)

    def _complete(self) -> bool:
        return all(subnet["id"] for subnet in self.subnets)

    def _nat_gateways(self) -> list[dict[str, Any]]:
        zones = {"single": self.zones[:1], "highly_available": self.zones, "disabled": []}[self.given["nat_mode"]]
        public = {subnet["zone"]: subnet["id"] for subnet in self.subnets if subnet["kind"] == "public"}
        by_name = {tags_of(address.get("Tags")).get("Name"): address for address in self.live.addresses}
        gateways = []
        for zone in zones:
            name = f"{self.name}-nat-{zone}"
            there = [gateway for gateway in self.live.nat_gateways if public[zone] and gateway["SubnetId"] == public[zone] and self._ours(gateway)]
            address = by_name.get(name, {})
            gateways.append(
                {
                    "name": name,
                    "zone": zone,
                    "id": there[0]["NatGatewayId"] if there else None,
                    "state": there[0]["State"] if there else None,
                    "subnet_id": public[zone],
                    "allocation_id": address.get("AllocationId"),
                    "tags": self._tags(name),
                }
            )
        return gateways

    def _ours(self, resource: dict[str, Any]) -> bool:
        return tags_of(resource.get("Tags")).get(OWNER_TAG) == self.name

    def surplus_nat_gateways(self) -> list[dict[str, Any]]:
        kept = {gateway["id"] for gateway in self.nat_gateways}
        return [gateway for gateway in self.live.nat_gateways if self._ours(gateway) and gateway["NatGatewayId"] not in kept]

    def surplus_addresses(self) -> list[dict[str, Any]]:
        """Addresses of our NAT gateways that none of the wanted ones uses."""
        kept = {gateway["name"] for gateway in self.nat_gateways}
        names = {address["AllocationId"]: tags_of(address.get("Tags")).get("Name", "") for address in self.live.addresses}
        return [
            address
            for address in self.live.addresses
            if names[address["AllocationId"]].startswith(f"{self.name}-nat-") and names[address["AllocationId"]] not in kept
        ]

    def _route_tables(self) -> list[dict[str, Any]]:
        ids = {tags_of(table.get("Tags")).get("Name"): table["RouteTableId"] for table in self.live.route_tables if self._ours(table)}
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

    def _roles(self) -> list[dict[str, Any]]:
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        kinds: tuple[tuple[str, str, tuple[str, ...], list[str], str], ...] = (
            (self.given["role_name"], "eks.amazonaws.com", CLUSTER_POLICIES, [], "The control plane of EKS cluster"),
            (self.given["node_role_name"], f"ec2.{suffix}", NODE_POLICIES, self.given.get("node_policies") or [], "The nodes of EKS cluster"),
        )
        return [
            {
                "name": name,
                "arn": f"arn:{self.partition}:iam::{self.live.account_id}:role/{name}",
                "description": f"{text} {self.name}",
                "trust": trust(service),
                "policies": sorted({*(f"arn:{self.partition}:iam::aws:policy/{policy}" for policy in policies), *more}),
                "tags": self._tags(name),
            }
            for name, service, policies, more, text in kinds
        ]

    def _cluster(self) -> dict[str, Any]:
        access = self.given["endpoint_access"]
        public = access in ("public", "public_and_private")
        return {
            "name": self.name,
            "version": str(self.given["version"]),
            "role_arn": self.roles[0]["arn"],
            # Half a network is not compared: it is completed first.
            "subnet_ids": self.subnet_ids("public", "private") if self._complete() else None,
            "endpoint_public_access": public,
            "endpoint_private_access": access in ("private", "public_and_private"),
            "public_access_cidrs": sorted(self.given["public_access_cidrs"]) if public else None,
            "logging": sorted(self.given.get("logging") or []),
            "authentication_mode": self.given["authentication_mode"],
            "bootstrap_creator_admin": True,
            "support_type": self.given["support_type"],
            "deletion_protection": bool(self.given["deletion_protection"]),
            "tags": self.tags,
        }

    def _node_group(self, given: dict[str, Any]) -> dict[str, Any]:
        group = node_group(given, self.given["nat_mode"])
        kind = group.pop("subnets")
        ids = self.subnet_ids(kind) if self._complete() else None
        return {**group, "node_role": self.roles[1]["arn"], "subnet_ids": ids, "version": str(self.given["version"]), "tags": self.tags}

    def surplus_node_groups(self) -> list[str]:
        """Node groups of ours that are not asked for any more."""
        wanted = {group["name"] for group in self.node_groups}
        return sorted(name for name, group in self.live.node_groups.items() if name not in wanted and (group.get("tags") or {}).get(OWNER_TAG) == self.name)

    # What differs

    def differences(self) -> list[Difference]:
        found: list[Difference] = []
        found += self._vpc_differences()
        found += self._subnet_differences()
        found += self._gateway_differences()
        found += self._nat_differences()
        found += self._route_differences()
        found += self._role_differences()
        found += self._cluster_differences()
        found += self._node_group_differences()
        found += self._provider_differences()
        found += self._kubeconfig_differences()
        return found

    def _compare(self, section: str, resource: str, there: bool, before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
        if not there:
            return [Difference(section, resource, "create", {}, after)]
        changed = [key for key in after if before.get(key) != after[key]]
        if not changed:
            return []
        return [Difference(section, resource, "update", {key: before.get(key) for key in changed}, {key: after[key] for key in changed})]

    @staticmethod
    def _wanted_tags(resource: dict[str, Any] | None, wanted: dict[str, str]) -> dict[str, str]:
        """Of the live tags those that we want to be so; others are the user's own."""
        live = tags_of((resource or {}).get("Tags"))
        return {key: live[key] for key in wanted if key in live}

    def _vpc_differences(self) -> list[Difference]:
        live = self.live.vpc
        after = {"cidr": self.vpc["cidr"], "dns_support": True, "dns_hostnames": True, "tags": self.vpc["tags"]}
        before = {"cidr": (live or {}).get("CidrBlock"), **self.live.dns, "tags": self._wanted_tags(live, self.vpc["tags"])}
        return self._compare("vpc", f"VPC {self.vpc['name']} {self.vpc['cidr']}", live is not None, before, after)

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
                "tags": self._wanted_tags(live, subnet["tags"]),
            }
            found += self._compare("subnets", f"subnet {subnet['name']} {subnet['cidr']}", live is not None, before, after)
        return found

    def _gateway_differences(self) -> list[Difference]:
        live, wanted = self.live.internet_gateway, self.internet_gateway
        before = {"tags": self._wanted_tags(live, wanted["tags"])}
        return self._compare("internet_gateway", f"internet gateway {wanted['name']}", live is not None, before, {"tags": wanted["tags"]})

    def _nat_differences(self) -> list[Difference]:
        by_id = {gateway["NatGatewayId"]: gateway for gateway in self.live.nat_gateways}
        addresses = {tags_of(address.get("Tags")).get("Name") for address in self.live.addresses}
        found = []
        for wanted in self.nat_gateways:
            live = by_id.get(wanted["id"])
            before = {"tags": self._wanted_tags(live, wanted["tags"])}
            if live is None and wanted["name"] not in addresses:
                found.append(Difference("nat", f"elastic IP {wanted['name']}", "create", {}, {"tags": wanted["tags"]}))
            found += self._compare("nat", f"NAT gateway {wanted['name']}", live is not None, before, {"tags": wanted["tags"]})
        found += [Difference("nat", f"NAT gateway {gateway['NatGatewayId']}", "delete") for gateway in self.surplus_nat_gateways()]
        found += [Difference("nat", f"elastic IP {address.get('PublicIp')}", "delete") for address in self.surplus_addresses()]
        return found

    def _route_differences(self) -> list[Difference]:
        by_id = {table["RouteTableId"]: table for table in self.live.route_tables}
        names = {subnet["SubnetId"]: tags_of(subnet.get("Tags")).get("Name", subnet["SubnetId"]) for subnet in self.live.subnets}
        found = []
        for wanted in self.route_tables:
            live = by_id.get(wanted["id"]) or {}
            routes = {route.get("DestinationCidrBlock", "?"): _target(route) for route in live.get("Routes", []) if route.get("GatewayId") != "local"}
            # A gateway endpoint of S3 or DynamoDB adds routes of its own to prefix lists; they are not ours to judge.
            routes.pop("?", None)
            joined = sorted(names.get(entry["SubnetId"], entry["SubnetId"]) for entry in live.get("Associations", []) if entry.get("SubnetId"))
            before = {"routes": routes, "subnets": joined, "tags": self._wanted_tags(live, wanted["tags"])}
            after = {
                "routes": {route["dest"]: route["gateway_id"] for route in wanted["routes"]},
                "subnets": sorted(wanted["subnet_names"]),
                "tags": wanted["tags"],
            }
            found += self._compare("route_tables", f"route table {wanted['name']}", bool(live), before, after)
        return found

    def _role_differences(self) -> list[Difference]:
        found = []
        for wanted in self.roles:
            live = self.live.roles.get(wanted["name"])
            before = {
                "trust": (live or {}).get("AssumeRolePolicyDocument"),
                "policies": (live or {}).get("Policies"),
                "tags": self._wanted_tags(live, wanted["tags"]),
            }
            after = {key: wanted[key] for key in ("trust", "policies", "tags")}
            found += self._compare("iam", f"IAM role {wanted['name']}", live is not None, before, after)
        return found

    def _cluster_differences(self) -> list[Difference]:
        live, resource = self.live.cluster, f"EKS cluster {self.name}"
        shown = {key: value for key, value in self.cluster.items() if value is not None and key not in ("name", "bootstrap_creator_admin")}
        if live is None or live["status"] == "DELETING":
            return [Difference("cluster", resource, "create", {}, shown)]
        if live["status"] == "FAILED":
            raise AwsError(f"EKS cluster {self.name} is FAILED: {eks_cluster.failure(live)}. Delete it and run again")
        plan = eks_cluster.plan_cluster(live, self.cluster, purge_tags=False)
        if live["status"] in ("CREATING", "PENDING"):
            plan.before["status"], plan.after["status"] = live["status"], "ACTIVE"
        return [Difference("cluster", resource, "update", plan.before, plan.after)] if plan.after else []

    def _node_group_differences(self) -> list[Difference]:
        found = []
        for wanted in self.node_groups:
            live, resource = self.live.node_groups.get(wanted["name"]), f"node group {wanted['name']}"
            if live is None or live["status"] == "DELETING":
                shown = {key: value for key, value in wanted.items() if value not in (None, {}, []) and key != "name"}
                found.append(Difference("node_groups", resource, "create", {}, shown))
                continue
            if live["status"] in ("CREATE_FAILED", "DELETE_FAILED"):
                raise AwsError(f"node group {wanted['name']} is {live['status']}: {eks_nodegroup.failure(live)}. Delete it and run again")
            plan = eks_nodegroup.plan_nodegroup(live, wanted, purge_tags=False)
            if live["status"] == "CREATING":
                plan.before["status"], plan.after["status"] = live["status"], "ACTIVE"
            if plan.after:
                found.append(Difference("node_groups", resource, "update", plan.before, plan.after))
        found += [Difference("node_groups", f"node group {name}", "delete") for name in self.surplus_node_groups()]
        return found

    def _provider_differences(self) -> list[Difference]:
        live = self.live.provider
        resource = "OIDC provider " + (issuer_of(self.live.cluster) or f"of EKS cluster {self.name}")
        if live is None:
            return [Difference("oidc", resource, "create", {}, {"client_ids": ["sts.amazonaws.com"], "tags": self.tags})]
        plan = iam_oidc_provider.plan_provider(live, ["sts.amazonaws.com"], None, self.tags, purge_tags=False)
        return [Difference("oidc", resource, "update", plan.before, plan.after)] if plan.changed else []

    def kubeconfig(self) -> str:
        """The kubeconfig that we would write; empty while there is no endpoint yet."""
        cluster = self.live.cluster
        if not self.given["kubeconfig_manage"] or not cluster or not cluster.get("endpoint"):
            return ""
        return eks_kubeconfig.content(cluster, self.region, self.given["context"])

    def _kubeconfig_differences(self) -> list[Difference]:
        if not self.given["kubeconfig_manage"]:
            return []
        path, wanted, there = self.given["kubeconfig"], self.kubeconfig(), self.live.kubeconfig
        if there is None:
            return [Difference("kubeconfig", f"kubeconfig {path}", "create", {}, {"context": self.given["context"]})]
        if there == wanted:
            return []
        context = self.given["context"]
        before = {"server": eks_kubeconfig.server_of(there, context), "context": context}
        return [Difference("kubeconfig", f"kubeconfig {path}", "update", before, {"server": (self.live.cluster or {}).get("endpoint"), "context": context})]

    # What the role's tasks and the other roles read

    def plan(self) -> dict[str, Any]:
        return {
            "vpc": self.vpc,
            "subnets": self.subnets,
            "internet_gateway": self.internet_gateway,
            "nat_gateways": self.nat_gateways,
            "surplus_nat_gateways": [gateway["NatGatewayId"] for gateway in self.surplus_nat_gateways()],
            "surplus_addresses": [address["PublicIp"] for address in self.surplus_addresses()],
            "route_tables": self.route_tables,
            "roles": self.roles,
            "cluster": self.cluster,
            "node_groups": self.node_groups,
            "surplus_node_groups": self.surplus_node_groups(),
            "kubeconfig": self.kubeconfig(),
        }

    def facts(self) -> dict[str, Any]:
        cluster, issuer = self.live.cluster or {}, issuer_of(self.live.cluster)
        group_id = (cluster.get("resourcesVpcConfig") or {}).get("clusterSecurityGroupId")
        provider = f"arn:{self.partition}:iam::{self.live.account_id}:oidc-provider/{iam_oidc_provider.path_of(issuer)}" if issuer else ""
        return {
            "exists": bool(cluster) and cluster.get("status") not in ("DELETING", "FAILED"),
            "name": self.name,
            "region": self.region,
            "account_id": self.live.account_id,
            "partition": self.partition,
            "arn": cluster.get("arn", ""),
            "version": cluster.get("version", ""),
            "vpc_id": self.vpc["id"] or "",
            "subnets": {kind: [subnet["id"] for subnet in self.subnets if subnet["id"] and subnet["kind"] == kind] for kind in ("public", "private")},
            "oidc_issuer": issuer,
            "oidc_provider_arn": provider,
            "security_groups": {"cluster": group_id or ""},
            "kubeconfig": self.given["kubeconfig"],
            "context": self.given["context"],
            "endpoint": cluster.get("endpoint", ""),
            "node_groups": sorted(self.live.node_groups),
            "node_architectures": sorted({eks_nodegroup.architecture_of_ami(group["ami_type"]) for group in self.node_groups}),
        }


def _target(route: dict[str, Any]) -> str:
    return route.get("NatGatewayId") or route.get("GatewayId") or route.get("TransitGatewayId") or route.get("NetworkInterfaceId") or "?"


def check_kubeconfig(given: dict[str, Any], live: Live) -> None:
    """A kubeconfig that is not ours to write must be of this cluster, and one that is ours must hold no other."""
    endpoint = (live.cluster or {}).get("endpoint")
    if given["kubeconfig_manage"]:
        if live.kubeconfig is not None:
            eks_kubeconfig.refuse_to_overwrite(given["kubeconfig"], live.kubeconfig, given["name"], given["region"])
        return
    if not endpoint:
        return
    if live.kubeconfig is None:
        raise Refused(
            f"eks_cluster_kubeconfig is {given['kubeconfig']!r}, which does not exist; accepted: a kubeconfig of EKS cluster {given['name']} at {endpoint}"
        )
    eks_kubeconfig.refuse_another_cluster(given["kubeconfig"], live.kubeconfig, given["context"], endpoint, given["name"])


def as_diff(differences: list[Difference]) -> dict[str, Any]:
    """Ansible's before and after, one entry per resource."""
    return {
        "before": {entry.resource: entry.before for entry in differences if entry.action != "create"},
        "after": {entry.resource: entry.after for entry in differences if entry.action != "delete"},
    }


def as_results(differences: list[Difference]) -> list[dict[str, Any]]:
    return [{**asdict(entry), "summary": entry.summary()} for entry in differences]
