# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Kiali draws who calls whom, as often as they do, and may do nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster import Cluster
from harness import ask, until

Get = Callable[..., Any]
NAMESPACES = "istio-ingress,rust-services"
REACHED = [("istio-ingressgateway", "service-b"), ("service-b", "service-a")]


def edges(get: Get) -> dict[tuple[str, str], dict[str, Any]]:
    graph = get("kiali:20001", "/kiali/api/namespaces/graph", namespaces=NAMESPACES, duration="120s", graphType="workload", appenders="istio,securityPolicy")
    nodes = {node["data"]["id"]: node["data"].get("workload", "") for node in graph["elements"]["nodes"]}
    return {(nodes[edge["data"]["source"]], nodes[edge["data"]["target"]]): edge["data"] for edge in graph["elements"].get("edges", [])}


def test_the_graph_leads_from_the_gateway_over_both_services(get: Get, host: str) -> None:
    def drawn() -> bool:
        for _request in range(20):
            assert ask(host, "/?name=A+Field").status == 200
        found = edges(get)
        return all(edge in found and "isMTLS" in found[edge] for edge in REACHED)

    until("Kiali's edges", drawn, 120)
    found = edges(get)
    assert not [edge for edge in found if "unknown" in edge], found
    for edge in REACHED:
        traffic = found[edge]["traffic"]
        assert traffic["protocol"] == "http" and float(traffic["rates"]["http"]) > 0, traffic
        assert found[edge].get("isMTLS") == "100", found[edge]


def test_it_sees_the_namespaces_of_the_mesh_and_no_others(get: Get) -> None:
    assert {one["name"] for one in get("kiali:20001", "/kiali/api/namespaces")} == {"istio-ingress", "istio-system", "rust-services"}


def test_it_reads_no_secret_and_writes_nothing(cluster: Cluster) -> None:
    account = "--as=system:serviceaccount:istio-system:kiali"
    for verb, kind, where in (("get", "secrets", "rust-services"), ("patch", "deployments", "rust-services"), ("list", "pods", "kube-system")):
        assert cluster.kubectl("auth", "can-i", verb, kind, "-n", where, account, ok=False).stdout.strip() == "no", (verb, kind, where)
    assert cluster.kubectl("auth", "can-i", "list", "pods", "-n", "rust-services", account).stdout.strip() == "yes"
