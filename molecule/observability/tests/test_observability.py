# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What Prometheus says of the platform's services is what was sent to them, under the names that Istio's tools ask for."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from cluster import Cluster
from harness import REPO, ask, until

CONVERGE = "molecule/observability/converge.yml"
GOLDEN = yaml.safe_load((REPO / "tests/unit/plugins/module_utils/observability/istio_metrics.yml").read_text(encoding="utf-8"))
PROXY = "/api/v1/namespaces/istio-system/services/prometheus:9090/proxy"
SENT = 200
Query = Callable[[str], list[dict[str, Any]]]
# Service-b is asked by the gateway, and asks service-a itself: the reporters of both ways.
EDGES = {
    "gateway": 'reporter="source", source_workload="istio-ingressgateway", destination_workload="service-b"',
    "service-b": 'reporter="destination", destination_workload="service-b"',
    "service-b's call": 'reporter="source", source_workload="service-b", destination_workload="service-a"',
    "service-a": 'reporter="destination", destination_workload="service-a"',
}


@pytest.fixture(scope="module")
def query(cluster: Cluster) -> Query:
    """As docs/observability.md asks it."""

    def asked(text: str) -> list[dict[str, Any]]:
        answer = json.loads(cluster.kubectl("get", "--raw", f"{PROXY}/api/v1/query?query={quote(text)}").stdout)
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    return asked


def total(query: Query, text: str) -> float:
    return sum(float(one["value"][1]) for one in query(text))


def counted(query: Query, code: str = "200") -> dict[str, float]:
    ours = 'destination_service_namespace="rust-services"'
    return {name: total(query, f'istio_requests_total{{{labels}, response_code="{code}", {ours}}}') for name, labels in EDGES.items()}


def test_every_request_is_counted_once_on_each_side_of_each_hop(query: Query, host: str) -> None:
    until("Prometheus to have asked all proxies", lambda: total(query, 'count(up{job="kubernetes-pods"} == 1)') >= 4, 60)
    time.sleep(5)  # what was sent before is read by then
    before = counted(query)
    for _request in range(SENT):
        assert ask(host, "/?name=A+Field").status == 200
    until("the proxies' counts", lambda: min(counted(query)[name] - before[name] for name in EDGES) >= SENT, 60)
    time.sleep(5)  # what is counted twice comes now
    assert {name: counted(query)[name] - before[name] for name in EDGES} == dict.fromkeys(EDGES, float(SENT))


def test_the_same_requests_are_in_the_histogram(query: Query) -> None:
    labels = EDGES["service-b"]
    count = total(query, f"istio_request_duration_milliseconds_count{{{labels}}}")
    assert count == total(query, f"istio_requests_total{{{labels}}}") == total(query, f'istio_request_duration_milliseconds_bucket{{{labels}, le="+Inf"}}')


def test_an_error_is_counted_with_its_status(query: Query, host: str) -> None:
    missing = 'istio_requests_total{reporter="destination", destination_workload="service-b", response_code="404"}'
    before = total(query, missing)
    assert ask(host, "/nothing-of-this-name").status == 404
    until("the count of 404", lambda: total(query, missing) == before + 1, 60)


def test_the_mesh_is_seen_to_use_mutual_tls(query: Query) -> None:
    (series,) = {tuple(sorted(one["metric"].items())) for one in query(f"sum by (connection_security_policy) (istio_requests_total{{{EDGES['service-a']}}})")}
    assert series == (("connection_security_policy", "mutual_tls"),)


def test_series_have_the_labels_of_istios_own_proxy_and_where_they_were_found(query: Query) -> None:
    wanted = {*GOLDEN["labels"]["both"], *GOLDEN["labels"]["http"], "__name__", "job", "instance", "namespace", "pod", "node", "app"}
    for labels in EDGES.values():
        assert {frozenset(one["metric"]) for one in query(f'istio_requests_total{{{labels}, response_code="200"}}')} == {frozenset(wanted)}


def test_no_label_of_a_service_is_unknown_but_what_the_page_says(query: Query) -> None:
    """docs/observability.md lists what a stock Envoy does not know."""
    unknown = {
        name: {label for one in query(f"istio_requests_total{{{labels}}}") for label, value in one["metric"].items() if value == "unknown"}
        for name, labels in EDGES.items()
    }
    callers = {"source_version"}
    own = {"source_version", "destination_version"}  # the platform's services have no label `version`
    assert unknown["service-a"] - own <= callers and unknown["service-b's call"] - own <= {"connection_security_policy"}, unknown


