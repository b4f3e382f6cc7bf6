# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Write down what the modules of a run were told, so that the shell script is told the very same."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bench_record
type: aggregate
author: The meshgate authors
short_description: Write down what the modules of a run were told
description:
  - Writes the arguments and the answer of every task that ran a module of this collection to one JSON file.
options:
  file:
    description: The file. Nothing is written without it.
    type: path
    default: ""
    env:
      - name: MESHGATE_BENCH_RECORD
"""

import json
import os

from ansible.plugins.callback import CallbackBase

RECORDED = "meshgate.eks_istio."


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, display=None, options=None):
        super().__init__(display=display, options=options)
        self._calls: list[dict] = []

    def _record(self, result) -> None:
        action = getattr(result, "task", None) or result._task
        answer = getattr(result, "result", None) or result._result
        arguments = (answer.get("invocation") or {}).get("module_args")
        if arguments is not None and action.action.startswith(RECORDED):
            said = {key: value for key, value in answer.items() if key not in ("invocation", "diff")}
            self._calls.append({"module": action.action.rsplit(".", 1)[-1], "arguments": arguments, "result": said})

    v2_runner_on_ok = _record
    v2_runner_item_on_ok = _record

    def v2_playbook_on_stats(self, stats):
        path = self.get_option("file")
        if path:
            with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
                json.dump(self._calls, stream, default=str)
