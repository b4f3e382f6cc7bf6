# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""EC2 of the emulator refuses to delete what is in use, and NAT gateways behave as documented."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def group(aws, network, name) -> str:
    return aws.client("ec2").create_security_group(GroupName=name, Description=name, VpcId=network.vpc_id)["GroupId"]


class Nat:
    def __init__(self, aws: Any, network: Any, name: str) -> None:
        self.ec2 = aws.client("ec2")
        self.igw = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.igw, VpcId=network.vpc_id)
        self.eip = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        tags = [{"ResourceType": "natgateway", "Tags": [{"Key": "Name", "Value": name}]}]
        gateway = self.ec2.create_nat_gateway(SubnetId=network.subnets[0], AllocationId=self.eip, TagSpecifications=tags)["NatGateway"]
        self.id = gateway["NatGatewayId"]

    def state(self) -> str:
        return self.ec2.describe_nat_gateways(NatGatewayIds=[self.id])["NatGateways"][0]["State"]


@pytest.fixture
def nat(aws, network, name) -> Nat:
    return Nat(aws, network, name)


def test_a_nat_gateways_tags_are_found_by_type_and_by_filter(nat, name) -> None:
    # API reference, TagSpecification and DescribeTags, resource-type: natgateway, elastic-ip. DescribeNatGateways: filter tag:<key>.
    wanted = [{"Name": "resource-type", "Values": ["natgateway"]}, {"Name": "resource-id", "Values": [nat.id]}]
    tags = nat.ec2.describe_tags(Filters=wanted)["Tags"]
    assert [(tag["ResourceType"], tag["Value"]) for tag in tags] == [("natgateway", name)]
    found = nat.ec2.describe_nat_gateways(Filters=[{"Name": "tag:Name", "Values": [name]}])["NatGateways"]
    assert [gateway["NatGatewayId"] for gateway in found] == [nat.id]
    assert nat.ec2.describe_nat_gateways(Filters=[{"Name": "tag:Name", "Values": ["absent"]}])["NatGateways"] == []
    nat.ec2.create_tags(Resources=[nat.eip], Tags=[{"Key": "Name", "Value": name}])
    assert nat.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [nat.eip]}])["Tags"][0]["ResourceType"] == "elastic-ip"


def test_a_deleted_nat_gateway_frees_its_address_and_subnet(aws, nat, network) -> None:
    # API reference, DeleteNatGateway: "Deleting a public NAT gateway disassociates its Elastic IP address, but does not release the address";
    # ReleaseAddress: InvalidIPAddress.InUse. User guide, "Work with NAT gateways": a deleted one stays visible for a while.
    assert refused(nat.ec2.release_address, AllocationId=nat.eip) == "InvalidIPAddress.InUse"
    assert refused(nat.ec2.delete_subnet, SubnetId=network.subnets[0]) == "DependencyViolation"
    nat.ec2.delete_nat_gateway(NatGatewayId=nat.id)
    assert nat.state() == "deleted"
    assert nat.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [network.vpc_id]}])["NetworkInterfaces"] == []
    nat.ec2.release_address(AllocationId=nat.eip)
    nat.ec2.delete_subnet(SubnetId=network.subnets[0])
    aws.wait(lambda: [g["NatGatewayId"] for g in nat.ec2.describe_nat_gateways()["NatGateways"] if g["NatGatewayId"] == nat.id], [])
    assert refused(nat.ec2.describe_nat_gateways, NatGatewayIds=[nat.id]) == "NatGatewayNotFound"


def test_an_internet_gateway_stays_while_there_are_public_addresses(nat, network) -> None:
    # API reference, DetachInternetGateway: "The VPC must not contain any running instances with Elastic IP addresses or public IPv4
    # addresses": DependencyViolation.
    on = {"InternetGatewayId": nat.igw, "VpcId": network.vpc_id}
    assert refused(nat.ec2.detach_internet_gateway, **on) == "DependencyViolation"
    nat.ec2.delete_nat_gateway(NatGatewayId=nat.id)
    nat.ec2.detach_internet_gateway(**on)


def test_a_referenced_security_group_is_not_deleted(aws, network, group, name) -> None:
    # API reference, DeleteSecurityGroup: "If you attempt to delete a security group that is associated with an instance or network interface,
    # or is referenced by another security group in the same VPC, the operation fails with DependencyViolation."
    ec2 = aws.client("ec2")
    other = ec2.create_security_group(GroupName=f"{name}2", Description="x", VpcId=network.vpc_id)["GroupId"]
    rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": group}]}]
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=rule)
    assert refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=rule)
    own = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=own)
    interface = ec2.create_network_interface(SubnetId=network.subnets[0], Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    assert refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=group)


def test_what_a_load_balancer_uses_stays(aws, network, group, name) -> None:
    # API reference, DeleteSecurityGroup and DeleteSubnet: a load balancer's network interfaces are in them. DetachInternetGateway: an
    # internet-facing load balancer has public addresses.
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    arn = elb.create_load_balancer(Name=name, Subnets=network.subnets, SecurityGroups=[group])["LoadBalancers"][0]["LoadBalancerArn"]
    assert refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=network.subnets[1]) == "DependencyViolation"
    elb.delete_load_balancer(LoadBalancerArn=arn)
    aws.wait(lambda: ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"], [])
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=network.subnets[1])


