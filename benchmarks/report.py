# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Print the benchmark's tables, write them as JSON and, if asked, into a document with plots, and judge them.

Usage: report.py DIRECTORY JSON [--write DOCS]. Exits with 1 when a run was slower than so many times the script's of the same run allow, or
was not what it is called: a second run that changes something is no second run, and a request that failed is no answer.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import more
import plot
import tables
from tables import HELMFILE, HUNDRED_GOAL, MAKERS, OURS, RUNS, SCRIPT, Found

BEGIN, END = "<!-- measured by benchmarks/run.sh --write -->", "<!-- end -->"


# A line of what ansible.posix's callbacks profile_roles and profile_tasks print at the end.
TIMED = re.compile(r"^(?P<name>\S.*?) -+ (?P<seconds>[0-9.]+)s$", re.MULTILINE)


def stages(log: str) -> dict[str, float]:
    """Seconds by role; what belongs to none of ours is the playbook's."""
    _head, _title, tail = log.partition("ROLES RECAP")
    found: dict[str, float] = {}
    for line in TIMED.finditer(tail.partition("TASKS RECAP")[0]):
        role = line["name"].rsplit(".", 1)[-1] if not line["name"].startswith("ansible.") else "playbook"
        found[role] = round(found.get(role, 0.0) + float(line["seconds"]), 2)
    return found


def slowest(log: str) -> list[str]:
    _head, _title, tail = log.partition("TASKS RECAP")
    return [f"{line['seconds']} s  {line['name']}" for line in TIMED.finditer(tail.partition("ROLES RECAP")[0])]


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


def gather(folder: Path) -> Found:
    times = {}
    for line in (folder / "times.tsv").read_text(encoding="utf-8").splitlines():
        name, took, _code = line.split("\t")
        times[name] = int(took) / 1000
    logs = {name: (folder / f"{name}.log").read_text(encoding="utf-8") for name in times}
    ours = {run: logs[f"{OURS}-{run}"] for _title, run, _goal, _limit in RUNS}
    unchanging = [f"{OURS}-again", f"{OURS}-check", *(name for name in times if name.startswith(f"{OURS}-same-"))]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "seconds": {name: took for name, took in times.items() if name.partition("-")[0] in MAKERS},
        "stages": {run: stages(log) for run, log in ours.items()},
        "slowest_tasks": {run: slowest(log) for run, log in ours.items()},
        "steps": {name: steps(logs[name]) for name in times if name.partition("-")[0] in (SCRIPT, HELMFILE)},
        "changed": {name: changed(logs[name]) for name in unchanging},
        "data_path": json.loads((folder / "datapath.json").read_text(encoding="utf-8")),
        "routes": json.loads((folder / "routes.json").read_text(encoding="utf-8")),
        "observed": json.loads((folder / "observed.json").read_text(encoding="utf-8")),
        "memory": json.loads((folder / "memory.json").read_text(encoding="utf-8")),
    }


def judge(found: Found) -> list[str]:
    seconds = found["seconds"]
    wrong = []
    for title, run, _goal, limit in RUNS:
        own, rival = seconds[f"{OURS}-{run}"], seconds.get(f"{SCRIPT}-{run}")
        if limit and own > limit * rival:
            wrong.append(f"{title} took {own / rival:.2f} times the script's {rival:.1f} s; the limit is {limit} times")
    wrong += [f"{name} changed {count} things that stood" for name, count in found["changed"].items() if count]
    for item in [*found["data_path"]["alone"], *found["data_path"]["path"]]:
        for run in ("paced", "most"):
            if item[run]["failed"]:
                wrong.append(f"{item['title']}: {item[run]['failed']} of {item[run]['requests']} requests were not answered with 200")
    return [*wrong, *of_routes(found["routes"]), *of_looking(found["observed"], seconds[f"{OURS}-observed"])]


def over(checks: Sequence[tuple[str, float, float]]) -> list[str]:
    """What is above its limit."""
    return [f"{what}: {value:.2f}; the limit is {limit}" for what, value, limit in checks if value > limit]


def of_routes(measured: Found) -> list[str]:
    checks = [
        ("apps with routes, times kubectl's time", measured["collection"] / measured["kubectl"], tables.APPLY_LIMIT),
        ("apps with routes unchanged, seconds", measured["collection_same"], tables.SAME_LIMIT),
        ("p99 with many routes, times that with one", measured["many"]["p99"] / measured["one"]["p99"], tables.LATENCY_LIMIT),
        ("a new route is served, seconds", measured["new_route"], tables.NEW_ROUTE_LIMIT),
        ("requests that failed", measured["one"]["failed"] + measured["many"]["failed"], 0),
    ]
    return over(checks)


