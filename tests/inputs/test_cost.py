# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a refusal costs beside a playbook that does nothing. docs/decisions/0016-one-preflight.md has the figures."""

from __future__ import annotations

import os
from pathlib import Path

from machine import BIN, REPOSITORY

# 1.7 on the day it was written, 2.4 before that. Seconds of the processor, which a busy machine lengthens for both.
MOST = 2.2
RUNS = 3


def processor_seconds(*arguments: str) -> float:
    """What ansible-playbook and its workers computed."""
    child = os.fork()
    if child == 0:
        os.chdir(REPOSITORY)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        os.execv(BIN / "ansible-playbook", ["ansible-playbook", *arguments])  # noqa: S606
    _pid, _status, used = os.wait4(child, 0)
    return used.ru_utime + used.ru_stime


def test_a_refusal_costs_little_more_than_a_playbook_that_does_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yml"
    empty.write_text("- hosts: localhost\n  gather_facts: false\n  tasks: []\n", encoding="utf-8")
    inventory = ("-i", "inventories/kind")
    pairs = [
        (processor_seconds("playbooks/site.yml", *inventory, "-e", "eks_cluster_name=Bad_name!"), processor_seconds(str(empty), *inventory))
        for _run in range(RUNS)
    ]
    refused, nothing = (min(seconds) for seconds in zip(*pairs, strict=True))
    assert refused < MOST * nothing, pairs
