"""Print the failed tests of all JUnit reports and cargo's logs in a folder, with their causes as far as these say: a log's reader sees its last lines first.

Usage: failures.py RESULTS
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

_SHOWN = 10
_WIDTH = 300


def failures(results: Path) -> Iterator[str]:
    for report in sorted(results.glob("*.xml")):
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            for found in [*case.iterfind("failure"), *case.iterfind("error")]:
                yield f"FAILED {report.stem}: {case.get('name')}: {_short(found.get('message') or found.text or '')}"
    for log in sorted(results.glob("cargo-*.log")):
        for name in re.findall(r"^test (\S+) \.\.\. FAILED$", log.read_text(encoding="utf-8"), re.MULTILINE):
            yield f"FAILED {log.stem}: {name}"


def _short(message: str) -> str:
    words = " ".join(message.split())
    # What was expected stands at the beginning of pytest's message, what a command said at its end.
    return words if len(words) <= _WIDTH else f"{words[: _WIDTH // 2]} ... {words[-_WIDTH // 2 :]}"


if __name__ == "__main__":
    found = list(failures(Path(sys.argv[1])))
    for line in found[:_SHOWN]:
        print(line)
    if len(found) > _SHOWN:
        print(f"... and {len(found) - _SHOWN} more")
