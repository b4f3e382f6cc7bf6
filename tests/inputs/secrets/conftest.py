# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""No secret in any output."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *[str(HERE.parents[1] / folder) for folder in ("aws", "platform", "unit", "unit/plugins/modules")]]
if (COLLECTIONS := HERE.parents[2] / ".collections").is_dir():
    sys.path.insert(0, str(COLLECTIONS))
