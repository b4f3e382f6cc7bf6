# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Teardown against AWS's habits: after whatever step a creation failed, nothing is left; what is not ours, is protected or holds data stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud import QUICK, Cloud
from fault_proxy import FaultProxy
from nursery import Nursery

REPOSITORY = Path(__file__).resolve().parents[2]

NAME = "box"
OURS = {"Key": "meshgate.io/cluster", "Value": NAME}
CONTROLLER = {"Key": "elbv2.k8s.aws/cluster", "Value": NAME}
FAST: dict[str, Any] = {"cluster_name": NAME, "wait_timeout": 20, "wait_delay": 0.2}
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]})


def tagged(kind: str, *more: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [OURS, *more]}]


class Builder:
    """The platform, built step by step as the roles, EKS and the controller do, by plain boto3."""

    def __init__(self, aws: Cloud, path: str = "/") -> None:
        self.aws, self.path = aws, path
        self.ec2, self.iam, self.eks, self.elb = (aws.client(service) for service in ("ec2", "iam", "eks", "elbv2"))
        self.ids: dict[str, Any] = {}

    def vpc(self) -> None:
        self.ids["vpc"] = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]

    def subnets(self) -> None:
        given = {"VpcId": self.ids["vpc"], "TagSpecifications": tagged("subnet")}
        zones = ("us-west-2a", "us-west-2b")
        made = [self.ec2.create_subnet(CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=zone, **given) for i, zone in enumerate(zones)]
        self.ids["subnets"] = [answer["Subnet"]["SubnetId"] for answer in made]

    def gateway_that_is_not_attached(self) -> None:
        self.ids["igw"] = self.ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway"))["InternetGateway"]["InternetGatewayId"]

    def gateway_attached(self) -> None:
        self.ec2.attach_internet_gateway(InternetGatewayId=self.ids["igw"], VpcId=self.ids["vpc"])

    def address(self) -> None:
        self.ids["eip"] = self.ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))["AllocationId"]

    def nat_gateway(self) -> None:
        self.ec2.create_nat_gateway(SubnetId=self.ids["subnets"][0], AllocationId=self.ids["eip"], TagSpecifications=tagged("natgateway"))

    def route_table(self) -> None:
        table = self.ec2.create_route_table(VpcId=self.ids["vpc"], TagSpecifications=tagged("route-table"))["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=self.ids["subnets"][1])

    def cluster_role(self) -> None:
        self.ids["cluster_role"] = self._role("eks-cluster", "eks.amazonaws.com", "AmazonEKSClusterPolicy")

    def node_role(self) -> None:
        self.ids["node_role"] = self._role("eks-node", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        self.iam.create_instance_profile(InstanceProfileName=f"{NAME}-nodes", Path=self.path, Tags=[OURS])
        self.iam.add_role_to_instance_profile(InstanceProfileName=f"{NAME}-nodes", RoleName=f"{NAME}-eks-node")

    def _role(self, suffix: str, service: str, policy: str) -> str:
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
        given = {"RoleName": f"{NAME}-{suffix}", "Path": self.path, "AssumeRolePolicyDocument": json.dumps(trust), "Tags": [OURS]}
        arn: str = self.iam.create_role(**given)["Role"]["Arn"]
        self.iam.attach_role_policy(RoleName=given["RoleName"], PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        return arn

    def cluster_that_is_being_created(self) -> None:
        vpc = {"subnetIds": self.ids["subnets"], "endpointPrivateAccess": True}
        self.eks.create_cluster(name=NAME, roleArn=self.ids["cluster_role"], resourcesVpcConfig=vpc, tags={OURS["Key"]: NAME})

    def cluster(self) -> None:
        self.aws.control("POST", "clock", {"advance": 5})
        self.ids["cluster_group"] = self.eks.describe_cluster(name=NAME)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]

    def oidc_provider(self) -> None:
        issuer = self.eks.describe_cluster(name=NAME)["cluster"]["identity"]["oidc"]["issuer"]
        self.iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["9" * 40], Tags=[OURS])

    def launch_template(self) -> None:
        data = {"MetadataOptions": {"HttpTokens": "required"}, "TagSpecifications": tagged("instance") + tagged("volume")}
        made = self.ec2.create_launch_template(LaunchTemplateName=f"{NAME}-mng", LaunchTemplateData=data, TagSpecifications=tagged("launch-template"))
        self.ids["template"] = made["LaunchTemplate"]["LaunchTemplateId"]

    def node_group_that_is_being_created(self) -> None:
        template = {"id": self.ids["template"], "version": "1"}
        given = {"clusterName": NAME, "nodegroupName": "mng", "subnets": self.ids["subnets"], "nodeRole": self.ids["node_role"]}
        self.eks.create_nodegroup(**given, launchTemplate=template, instanceTypes=["m6i.large"], tags={OURS["Key"]: NAME})

    def node_group(self) -> None:
        self.aws.control("POST", "clock", {"advance": 5})

    def controllers_role(self) -> None:
        policy = self.iam.create_policy(PolicyName=f"{NAME}-alb", Path=self.path, PolicyDocument=DOCUMENT, Tags=[OURS])["Policy"]["Arn"]
        for number in range(2):
            self.iam.create_policy_version(PolicyArn=policy, PolicyDocument=DOCUMENT, SetAsDefault=bool(number))
        self._role("aws-load-balancer-controller", "pods.eks.amazonaws.com", "AmazonEKSServicePolicy")
        self.iam.attach_role_policy(RoleName=f"{NAME}-aws-load-balancer-controller", PolicyArn=policy)

    def security_group(self) -> None:
        made = self.ec2.create_security_group(GroupName=f"{NAME}-alb", Description="x", VpcId=self.ids["vpc"], TagSpecifications=tagged("security-group"))
        self.ids["group"] = made["GroupId"]
        rule = [{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": self.ids["group"]}]}]
        self.ec2.authorize_security_group_ingress(GroupId=self.ids["cluster_group"], IpPermissions=rule)

    def load_balancer(self) -> None:
        tags = [CONTROLLER, {"Key": "ingress.k8s.aws/stack", "Value": NAME}]
        made = self.elb.create_load_balancer(Name=f"{NAME}-alb", Subnets=self.ids["subnets"], SecurityGroups=[self.ids["group"]], Tags=tags)
        self.ids["balancer"] = made["LoadBalancers"][0]["LoadBalancerArn"]
        group = self.elb.create_target_group(Name=f"{NAME}-tg", Protocol="HTTP", Port=80, VpcId=self.ids["vpc"], TargetType="ip", Tags=tags)
        action = [{"Type": "forward", "TargetGroupArn": group["TargetGroups"][0]["TargetGroupArn"]}]
        self.elb.create_listener(LoadBalancerArn=self.ids["balancer"], Protocol="HTTP", Port=80, DefaultActions=action)

    def classic_load_balancer(self) -> None:
        listener = [{"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": 30080}]
        owned = [{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}]
        given = {"Subnets": self.ids["subnets"], "SecurityGroups": [self.ids["group"]], "Tags": owned}
        self.aws.client("elb").create_load_balancer(LoadBalancerName="a1b2c3", Listeners=listener, **given)

    def certificate(self) -> None:
        made = self.aws.client("acm").request_certificate(DomainName="mesh.example.com", ValidationMethod="DNS", Tags=[OURS])
        self.ids["certificate"] = made["CertificateArn"]

    def repository(self) -> None:
        self.aws.client("ecr").create_repository(repositoryName=f"{NAME}/service-a", tags=[OURS])

    def logs(self) -> None:
        self.aws.client("logs").create_log_group(logGroupName=f"/aws/eks/{NAME}/cluster")

    STEPS = (
        vpc,
        subnets,
        gateway_that_is_not_attached,
        gateway_attached,
        address,
        nat_gateway,
        route_table,
        cluster_role,
        node_role,
        cluster_that_is_being_created,
        cluster,
        oidc_provider,
        launch_template,
        node_group_that_is_being_created,
        node_group,
        controllers_role,
        security_group,
        load_balancer,
        classic_load_balancer,
        certificate,
        repository,
        logs,
    )

    def build(self, last: Callable[..., None] = logs) -> Builder:
        for step in self.STEPS:
            step(self)
            if step is last:
                break
        return self


def everything(aws: Cloud) -> dict[str, list[str]]:
    """Plain lists: what our own search is measured with."""
    acm, ecr, elb = aws.client("acm"), aws.client("ecr"), aws.client("elb")
    return {
        **aws.contents(),
        "certificates": [item["CertificateArn"] for item in acm.list_certificates()["CertificateSummaryList"]],
        "repositories": [item["repositoryName"] for item in ecr.describe_repositories()["repositories"]],
        "classic_load_balancers": [item["LoadBalancerName"] for item in elb.describe_load_balancers()["LoadBalancerDescriptions"]],
    }


def remove(aws: Cloud, **more: Any) -> dict[str, Any]:
    done = aws.module("aws_leftovers", **{**FAST, "include_cluster": True, "logs": "delete", **more})
    assert not done.get("failed"), done["msg"]
    return done


# A few of the steps in every run, all of them in the full one.
SAMPLE = (
    Builder.gateway_that_is_not_attached,
    Builder.node_role,
    Builder.cluster_that_is_being_created,
    Builder.node_group_that_is_being_created,
    Builder.load_balancer,
    Builder.logs,
)
EACH = [pytest.param(step, id=step.__name__, marks=[] if step in SAMPLE else [pytest.mark.slow]) for step in Builder.STEPS]


@pytest.mark.parametrize("last", EACH)
def test_after_a_failure_at_any_step_nothing_is_left(aws: Cloud, last: Callable[..., None]) -> None:
    before = everything(aws)
    Builder(aws).build(last)
    assert remove(aws)["changed"]
    assert everything(aws) == before


def test_check_mode_says_it_all_and_a_second_run_finds_nothing(aws: Cloud) -> None:
    Builder(aws).build()
    planned = remove(aws, check=True)
    assert planned["changed"] and aws.faults.mutations() == []
    done = remove(aws)
    assert {(entry["type"], entry["id"]) for entry in planned["removed"]} <= {(entry["type"], entry["id"]) for entry in done["removed"]}
    mark = len(aws.faults.mutations())
    assert remove(aws)["changed"] is False and len(aws.faults.mutations()) == mark
    look = aws.module("aws_leftovers_info", cluster_name=NAME)
    assert look["leftovers"] == look["strangers"] == look["in_the_way"] == [] and look["cluster"] == {}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.slow) for kind in ("throttled", "error_500", "dropped_before")] + ["dropped_after"])
