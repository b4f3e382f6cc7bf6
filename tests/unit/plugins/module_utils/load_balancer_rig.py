# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Load balancers in moto's ELBv2, and the Ingress that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws import elbv2 as alb_elbv2
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import OWNER_LABEL

CLUSTER = {"Key": alb_elbv2.CLUSTER_TAG, "Value": "sandbox"}


class Aws:
    def __init__(self) -> None:
        self.elbv2 = boto3.client("elbv2", region_name="us-west-2")
        ec2 = boto3.client("ec2", region_name="us-west-2")
        self.vpc = ec2.create_vpc(CidrBlock="192.168.0.0/16")["Vpc"]["VpcId"]
        zones = (("192.168.0.0/24", "us-west-2a"), ("192.168.1.0/24", "us-west-2b"))
        self.subnets = [ec2.create_subnet(VpcId=self.vpc, CidrBlock=c, AvailabilityZone=z)["Subnet"]["SubnetId"] for c, z in zones]

    def load_balancer(
        self, name: str = "sandbox-alb", tags: Sequence[dict[str, str]] = (CLUSTER, {"Key": "ingress.k8s.aws/stack", "Value": "sandbox"})
    ) -> tuple[Any, str]:
        lb = self.elbv2.create_load_balancer(Name=name, Subnets=self.subnets, Tags=list(tags) or [{"Key": "a", "Value": "b"}])["LoadBalancers"][0]
        group = self.elbv2.create_target_group(Name=f"{name}-tg", Protocol="HTTP", Port=8080, VpcId=self.vpc, TargetType="ip", Tags=list(tags))
        arn = group["TargetGroups"][0]["TargetGroupArn"]
        action = {"Type": "forward", "TargetGroupArn": arn}
        self.elbv2.create_listener(LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[action])
        return lb, arn


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield Aws()


def ingress(
    hostname: str = "", name: str = "ingress", owner: str = "sandbox", finalizers: Sequence[str] = ("group.ingress.k8s.aws/sandbox",)
) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"hostname": hostname}]}} if hostname else {}
    metadata = {"name": name, "namespace": "istio-ingress", "labels": {OWNER_LABEL: owner} if owner else {}, "finalizers": list(finalizers)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "status": status}
