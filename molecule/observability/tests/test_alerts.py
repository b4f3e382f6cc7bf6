# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Alerts fire by their cause and arrive: by webhook, and by e-mail."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from aiosmtpd.controller import Controller
from cluster import Cluster
from harness import ask, until
from looking import ON_THE_PLATFORM, by_module, seen

REJECTED = {
    "apiVersion": "networking.istio.io/v1alpha3",
    "kind": "EnvoyFilter",
    "metadata": {"name": "no-such-filter", "namespace": "rust-services"},
    "spec": {
        "configPatches": [
            {
                "applyTo": "HTTP_FILTER",
                "match": {"context": "SIDECAR_INBOUND", "listener": {"filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}}},
                "patch": {
                    "operation": "INSERT_FIRST",
                    "value": {
                        "name": "no-such-filter",
                        "typed_config": {
                            "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
                            "type_url": "type.googleapis.com/example.com.NoSuchFilter",
                            "value": {},
                        },
                    },
                },
            }
        ]
    },
}


class Told:
    """Two receivers, and what they were told."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.mailed: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self.mailed.append(str(message_from_bytes(envelope.content)["Subject"]))
        return "250 OK"

    def alerts(self, name: str) -> list[dict[str, Any]]:
        return [alert for message in self.posted for alert in message["alerts"] if alert["labels"]["alertname"] == name and alert["status"] == "firing"]


@pytest.fixture(scope="module")
def told(cluster: Cluster) -> Iterator[Told]:
    """They listen where Alertmanager's configuration says."""
    said = yaml.safe_load(cluster.get("ConfigMap", "alertmanager", "istio-system")["data"]["alertmanager.yml"])
    receivers = {one["name"]: one for one in said["receivers"]}
    address = urlsplit(receivers["on-call"]["webhook_configs"][0]["url"])
    host, _colon, port = receivers["team"]["email_configs"][0]["smarthost"].partition(":")
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    mail = Controller(told, hostname=host, port=int(port))
    mail.start()
    with ThreadingHTTPServer((str(address.hostname), int(address.port or 80)), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield told
        finally:
            server.shutdown()
            mail.stop()


@pytest.fixture
def broken(cluster: Cluster) -> Iterator[None]:
    cluster.kubectl("apply", "-f", "-", text=json.dumps(REJECTED))
    try:
        yield
    finally:
        cluster.kubectl("delete", "envoyfilter", "no-such-filter", "-n", "rust-services")


@pytest.fixture
def without_pods(cluster: Cluster) -> Iterator[None]:
    replicas = cluster.get("Deployment", "service-a", "rust-services")["spec"]["replicas"]
    cluster.kubectl("scale", "deployment/service-a", "-n", "rust-services", "--replicas=0")
    cluster.kubectl("wait", "--for=delete", "pod", "-l", "app=service-a", "-n", "rust-services", "--timeout=90s")
    try:
        yield
    finally:
        cluster.kubectl("scale", "deployment/service-a", "-n", "rust-services", f"--replicas={replicas}")
        cluster.kubectl("rollout", "status", "deployment/service-a", "-n", "rust-services", "--timeout=120s")


def test_nothing_is_told_of_a_mesh_that_is_well(told: Told, get: Callable[..., Any]) -> None:
    assert [alert for alert in get("alertmanager:9093", "/api/v2/alerts") if alert["status"]["state"] == "active"] == [] == told.posted


@pytest.mark.usefixtures("broken")
def test_a_warning_reaches_who_wants_warnings(told: Told) -> None:
    until("the webhook", lambda: told.alerts("ProxiesRejectConfiguration"), 120)
    (alert, *_) = told.alerts("ProxiesRejectConfiguration")
    assert alert["labels"]["severity"] == "warning" and "rejected configuration" in alert["annotations"]["summary"]
    assert told.mailed == [], "the team wants to know what is critical only"


@pytest.mark.usefixtures("without_pods")
def test_a_service_without_pods_reaches_everybody(told: Told, host: str) -> None:
    def arrived() -> bool:
        assert ask(host, "/?name=A+Field").status >= 500
        return bool(told.alerts("ServiceHasNoHealthyPod") and [subject for subject in told.mailed if "ServiceHasNoHealthyPod" in subject])

    until("webhook and mail", arrived, 240)
    (alert, *_) = told.alerts("ServiceHasNoHealthyPod")
    assert (alert["labels"]["destination_service_name"], alert["labels"]["severity"]) == ("service-a", "critical")
    assert alert["annotations"]["summary"] == "service-a.rust-services: requests are refused, since no pod of it is healthy"
    found = by_module(**ON_THE_PLATFORM)
    seen(found, "traffic", "rust-services/service-a", "requests a second failed, since", "rust-services/service-b asks")
