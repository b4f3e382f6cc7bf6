# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What looking costs: the data path with metrics and 1 % of traces, and without, in turn; and what the components hold in memory.

Usage: observed.py DIRECTORY RESULT FORTIO. DIRECTORY is what export.py wrote of the platform that runs with them. Without: no proxy counts, nobody
asks, and no span is sent. Each pair of runs is one of each, so that what the machine does meanwhile meets both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from datapath import IN_NODE, PACE, PATH, Platform, load
from memory import MIB

PAIRS = int(os.environ.get("BENCH_PAIRS", "8"))
SYSTEM = "istio-system"
# Seconds until proxies have heard of a change, and what was started is at rest.
SETTLE = 15
# What makes proxies count, and send spans.
SWITCHES = ("envoyfilter/stock-envoy-metrics-default", "telemetry/tracing")
ASKING = ("deployment/prometheus", "deployment/jaeger")
SAMPLING = 1.0
COUNTED = "envoy_istio_requests_total"
KEYS = ("p50", "p99", "rps")


class Observed(Platform):
    def saved(self) -> str:
        """The objects as they were applied."""
        items = []
        for name in SWITCHES:
            item = json.loads(self.kubectl("--namespace", SYSTEM, "get", name, "--output", "json"))
            metadata = {key: item["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in item["metadata"]}
            items.append({**{key: item[key] for key in ("apiVersion", "kind", "spec")}, "metadata": metadata})
        sampled = items[1]["spec"]["tracing"][0]["randomSamplingPercentage"]
        if sampled != SAMPLING:
            raise SystemExit(f"{sampled} % of the requests are traced, and not {SAMPLING}")
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})

    def look(self, objects: str) -> None:
        self.kubectl("apply", "--filename", "-", stdin=objects)
        self.kubectl("--namespace", SYSTEM, "scale", *ASKING, "--replicas=1")
        self.kubectl("--namespace", SYSTEM, "wait", *ASKING, "--for=condition=Available", "--timeout=120s")

    def look_away(self) -> None:
        self.kubectl("--namespace", SYSTEM, "delete", *SWITCHES)
        self.kubectl("--namespace", SYSTEM, "scale", *ASKING, "--replicas=0")

    def counted(self) -> int:
        """How many requests the gateway has counted."""
        address = self.address_of(self.names["INGRESS_NAMESPACE"], "istio=ingressgateway")
        shown = subprocess.run([*self.inside, "curl", "-quiet", f"http://{address}:15020/stats/prometheus"], check=True, capture_output=True, text=True).stdout
        return int(sum(float(line.rpartition(" ")[2]) for line in shown.splitlines() if line.startswith(COUNTED)))

    def one(self, counts: bool) -> dict[str, Any]:
        """The whole way from the load balancer on."""
        host, url = self.hostname(), f"http://{self.balancer()}:80{PATH}"
        load(self.inside, url, PACE, host)
        before = self.counted()
        found = {"paced": load(self.inside, url, PACE, host), "most": load(self.inside, url, 0, host)}
        if (self.counted() > before) != counts:
            raise SystemExit(f"the gateway {'did not count' if counts else 'counted'} requests")
        return found

    def pairs(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {"without": [], "with": []}
        objects = self.saved()
        subprocess.run(["docker", "cp", self.fortio, f"{self.node}:{IN_NODE}"], check=True, capture_output=True)
        try:
            state = "with"
            for number in range(PAIRS):
                # Who begins changes, too, so that two of a kind follow each other.
                for name in ("without", "with") if number % 2 else ("with", "without"):
                    if name != state:
                        self.look(objects) if name == "with" else self.look_away()
                        time.sleep(SETTLE)
                        state = name
                    found[name].append(self.one(counts=name == "with"))
                    last = found[name][-1]
                    print(f"{name}: p99 {last['paced']['p99']:.2f} ms at {PACE}/s; {last['most']['rps']:.0f}/s at most", flush=True)
        finally:
            self.look(objects)
            subprocess.run(["docker", "exec", self.node, "rm", IN_NODE], check=True)
        return found

    def memory(self) -> dict[str, float]:
        """MiB of each component, as the kubelet counts them (without the cache of files)."""
        summary = json.loads(self.kubectl("get", "--raw", f"/api/v1/nodes/{self.node}/proxy/stats/summary"))
        found = {}
        for pod in summary["pods"]:
            name = pod["podRef"]["name"].rsplit("-", 2)[0]
            if pod["podRef"]["namespace"] == SYSTEM and not name.startswith("istiod"):
                found[name] = sum((container.get("memory") or {}).get("rssBytes", 0) for container in pod.get("containers") or []) / MIB
        return found


def medians(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {how: {key: statistics.median(run[how][key] for run in runs) for key in KEYS} for how in ("paced", "most")}


def main() -> None:
    inputs, result, fortio = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    platform = Observed(inputs, fortio)
    memory = platform.memory()
    runs = platform.pairs()
    failed = sum(run[how]["failed"] for each in runs.values() for run in each for how in ("paced", "most"))
    found = {"pairs": PAIRS, "failed": failed, "memory": memory, **{name: medians(each) for name, each in runs.items()}}
    result.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
