# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where tests lie: a folder of tests is a suite of tests/run.sh and a target of make, of one name; what looks at a molecule scenario lies in that scenario."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
RUNNER = (REPO / "tests/run.sh").read_text(encoding="utf-8")
MAKEFILE = (REPO / "Makefile").read_text(encoding="utf-8")
TEXTS = (".md", ".py", ".yml", ".j2")
FOLDERS = sorted(path.name for path in (REPO / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py")))


def test_there_are_folders() -> None:
    assert {"unit", "aws", "roles", "kills"} <= set(FOLDERS)
    assert not {"platform", "report", "programs"} & set(FOLDERS), "what suites share holds no tests"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_a_suite_and_a_target(folder: str) -> None:
    suite = re.search(rf"^{folder}\(\) \{{(.*?)\}}$", RUNNER, re.MULTILINE | re.DOTALL)
    assert suite, f"tests/run.sh has no suite {folder}"
    assert f"tests/{folder}" in suite[1], f"suite {folder} does not run tests/{folder}"
    target = re.search(rf"^{folder}: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert target and re.search(rf"tests/run\.sh .*\b{folder}\b", target[1]), f"make {folder} does not run the suite"


def test_a_scenario_runs_all_checks_that_lie_in_it_and_no_other_scenarios() -> None:
    for scenario in sorted(path.parent for path in (REPO / "molecule").glob("*/molecule.yml")):
        named = [name for book in scenario.glob("*.yml") for name in re.findall(r"^\s+checks: (\S+)$", book.read_text(encoding="utf-8"), re.MULTILINE)]
        there = [path.relative_to(REPO).as_posix() for path in (scenario / "tests").glob("test_*.py")]
        assert there, scenario
        assert sorted(name for name in named if name.startswith("molecule/")) == sorted(there), scenario
        assert [name for name in named if not (REPO / name).is_file()] == []


def test_mypy_reads_every_helper_and_program() -> None:
    """All but pytest's conftest.py, and what is run and never imported: there may be several of one name."""
    python = [path for folder in ("tests", "docs", "benchmarks") for path in (REPO / folder).rglob("*.py") if path.name not in ("conftest.py", "run.py")]
    helpers = sorted(path.stem for path in python if not path.name.startswith("test_") and path.parent.name != "callback_plugins")
    assert sorted(tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["modules"]) == helpers


def test_decisions_are_numbered_from_one_without_holes() -> None:
    pages = sorted((REPO / "docs/decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    assert [page.name for page in pages if not page.read_text(encoding="utf-8").startswith(f"# {page.name[:4]}: ")] == []
    # A second one of a number, or a page that moved, would leave a link of the old name behind.
    known = {page.stem for page in pages}
    texts = [path for folder in ("docs", "plugins", "roles", "tests", "emulator", "offline") for path in (REPO / folder).rglob("*.*") if path.suffix in TEXTS]
    named = {name for path in texts for name in re.findall(r"decisions/(\d{4}-[\w-]+)", path.read_text(encoding="utf-8"))}
    assert named - known == set() and len(named) > 5
