# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The running platform, fortio, and a table of what its requests met. Where no platform answers, site.yml makes one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "platform"))

from harness import ALB, CACHE, ask, pinned
from live import cluster, play
from load import Load, Outcome
from noted import note, noted

# Fixtures that are handed on.
__all__ = ["cluster", "play"]

PATH = "/?name=A+Field"  # gateway, service-b and service-a
COLUMNS = ("requests", "failed", "outage", "last_failure", "p50", "p99", "slowest")

_rows: dict[str, dict] = {}


@pytest.fixture(scope="session")
def fortio(play) -> Path:
    program = CACHE / "bin" / "fortio"
    if not program.exists() or subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout.strip() != pinned("fortio"):
        play("tests/tools.yml")
    return program


def _balancer(cluster) -> str:
    """The load balancer's host name if it answers well, else nothing."""
    found = cluster.kubectl("-n", "istio-ingress", "get", "ingress", "ingress", "-o", "jsonpath={.status.loadBalancer.ingress[0].hostname}", ok=False).stdout
    try:
        return found if found and ask(found, PATH).status == 200 else ""
    except (URLError, OSError):
        return ""


@pytest.fixture(scope="session")
def hostname(play, cluster) -> str:
    if not _balancer(cluster):
        play("playbooks/site.yml")
    return _balancer(cluster)


@pytest.fixture
def load(fortio, hostname, tmp_path) -> Callable[..., Load]:
    """A load of so many requests per second over so many connections, the whole way through both services."""
    return lambda rate, connections=8: Load(fortio, f"http://{ALB}{PATH}", hostname, tmp_path, rate, connections)


@pytest.fixture
def record() -> Callable[[str, str, Outcome], None]:
    """Put a line into the table: what was done, what the platform promises then, and what came of it."""

    def put(what: str, promise: str, outcome: Outcome) -> None:
        _rows[what] = {"promise": promise, **outcome.row()}
        print(f"{what}: {outcome}")

    return put


def pytest_sessionfinish() -> None:
    if _rows:
        rows = noted("faults").get("found", {}) | _rows
        said = [
            [what, f"{row['requests']} requests, {row['failed']} failed" + f", the last after {row['last_failure']} s" * (row["failed"] > 0)]
            for what, row in rows.items()
        ]
        note("faults", "Requests while something happens", [*said, ["all of it", f"{sum(row['requests'] for row in rows.values())} requests"]], found=rows)


def pytest_terminal_summary(terminalreporter) -> None:
    if not _rows:
        return
    width = max(map(len, _rows))
    terminalreporter.section("requests while something happened (times in seconds)")
    terminalreporter.line(f"{'':{width}} " + " ".join(f"{name:>12}" for name in COLUMNS) + "  answers")
    for what, row in _rows.items():
        answers = ", ".join(f"{count} x {'no answer' if code == '-1' else code}" for code, count in sorted(row["codes"].items()))
        terminalreporter.line(f"{what:{width}} " + " ".join(f"{row[name]:>12}" for name in COLUMNS) + f"  {answers}")
