# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A module that runs in place answers as one that Ansible packed: results, failures, environment, check mode."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[4]
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: answers
      meshgate.eks_istio.kube_access_info: {kubeconfig: /nowhere/kubeconfig, context: none}
    - name: fails
      meshgate.eks_istio.eks_platform_plan: {region: us-west-2, platform: {name: "-bad"}}
      ignore_errors: true
    - name: environment
      meshgate.eks_istio.eks_cluster_info: {region: us-west-2, name: sandbox}
      environment: {AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_ACCESS_KEY_ID: a, AWS_SECRET_ACCESS_KEY: "not-a-word-of-the-answer"}
      ignore_errors: true
    - name: bad option
      meshgate.eks_istio.kube_access_info: {no_such_option: 1}
      ignore_errors: true
"""


def test_every_module_runs_in_place():
    modules, actions = ({path.name for path in (REPO / "plugins" / kind).glob("*.py")} for kind in ("modules", "action"))
    assert modules == actions


def results(tmp_path: Path, interpreter: str, *arguments: str) -> dict[str, dict]:
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "here,", "-c", "local", "-e", f"ansible_python_interpreter={interpreter}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    done = subprocess.run([*argv, str(playbook), *arguments], cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "{\n" in done.stdout, done.stdout + done.stderr
    said, _end = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{\n") :])
    return {task["task"]["name"]: task["hosts"]["here"] for play in said["plays"] for task in play["tasks"]}


def test_packed_or_not_the_answer_is_the_same(tmp_path):
    # The same Python by another path than the controller's own: packed as ever.
    other = next(path for path in Path(sys.executable).parent.glob("python3*") if str(path) != sys.executable)
    packed, in_place = (results(tmp_path, interpreter, "--check", "--diff") for interpreter in (str(other), sys.executable))
    for task in packed.values():
        task.pop("exception", None)  # its traceback names the packed files
    for task in in_place.values():
        task.pop("exception", None)
    assert in_place == packed
    assert in_place["answers"]["reachable"] is False
    assert "eks_cluster_name" in json.dumps(in_place["fails"])
    assert "nothing answers at http://127.0.0.1:9" in in_place["environment"]["msg"]
    assert "no_such_option" in in_place["bad option"]["msg"]
