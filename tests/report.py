"""docs/test-report.md out of what the suites left in results/: the table of checks, and the counts that each suite wrote down.

Usage: report.py RESULTS OUTPUT
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

Written by `make test-full` on {date}, of commit `{commit}`, on {machine}.
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


def report(results: Path) -> str:
    suites = [line.split("\t") for line in (results / "suites.tsv").read_text(encoding="utf-8").splitlines()]
    passed, failed, seconds = (sum(int(row[column]) for row in suites) for column in (1, 2, 3))
    head = HEAD.format(
        date=datetime.datetime.now(datetime.UTC).date(),
        commit=said("git", "rev-parse", "--short", "HEAD"),
        machine=machine(),
        python=platform.python_version(),
        core=said(sys.executable, "-c", "import ansible.release; print(ansible.release.__version__)"),
        verdict=f"**{passed} checks passed, {failed} failed**, in {seconds / 60:.0f} minutes.",
    )
    parts = [head, "## Checks\n\n" + table(["suite", "passed", "failed", "seconds"], suites)]
    for path in sorted((results / "report").glob("*.json")):
        noted = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"## {noted['heading']}\n\n" + table(["what", "count"], noted["rows"]))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(report(Path(sys.argv[1])), encoding="utf-8")
