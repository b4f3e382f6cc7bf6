# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One emulated AWS for all tests of the AWS modules: it takes longer to start than most tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from aws_harness import Account, emulator

# botocore reads its models of AWS anew in every session, and every run of a module has a session of its own.
_loader = botocore.loaders.create_loader()
botocore.session.create_loader = lambda *_arguments: _loader

_running = ExitStack()
_endpoints: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """ansible-test runs every test in a fork, from which no fixture comes back: what all share is started before, once."""
    if item.path.is_relative_to(HERE) and "account" in getattr(item, "fixturenames", ()) and not _endpoints:
        _endpoints.append(_running.enter_context(emulator()))
    return (yield)


def pytest_sessionfinish() -> None:
    _running.close()


@pytest.fixture(scope="session")
def account() -> Account:
    return Account(_endpoints[0])
