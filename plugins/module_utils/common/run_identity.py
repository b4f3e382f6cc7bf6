# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The identity of this run: the process of ansible-playbook, distinct from every other one, anywhere and ever."""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .command import Runner


@dataclass(frozen=True)
class Run:
    """A process. `boot` identifies the boot of this machine, `space` the pid namespace: a container has its own."""

    host: str
    boot: str
    space: str
    user: int
    pid: int
    started: str

    @property
    def id(self) -> str:
        said = "/".join((self.boot, self.space, str(self.user), str(self.pid), self.started))
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def beside(self, other: Run) -> bool:
        """Whether one could see the other's process, if it existed."""
        return (self.boot, self.space, self.user) == (other.boot, other.space, other.user)


def of_process(pid: int) -> Run:
    return Run(platform.node(), _boot(), _space(), os.getuid(), pid, started(pid))


def is_gone(run: Run, here: Run) -> bool:
    """Whether a run's process has ended. Only a process that could see it can know."""
    return run.beside(here) and here.beside(of_process(os.getpid())) and started(run.pid) != run.started


def started(pid: int) -> str:
    """When a process started, in any format; empty if there is none, or a zombie."""
    with suppress(OSError, IndexError):
        # proc(5): behind the command in parentheses come the state and, as the 22nd of all, the start in clock ticks since the boot.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    return "" if Path("/proc/self/stat").exists() else _asked(["ps", "-o", "lstart=", "-p", str(pid)])


def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{platform.node()} {_asked(['sysctl', '-n', 'kern.boottime'])}"


def _space() -> str:
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def _asked(argv: list[str]) -> str:
    return Runner()(argv, env={"LC_ALL": "C"}).stdout.strip()
