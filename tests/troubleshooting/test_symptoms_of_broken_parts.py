# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Symptoms of a platform whose own parts were taken away; site.yml mends it afterwards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import boto3
import pytest
from cluster import Cluster
from harness import AWS, CLUSTER, Play, the_cluster, until
from looking import ON_THE_PLATFORM, by_module, first, seen

pytestmark = pytest.mark.slow
NODE = f"{CLUSTER}-control-plane"
HELD = "trouble-held"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return the_cluster()


@pytest.fixture(scope="module", autouse=True)
def mended() -> Iterator[None]:
    Play()("playbooks/site.yml")
    yield
    Play()("playbooks/site.yml")


def test_without_service_a_the_load_balancer_answers_502(cluster: Cluster) -> None:
    cluster.kubectl("-n", "rust-services", "scale", "deployment/service-a", "--replicas=0")
    cluster.kubectl("-n", "rust-services", "wait", "--for=delete", "pod", "-l", "app=service-a", "--timeout=90s")
    found = by_module(**{**ON_THE_PLATFORM, "paths": ["/?name=A+Field"], "expected": ["rust-services/service-a"]})
    seen(found, "scaled", "rust-services/service-a is scaled to 0")
    seen(found, "answer", "/?name=A+Field: 50", "error")
    assert first(found) == "scaled"
    cluster.kubectl("-n", "rust-services", "scale", "deployment/service-a", "--replicas=2")


def test_without_istiod_nobody_says_what_proxies_have(cluster: Cluster) -> None:
    cluster.kubectl("-n", "istio-system", "scale", "deployment/istiod", "--replicas=0")
    cluster.kubectl("-n", "istio-system", "wait", "--for=delete", "pod", "-l", "app=istiod", "--timeout=90s")
    found = by_module(**ON_THE_PLATFORM)
    seen(found, "proxy", "istiod does not say what its proxies have")
    seen(found, "webhook", "istio-system/istiod, which has no ready endpoint")
    cluster.kubectl("-n", "istio-system", "scale", "deployment/istiod", "--replicas=1")
    cluster.kubectl("-n", "istio-system", "rollout", "status", "deployment/istiod", "--timeout=120s")


def test_a_closed_security_group_makes_targets_unhealthy() -> None:
    ec2, elb = boto3.client("ec2", **AWS), boto3.client("elbv2", **AWS)
    balancer = elb.describe_load_balancers(Names=[f"{CLUSTER}-alb"])["LoadBalancers"][0]
    own = set(balancer["SecurityGroups"])
    rules = [
        (group["GroupId"], permission)
        for group in ec2.describe_security_groups()["SecurityGroups"]
        for permission in group["IpPermissions"]
        if own & {pair["GroupId"] for pair in permission.get("UserIdGroupPairs") or []}
    ]
    assert rules
    only_ours = [
        (group, {**permission, "UserIdGroupPairs": [{"GroupId": pair["GroupId"]} for pair in permission["UserIdGroupPairs"] if pair["GroupId"] in own]})
        for group, permission in rules
    ]
    for group, permission in only_ours:
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])
    try:
        found = until(
            "an unhealthy target", lambda: (got := by_module(**ON_THE_PLATFORM)) and "target" in {one["symptom"] for one in got["findings"]} and got, 60, 2
        )
        seen(found, "target", "is unhealthy: Target.Timeout")
    finally:
        for group, permission in only_ours:
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def test_a_held_namespace_and_a_stopped_kubelet(cluster: Cluster) -> None:
    """Both are news after a minute; so they wait together."""
    held = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "held", "namespace": HELD, "finalizers": ["trouble.example/nobody"]}}
    held["spec"] = {"ports": [{"port": 80}]}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HELD}}
    for item in (space, held):
        cluster.kubectl("apply", "-f", "-", text=json.dumps(item))
    cluster.kubectl("delete", "namespace", HELD, "--wait=false")

    def kubelet(verb: str) -> None:
        subprocess.run(["docker", "exec", NODE, "systemctl", verb, "kubelet"], capture_output=True, timeout=60, check=True)

    kubelet("stop")
    try:
        until("a node that is not ready", lambda: "Ready=Unknown" in conditions(cluster), 180, 3)
        # What is in the namespace is deleted seconds after the namespace.
        found = until(
            "what is held in the namespace is news",
            lambda: (got := by_module(**ON_THE_PLATFORM)) and any(f"Service {HELD}/held" in one["what"] for one in got["findings"]) and got,
            120,
            5,
        )
        seen(found, "node", f"{NODE} is not ready", "Kubelet stopped posting node status")
        seen(found, "terminating", f"Service {HELD}/held", "held by trouble.example/nobody")
        seen(found, "terminating", f"Namespace {HELD}", "content")
        assert first(found) == "node"
    finally:
        kubelet("start")
        cluster.kubectl("-n", HELD, "patch", "service", "held", "--type=merge", "--patch", '{"metadata":{"finalizers":[]}}')
    cluster.kubectl("wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=120s")


def conditions(cluster: Cluster) -> str:
    node = cluster.get("Node", NODE)
    return " ".join(f"{one['type']}={one['status']}" for one in node["status"]["conditions"])
