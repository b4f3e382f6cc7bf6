# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every module has examples, and a test that runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from documented import ALONE, AWS, EKS, LIFE, LOOK, MODULES, PLATFORM, PREFIX, examples  # noqa: E402

NAMES = sorted(path.stem for path in MODULES.glob("*.py") if path.stem != "__init__")


def test_every_module_is_in_one_list():
    assert sorted([*EKS, *AWS, *ALONE, *PLATFORM]) == NAMES


@pytest.mark.parametrize("module", NAMES)
def test_a_module_shows_itself(module):
    assert any(PREFIX + module in task for task in examples(module))
    assert all(task["name"][0].isupper() and not task["name"].endswith(".") for task in examples(module))


def test_every_example_that_needs_a_platform_is_run():
    shown = {(module, number) for module in PLATFORM for number in range(len(examples(module)))}
    assert {(module, number) for module, number, _changes in LOOK + LIFE} == shown
