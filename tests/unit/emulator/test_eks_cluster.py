# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""EKS clusters of the emulator behave as the EKS API reference says."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from aws_rig import ACCOUNT, REGION, SECONDS
from botocore.exceptions import ClientError


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_cluster_is_creating_before_it_is_active(aws, name, network, make_role) -> None:
    # API reference, CreateCluster: "Cluster creation typically takes several minutes"; Cluster: status CREATING, then ACTIVE.
    eks = aws.client("eks")
    created = eks.create_cluster(name=name, roleArn=make_role("eks.amazonaws.com"), resourcesVpcConfig={"subnetIds": network.subnets})["cluster"]
    assert created["status"] == "CREATING"
    assert "endpoint" not in created
    aws.wait(lambda: eks.describe_cluster(name=name)["cluster"]["status"], "ACTIVE")
    assert eks.describe_cluster(name=name)["cluster"]["endpoint"].startswith("https://")


def test_every_cluster_has_its_own_issuer_known_beforehand(aws, make_cluster) -> None:
    # API reference, OIDC: issuer is "The issuer URL for the OIDC identity provider", one per cluster.
    name = make_cluster()
    unique = hashlib.sha256(f"{ACCOUNT}/{REGION}/{name}".encode()).digest()[:16].hex().upper()
    issuer = aws.client("eks").describe_cluster(name=name)["cluster"]["identity"]["oidc"]["issuer"]
    assert issuer == f"https://oidc.eks.{REGION}.amazonaws.com/id/{unique}"


def test_vpc_and_security_group_are_real_and_tagged(aws, make_cluster, network) -> None:
    # API reference, VpcConfigResponse: vpcId and clusterSecurityGroupId. User guide, "View Amazon EKS security group requirements for
    # clusters": named eks-cluster-sg-<name>-<id>, lets in itself, tagged kubernetes.io/cluster/<name>=owned and aws:eks:cluster-name.
    name = make_cluster()
    vpc = aws.client("eks").describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]
    assert vpc["vpcId"] == network.vpc_id
    group = aws.client("ec2").describe_security_groups(GroupIds=[vpc["clusterSecurityGroupId"]])["SecurityGroups"][0]
    tags = {tag["Key"]: tag["Value"] for tag in group["Tags"]}
    assert group["GroupName"].startswith(f"eks-cluster-sg-{name}-")
    assert tags == {"Name": group["GroupName"], f"kubernetes.io/cluster/{name}": "owned", "aws:eks:cluster-name": name}
    assert group["IpPermissions"][0]["IpProtocol"] == "-1"
    assert [pair["GroupId"] for pair in group["IpPermissions"][0]["UserIdGroupPairs"]] == [group["GroupId"]]


def test_endpoint_and_authority_are_those_of_the_registered_cluster(aws, make_cluster, name) -> None:
    body = {"endpoint": "https://127.0.0.1:6443", "certificate_authority_data": "Q0E=", "jwks": '{"keys":[]}', "nodes": []}
    assert aws.control("PUT", f"clusters/{name}", body) == {"changed": True}
    assert aws.control("PUT", f"clusters/{name}", body) == {"changed": False}
    assert aws.control("GET", f"clusters/{name}") == body
    make_cluster()
    cluster = aws.client("eks").describe_cluster(name=name)["cluster"]
    assert (cluster["endpoint"], cluster["certificateAuthority"]["data"]) == ("https://127.0.0.1:6443", "Q0E=")


def test_a_deleted_cluster_is_deleting_then_gone_with_its_security_group(aws, make_cluster) -> None:
    # API reference, DeleteCluster: status DELETING; DescribeCluster of an unknown name: ResourceNotFoundException.
    name = make_cluster()
    eks = aws.client("eks")
    group = eks.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    assert eks.delete_cluster(name=name)["cluster"]["status"] == "DELETING"
    aws.wait(lambda: name in eks.list_clusters()["clusters"], False)
    assert refused(eks.describe_cluster, name=name)[0] == "ResourceNotFoundException"
    assert refused(aws.client("ec2").describe_security_groups, GroupIds=[group])[0] == "InvalidGroup.NotFound"


def test_a_cluster_with_node_groups_is_not_deleted(aws, make_cluster, make_role, network) -> None:
    # API reference, DeleteCluster: ResourceInUseException; "you must delete all node groups first".
    name = make_cluster()
    eks = aws.client("eks")
    eks.create_nodegroup(clusterName=name, nodegroupName="mng", subnets=network.subnets, nodeRole=make_role("ec2.amazonaws.com", "node"))
    assert refused(eks.delete_cluster, name=name)[0] == "ResourceInUseException"


