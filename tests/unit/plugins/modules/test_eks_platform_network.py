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
from aws_harness import Account
from platform_parts import planned, platform, present

SECTIONS = {"vpc", "subnets", "internet_gateway", "nat", "route_tables", "iam", "launch_templates", "logs"}


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
        result = present(self.account.endpoint, {**self.given, **changes}, check, wait_delay=0.1)
        assert not result.get("failed"), result["msg"]
        return {**result, "calls": Counter(self.account.mutations(mark))}

    def differs(self, **changes: Any) -> list[str]:
        look = planned(self.account.endpoint, {**self.given, **changes})
        return [entry["summary"] for entry in look["differs"] if entry["section"] in SECTIONS]


@pytest.fixture
def site(account: Account, tmp_path: Path) -> Site:
    return Site(account, tmp_path)


def test_a_network_from_nothing(site: Site) -> None:
    planned = site.make(check=True)
    assert planned["changed"] and not planned["calls"] and len(planned["diff"]["after"]) == 18
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


def test_the_control_planes_logs_expire_unless_they_are_there_or_a_variable_says_otherwise(site: Site) -> None:
    logs, name = site.account.client("logs"), f"/aws/eks/{site.name}/cluster"

    def kept() -> int:
        (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return int(group.get("retentionInDays", 0))

    site.make()
    arn = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["arn"].removesuffix(":*")
    assert kept() == 90 and logs.list_tags_for_resource(resourceArn=arn)["tags"]["meshgate.io/cluster"] == site.name
    logs.put_retention_policy(logGroupName=name, retentionInDays=3653)
    assert site.differs() == [] and site.make()["changed"] is False and kept() == 3653
    weaker = site.differs(log_retention_days=30)
    assert weaker == [f"would change log group {name}: WEAKENS retention_days: 3653 -> 30"]
    assert site.make(log_retention_days=30)["calls"] == {"logs:PutRetentionPolicy": 1} and kept() == 30
    assert site.make(log_retention_days=0)["calls"] == {"logs:DeleteRetentionPolicy": 1} and kept() == 0
    assert site.differs() == [] and site.differs(log_retention_days=0) == []


@pytest.mark.parametrize("retention", [None, 90], ids=["before its retention", "after it"])
def test_a_log_group_of_a_stopped_run_is_finished(site: Site, retention: int | None) -> None:
    logs, name = site.account.client("logs"), f"/aws/eks/{site.name}/cluster"
    site.make()
    (whole,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    tags = logs.list_tags_for_resource(resourceArn=whole["arn"].removesuffix(":*"))["tags"]
    assert tags["meshgate.io/cluster"] == site.name and "meshgate.io/unfinished" not in tags
    logs.delete_log_group(logGroupName=name)
    logs.create_log_group(logGroupName=name, tags={**tags, "meshgate.io/unfinished": "true"})
    if retention:
        logs.put_retention_policy(logGroupName=name, retentionInDays=retention)
    assert site.differs() == [f"would create log group {name}"]
    assert site.make()["calls"] == {"logs:CreateLogGroup": 1, "logs:PutRetentionPolicy": 1, "logs:UntagResource": 1}
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["retentionInDays"] == 90 and logs.list_tags_for_resource(resourceArn=whole["arn"].removesuffix(":*"))["tags"] == tags
    logs.delete_retention_policy(logGroupName=name)  # by hand, later
    assert site.differs() == [] and site.make()["changed"] is False


@pytest.mark.parametrize("public", [False, True], ids=["before its setting", "after it"])
def test_a_public_subnet_of_a_stopped_run_is_finished(site: Site, public: bool) -> None:
    site.make()
    (subnet, *_others) = site.ec2.describe_subnets(Filters=[*site.ours, {"Name": "tag:kubernetes.io/role/elb", "Values": ["1"]}])["Subnets"]
    assert subnet["MapPublicIpOnLaunch"] and not [tag for tag in subnet["Tags"] if tag["Key"] == "meshgate.io/unfinished"]
    site.ec2.create_tags(Resources=[subnet["SubnetId"]], Tags=[{"Key": "meshgate.io/unfinished", "Value": "true"}])
    site.ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": public})
    assert [line.partition(" sandbox")[0].split(" net-")[0] for line in site.differs()] == ["would create subnet"]
    assert site.make()["calls"] == {"ec2:DeleteTags": 1, **({} if public else {"ec2:ModifySubnetAttribute": 1})}
    (finished,) = site.ec2.describe_subnets(SubnetIds=[subnet["SubnetId"]])["Subnets"]
    assert finished == subnet and site.differs() == []
    site.ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": False})  # by hand, later
    assert site.differs() == [] and site.make()["changed"] is False


def test_without_logs_there_is_no_log_group(site: Site) -> None:
    site.make(logging=[])
    assert site.account.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/eks/{site.name}/")["logGroups"] == []


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
    else:
        statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        site.iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    drift = site.differs()
    assert len(drift) == 1, drift
    mended = site.make()
    assert mended["changed"] and sum(mended["calls"].values()) <= 2 and len(mended["diff"]["after"]) == 1 and site.differs() == []


def test_what_others_have_in_our_network_stays(site: Site) -> None:
    """Of a route table the default route is ours, and of its associations those of our own subnets; nothing says whether a public subnet gives addresses."""
    plan, ec2 = site.make()["plan"], site.ec2
    vpc_id, tables = plan["vpc"]["id"], [table["id"] for table in plan["route_tables"]]
    peer = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    peering = ec2.create_vpc_peering_connection(VpcId=vpc_id, PeerVpcId=peer)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    for table in tables:
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.77.0.0/16", VpcPeeringConnectionId=peering)
    ec2.create_route(RouteTableId=tables[0], DestinationIpv6CidrBlock="::/0", GatewayId=plan["internet_gateway"]["id"])
    theirs = ec2.create_subnet(VpcId=vpc_id, CidrBlock="192.168.192.0/24", AvailabilityZone="us-west-2a")["Subnet"]["SubnetId"]
    ec2.associate_route_table(RouteTableId=tables[0], SubnetId=theirs)
    hardened, opened = plan["subnets"][0]["id"], plan["subnets"][3]["id"]
    ec2.modify_subnet_attribute(SubnetId=hardened, MapPublicIpOnLaunch={"Value": False})
    ec2.modify_subnet_attribute(SubnetId=opened, MapPublicIpOnLaunch={"Value": True})
    # Something of ours differs, too, so that the run goes through all of them.
    ec2.delete_route(RouteTableId=tables[0], DestinationCidrBlock="0.0.0.0/0")
    assert [line.split(":")[0] for line in site.differs()] == [f"would change route table {site.name}-public"]
    assert site.make()["calls"] == {"ec2:CreateRoute": 1} and site.differs() == []
    subnets = {item["SubnetId"]: item["MapPublicIpOnLaunch"] for item in ec2.describe_subnets(SubnetIds=[hardened, opened])["Subnets"]}
    assert subnets == {hardened: False, opened: True}
    # Nodes in the public subnets have no other way out than an address of their own.
    assert site.make(nat_mode="disabled")["calls"]["ec2:ModifySubnetAttribute"] == 1
    found = ec2.describe_route_tables(RouteTableIds=tables)["RouteTables"]
    assert [sum(route.get("VpcPeeringConnectionId") == peering for route in table["Routes"]) for table in found] == [1] * 4
    assert any(route.get("DestinationIpv6CidrBlock") == "::/0" for table in found for route in table["Routes"])
    assert any(entry.get("SubnetId") == theirs for table in found for entry in table["Associations"])


def test_a_way_out_that_others_made_stays_where_we_want_none(site: Site) -> None:
    """Without NAT the private subnets have no way out of ours; a transit gateway's, here an interface's, is left to who made it."""
    plan = site.make()["plan"]
    private = [table["id"] for table in plan["route_tables"] if "private" in table["name"]]
    interface = site.ec2.create_network_interface(SubnetId=plan["subnets"][0]["id"])["NetworkInterface"]["NetworkInterfaceId"]
    site.ec2.replace_route(RouteTableId=private[0], DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=interface)
    calls = site.make(nat_mode="disabled")["calls"]
    assert calls["ec2:DeleteRoute"] == 2 and site.differs(nat_mode="disabled") == []
    # EC2 says them in an order of its own: they were made at the same time.
    tables = {table["RouteTableId"]: table["Routes"] for table in site.ec2.describe_route_tables(RouteTableIds=private)["RouteTables"]}
    ways_out = [[route["NetworkInterfaceId"] for route in tables[table] if route.get("NetworkInterfaceId")] for table in private]
    assert ways_out == [[interface], [], []]


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
    # Not said is not "none": the boundary stays until somebody takes it away.
    assert site.make(**{**given, "iam_permissions_boundary": ""})["changed"] is False
    taken = planned(site.account.endpoint, {**site.given, **given, "iam_permissions_boundary": "none"})["differs"]
    assert [entry["weakens"] for entry in taken if entry["section"] == "iam"] == [["permissions_boundary"]] * 2
    assert site.make(**{**given, "iam_permissions_boundary": "none"})["calls"] == {"iam:DeleteRolePermissionsBoundary": 2}
    assert site.make(**given)["calls"] == {"iam:PutRolePermissionsBoundary": 2}
    moved = planned(site.account.endpoint, {**site.given, **given, "iam_path": "/"})
    assert "iam.path is '/', but IAM role" in moved["msg"] and "'/platform/'" in moved["msg"]


def test_what_others_added_to_our_roles_is_named_and_stays(site: Site) -> None:
    """IAM does not say who attached a policy. The nodes' list, once it is given, is all that shall be attached."""
    site.make()
    node, plane = site.given["node_role_name"], site.given["role_name"]
    extra = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]})
    admin, ssm = (f"arn:aws:iam::aws:policy/{name}" for name in ("AdministratorAccess", "AmazonSSMManagedInstanceCore"))
    for role in (node, plane):
        site.iam.attach_role_policy(RoleName=role, PolicyArn=admin)
        site.iam.put_role_policy(RoleName=role, PolicyName="extra", PolicyDocument=extra)
    site.iam.detach_role_policy(RoleName=node, PolicyArn=ssm)
    look = planned(site.account.endpoint, site.given, check=True)
    said = [
        f"IAM role {role} has the {what}, which is not configured here"
        for role in (plane, node)
        for what in (f"policy {admin} attached", "inline policy extra")
    ]
    assert look["unmanaged"] == said and all(sentence in str(look["warnings"]) for sentence in said)
    assert site.differs() == [] and site.make()["changed"] is False
    given = {"node_policies": [], "node_ssm": True}
    (would,) = [entry for entry in planned(site.account.endpoint, {**site.given, **given})["differs"] if entry["section"] == "iam"]
    assert f"WEAKENS policies: {', '.join(sorted(would['before']['policies']))} -> " in would["summary"], "Session Manager was switched off by hand"
    assert site.make(**given)["calls"] == {"iam:AttachRolePolicy": 1, "iam:DetachRolePolicy": 1}
    attached = site.iam.list_attached_role_policies(RoleName=node)["AttachedPolicies"]
    assert ssm in [policy["PolicyArn"] for policy in attached] and admin not in [policy["PolicyArn"] for policy in attached]


def test_a_role_of_somebody_else_is_taken_over_only_when_told(site: Site) -> None:
    site.account.role(site.given["node_role_name"], "ec2.amazonaws.com")
    refused = present(site.account.endpoint, site.given)
    assert refused["failed"] and "exists and is not managed by this collection" in refused["msg"] and "adopt: true takes it over" in refused["msg"]
    made = site.make(adopt=True)
    assert made["calls"]["iam:TagRole"] == 1 and made["calls"]["iam:CreateRole"] == 1 and site.differs() == []


def test_other_tags_reach_everything_in_one_run(site: Site) -> None:
    """The launch templates' own tags and those of their versions, too: what is compared has to be what is set."""
    site.make()
    tags = {"team": "platform"}
    assert site.differs(tags=tags)
    assert site.make(tags=tags)["changed"]
    assert site.differs(tags=tags) == []
    assert not site.make(tags=tags)["changed"]
