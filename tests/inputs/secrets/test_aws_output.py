# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a run on AWS says at -vvv: a session's keys and its token, the registry's password and tokens for the cluster are nowhere in it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import image_rig as rig
import pytest
import yaml
from fault_proxy import Call, FaultProxy
from nursery import Nursery
from secret_scan import findings

REPOSITORY = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
QUICK = {"MESHGATE_CLUSTER_SECONDS": "0.1", "MESHGATE_NODEGROUP_SECONDS": "0.1", "MESHGATE_ADDON_SECONDS": "0.1"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})


class Listener(FaultProxy):
    """Keeps the passwords that AWS hands out on the way."""

    def reset(self, upstream: str = "") -> None:
        super().reset(upstream)
        self.passwords: dict[str, str] = {}

    def _said(self, call: Call, answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
        for token in re.findall(rb'"authorizationToken": *"([^"]+)"', answer[2]):
            self.passwords[f"registry password {len(self.passwords)}"] = base64.b64decode(token).decode().partition(":")[2]
        return super()._said(call, answer)


@pytest.fixture
def listener() -> Iterator[Listener]:
    nursery, made = Nursery(), Listener()
    with nursery.account(**QUICK) as endpoint:
        made.reset(endpoint)
        yield made
    made.close()
    nursery.close()


@pytest.fixture
def session(listener: Listener) -> dict[str, str]:
    """The keys of a role's session, as single sign-on or a pipeline has them."""
    given: dict[str, Any] = {"region_name": "us-west-2", "endpoint_url": listener.upstream}
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "emulated-secret-key"}
    role = boto3.client("iam", **given, **keys).create_role(RoleName="deployer", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    assumed = boto3.client("sts", **given, **keys).assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {"AWS_ACCESS_KEY_ID": assumed["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"], "AWS_SESSION_TOKEN": assumed["SessionToken"]}


def images(folder: Path) -> dict[str, Any]:
    """What role toolchain says of the services' images."""
    made = {}
    for service in ("service_a", "service_b"):
        archive = rig.docker_archive(folder / f"{service}.tar", "arm64", service.encode())
        made[service] = {"name": f"meshgate.local/{service.replace('_', '-')}:0123abcd", "archives": {"arm64": archive}, "architectures": ["arm64"]}
    return {"images": made}


def role(name: str, tasks_from: str = "main") -> dict[str, Any]:
    return {"ansible.builtin.include_role": {"name": f"meshgate.eks_istio.{name}", "tasks_from": tasks_from}}


@pytest.mark.slow
def test_a_run_on_aws_says_no_secret(tmp_path: Path, listener: Listener, session: dict[str, str]) -> None:
    book, given = tmp_path / "book.yml", tmp_path / "given.json"
    # The last task plants what must be found: it shows what the roles must not.
    planted = {"name": "Planted", "ansible.builtin.debug": {"msg": "{{ lookup('ansible.builtin.env', 'AWS_SESSION_TOKEN') }}"}}
    token = {
        "name": "A token for the cluster",
        "ansible.builtin.command": "kubectl --kubeconfig {{ eks_cluster_facts.kubeconfig }} --request-timeout 3 get nodes",
    }
    token |= {"failed_when": False, "changed_when": False}
    tasks = [role("eks_cluster", "aws_preflight"), role("eks_cluster"), role("rust_services", "images"), token, role("eks_cluster", "remove"), planted]
    book.write_text(yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]))
    variables = {
        "ansible_python_interpreter": sys.executable,
        "eks_cluster_state_dir": str(tmp_path / "state"),
        "eks_cluster_preflight_permissions": "warn",
        "eks_cluster_wait_delay": 0.1,
        "rust_services_registry": "ecr",
        "toolchain_facts": images(tmp_path),
    }
    given.write_text(json.dumps(variables))
    surroundings = {
        **os.environ,
        **session,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": listener.url,
        "AWS_REGION": "us-west-2",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
    surroundings.pop("AWS_PROFILE", None)
    argv = [str(BIN / "ansible-playbook"), "-i", "localhost,", str(book), "-e", f"@{given}", "-vvv", "--diff"]
    done = subprocess.run(argv, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, timeout=300, check=False)
    said, _planted, end = (done.stdout + done.stderr).partition("TASK [Planted]")
    assert done.returncode == 0 and end, said[-3000:]
    assert {"eks:CreateCluster", "eks:DeleteCluster", "ecr:CreateRepository"} <= set(listener.mutations())
    known = {name: session[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")} | listener.passwords
    assert len(known) > 2, "nobody asked for the registry's password"
    assert "AWS_SESSION_TOKEN" in str(findings(end, known))
    assert findings(said, known) == []
