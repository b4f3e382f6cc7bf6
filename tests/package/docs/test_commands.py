# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every command of the documents is one that a test runs. commands.yml says which; this says whether that is so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from markdown import REPO, Fence, commands, documents, fences, links
from noted import note

LIST = yaml.safe_load((Path(__file__).parent / "commands.yml").read_text(encoding="utf-8"))
RUN: dict[str, dict[str, str]] = LIST["run"]
NOT_RUN: dict[str, str] = LIST["not_run"]
RUNNER = (REPO / "tests/run.sh").read_text(encoding="utf-8")
LANGUAGES = {"sh", "console", "text", "yaml", "json", "ini", "toml", "python", "rust", "dot", "mermaid", "html", ""}


def shown() -> dict[str, list[str]]:
    """Every command of the documents, with the documents that show it."""
    found: dict[str, list[str]] = {}
    for document in documents():
        for fence in fences(document.read_text(encoding="utf-8")):
            for command in commands(fence):
                found.setdefault(command, []).append(str(document.relative_to(REPO)))
    return found


def test_every_command_is_run_by_a_test_or_said_not_to_be() -> None:
    unknown = {command: where for command, where in shown().items() if command not in RUN and command not in NOT_RUN}
    assert unknown == {}, "add them to tests/package/docs/commands.yml, with the test that runs them"
    texts = [document.read_text(encoding="utf-8") for document in documents()]
    rows = [
        ["documents", len(texts)],
        ["links, each to a file or heading that exists", sum(len(links(text)) for text in texts)],
        ["commands that a test runs", len(RUN)],
        ["commands that nobody can run here, with the reason", len(NOT_RUN)],
    ]
    note("documents", "Documents", rows)


def test_nothing_is_listed_that_no_document_shows() -> None:
    assert sorted((set(RUN) | set(NOT_RUN)) - set(shown())) == []
    assert sorted(set(RUN) & set(NOT_RUN)) == []


@pytest.mark.parametrize("command", NOT_RUN)
def test_what_is_not_run_has_a_reason(command: str) -> None:
    assert len(NOT_RUN[command].split()) >= 4


@pytest.mark.parametrize("command", RUN)
def test_the_test_that_is_named_runs_it(command: str) -> None:
    """The file is one of a suite's, it has the test, and the test has the words by which the command is run."""
    path, _colons, name = RUN[command]["by"].partition("::")
    source = (REPO / path).read_text(encoding="utf-8")
    assert in_a_suite(path), f"{path} is in no suite of tests/run.sh"
    if name:
        found = re.search(rf"^(?:def )?{re.escape(name)}\(.*?(?=^(?:def|class|@)|\Z)", source, re.MULTILINE | re.DOTALL)
        assert found, f"{path} has no {name}"
    assert RUN[command]["words"] in source


def in_a_suite(path: str) -> bool:
    if path.startswith(("molecule/", ".ci/", "benchmarks/")) or path == "tests/run.sh":
        return True
    return any(path.startswith(word) for word in re.findall(r"tests/[\w./-]+", RUNNER) if word != "tests/run.sh")


@pytest.mark.parametrize("command", [command for command in RUN if re.match(r"make [a-z-]+$", command)])
def test_make_runs_what_is_said(command: str) -> None:
    """A target may be there and do something else: its recipe must have what the list says that it starts."""
    done = subprocess.run([*command.split(), "--dry-run", "--always-make"], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert RUN[command]["starts"] in done.stdout


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(REPO)))
def test_blocks_say_what_they_are(document: Path) -> None:
    """`sh` and `console` are commands, `text` is output. What another word hides would not be looked at."""
    assert {fence.language for fence in fences(document.read_text(encoding="utf-8"))} - LANGUAGES == set()


@pytest.mark.parametrize(
    ("language", "text", "seen"),
    [
        ("sh", "make site  # ten minutes\nKEY=1 other --x\n# a remark\n", ["make site", "KEY=1 other --x"]),
        ("sh", "kubectl get \\\n  pods\n", ["kubectl get pods"]),
        ("console", "$ make test\n1 passed\n", ["make test"]),
        ("text", "make hay\nan answer\nAWS_PROFILE=x ansible-playbook y.yml\n", ["make hay", "AWS_PROFILE=x ansible-playbook y.yml"]),
        ("yaml", "make: site\n", []),
    ],
)
def test_commands_are_found(language: str, text: str, seen: list[str]) -> None:
    assert commands(Fence(language, text)) == seen
