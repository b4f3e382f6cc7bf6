# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One platform, built and removed by runs that are killed: the tests are one story, in their order."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
import pytest

HERE = Path(__file__).resolve().parent
# The platform's tests have what runs playbooks and kubectl.
sys.path[:0] = [str(HERE), str(HERE.parent / "platform")]

from chain import LOGS  # noqa: E402
from harness import AWS, Kubectl  # noqa: E402
from story import Story, points  # noqa: E402


@pytest.fixture(scope="session")
def aws():
    """A function from a service's name to its plain boto3 client."""
    return lambda service: boto3.client(service, **AWS)


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    return Kubectl()


@pytest.fixture(scope="session")
def story(aws) -> Story:
    return Story(aws)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `site_stop` or another part's stop runs once for each of them: a fixed sample, or all that were recorded."""
    for name in set(metafunc.fixturenames) & {"site_stop", "teardown_stop", "laptop_stop"}:
        metafunc.parametrize(name, points(name.removesuffix("_stop")), ids=str)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    noted = [dict(report.user_properties) for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    stops = [note["stop"] for note in noted if "stop" in note]
    if stops:
        summary = {"points": len(stops), "in_the_middle": sum("into" in stop for stop in stops), "runs": len(list(LOGS.glob("*.log")))}
        (LOGS / "summary.json").write_text(json.dumps({**summary, "stops": stops}, indent=1) + "\n", encoding="utf-8")
        terminalreporter.write_sep("=", "kill anywhere")
        terminalreporter.write_line(f"points: {summary['points']}, of which in the middle of a task: {summary['in_the_middle']}; runs: {summary['runs']}")
