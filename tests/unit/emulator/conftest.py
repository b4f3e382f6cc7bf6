# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulated AWS as a real server, and what tests build in it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alb_rig import ControlApi, LoadBalancer, Target, envoy_binary
from aws_rig import REGION, SECONDS, Emulator, start


@pytest.fixture(scope="session")
def aws() -> Iterator[Emulator]:
    slow = ("CLUSTER", "NODEGROUP", "NAT", "LINGER")
    process, url = start(**{f"MESHGATE_{what}_SECONDS": str(SECONDS) for what in slow})
    yield Emulator(url)
    process.terminate()
    process.wait(60)


@pytest.fixture
def name() -> str:
    """A name that no other test uses: all of a run's tests share one account."""
    return f"t{uuid.uuid4().hex[:10]}"


class Network:
    def __init__(self, aws: Emulator) -> None:
        ec2 = aws.client("ec2")
        self.vpc_id = ec2.create_vpc(CidrBlock="192.168.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc_id, CidrBlock=f"192.168.{i * 32}.0/19", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
            for i, zone in enumerate("abc")
        ]


@pytest.fixture
def network(aws: Emulator) -> Network:
    return Network(aws)


@pytest.fixture
def make_role(aws: Emulator, name: str) -> Callable[..., str]:
    def make(service: str, suffix: str = "role") -> str:
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
        return aws.client("iam").create_role(RoleName=f"{name}-{suffix}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    return make


@pytest.fixture
def make_cluster(aws: Emulator, name: str, network: Network, make_role: Callable[..., str]) -> Callable[..., str]:
    """Create an EKS cluster and wait until it is active."""

    def make(**more: Any) -> str:
        vpc = {"subnetIds": network.subnets, **more.pop("resourcesVpcConfig", {})}
        request = {"name": name, "roleArn": make_role("eks.amazonaws.com", "cluster"), "resourcesVpcConfig": vpc, **more}
        aws.client("eks").create_cluster(**request)
        aws.wait(lambda: aws.client("eks").describe_cluster(name=name)["cluster"]["status"], "ACTIVE")
        return name

    return make


@pytest.fixture(scope="module")
def api() -> Iterator[ControlApi]:
    server = ControlApi()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def alb(api: ControlApi) -> Iterator[LoadBalancer]:
    daemon = LoadBalancer(api, str(envoy_binary()))
    yield daemon
    daemon.close()


@pytest.fixture
def target() -> Iterator[Target]:
    server = Target()
    yield server
    server.stop()
