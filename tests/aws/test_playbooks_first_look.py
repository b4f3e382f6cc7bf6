# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the playbooks do first on the inventory for AWS: see whose account it is, keep other runs away, ask before a removal. No tools are built for that."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from cloud import REPOSITORY, Cloud
from test_platform_claim import ELSEWHERE, nothing_is_left
from test_teardown import NAME, Builder, everything

BIN = Path(sys.executable).parent
TOOLS = "Install the toolchain"


class Command:
    """`ansible-playbook` as its user gives it; only the environment says where AWS is."""

    def __init__(self, aws: Cloud, folder: Path) -> None:
        extra = {"MESHGATE_STATE": str(folder / "state"), "ANSIBLE_NOCOLOR": "1", "PATH": f"{BIN}:{os.environ['PATH']}"}
        dropped = ("KUBECONFIG", "AWS_PROFILE", "ANSIBLE_STDOUT_CALLBACK")
        self.environment = {key: value for key, value in {**os.environ, **aws.environment(), **extra}.items() if key not in dropped}

    def argv(self, playbook: str, *arguments: str) -> list[str]:
        cidrs = '{"eks_cluster_public_access_cidrs": ["203.0.113.0/24"]}'
        given = ["-e", f"eks_cluster_name={NAME}", "-e", "eks_cluster_wait_delay=0.1", "-e", cidrs]
        return [str(BIN / "ansible-playbook"), f"playbooks/{playbook}.yml", "-i", "inventories/sandbox", *given, *arguments]

    def refused(self, playbook: str, *arguments: str) -> str:
        """What it said when it failed without having come to the tools."""
        done = subprocess.run(
            self.argv(playbook, *arguments),
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode != 0 and TOOLS not in done.stdout, done.stdout[-3000:]
        return " ".join(done.stdout.split())

    def typed(self, playbook: str, answer: str) -> str:
        """What a terminal showed on which `answer` was typed when it was asked for."""
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(REPOSITORY)
            argv = self.argv(playbook)
            os.execve(argv[0], argv, self.environment)
        shown, sent, deadline = "", False, time.monotonic() + 300
        while time.monotonic() < deadline:
            ready, _unused, _unused = select.select([terminal], [], [], 1)
            try:
                shown += os.read(terminal, 65536).decode(errors="replace") if ready else ""
            except OSError:  # the other end is closed
                break
            if not sent and f"Type {NAME} to continue" in shown:
                time.sleep(0.5)
                os.write(terminal, answer.encode() + b"\r")
                sent = True
        if not sent:  # it would wait for its answer for ever
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        assert sent, shown[-3000:]
        return " ".join(shown.split())


@pytest.fixture
def command(aws: Cloud, tmp_path: Path) -> Command:
    return Command(aws, tmp_path)


# verify.yml asks the cluster first; test_account_guard.py has its look at the load balancer.
@pytest.mark.parametrize("playbook", ["site", "teardown", "upgrade"])
def test_another_account_is_refused_before_anything_else(aws: Cloud, command: Command, playbook: str) -> None:
    said = command.refused(playbook, "-e", "eks_cluster_expected_account_id='999999999999'")
    assert "eks_cluster_expected_account_id is '999999999999', but the AWS credentials belong to account 123456789012 (arn:aws:iam::" in said
    assert {call.name for call in aws.faults.calls} == {"sts:GetCallerIdentity"}


@pytest.mark.parametrize("playbook", ["site", "teardown", "upgrade"])
def test_another_run_is_named_with_the_way_on(aws: Cloud, command: Command, playbook: str) -> None:
    Builder(aws).build(Builder.cluster)
    before = everything(aws)
    assert not aws.module("platform_claim", cluster_name=NAME, run=asdict(ELSEWHERE), purpose="site.yml").get("failed")
    said = command.refused(playbook, "-e", "eks_cluster_preflight_permissions=warn", "-e", f"teardown_confirm={NAME}")
    assert re.search(rf"another run is working on {NAME}: run {ELSEWHERE.id} \(site.yml\) on ci-7, process 4711, since 20.* UTC, until 20.* UTC", said), said[
        -3000:
    ]
    assert f"-e platform_claim_take_over={ELSEWHERE.id}" in said
    assert everything(aws) == before


def refuses_to_remove(aws: Cloud, run: Callable[[], str]) -> str:
    Builder(aws).build(Builder.node_group)
    before = everything(aws)
    said = run()
    assert everything(aws) == before and nothing_is_left(aws)
    assert f"resources of cluster {NAME} in us-west-2 of account 123456789012 will be deleted:" in said
    for line in ("1 x EKS cluster", "1 x node group", "2 x subnet", "1 x vpc"):
        assert line in said, said[-3000:]
    return said


def test_an_unattended_teardown_wants_the_name_said(aws: Cloud, command: Command) -> None:
    said = refuses_to_remove(aws, lambda: command.refused("teardown"))
    assert f'Nothing was removed: the answer is ""; accepted: the cluster\'s name, {NAME}' in said.replace('\\"', '"')
    assert f"-e teardown_confirm={NAME}" in said


def test_an_unattended_teardown_wants_the_right_name(aws: Cloud, command: Command) -> None:
    said = refuses_to_remove(aws, lambda: command.refused("teardown", "-e", "teardown_confirm=sandbox"))
    assert "Nothing was removed: teardown_confirm is" in said


def test_at_a_terminal_the_name_is_typed(aws: Cloud, command: Command) -> None:
    said = refuses_to_remove(aws, lambda: command.typed("teardown", "sandbox"))
    assert "Nothing was removed: the answer is" in said and TOOLS not in said


@pytest.mark.slow
def test_at_a_terminal_the_right_name_lets_it_go_on(aws: Cloud, command: Command) -> None:
    before = everything(aws)
    Builder(aws).build(Builder.node_group)
    said = command.typed("teardown", NAME)
    assert TOOLS in said and "failed=0" in said.rpartition("PLAY RECAP")[2], said[-3000:]
    assert everything(aws) == before and nothing_is_left(aws)


@pytest.mark.slow
def test_check_mode_does_not_ask(aws: Cloud, command: Command) -> None:
    Builder(aws).build(Builder.node_group)
    before = everything(aws)
    argv = command.argv("teardown", "--check")
    done = subprocess.run(argv, cwd=REPOSITORY, env=command.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 and "to continue" not in done.stdout, done.stdout[-3000:]
    assert everything(aws) == before and nothing_is_left(aws)


def test_a_playbook_of_ones_own_takes_the_same_steps(aws: Cloud) -> None:
    before = everything(aws)
    Builder(aws).build(Builder.node_group)
    steps = ("claim", "remove_look", "remove_access", "remove", "release")
    tasks = [{"name": step, "ansible.builtin.include_role": {"name": "meshgate.eks_istio.eks_cluster", "tasks_from": step}} for step in steps]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    run = aws.play([play], variables={"eks_cluster_name": NAME, "eks_cluster_kubeconfig": "/nowhere/kubeconfig"})
    assert run.result("Keep the claim for this run")["ansible_facts"]["eks_cluster_claim"]["run"]["pid"] > 1
    assert [name.split(" : ")[-1] for name in run.changed_names()] == ["Remove the cluster, its nodes, its network, its IAM roles and what was left behind"]
    assert everything(aws) == before and nothing_is_left(aws)
