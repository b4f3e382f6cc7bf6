# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Bad inputs are refused with variable, value and what is accepted; good ones give the network that eksctl would make."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.partitions import partition_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.nodegroup import architecture_of_instance
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform import iam as eks_platform_iam
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform import inputs as eks_input
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform import network_inputs as eks_input_network
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform import node_group_inputs as eks_input_groups
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.live import Live

GOOD: dict[str, Any] = {
    "name": "sandbox",
    "region": "us-west-2",
    "version": "1.36",
    "tags": {"team": "mesh"},
    "expected_account_id": "",
    "vpc_cidr": "192.168.0.0/16",
    "availability_zones": [],
    "nat_mode": "single",
    "endpoint_access": "public_and_private",
    "public_access_cidrs": ["0.0.0.0/0"],
    "authentication_mode": "API",
    "logging": [],
    "support_type": "STANDARD",
    "deletion_protection": False,
    "role_name": "sandbox-eks-cluster",
    "node_role_name": "sandbox-eks-node",
    "node_groups": [{"name": "mng-arm", "instance_types": ["m6g.large"], "ami_type": "AL2023_ARM_64_STANDARD", "desired_size": 2}],
    "kubeconfig_manage": True,
    "kubeconfig": "/tmp/kubeconfig",
    "context": "sandbox",
}


def test_the_seeds_platform_is_accepted() -> None:
    assert eks_input.problems(GOOD) == []


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2", "us-gov-west-1", "cn-northwest-1", "il-central-1", "eu-south-2", "us-iso-east-1"])
def test_regions_that_exist_are_accepted(region: str) -> None:
    assert eks_input.problems({**GOOD, "region": region}) == []


def changed(key: str, value: Any) -> list[str]:
    return eks_input.problems({**GOOD, key: value})


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("name", "", "letters"),
        ("name", "my cluster", "letters"),
        ("name", "-sandbox", "letters"),
        ("name", "a" * 101, "1 to 100"),
        ("region", "ap-souteast-2", "an AWS region"),
        ("region", "us-west-2a", "an AWS region"),
        ("version", "1.36.3", "minor version"),
        ("version", "v1.36", "minor version"),
        ("version", 1.4, "minor version"),
        ("vpc_cidr", "192.168.0.0", "192.168.0.0/16"),
        ("vpc_cidr", "192.168.1.0/16", "without host bits"),
        ("vpc_cidr", "8.8.0.0/16", "10.0.0.0/8"),
        ("vpc_cidr", "10.0.0.0/8", "no larger VPC"),
        ("vpc_cidr", "10.0.0.0/26", "cannot hold"),
        ("nat_mode", "Single", "single | highly_available | disabled"),
        ("availability_zones", ["us-west-2a"], "two or three"),
        ("availability_zones", ["us-west-2a", "us-west-2a"], "different zones"),
        ("availability_zones", ["us-east-1a", "us-east-1b"], "zones of us-west-2"),
        ("endpoint_access", "both", "public_and_private"),
        ("public_access_cidrs", [], "at least one"),
        ("public_access_cidrs", ["0.0.0.0"], "CIDR blocks"),
        ("logging", ["everything"], "audit"),
        ("authentication_mode", "IAM", "API_AND_CONFIG_MAP"),
        ("support_type", "FREE", "STANDARD | EXTENDED"),
        ("expected_account_id", "1234", "12 digits"),
        ("role_name", "r" * 65, "1 to 64 letters"),
        ("tags", {"meshgate.io/region": "other"}, "which this role sets"),
        ("tags", {"aws:x": "1"}, "but not aws:"),
        ("tags", {"meshgate.io/cluster": "other"}, "which this role sets"),
        ("node_policies", ["AmazonSSMManagedInstanceCore"], "ARNs"),
        ("node_groups", [], "a list of 1 to 30 node groups"),
    ],
)
def test_a_bad_value_is_named_with_what_is_accepted(key: str, value: Any, accepted: str) -> None:
    said = changed(key, value)
    assert said and said[0].startswith(f"eks_cluster_{key} is ") and accepted in said[0], said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "no spaces"}, "node_groups[0].name"),
        ({"instance_types": ["m6g"]}, "node_groups[0].instance_types"),
        ({"instance_types": "m6g.large"}, "a list of EC2 instance types"),
        ({"instance_types": ["m6g.large"] * 21}, "20 at most"),
        ({"instance_types": ["m6g.large", "m6i.large"]}, "m6i.large (amd64)"),
        ({"ami_type": "AL2_x86_64"}, "AL2023_ARM_64_STANDARD"),
        ({"ami_type": "AL2023_x86_64_STANDARD"}, "an image for arm64"),
        ({"min_size": 3}, "min_size <= desired_size <= max_size"),
        ({"max_size": 1}, "min_size <= desired_size <= max_size"),
        ({"desired_size": "two"}, "whole numbers"),
        ({"capacity_type": "CHEAP"}, "ON_DEMAND | SPOT"),
        ({"disk_size": 0}, "from 1 to 16384"),
        ({"instanceType": "m6g.large"}, "has instanceType; accepted: name"),
        ({"taints": [{"key": "a", "effect": "NoSchedule"}]}, "NO_SCHEDULE"),
        ({"subnets": "intra"}, "private | public"),
    ],
)
def test_a_bad_node_group_is_named_with_what_is_accepted(change: dict[str, Any], said: str) -> None:
    problems = changed("node_groups", [{**GOOD["node_groups"][0], **change}])
    assert any(said in problem for problem in problems), problems


