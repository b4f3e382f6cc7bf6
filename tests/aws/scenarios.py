# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The life of everything that our modules make: how it is created, changed and deleted. The fault matrix hits each call in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aws_harness
from cloud import Cloud

Parameters = dict[str, Any]
WAIT = {"wait_timeout": 30, "wait_delay": 0.05}
OURS = {"meshgate.io/cluster": "box"}
POLICY: dict[str, Any] = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "elasticloadbalancing:Describe*", "Resource": "*"}]}
ISSUER = "https://oidc.eks.us-west-2.amazonaws.com/id/ABC"


@dataclass
class Scenario:
    """A module's life: what must be there first, and then one run of it after the other."""

    name: str
    module: str
    setup: Callable[[Cloud], Parameters]
    steps: dict[str, Parameters | Callable[[Cloud], Parameters]]

    def run(self, aws: Cloud, step: str, given: Parameters) -> dict[str, Any]:
        more = self.steps[step]
        return aws.module(self.module, **{**given, **(more(aws) if callable(more) else more)})

    def before(self, step: str) -> list[str]:
        names = list(self.steps)
        return names[: names.index(step)]


def nothing(_aws: Cloud) -> Parameters:
    return {}


def network(aws: Cloud) -> tuple[str, list[str]]:
    vpc_id = aws.vpc()
    return vpc_id, aws.subnets(vpc_id)


def for_cluster(aws: Cloud) -> Parameters:
    return {"name": "box", "role_arn": aws.role_for("eks.amazonaws.com", "control-plane"), "subnet_ids": network(aws)[1], **WAIT}


def cluster(aws: Cloud, mode: str = "API_AND_CONFIG_MAP") -> list[str]:
    """A cluster that is there; its subnets."""
    given, eks = for_cluster(aws), aws.client("eks")
    vpc = {"subnetIds": given["subnet_ids"]}
    eks.create_cluster(name="box", version="1.35", roleArn=given["role_arn"], resourcesVpcConfig=vpc, accessConfig={"authenticationMode": mode}, tags=OURS)
    aws.control("POST", "clock", {"advance": 5})
    return list(given["subnet_ids"])


def for_nodegroup(aws: Cloud) -> Parameters:
    subnets = cluster(aws)
    node_role = aws.role_for("ec2.amazonaws.com", "nodes")
    for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy"):
        aws.client("iam").attach_role_policy(RoleName="nodes", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return {
        "cluster_name": "box",
        "name": "mng",
        "node_role": node_role,
        "subnet_ids": subnets,
        "instance_types": ["m6g.large"],
        "ami_type": "AL2023_ARM_64_STANDARD",
        **WAIT,
    }


def for_service_account(aws: Cloud) -> Parameters:
    iam = aws.client("iam")
    arn = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["9" * 40])["OpenIDConnectProviderArn"]
    return {
        "role_name": "box-alb",
        "policy_name": "box-alb",
        "account_id": "123456789012",
        "oidc_provider_arn": arn,
        "oidc_issuer": ISSUER,
        "service_account": "aws-load-balancer-controller",
        "owner": OURS,
    }


def with_policy(options: Parameters, **changes: Any) -> Callable[[Cloud], Parameters]:
    """Parameters and a policy document, which the module reads from a file."""

    def given(aws: Cloud) -> Parameters:
        path = aws.folder / f"policy-{len(changes)}.json"
        path.write_text(json.dumps({**POLICY, "Statement": [{**POLICY["Statement"][0], **changes}]}))
        return {**options, "policy": str(path)}

    return given


def for_security_group(aws: Cloud) -> Parameters:
    vpc_id, _subnets = network(aws)
    backend = aws.client("ec2").create_security_group(GroupName="nodes", Description="nodes", VpcId=vpc_id)["GroupId"]
    return {"cluster_name": "box", "group_name": "box-alb", "vpc_id": vpc_id, "backend_security_group_id": backend}


def for_leftovers(aws: Cloud) -> Parameters:
    import test_aws_leftovers  # of the unit tests: a network and IAM parts as the role makes them, and strangers beside them

    test_aws_leftovers.furnish(aws_harness.Account(aws.endpoint), "box")
    return {"cluster_name": "box", **WAIT}


def for_access_entry(aws: Cloud) -> Parameters:
    cluster(aws)
    return {"cluster_name": "box", "principal_arn": aws.role_for("ec2.amazonaws.com", "people")}


def ground_with(**changes: Any) -> Callable[[Cloud], Parameters]:
    """Network, IAM roles, logs and launch templates, with some of the role's variables changed."""
    import platform_parts  # of the unit tests

    from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.options import options_of

    def given(aws: Cloud) -> Parameters:
        said = platform_parts.platform(aws.folder, kubeconfig_manage=False, kubeconfig=str(aws.folder / "none"), **changes)
        return {**options_of(said), "sections": platform_parts.GROUND, **WAIT}

    return given


def for_host_name(aws: Cloud) -> Parameters:
    aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
    aws.client("elbv2").create_load_balancer(Name="box-alb", Subnets=network(aws)[1])
    return {"host_name": "mesh.example.com", "cluster_name": "box", "load_balancer_name": "box-alb", "wait_timeout": 30, "wait_delay": 1}


