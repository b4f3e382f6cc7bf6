# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The benchmark's numbers as tables: lists of rows of text, the first of them the head."""

from __future__ import annotations

from typing import Any

import more

Found = dict[str, Any]
Rows = list[list[str]]

OURS, SCRIPT, HELMFILE = "collection", "script", "helmfile"
MAKERS = {OURS: "collection", SCRIPT: "shell script", HELMFILE: "helmfile"}
# What is timed of each maker: its title, the run, seconds that are our goal, and how many times the script's are the limit.
RUNS = (
    ("fresh `site.yml`", "up", 120, 2.5),
    ("unchanged second `site.yml`", "again", 15, 5.0),
    ("`site.yml --check`, converged", "check", None, None),
    ("`teardown.yml`", "down", 30, None),
)
HUNDRED_GOAL = 10
# Of apps and routes: how many times kubectl's time, seconds of an unchanged run, how many times the p99 with one route, seconds until a new one is served.
APPLY_LIMIT, SAME_LIMIT, LATENCY_LIMIT, NEW_ROUTE_LIMIT = 1.5, 5.0, 1.1, 1.0


# Of what looks at the mesh: how many times slower the data path may be (p99, and the time of a request at most), MiB, and seconds until it is up.
LOOKING_LIMIT, LOOKING_MEMORY, LOOKING_SECONDS = 1.05, 700, 60


def said(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def goal_of(seconds: float, goal: float | None) -> str:
    return "-" if not goal else f"< {goal} s: {'met' if seconds < goal else f'missed by {seconds - goal:.1f} s'}"


def platform(found: Found) -> Rows:
    seconds = found["seconds"]
    rows = [["", "collection", "shell script", "ratio", "limit", "helmfile", "ratio", "goal"]]
    for title, run, goal, limit in RUNS:
        own = seconds[f"{OURS}-{run}"]
        row = [title, said(own)]
        for maker in (SCRIPT, HELMFILE):
            rival = seconds.get(f"{maker}-{run}")
            row += [said(rival), f"{own / rival:.2f}x" if rival else "-"]
            if maker == SCRIPT:
                row.append(f"{limit}x" if limit else "-")
        rows.append([*row, goal_of(own, goal)])
    return rows


def title_of(name: str) -> str:
    count, replicas = more.SETS[name]
    return f"+{count} service{'s' if count > 1 else ''}{'' if replicas else ' without pods'}"


def services(found: Found) -> Rows:
    seconds = found["seconds"]
    rows = [["", *(f"{title}{what}" for what in ("", ", again", ", removed") for title in MAKERS.values())]]
    for name in more.SETS:
        rows.append([title_of(name), *(said(seconds[f"{maker}-{what}-{name}"]) for what in ("more", "same", "less") for maker in MAKERS)])
    return rows


def latency(title: str, measured: list[Found]) -> Rows:
    rows = [[title, "p50", "p99", "maximum", "p50 at maximum", "p99 at maximum"]]
    for item in measured:
        paced, most = item["paced"], item["most"]
        rows.append(
            [item["title"], *(f"{paced[key]:.2f} ms" for key in ("p50", "p99")), f"{most['rps']:,.0f}/s", *(f"{most[key]:.2f} ms" for key in ("p50", "p99"))]
        )
    return rows


def routes(found: Found) -> Rows:
    measured = found["routes"]
    one, many = measured["one"]["p99"], measured["many"]["p99"]
    times = f"{measured['collection'] / measured['kubectl']:.2f}x"
    return [
        ["", "collection", "beside", "ratio", "limit"],
        [f"{measured['apps']} apps with routes", said(measured["collection"]), f"{said(measured['kubectl'])} (`kubectl apply`)", times, f"{APPLY_LIMIT}x"],
        ["the same, unchanged", said(measured["collection_same"]), f"{said(measured['kubectl_same'])} (`kubectl apply`)", "-", f"{SAME_LIMIT} s"],
        [f"p99 with {measured['routes']:,} routes", f"{many:.2f} ms", f"{one:.2f} ms (one route)", f"{many / one:.2f}x", f"{LATENCY_LIMIT}x"],
        ["a new route among them is served after", f"{measured['new_route']:.2f} s", "-", "-", f"{NEW_ROUTE_LIMIT} s"],
    ]


def costs(measured: Found) -> list[tuple[str, tuple[str, str], float]]:
    """Each figure of the data path, and how many times worse it is while somebody looks."""
    without, looked = measured["without"], measured["with"]
    return [
        ("p99 at a pace", ("paced", "p99"), looked["paced"]["p99"] / without["paced"]["p99"]),
        ("p99 at the maximum", ("most", "p99"), looked["most"]["p99"] / without["most"]["p99"]),
        ("the time of a request at the maximum", ("most", "rps"), without["most"]["rps"] / looked["most"]["rps"]),
    ]


def looking(measured: Found, seconds: float) -> Rows:
    rows = [["metrics and 1 % of traces", "without", "with", "ratio", "limit"]]
    for what, (how, key), ratio in costs(measured):
        shown = [f"{measured[name][how][key]:,.0f}/s" if key == "rps" else f"{measured[name][how][key]:.2f} ms" for name in ("without", "with")]
        rows.append([what, *shown, f"{ratio:.2f}x", f"{LOOKING_LIMIT}x"])
    return [
        *rows,
        ["memory of Prometheus, Kiali, dashboards, Jaeger", "-", f"{sum(measured['memory'].values()):,.0f} MiB", "-", f"{LOOKING_MEMORY} MiB"],
        ["`site.yml` that adds them to a running platform", "-", said(seconds), "-", f"{LOOKING_SECONDS} s"],
    ]


def memory(found: Found) -> Rows:
    rows = [["component", "containers", "memory"]]
    for name, row in found["memory"]["rows"].items():
        rows.append([name, f"{row['containers']:.0f}", f"{row['mib']:,.0f} MiB"])
    return [*rows, ["total", "", f"{found['memory']['total_mib']:,.0f} MiB"]]


def by_run(head: str, parts: dict[str, dict[str, float]]) -> Rows:
    """A row for each part, a column for each run that has any."""
    runs = [run for run, own in parts.items() if own]
    rows = [[head, *runs]]
    for name in dict.fromkeys(name for run in runs for name in parts[run] if name != "total"):
        rows.append([name, *(said(parts[run].get(name)) for run in runs)])
    return rows


def aligned(rows: Rows) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def markdown(rows: Rows) -> str:
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])
