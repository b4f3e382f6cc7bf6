# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A machine on which nothing was ever made: a home, a state folder and a cache of its own, a guarded Docker, an emulated AWS behind a proxy that counts."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine_guard import EngineGuard
from fault_proxy import FaultProxy
from harness import Play

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# Refused in less than five seconds on an idle machine. This one has other tests to run, and perhaps more.
SECONDS = 5
ROOM = 4
SURROUNDINGS = ("ANSIBLE_STDOUT_CALLBACK", "KUBECONFIG", "AWS_PROFILE", "AWS_SESSION_TOKEN", "DOCKER_CONTEXT", "XDG_STATE_HOME", "XDG_CACHE_HOME")
# Where one sentence about a variable ends and the next one begins.
NEXT = re.compile(r"\n|; (?=(?:eks_cluster|kind_cluster|aws_emulator|toolchain|alb_controller|istio|rust_services)_)")


@dataclass
class Refusal:
    """How a run that should not have begun ended."""

    code: int
    seconds: float
    sentences: list[str]
    tasks: list[str] = field(repr=False)
    output: str = field(repr=False)

    def says(self, *words: str) -> bool:
        """Whether one sentence has all the words."""
        return any(all(word in sentence for word in words) for sentence in self.sentences)


class Machine:
    def __init__(self, folder: Path, guard: EngineGuard, proxy: FaultProxy) -> None:
        self.folder, self.guard, self.proxy = folder, guard, proxy
        self.state, self.cache = folder / "state", folder / "cache" / "meshgate"
        self.home = folder / "home"
        self.home.mkdir()

    def run(
        self,
        given: dict[str, Any],
        inventory: str = "kind",
        book: str = "site.yml",
        environment: dict[str, str | None] | None = None,
        hidden: tuple[str, ...] = (),
        small: Path | None = None,
        arguments: tuple[str, ...] = (),
    ) -> Refusal:
        """Run the playbook as a user would, with these variables. `hidden`: programs that this machine is to lack; `small`: a folder on a disk of one MiB."""
        variables = {"eks_cluster_name": "inputs", **given}
        if inventory == "kind":
            ports = dict(zip(("aws_emulator_port", "aws_emulator_http_port", "aws_emulator_https_port"), free_ports(3), strict=True))
            variables = {**ports, **variables}
        else:
            # The one value that this inventory leaves to its user.
            variables = {"eks_cluster_public_access_cidrs": ["203.0.113.0/24"], **variables}
        (self.folder / "given.json").write_text(json.dumps(variables))
        argv = [str(BIN / "ansible-playbook"), "-i", f"inventories/{inventory}", f"playbooks/{book}", "-e", f"@{self.folder / 'given.json'}", *arguments]
        surroundings = {name: value for name, value in os.environ.items() if name not in SURROUNDINGS} | {
            "HOME": str(self.home),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "MESHGATE_STATE": str(self.state),
            "MESHGATE_CACHE": str(self.cache),
            "DOCKER_HOST": self.guard.url,
            "AWS_ENDPOINT_URL": self.proxy.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "emulated-secret-key",
            "AWS_EC2_METADATA_DISABLED": "true",
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            **(environment or {}),
        }
        argv = without_programs(hidden, small, self.folder) + argv
        started = time.monotonic()
        code, said = finish(argv, {name: value for name, value in surroundings.items() if value is not None})
        return self._read(code, time.monotonic() - started, said)

    @staticmethod
    def _read(code: int, seconds: float, said: str) -> Refusal:
        run = Play._read(subprocess.CompletedProcess([], code, said, ""), seconds)
        failed = [task["result"] for task in run.tasks if task["result"].get("failed")]
        parts = [part for result in failed for part in [result, *result.get("results", [])] if part.get("failed", True)]
        told = [str(part.get("msg", "")) for part in parts] + [error for part in parts for error in part.get("argument_errors", [])]
        return Refusal(code, seconds, [sentence for text in told for sentence in NEXT.split(text)], [task["name"] for task in run.tasks], said)

    def created(self) -> list[str]:
        """Whatever is there that was not there before. Ansible's own folder of temporary files does not count, nor where Go keeps its telemetry."""
        found = [str(path) for path in (self.state, self.cache) if path.exists()]
        found += [str(path) for path in self.home.iterdir() if path.name not in (".ansible", ".config")]
        return found + self.guard.refused + self.proxy.mutations()


def finish(argv: list[str], environment: dict[str, str], seconds: float = 150) -> tuple[int, str]:
    """Run to the end. What is not refused would go on for half an hour: it is stopped, with all that it started."""
    with subprocess.Popen(
        argv, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            said, _nothing = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _nothing = process.communicate()
            return -signal.SIGKILL, said
        return process.returncode, said


def without_programs(hidden: tuple[str, ...], small: Path | None, folder: Path) -> list[str]:
    """The beginning of a command line that runs the rest where these programs are not to be had. The mounts are seen by that process alone."""
    if not hidden and small is None:
        return []
    nothing = folder / "nothing"
    nothing.touch(mode=0o600)
    mounts = [f"mount --bind {nothing} {path}" for name in hidden for path in programs(name)]
    if small is not None:
        small.mkdir(parents=True)
        mounts.append(f"mount -t tmpfs -o size=1m none {small}")
    return ["unshare", "--mount", "sh", "-ec", "\n".join([*mounts, 'exec "$@"']), "sh"]


def programs(name: str) -> list[str]:
    """Every file that a search for a program could find."""
    home = Path.home()
    places = [*os.environ["PATH"].split(":"), str(BIN), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/go/bin"]
    places += [str(home / ".cargo/bin"), str(home / ".local/bin")]
    return sorted({os.path.realpath(found) for place in places if (found := shutil.which(name, path=place))})


def patience() -> float:
    """How long a refusal may take now: longer on a busier machine."""
    return SECONDS * max(ROOM, os.getloadavg()[0])


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _unused in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
