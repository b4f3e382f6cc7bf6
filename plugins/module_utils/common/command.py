# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Running other programs. Callers get a Runner, so that a test can pass another one; nothing else starts a process."""

# Here there is no AnsibleModule, or output is read while it is written, or the environment differs: run_command does not support that.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

Process = subprocess.Popen[str]
# As in a shell.
NOT_FOUND, NOT_EXECUTABLE, TIMED_OUT = 127, 126, 124


@dataclass
class Answer:
    """The result of a command."""

    rc: int
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False


class Runner:
    """Programs of this machine. A missing program and a timeout are results, too.

    `env` is merged over our own environment; a variable set to None is removed.

    >>> Runner()(["echo", "hello"], timeout=5).stdout
    'hello\\n'
    """

    def __call__(
        self,
        command: list[str],
        timeout: float | None = None,
        stdin: str | IO[Any] | None = None,
        env: Mapping[str, str | None] | None = None,
        cwd: str | None = None,
    ) -> Answer:
        """Run to the end."""
        source: dict[str, Any] = {"input": stdin} if isinstance(stdin, str) else {"stdin": stdin or subprocess.DEVNULL}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=timeout, check=False, cwd=cwd, env=_environment(env), **source
            )
        except subprocess.TimeoutExpired:
            return Answer(TIMED_OUT, "", f"no answer within {timeout:g} s", timed_out=True)
        except OSError as error:
            return _not_run(command, error)
        return Answer(done.returncode, done.stdout, done.stderr)

    def stream(self, command: list[str], each: Callable[[str], None], env: Mapping[str, str | None] | None = None) -> Answer:
        """Run to the end and pass on every line, of both outputs, as it is written. All of them are the result's stdout."""
        lines: list[str] = []
        try:
            process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        except OSError as error:
            return _not_run(command, error)
        with process:
            for line in process.stdout or ():
                lines.append(line)
                each(line)
        return Answer(process.returncode, "".join(lines))

    def logged(self, command: list[str], log: str, every: float, tick: Callable[[], None], env: Mapping[str, str | None] | None = None, cwd: str = "") -> int:
        """Run to the end with both outputs in files, `log`.out and `log`.err, since a build prints more than a pipe holds. `tick` is called while it lasts."""
        with open(log + ".out", "wb") as out, open(log + ".err", "wb") as err:
            process = self.start(command, stdout=out, stderr=err, env=env, cwd=cwd)
            try:
                while True:
                    try:
                        return process.wait(timeout=every)
                    except subprocess.TimeoutExpired:
                        tick()
            finally:
                if process.poll() is None:
                    process.kill()

    def start(
        self,
        command: list[str],
        stdout: IO[Any] | int = subprocess.PIPE,
        stderr: IO[Any] | int = subprocess.DEVNULL,
        env: Mapping[str, str | None] | None = None,
        cwd: str = "",
        outlives_us: bool = False,
    ) -> Process:
        """Start a process that runs beside us, or even outlives us. Raises OSError."""
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            errors="replace",
            env=_environment(env),
            cwd=cwd or None,
            start_new_session=outlives_us,
        )


def _environment(changes: Mapping[str, str | None] | None) -> dict[str, str] | None:
    if not changes:
        return None
    return {key: value for key, value in {**os.environ, **changes}.items() if value is not None}


def _not_run(command: list[str], error: OSError) -> Answer:
    if isinstance(error, FileNotFoundError):
        return Answer(NOT_FOUND, "", f"{command[0]}: no such program")
    if isinstance(error, PermissionError):
        return Answer(NOT_EXECUTABLE, "", f"{command[0]}: not executable")
    return Answer(NOT_EXECUTABLE, "", f"{command[0]}: {error.strerror or error}")


def last_line(text: str) -> str:
    """Most programs' errors begin with other lines, such as kubectl's retries; the last one has the cause."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else ""


def masked(text: str) -> str:
    """Without the user info of a URL: a proxy's or a mirror's password.

    >>> masked("cannot reach http://me:secret@proxy.example.com:3128/")
    'cannot reach http://***@proxy.example.com:3128/'
    """
    return re.sub(r"(?<=://)[^/@\s\"']+@", "***@", text)