def of_looking(measured: Found, seconds: float) -> list[str]:
    checks = [(f"{what}, times that without", ratio, tables.LOOKING_LIMIT) for what, _key, ratio in tables.costs(measured)]
    checks += [
        ("what looks at the mesh, MiB", sum(measured["memory"].values()), tables.LOOKING_MEMORY),
        ("what looks at the mesh is up, seconds", seconds, tables.LOOKING_SECONDS),
        ("requests that failed while it looked", measured["failed"], 0),
    ]
    return over(checks)


def sections(found: Found) -> list[tuple[str, tables.Rows]]:
    path = found["data_path"]
    return [
        ("The platform", tables.platform(found)),
        ("More services on a running platform", tables.services(found)),
        ("Apps and routes", tables.routes(found)),
        ("The data path", tables.latency(f"`GET {path['request']}`", path["path"])),
        ("What looking costs", tables.looking(found["observed"], found["seconds"][f"{OURS}-observed"])),
        ("The services alone, on this machine's loopback", tables.latency(f"`GET {path['request_alone']}`", path["alone"])),
        ("Memory", tables.memory(found)),
        ("Where the collection's time goes, by role", tables.by_run("role", found["stages"])),
        ("Where the other tools' time goes", tables.by_run("step", found["steps"])),
    ]


def plots(found: Found) -> dict[str, str]:
    """File name -> SVG."""
    seconds, path = found["seconds"], found["data_path"]

    def timed(run: str) -> list[float | None]:
        return [seconds.get(f"{maker}-{run}") for maker in MAKERS]

    names = list(MAKERS.values())
    return {
        "platform.svg": plot.bars("The platform: seconds", "s", names, [(title.replace("`", ""), timed(run)) for title, run, _goal, _limit in RUNS]),
        "services.svg": plot.bars(
            "More services: seconds until they stand", "s", names, [(tables.title_of(name), timed(f"more-{name}")) for name in more.SETS]
        ),
        "latency.svg": plot.bars(
            f"The data path at {path['pace']} requests a second: milliseconds",
            "ms",
            ["p50", "p99"],
            [(item["title"], [item["paced"]["p50"], item["paced"]["p99"]]) for item in path["path"]],
        ),
        "throughput.svg": plot.bars(
            "Requests a second at most", "/s", ["requests a second"], [(item["title"], [item["most"]["rps"]]) for item in [*path["alone"], *path["path"]]]
        ),
        "memory.svg": plot.bars("Memory of the platform: MiB", "MiB", ["MiB"], [(name, [row["mib"]]) for name, row in found["memory"]["rows"].items()]),
    }


PLOT_OF = {
    "The platform": ["platform.svg"],
    "More services on a running platform": ["services.svg"],
    "The data path": ["latency.svg", "throughput.svg"],
    "Memory": ["memory.svg"],
}


def document(found: Found) -> str:
    where = found["machine"]
    parts = [f"Measured on {found['date']}: {where['cores']} cores, {where['memory_gib']} GiB of memory, {where['kernel']}, {where['architecture']}."]
    for title, rows in sections(found):
        parts += [f"### {title}", tables.markdown(rows), *(f"![{title}](benchmarks/{name})" for name in PLOT_OF.get(title, ()))]
    hundred = found["seconds"][f"{OURS}-more-100"]
    parts += ["### Goals", f"A hundred more services in {tables.goal_of(hundred, HUNDRED_GOAL)} ({hundred:.1f} s)."]
    for run in ("up", "again", "down"):
        if found["slowest_tasks"][run]:
            parts += [f"The slowest tasks of `{OURS}-{run}`:", "\n".join(f"- {task}" for task in found["slowest_tasks"][run])]
    return "\n\n".join(parts)


def write(docs: Path, found: Found) -> None:
    path = docs / "benchmarks.md"
    text = path.read_text(encoding="utf-8")
    head, _begin, rest = text.partition(BEGIN)
    _old, _end, tail = rest.partition(END)
    path.write_text(f"{head}{BEGIN}\n\n{document(found)}\n\n{END}{tail}", encoding="utf-8")
    (docs / "benchmarks").mkdir(exist_ok=True)
    for name, image in plots(found).items():
        (docs / "benchmarks" / name).write_text(image, encoding="utf-8")


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
    for title, rows in sections(found):
        print(f"\n{title}\n{tables.aligned(rows)}")
    print("", *(wrong or ["within the limits"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
