# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a real stock Envoy counts, once scraped, is called as Istio's own proxy calls it, and is what was sent."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stock_envoy
import yaml
from relabelling import Labels, relabelled, series

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.metrics import http_logger, stock_envoy_filter, tcp_logger
from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.scraping import metric_rules, scrape_configs

GOLDEN = yaml.safe_load((Path(__file__).parent / "istio_metrics.yml").read_text(encoding="utf-8"))
CALLER = "spiffe://cluster.local/ns/istio-ingress/sa/istio-ingressgateway-service-account"
pytestmark = pytest.mark.skipif(stock_envoy.envoy_binary() is None, reason="this machine has no Envoy")
Counted = list[tuple[Labels, float]]


def read(text: str) -> Counted:
    """The series as Prometheus keeps them, without the buckets. It has found the pod by its labels."""
    pod = {f"__meta_kubernetes_pod_label_{re.sub(r'[./-]', '_', name)}": value for name, value in stock_envoy.OWN_LABELS.items()}
    target = {name: value for name, value in found_target(pod).items() if name.startswith("proxy_")}
    found = [(made, value) for labels, value in series(text) if (made := relabelled({**target, **labels}, metric_rules()))]
    return [(labels, value) for labels, value in found if not labels["__name__"].endswith(("_bucket", "_sum"))]


def found_target(labels: Labels) -> Labels:
    """A pod that wants to be asked, as Prometheus makes a target of it."""
    (pods,) = [config for config in scrape_configs() if "kubernetes_sd_configs" in config]
    asked = {"__meta_kubernetes_pod_annotation_prometheus_io_scrape": "true", "__meta_kubernetes_pod_phase": "Running"}
    return relabelled({**asked, **labels}, pods["relabel_configs"]) or {}


