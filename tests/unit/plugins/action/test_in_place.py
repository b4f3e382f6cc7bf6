# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A module that runs in place answers as one that Ansible packed: results, failures, environment, check mode."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

REPO = Path(__file__).resolve().parents[4]
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: answers
      meshgate.eks_istio.kube_access_info: {kubeconfig: /nowhere/kubeconfig, context: none}
    - name: fails
      meshgate.eks_istio.eks_platform: {region: us-west-2, name: "-bad", version: "1.36"}
      ignore_errors: true
    - name: environment
      meshgate.eks_istio.eks_cluster_info: {region: us-west-2, name: sandbox}
      environment: {AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_ACCESS_KEY_ID: a, AWS_SECRET_ACCESS_KEY: "not-a-word-of-the-answer"}
      ignore_errors: true
    - name: bad option
      meshgate.eks_istio.kube_access_info: {no_such_option: 1}
      ignore_errors: true
"""


# The groups and the modules of one play: what is said for one of them reaches that one alone.
DEFAULTS = """
- hosts: all
  gather_facts: false
  module_defaults:
    group/meshgate.eks_istio.aws: {region: us-west-2}
    meshgate.eks_istio.kube_access_info: {kubeconfig: /nowhere/kubeconfig, context: none}
  tasks:
    - name: of the group
      meshgate.eks_istio.eks_platform: {name: "-bad", version: "1.36"}
      ignore_errors: true
    - name: by its own name
      meshgate.eks_istio.kube_access_info:
    - name: of neither
      meshgate.eks_istio.toolchain_artifacts: {root: /nowhere}
      ignore_errors: true
"""
CLAIM = """
- hosts: all
  gather_facts: false
  tasks:
    - name: claims
      meshgate.eks_istio.platform_claim: {cluster_name: sandbox, region: us-west-2, unreachable_is_empty: true}
      environment: {AWS_ENDPOINT_URL: "http://127.0.0.1:9", AWS_ACCESS_KEY_ID: a, AWS_SECRET_ACCESS_KEY: "not-a-word-of-the-answer"}
"""
WAITS = """
- hosts: all
  gather_facts: false
  tasks:
    - name: waits
      meshgate.eks_istio.http_answer_info: {requests: [{url: "http://127.0.0.1:9/"}], wait_timeout: 1}
      ignore_errors: true
"""
START = """
- hosts: all
  gather_facts: false
  tasks:
    - name: answers
      meshgate.eks_istio.kube_access_info: {kubeconfig: /nowhere/kubeconfig, context: none}
      environment: {TZ: UTC}
"""
ASYNC = """
- hosts: all
  gather_facts: false
  tasks:
    - name: answers
      meshgate.eks_istio.kube_access_info: {kubeconfig: /nowhere/kubeconfig, context: none}
      async: 60
      poll: 1
"""


def test_every_module_runs_in_place():
    """By the one action plugin, or by one of its own name: without, nobody would tell it the expected account and the run's claim."""
    modules, own = ({path.stem for path in (REPO / "plugins" / kind).glob("*.py")} for kind in ("modules", "action"))
    routed = yaml.safe_load((REPO / "meta/runtime.yml").read_text(encoding="utf-8"))["plugin_routing"]["modules"]
    assert {name: route for name, route in routed.items() if name in modules} == {
        name: {"action_plugin": "meshgate.eks_istio.module"} for name in modules - own
    }
    # A module that is gone may still be routed, to what takes its place.
    assert [name for name, route in routed.items() if name not in modules and "action_plugin" in route] == []
    assert own - modules == {"module"}


def play(tmp_path: Path, interpreter: str, playbook: str, *arguments: str, callback: str = "ansible.posix.json") -> subprocess.CompletedProcess[str]:
    path = tmp_path / "play.yml"
    path.write_text(playbook, encoding="utf-8")
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "here,", "-c", "local", "-e", f"ansible_python_interpreter={interpreter}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": callback}
    return subprocess.run([*argv, str(path), *arguments], cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False)


def results(tmp_path: Path, interpreter: str, *arguments: str, playbook: str = PLAYBOOK) -> dict[str, dict]:
    done = play(tmp_path, interpreter, playbook, *arguments)
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
    assert "name is '-bad'" in json.dumps(in_place["fails"])
    assert "nothing answers at http://127.0.0.1:9" in in_place["environment"]["msg"]
    assert "no_such_option" in in_place["bad option"]["msg"]


def test_defaults_reach_the_modules_that_they_are_for(tmp_path):
    answers = results(tmp_path, sys.executable, playbook=DEFAULTS)
    said = answers["of the group"]["msg"]
    assert "name is '-bad'" in said and "region is" not in said, "the group's region did not arrive"
    assert answers["by its own name"]["reachable"] is False
    for option in ("region", "kubeconfig", "context"):
        assert option not in answers["of neither"]["msg"]


def test_in_the_background_it_is_packed_and_answers(tmp_path):
    assert results(tmp_path, sys.executable, playbook=ASYNC)["answers"]["reachable"] is False


def test_a_module_starts_a_python_only_for_what_a_start_reads(tmp_path):
    """A new Python is what a module costs most; a time zone, a language or a path of Python's own it reads when it starts."""
    forked, started = (play(tmp_path, sys.executable, playbook, "-vvv", callback="default").stdout for playbook in (START.replace("TZ", "AWS_PROFILE"), START))
    assert "runs in a fork" in forked and "EXEC" not in forked, forked
    assert "runs in a fork" not in started and "EXEC /bin/sh" in started, started
    assert "reachable: false" in forked and "reachable: false" in started


def test_what_a_module_waits_for_is_shown_meanwhile(tmp_path):
    done = play(tmp_path, sys.executable, WAITS, callback="default")
    assert "    responds as expected: GET http://127.0.0.1:9/: " in done.stdout, done.stdout + done.stderr


def test_a_module_of_an_action_plugin_of_its_own_gets_what_that_says(tmp_path):
    """platform_claim's `run`, which a play need not say."""
    claimed = results(tmp_path, sys.executable, playbook=CLAIM)["claims"]
    assert claimed["claim"] == {} and claimed["account_id"] == ""
