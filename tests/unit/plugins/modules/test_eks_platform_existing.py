# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A VPC of somebody else's is checked before anything is made, and never touched; a cluster of somebody else's is taken over only when told.

What EKS asks of a network: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html ("at least two different Availability Zones", "at
least six IP addresses for use by Amazon EKS", DNS hostnames and resolution), and what load balancers do:
https://docs.aws.amazon.com/eks/latest/userguide/alb-ingress.html (the tags kubernetes.io/role/elb and kubernetes.io/role/internal-elb).
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from aws_harness import REGION, Account, run
from platform_parts import planned, platform, present

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.options import options_of
from ansible_collections.meshgate.eks_istio.plugins.modules import aws_preflight_info, eks_cluster

NETWORK = {"vpc", "subnets", "internet_gateway", "nat", "route_tables"}


class Theirs:
    """A VPC as somebody else would have made it, with two zones, an internet gateway and a NAT gateway."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account, self.folder = account, folder
        self.ec2 = ec2 = account.client("ec2")
        self.name = f"theirs-{uuid.uuid4().hex[:6]}"
        self.vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.vpc_id, EnableDnsHostnames={"Value": True})
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc_id)
        self.public = [self.subnet(f"10.0.{number}.0/24", zone, "elb") for number, zone in enumerate("ab")]
        self.private = [self.subnet(f"10.0.{number + 10}.0/24", zone, "internal-elb") for number, zone in enumerate("ab")]
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=self.public[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
        # The public ones use the main table, as many VPCs do.
        main = [{"Name": "vpc-id", "Values": [self.vpc_id]}, {"Name": "association.main", "Values": ["true"]}]
        self.main = ec2.describe_route_tables(Filters=main)["RouteTables"][0]["RouteTableId"]
        ec2.create_route(RouteTableId=self.main, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.table = ec2.create_route_table(VpcId=self.vpc_id)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
        for subnet in self.private:
            ec2.associate_route_table(RouteTableId=self.table, SubnetId=subnet)

    def subnet(self, cidr: str, zone: str, role: str = "") -> str:
        made = self.ec2.create_subnet(VpcId=self.vpc_id, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        if role:
            self.ec2.create_tags(Resources=[made], Tags=[{"Key": f"kubernetes.io/role/{role}", "Value": "1"}])
        return made

    def given(self, **changes: Any) -> dict[str, Any]:
        theirs = {"vpc_id": self.vpc_id, "subnet_ids": {"public": self.public, "private": self.private}}
        return platform(self.folder, name=self.name, **{**theirs, **changes})

    def look(self, do: Any = planned, **changes: Any) -> dict[str, Any]:
        return do(self.account.endpoint, self.given(**changes))


@pytest.fixture
def theirs(account: Account, tmp_path: Path) -> Theirs:
    return Theirs(account, tmp_path)


def test_a_network_of_somebody_else_is_used_and_not_touched(theirs: Theirs) -> None:
    look = theirs.look()
    assert not look.get("failed"), look["msg"]
    assert not NETWORK & set(look["sections"]) and "iam" in look["sections"]
    assert look["facts"]["existing_network"] is True and look["facts"]["vpc_id"] == theirs.vpc_id
    assert look["facts"]["subnets"] == {"public": theirs.public, "private": theirs.private}
    assert look["plan"]["cluster"]["subnet_ids"] == sorted(theirs.public + theirs.private)
    assert look["plan"]["node_groups"][0]["subnet_ids"] == sorted(theirs.private)
    mark = theirs.account.mark()
    made = theirs.look(present)
    ours = {"CreateRole", "AttachRolePolicy", "CreateLaunchTemplate", "CreateLogGroup", "PutRetentionPolicy", "UntagResource"}
    assert made["changed"] and {call.split(":")[1] for call in theirs.account.mutations(mark)} == ours


def test_without_private_subnets_the_nodes_are_in_the_public_ones(theirs: Theirs) -> None:
    refused = theirs.look(subnet_ids={"public": theirs.public})
    assert refused["failed"] and refused["msg"].count("assigns no public address at launch") == 2
    for subnet in theirs.public:
        theirs.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    assert theirs.look(subnet_ids={"public": theirs.public})["plan"]["node_groups"][0]["subnet_ids"] == sorted(theirs.public)


def test_all_that_is_wrong_with_a_network_is_said_at_once(theirs: Theirs) -> None:
    ec2 = theirs.ec2
    ec2.modify_vpc_attribute(VpcId=theirs.vpc_id, EnableDnsHostnames={"Value": False})
    ec2.delete_tags(Resources=theirs.public[:1], Tags=[{"Key": "kubernetes.io/role/elb"}])
    ec2.create_tags(Resources=theirs.public[1:], Tags=[{"Key": "kubernetes.io/cluster/production", "Value": "shared"}])
    ec2.delete_route(RouteTableId=theirs.table, DestinationCidrBlock="0.0.0.0/0")
    small = theirs.subnet("10.0.20.0/28", "a", "internal-elb")
    for _unused in range(7):
        ec2.create_network_interface(SubnetId=small)
    refused = theirs.look(subnet_ids={"public": theirs.public, "private": [*theirs.private, small]})["msg"]
    for sentence in (
        f"VPC {theirs.vpc_id} has DNS hostnames switched off",
        f"subnet {theirs.public[0]} (public) lacks the tag kubernetes.io/role/elb=1",
        f"subnet {theirs.public[1]} (public) carries kubernetes.io/cluster/production and not kubernetes.io/cluster/{theirs.name}",
        f"subnet {theirs.private[0]} (private) has no route from 0.0.0.0/0 to a NAT gateway or another route out",
        f"subnet {small} (private) has 4 free addresses; EKS needs 6 in each, and recommends 16",
    ):
        assert sentence in refused


def test_a_vpc_without_a_way_out_needs_endpoints_of_all_that_nodes_ask(theirs: Theirs) -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html: EC2, ECR, S3, STS, ELB, and the private endpoint of the API server."""
    ec2, private = theirs.ec2, {"subnet_ids": {"private": theirs.private}}
    ec2.delete_route(RouteTableId=theirs.table, DestinationCidrBlock="0.0.0.0/0")
    where = {"VpcId": theirs.vpc_id, "SubnetIds": theirs.private, "VpcEndpointType": "Interface", "PrivateDnsEnabled": True}
    for service in ("ec2", "ecr.api", "ecr.dkr", "sts"):
        ec2.create_vpc_endpoint(ServiceName=f"com.amazonaws.{REGION}.{service}", **where)
    # Of another table of the VPC, and without the name that clients ask for.
    gateway = {"ServiceName": f"com.amazonaws.{REGION}.s3", "VpcId": theirs.vpc_id, "VpcEndpointType": "Gateway"}
    ec2.create_vpc_endpoint(**gateway, RouteTableIds=[theirs.main])
    ec2.create_vpc_endpoint(ServiceName=f"com.amazonaws.{REGION}.elasticloadbalancing", **{**where, "PrivateDnsEnabled": False})
    refused = theirs.look(**private)["msg"]
    assert "VPC endpoints of ec2, ecr.api, ecr.dkr, elasticloadbalancing, s3, sts, and elasticloadbalancing, s3 cannot be used there" in refused
    ec2.create_vpc_endpoint(**gateway, RouteTableIds=[theirs.table])
    ec2.create_vpc_endpoint(ServiceName=f"com.amazonaws.{REGION}.elasticloadbalancing", **where)
    assert "need control_plane.endpoint_access: private or public_and_private" in theirs.look(**private, endpoint_access="public")["msg"]
    look = theirs.look(**private)
    assert not look.get("failed") and look["plan"]["node_groups"][0]["subnet_ids"] == sorted(theirs.private)


@pytest.mark.parametrize(
    ("kind", "scheme", "accepted"),
    [("private", "internet-facing", "istio_ingress_scheme: internal"), ("public", "internal", "istio_ingress_scheme: internet-facing")],
)
def test_a_load_balancer_without_subnets_is_refused(theirs: Theirs, kind: str, scheme: str, accepted: str) -> None:
    """Where the controller looks for subnets depends on the scheme: https://docs.aws.amazon.com/eks/latest/userguide/alb-ingress.html."""
    for subnet in theirs.public:
        theirs.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    given = theirs.given(subnet_ids={kind: getattr(theirs, kind)}, version="1.36")
    options = {**options_of(given), "messages_name": "variables", "operator_policy": {"Statement": []}, "load_balancer": "a-balancer"}

    def look(scheme: str) -> dict[str, Any]:
        found = run(aws_preflight_info, theirs.account.endpoint, load_balancer_scheme=scheme, **options)
        return next(check for check in found["checks"] if check["name"] == "load balancer subnets")

    refused = look(scheme)
    assert refused["ok"] is False and f"eks_cluster_subnet_ids has no {'public' if kind == 'private' else 'private'} subnet" in refused["message"]
    assert refused["message"].endswith(accepted)
    assert look(accepted.split(": ")[1])["ok"] is True


def test_a_vpc_or_a_subnet_that_is_not_there_is_refused(theirs: Theirs) -> None:
    assert "which account 123456789012 does not have in us-west-2" in theirs.look(vpc_id="vpc-0123456789abcdef0")["msg"]
    missing = theirs.look(subnet_ids={"private": [theirs.private[0], "subnet-0123456789abcdef0"]})["msg"]
    assert f"network.subnet_ids has subnet-0123456789abcdef0, which VPC {theirs.vpc_id} does not have" in missing
    one_zone = theirs.look(subnet_ids={"public": theirs.public[:1], "private": theirs.private[:1]})["msg"]
    assert "are all in us-west-2a; EKS needs subnets in at least two availability zones" in one_zone
    without = theirs.look(subnet_ids={"private": theirs.private}, node_groups=[{"name": "a", "instance_types": ["m6g.large"], "subnets": "public"}])["msg"]
    assert "network.subnet_ids has no public subnet for node group a" in without


def test_a_cluster_of_somebody_else_is_taken_over_only_when_told(theirs: Theirs) -> None:
    role = theirs.account.role(f"{theirs.name}-eks-cluster", "eks.amazonaws.com")
    subnets = sorted(theirs.public + theirs.private)
    options = {"name": theirs.name, "version": "1.36", "role_arn": role, "subnet_ids": subnets, "authentication_mode": "API_AND_CONFIG_MAP"}
    assert run(eks_cluster, theirs.account.endpoint, wait_delay=0.1, **options)["changed"]
    refused = theirs.look()
    assert refused["failed"] and "or adopt: true takes it over" in refused["msg"]
    look = theirs.look(adopt=True)
    assert not look.get("failed"), look["msg"]
    changes = [entry for entry in look["differs"] if entry["section"] == "cluster"]
    assert changes[0]["action"] == "update" and changes[0]["after"]["tags"] == {"meshgate.io/cluster": theirs.name}
    own = planned(theirs.account.endpoint, platform(theirs.folder, name=theirs.name, adopt=True))
    assert f"EKS cluster {theirs.name} is in VPC {theirs.vpc_id}, which does not carry the tag" in own["msg"] and "set it in network.vpc_id" in own["msg"]
