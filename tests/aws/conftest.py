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

import botocore.loaders  # noqa: E402
from cloud import QUICK, Cloud  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from nursery import Nursery  # noqa: E402

# botocore reads its models of AWS anew in every session, and every run of a module has a session of its own.
_loader = botocore.loaders.create_loader()
botocore.loaders.create_loader = lambda *_arguments: _loader


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def proxy() -> Iterator[FaultProxy]:
    made = FaultProxy()
    yield made
    made.close()


@pytest.fixture
def aws(nursery: Nursery, proxy: FaultProxy, tmp_path: Path) -> Iterator[Cloud]:
    """A fresh account."""
    with nursery.account(**QUICK) as endpoint:
        yield Cloud(endpoint, proxy, tmp_path)
        proxy.reset()
