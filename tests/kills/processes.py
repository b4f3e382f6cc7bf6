# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The processes below one, by /proc: Ansible's workers lead sessions of their own, so a process group does not have them all."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def below(root: int) -> list[int]:
    """The descendants of a process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # pid (name) state parent ...; a name may hold blanks and parentheses.
                parent = int((entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        waiting = [child for pid in waiting for child in children.get(pid, [])]
        found += waiting
    return found


def commands_below(root: int) -> list[str]:
    """Their command lines."""
    found = []
    for pid in below(root):
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip())
    return found


def kill_tree(root: int) -> None:
    """SIGKILL a process and all below it, as a machine that goes down would. What was detached on purpose, like dockerd, is not below it any more."""
    stopped: set[int] = set()
    while new := {root, *below(root)} - stopped:  # what is stopped makes no new ones
        for pid in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= new
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
