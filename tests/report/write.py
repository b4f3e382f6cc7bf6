"""docs/test-report.md: the table of checks, and the counts that each suite wrote down.

Usage: write.py RESULTS OUTPUT SUITE...      SUITE: each that should have run

All suites together take hours. What has run now takes its place in OUTPUT's .json, beside what earlier sittings found there, each with its commit and day.
"""

from __future__ import annotations

import datetime
import functools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HEAD = """# Test report

Written by `make test-full`. **{passed} checks passed, {failed} failed**, in {minutes:.0f} minutes.{missing}

{machines}"""
COLUMNS = ["check", "passed", "failed", "seconds", "commit"]


@functools.cache
def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    core = said(sys.executable, "-c", "import ansible.release; print(ansible.release.__version__)")
    hardware = f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"
    return f"{hardware}, Python {platform.python_version()}, ansible-core {core}"


def said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def found(results: Path, suite: str) -> dict[str, Any]:
    """What one suite left in results/: its checks, its tables, when and where."""
    counted = results / f"suites/{suite}.tsv"
    day = datetime.datetime.fromtimestamp(counted.stat().st_mtime, datetime.UTC).date()
    checks = [line.split("\t") for line in counted.read_text(encoding="utf-8").splitlines()]
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((results / "report" / suite).glob("*.json"))]
    return {
        "date": str(day),
        "machine": machine(),
        "checks": [[name, int(passed), int(failed), int(seconds), commit] for name, passed, failed, seconds, commit in checks],
        "tables": [{"heading": one["heading"], "rows": one["rows"]} for one in tables],
    }


def gather(results: Path, kept: dict[str, dict[str, Any]], suites: list[str]) -> dict[str, dict[str, Any]]:
    """Every suite that has ever run, in the order in which they run: as it was found now, or else as it is kept."""
    now = {suite: found(results, suite) for suite in suites if (results / f"suites/{suite}.tsv").exists()}
    return {suite: now.get(suite) or kept[suite] for suite in suites if suite in now or suite in kept}


def table(head: list[str], rows: list[list[object]]) -> str:
    lines: list[Sequence[object]] = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def render(ran: dict[str, dict[str, Any]], suites: list[str]) -> str:
    rows = [[*check, one["date"]] for one in ran.values() for check in one["checks"]]
    passed, failed, seconds = (sum(row[column] for row in rows) for column in (1, 2, 3))
    missing = [suite for suite in suites if suite not in ran]
    days: dict[str, set[str]] = {}
    for one in ran.values():
        days.setdefault(one["machine"], set()).add(one["date"])
    head = HEAD.format(
        passed=passed,
        failed=failed,
        minutes=seconds / 60,
        missing=f" **Not run: {', '.join(missing)}.**" if missing else "",
        machines="\n".join(f"- {where}: {', '.join(sorted(when))}" for where, when in sorted(days.items())),
    )
    parts = [head, "## Checks\n\n" + table([*COLUMNS, "day"], rows)]
    for suite, one in ran.items():
        parts += [f"## {noted['heading']}\n\nCounted by `{suite}`, {one['date']}.\n\n{table(['what', 'count'], noted['rows'])}" for noted in one["tables"]]
    return "\n\n".join(parts) + "\n"


def main(results: Path, output: Path, suites: list[str]) -> None:
    memory = output.with_suffix(".json")
    kept = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}
    ran = gather(results, kept, suites)
    memory.write_text(json.dumps(ran, indent=1) + "\n", encoding="utf-8")
    output.write_text(render(ran, suites), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
