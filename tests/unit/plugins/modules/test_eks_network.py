# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The network, the roles and the launch templates: made in one process, tagged at creation, exact in check mode, mended after any interruption."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aws_harness import Account, run
from test_eks_platform_plan import platform

from ansible_collections.meshgate.eks_istio.plugins.modules import eks_network, eks_platform_plan

SECTIONS = {"vpc", "subnets", "internet_gateway", "nat", "route_tables", "iam", "launch_templates"}


class Site:
    """One platform's network in the emulated account."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account = account
        self.name = f"net-{uuid.uuid4().hex[:6]}"
        self.given = platform(folder, name=self.name)
        self.ec2, self.iam = account.client("ec2"), account.client("iam")
        self.plan: dict[str, Any] = {}
        self.ours = [{"Name": "tag:meshgate.io/cluster", "Values": [self.name]}]

    def make(self, check: bool = False, **changes: Any) -> dict[str, Any]:
        """Run the module, and say which calls it made."""
        mark = self.account.mark()
        result = run(eks_network, self.account.endpoint, check=check, platform={**self.given, **changes}, wait_delay=0.1)
        assert not result.get("failed"), result["msg"]
        return {**result, "calls": Counter(self.account.mutations(mark))}

    def differs(self, **changes: Any) -> list[str]:
        look = run(eks_platform_plan, self.account.endpoint, platform={**self.given, **changes})
        return [entry["summary"] for entry in look["differs"] if entry["section"] in SECTIONS]


@pytest.fixture
def site(account: Account, tmp_path: Path) -> Site:
    return Site(account, tmp_path)


def test_a_network_from_nothing(site: Site) -> None:
    planned = site.make(check=True)
    assert planned["changed"] and not planned["calls"] and len(planned["diff"]["after"]) == 17
    made = site.make()
    assert made["changed"] and made["diff"] == planned["diff"] and site.differs() == [] and made["unfinished"] == []
    calls = made["calls"]
    assert calls["ec2:CreateTags"] == calls["iam:TagRole"] == 0, "everything has its tags from the call that made it"
    expected = {"CreateVpc": 1, "CreateSubnet": 6, "CreateInternetGateway": 1, "AllocateAddress": 1, "CreateNatGateway": 1, "CreateRouteTable": 4}
    assert {name: calls[f"ec2:{name}"] for name in expected} == expected
    again = site.make()
    assert again["changed"] is False and not again["calls"] and "diff" not in again


def test_what_is_launched_answers_on_imdsv2_only_and_is_encrypted(site: Site) -> None:
    """EKS takes these from a launch template: https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html."""
    site.make(node_key_name="office")
    name = f"{site.name}-mng-arm"
    versions = site.ec2.describe_launch_template_versions(LaunchTemplateName=name, Versions=["$Latest"])["LaunchTemplateVersions"]
    data = versions[0]["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required" and data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert data["BlockDeviceMappings"] == [
        {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "DeleteOnTermination": True, "VolumeSize": 80, "VolumeType": "gp3"}}
    ]
    assert data["KeyName"] == "office"
    tagged = {entry["ResourceType"] for entry in data["TagSpecifications"] if {"Key": "meshgate.io/cluster", "Value": site.name} in entry["Tags"]}
    assert {"instance", "volume", "network-interface"} <= tagged
    changed = site.make(node_key_name="office", node_metadata_hop_limit=2)
    assert changed["calls"] == {"ec2:CreateLaunchTemplateVersion": 1}
    assert changed["diff"]["after"] == {f"launch template {name}": {"metadata_hop_limit": 2}}
    assert changed["plan"]["node_groups"][0]["launch_template"] == {"name": name, "version": "2"}
    assert site.make(node_key_name="office", node_metadata_hop_limit=2)["changed"] is False


def test_bottlerocket_keeps_its_data_on_the_second_volume(site: Site) -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html; Bottlerocket's README, "Default Volumes"."""
    group = {"name": "rocket", "instance_types": ["m6g.large"], "ami_type": "BOTTLEROCKET_ARM_64", "disk_size": 50}
    data = site.make(node_groups=[group])["plan"]["launch_templates"][0]["data"]
    assert [(entry["DeviceName"], entry["Ebs"].get("VolumeSize")) for entry in data["BlockDeviceMappings"]] == [("/dev/xvda", None), ("/dev/xvdb", 50)]


def test_nat_gateways_are_exchanged_without_an_hour_without_a_way_out(site: Site) -> None:
    site.make()
    more = site.make(nat_mode="highly_available")
    assert more["calls"]["ec2:CreateNatGateway"] == 2 and more["calls"]["ec2:ReplaceRoute"] == 2 and site.differs(nat_mode="highly_available") == []
    less = site.make()
    assert less["calls"] == {"ec2:ReplaceRoute": 2, "ec2:DeleteNatGateway": 2, "ec2:ReleaseAddress": 2} and site.differs() == []
    none = site.make(nat_mode="disabled")
    assert none["calls"] == {"ec2:DeleteRoute": 3, "ec2:DeleteNatGateway": 1, "ec2:ReleaseAddress": 1} and site.differs(nat_mode="disabled") == []


