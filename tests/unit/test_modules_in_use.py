# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A module is either what a role or a playbook of ours runs, or a feature of its own that the README names. Glue that nothing holds goes."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = {path.stem for path in (REPOSITORY / "plugins/modules").glob("*.py")} - {"__init__"}
TASK = re.compile(r"^\s*(?:- )?meshgate\.eks_istio\.([a-z0-9_]+):", re.MULTILINE)


def run_by_us() -> set[str]:
    books = [path for folder in ("roles", "playbooks") for path in (REPOSITORY / folder).rglob("*.yml")]
    return {name for path in books for name in TASK.findall(path.read_text(encoding="utf-8"))}


def test_a_module_that_nothing_of_ours_runs_is_named_to_users() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert sorted(name for name in MODULES - run_by_us() if f"`{name}`" not in readme) == []


def test_what_our_roles_run_is_there() -> None:
    assert {"eks_platform", "helm_release"} <= run_by_us() & MODULES
