# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Commands that the toolchain runs: their output goes to a file, their progress to whoever watches, their failure into one error."""

# There is no AnsibleModule at hand here, or output is read while it comes, or the environment is another one: run_command cannot do that.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report

REPORT_EVERY = 15.0


class ToolchainError(Exception):
    """Something could not be made or fetched. `details` says which command said what."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


def run(command: list[str], what: str, log: str = "", cwd: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command to its end and return what it printed to standard output.

    Both outputs go to files, since a build may print more than a pipe holds.
    """
    base = log or os.devnull
    started = time.monotonic()
    if not log:
        done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            _fail(command, what, done.returncode, done.stdout, done.stderr)
        return done.stdout
    with open(base + ".out", "wb") as out, open(base + ".err", "wb") as err:
        process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        try:
            while True:
                try:
                    code = process.wait(timeout=REPORT_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    report(f"{what}: {time.monotonic() - started:.0f} s")
        finally:
            if process.poll() is None:
                process.kill()
    stdout, stderr = _tail(base + ".out"), _tail(base + ".err")
    if code:
        _fail(command, what, code, stdout, stderr)
    return stdout


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def _tail(path: str, size: int = 20000) -> str:
    with open(path, "rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - size))
        return stream.read().decode(errors="replace")


def _fail(command: list[str], what: str, code: int, stdout: str, stderr: str) -> None:
    lines = [line for line in (stderr.strip() or stdout.strip()).splitlines() if line.strip()]
    cause = lines[-1] if lines else "it printed nothing"
    message = f"{what}: {os.path.basename(command[0])} exited with {code}: {cause[-500:]}"
    raise ToolchainError(message, command=command, rc=code, stdout=stdout[-4000:], stderr=stderr[-4000:], cause=cause[-500:])
