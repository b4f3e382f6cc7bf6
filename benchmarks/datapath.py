# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Measure the platform's data path with fortio, one step longer each time, and the services alone beside hyper alone.

Usage: datapath.py DIRECTORY RESULT FORTIO. DIRECTORY is what export.py wrote of the platform that runs; `.collections` is on PYTHONPATH.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tools

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.build import RUST_TARGETS
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.catalog import host_architecture

HERE = Path(__file__).resolve().parent
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
# A pace that leaves the machine idle for most of the time, so that the wait measured is the way's own; and as many as it can.
PACE = 100
CONNECTIONS = 8
# Outside the mesh: the same pods without a sidecar.
PLAIN = "bench-plain"
IN_NODE = "/usr/local/bin/fortio"
PATH = "/?name=A+Field"
ROUTE = "/route?p=A+Field"


def load(command: list[str], url: str, rate: int, host: str = "") -> dict[str, Any]:
    """One run of fortio: requests per second, latencies in milliseconds, and what was not 200."""
    arguments = ["load", "-quiet", "-uniform", "-json", "-", "-c", str(CONNECTIONS), "-qps", str(rate), "-t", f"{SECONDS}s", "-r", "0.00001", "-p", "50,99"]
    arguments += ["-H", f"Host: {host}"] if host else []
    answer = json.loads(subprocess.run([*command, *arguments, url], check=True, stdout=subprocess.PIPE, text=True).stdout)
    percentiles = {item["Percentile"]: item["Value"] * 1000 for item in answer["DurationHistogram"]["Percentiles"]}
    codes = answer["RetCodes"]
    return {
        "rps": answer["ActualQPS"],
        "p50": percentiles[50],
        "p99": percentiles[99],
        "requests": sum(codes.values()),
        "failed": sum(codes.values()) - codes.get("200", 0),
    }


def measure(title: str, command: list[str], url: str, host: str = "") -> dict[str, Any]:
    load(command, url, PACE, host)  # connections, caches and branch predictors: what comes first is not counted
    found: dict[str, Any] = {"title": title, "paced": load(command, url, PACE, host), "most": load(command, url, 0, host)}
    paced, most = found["paced"], found["most"]
    print(f"{title}: p50 {paced['p50']:.2f} ms, p99 {paced['p99']:.2f} ms at {PACE}/s; {most['rps']:.0f}/s at most", flush=True)
    return found


