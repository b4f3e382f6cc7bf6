# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Commands that the toolchain runs: their output is written to a file, their progress reported, their failure raised as one error."""

from __future__ import annotations

import os
import time
from typing import Any

from ..common.command import Runner, masked
from ..common.failure import Failure
from ..common.progress import report
from ..docker.client import rate_limit

REPORT_EVERY = 15.0


class ToolchainError(Failure):
    """Something could not be built or fetched. `details` has the command and its output."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(masked(message), **details)


def run(command: list[str], what: str, log: str = "", cwd: str | None = None, env: dict[str, str] | None = None, runner: Runner | None = None) -> str:
    """Run a command to its end and return what it printed to standard output.

    Both outputs go to files, since a build may print more than a pipe holds.
    """
    runner = runner or Runner()
    started = time.monotonic()
    if not log:
        done = runner(command, env=env, cwd=cwd)
        if done.rc:
            _fail(command, what, done.rc, done.stdout, done.stderr)
        return done.stdout
    code = runner.logged(command, log, REPORT_EVERY, lambda: report(f"{what}: {time.monotonic() - started:.0f} s"), env, cwd or "")
    stdout, stderr = _tail(log + ".out"), _tail(log + ".err")
    if code:
        _fail(command, what, code, stdout, stderr)
    return stdout


def succeeds(command: list[str], runner: Runner | None = None) -> bool:
    return (runner or Runner())(command).rc == 0


def _tail(path: str, size: int = 20000) -> str:
    with open(path, "rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - size))
        return stream.read().decode(errors="replace")


def _fail(command: list[str], what: str, code: int, stdout: str, stderr: str) -> None:
    command, stdout, stderr = [masked(word) for word in command], masked(stdout), masked(stderr)
    lines = [line for line in (stderr.strip() or stdout.strip()).splitlines() if line.strip()]
    cause = lines[-1] if lines else "it printed nothing"
    message = "; ".join(filter(None, [f"{what}: {os.path.basename(command[0])} exited with {code}: {cause[-500:]}", rate_limit(stderr)]))
    raise ToolchainError(message, command=command, rc=code, stdout=stdout[-4000:], stderr=stderr[-4000:], cause=cause[-500:])
