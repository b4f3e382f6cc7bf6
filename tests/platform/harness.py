"""Runs playbooks as a user would, and reads what they said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import yaml
from cluster import Cluster

REPO = Path(__file__).resolve().parents[2]
RESULTS = REPO / "results"
STATE = Path(os.environ.get("MESHGATE_STATE") or Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "meshgate")
CACHE = Path(os.environ.get("MESHGATE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshgate")
CLUSTER = "sandbox"
ALB = "127.0.0.1:8080"
AWS_API = "http://127.0.0.1:4566"
AWS = {"endpoint_url": AWS_API, "region_name": "us-west-2", "aws_access_key_id": "test", "aws_secret_access_key": "emulated-secret-key"}


@dataclass
class Run:
    """One run of a playbook."""

    code: int
    seconds: float
    stats: dict[str, int]
    tasks: list[dict[str, Any]] = field(repr=False)
    output: str = field(repr=False)

    @property
    def changed(self) -> int:
        return self.stats.get("changed", 0)

    @property
    def failed(self) -> int:
        return self.stats.get("failures", 0) + self.stats.get("unreachable", 0)

    def changes(self) -> list[str]:
        """The names of the tasks that changed something, with what they said about it."""
        return [f"{task['name']}: {json.dumps(task['result'], default=str)}" for task in self.tasks if task["result"].get("changed")]

    def changed_names(self) -> list[str]:
        return [task["name"] for task in self.tasks if task["result"].get("changed")]

    def result(self, name: str) -> dict[str, Any]:
        """What the task of that name returned."""
        return next(task["result"] for task in self.tasks if task["name"].split(" : ")[-1] == name)

    def failures(self) -> str:
        """What the failed tasks said, with what a validation of arguments adds."""
        failed = [task["result"] for task in self.tasks if task["result"].get("failed")]
        said = [part for result in failed for part in [result, *result.get("results", [])]]
        return "\n".join(f"{part.get('msg', '')} {part.get('argument_errors', '')}" for part in said)


class Play:
    """ansible-playbook on the laptop's inventory."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, playbook: str, *arguments: str, ok: bool = True) -> Run:
        started = time.monotonic()
        argv = ["ansible-playbook", "-i", "inventories/kind", playbook, *arguments]
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"),
            "MOLECULE_PROJECT_DIRECTORY": str(REPO),  # playbooks of a scenario ask for it
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
        }
        done = subprocess.run(argv, cwd=REPO, env=environment, capture_output=True, text=True, timeout=1800, check=False)
        seconds = time.monotonic() - started
        self.runs += 1
        RESULTS.mkdir(exist_ok=True)
        log = RESULTS / f"play-{os.getpid()}-{self.runs:02d}-{Path(playbook).stem}.json"
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        print(f"{' '.join(argv)}: exit {done.returncode} in {seconds:.1f} s, log {log.name}")
        run = self._read(done, seconds)
        if ok:
            assert done.returncode == 0, f"{' '.join(argv)} exited {done.returncode}\n{self._failures(run) or done.stdout[-3000:] + done.stderr[-3000:]}"
        return run

    @staticmethod
    def _read(done: subprocess.CompletedProcess[str], seconds: float) -> Run:
        start = done.stdout.find("{\n")
        if start < 0:
            return Run(done.returncode, seconds, {}, [], done.stdout + done.stderr)
        said, _end = json.JSONDecoder().raw_decode(done.stdout[start:])
        tasks = [{"name": task["task"]["name"], "result": result} for played in said["plays"] for task in played["tasks"] for result in task["hosts"].values()]
        stats: dict[str, int] = {}
        for host in said["stats"].values():
            for name, count in host.items():
                stats[name] = stats.get(name, 0) + count
        return Run(done.returncode, seconds, stats, tasks, done.stdout + done.stderr)

    @staticmethod
    def _failures(run: Run) -> str:
        return "\n".join(f"{task['name']}: {json.dumps(task['result'], default=str)[:4000]}" for task in run.tasks if task["result"].get("failed"))


def the_cluster(name: str = CLUSTER) -> Cluster:
    return Cluster(STATE / name / "kubeconfig", CACHE / "bin" / "kubectl")


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


def ask(host: str, path: str, address: str = ALB, scheme: str = "http", headers: dict[str, str] | None = None) -> Answer:
    """One request to the load balancer's address, for `host`."""
    request = Request(f"{scheme}://{address}{path}", headers={"Host": host, **(headers or {})})
    try:
        with urlopen(request, timeout=10) as response:
            return Answer(response.status, response.read(), {name.lower(): value for name, value in response.headers.items()})
    except HTTPError as error:
        return Answer(error.code, error.read(), {name.lower(): value for name, value in error.headers.items()})


class Asking:
    """Requests, one after the other, from the beginning of a `with` block to its end."""

    def __init__(self, host: str, path: str, body: bytes) -> None:
        self.host, self.path, self.body = host, path, body
        self.answers: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                answer = ask(self.host, self.path)
                self.answers["ok" if (answer.status, answer.body) == (200, self.body) else f"{answer.status} {answer.body[:80]!r}"] += 1
            except OSError as error:
                self.answers[repr(error)] += 1
            self._over.wait(0.02)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)
        print(f"requests to {self.host}{self.path}: {dict(self.answers)}")

    @property
    def failed(self) -> dict[str, int]:
        return {answer: count for answer, count in self.answers.items() if answer != "ok"}


def until(what: str, condition: Callable[[], Any], seconds: float = 60.0, every: float = 0.5) -> Any:
    """Wait until `condition()` is true and return what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        last = condition()
        if last:
            return last
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(every)


def pinned(name: str) -> str:
    """The version of which what runs should be."""
    return str(yaml.safe_load((REPO / "versions.yml").read_text(encoding="utf-8"))[name])


def our_containers() -> list[str]:
    """Names of the Docker containers of this project, running or not. Where no Docker answers there are none: a machine before its first run."""
    if shutil.which("docker") is None or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode != 0:
        return []
    names = set()
    for label in ("meshgate.io/cluster", f"io.x-k8s.kind.cluster={CLUSTER}"):
        argv = ["docker", "ps", "--all", "--format", "{{.Names}}", "--filter", f"label={label}"]
        names |= set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())
    return sorted(names)
