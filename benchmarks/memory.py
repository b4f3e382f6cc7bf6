# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the platform holds in memory: its containers as Docker counts them, and inside the node its pods as the kubelet does.

Usage: memory.py DIRECTORY RESULT. DIRECTORY is what export.py wrote of the platform that runs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MIB = 2**20
UNITS = {"B": 1, "KiB": 2**10, "MiB": MIB, "GiB": 2**30}
SIDECAR = "istio-proxy"
PATIENCE = 120


def wait_for_the_platform_alone(kubectl: list[str]) -> None:
    """The pods of services that were removed before take half a minute to end, and hold memory until then."""
    deadline = time.monotonic() + PATIENCE
    while True:
        command = [*kubectl, "get", "pods", "--all-namespaces", "--output=jsonpath={.items[*].metadata.labels.app}"]
        leaving = [name for name in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split() if name.startswith("more-")]
        if not leaving:
            return
        if time.monotonic() > deadline:
            sys.exit(f"after {PATIENCE} s there are still pods of {', '.join(leaving)}")
        time.sleep(2)


def docker(names: list[str]) -> dict[str, float]:
    """MiB by container."""
    command = ["docker", "stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}", *names]
    found = {}
    for line in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        name, usage = line.split("\t")
        number, unit = re.match(r"([0-9.]+)([A-Za-z]+)", usage).groups()  # type: ignore[union-attr]
        found[name] = float(number) * UNITS[unit] / MIB
    return found


def part(namespace: str, pod: str, container: str) -> str:
    """Which row of the table a container belongs to."""
    if namespace == "kube-system":
        return "load balancer controller" if pod.startswith("aws-load-balancer-controller") else "Kubernetes: API server, etcd, scheduler, ..."
    if container != SIDECAR:
        return {"istio-system": "istiod"}.get(namespace, "the services")
    return "ingress gateway" if pod.startswith("istio-ingressgateway") else "the services' sidecars"


def pods(summary: dict[str, Any]) -> dict[str, dict[str, float]]:
    """MiB and number of containers by row."""
    rows: dict[str, dict[str, float]] = {}
    for pod in summary["pods"]:
        for container in pod.get("containers") or []:
            used = (container.get("memory") or {}).get("workingSetBytes")
            if used is not None:
                row = rows.setdefault(part(pod["podRef"]["namespace"], pod["podRef"]["name"], container["name"]), {"mib": 0.0, "containers": 0})
                row["mib"] += used / MIB
                row["containers"] += 1
    return rows


def main() -> None:
    inputs, result = Path(sys.argv[1]), Path(sys.argv[2])
    names = json.loads((inputs / "platform.json").read_text(encoding="utf-8"))
    node = f"{names['CLUSTER']}-control-plane"
    kubectl = [names["KUBECTL"], "--kubeconfig", names["KUBECONFIG"]]
    wait_for_the_platform_alone(kubectl)
    command = [*kubectl, "get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"]
    rows = pods(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    machines = docker([node, names["API"], names["LOAD_BALANCER"]])
    rest = machines[node] - sum(row["mib"] for row in rows.values())
    rows["kubelet, containerd and the rest of the node"] = {"mib": rest, "containers": 1}
    rows["emulated AWS: API"] = {"mib": machines[names["API"]], "containers": 1}
    rows["emulated AWS: load balancer"] = {"mib": machines[names["LOAD_BALANCER"]], "containers": 1}
    ordered = dict(sorted(rows.items(), key=lambda item: -item[1]["mib"]))
    result.write_text(json.dumps({"rows": ordered, "total_mib": sum(machines.values())}, indent=1), encoding="utf-8")
    for name, row in ordered.items():
        print(f"{row['mib']:8.0f} MiB  {name}")


if __name__ == "__main__":
    main()
