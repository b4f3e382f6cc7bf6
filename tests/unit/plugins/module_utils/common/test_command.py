# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.command import Answer, Runner, last_line, masked

PLUGINS = Path(__file__).resolve().parents[5] / "plugins"
SHELL = ["sh", "-c"]


def test_what_a_command_says() -> None:
    answer = Runner()([*SHELL, "cat; echo complaint >&2; exit 3"], 10, "given")
    assert answer == Answer(3, "given", "complaint\n")


@pytest.mark.parametrize(("mode", "rc", "said"), [(None, 127, "no such program"), (0o644, 126, "not executable")])
def test_a_program_that_cannot_be_run_is_an_answer(tmp_path: Path, mode: int | None, rc: int, said: str) -> None:
    program = tmp_path / "program"
    if mode is not None:
        program.write_text("#!/bin/sh\n")
        program.chmod(mode)
    for answer in (Runner()([str(program)], 10), Runner().stream([str(program)], print)):
        assert (answer.rc, answer.stderr) == (rc, f"{program}: {said}")


def test_a_hang_is_an_answer() -> None:
    answer = Runner()(["sleep", "20"], 0.2)
    assert answer.timed_out and answer.stderr == "no answer within 0.2 s"
    assert not Runner()([*SHELL, "exit 124"], 10).timed_out


def test_the_environment_is_laid_over_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "ours")
    monkeypatch.setenv("GONE", "ours")
    answer = Runner()([*SHELL, 'echo "$KEPT $ADDED ${GONE-unset}"'], 10, env={"ADDED": "theirs", "GONE": None})
    assert answer.stdout == "ours theirs unset\n"


def test_lines_come_while_the_command_runs(tmp_path: Path) -> None:
    """The command goes on only when its first line was handed on."""
    seen: list[str] = []
    go_on = tmp_path / "go-on"

    def each(line: str) -> None:
        seen.append(line)
        go_on.touch()

    answer = Runner().stream([*SHELL, f"echo first; while [ ! -e {go_on} ]; do sleep 0.05; done; echo last >&2; exit 4"], each)
    assert (answer.rc, seen) == (4, ["first\n", "last\n"])


def test_a_long_command_writes_to_files_and_says_that_it_lasts(tmp_path: Path) -> None:
    ticks: list[int] = []
    code = Runner().logged([*SHELL, "echo out; echo err >&2; sleep 0.5; exit 5"], str(tmp_path / "log"), 0.1, lambda: ticks.append(1))
    assert code == 5 and ticks
    assert [(tmp_path / f"log.{end}").read_text() for end in ("out", "err")] == ["out\n", "err\n"]


def test_output_that_is_no_text_is_no_error() -> None:
    assert Runner()([sys.executable, "-c", "import os; os.write(1, b'\\xff\\n')"], 20).stdout == "\ufffd\n"


def test_words() -> None:
    assert last_line("retry\n\n the cause \n\n") == "the cause"
    assert masked("http://me:open-sesame@proxy.example.com") == "http://***@proxy.example.com"


def test_nothing_else_starts_a_process() -> None:
    """Eight files did, each with its own idea of what a missing program or a hang is."""
    found = [
        str(path.relative_to(PLUGINS))
        for path in sorted(PLUGINS.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(alias.name == "subprocess" for alias in node.names)
    ]
    assert found == ["module_utils/common/command.py"]
