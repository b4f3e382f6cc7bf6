# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What belongs to a cluster is found and removed, what does not survives."""

from __future__ import annotations

from typing import Any

from aws_harness import Account, run

from ansible_collections.meshgate.eks_istio.plugins.modules import aws_leftovers, aws_leftovers_info

DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}'
FAST: dict[str, Any] = {"wait_delay": 0.1, "wait_timeout": 5}


def furnish(account: Account, name: str) -> dict[str, str]:
    """A network and IAM parts as the role makes them, and strangers outside of it."""
    ours = {"Key": "meshgate.io/cluster", "Value": name}
    ec2, iam, elb = account.client("ec2"), account.client("iam"), account.client("elbv2")

    def tags(kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": [ours, {"Key": "Name", "Value": f"{name}-{kind}"}]}]

    vpc = account.vpc({"meshgate.io/cluster": name, "Name": f"{name}-vpc"})
    subnets = account.subnets(vpc)
    ec2.create_tags(Resources=subnets, Tags=[ours])
    gateway = ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway"))["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip"))["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address, TagSpecifications=tags("natgateway"))
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=tags("route-table"))["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])
    groups = [ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc, TagSpecifications=tags("security-group"))["GroupId"] for name in "ab"]
    for one, other in (groups, reversed(groups)):
        rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": other}]}
        ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=[rule])
    account.role(f"{name}-eks-node", "ec2.amazonaws.com")
    iam.tag_role(RoleName=f"{name}-eks-node", Tags=[ours])
    iam.attach_role_policy(RoleName=f"{name}-eks-node", PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    policy = iam.create_policy(PolicyName=f"{name}-alb", PolicyDocument=DOCUMENT, Tags=[ours])["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=f"{name}-eks-node", PolicyArn=policy)
    iam.create_open_id_connect_provider(Url=f"https://oidc.example.com/id/{name}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["9" * 40], Tags=[ours])

    other_vpc = account.vpc()
    other_subnets = account.subnets(other_vpc)
    foreign_group = ec2.create_security_group(GroupName=f"foreign-{name}", Description="x", VpcId=other_vpc)["GroupId"]
    balancer = elb.create_load_balancer(Name=f"foreign-{name}", Subnets=other_subnets, SecurityGroups=[foreign_group])["LoadBalancers"][0]["LoadBalancerArn"]
    account.role(f"{name}es-of-others", "ec2.amazonaws.com")
    return {"vpc": vpc, "balancer": balancer, "group": foreign_group}


def kinds(result: dict[str, Any]) -> set[str]:
    return {entry["type"] for entry in result["leftovers"]}


def test_everything_of_ours_is_found_and_removed_and_nothing_else(account: Account) -> None:
    foreign = furnish(account, "box")
    look = run(aws_leftovers_info, account.endpoint, cluster_name="box")
    assert look["strangers"] == [], look["strangers"]
    assert kinds(look) == {
        "vpc",
        "subnet",
        "internet gateway",
        "NAT gateway",
        "elastic IP",
        "route table",
        "security group",
        "IAM role",
        "IAM policy",
        "OIDC provider",
    }

    mark = account.mark()
    planned = run(aws_leftovers, account.endpoint, check=True, cluster_name="box", **FAST)
    assert planned["changed"] and planned["removed"][-1]["type"] == "vpc"
    assert account.mutations(mark) == []

    assert run(aws_leftovers, account.endpoint, cluster_name="box", **FAST)["changed"] is True
    look = run(aws_leftovers_info, account.endpoint, cluster_name="box")
    assert look["leftovers"] == []
    again = run(aws_leftovers, account.endpoint, cluster_name="box", **FAST)
    assert again["changed"] is False and again["removed"] == []
    assert account.client("elbv2").describe_load_balancers(LoadBalancerArns=[foreign["balancer"]])["LoadBalancers"]
    assert account.client("ec2").describe_security_groups(GroupIds=[foreign["group"]])["SecurityGroups"]
    assert account.client("iam").get_role(RoleName="boxes-of-others")


def test_a_stranger_in_our_vpc_stops_the_removal_and_is_named(account: Account) -> None:
    foreign = furnish(account, "crate")
    group = account.client("ec2").create_security_group(GroupName="database", Description="x", VpcId=foreign["vpc"])["GroupId"]
    look = run(aws_leftovers_info, account.endpoint, cluster_name="crate")
    assert [entry["id"] for entry in look["strangers"]] == [group]
    mark = account.mark()
    refused = run(aws_leftovers, account.endpoint, cluster_name="crate", **FAST)
    assert refused["failed"] and f"security group {group} (database)" in refused["msg"]
    assert account.mutations(mark) == []


def test_what_only_has_the_clusters_name_is_named_and_left_and_no_leftover(account: Account) -> None:
    """A name is no proof: kops, Rancher or people write the same tags for a cluster of theirs."""
    furnish(account, "chest")
    (subnet, *_others) = account.subnets(account.vpc())
    account.client("ec2").create_tags(Resources=[subnet], Tags=[{"Key": "kubernetes.io/cluster/chest", "Value": "owned"}])
    for _run in range(2):
        done = run(aws_leftovers, account.endpoint, cluster_name="chest", wait_delay=0.1, wait_timeout=1)
        assert not done.get("failed") and [entry["id"] for entry in done["foreign"]] == [subnet], done
    assert account.client("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"]


def test_an_emulator_that_is_gone_is_an_empty_account_only_when_told() -> None:
    gone = "http://127.0.0.1:1"
    assert run(aws_leftovers_info, gone, cluster_name="box", unreachable_is_empty=True)["leftovers"] == []
    assert "nothing answers" in run(aws_leftovers_info, gone, cluster_name="box")["msg"]
