# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Print the benchmark's table, write it as JSON and, if asked, into a document, and judge it.

Usage: report.py DIRECTORY JSON [--write DOCUMENT]. Exits with 1 when a run was slower than so many times the script's of the same run allow,
or was not what it is called: a second run that changes something is no second run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

# What is compared: our run, the script's, seconds that are our goal, times the script's that are the limit.
ROWS = (
    ("fresh `site.yml`", "fresh", "script-up", 120, 2.5),
    ("unchanged second `site.yml`", "second", "script-again", 15, 5.0),
    ("`site.yml --check`, converged", "check", None, None, None),
    ("`teardown.yml`", "teardown", "script-down", 30, None),
)
BEGIN, END = "<!-- measured by benchmarks/run.sh --write -->", "<!-- end -->"


def stages(log: str) -> dict[str, float]:
    """Seconds by role, as the callback `stages` prints them."""
    _head, _title, tail = log.partition("TIME PER STAGE")
    return {name: float(seconds) for name, seconds in re.findall(r"^(\S+) +([0-9.]+) s$", tail, re.MULTILINE)}


def slowest(log: str) -> list[str]:
    _head, _title, tail = log.partition("TIME PER STAGE")
    return re.findall(r"^  +([0-9.]+ s  .+)$", tail, re.MULTILINE)


def changed(log: str) -> int:
    return sum(map(int, re.findall(r"\bchanged=(\d+)", log)))


def steps(log: str) -> dict[str, float]:
    """Seconds by step of the script, which prints what has passed since its beginning."""
    found: dict[str, float] = {}
    before = 0
    for name, since in re.findall(r"^STEP\t(.+)\t(\d+)$", log, re.MULTILINE):
        found[name] = (int(since) - before) / 1000
        before = int(since)
    return found


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = f"{platform.system()} {platform.release().partition('-')[0]}"
    return {"cores": os.cpu_count(), "memory_gib": round(memory), "kernel": kernel, "architecture": platform.machine()}


def gather(folder: Path) -> dict[str, Any]:
    times = {}
    for line in (folder / "times.tsv").read_text(encoding="utf-8").splitlines():
        name, took, _code = line.split("\t")
        times[name] = int(took) / 1000
    logs = {name: (folder / f"{name}.log").read_text(encoding="utf-8") for name in times}
    ours = [name for _title, name, _rival, _goal, _limit in ROWS]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "seconds": {name: times[name] for row in ROWS for name in (row[1], row[2]) if name},
        "stages": {name: stages(logs[name]) for name in ours},
        "slowest_tasks": {name: slowest(logs[name]) for name in ours},
        "script_steps": {rival: steps(logs[rival]) for _title, _name, rival, _goal, _limit in ROWS if rival},
        "changed": {name: changed(logs[name]) for name in ("second", "check")},
    }


def judge(found: dict[str, Any]) -> list[str]:
    seconds = found["seconds"]
    wrong = []
    for title, name, rival, _goal, limit in ROWS:
        if limit and seconds[name] > limit * seconds[rival]:
            wrong.append(f"{title} took {seconds[name] / seconds[rival]:.2f} times the script's {seconds[rival]:.1f} s; the limit is {limit} times")
    wrong += [f"the {name} run changed {count} things on a platform that stood" for name, count in found["changed"].items() if count]
    return wrong


def table(found: dict[str, Any]) -> list[list[str]]:
    seconds = found["seconds"]
    rows = [["", "collection", "shell script", "ratio", "limit", "goal"]]
    for title, name, rival, goal, limit in ROWS:
        ratio = f"{seconds[name] / seconds[rival]:.2f}x" if rival else "-"
        met = f"< {goal} s: {'met' if seconds[name] < goal else f'missed by {seconds[name] - goal:.1f} s'}" if goal else "-"
        rows.append([title, f"{seconds[name]:.1f} s", f"{seconds[rival]:.1f} s" if rival else "-", ratio, f"{limit}x" if limit else "-", met])
    return rows


def stage_table(found: dict[str, Any]) -> list[list[str]]:
    runs = [row[1] for row in ROWS]
    names = dict.fromkeys(stage for run in runs for stage in found["stages"][run] if stage != "total")
    rows = [["role", *runs]]
    for stage in names:
        rows.append([stage, *(f"{found['stages'][run][stage]:.1f} s" if stage in found["stages"][run] else "-" for run in runs)])
    return rows


def step_table(found: dict[str, Any]) -> list[list[str]]:
    runs = list(found["script_steps"])
    names = dict.fromkeys(step for run in runs for step in found["script_steps"][run])
    rows = [["script's step", *runs]]
    for step in names:
        rows.append([step, *(f"{found['script_steps'][run][step]:.1f} s" if step in found["script_steps"][run] else "-" for run in runs)])
    return rows


def aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def markdown(rows: list[list[str]]) -> str:
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


def document(found: dict[str, Any]) -> str:
    where = found["machine"]
    parts = [
        f"Measured on {found['date']}: {where['cores']} cores, {where['memory_gib']} GiB of memory, {where['kernel']}, {where['architecture']}.",
        markdown(table(found)),
        "Where the collection's time goes, by role:",
        markdown(stage_table(found)),
        "Where the script's time goes:",
        markdown(step_table(found)),
    ]
    for name in ("fresh", "second", "teardown"):
        if found["slowest_tasks"][name]:
            parts += [f"The slowest tasks of `{name}`:", "\n".join(f"- {task}" for task in found["slowest_tasks"][name])]
    return "\n\n".join(parts)


def write(path: Path, found: dict[str, Any]) -> None:
    text = path.read_text(encoding="utf-8")
    head, _begin, rest = text.partition(BEGIN)
    _old, _end, tail = rest.partition(END)
    path.write_text(f"{head}{BEGIN}\n\n{document(found)}\n\n{END}{tail}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("json", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    found = gather(given.folder)
    wrong = judge(found)
    given.json.write_text(json.dumps({**found, "wrong": wrong}, indent=2) + "\n", encoding="utf-8")
    if given.write:
        write(given.write, found)
    for rows in (table(found), stage_table(found), step_table(found)):
        print(f"\n{aligned(rows)}")
    for name, tasks in found["slowest_tasks"].items():
        print(f"\nslowest tasks of {name}:", *tasks, sep="\n  ")
    print("", *(wrong or ["within the limits"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
