# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is printed of a play with tasks that are skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.callback import concise

COLLECTIONS = Path(str(concise.__file__)).parents[5]
INCLUDED = [{"name": "Included", "ansible.builtin.debug": {"msg": "i"}}]
TASKS = [
    {"name": "Runs", "ansible.builtin.debug": {"msg": "a"}},
    {"name": "Skipped", "ansible.builtin.debug": {"msg": "b"}, "when": "false"},
    {"name": "Block", "when": "false", "block": [{"name": "Skipped with its block", "ansible.builtin.debug": {"msg": "c"}}]},
    {"name": "Skipped include", "ansible.builtin.include_tasks": "included.yml", "when": "false"},
    {"name": "Runs for one of two", "ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": [1, 2], "when": "item == 1"},
    {"name": "Loops over nothing", "ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": []},
    # Its own line comes after its name.
    {"name": "Talks while it runs", "ansible.builtin.pause": {"prompt": "it runs", "seconds": 1}},
    {"name": "Fails", "ansible.builtin.fail": {"msg": "no"}, "when": "true", "ignore_errors": True},
]


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "included.yml").write_text(yaml.safe_dump(INCLUDED), encoding="utf-8")
    play = [{"name": "Play", "hosts": "localhost", "gather_facts": False, "tasks": TASKS}]
    (tmp_path / "ansible.cfg").write_text("", encoding="utf-8")
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")

    def output(*options: str, callback: str = "meshgate.eks_istio.concise") -> list[str]:
        settings = {"STDOUT_CALLBACK": callback, "COLLECTIONS_PATH": str(COLLECTIONS), "NOCOLOR": "1", "HOME": str(tmp_path), "LOCALHOST_WARNING": "0"}
        environment = {**os.environ, **{f"ANSIBLE_{name}": value for name, value in settings.items()}, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")}
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"), *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    return output


def names(lines: list[str]) -> list[str]:
    return [line.partition("[")[2].partition("]")[0] for line in lines if line.startswith("TASK")]


def test_skipped_tasks_are_not_printed_and_all_others_are(run) -> None:
    lines = run()
    assert names(lines) == ["Runs", "Runs for one of two", "Talks while it runs", "Fails"]
    assert not [line for line in lines if line.startswith("skipping")]
    assert any("skipped=4" in line for line in lines)


def test_a_tasks_name_comes_before_what_it_says_while_it_runs(run) -> None:
    lines = run()
    title = next(number for number, line in enumerate(lines) if "[Talks while it runs]" in line)
    assert title < next(number for number, line in enumerate(lines) if "it runs" in line and "TASK" not in line)


def test_with_v_everything_is_printed(run) -> None:
    assert names(run("-v")) == names(run("-v", callback="ansible.builtin.default"))
