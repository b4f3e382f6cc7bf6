"""docs/test-report.md out of what the suites left in results/: the table of checks, and the counts that each suite wrote down.

Usage: report.py RESULTS OUTPUT SUITE...      SUITE: each that should have run
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HEAD = """# Test report

Written by `make test-full` on {date}, on {machine}.
Python {python}, ansible-core {core}. {verdict}
"""


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def report(results: Path, suites: list[str]) -> str:
    files = {suite: results / f"suites/{suite}.tsv" for suite in suites}
    missing = [suite for suite, path in files.items() if not path.exists()]
    rows = [line.split("\t") for path in files.values() if path.exists() for line in path.read_text(encoding="utf-8").splitlines()]
    passed, failed, seconds = (sum(int(row[column]) for row in rows) for column in (1, 2, 3))
    verdict = f"**{passed} checks passed, {failed} failed**, in {seconds / 60:.0f} minutes."
    if missing:
        verdict += f" **Not run: {', '.join(missing)}.**"
    head = HEAD.format(
        date=datetime.datetime.now(datetime.UTC).date(),
        machine=machine(),
        python=platform.python_version(),
        core=said(sys.executable, "-c", "import ansible.release; print(ansible.release.__version__)"),
        verdict=verdict,
    )
    parts = [head, "## Checks\n\n" + table(["suite", "passed", "failed", "seconds", "commit"], rows)]
    for path in sorted((results / "report").glob("*.json")):
        noted = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"## {noted['heading']}\n\n" + table(["what", "count"], noted["rows"]))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(report(Path(sys.argv[1]), sys.argv[3:]), encoding="utf-8")
