# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every call by which our modules change an account, and everything that can happen to it.

A step of a module's life is run without faults first, and the proxy notes its changing calls. Then, on a fresh account each time, one kind of
fault happens to one of them. The module survives, or says in one line which call failed and why. The next run converges, another one changes
nothing, and the account then looks to plain boto3 as it does without faults: nothing is missing and nothing occurs twice.

Every call meets one kind of fault each in the fixed sample, and all of them with MESHGATE_AWS_FULL=1.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from functools import cache
from typing import Any

import pytest
from cloud import QUICK, Cloud
from fault_proxy import NEW, FaultProxy
from nursery import Nursery
from scenarios import SCENARIOS, Scenario

FULL = os.environ.get("MESHGATE_AWS_FULL") == "1"
# What can happen to every call. What was just created may be unknown for a while, too: C(unseen).
PASSING = ("throttled", "error_500", "slow", "dropped_before", "dropped_after", "expired")
# How many calls of a step the sample hits.
SAMPLED_CALLS = 1
STEPS = {f"{scenario.name}-{step}": (scenario, step) for scenario in SCENARIOS for step in scenario.steps}
# What a failure must say, by kind of fault.
CAUSES = {
    "throttled": ("Rate exceeded",),
    "error_500": ("internal error",),
    "slow": ("no answer", "Read timeout"),
    "dropped_before": ("closed the connection", "Connection was closed"),
    "dropped_after": ("closed the connection", "Connection was closed"),
    "unseen": ("does not exist", "cannot be found", "NotFound", "NoSuchEntity"),
    "expired": ("credentials have expired", "security token included in the request is expired"),
}
Outcome = tuple[list[str], dict[str, list[str]]]


class Bench:
    """Runs one step on a fresh account."""

    def __init__(self, nursery: Nursery, proxy: FaultProxy, folder: Any) -> None:
        self.nursery, self.proxy, self.folder = nursery, proxy, folder
        self.without_faults = cache(self._without_faults)

    def _begin(self, aws: Cloud, scenario: Scenario, step: str) -> dict[str, Any]:
        given = scenario.setup(aws)
        for earlier in scenario.before(step):
            done = scenario.run(aws, earlier, given)
            assert not done.get("failed"), f"{scenario.name} {earlier}: {done.get('msg')}"
        self.proxy.reset()
        return given

    def _without_faults(self, name: str) -> Outcome:
        """The changing calls of a step, and what the account then looks like."""
        scenario, step = STEPS[name]
        with self.nursery.account(**QUICK) as endpoint:
            aws = Cloud(endpoint, self.proxy, self.folder)
            given = self._begin(aws, scenario, step)
            done = scenario.run(aws, step, given)
            assert not done.get("failed"), f"{name}: {done.get('msg')}"
            assert done["changed"], f"{name}: changed nothing"
            return self.proxy.mutations(), aws.picture()

    def with_fault(self, name: str, call: str, nth: int, kind: str) -> str:
        """What happened: survived or said. Raises AssertionError if it was neither."""
        scenario, step = STEPS[name]
        what = f"{name}: {kind} at {call} #{nth}"
        with self.nursery.account(**QUICK) as endpoint:
            aws = Cloud(endpoint, self.proxy, self.folder)
            given = self._begin(aws, scenario, step)
            self.proxy.inject(kind, call, nth, times=1 if kind in ("dropped_before", "dropped_after", "slow") else 2, seconds=1.4)
            # Shorter than the proxy's delay.
            impatient = {"aws_config": {"read_timeout": 1.0}} if kind == "slow" else {}
            hit = scenario.run(aws, step, {**given, **impatient})
            if kind != "unseen":
                assert any(seen.fault == kind for seen in self.proxy.calls), f"{what}: never happened"
            if hit.get("failed"):
                said = hit["msg"]
                assert "\n" not in said and len(said) < 600, f"{what}: not one line: {said!r}"
                assert any(cause in said for cause in CAUSES[kind]), f"{what}: the cause is not in {said!r}"
                assert kind != "throttled", f"{what}: throttling must be survived: {said!r}"
            self.proxy.reset()
            again = scenario.run(aws, step, given)
            assert not again.get("failed"), f"{what}: the next run fails: {again.get('msg')}"
            once_more = scenario.run(aws, step, given)
            assert not once_more.get("failed") and not once_more["changed"], f"{what}: the run after the next changes {once_more.get('diff')}"
            expected, seen = self.without_faults(name)[1], aws.picture()
            assert not compared(expected, seen), f"{what}: the account differs: {compared(expected, seen)}"
            return "said" if hit.get("failed") else "survived"


def compared(expected: dict[str, list[str]], seen: dict[str, list[str]]) -> str:
    """What one account has and the other has not, by kind of resource."""
    more = {kind: list((Counter(seen[kind]) - Counter(expected[kind])).elements()) for kind in expected}
    less = {kind: list((Counter(expected[kind]) - Counter(seen[kind])).elements()) for kind in expected}
    return "; ".join(
        f"{kind}: {len(more[kind])} too many {more[kind]}, {len(less[kind])} missing {less[kind]}" for kind in expected if more[kind] or less[kind]
    )


@pytest.fixture(scope="session")
def bench(nursery: Nursery, proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(nursery, proxy, tmp_path_factory.mktemp("bench"))


def chosen(name: str, index: int, kind: str, count: int) -> bool:
    """Whether the sample has this kind for a step's call: one kind for each call, another one for the next, and of long steps some calls only."""
    if FULL:
        return True
    if index % -(-count // SAMPLED_CALLS):
        return False
    return kind == "unseen" or PASSING[(zlib.crc32(name.encode()) + index) % len(PASSING)] == kind


def cases(name: str, calls: list[str]) -> list[tuple[str, int, str]]:
    counted: Counter[str] = Counter()
    found = []
    for index, call in enumerate(calls):
        counted[call] += 1
        found += [(call, counted[call], kind) for kind in (*PASSING, "unseen") if (kind != "unseen" or call in NEW) and chosen(name, index, kind, len(calls))]
    return found


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(STEPS[name][0].name)) for name in STEPS])
def test_every_call_on_a_bad_day(bench: Bench, name: str, record_property: pytest.RecordProperty, monkeypatch: pytest.MonkeyPatch) -> None:
    # The pauses between tries are right in test_access.py; here they would only take time.
    monkeypatch.setattr("ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client.LONGEST_PAUSE", 0.02)
    calls, _picture = bench.without_faults(name)
    assert calls, f"{name} calls nothing that changes anything"
    problems, outcomes = [], Counter[str]()
    for call, nth, kind in cases(name, calls):
        try:
            outcomes[bench.with_fault(name, call, nth, kind)] += 1
        except AssertionError as problem:
            problems.append(str(problem).split("\nassert", maxsplit=1)[0])
    record_property("aws_module", STEPS[name][0].module)
    record_property("aws_operations", " ".join(sorted(set(calls))))
    record_property("aws_faults", f"{outcomes['survived']} {outcomes['said']}")
    assert not problems, "\n".join(problems)
