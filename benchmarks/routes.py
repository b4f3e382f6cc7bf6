# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Time apps and routes on the platform that runs, beside `kubectl apply` of the very same objects; and how soon and how fast they are served.

Usage: routes.py DIRECTORY RESULT [APPS] [ROUTES]. DIRECTORY is what export.py wrote of the platform that runs; `.collections` is on PYTHONPATH, and prepare.yml
has run. Everything that it makes goes again.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tools

NAMESPACE, DOMAIN = "bench-apps", "bench.example.com"
GATEWAY = ("127.0.0.1", 8080)
# What is behind all routes: the platform's service-b.
BEHIND = ("service-b", "rust-services", 80)
SECONDS = 10
# A load that the machine carries easily: the wait is the gateway's own.
PACE, CONNECTIONS, LOADS = 100, 8, 5


def app(number: int) -> dict[str, Any]:
    """Without pods: a node takes 110. It is the cost of telling Kubernetes and the mesh."""
    return {
        "name": f"app-{number:04d}",
        "namespace": NAMESPACE,
        "image": "registry.example.com/app:1.0",
        "port": 8080,
        "replicas": 0,
        "health": {"path": "/health"},
        "callers": [{"gateway": True}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }


def route(name: str, service: str, namespace: str, port: int) -> dict[str, Any]:
    to = {"service": service, "namespace": namespace, "port": port}
    return {"name": name, "namespace": namespace, "hosts": [f"{name}.{DOMAIN}"], "rules": [{"to": [to]}]}


class Playbook:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, variables: dict[str, Any], *options: str) -> float:
        """Seconds of a whole run."""
        given = self.folder / "variables.json"
        given.write_text(json.dumps({"mesh_set": "bench", "mesh_routes_test": False, "mesh_routes_address": "", **variables}), encoding="utf-8")
        argv = ["ansible-playbook", "playbooks/routes.yml", "-i", "inventories/kind", "-e", f"@{given}", *options]
        return timed(argv)


def timed(argv: Sequence[str]) -> float:
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tools.REPOSITORY)
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
    return round(time.monotonic() - began, 2)


def status(host: str) -> int:
    connection = http.client.HTTPConnection(*GATEWAY, timeout=5)
    connection.request("GET", "/health", headers={"Host": host})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def served_after(host: str) -> float:
    """Seconds from now until the gateway's pods all answer: twenty requests in a row."""
    began, good = time.monotonic(), 0
    first = 0.0
    while good < 20:
        well = status(host) == 200
        first = (first or time.monotonic()) if well else 0.0
        good = good + 1 if well else 0
        if time.monotonic() - began > 60:
            sys.exit(f"{host} is not served within 60 s")
    return round(first - began, 3)


def latency(host: str) -> dict[str, float]:
    fortio = tools.made("fortio") / "fortio"
    argv = [str(fortio), "load", "-quiet", "-uniform", "-c", str(CONNECTIONS), "-qps", str(PACE), "-t", f"{SECONDS}s"]
    argv += ["-r", "0.00001", "-p", "50,99", "-json", "-"]
    done = subprocess.run([*argv, "-H", f"Host: {host}", "http://127.0.0.1:8080/health"], check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    found = {f"p{item['Percentile']:g}": round(item["Value"] * 1000, 2) for item in answer["DurationHistogram"]["Percentiles"]}
    return {**found, "failed": sum(answer["RetCodes"].values()) - answer["RetCodes"].get("200", 0)}


def steady_latency(host: str) -> dict[str, float]:
    """The run with the median p99 of some; connections and caches: the first one is not counted."""
    latency(host)
    return sorted((latency(host) for _run in range(LOADS)), key=lambda found: found["p99"])[LOADS // 2]


def beside_kubectl(play: Playbook, count: int, folder: Path, kubectl: Sequence[str]) -> dict[str, float]:
    """Seconds of whole commands, for the very same objects."""
    apps = [app(number) for number in range(count)]
    # To a service with pods: a route to an app without any is refused.
    given = {"mesh_apps": apps, "mesh_routes": [route(one["name"], *BEHIND) for one in apps]}
    play(given, "-e", f"mesh_render_to={folder}/rendered")
    files = sorted((folder / "rendered").glob("*.yml"))  # apps before routes
    apply = [*kubectl, "apply", *[argument for file in files for argument in ("-f", str(file))]]
    found = {"kubectl": timed(apply), "kubectl_same": timed(apply)}
    play(given, "-e", "mesh_state=absent")
    found |= {"collection": play(given), "collection_same": play(given)}
    play(given, "-e", "mesh_state=absent")
    return found


def at_the_gateway(play: Playbook, count: int) -> dict[str, Any]:
    """Routes to one service, which answers at its health path."""
    routes = [route(f"route-{number:04d}", *BEHIND) for number in range(count)]
    host = routes[0]["hosts"][0]
    found: dict[str, Any] = {}
    for name, number in (("one", 1), ("many", count)):
        play({"mesh_routes": routes[:number]})
        served_after(routes[number - 1]["hosts"][0])
        found[name] = steady_latency(host)
    play({"mesh_routes": [*routes, route("new", *BEHIND)]})
    found["new_route"] = served_after(f"new.{DOMAIN}")
    play({"mesh_routes": routes}, "-e", "mesh_state=absent")
    return found


def main(directory: str, result: str, apps: str = "100", routes: str = "1000") -> None:
    platform = json.loads((Path(directory) / "platform.json").read_text(encoding="utf-8"))
    kubectl = [platform["KUBECTL"], "--kubeconfig", platform["KUBECONFIG"]]
    with tempfile.TemporaryDirectory(prefix="meshgate-bench-") as path:
        play = Playbook(Path(path))
        found: dict[str, Any] = {"apps": int(apps), **beside_kubectl(play, int(apps), Path(path), kubectl), "routes": int(routes)}
        print(json.dumps(found), flush=True)
        found |= at_the_gateway(play, int(routes))
    Path(result).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(Path(result).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