def test_a_fault_of_every_call_is_survived(aws: Cloud, kind: str) -> None:
    """The first call of each changing operation meets the fault, all of them in one removal."""
    before = everything(aws)
    Builder(aws).build()
    remove(aws)
    operations = sorted(set(aws.faults.mutations()))
    assert {"ec2:DeleteVpc", "eks:DeleteCluster", "eks:DeleteNodegroup", "iam:DeleteRole", "elasticloadbalancing:DeleteLoadBalancer"} <= set(operations)
    aws.faults.reset(aws.endpoint)
    Builder(aws).build()
    for operation in operations:
        aws.faults.inject(kind, operation)
    remove(aws)
    assert {call.name for call in aws.faults.calls if call.fault} == set(operations)
    assert everything(aws) == before


def test_iam_parts_below_a_path_are_found_whatever_their_name(aws: Cloud) -> None:
    before = everything(aws)
    Builder(aws, path="/platform/").build(Builder.node_role)
    iam = aws.client("iam")
    iam.create_role(RoleName="named-by-others", Path="/platform/", AssumeRolePolicyDocument=DOCUMENT, Tags=[OURS])
    iam.create_role(RoleName="not-ours", Path="/platform/", AssumeRolePolicyDocument=DOCUMENT)
    assert remove(aws, iam_path="/platform/")["changed"]
    left = everything(aws)
    assert [arn for arn in left["roles"] if arn not in before["roles"]] == ["arn:aws:iam::123456789012:role/platform/not-ours"]
    assert left["instance_profiles"] == before["instance_profiles"]


