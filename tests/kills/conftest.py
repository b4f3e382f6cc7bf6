# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One platform, built and removed by runs that are killed: the tests are one story, in their order."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# The platform's tests have what runs playbooks and asks the cluster; those of secrets what looks for them.
sys.path[:0] = [str(HERE), str(HERE.parent / "platform"), str(HERE.parent / "inputs/secrets")]

from chain import LOGS  # noqa: E402
from live import aws, cluster  # noqa: E402
from noted import tell  # noqa: E402
from story import FULL, Story, points  # noqa: E402

# Fixtures that are handed on.
__all__ = ["aws", "cluster"]


@pytest.fixture(scope="session")
def story(aws) -> Story:
    return Story(aws)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `site_stop` or another part's stop runs once for each of them: a fixed sample, or all that were recorded."""
    for name in set(metafunc.fixturenames) & {"site_stop", "teardown_stop", "laptop_stop"}:
        metafunc.parametrize(name, points(name.removesuffix("_stop")), ids=str)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many kills were survived, for whoever looks on and for the test report."""
    noted = [pair for report in terminalreporter.stats.get("passed", []) if report.when == "call" for pair in report.user_properties]
    if not noted:
        return
    rows: list[list[object]] = []
    for playbook in ("site", "teardown"):
        kinds = [kind for name, kind in noted if name == f"killed {playbook}"]
        rows.append([f"{playbook}.yml killed right after a task" + (", each that a run executes" if FULL else ", of a sample"), kinds.count("After")])
        rows.append([f"{playbook}.yml killed in the middle of a task", kinds.count("During")])
    rows.append(["runs, each of which went on from where the one before was killed", len(list(LOGS.glob("chain-*.log")))])
    tell(terminalreporter, "kills", "Kill anywhere", rows)