def test_what_aws_refuses(aws, name, network, make_role) -> None:
    # API reference, CreateCluster: InvalidParameterException; VpcConfigRequest: "at least two different Availability Zones".
    eks = aws.client("eks")
    role, other = make_role("eks.amazonaws.com"), make_role("ec2.amazonaws.com", "other")
    two = {"subnetIds": network.subnets[:2]}
    bad = [
        {"roleArn": role, "resourcesVpcConfig": {"subnetIds": network.subnets[:1]}},
        {"roleArn": role, "resourcesVpcConfig": {"subnetIds": ["subnet-0", "subnet-1"]}},
        {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/absent", "resourcesVpcConfig": two},
        {"roleArn": other, "resourcesVpcConfig": two},
        {"roleArn": role, "resourcesVpcConfig": two, "version": "1.19"},
        {"roleArn": role, "resourcesVpcConfig": {**two, "securityGroupIds": ["sg-0"]}},
    ]
    for parameters in bad:
        assert refused(eks.create_cluster, name=name, **parameters)[0] == "InvalidParameterException", parameters
    eks.create_cluster(name=name, roleArn=role, resourcesVpcConfig=two)
    assert refused(eks.create_cluster, name=name, roleArn=role, resourcesVpcConfig=two)[0] == "ResourceInUseException"


def test_version_goes_up_one_minor_and_takes_time(aws, make_cluster) -> None:
    # API reference, UpdateClusterVersion: returns an update InProgress; the cluster is UPDATING. User guide, "Update existing cluster to new
    # Kubernetes version": one minor version at a time.
    name = make_cluster(version="1.34")
    eks = aws.client("eks")
    assert refused(eks.update_cluster_version, name=name, version="1.36")[0] == "InvalidParameterException"
    assert refused(eks.update_cluster_version, name=name, version="1.34")[0] == "InvalidParameterException"
    update = eks.update_cluster_version(name=name, version="1.35")["update"]
    assert (update["status"], update["type"]) == ("InProgress", "VersionUpdate")
    aws.pass_time(SECONDS / 2)
    during = eks.describe_cluster(name=name)["cluster"]
    assert (during["status"], during["version"]) == ("UPDATING", "1.34")
    assert refused(eks.update_cluster_version, name=name, version="1.35")[0] == "ResourceInUseException"
    aws.wait(lambda: eks.describe_update(name=name, updateId=update["id"])["update"]["status"], "Successful")
    after = eks.describe_cluster(name=name)["cluster"]
    assert (after["status"], after["version"]) == ("ACTIVE", "1.35")
    assert eks.list_updates(name=name)["updateIds"] == [update["id"]]


def test_config_updates_are_one_at_a_time_and_must_change_something(aws, make_cluster) -> None:
    # API reference, UpdateClusterConfig: endpoint access, logging, access config...; InvalidParameterException if nothing changes.
    name = make_cluster(accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    eks = aws.client("eks")

    def done() -> Any:
        aws.pass_time(SECONDS + 1)
        assert eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"
        return eks.describe_cluster(name=name)["cluster"]

    cidrs = {"endpointPublicAccess": True, "endpointPrivateAccess": True, "publicAccessCidrs": ["10.0.0.0/8"]}
    assert eks.update_cluster_config(name=name, resourcesVpcConfig=cidrs)["update"]["type"] == "EndpointAccessUpdate"
    vpc = done()["resourcesVpcConfig"]
    assert {key: vpc[key] for key in cidrs} == cidrs
    assert refused(eks.update_cluster_config, name=name, resourcesVpcConfig=cidrs)[0] == "InvalidParameterException"
    on = {"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]}
    assert refused(eks.update_cluster_config, name=name, logging=on, resourcesVpcConfig=cidrs)[0] == "InvalidParameterException"
    assert eks.update_cluster_config(name=name, logging=on)["update"]["type"] == "LoggingUpdate"
    assert done()["logging"]["clusterLogging"][0] == {"types": ["api", "audit"], "enabled": True}
    eks.update_cluster_config(name=name, accessConfig={"authenticationMode": "API"})
    assert done()["accessConfig"]["authenticationMode"] == "API"
    back = {"authenticationMode": "CONFIG_MAP"}
    assert refused(eks.update_cluster_config, name=name, accessConfig=back)[0] == "InvalidParameterException"


def said(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_an_update_is_refused_while_the_status_says_active(aws, make_cluster, make_role, network) -> None:
    # aws-controllers-k8s/community#1192 and aws/aws-cdk#33452 (updates), aws/containers-roadmap#1511 (deletion), eksctl-io/eksctl#2244 (node groups).
    # API reference, UpdateClusterConfig: "the cluster status moves to UPDATING (this status transition is eventually consistent)".
    name = make_cluster(accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    eks = aws.client("eks")
    group = {"clusterName": name, "nodegroupName": "mng", "subnets": network.subnets, "nodeRole": make_role("ec2.amazonaws.com", "node")}

    def refusals() -> list[tuple[str, str]]:
        mode = {"authenticationMode": "API"}
        return [said(eks.update_cluster_config, name=name, accessConfig=mode), said(eks.delete_cluster, name=name), said(eks.create_nodegroup, **group)]

    update = eks.update_cluster_config(name=name, resourcesVpcConfig={"endpointPrivateAccess": True})["update"]["id"]
    expected = [
        ("ResourceInUseException", f"Cannot AccessConfigUpdate because cluster {name} currently has update {update} in progress"),
        ("ResourceInUseException", f"Cannot delete because cluster {name} currently has an update in progress"),
        ("InvalidRequestException", f"Cluster '{name}' is not in ACTIVE status"),
    ]
    assert eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"
    assert refusals() == expected
    aws.pass_time(SECONDS / 2)
    assert eks.describe_cluster(name=name)["cluster"]["status"] == "UPDATING"
    assert refusals() == expected
    aws.pass_time(SECONDS)
    eks.create_nodegroup(**group)


def test_awss_own_update_shows_in_refusals_only(aws, make_cluster) -> None:
    # aws/containers-roadmap#1500: "EKS control plane is patched automatically", "DescribeCluster API still shows cluster state as ACTIVE".
    name = make_cluster()
    eks = aws.client("eks")
    aws.control("PUT", f"clusters/{name}/updating", {"seconds": SECONDS})
    code, message = said(eks.update_cluster_config, name=name, resourcesVpcConfig={"endpointPrivateAccess": True})
    assert (code, message.startswith(f"Cannot EndpointAccessUpdate because cluster {name} currently has update ")) == ("ResourceInUseException", True)
    aws.pass_time(SECONDS / 2)
    assert eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"
    assert eks.list_updates(name=name)["updateIds"] == []
    aws.pass_time(SECONDS)
    eks.update_cluster_config(name=name, resourcesVpcConfig={"endpointPrivateAccess": True})


@pytest.mark.parametrize(
    ("change", "type_", "params"),
    [
        # Examples of aws-cli: eks describe-update, update-cluster-config. The authentication mode: eksworkshop.com, "Cluster Access Management API".
        ({"resourcesVpcConfig": {"endpointPrivateAccess": True}}, "EndpointAccessUpdate", [("EndpointPrivateAccess", "true")]),
        (
            {"resourcesVpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["192.0.2.0/24"]}},
            "EndpointAccessUpdate",
            [("EndpointPublicAccess", "true"), ("PublicAccessCidrs", '["192.0.2.0/24"]')],
        ),
        (
            {"logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]}},
            "LoggingUpdate",
            [("ClusterLogging", '{"clusterLogging":[{"types":["api","audit"],"enabled":true}]}')],
        ),
        ({"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}}, "AccessConfigUpdate", [("AuthenticationMode", '"API_AND_CONFIG_MAP"')]),
        ({"upgradePolicy": {"supportType": "STANDARD"}}, "UpgradePolicyUpdate", [("UpgradePolicy", '{"supportType":"STANDARD"}')]),
    ],
)
def test_what_an_update_says_of_itself(aws, make_cluster, change, type_, params) -> None:
    update = aws.client("eks").update_cluster_config(name=make_cluster(), **change)["update"]
    assert (update["type"], [(param["type"], param["value"]) for param in update["params"]]) == (type_, params)


def test_what_a_plain_cluster_shows(aws, make_cluster) -> None:
    # A recording of DescribeCluster of September 2026 (tests of public repositories have it), and the API reference's Cluster.
    seen = aws.client("eks").describe_cluster(name=make_cluster())["cluster"]
    assert seen["accessConfig"] == {"authenticationMode": "CONFIG_MAP"}
    assert seen["zonalShiftConfig"] == {"enabled": False}
    assert seen["controlPlaneScalingConfig"] == {"tier": "standard"}
    assert (seen["computeConfig"], seen["storageConfig"]) == ({"enabled": False, "nodePools": []}, {"blockStorage": {"enabled": False}})
    assert seen["resourcesVpcConfig"]["controlPlaneEgressMode"] == "AWS_MANAGED"


def test_a_config_map_needs_its_creator(aws, name, network, make_role) -> None:
    # crossplane-contrib/provider-upjet-aws#1345 quotes the refusal.
    request = {"roleArn": make_role("eks.amazonaws.com"), "resourcesVpcConfig": {"subnetIds": network.subnets[:2]}}
    access = {"bootstrapClusterCreatorAdminPermissions": False}
    wanted = "bootstrapClusterCreatorAdminPermissions must be true if cluster authentication mode is set to CONFIG_MAP"
    assert said(aws.client("eks").create_cluster, name=name, accessConfig=access, **request) == ("InvalidParameterException", wanted)


def test_lists_come_in_pages(aws, make_cluster, make_role, network) -> None:
    # API reference, ListNodegroups and the other lists: maxResults 1 to 100, nextToken "an opaque token".
    name, eks = make_cluster(), aws.client("eks")
    node = make_role("ec2.amazonaws.com", "node")
    for group in ("a", "b", "c"):
        eks.create_nodegroup(
            clusterName=name, nodegroupName=group, subnets=network.subnets, nodeRole=node, scalingConfig={"minSize": 0, "maxSize": 1, "desiredSize": 0}
        )
    first = eks.list_nodegroups(clusterName=name, maxResults=2)
    assert (first["nodegroups"], first["nextToken"].isdigit()) == (["a", "b"], False)
    second = eks.list_nodegroups(clusterName=name, maxResults=2, nextToken=first["nextToken"])
    assert (second["nodegroups"], second.get("nextToken")) == (["c"], None)
    assert [one for page in eks.get_paginator("list_nodegroups").paginate(clusterName=name, maxResults=1) for one in page["nodegroups"]] == ["a", "b", "c"]
    assert refused(eks.list_nodegroups, clusterName=name, nextToken="nonsense")[0] == "InvalidParameterException"


def test_deletion_protection(aws, make_cluster) -> None:
    # API reference, CreateCluster deletionProtection: "When enabled, the cluster cannot be deleted unless deletion protection is first disabled".
    name = make_cluster(deletionProtection=True)
    eks = aws.client("eks")
    assert refused(eks.delete_cluster, name=name)[0] == "InvalidRequestException"
    eks.update_cluster_config(name=name, deletionProtection=False)
    aws.pass_time(SECONDS + 1)
    eks.delete_cluster(name=name)


def test_tags_of_cluster_and_node_group(aws, make_cluster, make_role, network) -> None:
    # API reference, TagResource: works on clusters and managed node groups, among others.
    name = make_cluster(tags={"a": "1"})
    eks = aws.client("eks")
    node = make_role("ec2.amazonaws.com", "node")
    group = eks.create_nodegroup(clusterName=name, nodegroupName="mng", subnets=network.subnets, nodeRole=node, tags={"a": "1"})["nodegroup"]
    for arn in (eks.describe_cluster(name=name)["cluster"]["arn"], group["nodegroupArn"]):
        eks.tag_resource(resourceArn=arn, tags={"b": "2"})
        eks.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert eks.describe_nodegroup(clusterName=name, nodegroupName="mng")["nodegroup"]["tags"] == {"b": "2"}
    assert refused(eks.list_tags_for_resource, resourceArn=f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/absent")[0] == "ResourceNotFoundException"


def test_versions_and_their_support(aws) -> None:
    # API reference, DescribeClusterVersions: the supported ones, one of them the default.
    versions = aws.client("eks").describe_cluster_versions()["clusterVersions"]
    assert [v["clusterVersion"] for v in versions if v["defaultVersion"]] == ["1.36"]
    assert {"STANDARD_SUPPORT"} <= {v["versionStatus"] for v in versions}
    one = aws.client("eks").describe_cluster_versions(clusterVersions=["1.35"])["clusterVersions"]
    assert [v["clusterVersion"] for v in one] == ["1.35"]