def test_a_host_names_records_go_with_its_certificate(aws: Cloud) -> None:
    dns = aws.client("route53")
    zone = dns.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    theirs = {"Name": "shop.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.example.net"}]}
    dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": theirs}]})
    before = {**everything(aws), "records": dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]}
    Builder(aws).build()
    given: dict[str, Any] = {"host_name": "www.example.com", "cluster_name": NAME, "load_balancer_name": f"{NAME}-alb", "wait_timeout": 30, "wait_delay": 1}
    assert not aws.module("alb_domain", **given).get("failed")
    assert len(dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]) > len(before["records"])
    assert remove(aws)["changed"]
    assert {**everything(aws), "records": dns.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]} == before


def refused(aws: Cloud, **more: Any) -> str:
    """The reason, when nothing at all was changed."""
    mark = len(aws.faults.mutations())
    answer = aws.module("aws_leftovers", **{**FAST, "include_cluster": True, **more})
    assert answer.get("failed"), answer
    assert len(aws.faults.mutations()) == mark
    return str(answer["msg"])


def test_deletion_protection_of_a_load_balancer_is_respected_until_told(aws: Cloud) -> None:
    # API reference, DeleteLoadBalancer: OperationNotPermitted while deletion_protection.enabled is true.
    before = everything(aws)
    built = Builder(aws).build()
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    built.elb.modify_load_balancer_attributes(LoadBalancerArn=built.ids["balancer"], Attributes=on)
    assert f"load balancer {built.ids['balancer']} (box-alb): it has deletion protection" in refused(aws)
    assert remove(aws, disable_deletion_protection=True)["changed"]
    assert everything(aws) == before


