# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from elsewhere import Elsewhere, build, checkout, install  # noqa: E402


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout(tmp_path_factory.mktemp("checkout")), tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def elsewhere(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    return install(archive, tmp_path_factory.mktemp("elsewhere"))
