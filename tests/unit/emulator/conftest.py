# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulated AWS as a real server, and plain boto3 clients for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles" / "aws_emulator" / "files"
sys.path.insert(0, str(FILES))
pytest.importorskip("moto")
boto3 = pytest.importorskip("boto3")
from botocore.config import Config  # noqa: E402

REGION = "us-west-2"
ACCOUNT = "123456789012"
# What takes time takes this long here, so that the states in between can be seen and tests stay fast.
SECONDS = 0.3


class Emulator:
    """A running emulator: its URL, AWS clients, and the control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[str, Any] = {}

    def client(self, service: str, **credentials: str) -> Any:
        if credentials or service not in self._clients:
            given = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
            client = boto3.client(service, region_name=REGION, endpoint_url=self.url, config=config, **given)
            if credentials:
                return client
            self._clients[service] = client
        return self._clients[service]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_meshgate/{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=70) as answer:
            return json.load(answer)

    def wait(self, look: Callable[[], Any], wanted: Any = True, timeout: float = 10) -> Any:
        end = time.monotonic() + timeout
        while (seen := look()) != wanted:
            assert time.monotonic() < end, f"still {seen!r} instead of {wanted!r} after {timeout} s"
            time.sleep(0.05)
        return seen


def start(**environment: str) -> tuple[subprocess.Popen[str], str]:
    env = {**os.environ, "PYTHONPATH": str(FILES), **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "meshgate_aws.api", "--host", "127.0.0.1", "--port", "0"], stdout=subprocess.PIPE, text=True, env=env
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"listens on (\S+)", line)
    assert found, f"the emulator did not start: {line!r}"
    return process, f"http://{found[1]}"


@pytest.fixture(scope="session")
def aws() -> Iterator[Emulator]:
    times = dict.fromkeys(("MESHGATE_CLUSTER_SECONDS", "MESHGATE_NODEGROUP_SECONDS", "MESHGATE_LOAD_BALANCER_SECONDS"), str(SECONDS))
    process, url = start(**times)
    yield Emulator(url)
    process.terminate()
    process.wait(10)


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