TEN_NEWEST = {
    "rulePriority": 1,
    "description": "the ten newest",
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
    "action": {"type": "expire"},
}
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
EDIT = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"


def for_addon(aws: Cloud) -> Parameters:
    cluster(aws)
    return {"cluster_name": "box", "name": "vpc-cni", "tags": OURS, **WAIT}


def for_pod_identity(aws: Cloud) -> Parameters:
    cluster(aws)
    first, second = (aws.role_for("pods.eks.amazonaws.com", name) for name in ("first", "second"))
    assert first != second
    return {"cluster_name": "box", "namespace": "kube-system", "service_account": "controller", "role_arn": first}


SCENARIOS = [
    Scenario(
        "eks_cluster",
        "eks_cluster",
        for_cluster,
        {
            "create": {"version": "1.35", "tags": OURS, "authentication_mode": "API_AND_CONFIG_MAP"},
            "configure": {"version": "1.35", "tags": {**OURS, "team": "a"}, "logging": ["api"], "public_access_cidrs": ["203.0.113.0/24"]},
            "upgrade": {"version": "1.36", "tags": OURS},
            "delete": {"state": "absent"},
        },
    ),
    Scenario(
        "eks_nodegroup",
        "eks_nodegroup",
        for_nodegroup,
        {
            "create": {"scaling_config": {"min_size": 1, "max_size": 3, "desired_size": 2}, "tags": OURS},
            "configure": {"scaling_config": {"min_size": 1, "max_size": 4, "desired_size": 2}, "labels": {"pool": "a"}, "tags": {**OURS, "team": "a"}},
            "delete": {"state": "absent"},
        },
    ),
    Scenario(
        "iam_oidc_provider",
        "iam_oidc_provider",
        nothing,
        {
            "create": {"url": ISSUER, "tags": OURS},
            "change": {"url": ISSUER, "client_ids": ["sts.amazonaws.com", "more"], "thumbprints": ["8" * 40], "tags": {"team": "a"}},
            "change back": {"url": ISSUER, "client_ids": ["sts.amazonaws.com"], "tags": OURS},
            "delete": {"url": ISSUER, "state": "absent"},
        },
    ),
    Scenario(
        "iam_service_account_role",
        "iam_service_account_role",
        for_service_account,
        {
            "create": with_policy({"tags": OURS}),
            "change": with_policy({"namespace": "other", "tags": {**OURS, "team": "a"}}, Resource="arn:aws:s3:::a"),
            "for Pod Identity": with_policy({"trust": "pod_identity", "cluster_name": "box", "tags": OURS}),
            "delete": {"state": "absent"},
        },
    ),
    Scenario(
        "alb_security_group",
        "alb_security_group",
        for_security_group,
        {
            "create": {"ports": [80], "backend_ports": [8080]},
            "change": {"ports": [443], "backend_ports": [8080, 15021], "inbound_cidrs": ["203.0.113.0/24"]},
            "delete": {"state": "absent"},
        },
    ),
    Scenario("aws_leftovers", "aws_leftovers", for_leftovers, {"delete": {}}),
    Scenario(
        "eks_platform",
        "eks_platform",
        ground_with(),
        {
            "create": {},
            "a gateway per zone": ground_with(nat_mode="highly_available"),
            "one gateway": ground_with(nat_mode="single", node_metadata_hop_limit=2),
        },
    ),
    Scenario(
        "eks_access_entry",
        "eks_access_entry",
        for_access_entry,
        {
            "create": {"kubernetes_groups": ["readers"], "policies": [{"policy": VIEW}], "tags": OURS},
            "change": {"kubernetes_groups": ["writers"], "policies": [{"policy": EDIT}], "tags": {**OURS, "team": "a"}},
            "delete": {"state": "absent"},
        },
    ),
    Scenario(
        "eks_addon",
        "eks_addon",
        for_addon,
        {
            "create": {"version": "default"},
            "change": {"configuration_values": {"env": {"ENABLE_PREFIX_DELEGATION": "true"}}, "resolve_conflicts": "OVERWRITE", "tags": {**OURS, "team": "a"}},
            "delete": {"state": "absent"},
        },
    ),
    Scenario(
        "eks_pod_identity_association",
        "eks_pod_identity_association",
        for_pod_identity,
        {
            "create": {"tags": OURS},
            "change": lambda aws: {"role_arn": aws.client("iam").get_role(RoleName="second")["Role"]["Arn"], "tags": {**OURS, "team": "a"}},
            "delete": {"state": "absent"},
        },
    ),
    Scenario("alb_domain", "alb_domain", for_host_name, {"create": {}, "change": {"certificate_tags": {"team": "a"}}, "delete": {"state": "absent"}}),
    Scenario(
        "ecr_image",
        "ecr_image",
        lambda _aws: {"name": "box/service", "cluster_name": "box"},
        {
            "create": {"lifecycle_policy": {"rules": [TEN_NEWEST]}},
            "configure": {"immutable": False, "scan_on_push": False, "tags": {"team": "a"}, "lifecycle_policy": {}},
            "delete": {"state": "absent"},
        },
    ),
]
