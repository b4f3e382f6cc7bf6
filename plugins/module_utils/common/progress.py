# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A module's progress messages.

Ansible shows a module's output only when it ends. A long wait therefore appends lines to a file which the
action plugin that runs it (plugin_utils/progress.py) reads and shows as they come.
"""

from __future__ import annotations

import os
import time

PROGRESS_FILE = "MESHGATE_PROGRESS_FILE"


def report(text: str) -> None:
    """Report one line, if anything reads it."""
    path = os.environ.get(PROGRESS_FILE)
    if not path:
        return
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(text.replace("\n", " ") + "\n")


class Waiting:
    """Reports a wait: at once when its state changes, otherwise every `every` seconds.

    >>> waiting = Waiting("cluster sandbox")
    >>> waiting.saw("CREATING")
    """

    def __init__(self, what: str, every: float = 15.0) -> None:
        self.what = what
        self.every = every
        self.started = time.monotonic()
        self._last_state: str | None = None
        self._last_report = 0.0

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def saw(self, state: str) -> None:
        now = time.monotonic()
        if state == self._last_state and now - self._last_report < self.every:
            return
        self._last_state = state
        self._last_report = now
        report(f"{self.what}: {state} ({self.elapsed:.0f} s)")
