"""The platform on three nodes: pods are spread, requests go from node to node, and do so again after a node was stopped or drained."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter

import pytest
from cluster import Cluster
from harness import Asking, ask, the_cluster, until

CLUSTER = "multi"
CONVERGE = "molecule/multi_node/converge.yml"
NODES = {f"{CLUSTER}-control-plane", f"{CLUSTER}-worker", f"{CLUSTER}-worker2"}
PATH, FIELDS = "/?name=A+Field", b'{"key_one":"(A Field)Field 1","key_two":"(A Field)Field 2"}'


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return the_cluster(CLUSTER)


@pytest.fixture(scope="module")
def hostname(cluster) -> str:
    return cluster.get("Ingress", "ingress", "istio-ingress")["status"]["loadBalancer"]["ingress"][0]["hostname"]


def running(cluster, namespace: str, selector: str) -> dict[str, tuple[str, str]]:
    """Name, node and address of the pods that are to stay."""
    items = cluster.find("Pod", namespace, selector)
    return {pod["metadata"]["name"]: (pod["spec"]["nodeName"], pod["status"].get("podIP", "")) for pod in items if not pod["metadata"].get("deletionTimestamp")}


def hops(cluster, hostname: str) -> Counter[tuple[str, str]]:
    """From which node to which the requests of now went from service-b to service-a, by the sidecars' access logs."""
    backends = {address: node for node, address in running(cluster, "rust-services", "app=service-a").values()}
    for number in range(60):
        answer = ask(hostname, f"/?name=hop-{number}")
        assert answer.status == 200, answer
    time.sleep(11)  # Envoy writes its access log every ten seconds
    found: Counter[tuple[str, str]] = Counter()
    for pod, (node, _address) in running(cluster, "rust-services", "app=service-b").items():
        for line in cluster.logs("rust-services", pod, "istio-proxy", 400).splitlines():
            if '"path":"/route' in line and "hop-" in line:
                to = backends.get(json.loads(line)["upstream_host"].rpartition(":")[0])
                if to:
                    found[node, to] += 1
    return found


def crossed(found: Counter[tuple[str, str]]) -> int:
    return sum(count for (one, other), count in found.items() if one != other)


def test_three_nodes_are_ready_each_with_pod_addresses_of_its_own(cluster):
    nodes = cluster.find("Node")
    assert {node["metadata"]["name"] for node in nodes} == NODES
    assert len({node["spec"]["podCIDR"] for node in nodes}) == 3
    assert all(condition["status"] == "True" for node in nodes for condition in node["status"]["conditions"] if condition["type"] == "Ready")


def test_the_pods_are_spread(cluster):
    for namespace, selector, least in (
        ("rust-services", "app=service-a", 2),
        ("rust-services", "app=service-b", 2),
        ("istio-ingress", "istio=ingressgateway", 2),
    ):
        nodes = {node for node, _address in running(cluster, namespace, selector).values()}
        assert len(nodes) >= least, f"{selector}: {nodes}"


def test_requests_cross_nodes(cluster, hostname):
    found = hops(cluster, hostname)
    assert crossed(found) > 0 and len({to for _one, to in found}) >= 2, found


def test_every_node_reaches_the_pods_of_every_other(cluster):
    """By address, without the mesh: the nodes' routes."""
    gateways = [f"http://{address}:15021/healthz/ready" for _node, address in running(cluster, "istio-ingress", "istio=ingressgateway").values()]
    resolvers = [f"http://{address}:8181/ready" for _node, address in running(cluster, "kube-system", "k8s-app=kube-dns").values()]
    for node in NODES:
        for url in gateways + resolvers:
            asked = ["docker", "exec", node, "curl", "--silent", "--show-error", "--fail", "--max-time", "10", url]
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"from {node} to {url}: {done.stderr}"


def test_the_load_balancer_reaches_gateways_on_both_workers(aws, hostname):
    elb = aws("elbv2")
    balancer = next(item for item in elb.describe_load_balancers()["LoadBalancers"] if item["DNSName"] == hostname)
    group = elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"][0]["TargetGroupArn"]
    states = [item["TargetHealth"]["State"] for item in elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]]
    assert states == ["healthy", "healthy"]


def leaders_node(cluster) -> str:
    """Where the load balancer controller is that speaks to AWS. Whoever follows it waits until its lease is over."""
    lease = cluster.get("Lease", "aws-load-balancer-controller-leader", "kube-system")
    return cluster.get("Pod", lease["spec"]["holderIdentity"].partition("_")[0], "kube-system")["spec"]["nodeName"]


def test_draining_a_node_fails_no_request(cluster, hostname):
    """The worst of them: for seconds, nobody tells the load balancer that a gateway goes."""
    worker = leaders_node(cluster)
    assert worker in {node for node, _address in running(cluster, "istio-ingress", "istio=ingressgateway").values()}
    try:
        with Asking(hostname, PATH, FIELDS) as asking:
            cluster.kubectl("drain", worker, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=170s")
        assert asking.failed == {} and asking.answers["ok"] > 20, asking.answers
        left = cluster.find("Pod", fields=f"spec.nodeName={worker}")
        owners = {pod["metadata"]["ownerReferences"][0]["kind"] for pod in left if not pod["metadata"].get("deletionTimestamp")}
        assert owners <= {"DaemonSet"}
    finally:
        cluster.kubectl("uncordon", worker)


def test_after_a_stop_of_a_node_a_run_starts_it_and_requests_cross_nodes_again(play, cluster, hostname):
    subprocess.run(["docker", "stop", "--time=2", f"{CLUSTER}-worker"], capture_output=True, check=True)
    run = play(CONVERGE)
    assert run.changed > 0
    assert {node["metadata"]["name"] for node in cluster.find("Node")} == NODES
    for app in ("service-a", "service-b"):
        cluster.kubectl("-n", "rust-services", "rollout", "restart", f"deployment/{app}")
        cluster.kubectl("-n", "rust-services", "rollout", "status", f"deployment/{app}", "--timeout=170s")
    until("the answers", lambda: ask(hostname, PATH).body == FIELDS, 60)
    assert crossed(hops(cluster, hostname)) > 0
    assert play(CONVERGE).changed == 0


def test_the_first_platform_answers_as_before(play):
    play("playbooks/verify.yml")