# --- alone on this machine ----------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(program: Path, path: str) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([program], env={"BIND_ADDRESS": address, "RUST_LOG": "info"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        host, port = address.split(":")
        end = time.monotonic() + 10
        while time.monotonic() < end and process.poll() is None:
            try:
                socket.create_connection((host, int(port)), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://{address}{path}"
    finally:
        process.terminate()
        process.wait(10)


def service_program(name: str) -> Path:
    """The binary that is in the service's image."""
    return tools.made("services") / host_architecture() / name


def bare_hyper() -> Path:
    """Built as the services are, for the same libc."""
    triple = RUST_TARGETS[host_architecture()]
    target = tools.cache_dir() / "bare_hyper" / "target"
    manifest = HERE / "bare_hyper" / "Cargo.toml"
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", str(manifest), "--target", triple, "--target-dir", str(target)]
    subprocess.run(command, check=True, cwd=HERE.parent / "services")
    return target / triple / "release" / "bare-hyper"


def alone(fortio: str) -> list[dict[str, Any]]:
    results = []
    for title, program in (("hyper alone, a constant response", bare_hyper()), ("service-a alone", service_program("service-a"))):
        with serving(program, ROUTE) as url:
            results.append(measure(title, [fortio], url))
    return results


# --- in the cluster ---------------------------------------------------------------------------------------------------------


class Platform:
    def __init__(self, inputs: Path, fortio: str) -> None:
        self.inputs, self.fortio = inputs, fortio
        self.names = json.loads((inputs / "platform.json").read_text(encoding="utf-8"))
        self.node = f"{self.names['CLUSTER']}-control-plane"
        self.inside = ["docker", "exec", self.node, IN_NODE]

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        command = [self.names["KUBECTL"], "--kubeconfig", self.names["KUBECONFIG"], *arguments]
        return subprocess.run(command, check=True, input=stdin, stdout=subprocess.PIPE, text=True).stdout

    def address_of(self, namespace: str, selector: str) -> str:
        pods = json.loads(self.kubectl("--namespace", namespace, "get", "pods", "--selector", selector, "--output", "json"))["items"]
        return next(str(pod["status"]["podIP"]) for pod in pods if not pod["metadata"].get("deletionTimestamp"))

    def hostname(self) -> str:
        path = "jsonpath={.status.loadBalancer.ingress[0].hostname}"
        return self.kubectl("--namespace", self.names["INGRESS_NAMESPACE"], "get", "ingress", self.names["INGRESS"], "--output", path)

    def balancer(self) -> str:
        inspect = json.loads(subprocess.run(["docker", "inspect", self.names["LOAD_BALANCER"]], check=True, stdout=subprocess.PIPE, text=True).stdout)
        return str(inspect[0]["NetworkSettings"]["Networks"]["kind"]["IPAddress"])

    def as_load_balancer(self) -> list[str]:
        """From its address, since the gateway lets in nobody else."""
        balancer = self.names["LOAD_BALANCER"]
        image = subprocess.run(["docker", "inspect", "--format", "{{.Image}}", balancer], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        return [
            *("docker", "run", "--rm", "--network", f"container:{balancer}", "--cap-drop", "ALL", "--read-only"),
            *("--volume", f"{self.fortio}:/fortio:ro", "--entrypoint", "/fortio", image),
        ]

    @contextmanager
    def plain_services(self) -> Iterator[str]:
        """Both services once more, without a mesh: where they answer is yielded."""
        services = json.loads((self.inputs / "services.json").read_text(encoding="utf-8"))["items"]
        items: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLAIN}}]
        for item in services:
            if item["kind"] in ("ServiceAccount", "Service", "Deployment"):
                labels = {"app": item["metadata"]["labels"]["app"]}
                spec = {**item["spec"], "replicas": 1} if item["kind"] == "Deployment" else item.get("spec")
                made = {
                    "apiVersion": item["apiVersion"],
                    "kind": item["kind"],
                    "metadata": {"name": item["metadata"]["name"], "namespace": PLAIN, "labels": labels},
                }
                items.append({**made, "spec": spec} if spec else made)
        try:
            self.kubectl("apply", "--filename", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
            self.kubectl("--namespace", PLAIN, "wait", "deployment", "--all", "--for=condition=Available", "--timeout=120s")
            url = f"http://{self.address_of(PLAIN, 'app=service-b')}:3000{PATH}"
            end = time.monotonic() + 30
            # service-b is ready before kube-proxy knows of service-a's pod.
            while subprocess.run([*self.inside, "curl", "-quiet", url], capture_output=True, check=False).returncode and time.monotonic() < end:
                time.sleep(0.2)
            yield url
        finally:
            self.kubectl("delete", "namespace", PLAIN, "--ignore-not-found")

    def measure(self) -> list[dict[str, Any]]:
        """From the node, where every step's address can be reached; the last one as a user of this machine asks."""
        host, gateway = self.hostname(), self.address_of(self.names["INGRESS_NAMESPACE"], "istio=ingressgateway")
        subprocess.run(["docker", "cp", self.fortio, f"{self.node}:{IN_NODE}"], check=True, capture_output=True)
        port = (self.inputs / "requests").read_text(encoding="utf-8").split("\t", 1)[0]
        try:
            with self.plain_services() as plain:
                results = [measure("direct: service-b's pod without a mesh", self.inside, plain)]
            results.append(measure("gateway only: its pod, then the mesh", self.as_load_balancer(), f"http://{gateway}:8080{PATH}", host))
            results.append(measure("full path: load balancer, gateway, mesh", self.inside, f"http://{self.balancer()}:80{PATH}", host))
            results.append(measure("full path, requested at 127.0.0.1", [self.fortio], f"http://{port}{PATH}", host))
        finally:
            subprocess.run(["docker", "exec", self.node, "rm", IN_NODE], check=True)
        return results


def main() -> None:
    inputs, result, fortio = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    found = {
        "request": PATH,
        "request_alone": ROUTE,
        "pace": PACE,
        "connections": CONNECTIONS,
        "seconds": SECONDS,
        "alone": alone(fortio),
        "path": Platform(inputs, fortio).measure(),
    }
    result.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
