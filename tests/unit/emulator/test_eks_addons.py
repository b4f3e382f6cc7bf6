# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What AWS documents about EKS's add-ons, repeated requests and limits, as the emulator does it."""

from __future__ import annotations

from typing import Any

import pytest
from aws_rig import ACCOUNT
from botocore.exceptions import ClientError


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


def test_an_addon_of_pods_is_degraded_until_there_is_a_node(aws, make_cluster, network, make_role) -> None:
    # API reference, Addon.status, AddonIssue.code InsufficientNumberOfReplicas; the user guide's "CoreDNS": it is a Deployment of two replicas.
    name, eks = make_cluster(), aws.client("eks")
    for addon in ("coredns", "vpc-cni"):
        eks.create_addon(clusterName=name, addonName=addon)

    def look(addon):
        return eks.describe_addon(clusterName=name, addonName=addon)["addon"]

    aws.wait(lambda: look("vpc-cni")["status"], "ACTIVE")
    found = look("coredns")
    assert found["status"] == "DEGRADED" and found["health"]["issues"][0]["code"] == "InsufficientNumberOfReplicas"
    group = {"clusterName": name, "nodegroupName": "n"}
    eks.create_nodegroup(**group, subnets=network.subnets, nodeRole=make_role("ec2.amazonaws.com", "nodes"))
    assert look("coredns")["status"] == "DEGRADED"
    aws.wait(lambda: look("coredns")["status"], "ACTIVE")
    assert look("coredns")["health"]["issues"] == []
    eks.update_nodegroup_config(**group, scalingConfig={"minSize": 0, "maxSize": 1, "desiredSize": 0})
    aws.wait(lambda: look("coredns")["status"], "DEGRADED")


def test_the_default_version_need_not_be_the_newest(aws, make_cluster) -> None:
    # API reference, Compatibility.defaultVersion; "addon-compat" of the user guide: CreateAddon without a version takes the default.
    name, eks = make_cluster(), aws.client("eks")
    offered = eks.describe_addon_versions(addonName="vpc-cni", kubernetesVersion="1.36")["addons"][0]["addonVersions"]
    default = [entry["addonVersion"] for entry in offered if entry["compatibilities"][0]["defaultVersion"]]
    assert default and default[0] != offered[0]["addonVersion"]
    assert eks.create_addon(clusterName=name, addonName="vpc-cni")["addon"]["addonVersion"] == default[0]


def test_an_update_without_role_takes_the_role_away(aws, make_cluster) -> None:
    # API reference, UpdateAddon: "If you don't specify an existing IAM role, then the add-on uses the permissions assigned to the node IAM role."
    name, eks = make_cluster(), aws.client("eks")
    key = {"clusterName": name, "addonName": "vpc-cni"}
    eks.create_addon(**key, serviceAccountRoleArn=f"arn:aws:iam::{ACCOUNT}:role/cni", configurationValues='{"a": 1}')
    aws.wait(lambda: eks.describe_addon(**key)["addon"]["status"], "ACTIVE")
    eks.update_addon(**key, addonVersion="v1.21.1-eksbuild.3")
    aws.wait(lambda: eks.describe_addon(**key)["addon"]["status"], "ACTIVE")
    found = eks.describe_addon(**key)["addon"]
    assert "serviceAccountRoleArn" not in found and found["configurationValues"] == '{"a": 1}'


def test_a_repeated_request_is_carried_out_once(aws, make_cluster) -> None:
    # API reference, clientRequestToken: "A unique, case-sensitive identifier that you provide to ensure the idempotency of the request."
    name, eks = make_cluster(), aws.client("eks")
    request = {"clusterName": name, "addonName": "kube-proxy", "clientRequestToken": name}
    first = eks.create_addon(**request)["addon"]
    assert eks.create_addon(**request)["addon"]["addonArn"] == first["addonArn"]
    assert refused(eks.create_addon, clusterName=name, addonName="kube-proxy") == "ResourceInUseException"


