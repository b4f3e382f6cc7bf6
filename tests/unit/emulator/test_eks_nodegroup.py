# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Managed node groups of the emulator behave as the EKS API reference says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


class Group:
    def __init__(self, aws: Any, cluster: str, **request: Any) -> None:
        self.aws, self.eks = aws, aws.client("eks")
        self.key = {"clusterName": cluster, "nodegroupName": "mng"}
        self.created = self.eks.create_nodegroup(**self.key, **request)["nodegroup"]

    def now(self) -> dict[str, Any]:
        return self.eks.describe_nodegroup(**self.key)["nodegroup"]

    def active(self) -> dict[str, Any]:
        self.aws.wait(lambda: self.now()["status"], "ACTIVE")
        return self.now()


@pytest.fixture
def make_group(aws, make_cluster, make_role, network) -> Callable[..., Group]:
    def make(version: str = "1.36", **more: Any) -> Group:
        request = {"subnets": network.subnets, "nodeRole": make_role("ec2.amazonaws.com", "node"), **more}
        return Group(aws, make_cluster(version=version), **request)

    return make


def test_a_node_group_is_creating_then_active_then_deleting_then_gone(aws, make_group) -> None:
    # API reference, Nodegroup: status CREATING | ACTIVE | UPDATING | DELETING; DescribeNodegroup: ResourceNotFoundException.
    group = make_group()
    assert group.created["status"] == "CREATING"
    group.active()
    assert group.eks.delete_nodegroup(**group.key)["nodegroup"]["status"] == "DELETING"
    aws.wait(lambda: group.eks.list_nodegroups(clusterName=group.key["clusterName"])["nodegroups"], [])
    assert refused(group.eks.describe_nodegroup, **group.key) == "ResourceNotFoundException"


def test_what_was_asked_for_is_described(make_group, make_role) -> None:
    # API reference, CreateNodegroup, and its defaults: updateConfig maxUnavailable 1, capacityType ON_DEMAND, version of the cluster.
    asked = {
        "instanceTypes": ["m6g.large"],
        "amiType": "AL2023_ARM_64_STANDARD",
        "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 4},
        "updateConfig": {"maxUnavailablePercentage": 33},
        "labels": {"a": "b"},
        "taints": [{"key": "k", "value": "v", "effect": "NO_SCHEDULE"}],
        "tags": {"meshgate.io/cluster": "x"},
        "diskSize": 30,
    }
    group = make_group(**asked)
    seen = group.active()
    assert {key: seen[key] for key in asked} == asked
    assert (seen["capacityType"], seen["version"], seen["health"]) == ("ON_DEMAND", "1.36", {"issues": []})
    assert seen["releaseVersion"].startswith("1.36.")
    assert seen["resources"]["autoScalingGroups"][0]["name"].startswith("eks-mng-")
    assert "remoteAccessSecurityGroup" not in seen["resources"]


def test_remote_access_makes_a_security_group(aws, make_group) -> None:
    # API reference, RemoteAccessConfig: without sourceSecurityGroups port 22 is open to 0.0.0.0/0; NodegroupResources.
    seen = make_group(remoteAccess={"ec2SshKey": "key"}).active()
    group = aws.client("ec2").describe_security_groups(GroupIds=[seen["resources"]["remoteAccessSecurityGroup"]])["SecurityGroups"][0]
    assert (group["IpPermissions"][0]["FromPort"], group["IpPermissions"][0]["IpRanges"][0]["CidrIp"]) == (22, "0.0.0.0/0")


