# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the checks of all scenarios share with the other suites that have a platform."""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests/platform"), str(REPOSITORY / ".collections")]

from live import aws, cluster, play  # noqa: E402

# Fixtures that are handed on.
__all__ = ["aws", "cluster", "play"]