def test_deletion_protection_of_the_cluster_is_respected_until_told(aws: Cloud) -> None:
    # EKS API reference, DeleteCluster and UpdateClusterConfig: deletionProtection has to be false.
    before = everything(aws)
    built = Builder(aws).build(Builder.node_group)
    built.eks.update_cluster_config(name=NAME, deletionProtection=True)
    aws.control("POST", "clock", {"advance": 5})
    assert "EKS cluster box: it has deletion protection" in refused(aws)
    assert remove(aws, disable_deletion_protection=True)["changed"]
    assert everything(aws) == before


def test_volumes_hold_data_and_are_named_kept_or_deleted_as_told(aws: Cloud) -> None:
    # AWS EBS CSI driver, docs/tagging.md: kubernetes.io/cluster/NAME=owned and kubernetes.io/created-for/pvc/...
    before = everything(aws)
    built = Builder(aws).build(Builder.node_group)
    claim = [
        {"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"},
        {"Key": "kubernetes.io/created-for/pvc/namespace", "Value": "shop"},
        {"Key": "kubernetes.io/created-for/pvc/name", "Value": "db"},
    ]
    given = {"AvailabilityZone": "us-west-2a", "Size": 1, "TagSpecifications": [{"ResourceType": "volume", "Tags": claim}]}
    volume = built.ec2.create_volume(**given)["VolumeId"]
    assert f"volume {volume} (shop/db): it contains data" in refused(aws)
    kept = remove(aws, volumes="keep")
    assert [entry["id"] for entry in kept["kept"]] == [volume]
    assert everything(aws) == {**before, "volumes": [volume]}
    assert remove(aws, volumes="delete")["changed"]
    assert everything(aws) == before


