# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What Ansible reads of a playbook before its first task: whoever mistyped a variable waits for all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


def listed(playbook: str) -> list[str]:
    """The tasks that Ansible knows without running any, with the role of each that has one."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), f"playbooks/{playbook}", "--list-tasks"]
    done = subprocess.run(command, cwd=REPO, env={**os.environ, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, check=True)
    return re.findall(r"^ {6}(\S.*?)\tTAGS:", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("playbook", ["site.yml", "teardown.yml", "upgrade.yml"])
def test_no_role_is_read_before_the_first_task(playbook: str) -> None:
    """Reading the eight roles takes longer than all that a refusal does (docs/decisions/0016-one-preflight.md)."""
    tasks = listed(playbook)
    assert len(tasks) > 5
    assert [task for task in tasks if " : " in task] == []