def test_a_launch_template_is_named_and_excludes_what_it_holds(aws, make_group, name) -> None:
    # API reference, CreateNodegroup: "If you specify launchTemplate, then don't specify diskSize or remoteAccess".
    template = aws.client("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"EbsOptimized": True})["LaunchTemplate"]
    group = make_group(launchTemplate={"name": name})
    seen = group.active()
    assert seen["launchTemplate"] == {"id": template["LaunchTemplateId"], "name": name, "version": "1"}
    more = {"subnets": seen["subnets"], "nodeRole": seen["nodeRole"], "launchTemplate": {"name": name}}
    key = {**group.key, "nodegroupName": "other"}
    assert refused(group.eks.create_nodegroup, **key, **more, diskSize=20) == "InvalidParameterException"
    assert refused(group.eks.create_nodegroup, **key, **more, remoteAccess={"ec2SshKey": "k"}) == "InvalidParameterException"


def test_what_a_launch_template_says_is_not_said_again(aws, make_group, name) -> None:
    # User guide, "Customize managed nodes with launch templates". The texts: terraform-aws-modules/terraform-aws-eks#1545 (instance types),
    # rancher/terraform-provider-rancher2#927 (AMI type), terraform-aws-modules/terraform-aws-eks#3459 (version); API reference,
    # LaunchTemplateSpecification: "either the launch template ID or the launch template name in the request, but not both".
    group, ec2 = make_group(), aws.client("ec2")
    good = {"subnets": group.created["subnets"], "nodeRole": group.created["nodeRole"], "clusterName": group.key["clusterName"]}

    def template(suffix: str, **data: str) -> dict[str, str]:
        made = ec2.create_launch_template(LaunchTemplateName=f"{name}-{suffix}", LaunchTemplateData=data)["LaunchTemplate"]
        return {"id": made["LaunchTemplateId"]}

    typed, imaged = template("typed", InstanceType="m6i.large"), template("imaged", ImageId="ami-12345678")
    bad: list[tuple[str, str, dict[str, Any]]] = [
        (
            "InvalidRequestException",
            "Cannot specify instance types in launch template and API request",
            {"launchTemplate": typed, "instanceTypes": ["m6i.large"]},
        ),
        (
            "InvalidParameterException",
            "You cannot specify an AMI Type other than CUSTOM, when specifying an image id in your launch template.",
            {"launchTemplate": imaged, "amiType": "AL2023_x86_64_STANDARD"},
        ),
        (
            "InvalidParameterException",
            "You cannot specify a kubernetes version to use when specifying an image id to use within the launch template.",
            {"launchTemplate": imaged, "version": "1.36"},
        ),
        (
            "InvalidParameterException",
            "You must specify either the launch template ID or the launch template name in the request, but not both.",
            {"launchTemplate": {**typed, "name": f"{name}-typed"}},
        ),
        ("InvalidParameterException", "Disk size must be specified within the launch template.", {"launchTemplate": typed, "diskSize": 20}),
    ]
    for code, message, more in bad:
        with pytest.raises(ClientError) as caught:
            group.eks.create_nodegroup(**good, **more, nodegroupName="other")
        assert caught.value.response["Error"] == {"Code": code, "Message": message}
    made = group.eks.create_nodegroup(**good, launchTemplate=imaged, nodegroupName="imaged", instanceTypes=["m6i.large"])["nodegroup"]
    assert (made["amiType"], made["releaseVersion"]) == ("CUSTOM", "ami-12345678")
    assert "instanceTypes" not in group.eks.create_nodegroup(**good, launchTemplate=typed, nodegroupName="typed")["nodegroup"]


def test_the_place_of_the_instance_type_stays(aws, make_group, name) -> None:
    # terraform-aws-modules/terraform-aws-eks#1514: "You must continue to not specify an instance type within the launch template".
    ec2 = aws.client("ec2")
    template = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"EbsOptimized": True})["LaunchTemplate"]["LaunchTemplateId"]
    group = make_group(launchTemplate={"id": template})
    group.active()
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "m6i.large"})
    with pytest.raises(ClientError, match="You must continue to not specify an instance type within the launch template"):
        group.eks.update_nodegroup_version(**group.key, launchTemplate={"id": template, "version": "2"})
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"EbsOptimized": False})
    group.eks.update_nodegroup_version(**group.key, launchTemplate={"id": template, "version": "3"})