def test_logs_are_kept_named_or_deleted_as_told_also_once_the_cluster_is_gone(aws: Cloud) -> None:
    before, group = everything(aws), f"/aws/eks/{NAME}/cluster"
    Builder(aws).build()
    assert f"log group {group}: it contains the control plane's logs; choose whether to keep or delete it (logs)" in refused(aws, logs="refuse")
    for changed in (True, False):
        done = remove(aws, logs="keep")
        assert done["changed"] is changed and [entry["id"] for entry in done["kept"]] == [group]
        assert everything(aws) == {**before, "log_groups": [group]}
    look = aws.module("aws_leftovers_info", cluster_name=NAME)
    assert look["leftovers"] == look["in_the_way"] == [] and [entry["id"] for entry in look["kept"]] == [group]
    assert remove(aws, logs="delete")["changed"]
    assert everything(aws) == before


def test_what_carries_our_mark_in_a_service_of_which_we_make_nothing_is_said(aws: Cloud) -> None:
    key = aws.client("kms").create_key(Tags=[{"TagKey": OURS["Key"], "TagValue": NAME}])["KeyMetadata"]["Arn"]
    said = [entry for entry in aws.module("aws_leftovers", **FAST)["warnings"] if key in str(entry)]
    assert len(said) == 1 and "this collection creates no such resource" in str(said[0])
    assert aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_what_guardduty_put_into_our_vpc_goes_after_the_nodes(aws: Cloud) -> None:
    # https://github.com/hashicorp/terraform-provider-aws/issues/46747: an endpoint and a security group, which hold subnets and VPC for ever.
    before = everything(aws)
    built = Builder(aws).build()
    managed = {"Key": "GuardDutyManaged", "Value": "true"}
    given = {"GroupName": f"GuardDutyManagedSecurityGroup-{built.ids['vpc']}", "Description": "x", "VpcId": built.ids["vpc"]}
    group = built.ec2.create_security_group(**given, TagSpecifications=[{"ResourceType": "security-group", "Tags": [managed]}])["GroupId"]
    point = {"VpcId": built.ids["vpc"], "SubnetIds": built.ids["subnets"], "SecurityGroupIds": [group], "VpcEndpointType": "Interface"}
    service = "com.amazonaws.us-west-2.guardduty-data"
    built.ec2.create_vpc_endpoint(**point, ServiceName=service, TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": [managed]}])
    done = remove(aws)
    assert everything(aws) == before
    order = [entry["type"] for entry in done["removed"]]
    assert order.index("node group") < order.index("VPC endpoint") < order.index("subnet")


def test_somebody_elses_things_in_our_vpc_stop_it(aws: Cloud) -> None:
    built = Builder(aws).build(Builder.node_group)
    instance = built.ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=built.ids["subnets"][0])["Instances"][0]["InstanceId"]
    said = refused(aws)
    assert f"instance {instance}: it is in our VPC {built.ids['vpc']} and has no tag of cluster box" in said


def test_a_node_outside_of_the_node_groups_stops_it(aws: Cloud) -> None:
    # Karpenter, "NodeClasses", spec.tags: its instances carry kubernetes.io/cluster/NAME=owned, and only Karpenter ends them.
    built = Builder(aws).build(Builder.node_group)
    owned = [{"ResourceType": "instance", "Tags": [{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}]}]
    given = {"ImageId": "ami-12c6146b", "MinCount": 1, "MaxCount": 1, "SubnetId": built.ids["subnets"][0], "TagSpecifications": owned}
    instance = built.ec2.run_instances(**given)["Instances"][0]["InstanceId"]
    assert f"instance {instance}: it is a node of the cluster but in no node group" in refused(aws)


def test_somebody_elses_node_group_stops_it(aws: Cloud) -> None:
    built = Builder(aws).build(Builder.node_group)
    role = aws.role_for("ec2.amazonaws.com", "theirs")
    built.eks.create_nodegroup(clusterName=NAME, nodegroupName="theirs", subnets=built.ids["subnets"], nodeRole=role)
    assert "node group theirs: it has no tag meshgate.io/cluster=box" in refused(aws)


