# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Tables of the test report: what a suite counted, in results/report/SUITE/NAME.json until write.py reads it.

noted.py NAME HEADING WHAT COUNT [WHAT COUNT ...] notes one for who is no Python.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(os.environ.get("MESHGATE_RESULTS") or Path(__file__).resolve().parents[2] / "results")


def _path(name: str) -> Path:
    return RESULTS / "report" / (os.environ.get("MESHGATE_SUITE") or "by-hand") / f"{name}.json"


def note(name: str, heading: str, rows: list[list[object]], **more: object) -> None:
    """`more` is for those who count in several sittings: they read it again with `noted`."""
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"heading": heading, "rows": rows, **more}, indent=1) + "\n", encoding="utf-8")


def noted(name: str) -> dict[str, Any]:
    """What was noted under that name since the suite began."""
    path = _path(name)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def tell(terminal: Any, name: str, heading: str, rows: list[list[object]]) -> None:
    """The same table for whoever looks on, at the end of pytest's own output, too."""
    note(name, heading, rows)
    terminal.write_sep("=", heading)
    for what, count in rows:
        terminal.write_line(f"{what}: {count}")


if __name__ == "__main__":
    note(sys.argv[1], sys.argv[2], [list(pair) for pair in zip(sys.argv[3::2], sys.argv[4::2], strict=True)])
