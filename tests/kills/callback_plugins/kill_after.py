# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Write down which tasks a run executes, and kill the whole run right after one of them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: kill_after
type: aggregate
author: The meshgate authors
short_description: Kill the run after a task
description:
  - Writes one line of JSON for every task that starts and for every task that was executed, skipped ones left out.
  - Sends SIGKILL to the run's process group as soon as the task of O(after) was executed.
options:
  journal:
    description: The file that the lines are appended to.
    type: path
    required: true
    env:
      - name: MESHGATE_KILL_JOURNAL
  after:
    description: The point after which the run is killed, as the journal names it. None if it is empty.
    type: str
    default: ""
    env:
      - name: MESHGATE_KILL_AFTER
"""

import json
import os
import signal

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kill_after"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, display=None, options=None):
        super().__init__(display=display, options=options)
        self._play = ""

    def v2_playbook_on_play_start(self, play):
        self._play = play.get_name()

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._write("started", task)

    def v2_runner_on_ok(self, result):
        # Renamed in ansible-core 2.19, which warns of the old names.
        task = getattr(result, "task", None) or result._task
        point = self._write("executed", task)
        if point == self.get_option("after"):
            self._kill()

    def _write(self, what: str, task) -> str:
        role = task._role.get_name().rsplit(".", 1)[-1] if task._role else "playbook"
        # What includes tasks is often named like the task that does the work.
        kind = " (include)" if "include" in task.action else ""
        point = f"{self._play} | {role} | {task.get_name().rsplit(' : ', 1)[-1]}{kind}"
        with open(self.get_option("journal"), "a", encoding="utf-8") as journal:
            journal.write(json.dumps({"what": what, "point": point}) + "\n")
        return point

    @staticmethod
    def _kill() -> None:
        # The caller's own group is none of ours.
        if os.getpgrp() != os.getpid():
            raise RuntimeError("kill_after: the run is not the leader of a process group of its own")
        os.killpg(os.getpgrp(), signal.SIGKILL)
