# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The AWS side of platform.sh in plain boto3 calls: make what is not there, or delete it in the one order that AWS takes.

Usage: aws.py up|down DIRECTORY, with KUBECTL and KUBECONFIG in the environment. Nothing is compared and nothing is repaired: what is there
by name counts as made. A script would call the AWS CLI, which takes a second for each of these sixty calls; this is the quicker rival.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
from botocore.exceptions import ClientError

RENDERED = ("values", "namespaces", "operator", "ingress", "services")


def tags(pairs: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def fill(text: str, ids: dict[str, str]) -> str:
    for name, identity in ids.items():
        text = text.replace(f"@{name}@", identity)
    return text


def missing(call: Any, **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFoundException", "NoSuchEntity"):
            return True
        raise
    return False


class Account:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.want = json.loads((folder / "aws.json").read_text(encoding="utf-8"))
        self.name = self.want["name"]
        given = {"region_name": self.want["region"], "endpoint_url": self.want["emulator"], "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        session = boto3.Session()
        self.ec2, self.eks, self.iam, self.sts = (session.client(service, **given) for service in ("ec2", "eks", "iam", "sts"))
        self.ours = [{"Name": "tag:meshgate.io/cluster", "Values": [self.name]}]
        self.ids: dict[str, str] = {}

    def filled(self, part: Any) -> Any:
        return json.loads(fill(json.dumps(part), self.ids))

    @staticmethod
    def by_name(kind: str, items: list[dict[str, Any]], key: str) -> dict[str, str]:
        return {f"{kind}:{tag['Value']}": item[key] for item in items for tag in item.get("Tags") or [] if tag["Key"] == "Name"}

    # -- up -------------------------------------------------------------------------------------------------------------

    def register(self) -> None:
        """Tell the emulated AWS which cluster is behind EKS."""

        def kubectl(*arguments: str) -> Any:
            return json.loads(subprocess.run([os.environ["KUBECTL"], *arguments], check=True, capture_output=True, text=True).stdout)

        cluster = kubectl("config", "view", "--raw", "--minify", "-o", "json")["clusters"][0]["cluster"]
        nodes = []
        for node in kubectl("get", "nodes", "-o", "json")["items"]:
            address = next(item["address"] for item in node["status"]["addresses"] if item["type"] == "InternalIP")
            nodes.append({"name": node["metadata"]["name"], "ip": address, "pod_cidr": node["spec"]["podCIDR"]})
        body = {
            "endpoint": cluster["server"],
            "certificate_authority_data": cluster["certificate-authority-data"],
            "jwks": json.dumps(kubectl("get", "--raw", "/openid/v1/jwks"), sort_keys=True),
            "nodes": nodes,
        }
        url = f"{self.want['emulator']}/_meshgate/clusters/{self.name}"
        urlopen(Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"), timeout=10).close()

    def specification(self, kind: str, pairs: dict[str, str]) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": tags(pairs)}]

    def network(self) -> None:
        ec2, want, ids = self.ec2, self.want, self.ids
        vpc, gateway = want["vpc"], want["internet_gateway"]
        ids.update(self.by_name("vpc", ec2.describe_vpcs(Filters=self.ours)["Vpcs"], "VpcId"))
        if f"vpc:{vpc['name']}" not in ids:
            made = ec2.create_vpc(CidrBlock=vpc["cidr"], TagSpecifications=self.specification("vpc", vpc["tags"]))["Vpc"]
            ids[f"vpc:{vpc['name']}"] = made["VpcId"]
            ec2.modify_vpc_attribute(VpcId=made["VpcId"], EnableDnsSupport={"Value": True})
            ec2.modify_vpc_attribute(VpcId=made["VpcId"], EnableDnsHostnames={"Value": True})
        vpc_id = ids[f"vpc:{vpc['name']}"]
        ids.update(self.by_name("gateway", ec2.describe_internet_gateways(Filters=self.ours)["InternetGateways"], "InternetGatewayId"))
        if f"gateway:{gateway['name']}" not in ids:
            made = ec2.create_internet_gateway(TagSpecifications=self.specification("internet-gateway", gateway["tags"]))["InternetGateway"]
            ids[f"gateway:{gateway['name']}"] = made["InternetGatewayId"]
            ec2.attach_internet_gateway(InternetGatewayId=made["InternetGatewayId"], VpcId=vpc_id)
        ids.update(self.by_name("subnet", ec2.describe_subnets(Filters=self.ours)["Subnets"], "SubnetId"))
        for subnet in want["subnets"]:
            if f"subnet:{subnet['name']}" in ids:
                continue
            made = ec2.create_subnet(
                VpcId=vpc_id, CidrBlock=subnet["cidr"], AvailabilityZone=subnet["zone"], TagSpecifications=self.specification("subnet", subnet["tags"])
            )["Subnet"]
            ids[f"subnet:{subnet['name']}"] = made["SubnetId"]
            if subnet["map_public"]:
                ec2.modify_subnet_attribute(SubnetId=made["SubnetId"], MapPublicIpOnLaunch={"Value": True})
        gateways = [item for item in ec2.describe_nat_gateways(Filter=self.ours)["NatGateways"] if item["State"] in ("pending", "available")]
        ids.update(self.by_name("nat", gateways, "NatGatewayId"))
        for nat in self.filled(want["nat_gateways"]):
            if f"nat:{nat['name']}" in ids:
                continue
            address = ec2.allocate_address(Domain="vpc", TagSpecifications=self.specification("elastic-ip", nat["tags"]))["AllocationId"]
            made = ec2.create_nat_gateway(SubnetId=nat["subnet_id"], AllocationId=address, TagSpecifications=self.specification("natgateway", nat["tags"]))[
                "NatGateway"
            ]
            ids[f"nat:{nat['name']}"] = made["NatGatewayId"]
        tables = self.by_name("table", ec2.describe_route_tables(Filters=self.ours)["RouteTables"], "RouteTableId")
        for table in self.filled(want["route_tables"]):
            if f"table:{table['name']}" in tables:
                continue
            made = ec2.create_route_table(VpcId=vpc_id, TagSpecifications=self.specification("route-table", table["tags"]))["RouteTable"]["RouteTableId"]
            for route in table["routes"]:
                target = "NatGatewayId" if route["gateway_id"].startswith("nat-") else "GatewayId"
                ec2.create_route(RouteTableId=made, DestinationCidrBlock=route["dest"], **{target: route["gateway_id"]})
            for subnet_id in table["subnet_ids"]:
                ec2.associate_route_table(RouteTableId=made, SubnetId=subnet_id)

    def roles(self) -> None:
        for role in self.want["roles"]:
            if missing(self.iam.get_role, RoleName=role["name"]):
                trust = json.dumps(role["trust"])
                self.iam.create_role(RoleName=role["name"], AssumeRolePolicyDocument=trust, Description=role["description"], Tags=tags(role["tags"]))
                for policy in role["policies"]:
                    self.iam.attach_role_policy(RoleName=role["name"], PolicyArn=policy)

    def cluster(self) -> None:
        eks, want = self.eks, self.want
        if missing(eks.describe_cluster, name=self.name):
            eks.create_cluster(**self.filled(want["cluster"]))
        live = self.until_active(lambda: eks.describe_cluster(name=self.name)["cluster"])
        self.ids["group:of the cluster"] = live["resourcesVpcConfig"]["clusterSecurityGroupId"]
        issuer = live["identity"]["oidc"]["issuer"]
        arn = self.provider(issuer)
        if missing(self.iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn):
            self.iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"], Tags=tags(want["tags"]))
        for addon in want["addons"]:
            if missing(eks.describe_addon, clusterName=self.name, addonName=addon["addonName"]):
                eks.create_addon(**addon)
        templates = self.ec2.describe_launch_templates(Filters=self.ours)["LaunchTemplates"]
        for template in want["launch_templates"]:
            if template["name"] not in [item["LaunchTemplateName"] for item in templates]:
                labels = self.specification("launch-template", template["tags"])
                self.ec2.create_launch_template(LaunchTemplateName=template["name"], LaunchTemplateData=template["data"], TagSpecifications=labels)
        groups = self.filled(want["node_groups"])
        for group in groups:
            if missing(eks.describe_nodegroup, clusterName=self.name, nodegroupName=group["nodegroupName"]):
                eks.create_nodegroup(**group)
        for group in groups:
            self.until_active(lambda group=group: eks.describe_nodegroup(clusterName=self.name, nodegroupName=group["nodegroupName"])["nodegroup"])
        for addon in want["addons"]:
            self.until_active(lambda addon=addon: eks.describe_addon(clusterName=self.name, addonName=addon["addonName"])["addon"])

    def provider(self, issuer: str) -> str:
        return f"arn:aws:iam::{self.sts.get_caller_identity()['Account']}:oidc-provider/{issuer.removeprefix('https://')}"

    @staticmethod
    def until_active(look: Any) -> dict[str, Any]:
        live: dict[str, Any] = look()
        while live["status"] != "ACTIVE":
            time.sleep(0.1)
            live = look()
        return live

    def service_role(self) -> None:
        role = self.want["service_role"]
        if missing(self.iam.get_role, RoleName=role["name"]):
            policy = self.iam.create_policy(
                PolicyName=role["policy_name"], Path=role["path"], PolicyDocument=json.dumps(role["policy"]), Tags=tags(role["tags"])
            )["Policy"]
            trust = json.dumps(role["trust"])
            self.iam.create_role(RoleName=role["name"], Path=role["path"], AssumeRolePolicyDocument=trust, Tags=tags(role["tags"]))
            self.iam.attach_role_policy(RoleName=role["name"], PolicyArn=policy["Arn"])

    def security_group(self) -> None:
        ec2, group = self.ec2, self.want["security_group"]
        self.ids.update(self.by_name("group", ec2.describe_security_groups(Filters=self.ours)["SecurityGroups"], "GroupId"))
        if f"group:{group['name']}" in self.ids:
            return
        made = ec2.create_security_group(
            GroupName=group["name"],
            Description=group["name"],
            VpcId=self.ids[f"vpc:{self.want['vpc']['name']}"],
            TagSpecifications=self.specification("security-group", group["tags"]),
        )["GroupId"]
        self.ids[f"group:{group['name']}"] = made
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=group["ingress"])
        filled = self.filled(group)
        ec2.authorize_security_group_ingress(GroupId=filled["backend"], IpPermissions=filled["backend_ingress"])

    def up(self) -> None:
        self.register()
        self.network()
        self.roles()
        self.cluster()
        self.service_role()
        self.security_group()
        rendered = self.folder / "rendered"
        rendered.mkdir(exist_ok=True)
        for name in RENDERED:
            text = (self.folder / f"{name}.json").read_text(encoding="utf-8")
            (rendered / f"{name}.json").write_text(fill(text, self.ids), encoding="utf-8")

    # -- down -----------------------------------------------------------------------------------------------------------

    def down(self) -> None:
        ec2, eks, iam, want = self.ec2, self.eks, self.iam, self.want
        issuer = eks.describe_cluster(name=self.name)["cluster"]["identity"]["oidc"]["issuer"]
        for group in want["node_groups"]:
            eks.delete_nodegroup(clusterName=self.name, nodegroupName=group["nodegroupName"])
            self.until_gone(lambda group=group: missing(eks.describe_nodegroup, clusterName=self.name, nodegroupName=group["nodegroupName"]))
        # With their security group in use, EKS would leave that behind.
        self.clear_interfaces()
        for template in want["launch_templates"]:
            ec2.delete_launch_template(LaunchTemplateName=template["name"])
        for addon in want["addons"]:
            eks.delete_addon(clusterName=self.name, addonName=addon["addonName"])
            self.until_gone(lambda addon=addon: missing(eks.describe_addon, clusterName=self.name, addonName=addon["addonName"]))
        own = self.by_name("group", ec2.describe_security_groups(Filters=self.ours)["SecurityGroups"], "GroupId")[f"group:{want['security_group']['name']}"]
        referring = [{"Name": "ip-permission.group-id", "Values": [own]}]
        for other in ec2.describe_security_groups(Filters=referring)["SecurityGroups"]:
            permissions = [item for item in other["IpPermissions"] if any(pair["GroupId"] == own for pair in item["UserIdGroupPairs"])]
            ec2.revoke_security_group_ingress(GroupId=other["GroupId"], IpPermissions=permissions)
        ec2.delete_security_group(GroupId=own)
        eks.delete_cluster(name=self.name)
        self.until_gone(lambda: missing(eks.describe_cluster, name=self.name))
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=self.provider(issuer))
        gateways = [item for item in ec2.describe_nat_gateways(Filter=self.ours)["NatGateways"] if item["State"] != "deleted"]
        for nat in gateways:
            ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
        self.until_gone(lambda: all(item["State"] == "deleted" for item in ec2.describe_nat_gateways(Filter=self.ours)["NatGateways"]))
        for address in ec2.describe_addresses(Filters=self.ours)["Addresses"]:
            ec2.release_address(AllocationId=address["AllocationId"])
        for table in ec2.describe_route_tables(Filters=self.ours)["RouteTables"]:
            for entry in table["Associations"]:
                ec2.disassociate_route_table(AssociationId=entry["RouteTableAssociationId"])
            ec2.delete_route_table(RouteTableId=table["RouteTableId"])
        self.until_gone(self.clear_interfaces)
        for subnet in ec2.describe_subnets(Filters=self.ours)["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        for gateway in ec2.describe_internet_gateways(Filters=self.ours)["InternetGateways"]:
            for attachment in gateway["Attachments"]:
                ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=attachment["VpcId"])
            ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
        for vpc in ec2.describe_vpcs(Filters=self.ours)["Vpcs"]:
            ec2.delete_vpc(VpcId=vpc["VpcId"])
        for name in (*(role["name"] for role in want["roles"]), want["service_role"]["name"]):
            attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            for policy in attached:
                iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            iam.delete_role(RoleName=name)
            for policy in attached:
                if policy["PolicyName"] == want["service_role"]["policy_name"]:
                    iam.delete_policy(PolicyArn=policy["PolicyArn"])

    def clear_interfaces(self) -> bool:
        """Delete what nodes leave behind; what a load balancer leaves behind goes by itself. True when there is nothing left."""
        subnets = [subnet["SubnetId"] for subnet in self.ec2.describe_subnets(Filters=self.ours)["Subnets"]]
        there = self.ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": subnets}])["NetworkInterfaces"]
        for interface in there:
            if interface["Status"] == "available":
                self.ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
        return not there

    @staticmethod
    def until_gone(gone: Any) -> None:
        while not gone():
            time.sleep(0.1)


if __name__ == "__main__":
    account = Account(Path(sys.argv[2]))
    {"up": account.up, "down": account.down}[sys.argv[1]]()