@pytest.fixture(scope="module")
def standing(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One that stands, and is whole again after each test. Without NAT, since no gateway is detached from a VPC with public addresses in it."""
    site = Site(account, tmp_path_factory.mktemp("standing"))
    site.given["nat_mode"] = "disabled"
    site.plan = site.make()["plan"]
    return site


@pytest.mark.parametrize("lost", ["attachment", "association", "route", "map_public", "dns", "tag", "policy", "trust"])
def test_what_somebody_changed_is_put_back(standing: Site, lost: str) -> None:
    site, plan = standing, standing.plan
    vpc_id, subnet, table = plan["vpc"]["id"], plan["subnets"][0], plan["route_tables"][0]
    role = site.given["node_role_name"]
    if lost == "attachment":
        site.ec2.detach_internet_gateway(InternetGatewayId=plan["internet_gateway"]["id"], VpcId=vpc_id)
    elif lost == "association":
        there = site.ec2.describe_route_tables(RouteTableIds=[table["id"]])["RouteTables"][0]["Associations"][0]
        site.ec2.disassociate_route_table(AssociationId=there["RouteTableAssociationId"])
    elif lost == "route":
        site.ec2.delete_route(RouteTableId=table["id"], DestinationCidrBlock="0.0.0.0/0")
    elif lost == "map_public":
        site.ec2.modify_subnet_attribute(SubnetId=subnet["id"], MapPublicIpOnLaunch={"Value": False})
    elif lost == "dns":
        site.ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": False})
    elif lost == "tag":
        site.ec2.delete_tags(Resources=[subnet["id"]], Tags=[{"Key": "kubernetes.io/role/elb"}])
    elif lost == "policy":
        site.iam.detach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")
        site.iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    else:
        statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        site.iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    drift = site.differs()
    assert len(drift) == 1, drift
    mended = site.make()
    assert mended["changed"] and sum(mended["calls"].values()) <= 2 and len(mended["diff"]["after"]) == 1 and site.differs() == []


def test_what_a_stopped_run_left_is_found_and_completed(site: Site) -> None:
    """Between two calls a run may end: a gateway is made and not attached, an address allocated and not used, a table without routes."""

    def tags(kind: str, name: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": [{"Key": "meshgate.io/cluster", "Value": site.name}, {"Key": "Name", "Value": f"{site.name}-{name}"}]}]

    vpc_id = site.ec2.create_vpc(CidrBlock="192.168.0.0/16", TagSpecifications=tags("vpc", "vpc"))["Vpc"]["VpcId"]
    gateway = site.ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway", "igw"))["InternetGateway"]["InternetGatewayId"]
    # Two of each: the answer to the first was lost in a run that was then stopped.
    spare = site.ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway", "igw"))["InternetGateway"]["InternetGatewayId"]
    addresses = [site.ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", "nat-us-west-2a"))["AllocationId"] for _unused in range(2)]
    site.ec2.create_route_table(VpcId=vpc_id, TagSpecifications=tags("route-table", "public"))
    calls = site.make()["calls"]
    assert site.differs() == []
    assert calls["ec2:CreateVpc"] == calls["ec2:CreateInternetGateway"] == calls["ec2:AllocateAddress"] == 0 and calls["ec2:CreateRouteTable"] == 3
    assert [item["InternetGatewayId"] for item in site.ec2.describe_internet_gateways(Filters=site.ours)["InternetGateways"]] in ([gateway], [spare])
    left = site.ec2.describe_addresses(Filters=site.ours)["Addresses"]
    assert len(left) == 1 and left[0]["AllocationId"] in addresses and left[0]["AssociationId"]


def test_roles_have_path_and_boundary_and_no_more_than_they_need(site: Site) -> None:
    boundary = site.iam.create_policy(
        PolicyName=f"{site.name}-boundary",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
    )["Policy"]["Arn"]
    given = {"iam_path": "/platform/", "iam_permissions_boundary": boundary, "node_ssm": True}
    made = site.make(**given)
    assert made["facts"]["node_role_arn"] == f"arn:aws:iam::123456789012:role/platform/{site.name}-eks-node"
    role = site.iam.get_role(RoleName=site.given["node_role_name"])["Role"]
    assert role["Path"] == "/platform/" and role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    attached = site.iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert sorted(policy["PolicyName"] for policy in attached) == [
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonSSMManagedInstanceCore",
    ]
    assert site.make(**{**given, "iam_permissions_boundary": ""})["calls"] == {"iam:DeleteRolePermissionsBoundary": 2}
    assert site.make(**given)["calls"] == {"iam:PutRolePermissionsBoundary": 2}
    moved = run(eks_platform_plan, site.account.endpoint, platform={**site.given, **given, "iam_path": "/"})
    assert "eks_cluster_iam_path is '/', but IAM role" in moved["msg"] and "'/platform/'" in moved["msg"]


def test_a_role_of_somebody_else_is_taken_over_only_when_told(site: Site) -> None:
    site.account.role(site.given["node_role_name"], "ec2.amazonaws.com")
    refused = run(eks_network, site.account.endpoint, platform=site.given)
    assert refused["failed"] and "exists and is not ours" in refused["msg"] and "eks_cluster_adopt: true takes it over" in refused["msg"]
    made = site.make(adopt=True)
    assert made["calls"]["iam:TagRole"] == 1 and made["calls"]["iam:CreateRole"] == 1 and site.differs() == []