class Neighbour:
    """A VPC that is not ours, with a cluster of ours in it."""

    def __init__(self, aws: Cloud) -> None:
        self.built = built = Builder(aws)
        built.ids["vpc"] = aws.vpc()
        built.ids["subnets"] = aws.subnets(built.ids["vpc"])
        self.gateway = built.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        built.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=built.ids["vpc"])
        self.group = built.ec2.create_security_group(GroupName="theirs", Description="x", VpcId=built.ids["vpc"])["GroupId"]
        self.instance = built.ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=built.ids["subnets"][0], SecurityGroupIds=[self.group]
        )["Instances"][0]["InstanceId"]


def test_in_an_existing_vpc_nothing_of_it_is_touched(aws: Cloud) -> None:
    there = Neighbour(aws)
    before = everything(aws)
    steps = Builder.STEPS[Builder.STEPS.index(Builder.cluster_role) :]
    for step in steps:
        step(there.built)
    assert remove(aws)["changed"]
    assert everything(aws) == before


def test_a_security_group_of_ours_that_others_use_is_named_with_its_user(aws: Cloud) -> None:
    # API reference, DeleteSecurityGroup: DependencyViolation while an interface has it, or another group's rule names it.
    there = Neighbour(aws)
    for step in Builder.STEPS[Builder.STEPS.index(Builder.cluster_role) : Builder.STEPS.index(Builder.load_balancer)]:
        step(there.built)
    ours, ec2 = there.built.ids["group"], there.built.ec2
    rule = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": ours}]}]
    ec2.authorize_security_group_ingress(GroupId=there.group, IpPermissions=rule)
    assert f"security group {there.group} (theirs): its rules reference one of our security groups" in refused(aws)
    ec2.revoke_security_group_ingress(GroupId=there.group, IpPermissions=rule)
    ec2.modify_instance_attribute(InstanceId=there.instance, Groups=[there.group, ours])
    interface = ec2.create_network_interface(SubnetId=there.built.ids["subnets"][0], Groups=[ours], Description="a database")["NetworkInterface"]
    assert f"network interface {interface['NetworkInterfaceId']} (a database): it uses our security group {ours}" in refused(aws)


@pytest.fixture
def lingering(nursery: Nursery, proxy: FaultProxy, tmp_path: Path) -> Iterator[Cloud]:
    """An account in which a load balancer's interfaces outlive it long enough to be seen by a busy machine, too."""
    with nursery.account(**{**QUICK, "MESHGATE_LINGER_SECONDS": "5"}) as endpoint:
        yield Cloud(endpoint, proxy, tmp_path)


