# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Text that a user can copy, whatever it contains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.meshgate.eks_istio.plugins.modules import plain_text

REPO = Path(__file__).resolve().parents[4]
LONG = 'try    curl -s -H "Host: ' + "a" * 200 + ".example.com\" 'http://127.0.0.1:8080/'"


def printed(folder: Path, task: dict[str, Any], **given: Any) -> tuple[int, str]:
    (folder / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "here,", "-c", "local", "-e", json.dumps(given), str(folder / "play.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "COLUMNS": "80"}
    done = subprocess.run(argv, cwd=REPO, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


def test_a_long_line_stays_one_line(tmp_path: Path) -> None:
    code, said = printed(tmp_path, {"meshgate.eks_istio.plain_text": {"text": "{{ given }}"}}, given=f"first\n  {LONG}")
    assert code == 0
    assert f"\nfirst\n  {LONG}\n" in said


def test_the_example_prints_its_command(tmp_path: Path) -> None:
    (task,) = yaml.safe_load(plain_text.EXAMPLES)
    assert '\ntry    curl -s -H "Host: shop.example.com" http://127.0.0.1:8080/\n' in printed(tmp_path, task)[1]


def test_text_of_others_does_not_reach_the_terminal_as_control_characters(tmp_path: Path) -> None:
    _code, said = printed(tmp_path, {"meshgate.eks_istio.plain_text": {"text": "{{ given }}"}}, given="a\x1b[2Jb\x1b]0;owned\x07c\u202ed")
    assert "\nabcd\n" in said