def counted(folder: Path, reporter: Any, context: str) -> Counted:
    with stock_envoy.running(folder, http_logger(reporter, context), tcp_logger(reporter)) as envoy:
        for path in ["/"] * 7 + ["/broken"] * 2 + ["/nowhere", "/elsewhere/a"]:
            envoy.get(path, host="back.example.com")
        envoy.get("/", **{"content-type": "application/grpc"})
        envoy.connect_once()
        return read(envoy.metrics("envoy_istio_tcp_sent_bytes_total"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    yield counted(tmp_path_factory.mktemp("source"), "source", "SIDECAR_OUTBOUND")


@pytest.fixture(scope="module")
def destination(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    yield counted(tmp_path_factory.mktemp("destination"), "destination", "SIDECAR_INBOUND")


def names_and_labels(found: Counted) -> dict[str, set[frozenset[str]]]:
    kinds = collections.defaultdict(set)
    for labels in [labels for labels, _value in found if labels["request_protocol"] != "grpc"]:
        kinds[labels["__name__"].removesuffix("_count")].add(frozenset(labels) - {"__name__"})
    return dict(kinds)


def golden() -> dict[str, set[frozenset[str]]]:
    labels = {"http": [*GOLDEN["labels"]["both"], *GOLDEN["labels"]["http"]], "tcp": GOLDEN["labels"]["both"]}
    return {name: {frozenset(labels[kind])} for kind, names in GOLDEN["metrics"].items() for name in names}


def test_names_and_labels_are_those_of_istios_own_proxy(source: Counted, destination: Counted) -> None:
    assert names_and_labels(source) == golden()
    assert names_and_labels(destination) == golden()


def requests(found: Counted, **labels: str) -> float:
    return sum(value for one, value in found if one["__name__"] == "istio_requests_total" and labels.items() <= one.items())


def test_each_request_is_counted_once_with_its_status(source: Counted, destination: Counted) -> None:
    for found in (source, destination):
        assert requests(found) == 12
        assert [requests(found, response_code=code) for code in ("200", "503", "404")] == [9, 2, 1]


def test_a_call_by_grpc_is_counted_with_its_status(source: Counted, destination: Counted) -> None:
    for found in (source, destination):
        assert requests(found, request_protocol="grpc", grpc_response_status="2") == 1
        assert requests(found, request_protocol="http") == 11


def test_the_source_knows_the_endpoint_that_it_chose(source: Counted) -> None:
    ends = {"source_workload": "front-v1", "source_app": "front", "source_version": "v1", "source_cluster": "Kubernetes"}
    workload = {"destination_workload": "back-v2", "destination_workload_namespace": "store", "destination_app": "back", "destination_version": "v2"}
    service = {"destination_service": "back.store.svc.cluster.local", "destination_service_name": "back", "destination_service_namespace": "store"}
    assert requests(source, reporter="source", connection_security_policy="unknown", **ends, **workload, **service) == 10


def test_a_request_to_no_service_of_the_mesh_has_the_names_that_istio_gives_it(source: Counted, destination: Counted) -> None:
    assert requests(source, destination_service_name="PassthroughCluster", destination_service="back.example.com", destination_workload="unknown") == 1
    assert requests(source, destination_service_name="unknown", destination_service="unknown", response_code="404", response_flags="-") == 1
    assert requests(destination, destination_service="unknown", response_code="200") == 1, "a destination does not believe the host of a request"


def test_the_destination_knows_itself_and_no_caller_without_a_certificate(destination: Counted) -> None:
    own = {"destination_workload": "front-v1", "destination_workload_namespace": "shop", "destination_canonical_revision": "v1"}
    caller = {"source_workload": "unknown", "source_principal": "unknown", "source_canonical_revision": "latest"}
    assert requests(destination, reporter="destination", connection_security_policy="none", **own, **caller) == 12


def test_a_connection_is_counted_when_it_has_ended(source: Counted) -> None:
    tcp = {labels["__name__"]: value for labels, value in source if labels["request_protocol"] == "tcp"}
    assert tcp["istio_tcp_connections_opened_total"] == tcp["istio_tcp_connections_closed_total"] == 1
    assert tcp["istio_tcp_received_bytes_total"] == len(b"GET / HTTP/1.0\r\n\r\n") and tcp["istio_tcp_sent_bytes_total"] > 5


def test_a_caller_is_known_by_its_service_account() -> None:
    """Mutual TLS is the platform's part; here it is what the rules make of it."""
    labels = {"__name__": "envoy_istio_requests_total", "reporter": "destination", "source_principal": CALLER}
    found = relabelled(labels, metric_rules()) or {}
    assert {name: found[name] for name in ("source_workload", "source_workload_namespace", "source_app", "source_canonical_service")} == {
        "source_workload": "istio-ingressgateway",
        "source_workload_namespace": "istio-ingress",
        "source_app": "istio-ingressgateway",
        "source_canonical_service": "istio-ingressgateway",
    }


def test_a_workload_without_a_version_is_the_latest_of_no_version() -> None:
    labels = {"__name__": "envoy_istio_requests_total", "reporter": "source", "destination_peer": "back;store;back;latest;Kubernetes"}
    found = relabelled(labels, metric_rules()) or {}
    assert (found["destination_version"], found["destination_canonical_revision"], "destination_peer" in found) == ("unknown", "latest", False)


@pytest.mark.parametrize("name", ["istio_requests_total", "istio_request_duration_milliseconds_bucket", "istio_tcp_sent_bytes_total"])
def test_what_istios_own_proxy_says_stays_as_it_is(name: str) -> None:
    own = {label: f"its {label}" for label in GOLDEN["labels"]["both"]} | {"reporter": "destination", "source_principal": CALLER}
    for said in (own, {**own, "source_workload": "unknown"}):
        assert relabelled({"__name__": name, **said}, metric_rules()) == {"__name__": name, **said}


@pytest.mark.parametrize("name", ["istio_build", "istio_agent_pilot_xds", "envoy_cluster_upstream_cx_active", "pilot_xds_pushes", "http_requests_total"])
def test_other_metrics_stay_as_they_are(name: str) -> None:
    assert relabelled({"__name__": name, "app": "front"}, metric_rules()) == {"__name__": name, "app": "front"}


def test_the_filter_is_in_every_sidecar_and_gateway() -> None:
    made = stock_envoy_filter("istio-system")
    assert (made["metadata"]["namespace"], "workloadSelector" in made["spec"]) == ("istio-system", False)
    contexts = collections.Counter(patch["match"]["context"] for patch in made["spec"]["configPatches"])
    assert contexts == {"SIDECAR_OUTBOUND": 2, "SIDECAR_INBOUND": 2, "GATEWAY": 2}


@pytest.mark.parametrize("revision", ["", "canary"])
def test_two_revisions_do_not_count_twice(revision: str) -> None:
    """istiod of a revision takes what has its label, and what has none."""
    metadata = stock_envoy_filter("istio-system", revision)["metadata"]
    assert metadata["labels"] == {"istio.io/rev": revision or "default"} and metadata["name"].endswith(f"-{revision or 'default'}")