def test_a_wait_names_who_it_waits_for(lingering: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    monkeypatch.setenv("MESHGATE_PROGRESS_FILE", str(progress))
    Builder(lingering).build()
    assert remove(lingering)["changed"]
    assert "is still in use by eni-" in progress.read_text() and "(ELB app/box-alb/" in progress.read_text()


def test_what_stays_in_use_is_said_with_its_user_and_the_next_run_goes_on(lingering: Cloud) -> None:
    aws = lingering
    before = everything(aws)
    built = Builder(aws)
    for step in (Builder.vpc, Builder.subnets, Builder.gateway_that_is_not_attached, Builder.gateway_attached):
        step(built)
    built.ids["cluster_group"] = built.ec2.create_security_group(
        GroupName="nodes", Description="x", VpcId=built.ids["vpc"], TagSpecifications=tagged("security-group")
    )["GroupId"]
    built.security_group()
    built.load_balancer()
    impatient = aws.module("aws_leftovers", **{**FAST, "wait_timeout": 0})
    assert impatient["failed"] and "cannot be removed after 0 s, it is in use by eni-" in impatient["msg"] and "(ELB app/box-alb/" in impatient["msg"]
    assert remove(aws)["changed"]
    assert everything(aws) == before


@pytest.fixture
def teardown(aws: Cloud, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command as its user gives it, on the inventory for AWS; only the environment says where AWS is."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        extra = {"MESHGATE_STATE": str(tmp_path / "state"), "ANSIBLE_NOCOLOR": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        surroundings = {key: value for key, value in {**os.environ, **aws.environment(), **extra}.items() if key not in ("KUBECONFIG", "AWS_PROFILE")}
        waits = ["-e", "eks_cluster_wait_delay=0.1", "-e", f"eks_cluster_name={NAME}", "-e", f"teardown_confirm={NAME}"]
        argv = [str(Path(sys.executable).parent / "ansible-playbook"), "playbooks/teardown.yml", "-i", "inventories/sandbox", *waits, *arguments]
        return subprocess.run(argv, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.mark.slow
def test_the_playbook_stops_at_a_cluster_that_does_not_answer_until_told(aws: Cloud, teardown: Callable[..., Any]) -> None:
    before = everything(aws)
    Builder(aws).build()
    stopped = teardown()
    said = " ".join(stopped.stdout.split())
    assert stopped.returncode != 0
    assert "EKS cluster box exists but does not answer (there is no kubeconfig" in said, said[-3000:]
    assert "its controller has created" in said and "eks_cluster_remove_unreachable: true" in said and "aws eks update-kubeconfig" in said
    assert aws.faults.mutations() == []
    done = teardown("-e", "eks_cluster_remove_unreachable=true")
    assert done.returncode == 0, done.stdout[-4000:]
    # The control plane's logs stay where nobody says otherwise.
    assert everything(aws) == {**before, "log_groups": [f"/aws/eks/{NAME}/cluster"]}


@pytest.mark.slow
def test_the_playbook_needs_no_cluster_that_made_nothing(aws: Cloud, teardown: Callable[..., Any]) -> None:
    # A run that failed before the controller was there has nothing inside of the cluster that AWS would know of.
    before = everything(aws)
    Builder(aws).build(Builder.node_group)
    done = teardown()
    assert done.returncode == 0, done.stdout[-4000:]
    assert everything(aws) == before


def test_only_the_kubeconfig_of_this_very_cluster_goes(aws: Cloud) -> None:
    """Not that of a longer name, of another region or account, and none that holds another cluster besides."""
    ours = f"arn:aws:eks:us-west-2:123456789012:cluster/{NAME}"
    others = [f"{ours}-2", ours.replace("us-west-2", "eu-west-1"), ours.replace("123456789012", "210987654321")]
    files = {"ours": [ours], "both": [ours, "kind-dev"], **{f"other-{number}": [other] for number, other in enumerate(others)}}
    include = {"name": "meshgate.eks_istio.eks_cluster", "tasks_from": "remove"}
    tasks = []
    for title, names in files.items():
        path = aws.folder / f"{title}.kubeconfig"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "clusters": [{"name": name, "cluster": {}} for name in names]}))
        tasks.append({"name": title, "ansible.builtin.include_role": include, "vars": {"eks_cluster_name": NAME, "eks_cluster_kubeconfig": str(path)}})
    aws.play([{"name": "Remove", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}])
    assert sorted(path.stem for path in aws.folder.glob("*.kubeconfig")) == ["both", "other-0", "other-1", "other-2"]


def test_an_inventory_that_does_not_say_who_pays_is_asked(aws: Cloud, tmp_path: Path) -> None:
    """Where no laptop stands in for AWS, AWS sends a bill."""
    Builder(aws).vpc()
    before, inventory = everything(aws), tmp_path / "own.yml"
    own = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "platform_environment": {}, "eks_cluster_name": NAME}
    inventory.write_text(json.dumps({"platform": {"hosts": {"own": own}}}))
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "playbooks/teardown.yml", "-i", str(inventory), "-e", "eks_cluster_region=us-west-2"]
    argv += ["-e", f"eks_cluster_state_dir={tmp_path}"]
    surroundings = {**os.environ, **aws.environment(), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(argv, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and f"accepted: the cluster's name, {NAME}" in said, said[-3000:]
    assert everything(aws) == before
