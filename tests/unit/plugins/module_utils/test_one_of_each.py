# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An idea has one home: what is written here a second time is somebody's next bug."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"


@pytest.mark.parametrize(
    ("what", "pattern", "homes"),
    [
        ("the owner's mark", r'"meshgate\.io/cluster"', ["module_utils/common/ownership.py"]),
        ("whether a mark is a cluster's", r"\.get\(OWNER_TAG\b", ["module_utils/common/ownership.py"]),
        ("a refusal", r"^class (Refused|Foreign|Unsafe)\b", ["module_utils/common/failure.py"]),
        ("whether an emulator runs", r'"127\.0\.0\.1", "localhost", "::1"', ["module_utils/aws/client.py"]),
        ("how a module of AWS ends", r"fail_json_aws|\bfail\(module, explain", ["module_utils/aws/module.py"]),
        ("repeating a call that AWS refuses for now", r"^def patiently\(", ["module_utils/aws/patience.py"]),
    ],
)
def test_one_home(what: str, pattern: str, homes: list[str]) -> None:
    written = re.compile(pattern, re.MULTILINE)
    found = [str(path.relative_to(PLUGINS)) for path in sorted(PLUGINS.rglob("*.py")) if written.search(path.read_text(encoding="utf-8"))]
    assert found == homes, what
