# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Time role eks_cluster against an emulated AWS whose control plane takes T seconds and whose node group takes N, and print the critical path.

Usage: benchmarks/eks.py [T [N]], 60 and 20 if they are not given. Fails when the role takes longer than T + N + 30 s, or when its second run
changes something.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
REGION = "us-west-2"
# What may be added to AWS's own time.
OURS = 30.0
# Shorter tasks are not shown.
SHOWN = 0.25
PLAY = [{"name": "EKS", "hosts": "localhost", "connection": "local", "gather_facts": False, "roles": ["meshgate.eks_istio.eks_cluster"]}]


def emulator(cluster_seconds: float, nodegroup_seconds: float) -> tuple[subprocess.Popen[str], str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "emulator"),
        "MESHGATE_CLUSTER_SECONDS": str(cluster_seconds),
        "MESHGATE_NODEGROUP_SECONDS": str(nodegroup_seconds),
    }
    command = [sys.executable, "-m", "meshgate_aws.api", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    found = re.search(r"listens on (\S+)", process.stdout.readline())
    if not found:
        raise SystemExit("the emulated AWS did not start")
    return process, f"http://{found[1]}"


def children() -> float:
    """Seconds of processor time that the processes started from here have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(folder: Path, endpoint: str) -> tuple[float, float, list[tuple[str, float]], dict[str, Any]]:
    """How long a run of the role took, how much of that the processor, its tasks in order, and its statistics."""
    book = folder / "play.yml"
    book.write_text(json.dumps(PLAY), encoding="utf-8")
    given = {"eks_cluster_state_dir": str(folder / "state"), "eks_cluster_region": REGION, "ansible_python_interpreter": sys.executable}
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "emulated-secret-key",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_FORCE_COLOR": "0",
    }
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(book), "-e", json.dumps(given)]
    began, cpu = time.monotonic(), children()
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    took, busy = time.monotonic() - began, children() - cpu
    answer = json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])
    tasks = []
    for task in (task for play in answer["plays"] for task in play["tasks"]):
        failed = task["hosts"].get("localhost", {})
        if failed.get("failed"):
            raise SystemExit(f"{task['task']['name']}: {failed.get('msg')}")
        start, end = (datetime.fromisoformat(task["task"]["duration"][key].replace("Z", "+00:00")) for key in ("start", "end"))
        tasks.append((task["task"]["name"].partition(" : ")[2] or task["task"]["name"], (end - start).total_seconds()))
    if done.returncode:
        raise SystemExit(f"the run failed with exit code {done.returncode}")
    return took, busy, tasks, answer["stats"]["localhost"]


def show(tasks: list[tuple[str, float]]) -> None:
    """All tasks follow one another, so that what takes long is the critical path."""
    at = 0.0
    for name, took in tasks:
        if took >= SHOWN:
            print(f"  at {at:6.1f} s  {took:6.1f} s  {name}")
        at += took


def main() -> None:
    given = [float(word) for word in sys.argv[1:]]
    cluster_seconds, nodegroup_seconds = (given + [60.0, 20.0][len(given) :])[:2]
    limit = cluster_seconds + nodegroup_seconds + OURS
    server, endpoint = emulator(cluster_seconds, nodegroup_seconds)
    try:
        with tempfile.TemporaryDirectory() as folder:
            took, busy, tasks, _stats = run(Path(folder), endpoint)
            print(f"role eks_cluster from nothing; control plane {cluster_seconds:g} s, node group {nodegroup_seconds:g} s. The critical path:")
            show(tasks)
            print(f"{took:.1f} s, of which {took - cluster_seconds - nodegroup_seconds:.1f} s are ours ({busy:.1f} s of processor time); allowed: {limit:g} s")
            again, busy, tasks, stats = run(Path(folder), endpoint)
            print(f"unchanged, {stats['changed']} changed:")
            show(tasks)
            print(f"{again:.1f} s ({busy:.1f} s of processor time)")
    finally:
        server.terminate()
        server.wait(10)
    if took > limit:
        raise SystemExit(f"missed: {took:.1f} s instead of at most {limit:g} s")
    if stats["changed"]:
        raise SystemExit(f"missed: the second run changed {stats['changed']} things")


if __name__ == "__main__":
    main()
