# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run our AWS modules in this process against an emulated AWS of this test's own."""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
from ansible.module_utils.common import warnings as noted
from module_arguments import patch_module_args

REPOSITORY = Path(__file__).resolve().parents[4]
REGION = "us-west-2"
PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """A fork of ansible-test ends without ending what its fixtures began."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def emulator() -> Iterator[str]:
    """An emulated AWS; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "emulator"),
        "MESHGATE_CLUSTER_SECONDS": "0.2",
        "MESHGATE_NODEGROUP_SECONDS": "0.2",
    }
    command = [sys.executable, "-m", "meshgate_aws.api", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, preexec_fn=_end_with_parent)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{endpoint}/_meshgate/health", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline, "the emulated AWS did not start"
                time.sleep(0.1)
        yield endpoint
    finally:
        server.terminate()
        server.wait(60)


class Account:
    """The emulated account, with a VPC of two zones and the roles that EKS asks for."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, aws_access_key_id="test", aws_secret_access_key="test")

    def role(self, name: str, service: str) -> str:
        iam = self.client("iam")
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])

    def vpc(self, tags: dict[str, str] | None = None) -> str:
        specification = [{"ResourceType": "vpc", "Tags": [{"Key": key, "Value": value} for key, value in (tags or {"Name": "test"}).items()]}]
        return str(self.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification)["Vpc"]["VpcId"])

    def subnets(self, vpc_id: str) -> list[str]:
        ec2 = self.client("ec2")
        made = [ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=f"{REGION}{zone}") for i, zone in enumerate("ab")]
        return [answer["Subnet"]["SubnetId"] for answer in made]

    def mutations(self, since: int) -> list[str]:
        """The calls after a mark that changed something."""
        answer = json.load(urllib.request.urlopen(f"{self.endpoint}/_meshgate/requests?since={since}"))
        # A run's claim is no change.
        return [f"{entry['service']}:{entry['action']}" for entry in answer["requests"] if entry["mutating"] and entry["service"] != "ssm"]

    def control(self, method: str, path: str, body: Any) -> Any:
        """The emulator's control API: what AWS would do behind the scenes."""
        request = urllib.request.Request(f"{self.endpoint}/_meshgate/{path}", json.dumps(body).encode(), method=method)
        return json.load(urllib.request.urlopen(request))

    def mark(self) -> int:
        return int(json.load(urllib.request.urlopen(f"{self.endpoint}/_meshgate/requests?since=0"))["next"])


def run(module: ModuleType, endpoint: str, check: bool = False, **arguments: Any) -> dict[str, Any]:
    """What the module returns. A failure is returned, too: look at C(failed)."""
    options = {
        "region": REGION,
        "endpoint_url": endpoint,
        "access_key": "test",
        "secret_key": "emulated-key",
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        **arguments,
    }
    # In a process of its own a module begins without the warnings of another.
    noted._global_warnings.clear()
    output = io.StringIO()
    with patch_module_args(options), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(output.getvalue().strip().splitlines()[-1])
    result.pop("invocation", None)
    return result