def test_where_aws_bills_the_networks_of_the_api_are_said() -> None:
    unsaid = {key: value for key, value in GOOD.items() if key not in ("public_access_cidrs", "endpoint_access", "logging")}
    assert eks_input.problems(unsaid) == [], "what is not said is AWS's or what there is"
    for cidrs, shown in ((None, "'not set'"), ("", "'not set'"), ([], "'not set'")):
        (said,) = eks_input.problems({**unsaid, "billed": True, "public_access_cidrs": cidrs})
        assert said.startswith(f"eks_cluster_public_access_cidrs is {shown}; accepted: on billed AWS, the networks that may reach the API server")
        assert "[203.0.113.0/24], [0.0.0.0/0] for everyone" in said and said.endswith("or eks_cluster_endpoint_access: private")
    for accepted in ({"public_access_cidrs": ["0.0.0.0/0"]}, {"public_access_cidrs": ["203.0.113.0/24"]}, {"endpoint_access": "private"}):
        assert eks_input.problems({**unsaid, "billed": True, **accepted}) == []


def test_contradictions_are_refused() -> None:
    private = {**GOOD, "endpoint_access": "private", "public_access_cidrs": ["203.0.113.0/24"]}
    assert "there is no public endpoint to open" in eks_input.problems(private)[0]
    stuck = {**GOOD, "nat_mode": "disabled", "node_groups": [{**GOOD["node_groups"][0], "subnets": "private"}]}
    assert "without NAT" in eks_input.problems(stuck)[0]
    twins = {**GOOD, "node_groups": GOOD["node_groups"] * 2}
    assert "different names" in eks_input.problems(twins)[0]


def test_the_network_is_cut_as_eksctl_cuts_it() -> None:
    subnets = eks_input_network.subnets_of("192.168.0.0/16", ["us-west-2a", "us-west-2b", "us-west-2c"])
    assert [subnet["cidr"] for subnet in subnets] == [f"192.168.{third}.0/19" for third in (0, 32, 64, 96, 128, 160)]
    assert [subnet["kind"] for subnet in subnets] == ["public"] * 3 + ["private"] * 3
    assert [subnet["cidr"] for subnet in eks_input_network.subnets_of("10.0.0.0/25", ["a", "b", "c"])][-1] == "10.0.0.80/28"


def test_zones_without_eks_are_left_out() -> None:
    zones = [{"ZoneName": f"us-east-1{letter}", "ZoneId": f"use1-az{number}"} for number, letter in enumerate("cabd", 1)]
    assert eks_input_network.choose_zones(zones, []) == ["us-east-1a", "us-east-1c", "us-east-1d"]
    with pytest.raises(ValueError, match="us-east-1b"):
        eks_input_network.choose_zones(zones, ["us-east-1a", "us-east-1b"])
    with pytest.raises(ValueError, match="EKS needs two"):
        eks_input_network.choose_zones(zones[:1], [])


def test_a_node_group_is_completed_as_eksctl_completes_it() -> None:
    full = eks_input_groups.node_group({"name": "a", "instance_types": ["m6g.large"]}, "private")
    assert full["ami_type"] == "AL2023_ARM_64_STANDARD" and full["subnets"] == "private"
    assert full["scaling_config"] == {"min_size": 2, "max_size": 2, "desired_size": 2}
    full = eks_input_groups.node_group({"name": "a", "instance_types": ["m6i.large"], "max_size": 1}, "public")
    assert full["ami_type"] == "AL2023_x86_64_STANDARD" and full["subnets"] == "public"
    assert full["scaling_config"] == {"min_size": 1, "max_size": 1, "desired_size": 1}


@pytest.mark.parametrize(
    ("kind", "architecture"),
    [("m6g.large", "arm64"), ("c7gn.xlarge", "arm64"), ("t4g.small", "arm64"), ("a1.medium", "arm64"), ("r8gd.metal-24xl", "arm64"), ("g5g.xlarge", "arm64")]
    + [("m6i.large", "amd64"), ("g5.xlarge", "amd64"), ("g6e.xlarge", "amd64"), ("t3.medium", "amd64"), ("m7i-flex.large", "amd64"), ("p5.48xlarge", "amd64")],
)
def test_the_architecture_of_an_instance_type_is_in_its_name(kind: str, architecture: str) -> None:
    assert architecture_of_instance(kind) == architecture


