# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The AWS half of the collection against the emulated AWS: every test has an account of its own, and a proxy for faults before it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# What other suites already have: the account's listing and the runner of playbooks, and the runner of modules.
sys.path[:0] = [str(HERE), str(HERE.parent / "platform"), str(HERE.parent / "unit/plugins/modules")]
if (COLLECTIONS := HERE.parents[1] / ".collections").is_dir():
    sys.path.insert(0, str(COLLECTIONS))

import botocore.session  # noqa: E402
from cloud import QUICK, Cloud  # noqa: E402
from emulated import nursery, proxy  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from noted import tell  # noqa: E402
from nursery import Nursery  # noqa: E402
from policy import ALLOWED, missing  # noqa: E402

# Fixtures that are handed on.
__all__ = ["nursery", "proxy"]

# botocore reads its models of AWS anew in every session, and every run of a module has a session of its own.
_loader = botocore.session.create_loader()
botocore.session.create_loader = lambda *_arguments: _loader


@pytest.fixture(autouse=True)
def only_what_the_policy_allows(proxy: FaultProxy, request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test lets our code call must be in the operator policy."""
    proxy.ours.clear()
    proxy.unmarked.clear()
    yield
    request.node.user_properties.append(("aws_calls", " ".join(sorted(proxy.ours))))
    assert not missing(proxy.ours), f"the operator policy lacks {missing(proxy.ours)}"


@pytest.fixture
def aws(nursery: Nursery, proxy: FaultProxy, tmp_path: Path) -> Iterator[Cloud]:
    """A fresh account."""
    with nursery.account(**QUICK) as endpoint:
        yield Cloud(endpoint, proxy, tmp_path)
        proxy.reset()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the fault matrix, the policy's test and the table of real answers noted about their checks (record_property), in all."""
    passed = [dict(report.user_properties) for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    real = [one["aws_real_answer"] for one in passed if "aws_real_answer" in one]
    if real:
        said = f"{len(real)}, of which survived {real.count('survived')}, explained in one message {real.count('explained')}"
        tell(terminalreporter, "aws_real_answers", "AWS's real answers", [["answers with a public source", said]])
    planted = {key: str(one[key]) for one in passed for key in one if key.startswith("aws_strangers_")}
    if planted:
        words = {
            "aws_strangers_untouched": "untouched by modules",
            "aws_strangers_role": "untouched by site, upgrade and teardown",
            "aws_strangers_named": "in the way and named",
        }
        tell(terminalreporter, "aws_strangers", "Planted strangers", [[words[key], count] for key, count in planted.items()])
    modules = {one["aws_module"] for one in passed if "aws_module" in one}
    operations = {name for one in passed for name in one.get("aws_operations", "").split()}
    faults = [[int(number) for number in one["aws_faults"].split()] for one in passed if "aws_faults" in one]
    every = [dict(report.user_properties) for reports in terminalreporter.stats.values() for report in reports if hasattr(report, "user_properties")]
    called = {name for one in every for name in one.get("aws_calls", "").split() if name.strip(":")}
    if not faults:
        return
    survived, said = (sum(column) for column in zip(*faults, strict=True))
    rows: list[list[object]] = [
        ["modules", len(modules)],
        ["operations that change something", len(operations)],
        ["faults", f"{survived + said}, of which survived {survived}, explained in one line and healed by the next run {said}"],
        ["calls covered by the operator's policy", f"{len(called) - len(missing(called))} of {len(called)}, of its {len(ALLOWED)} actions"],
    ]
    rows += [["listed by the real AWS CLI", one["aws_cli"]] for one in passed if "aws_cli" in one]
    tell(terminalreporter, "aws", "The AWS half", rows)