def test_alerts_are_evaluated_on_metrics_that_are_there(cluster: Cluster, query: Query) -> None:
    """A rule about a metric that nobody gives never holds, and nobody sees it."""
    answer = json.loads(cluster.kubectl("get", "--raw", f"{PROXY}/api/v1/rules").stdout)
    rules = {rule["name"]: rule for group in answer["data"]["groups"] for rule in group["rules"]}
    assert "ServiceFails" in rules and [rule["lastError"] for rule in rules.values() if rule.get("lastError")] == []
    for metric in ("istio_agent_cert_expiry_seconds", "citadel_server_root_cert_expiry_seconds", 'up{app="istiod"}'):
        assert query(metric), metric
    assert [rule["name"] for rule in rules.values() if rule["state"] == "firing"] == []


def test_istiod_is_asked_too(query: Query) -> None:
    assert total(query, 'pilot_xds_pushes{app="istiod"}') > 0


def test_istioctl_finds_it(cluster: Cluster) -> None:
    """By the label for which its dashboard command looks, and the port to which it forwards."""
    (pod,) = cluster.find("Pod", "istio-system", "app.kubernetes.io/name=prometheus")
    assert pod["status"]["phase"] == "Running"
    assert [port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]] == [9090]


def test_it_runs_without_rights_on_its_node(cluster: Cluster) -> None:
    (pod,) = cluster.find("Pod", "istio-system", "app.kubernetes.io/name=prometheus")
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] and pod["spec"]["securityContext"]["runAsNonRoot"]
    account = "--as=system:serviceaccount:istio-system:prometheus"
    assert cluster.kubectl("auth", "can-i", "get", "pods", "-A", account).stdout.strip() == "yes"
    for verb, kind in (("get", "secrets"), ("get", "configmaps"), ("delete", "pods"), ("get", "nodes")):
        assert cluster.kubectl("auth", "can-i", verb, kind, "-A", account, ok=False).stdout.strip() == "no", kind


def test_a_changed_configuration_is_read_without_a_restart(play: Any, cluster: Cluster, query: Query) -> None:
    def uid() -> str:
        (pod,) = cluster.find("Pod", "istio-system", "app.kubernetes.io/name=prometheus")
        return str(pod["metadata"]["uid"])

    before = uid()
    run = play(CONVERGE, "-e", "observability_prometheus_scrape_interval=3")
    assert [one["kind"] for one in run.result("Apply the components")["resources"]] == ["ConfigMap"]

    def interval() -> str:
        answer = json.loads(cluster.kubectl("get", "--raw", f"{PROXY}/api/v1/status/config").stdout)
        return str(yaml.safe_load(answer["data"]["yaml"])["global"]["scrape_interval"])

    until("the changed configuration, which the kubelet brings within two minutes", lambda: interval() == "3s", 180)
    assert uid() == before and total(query, "prometheus_config_last_reload_successful") == 1
    play(CONVERGE)


def test_a_volume_that_the_cluster_does_not_make_is_refused_and_nothing_is_changed(play: Any, cluster: Cluster) -> None:
    run = play(CONVERGE, "-e", "observability_prometheus_storage=5Gi", ok=False)
    assert "class standard makes no volumes by itself" in run.failures() or "no default class" in run.failures(), run.failures()
    assert run.changed == 0 and not cluster.find("PersistentVolumeClaim", "istio-system")


def test_what_left_the_list_is_removed_and_comes_back(play: Any, cluster: Cluster) -> None:
    run = play(CONVERGE, "-e", '{"observability_components": []}')
    gone = {(one["kind"], one["name"], one["action"]) for one in run.result("Apply the components")["resources"]}
    assert ("Deployment", "prometheus", "delete") in gone and ("ClusterRole", "prometheus-istio-system", "delete") in gone
    assert not cluster.find("Service", "istio-system", "app.kubernetes.io/name=prometheus")
    assert not cluster.has("ClusterRoleBinding", "prometheus-istio-system")
    play(CONVERGE)
    assert cluster.get("Deployment", "prometheus", "istio-system")["status"]["readyReplicas"] == 1


def test_all_of_it_takes_less_memory_than_a_laptop_has_to_spare(cluster: Cluster) -> None:
    """By the kernel's count of each pod, without the cache of files, in either version of control groups."""
    found = cluster.find("Pod", "istio-system", "app.kubernetes.io/name in (prometheus, alertmanager, kiali, perses, jaeger)")
    assert len(found) == 5
    script = 'for uid in $*; do cat $(find /sys/fs/cgroup -path "*pod$(echo $uid | tr - _).slice/memory.stat" | head -n 1); done'
    uids = [str(pod["metadata"]["uid"]) for pod in found]
    said = subprocess.run(["docker", "exec", "sandbox-control-plane", "bash", "-c", script, "-", *uids], capture_output=True, text=True, check=True).stdout
    anonymous = [int(line.split()[1]) for line in said.splitlines() if line.split()[0] in ("anon", "total_rss")]
    assert len(anonymous) == 5 and sum(anonymous) < 700 * 2**20, [f"{size / 2**20:.0f} MiB" for size in anonymous]
