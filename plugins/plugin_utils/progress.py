# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An action that runs its module and shows the module's progress lines while it runs."""

from __future__ import annotations

import os
import tempfile
import threading
from typing import Any

from ansible.utils.display import Display

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.progress import PROGRESS_FILE
from ansible_collections.meshgate.eks_istio.plugins.plugin_utils import forked, in_place

display = Display()


def _show_lines(path: str, stop: threading.Event, interval: float = 0.2) -> None:
    with open(path, encoding="utf-8") as stream:
        pending = ""
        while True:
            finished = stop.is_set()
            pending += stream.read()
            *lines, pending = pending.split("\n")
            if lines:
                with forked.FORKING:
                    for line in lines:
                        display.display(f"    {line}")
            if finished:
                return
            stop.wait(interval)


class ActionModule(in_place.ActionModule):
    """Runs the module of the task's own name on a local connection, where the progress file can be read."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if self._connection.transport != "local" or self._task.async_val:
            return super().run(tmp, task_vars)

        handle, path = tempfile.mkstemp(prefix="meshgate-progress-")
        os.close(handle)
        self._task.environment = [*(self._task.environment or []), {PROGRESS_FILE: path}]
        stop = threading.Event()
        reader = threading.Thread(target=_show_lines, args=(path, stop), daemon=True)
        reader.start()
        try:
            return super().run(tmp, task_vars)
        finally:
            stop.set()
            reader.join()
            os.unlink(path)