def test_what_aws_refuses(make_group, make_role) -> None:
    # API reference, CreateNodegroup: InvalidParameterException, ResourceInUseException.
    group = make_group()
    good = {"subnets": group.created["subnets"], "nodeRole": group.created["nodeRole"], "clusterName": group.key["clusterName"]}
    assert refused(group.eks.create_nodegroup, **good, nodegroupName="mng") == "ResourceInUseException"
    bad: list[dict[str, Any]] = [
        {"instanceTypes": ["m6g.large"], "amiType": "AL2023_x86_64_STANDARD"},
        {"instanceTypes": ["no.such"]},
        {"amiType": "AL2_x86_64"},
        {"scalingConfig": {"minSize": 3, "desiredSize": 2, "maxSize": 4}},
        {"scalingConfig": {"minSize": 1, "desiredSize": 5, "maxSize": 4}},
        {"subnets": ["subnet-0"]},
        {"nodeRole": make_role("eks.amazonaws.com", "wrong")},
        {"version": "1.19"},
    ]
    for more in bad:
        assert refused(group.eks.create_nodegroup, **{**good, **more}, nodegroupName="other") == "InvalidParameterException", more


def test_config_updates(aws, make_group) -> None:
    # API reference, UpdateNodegroupConfig: an update InProgress, the group UPDATING until it is Successful; one at a time.
    group = make_group(labels={"a": "1", "b": "1"}, taints=[{"key": "k", "value": "v", "effect": "NO_SCHEDULE"}])
    group.active()
    update = group.eks.update_nodegroup_config(
        **group.key,
        labels={"addOrUpdateLabels": {"a": "2"}, "removeLabels": ["b"]},
        taints={"addOrUpdateTaints": [{"key": "k", "value": "w", "effect": "NO_SCHEDULE"}]},
        scalingConfig={"minSize": 1, "desiredSize": 3, "maxSize": 3},
        updateConfig={"maxUnavailable": 2},
    )["update"]
    assert (update["status"], update["type"]) == ("InProgress", "ConfigUpdate")
    # Examples of aws-cli, eks/update-nodegroup-config.rst: lists and objects as JSON without blanks.
    said = {param["type"]: param["value"] for param in update["params"]}
    assert (said["LabelsToAdd"], said["LabelsToRemove"], said["DesiredSize"]) == ('{"a":"2"}', '["b"]', "3")
    assert {param["type"] for param in update["params"]} >= {"LabelsToAdd", "LabelsToRemove", "TaintsToAdd", "DesiredSize", "MaxUnavailable"}
    assert (group.now()["status"], group.now()["labels"]) == ("UPDATING", {"a": "1", "b": "1"})
    scaling = {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    assert refused(group.eks.update_nodegroup_config, **group.key, scalingConfig=scaling) == "ResourceInUseException"
    assert refused(group.eks.delete_nodegroup, **group.key) == "ResourceInUseException"
    seen = group.active()
    assert (seen["labels"], seen["taints"]) == ({"a": "2"}, [{"key": "k", "value": "w", "effect": "NO_SCHEDULE"}])
    assert (seen["scalingConfig"], seen["updateConfig"]) == ({"minSize": 1, "desiredSize": 3, "maxSize": 3}, {"maxUnavailable": 2})
    where = {"name": group.key["clusterName"], "nodegroupName": "mng"}
    assert group.eks.describe_update(**where, updateId=update["id"])["update"]["status"] == "Successful"
    assert group.eks.list_updates(**where)["updateIds"] == [update["id"]]


def test_version_follows_the_cluster_and_never_leads(aws, make_group) -> None:
    # API reference, UpdateNodegroupVersion: version "The Kubernetes version to update to"; user guide, "Update a managed node group for your
    # cluster": not above the cluster's.
    group = make_group(version="1.34")
    group.active()
    assert refused(group.eks.update_nodegroup_version, **group.key, version="1.35") == "InvalidParameterException"
    group.eks.update_cluster_version(name=group.key["clusterName"], version="1.35")
    aws.wait(lambda: group.eks.describe_cluster(name=group.key["clusterName"])["cluster"]["version"], "1.35")
    assert group.now()["version"] == "1.34"
    assert group.eks.update_nodegroup_version(**group.key)["update"]["type"] == "VersionUpdate"
    seen = group.active()
    assert (seen["version"], seen["releaseVersion"].startswith("1.35.")) == ("1.35", True)
