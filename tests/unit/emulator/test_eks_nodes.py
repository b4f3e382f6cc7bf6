# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a cluster and its node groups put into the account's network, and what of it stays behind."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def tags_of(item: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags") or item.get("TagSet") or []}


class Node:
    """A cluster with a node group of two."""

    def __init__(self, aws: Any, name: str, network: Any, role: str, **more: Any) -> None:
        self.aws, self.name, self.network = aws, name, network
        self.ec2, self.eks = aws.client("ec2"), aws.client("eks")
        scaling = {"minSize": 1, "maxSize": 3, "desiredSize": 2}
        self.eks.create_nodegroup(clusterName=name, nodegroupName="mng", nodeRole=role, subnets=network.subnets, scalingConfig=scaling, **more)
        aws.wait(lambda: self.eks.describe_nodegroup(clusterName=name, nodegroupName="mng")["nodegroup"]["status"], "ACTIVE")

    def instances(self) -> list[dict[str, Any]]:
        wanted = [{"Name": "tag:eks:cluster-name", "Values": [self.name]}, {"Name": "instance-state-name", "Values": ["running"]}]
        return [i for reservation in self.ec2.describe_instances(Filters=wanted)["Reservations"] for i in reservation["Instances"]]

    def interfaces(self, prefix: str = "") -> list[dict[str, Any]]:
        found = self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [self.network.vpc_id]}])["NetworkInterfaces"]
        return [interface for interface in found if interface["Description"].startswith(prefix)]

    def delete_group(self) -> None:
        self.eks.delete_nodegroup(clusterName=self.name, nodegroupName="mng")
        self.aws.wait(lambda: self.eks.list_nodegroups(clusterName=self.name)["nodegroups"], [])


@pytest.fixture
def node(aws, make_cluster, network, make_role) -> Node:
    return Node(aws, make_cluster(), network, make_role("ec2.amazonaws.com", "node"))


def test_a_node_group_has_its_instances(node, aws, name) -> None:
    # User guide, "Managed node groups": "Amazon EKS tags managed node group resources", eks:cluster-name and eks:nodegroup-name; "Amazon EKS security
    # group requirements": the cluster security group is attached to managed nodes; kubernetes.io/cluster/NAME=owned on instances.
    group = aws.client("eks").describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    instances = node.instances()
    assert len(instances) == 2
    for instance in instances:
        tags = tags_of(instance)
        assert (tags["eks:nodegroup-name"], tags[f"kubernetes.io/cluster/{name}"]) == ("mng", "owned")
        assert [g["GroupId"] for g in instance["SecurityGroups"]] == [group]
        disk = node.ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}])["Volumes"][0]
        assert disk["Attachments"][0]["DeleteOnTermination"] is True
    with pytest.raises(ClientError, match="DependencyViolation"):
        node.ec2.delete_subnet(SubnetId=instances[0]["SubnetId"])


def test_instances_follow_the_desired_size_and_the_group(node) -> None:
    # User guide, "Update a managed node group" (scaling) and "Delete a managed node group": its instances are terminated.
    node.eks.update_nodegroup_config(clusterName=node.name, nodegroupName="mng", scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": 3})
    node.aws.wait(lambda: len(node.instances()), 3)
    node.eks.update_nodegroup_config(clusterName=node.name, nodegroupName="mng", scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": 1})
    node.aws.wait(lambda: len(node.instances()), 1)
    node.delete_group()
    assert node.instances() == []
    assert node.interfaces("Primary") == []


def test_interfaces_of_the_network_plugin_stay_when_their_node_is_terminated(node) -> None:
    # amazon-vpc-cni-k8s, README ("ENI tags related to allocation") and issue 608: described "aws-K8S-INSTANCE", tagged
    # node.k8s.amazonaws.com/instance_id and cluster.k8s.amazonaws.com/name, and left "available" when the node ends before it could delete them.
    assert {interface["Status"] for interface in node.interfaces("aws-K8S-")} == {"in-use"}
    ids = {instance["InstanceId"] for instance in node.instances()}
    node.delete_group()
    left = node.interfaces("aws-K8S-")
    assert {(interface["Status"], tags_of(interface)["cluster.k8s.amazonaws.com/name"]) for interface in left} == {("available", node.name)}
    assert {tags_of(interface)["node.k8s.amazonaws.com/instance_id"] for interface in left} == ids
    for interface in left:
        node.ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    assert node.interfaces("aws-K8S-") == []


def test_the_control_plane_has_interfaces_until_it_is_deleted(aws, make_cluster, network) -> None:
    # User guide, "Amazon EKS networking requirements": "Amazon EKS creates 2-4 elastic network interfaces in the subnets", with the description
    # "Amazon EKS CLUSTER"; they are deleted with the cluster.
    name = make_cluster()
    ec2, eks = aws.client("ec2"), aws.client("eks")

    def found() -> list[dict[str, Any]]:
        return ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": [f"Amazon EKS {name}"]}])["NetworkInterfaces"]

    assert sorted(interface["SubnetId"] for interface in found()) == sorted(network.subnets)
    with pytest.raises(ClientError, match="currently in use"):
        ec2.delete_network_interface(NetworkInterfaceId=found()[0]["NetworkInterfaceId"])
    eks.delete_cluster(name=name)
    aws.wait(lambda: name in eks.list_clusters()["clusters"], False)
    assert found() == []


def test_left_interfaces_keep_the_clusters_security_group(node) -> None:
    # aws-k8s-tester, pull request 416: "The security group created by EKS will be associated with leaked ENIs, and the async cluster deletion process
    # will leave the security group behind."
    group = node.eks.describe_cluster(name=node.name)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    node.delete_group()
    node.eks.delete_cluster(name=node.name)
    node.aws.wait(lambda: node.name in node.eks.list_clusters()["clusters"], False)
    with pytest.raises(ClientError, match="DependencyViolation"):
        node.ec2.delete_security_group(GroupId=group)
    for interface in node.interfaces("aws-K8S-"):
        node.ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    node.ec2.delete_security_group(GroupId=group)
