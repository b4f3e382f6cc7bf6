# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One emulated AWS for all tests of the AWS modules: it takes longer to start than most tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from aws_harness import Account, emulator


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    with emulator() as endpoint:
        yield Account(endpoint)
