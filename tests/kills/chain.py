# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run a playbook, and kill it: right after a task, or in the middle of one. Each run goes on from what the one before left."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import REPO, RESULTS
from processes import commands_below, kill_tree

LOGS = RESULTS / "kill"
PLUGINS = Path(__file__).resolve().parent / "callback_plugins"
LONGEST = 900


@dataclass(frozen=True)
class After:
    """The end of a task."""

    play: str
    role: str
    task: str

    @property
    def point(self) -> str:
        return f"{self.play} | {self.role} | {self.task}"

    def __str__(self) -> str:
        return f"after {self.role}: {self.task}"

    @classmethod
    def parse(cls, point: str) -> After:
        return cls(*point.split(" | ", 2))


@dataclass(frozen=True)
class During:
    """Some seconds after a program was started by a task, or without a program, after the task began. All that the run has started dies with it."""

    after: After
    seconds: float
    program: str = ""

    @property
    def point(self) -> str:
        return self.after.point

    def __str__(self) -> str:
        what = f"{self.program.replace('.*', ' ')} by " if self.program else ""
        return f"{self.seconds:g} s into {what}{self.after.role}: {self.after.task}"


@dataclass
class Killed:
    """How a run ended, and which of its tasks began and were executed."""

    code: int
    seconds: float
    started: list[str] = field(repr=False)
    executed: list[str] = field(repr=False)
    log: Path
    output: str = field(repr=False)

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def changed(self) -> int:
        """The recap's count; no recap is no count."""
        return sum(int(number) for number in re.findall(r"changed=(\d+)", self.output.rpartition("PLAY RECAP")[2]))

    def changes(self) -> list[str]:
        """The tasks that changed something, as the output has them."""
        found, task = [], ""
        for line in self.output.splitlines():
            task = line if line.startswith("TASK [") else task
            found += [task] if line.startswith("changed:") else []
        return found

    def end(self) -> str:
        return f"{self.log.name} ends with:\n" + "\n".join(self.output.splitlines()[-40:])


class Runner:
    """ansible-playbook on the laptop's inventory, in a process group of its own."""

    def __init__(self, name: str = "chain") -> None:
        LOGS.mkdir(parents=True, exist_ok=True)
        self._name, self._numbers = name, itertools.count(1)

    def __call__(self, playbook: str, stop: After | During | None = None, arguments: tuple[str, ...] = ()) -> Killed:
        number = f"{self._name}-{next(self._numbers):03d}-{playbook}"
        log, journal = LOGS / f"{number}.log", LOGS / f"{number}.jsonl"
        journal.write_text("", encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            # All that Ansible would ever say, for those who look for secrets in it.
            "ANSIBLE_VERBOSITY": "3",
            "ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS),
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_roles,kill_after",
            "MESHGATE_KILL_JOURNAL": str(journal),
            "MESHGATE_KILL_AFTER": stop.point if isinstance(stop, After) else "",
        }
        argv = ["ansible-playbook", "-i", "inventories/kind", f"playbooks/{playbook}.yml", *arguments]
        began = time.monotonic()
        with open(log, "wb") as stream:
            process = subprocess.Popen(
                argv, cwd=REPO, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                if isinstance(stop, During):
                    self._kill_during(process, stop, journal)
                code = process.wait(LONGEST)
            except BaseException:
                kill_tree(process.pid)
                process.wait()
                raise
        lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
        run = Killed(
            code,
            time.monotonic() - began,
            started=[line["point"] for line in lines if line["what"] == "started"],
            executed=[line["point"] for line in lines if line["what"] == "executed"],
            log=log,
            output=log.read_text(encoding="utf-8", errors="replace"),
        )
        print(f"{' '.join(argv)}: {stop or 'to its end'}: exit {run.code} in {run.seconds:.1f} s, log {log.name}")
        return run

    @staticmethod
    def _kill_during(process: subprocess.Popen[bytes], stop: During, journal: Path) -> None:
        def began(what: str) -> bool:
            return json.dumps({"what": what, "point": stop.point}) in journal.read_text(encoding="utf-8").splitlines()

        def awaited() -> bool:
            return began("started") and (not stop.program or any(re.search(stop.program, command) for command in commands_below(process.pid)))

        while not awaited():
            if process.poll() is not None or began("executed"):
                return
            time.sleep(0.05)
        time.sleep(stop.seconds)
        if not began("executed"):
            kill_tree(process.pid)
