# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Print how long each role took."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stages
type: aggregate
author: The meshgate authors (@meshgate)
short_description: Print the time that each role took, at the end of a run
version_added: "0.1.0"
description:
  - Sums the time between the first and the last task of every role and prints one line per role when the run ends.
  - With O(tasks) it also prints the slowest tasks, which is what one wants to know when a run became slow.
options:
  tasks:
    description: How many of the slowest tasks to print.
    type: int
    default: 0
    env:
      - name: MESHGATE_STAGES_TASKS
    ini:
      - section: callback_stages
        key: tasks
requirements:
  - Enable it in C(ansible.cfg), C(callbacks_enabled = meshgate.eks_istio.stages).
"""

import time
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "meshgate.eks_istio.stages"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, display: Any = None, options: Any = None) -> None:
        super().__init__(display=display, options=options)
        self._stages: dict[str, float] = {}
        self._tasks: list[tuple[float, str]] = []
        self._current: tuple[str, str, float] | None = None
        self._started = time.monotonic()

    def _close(self) -> None:
        if self._current is None:
            return
        stage, task, since = self._current
        took = time.monotonic() - since
        self._stages[stage] = self._stages.get(stage, 0.0) + took
        self._tasks.append((took, f"{stage}: {task}"))
        self._current = None

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._close()
        role = getattr(task, "_role", None)
        stage = role.get_name().rsplit(".", 1)[-1] if role else "playbook"
        self._current = (stage, task.get_name().rsplit(" : ", 1)[-1], time.monotonic())

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._close()
        if not self._stages:
            return
        self._display.banner("TIME PER STAGE")
        for stage, took in self._stages.items():
            self._display.display(f"{stage:<24} {took:7.1f} s")
        self._display.display(f"{'total':<24} {time.monotonic() - self._started:7.1f} s")
        for took, task in sorted(self._tasks, reverse=True)[: self.get_option("tasks")]:
            self._display.display(f"  {took:6.2f} s  {task}")
