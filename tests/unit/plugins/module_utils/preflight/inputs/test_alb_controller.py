# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What role alb_controller refuses, rule by rule."""

from __future__ import annotations

import pytest
from right import ACCOUNT, NO_CLUSTER, problems, says

BILLED = {"platform_billed": "true", "image": "meshgate.local/aws-load-balancer-controller:1"}


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("cluster_name", "-a", "beginning with a letter or digit"),
        ("cluster_name", "a" * 101, "at most 100"),
        ("version", "v3", "without a leading v"),
        ("region", "us_west_2", "us-west-2"),
        ("partition", "azure", "aws-us-gov"),
        ("iam_path", "teams", "begins and ends with a slash"),
        ("iam_path", f"/{'a' * 511}/", "up to 512 characters"),
        ("iam_permissions_boundary", f"arn:aws-cn:iam::{ACCOUNT}:policy/b", "in partition aws"),
        ("replicas", 0, "at least 1"),
        ("timeout", 0, "seconds, at least 1"),
        ("image", "controller", "with its tag"),
        ("feature_gates", {"ALBGatewayAPI": "true"}, "each set to true or false"),
        ("chart", "/no/such/chart", "a local directory or file"),
        ("chart_repository", "http://charts.example.com", "an https or oci URL"),
        ("iam_policy", "/no/such/policy.json", "a local file, or an https URL"),
        ("iam_policy", "http://example.com/policy.json", "a local file, or an https URL"),
        ("iam_policy_checksum", "abc", "a SHA-256 of 64"),
        ("helm", "/no/such/helm", "programs that exist"),
        ("tags", {"aws:team": "mesh"}, "do not begin with aws:"),
        ("vpc_id", "", "the id of the cluster's VPC"),
        ("account_id", "1234", "12 digits"),
        ("oidc_issuer", "", "OIDC issuer"),
        ("oidc_provider_arn", "provider", "ARN of an IAM OIDC provider"),
    ],
)
def test_refused(name: str, value, accepted: str) -> None:
    assert says(problems("alb_controller", **{name: value}), f"alb_controller_{name} is ", str(value), accepted)


@pytest.mark.parametrize(
    "given",
    [
        {"chart_repository": "http://127.0.0.1:8000/charts"},
        {"chart_repository": "oci://example.com/charts"},
        {"iam_policy": "http://localhost:8000/policy.json"},
        {
            "iam_policy": "/cache/policy.json",
            "chart": "/cache/chart",
            "toolchain_facts": {"assets": {"alb_controller": {"iam_policy": "/cache/policy.json", "chart": "/cache/chart"}}},
        },
        {"iam_permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/b"},
        {"image": "example.com/controller:v3@sha256:" + "0" * 64},
        # Before there is a cluster, nobody knows what it will tell.
        {**NO_CLUSTER, "vpc_id": "", "account_id": "", "oidc_issuer": "", "oidc_provider_arn": ""},
        {"credentials": "pod_identity", "oidc_issuer": "", "oidc_provider_arn": ""},
    ],
)
def test_accepted(given: dict) -> None:
    assert problems("alb_controller", **given) == []


def test_an_image_of_this_machine_on_aws() -> None:
    assert says(problems("alb_controller", **BILLED), "an image of a registry that nodes on AWS can reach")
    endpoint = {"endpoint": "https://A.gr7.us-west-2.eks.amazonaws.com"}
    assert says(problems("alb_controller", image=BILLED["image"], eks_cluster_facts=endpoint), "nodes on AWS")
    assert problems("alb_controller", image=BILLED["image"]) == []


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"eks_cluster_addons": [{"name": "vpc-cni"}]}, True),
        ({"eks_cluster_addons": ["vpc-cni", "eks-pod-identity-agent"]}, False),
        ({"eks_cluster_addons": [{"name": "eks-pod-identity-agent"}]}, False),
        ({}, False),
        ({"eks_cluster_facts": {"addons": {"vpc-cni": {}}}}, True),
        ({"eks_cluster_facts": {"addons": {"eks-pod-identity-agent": {}}}}, False),
        # What is there counts, and in check mode what is asked for counts, too.
        ({"eks_cluster_facts": {"addons": {"vpc-cni": {}}}, "eks_cluster_addons": ["eks-pod-identity-agent"]}, True),
        ({"eks_cluster_facts": {"addons": {"vpc-cni": {}}}, "eks_cluster_addons": ["eks-pod-identity-agent"], "ansible_check_mode": True}, False),
        ({"eks_cluster_facts": {"exists": False, "addons": {}}, "eks_cluster_addons": ["eks-pod-identity-agent"]}, False),
    ],
)
def test_pod_identity_needs_its_agent(given: dict, refused: bool) -> None:
    found = problems("alb_controller", credentials="pod_identity", **given)
    assert says(found, "eks_cluster_addons is ", "eks-pod-identity-agent") if refused else found == []
