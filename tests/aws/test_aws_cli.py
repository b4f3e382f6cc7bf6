# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The real AWS CLI lists what our code lists: with one answer, and in the smallest pages that AWS gives."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import aws_harness
import awscli
import botocore.session
import pytest
from awscli.clidriver import create_clidriver
from cloud import REGION, Cloud
from policy import ALLOWED

NAME = "box"
TAGS = [{"Key": "meshgate.io/cluster", "Value": NAME}]
TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}]}'
# The smallest page that each service gives (API references, MaxResults, PageSize, MaxItems).
SMALLEST = {"ec2": "5", "acm": "1", "eks": "1", "elbv2": "1", "iam": "1", "route53": "1", "logs": "1", "ecr": "1", "resourcegroupstaggingapi": "1"}


class Account:
    """One of everything that our code looks for."""

    def __init__(self, aws: Cloud) -> None:
        self.aws = aws
        self.network()
        self.identities()
        self.cluster()
        self.balancer()
        self.names()
        aws.control("POST", "clock", {"advance": 5})

    def network(self) -> None:
        ec2 = self.aws.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": TAGS}])["Vpc"]["VpcId"]
        self.subnets = aws_harness.Account(self.aws.endpoint).subnets(self.vpc)
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.egress = ec2.create_egress_only_internet_gateway(VpcId=self.vpc)["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
        self.address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        self.nat = ec2.create_nat_gateway(SubnetId=self.subnets[0], AllocationId=self.address)["NatGateway"]["NatGatewayId"]
        self.table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.group = ec2.create_security_group(GroupName=NAME, Description=NAME, VpcId=self.vpc)["GroupId"]
        request = {"VpcId": self.vpc, "ServiceName": f"com.amazonaws.{REGION}.sts", "VpcEndpointType": "Interface", "SubnetIds": self.subnets}
        self.endpoint = ec2.create_vpc_endpoint(**request)["VpcEndpoint"]["VpcEndpointId"]
        other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        self.peering = ec2.create_vpc_peering_connection(VpcId=self.vpc, PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.template = ec2.create_launch_template(LaunchTemplateName=NAME, LaunchTemplateData={"EbsOptimized": True})["LaunchTemplate"]["LaunchTemplateId"]
        self.volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=8)["VolumeId"]
        self.snapshot = ec2.create_snapshot(VolumeId=self.volume)["SnapshotId"]
        self.vpn = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
        transit = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
        attached = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=transit, VpcId=self.vpc, SubnetIds=self.subnets[:1])
        self.attachment = attached["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]

    def identities(self) -> None:
        iam = self.aws.client("iam")
        iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=TRUST, Tags=TAGS)
        iam.put_role_policy(RoleName=NAME, PolicyName="inline", PolicyDocument=POLICY)
        self.policy = iam.create_policy(PolicyName=NAME, PolicyDocument=POLICY, Tags=TAGS)["Policy"]["Arn"]
        iam.create_policy_version(PolicyArn=self.policy, PolicyDocument=POLICY)
        iam.attach_role_policy(RoleName=NAME, PolicyArn=self.policy)
        iam.create_instance_profile(InstanceProfileName=NAME)
        iam.add_role_to_instance_profile(InstanceProfileName=NAME, RoleName=NAME)
        made = iam.create_open_id_connect_provider(Url="https://oidc.example.com/id/BOX", ClientIDList=["sts.amazonaws.com"], Tags=TAGS)
        self.provider = made["OpenIDConnectProviderArn"]

    def cluster(self) -> None:
        eks, access = self.aws.client("eks"), {"authenticationMode": "API"}
        role = self.aws.role_for("eks.amazonaws.com", "control-plane")
        eks.create_cluster(name=NAME, version="1.36", roleArn=role, resourcesVpcConfig={"subnetIds": self.subnets}, accessConfig=access)
        self.aws.control("POST", "clock", {"advance": 5})
        where = {"clusterName": NAME}
        nodes, pods = self.aws.role_for("ec2.amazonaws.com", "nodes"), self.aws.role_for("pods.eks.amazonaws.com", "pods")
        eks.create_nodegroup(**where, nodegroupName="mng", subnets=self.subnets, nodeRole=nodes)
        eks.create_addon(**where, addonName="vpc-cni")
        eks.create_fargate_profile(**where, fargateProfileName="small", podExecutionRoleArn=nodes, selectors=[{"namespace": "small"}])
        made = eks.create_pod_identity_association(**where, namespace="a", serviceAccount="b", roleArn=pods)["association"]
        self.association, self.nodes = made["associationId"], nodes
        self.insight = eks.list_insights(**where)["insights"][0]["id"]
        self.aws.control("POST", "clock", {"advance": 5})
        self.update = eks.update_cluster_config(name=NAME, deletionProtection=True)["update"]["id"]

    def balancer(self) -> None:
        elb = self.aws.client("elbv2")
        self.alb = elb.create_load_balancer(Name=NAME, Subnets=self.subnets, SecurityGroups=[self.group], Tags=TAGS)["LoadBalancers"][0]["LoadBalancerArn"]
        self.targets = elb.create_target_group(Name=NAME, Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
        forward = [{"Type": "forward", "TargetGroupArn": self.targets}]
        self.listener = elb.create_listener(LoadBalancerArn=self.alb, Protocol="HTTP", Port=80, DefaultActions=forward)["Listeners"][0]["ListenerArn"]
        elb.register_targets(TargetGroupArn=self.targets, Targets=[{"Id": "10.0.0.10", "Port": 80}])

    def names(self) -> None:
        route53, acm, logs, ecr = (self.aws.client(service) for service in ("route53", "acm", "logs", "ecr"))
        self.zone = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
        self.certificate = acm.request_certificate(DomainName="example.com", Tags=TAGS)["CertificateArn"]
        logs.create_log_group(logGroupName=f"/aws/eks/{NAME}/cluster", tags={"meshgate.io/cluster": NAME})
        self.log_group = f"arn:aws:logs:{REGION}:123456789012:log-group:/aws/eks/{NAME}/cluster"
        self.repository = ecr.create_repository(repositoryName=f"{NAME}/one", tags=TAGS)["repository"]["repositoryArn"]


def rows(a: Account) -> dict[str, tuple[str, str, str]]:
    """Action -> the command, what to look at in its answer, and what must be there."""
    cluster, key = f"--cluster-name {NAME}", "meshgate.io/cluster"
    return {
        "acm:DescribeCertificate": (f"acm describe-certificate --certificate-arn {a.certificate}", "Certificate.DomainName", "example.com"),
        "acm:ListCertificates": ("acm list-certificates", "CertificateSummaryList[].CertificateArn", a.certificate),
        "acm:ListTagsForCertificate": (f"acm list-tags-for-certificate --certificate-arn {a.certificate}", "Tags[].Key", key),
        "ec2:DescribeAddresses": ("ec2 describe-addresses", "Addresses[].AllocationId", a.address),
        "ec2:DescribeAvailabilityZones": ("ec2 describe-availability-zones", "AvailabilityZones[].ZoneName", f"{REGION}a"),
        "ec2:DescribeEgressOnlyInternetGateways": (
            "ec2 describe-egress-only-internet-gateways",
            "EgressOnlyInternetGateways[].EgressOnlyInternetGatewayId",
            a.egress,
        ),
        "ec2:DescribeInstanceConnectEndpoints": ("ec2 describe-instance-connect-endpoints", "InstanceConnectEndpoints", ""),
        "ec2:DescribeInstanceTypeOfferings": ("ec2 describe-instance-type-offerings", "InstanceTypeOfferings[].InstanceType", "m6g.large"),
        "ec2:DescribeInstanceTypes": ("ec2 describe-instance-types", "InstanceTypes[].InstanceType", "m6g.large"),
        "ec2:DescribeInstances": ("ec2 describe-instances", "Reservations[].Instances[].InstanceType", "t3.medium"),
        "ec2:DescribeInternetGateways": ("ec2 describe-internet-gateways", "InternetGateways[].InternetGatewayId", a.gateway),
        "ec2:DescribeLaunchTemplateVersions": (
            f"ec2 describe-launch-template-versions --launch-template-id {a.template}",
            "LaunchTemplateVersions[].LaunchTemplateId",
            a.template,
        ),
        "ec2:DescribeLaunchTemplates": ("ec2 describe-launch-templates", "LaunchTemplates[].LaunchTemplateId", a.template),
        "ec2:DescribeNatGateways": ("ec2 describe-nat-gateways", "NatGateways[].NatGatewayId", a.nat),
        "ec2:DescribeNetworkAcls": ("ec2 describe-network-acls", "NetworkAcls[].VpcId", a.vpc),
        "ec2:DescribeNetworkInterfaces": ("ec2 describe-network-interfaces", "NetworkInterfaces[].Description", f"VPC Endpoint Interface {a.endpoint}"),
        "ec2:DescribeRegions": ("ec2 describe-regions", "Regions[].RegionName", REGION),
        "ec2:DescribeRouteTables": ("ec2 describe-route-tables", "RouteTables[].RouteTableId", a.table),
        "ec2:DescribeSecurityGroupRules": ("ec2 describe-security-group-rules", "SecurityGroupRules[].GroupId", a.group),
        "ec2:DescribeSecurityGroups": ("ec2 describe-security-groups", "SecurityGroups[].GroupId", a.group),
        "ec2:DescribeSnapshots": ("ec2 describe-snapshots --owner-ids self", "Snapshots[].SnapshotId", a.snapshot),
        "ec2:DescribeSubnets": ("ec2 describe-subnets", "Subnets[].SubnetId", a.subnets[0]),
        "ec2:DescribeTags": (f"ec2 describe-tags --filters Name=resource-id,Values={a.vpc}", "Tags[].Key", key),
        "ec2:DescribeTransitGatewayVpcAttachments": (
            "ec2 describe-transit-gateway-vpc-attachments",
            "TransitGatewayVpcAttachments[].TransitGatewayAttachmentId",
            a.attachment,
        ),
        "ec2:DescribeVolumes": ("ec2 describe-volumes", "Volumes[].VolumeId", a.volume),
        "ec2:DescribeVpcAttribute": (f"ec2 describe-vpc-attribute --vpc-id {a.vpc} --attribute enableDnsSupport", "VpcId", a.vpc),
        "ec2:DescribeVpcEndpoints": ("ec2 describe-vpc-endpoints", "VpcEndpoints[].VpcEndpointId", a.endpoint),
        "ec2:DescribeVpcPeeringConnections": ("ec2 describe-vpc-peering-connections", "VpcPeeringConnections[].VpcPeeringConnectionId", a.peering),
        "ec2:DescribeVpcs": (f"ec2 describe-vpcs --filters Name=tag:{key},Values={NAME}", "Vpcs[].VpcId", a.vpc),
        "ec2:DescribeVpnGateways": ("ec2 describe-vpn-gateways", "VpnGateways[].VpnGatewayId", a.vpn),
        "ecr:DescribeImages": (f"ecr describe-images --repository-name {NAME}/one", "imageDetails", ""),
        "ecr:DescribeRepositories": ("ecr describe-repositories", "repositories[].repositoryArn", a.repository),
        "ecr:ListTagsForResource": (f"ecr list-tags-for-resource --resource-arn {a.repository}", "tags[].Key", key),
        "eks:DescribeAccessEntry": (f"eks describe-access-entry {cluster} --principal-arn {a.nodes}", "accessEntry.type", "EC2_LINUX"),
        "eks:DescribeAddon": (f"eks describe-addon {cluster} --addon-name vpc-cni", "addon.status", "ACTIVE"),
        "eks:DescribeAddonVersions": ("eks describe-addon-versions", "addons[].addonName", "coredns"),
        "eks:DescribeCluster": (f"eks describe-cluster --name {NAME}", "cluster.accessConfig", "{'authenticationMode': 'API'}"),
        "eks:DescribeClusterVersions": ("eks describe-cluster-versions", "clusterVersions[].clusterVersion", "1.36"),
        "eks:DescribeFargateProfile": (f"eks describe-fargate-profile {cluster} --fargate-profile-name small", "fargateProfile.status", "ACTIVE"),
        "eks:DescribeInsight": (f"eks describe-insight {cluster} --id {a.insight}", "insight.id", a.insight),
        "eks:DescribeNodegroup": (f"eks describe-nodegroup {cluster} --nodegroup-name mng", "nodegroup.status", "ACTIVE"),
        "eks:DescribePodIdentityAssociation": (
            f"eks describe-pod-identity-association {cluster} --association-id {a.association}",
            "association.namespace",
            "a",
        ),
        "eks:DescribeUpdate": (f"eks describe-update --name {NAME} --update-id {a.update}", "update.params[0].value", "true"),
        "eks:ListAccessEntries": (f"eks list-access-entries {cluster}", "accessEntries", a.nodes),
        "eks:ListAddons": (f"eks list-addons {cluster}", "addons", "vpc-cni"),
        "eks:ListAssociatedAccessPolicies": (
            f"eks list-associated-access-policies {cluster} --principal-arn arn:aws:iam::123456789012:user/moto",
            "associatedAccessPolicies[].policyArn",
            "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        ),
        "eks:ListClusters": ("eks list-clusters", "clusters", NAME),
        "eks:ListFargateProfiles": (f"eks list-fargate-profiles {cluster}", "fargateProfileNames", "small"),
        "eks:ListInsights": (f"eks list-insights {cluster}", "insights[].id", a.insight),
        "eks:ListNodegroups": (f"eks list-nodegroups {cluster}", "nodegroups", "mng"),
        "eks:ListPodIdentityAssociations": (f"eks list-pod-identity-associations {cluster}", "associations[].associationId", a.association),
        "elasticloadbalancing:DescribeListeners": (f"elbv2 describe-listeners --load-balancer-arn {a.alb}", "Listeners[].ListenerArn", a.listener),
        "elasticloadbalancing:DescribeLoadBalancerAttributes": (
            f"elbv2 describe-load-balancer-attributes --load-balancer-arn {a.alb}",
            "Attributes[].Key",
            "deletion_protection.enabled",
        ),
        "elasticloadbalancing:DescribeLoadBalancers": ("elbv2 describe-load-balancers", "LoadBalancers[].LoadBalancerArn", a.alb),
        "elasticloadbalancing:DescribeRules": (f"elbv2 describe-rules --listener-arn {a.listener}", "Rules[].Priority", "default"),
        "elasticloadbalancing:DescribeTags": (f"elbv2 describe-tags --resource-arns {a.alb}", "TagDescriptions[].Tags[].Key", key),
        "elasticloadbalancing:DescribeTargetGroups": ("elbv2 describe-target-groups", "TargetGroups[].TargetGroupArn", a.targets),
        "elasticloadbalancing:DescribeTargetHealth": (
            f"elbv2 describe-target-health --target-group-arn {a.targets}",
            "TargetHealthDescriptions[].Target.Id",
            "10.0.0.10",
        ),
        "iam:ListAttachedRolePolicies": (f"iam list-attached-role-policies --role-name {NAME}", "AttachedPolicies[].PolicyArn", a.policy),
        "iam:ListEntitiesForPolicy": (f"iam list-entities-for-policy --policy-arn {a.policy}", "PolicyRoles[].RoleName", NAME),
        "iam:ListInstanceProfiles": ("iam list-instance-profiles", "InstanceProfiles[].InstanceProfileName", NAME),
        "iam:ListInstanceProfilesForRole": (f"iam list-instance-profiles-for-role --role-name {NAME}", "InstanceProfiles[].InstanceProfileName", NAME),
        "iam:ListOpenIDConnectProviderTags": (f"iam list-open-id-connect-provider-tags --open-id-connect-provider-arn {a.provider}", "Tags[].Key", key),
        "iam:ListOpenIDConnectProviders": ("iam list-open-id-connect-providers", "OpenIDConnectProviderList[].Arn", a.provider),
        "iam:ListPolicies": ("iam list-policies --scope Local", "Policies[].Arn", a.policy),
        "iam:ListPolicyTags": (f"iam list-policy-tags --policy-arn {a.policy}", "Tags[].Key", key),
        "iam:ListPolicyVersions": (f"iam list-policy-versions --policy-arn {a.policy}", "Versions[].VersionId", "v2"),
        "iam:ListRolePolicies": (f"iam list-role-policies --role-name {NAME}", "PolicyNames", "inline"),
        "iam:ListRoleTags": (f"iam list-role-tags --role-name {NAME}", "Tags[].Key", key),
        "iam:ListRoles": ("iam list-roles", "Roles[].RoleName", NAME),
        "logs:DescribeLogGroups": ("logs describe-log-groups", "logGroups[].logGroupName", f"/aws/eks/{NAME}/cluster"),
        "logs:ListTagsForResource": (f"logs list-tags-for-resource --resource-arn {a.log_group}", "keys(tags)", key),
        "route53:ListHostedZones": ("route53 list-hosted-zones", "HostedZones[].Id", a.zone),
        "route53:ListResourceRecordSets": (f"route53 list-resource-record-sets --hosted-zone-id {a.zone}", "ResourceRecordSets[].Type", "SOA"),
        "tag:GetResources": (f"resourcegroupstaggingapi get-resources --tag-filters Key={key},Values={NAME}", "ResourceTagMappingList[].ResourceARN", a.alb),
    }


@pytest.fixture
def cli(aws: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The CLI itself, in this process: as a program each call takes a second to start."""
    for name, value in {**aws.environment(), "AWS_ENDPOINT_URL": aws.endpoint, "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    # conftest.py has one loader for all sessions; the CLI has data of its own.
    botocore.session.create_loader().search_paths.append(str(Path(awscli.__file__).parent / "data"))
    driver = create_clidriver()

    def run(command: str, *more: str) -> Any:
        status = driver.main([*command.split(), "--output", "json", *more])
        said = capsys.readouterr()
        assert status == 0, f"aws {command}: {said.err}"
        return json.loads(said.out or "null")

    return run


def test_everything_that_we_list_is_listed_by_the_aws_cli(aws: Cloud, cli: Any, record_property: Any) -> None:
    table, paged = rows(Account(aws)), 0
    listed = {action for action in ALLOWED if action.split(":")[1].startswith(("Describe", "List")) and not action.startswith("s3:")}
    assert listed - set(table) == set(), "the operator policy lists what no command here lists: give it a row"
    wrong: list[str] = []
    for command, query, expected in table.values():
        found = cli(command, "--query", query)
        said = [str(one) for one in found] if isinstance(found, list) else [str(found)]
        if expected and expected not in said:
            wrong.append(f"aws {command}: {said}")
        service, operation = command.split()[:2]
        if aws.client(service).can_paginate(operation.replace("-", "_")):
            pages = cli(command, "--query", query, "--page-size", SMALLEST[service])
            paged += 1
            if sorted(map(str, pages or [])) != sorted(said):
                wrong.append(f"aws {command}: {said}, but in pages {pages}")
    record_property("aws_cli", f"{len(table)} operations, {paged} of them in pages, too")
    assert wrong == []
    assert paged > 30


def checklist() -> list[str]:
    """The commands of the AWS CLI that docs/aws.md gives to those who run it on a real account for the first time."""
    text = (Path(__file__).parents[2] / "docs/aws.md").read_text(encoding="utf-8")
    section = text.partition("### Checklist of a first run")[2].partition("\n## ")[0]
    return [re.sub(r"\s+# .*$", "", line) for line in re.findall(r"^\$ aws (.+)$", section, re.MULTILINE)]


def test_the_commands_of_a_first_run_show_what_is_there(aws: Cloud, cli: Any) -> None:
    """What a reader proves by them is that nothing is left: so each has to show what is."""
    account = Account(aws)
    iam = aws.client("iam")
    iam.create_role(RoleName=f"{NAME}-{REGION}-eks-node", AssumeRolePolicyDocument=TRUST)
    aws.client("ec2").create_tags(Resources=[account.address], Tags=TAGS)
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=account.provider, Tags=[*TAGS, {"Key": "meshgate.io/region", "Value": REGION}])
    said = [cli(" ".join(words[:2]), *words[2:]) for words in (shlex.split(command.replace("sandbox", NAME)) for command in checklist())]
    shown = [account.alb, account.provider, f"{NAME}-{REGION}-eks-node", NAME, account.address, f"/aws/eks/{NAME}/cluster"]
    assert said[0]["Account"] == "123456789012"
    assert [expected in json.dumps(answer) for expected, answer in zip(shown, said[2:], strict=True)] == [True] * len(shown)