def test_partitions() -> None:
    assert [partition_of(region) for region in ("us-west-2", "cn-north-1", "us-gov-west-1")] == ["aws", "aws-cn", "aws-us-gov"]


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("subnet_ids", {"public": ["subnet-01234567", "subnet-01234568"]}, "nothing, unless eks_cluster_vpc_id"),
        ("iam_path", "platform", "begins and ends with /"),
        ("iam_path", "/" + "a" * 511 + "/", "at most 512 characters"),
        ("iam_permissions_boundary", "arn:aws-cn:iam::123456789012:policy/b", "such as arn:aws:iam"),
        ("node_policies", ["arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"], "such as arn:aws:iam"),
        ("encryption_key_arn", "arn:aws:kms:eu-west-1:123456789012:key/abc", "a KMS key in us-west-2"),
        ("encryption_key_arn", "alias/secrets", "a KMS key in us-west-2"),
        ("kubeconfig_role_arn", "admin", "the ARN of an IAM role"),
        ("kubeconfig_profile", "a\nb", "a profile of the AWS CLI"),
        ("node_metadata_hop_limit", 0, "from 1 to 64"),
        ("node_metadata_hop_limit", 65, "from 1 to 64"),
        ("node_key_name", "a" * 256, "at most 255"),
        ("public_access_cidrs", ["10.0.0.0/8"] * 41, "at most 40 blocks"),
        ("tags", {f"key-{number}": "" for number in range(47)}, "at most 46 tags"),
        ("node_groups", [{"name": f"g{number}", "instance_types": ["m6g.large"]} for number in range(31)], "1 to 30"),
    ],
)
def test_what_aws_would_refuse_is_refused_first(key: str, value: Any, accepted: str) -> None:
    """The limits of API_CreateCluster, API_CreateNodegroup, API_CreateRole and "View and manage Amazon EKS service quotas"."""
    found = changed(key, value)
    assert found and all(sentence.startswith(f"eks_cluster_{key}") for sentence in found) and any(accepted in sentence for sentence in found), found


@pytest.mark.parametrize(
    "group",
    [
        {"labels": {"a b": "c"}},
        {"labels": {"team": "a" * 64}},
        {"labels": {"team": ""}},
        {"labels": {"a" * 60 + ".example/team": "b"}},
        {"labels": {"kubernetes.io/os": "linux"}},
        {"taints": [{"key": "a", "effect": "NoSchedule"}]},
        {"taints": [{"key": "", "effect": "NO_EXECUTE"}]},
        {"taints": [{"key": "a", "effect": "NO_EXECUTE"}, {"key": "a", "value": "b", "effect": "NO_EXECUTE"}]},
    ],
)
def test_labels_and_taints_are_as_eks_takes_them(group: dict[str, Any]) -> None:
    found = changed("node_groups", [{"name": "a", "instance_types": ["m6g.large"], **group}])
    assert len(found) == 1 and f"eks_cluster_node_groups[0].{next(iter(group))}" in found[0]


EXISTING = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": {"private": ["subnet-01234567", "subnet-01234568"]}}


def test_an_existing_network_is_said_by_ids() -> None:
    assert eks_input.problems({**GOOD, **EXISTING}) == []
    one = eks_input.problems({**GOOD, **EXISTING, "subnet_ids": {"private": ["subnet-01234567"]}})
    assert "2 to 16 different ids" in one[0]
    assert "the id of a VPC" in eks_input.problems({**GOOD, **EXISTING, "vpc_id": "my-vpc"})[0]
    assert "two lists" in eks_input.problems({**GOOD, **EXISTING, "subnet_ids": {"internal": []}})[0]
    zones = eks_input.problems({**GOOD, **EXISTING, "availability_zones": ["us-west-2a", "us-west-2b"]})
    assert "the zones are those of eks_cluster_subnet_ids" in zones[0]
    private = [{"name": "a", "instance_types": ["m6g.large"], "subnets": "private"}]
    assert eks_input.problems({**GOOD, **EXISTING, "nat_mode": "disabled", "node_groups": private}) == []


@pytest.mark.parametrize(
    ("region", "partition", "nodes"),
    [("us-west-2", "aws", "ec2.amazonaws.com"), ("us-gov-west-1", "aws-us-gov", "ec2.amazonaws.com"), ("cn-north-1", "aws-cn", "ec2.amazonaws.com.cn")],
)
def test_every_partition_has_its_own_arns_and_principals(region: str, partition: str, nodes: str) -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html: in China the nodes' role trusts ec2.amazonaws.com.cn."""
    name = partition_of(region)
    roles = eks_platform_iam.wanted_roles({**GOOD, "region": region, "node_ssm": True}, Live(account_id="123456789012"), name, {})
    assert name == partition and {role["arn"].split(":")[1] for role in roles} == {partition}
    assert {arn.split(":")[1] for role in roles for arn in role["policies"]} == {partition}
    assert [role["trust"]["Statement"][0]["Principal"]["Service"] for role in roles] == ["eks.amazonaws.com", nodes]
