# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A run's claim against answers that an emulated account does not give: concurrent updates, lost answers, foreign texts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws import platform_claim
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.errors import AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.platform_claim import LIFETIME, Claim, Claims, Keeper, may_take, parse
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.run_identity import Run, is_gone, of_process

MINE = Run("here", "boot", "pid:[1]", 1000, 100, "7")
THEIRS = replace(MINE, host="there", boot="other")


class Store:
    """Parameter Store with one parameter, and errors that come before the next calls are answered."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self.errors: list[str] = []
        self.lost = False

    def call(self, service: str, operation: str, found: Any = None, **given: Any) -> dict[str, Any]:
        if operation == "put_parameter" and self.errors:
            raise AwsError("no", self.errors.pop(0))
        if operation == "get_parameter":
            if not self.values:
                raise AwsError("no", "ParameterNotFound")
            return {"Parameter": {"Value": self.values[-1], "Version": len(self.values)}}
        if operation == "delete_parameter":
            self.values.clear()
            return {}
        if self.values and not given["Overwrite"]:
            raise AwsError("no", "ParameterAlreadyExists")
        self.values.append(given["Value"])
        return {} if self.lost else {"Version": len(self.values)}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def store() -> Store:
    return Store()


def claims(store: Store, run: Run = MINE, clock: Clock | None = None) -> Claims:
    clock = clock or Clock()
    return Claims(store, "sandbox", run, clock.sleep, clock)


def test_concurrent_updates_are_tried_again(store: Store) -> None:
    """API reference, PutParameter, TooManyUpdates: "There are concurrent updates for a resource that supports one update at a time"."""
    store.errors = ["TooManyUpdates"] * 3
    assert claims(store).acquire("site.yml").run == MINE and len(store.values) == 1
    store.errors = ["TooManyUpdates"] * 50
    with pytest.raises(Refused, match="too many runs tried to claim sandbox at the same time"):
        claims(store, THEIRS, clock_ahead()).acquire("site.yml")


def clock_ahead() -> Clock:
    clock = Clock()
    clock.now += LIFETIME + 1
    return clock


def test_an_answer_that_was_lost_is_found_done(store: Store) -> None:
    """Aws.call gives {} where a repeated call finds that the first one was carried out."""
    store.lost = True
    assert claims(store).acquire("site.yml").run == MINE and len(store.values) == 1


def test_other_errors_are_the_callers(store: Store) -> None:
    store.errors = ["AccessDeniedException"]
    with pytest.raises(AwsError) as caught:
        claims(store).acquire("site.yml")
    assert platform_claim.unable(caught.value)


@pytest.mark.parametrize("value", ["", "{}", "[]", "null", '{"run": {"host": "a"}}', '{"run": 1, "purpose": "x", "since": 0, "until": 1}'])
def test_what_is_no_claim_is_nobodys(value: str) -> None:
    assert parse(value, 1) is None and may_take(None, MINE, 0, "")


def test_a_claim_is_read_as_it_was_written() -> None:
    claim = Claim(MINE, "site.yml", 1.0, 2.0)
    assert parse(claim.text(), 5) == replace(claim, version=5)


def test_a_run_keeps_its_claim_only_as_long_as_it_is_its_own(store: Store) -> None:
    clock = Clock()
    ours = claims(store, MINE, clock)
    keeper = Keeper(ours, ours.acquire("site.yml").until, "site.yml")
    keeper()
    assert len(store.values) == 1
    clock.now += LIFETIME / 2
    keeper()
    assert len(store.values) == 2 and keeper.until == clock.now + LIFETIME
    # It slept, and another one has come.
    clock.now += LIFETIME * 2
    claims(store, THEIRS, clock).acquire("upgrade.yml")
    with pytest.raises(Refused, match=r"was taken over: run .* \(upgrade.yml\) on there"):
        keeper()


def test_trouble_on_the_way_to_the_claim_is_not_the_tasks(store: Store) -> None:
    clock = Clock()
    ours = claims(store, MINE, clock)
    keeper = Keeper(ours, ours.acquire("site.yml").until, "site.yml")
    clock.now += LIFETIME / 2
    store.errors = ["ThrottlingException"]
    keeper()
    clock.now += 31
    keeper()
    assert len(store.values) == 2


def test_a_process_is_told_from_its_successor_of_the_same_number() -> None:
    me = of_process(os.getpid())
    assert me.started and not is_gone(me, me)
    assert is_gone(replace(me, started="1"), me) and replace(me, started="1").id != me.id
    assert not is_gone(replace(me, boot="another", started="1"), me)
