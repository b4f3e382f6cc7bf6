# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Each value of the table is refused by site.yml: all of one place in one run, which must name every one of them, and each alone."""

from __future__ import annotations

import pytest
from machine import Machine
from values import RARE, VALUES

EACH = [pytest.param(value, id=value.name) for values in VALUES.values() for value in values]


def test_the_table_is_long_enough() -> None:
    assert sum(len(value.said) for values in VALUES.values() for value in values) >= 60


@pytest.mark.parametrize("place", [pytest.param(place, marks=[pytest.mark.slow] if place in RARE else []) for place in VALUES])
def test_all_of_one_place_are_named_in_one_run(machine: Machine, refused, place: str) -> None:
    values = VALUES[place]
    given: dict = {}
    for value in values:
        assert not given.keys() & value.given.keys() or all(given.get(name, value.given[name]) == value.given[name] for name in value.given), value.given
        given |= value.given
    refusal = machine.run(given)
    words = [words for value in values for words in value.said]
    assert [missed for missed in words if not refusal.says(*missed)] == [], refusal.sentences
    refused(machine, refusal, *words[0], said=words)


@pytest.mark.slow
@pytest.mark.parametrize("value", EACH)
def test_each_alone(machine: Machine, refused, value) -> None:
    refusal = machine.run(value.given)
    for words in value.said:
        refused(machine, refusal, *words, said=value.said)
