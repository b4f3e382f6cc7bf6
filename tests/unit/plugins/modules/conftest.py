# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One emulated AWS for all tests of the AWS modules: it takes longer to start than most tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from aws_harness import Account, emulator

# botocore reads its models of AWS anew in every session, and every run of a module has a session of its own.
_loader = botocore.loaders.create_loader()
botocore.session.create_loader = lambda *_arguments: _loader


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    with emulator() as endpoint:
        yield Account(endpoint)