def test_a_load_balancers_interfaces_outlive_it(aws, network, group, name) -> None:
    # Application Load Balancers user guide, "Subnets for your load balancer": one network interface in each, described "ELB app/NAME/ID"; re:Post,
    # "How do I delete a network interface that ELB created": AWS removes them some time after DeleteLoadBalancer. Until then what they are in is
    # in use, and they cannot be deleted (API reference, DeleteNetworkInterface: "You must detach the network interface before you can delete it").
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc_id)
    arn = elb.create_load_balancer(Name=name, Subnets=network.subnets, SecurityGroups=[group])["LoadBalancers"][0]["LoadBalancerArn"]

    def interfaces() -> list:
        return ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [network.vpc_id]}])["NetworkInterfaces"]

    assert sorted(i["SubnetId"] for i in interfaces()) == sorted(network.subnets)
    assert {i["Description"] for i in interfaces()} == {"ELB " + arn.split(":loadbalancer/")[1]}
    assert {(i["Status"], i["RequesterId"], i["RequesterManaged"], i["Groups"][0]["GroupId"]) for i in interfaces()} == {("in-use", "amazon-elb", True, group)}
    assert refused(ec2.delete_network_interface, NetworkInterfaceId=interfaces()[0]["NetworkInterfaceId"]) == "InvalidParameterValue"
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert len(interfaces()) == 3
    assert refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=network.subnets[0]) == "DependencyViolation"
    assert refused(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=network.vpc_id) == "DependencyViolation"
    aws.wait(interfaces, [])
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc_id)
    ec2.delete_security_group(GroupId=group)


def test_interfaces_follow_their_load_balancer(aws, network, group, name) -> None:
    # API reference, SetSubnets and SetSecurityGroups.
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    arn = elb.create_load_balancer(Name=name, Subnets=network.subnets, SecurityGroups=[group])["LoadBalancers"][0]["LoadBalancerArn"]
    other = ec2.create_security_group(GroupName=f"{name}2", Description="x", VpcId=network.vpc_id)["GroupId"]
    elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
    elb.set_subnets(LoadBalancerArn=arn, Subnets=network.subnets[:2])
    found = ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [network.vpc_id]}])["NetworkInterfaces"]
    assert sorted(i["SubnetId"] for i in found) == sorted(network.subnets[:2])
    assert {g["GroupId"] for i in found for g in i["Groups"]} == {other}
    ec2.delete_security_group(GroupId=group)


def test_what_an_eks_cluster_uses_stays(aws, make_cluster, network) -> None:
    # User guide, "View Amazon EKS networking requirements for VPC and subnets": the cluster has network interfaces in its subnets.
    name = make_cluster()
    ec2, eks = aws.client("ec2"), aws.client("eks")
    group = eks.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    assert refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=network.subnets[2]) == "DependencyViolation"
    eks.delete_cluster(name=name)
    aws.wait(lambda: name in eks.list_clusters()["clusters"], False)
    ec2.delete_subnet(SubnetId=network.subnets[2])


def test_a_cluster_security_group_that_others_refer_to_is_left_behind(aws, make_cluster, network, group) -> None:
    # Seen on AWS: EKS deletes its group with the cluster, but not while another group's rule names it.
    name = make_cluster()
    ec2, eks = aws.client("ec2"), aws.client("eks")
    left = eks.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": left}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    eks.delete_cluster(name=name)
    aws.wait(lambda: name in eks.list_clusters()["clusters"], False)
    assert ec2.describe_security_groups(GroupIds=[left])["SecurityGroups"]


def test_a_vpc_with_contents_is_not_deleted(aws, network, group, nat) -> None:
    # API reference, DeleteVpc: "You must detach or delete all gateways and resources that are associated with the VPC before you can delete it."
    ec2, vpc = aws.client("ec2"), {"VpcId": network.vpc_id}
    table = ec2.create_route_table(**vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])
    assert refused(ec2.delete_vpc, **vpc) == "DependencyViolation"
    assert refused(ec2.delete_route_table, RouteTableId=table) == "DependencyViolation"
    ec2.delete_nat_gateway(NatGatewayId=nat.id)
    for subnet in network.subnets:
        ec2.delete_subnet(SubnetId=subnet)
    # The subnet took its association along.
    ec2.delete_route_table(RouteTableId=table)
    assert refused(ec2.delete_vpc, **vpc) == "DependencyViolation"
    ec2.delete_security_group(GroupId=group)
    assert refused(ec2.delete_vpc, **vpc) == "DependencyViolation"
    ec2.detach_internet_gateway(InternetGatewayId=nat.igw, **vpc)
    ec2.delete_vpc(**vpc)
    assert refused(ec2.describe_vpcs, VpcIds=[network.vpc_id]) == "InvalidVpcID.NotFound"


def test_a_default_security_group_is_not_deleted(aws, network) -> None:
    # API reference, DeleteSecurityGroup; user guide, "Default security groups for your VPCs": "You can't delete a default security group".
    ec2 = aws.client("ec2")
    default = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [network.vpc_id]}])["SecurityGroups"][0]
    assert default["GroupName"] == "default"
    assert refused(ec2.delete_security_group, GroupId=default["GroupId"]) == "CannotDelete"
