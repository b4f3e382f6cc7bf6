# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What roles return is read without `default({})`: Ansible reads on through what is absent or null, as long as a default stands at the end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (REPO / "roles").iterdir() if path.is_dir())
FACTS = ("toolchain_facts", "kind_cluster_facts", "aws_emulator_facts", "eks_cluster_facts", "istio_ingress_facts")
# What the facts may be where another role did not run, ended early, or returned less.
STATES: dict[str, dict[str, Any]] = {
    "absent": {},
    "null": dict.fromkeys(FACTS),
    "empty": {name: {} for name in FACTS},
    "partial": {name: {"other": 1} for name in FACTS},
}
# Facts that a default hands on as they are.
HANDED_ON = "aws_emulator_cluster"
# Attributes of a dict in Python: `facts.values` is a method, whatever the facts have under this name.
METHODS = {name for name in dir(dict) if not name.startswith("_")}
READ_AS_ATTRIBUTE = re.compile(rf"_facts(?:\.\w+)*?\.(?P<name>{'|'.join(sorted(METHODS))})\b(?!\()")


def defaults(role: str) -> dict[str, Any]:
    return yaml.safe_load((REPO / "roles" / role / "defaults/main.yml").read_text(encoding="utf-8"))


def play(role: str, state: str) -> dict[str, Any]:
    names = [name for name in defaults(role) if not name.startswith("_")]
    # Each role may read another one's defaults, as in a run.
    files = [
        str(REPO / "roles" / one / folder / "main.yml")
        for one in ROLES
        for folder in ("defaults", "vars")
        if (REPO / "roles" / one / folder / "main.yml").is_file()
    ]
    known = {**STATES[state], "role_path": str(REPO / "roles" / role), "names": names}
    message = "{{ dict(names | zip(query('ansible.builtin.vars', *names))) }}"
    shown = {"name": f"{role} {state}", "ansible.builtin.debug": {"msg": message}}
    return {"name": "Evaluate", "hosts": "localhost", "gather_facts": False, "vars_files": files, "vars": known, "tasks": [shown]}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The values of all roles' defaults, by role and state of the facts."""
    path = tmp_path_factory.mktemp("defaults") / "play.yml"
    path.write_text(yaml.safe_dump([play(role, state) for role in ROLES for state in STATES]), encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(path)]
    done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found, _end = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index("{") :])  # the times of the roles come after it
    return {task["task"]["name"]: task["hosts"]["localhost"]["msg"] for one in found["plays"] for task in one["tasks"]}


@pytest.mark.parametrize("role", ROLES)
def test_defaults_stand_whatever_another_role_returned(role: str, evaluated: dict[str, Any]) -> None:
    found = {state: {name: value for name, value in evaluated[f"{role} {state}"].items() if name != HANDED_ON} for state in STATES}
    assert found["absent"]
    assert [state for state in STATES if found[state] != found["absent"]] == []
    if role == "aws_emulator":
        assert [evaluated[f"{role} {state}"][HANDED_ON] for state in STATES] == [{}, {}, {}, {"other": 1}]


def test_no_key_that_is_a_method_of_a_dict_is_read_as_an_attribute() -> None:
    files = [path for folder in ("roles", "playbooks", "inventories") for path in (REPO / folder).rglob("*.yml")]
    assert [f"{path.relative_to(REPO)}: {found[0]}" for path in files for found in READ_AS_ATTRIBUTE.finditer(path.read_text(encoding="utf-8"))] == []


def test_facts_are_read_without_an_empty_dict_in_between() -> None:
    """`(x_facts | default({})).y | default(z)` says no more than `x_facts.y | default(z)`."""
    files = [path for folder in ("roles", "playbooks", "inventories") for path in (REPO / folder).rglob("*.yml")]
    found = re.compile(r"\(\w+_facts \| default\(\{\}\)\)\.")
    assert [path.relative_to(REPO).as_posix() for path in files if found.search(path.read_text(encoding="utf-8"))] == []


# Nobody has roles where the set is removed: what follows from the variable is meant to follow.
MEANT = {("mesh_apps", "_mesh_apps_entitled")}


def of_tasks(node: Any) -> Iterator[str]:
    """Names that tasks and blocks give a value to for themselves and what is below them."""
    if isinstance(node, dict):
        yield from node.get("vars") or {}
        for part in node.values():
            yield from of_tasks(part)
    elif isinstance(node, list):
        for part in node:
            yield from of_tasks(part)


@pytest.mark.parametrize("role", ROLES)
def test_no_task_gives_a_private_variable_of_its_role_another_value(role: str) -> None:
    """Whatever else of the role is made from it would change, too, for the tasks below."""
    path = REPO / "roles" / role / "vars/main.yml"
    private = {name for name in yaml.safe_load(path.read_text(encoding="utf-8")) if name.startswith("_")} if path.is_file() else set()
    given = {(file.name, name) for file in (path.parents[1] / "tasks").glob("*.yml") for name in of_tasks(yaml.safe_load(file.read_text(encoding="utf-8")))}
    assert {(file, name) for file, name in given if name in private and (role, name) not in MEANT} == set()
