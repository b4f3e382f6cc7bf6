# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Names are the field's own (docs/style.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
FILES = sorted([*REPO.glob("roles/*/tasks/*.yml"), *REPO.glob("playbooks/**/*.yml"), *REPO.glob("molecule/**/*.yml")])
NAME = re.compile(r"^\s*- name: (?P<name>[^\"'].*)$", re.MULTILINE)
WORDS = """
Add Allow Apply Build Check Claim Clear Compare Configure Count Create Default Delete Deploy Describe Destroy Determine Diagnose Enable
Encrypt End Ensure Fail Find Gather Get Grant Include Install Keep List Manage Plan Point Print Prompt Protect Push Read Record Release
Remove Renew Replace Report Request Restart Restore Restrict Revoke Run Save Select Send Set Start Stop Test Update Upgrade Validate Verify
Wait Warn Write
"""
VERBS = set(WORDS.split())
MODULES = sorted(REPO.glob("plugins/modules/*.py"))
SOURCES = sorted(REPO.glob("plugins/**/*.py"))
DOCUMENTED = ("DOCUMENTATION", "EXAMPLES", "RETURN")
# Wordings of messages that were replaced, each with the one that took its place.
REPLACED = {
    "accepted is ": "accepted: ",
    "accepted are ": "accepted: ",
    "is not ours": "is not managed by this collection",
    "somebody else": "someone else",
    "goes on waiting": "run again to keep waiting",
    "nothing here says": "is not configured here",
    "is as wanted": "is up to date",
    "half-made": "incomplete",
    "in spite of": "despite",
    "by which anybody": "which can be tampered with",
    "such folder": "directory that does not exist",
}


def names(path: Path) -> list[str]:
    """Names of plays and tasks; entries of lists that have a name, such as platforms, are no sentences."""
    return [found["name"] for found in NAME.finditer(path.read_text(encoding="utf-8")) if " " in found["name"]]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.relative_to(REPO).as_posix()) for path in FILES])
def test_a_task_begins_with_a_verb_of_the_field(path: Path) -> None:
    assert [name for name in names(path) if name.split()[0] not in VERBS] == []


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in MODULES])
def test_an_example_begins_with_a_verb_of_the_field(path: Path) -> None:
    tasks = yaml.safe_load(texts(path)["EXAMPLES"])
    assert [task["name"] for task in tasks if task["name"].split()[0] not in VERBS] == []


def test_no_message_has_a_wording_that_was_replaced() -> None:
    found = [f"{path.relative_to(REPO)}: {old!r}, now {new!r}" for path in SOURCES for text in messages(path) for old, new in REPLACED.items() if old in text]
    assert found == []


def texts(path: Path) -> dict[str, str]:
    """What a module documents of itself, by its variable."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in DOCUMENTED:
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def messages(path: Path) -> Iterator[str]:
    """The strings of a file, without its docstrings and its documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    documented |= {id(node.value) for node in tree.body if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in DOCUMENTED}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value