def test_limits_that_cannot_be_raised(aws, make_cluster, network, make_role) -> None:
    # User guide, "Amazon EKS service quotas": 40 CIDR ranges, 4 control plane security groups; API reference, tagMap: 50; user guide: 50 taints.
    name, eks = make_cluster(), aws.client("eks")
    wide = [f"203.0.{i}.0/24" for i in range(41)]
    assert refused(eks.update_cluster_config, name=name, resourcesVpcConfig={"publicAccessCidrs": wide}) == "InvalidParameterException"
    groups = [f"sg-{i}" for i in range(5)]
    assert refused(eks.update_cluster_config, name=name, resourcesVpcConfig={"securityGroupIds": groups}) == "InvalidParameterException"
    tags = {str(i): "x" for i in range(51)}
    assert refused(eks.create_addon, clusterName=name, addonName="kube-proxy", tags=tags) == "InvalidParameterException"
    taints = [{"key": f"k{i}", "effect": "NO_SCHEDULE"} for i in range(51)]
    group = {"clusterName": name, "nodegroupName": "n", "subnets": network.subnets, "nodeRole": make_role("ec2.amazonaws.com", "nodes")}
    assert refused(eks.create_nodegroup, **group, taints=taints) == "InvalidParameterException"


def test_eks_makes_the_access_entry_of_its_nodes(aws, make_cluster, network, make_role) -> None:
    # User guide, "Create access entries": EKS makes those of managed node groups itself.
    name, eks = make_cluster(accessConfig={"authenticationMode": "API"}), aws.client("eks")
    role = make_role("ec2.amazonaws.com", "nodes")
    eks.create_nodegroup(clusterName=name, nodegroupName="n", subnets=network.subnets, nodeRole=role)
    entry = eks.describe_access_entry(clusterName=name, principalArn=role)["accessEntry"]
    assert (entry["type"], entry["kubernetesGroups"]) == ("EC2_LINUX", ["system:nodes"])


def test_fargate_profiles_are_made_and_deleted_one_by_one(aws, make_cluster, network) -> None:
    # API reference, DeleteFargateProfile: "Only one Fargate profile in a cluster can be in the DELETING status at a time."
    name, eks = make_cluster(), aws.client("eks")
    request = {"clusterName": name, "podExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/pods", "subnets": network.subnets}
    for profile in ("a", "b"):
        eks.create_fargate_profile(**request, fargateProfileName=profile, selectors=[{"namespace": profile}])
        one = {"clusterName": name, "fargateProfileName": profile}
        if profile == "a":
            assert refused(eks.create_fargate_profile, **request, fargateProfileName="b", selectors=[{"namespace": "b"}]) == "ResourceInUseException"
        aws.wait(lambda one=one: eks.describe_fargate_profile(**one)["fargateProfile"]["status"], "ACTIVE")
    eks.delete_fargate_profile(clusterName=name, fargateProfileName="a")
    assert refused(eks.delete_fargate_profile, clusterName=name, fargateProfileName="b") == "ResourceInUseException"
    aws.wait(lambda: eks.list_fargate_profiles(clusterName=name)["fargateProfileNames"], ["b"])
    eks.delete_fargate_profile(clusterName=name, fargateProfileName="b")


def test_an_update_takes_a_number_or_a_percentage(aws, make_cluster, network, make_role) -> None:
    # API reference, NodegroupUpdateConfig.
    name, eks = make_cluster(), aws.client("eks")
    group = {"clusterName": name, "nodegroupName": "n"}
    eks.create_nodegroup(**group, subnets=network.subnets, nodeRole=make_role("ec2.amazonaws.com", "nodes"))
    aws.wait(lambda: eks.describe_nodegroup(**group)["nodegroup"]["status"], "ACTIVE")
    both = {"maxUnavailable": 1, "maxUnavailablePercentage": 10}
    assert refused(eks.update_nodegroup_config, **group, updateConfig=both) == "InvalidParameterException"
