# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What AWS really answers while a platform is taken away, as further rows of the table in real_answers.py."""

from __future__ import annotations

from cloud import Cloud
from real_answers import ACK_1192, EKSCTL_2244, EKSCTL_8091, IN_USE, INVALID, LIVES, NOT_ACTIVE, TERRAFORM, UPDATE_IN_PROGRESS, RealAnswer
from scenarios import Parameters, Scenario
from test_teardown import FAST, Builder

KOPS_938 = "https://github.com/kubernetes/kops/issues/938"
EC2_ERRORS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
PERMISSION = "You do not have permission to access the specified resource"
LIFE = "a platform"


def platform(aws: Cloud) -> Parameters:
    """All that Builder makes, and an interface that a node's network plugin left behind."""
    built = Builder(aws).build()
    left = [{"Key": "cluster.k8s.amazonaws.com/name", "Value": "box"}, {"Key": "node.k8s.amazonaws.com/instance_id", "Value": "i-0123456789abcdef0"}]
    specification = [{"ResourceType": "network-interface", "Tags": left}]
    built.ec2.create_network_interface(SubnetId=built.ids["subnets"][0], Description="aws-K8S-i-0123456789abcdef0", TagSpecifications=specification)
    return {**FAST, "include_cluster": True, "logs": "delete"}


LIVES[LIFE] = Scenario(LIFE, "aws_leftovers", platform, {"delete": {}})


def removal(name: str, source: str, operation: str, code: str, text: str, status: int = 400, times: int = 2, **more: object) -> RealAnswer:
    return RealAnswer(name, source, f"{LIFE}/delete", operation, code, text, status, times=times, **more)  # type: ignore[arg-type]


REMOVAL = [
    removal("an address is released while its NAT gateway still goes", KOPS_938, "ec2:ReleaseAddress", "AuthFailure", PERMISSION),
    RealAnswer(
        "a surplus address is released while its NAT gateway still goes", KOPS_938, "eks_platform/one gateway", "ec2:ReleaseAddress", "AuthFailure", PERMISSION
    ),
    removal(
        "an address that is never let go",
        KOPS_938,
        "ec2:ReleaseAddress",
        "AuthFailure",
        PERMISSION,
        times=999,
        options={"wait_timeout": 1},
        explained=("elastic IP eipalloc-", "cannot be removed after 1 s", f"ec2:ReleaseAddress: {PERMISSION} (AuthFailure)"),
    ),
    removal(
        "credentials that EC2 does not know",
        EC2_ERRORS,
        "ec2:DeleteVpc",
        "AuthFailure",
        "AWS was not able to validate the provided access credentials",
        explained=("ec2:DeleteVpc: AWS does not know these credentials",),
    ),
    removal(
        "an interface that is in use for a moment more",
        EC2_ERRORS,
        "ec2:DeleteNetworkInterface",
        "InvalidNetworkInterface.InUse",
        "Interface: eni-0123456789abcdef0 in use.",
    ),
    removal(
        "a gateway is detached while addresses are still mapped",
        f"{TERRAFORM}/issues/1104",
        "ec2:DetachInternetGateway",
        "DependencyViolation",
        "Network vpc-0123456789abcdef0 has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.",
    ),
    removal(
        "ACM calls a certificate in use after its load balancer is gone",
        f"{TERRAFORM}/blob/main/internal/service/acm/certificate.go",
        "acm:DeleteCertificate",
        IN_USE,
        "Certificate arn:aws:acm:us-west-2:123456789012:certificate/box in account 123456789012 is in use.",
    ),
    RealAnswer(
        "ACM calls a host name's certificate in use after its load balancer is gone",
        f"{TERRAFORM}/blob/main/internal/service/acm/certificate.go",
        "alb_domain/delete",
        "acm:DeleteCertificate",
        IN_USE,
        "Certificate arn:aws:acm:us-west-2:123456789012:certificate/box in account 123456789012 is in use.",
    ),
    removal(
        "a load balancer goes between two questions",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html",
        "elasticloadbalancing:DescribeTags",
        "LoadBalancerNotFound",
        "One or more load balancers not found",
        times=1,
    ),
    removal("a cluster is deleted during AWS's own update", ACK_1192, "eks:DeleteCluster", IN_USE, UPDATE_IN_PROGRESS.format("delete"), 409),
    removal("a cluster is deleted while it is not active", EKSCTL_2244, "eks:DeleteCluster", INVALID, NOT_ACTIVE),
    removal(
        "a node group is deleted while it is being updated",
        EKSCTL_8091,
        "eks:DeleteNodegroup",
        INVALID,
        "Nodegroup mng cannot be updated as it is currently in UPDATING state",
    ),
]
