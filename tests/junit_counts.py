"""Print how many tests of a JUnit report passed and how many did not: two numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def counts(report: Path) -> tuple[int, int]:
    if not report.is_file():
        return 0, 0
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    passed = failed = 0
    for suite in suites:
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        failed += bad
        passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
    return passed, failed


if __name__ == "__main__":
    print(*counts(Path(sys.argv[1])))
