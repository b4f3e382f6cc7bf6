# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What runs is killed while requests flow: which of them fail is counted, and compared with what the platform promises."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cluster import Cluster
from harness import CLUSTER, until

pytestmark = pytest.mark.slow

NODE = f"{CLUSTER}-control-plane"
AWS_API = "meshgate-aws"
RATE, CONNECTIONS = 200, 8
# Of both gateways one is dead until the load balancer's health check has failed twice: every 5 s, with a timeout of 2 s.
UNTIL_UNHEALTHY = 12

Strike = Callable[[Cluster], None]


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=120).stdout


def ready(cluster: Cluster, namespace: str, label: str) -> bool:
    """Whether there are pods of the label, and all of them are ready."""
    done = cluster.kubectl("-n", namespace, "get", "pods", "-l", label, "-o", "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}", ok=False)
    return done.returncode == 0 and set(done.stdout.split()) == {"True"}


def crash(namespace: str, label: str, container: str) -> Strike:
    """Kill one pod's container from below, as the kernel would: nobody drains, nobody is told."""

    def strike(cluster: Cluster) -> None:
        pod = cluster.find("Pod", namespace, label)[0]
        statuses = pod["status"]["containerStatuses"]
        before = next(status for status in statuses if status["name"] == container)
        docker("exec", NODE, "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", before["containerID"].partition("//")[2])

        def restarted() -> bool:
            done = cluster.kubectl(
                "-n", namespace, "get", "pod", pod["metadata"]["name"], "-o", "jsonpath={.status.containerStatuses[*].restartCount}", ok=False
            )
            return sum(map(int, done.stdout.split())) > sum(status["restartCount"] for status in statuses) and ready(cluster, namespace, label)

        until(f"{container}'s restart", restarted, 180)

    return strike


def delete(namespace: str, label: str) -> Strike:
    """Take one pod away without any grace, as a node does that is gone."""

    def strike(cluster: Cluster) -> None:
        pods = cluster.find("Pod", namespace, label)
        cluster.kubectl("-n", namespace, "delete", "pod", pods[0]["metadata"]["name"], "--grace-period=0", "--force")
        until("the next pod", lambda: ready(cluster, namespace, label), 180)

    return strike


def away(namespace: str, name: str, label: str, seconds: float) -> Strike:
    """No pod of a Deployment for a while."""

    def strike(cluster: Cluster) -> None:
        deployment = f"deployment/{name}"
        replicas = cluster.get("Deployment", name, namespace)["spec"]["replicas"]
        cluster.kubectl("-n", namespace, "scale", deployment, "--replicas=0")
        try:
            until("the last pod's end", lambda: not cluster.find("Pod", namespace, label), 120)
            time.sleep(seconds)
        finally:
            cluster.kubectl("-n", namespace, "scale", deployment, f"--replicas={replicas}")
        until(f"{name}'s return", lambda: ready(cluster, namespace, label), 180)

    return strike


def pause(container: str, seconds: float) -> Strike:
    def strike(_cluster: Cluster) -> None:
        docker("pause", container)
        try:
            time.sleep(seconds)
        finally:
            docker("unpause", container)

    return strike


def power_off(container: str, seconds: float) -> Strike:
    """A node that loses its power and gets it back. What the API server says of its pods then is at first what it was before."""

    def strike(cluster: Cluster) -> None:
        docker("kill", container)
        time.sleep(seconds)
        docker("start", container)
        for namespace, label in (("istio-ingress", "istio=ingressgateway"), ("rust-services", "app in (service-a, service-b)"), ("istio-system", "app=istiod")):
            until(f"the pods of {namespace}", lambda namespace=namespace, label=label: ready(cluster, namespace, label), 400)

    return strike


@dataclass(frozen=True)
class Fault:
    what: str
    strike: Strike
    promise: str = "no request fails"
    failures: float = 0.0  # the most of all requests that may fail, as a share
    within: float = 0.0  # seconds after which none does


FAULTS = [
    Fault("istiod killed", crash("istio-system", "app=istiod", "discovery")),
    Fault("istiod away for 20 s", away("istio-system", "istiod", "app=istiod", 20)),
    Fault("load balancer controller killed", crash("kube-system", "app.kubernetes.io/name=aws-load-balancer-controller", "aws-load-balancer-controller")),
    Fault("AWS's API paused for 10 s", pause(AWS_API, 10)),
    Fault("API server killed", crash("kube-system", "component=kube-apiserver", "kube-apiserver")),
    Fault("service-a killed", crash("rust-services", "app=service-a", "service-a"), "what was under way in it", 0.03, 10),
    Fault("service-b killed", crash("rust-services", "app=service-b", "service-b"), "what was under way in it", 0.03, 10),
    Fault("gateway killed", crash("istio-ingress", "istio=ingressgateway", "istio-proxy"), "its half, until its health check fails", 0.5, UNTIL_UNHEALTHY),
    Fault("gateway's pod deleted without grace", delete("istio-ingress", "istio=ingressgateway"), "its half, until it is deregistered", 0.5, UNTIL_UNHEALTHY),
    Fault("the only node paused for 5 s", pause(NODE, 5), "requests wait, or fail while it lasts", 0.1, 5 + UNTIL_UNHEALTHY),
    Fault("the only node killed, back after 5 s", power_off(NODE, 5), "all until it is back, by itself", 0.5, 300),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_requests_during(load, cluster, record, fault):
    with load(rate=RATE, connections=CONNECTIONS) as running:
        time.sleep(1)
        running.fault_is_now()
        fault.strike(cluster)
        until("good answers again", running.well, 300)
        # What it leaves behind may show only later.
        time.sleep(5)
        until("a load that can tell", lambda: running.sent() >= 2000, 120)
    record(fault.what, fault.promise, running.outcome)
    assert running.outcome.failed <= fault.failures * running.outcome.requests, running.outcome
    assert running.outcome.last_failure <= fault.within, running.outcome


def test_after_all_of_it_the_platform_needs_no_repair(play):
    run = play("playbooks/site.yml")
    assert (run.failed, run.changes()) == (0, [])
