# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Bad inputs: what is refused, how soon, and that nothing was created."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# What other suites already have: fresh emulated accounts, the proxy that counts their calls, and the reader of a playbook's answer.
sys.path[:0] = [str(HERE), str(HERE.parent / "aws"), str(HERE.parent / "platform")]
if (COLLECTIONS := HERE.parents[1] / ".collections").is_dir():
    sys.path.insert(0, str(COLLECTIONS))

from emulated import nursery, proxy  # noqa: E402
from engine_guard import EngineGuard  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from machine import Machine, Refusal, patience  # noqa: E402
from noted import tell  # noqa: E402
from nursery import Nursery  # noqa: E402

# Fixtures that are handed on.
__all__ = ["nursery", "proxy"]


@pytest.fixture
def account(nursery: Nursery, proxy: FaultProxy) -> Iterator[str]:
    """A fresh account's own address; what our code asks goes through the proxy."""
    with nursery.account() as endpoint:
        proxy.reset(endpoint)
        yield endpoint
        proxy.reset()


@pytest.fixture
def guard() -> Iterator[EngineGuard]:
    # Not below pytest's own folder: a socket's path has room for a hundred letters.
    with tempfile.TemporaryDirectory() as folder:
        made = EngineGuard(Path(folder) / "docker.sock")
        yield made
        made.close()


@pytest.fixture
def machine(tmp_path: Path, guard: EngineGuard, proxy: FaultProxy, account: str) -> Machine:
    return Machine(tmp_path, guard, proxy)


@pytest.fixture
def refused(record_property):
    """Hold a run to what every refusal promises: it ends early, in one message with these words, and nothing was created."""

    def check(machine: Machine, refusal: Refusal, *words: str, said: Sequence[Sequence[str]] = ()) -> None:
        assert refusal.code not in (0, -9), f"nobody refused it: {refusal.tasks[-3:]}\n{refusal.output[-1500:]}"
        assert refusal.says(*words), f"no sentence with {words}: {refusal.sentences or refusal.output[-3000:]}"
        assert "Traceback" not in "\n".join(refusal.sentences)
        assert machine.created() == []
        assert refusal.seconds < patience()
        record_property("inputs_refused", json.dumps([refusal.seconds, [list(one) for one in said or [words]]]))

    return check


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    properties = [dict(report.user_properties) for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    found = [json.loads(one["inputs_refused"]) for one in properties if "inputs_refused" in one]
    if found:
        times = sorted(seconds for seconds, _said in found)
        # In full each value is refused twice, with the others of its place and alone.
        different = {tuple(words) for _seconds, said in found for words in said}
        rows: list[list[object]] = [
            ["bad values and environments refused", f"{len(different)}, in {len(found)} runs"],
            ["seconds until refused", f"{times[len(times) // 2]:.1f} in the middle, {times[-1]:.1f} at most"],
        ]
        tell(terminalreporter, "inputs", "Bad inputs", rows)
