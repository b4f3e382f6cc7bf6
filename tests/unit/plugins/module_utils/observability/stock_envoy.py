# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A stock Envoy with the access loggers of mesh/metrics.py, configured as Istio configures a sidecar or gateway, without a cluster."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PROXY = {"ISTIO_META_WORKLOAD_NAME": "front-v1", "POD_NAMESPACE": "shop", "ISTIO_META_CLUSTER_ID": "Kubernetes"}
OWN_LABELS = {"app": "front", "version": "v1", "service.istio.io/canonical-name": "front", "service.istio.io/canonical-revision": "v1"}
SERVICE = {"host": "back.store.svc.cluster.local", "name": "back", "namespace": "store"}
PEER = "back-v2;store;back;v2;Kubernetes"
_NETWORK = "type.googleapis.com/envoy.extensions.filters.network"


def envoy_binary() -> str | None:
    package = importlib.util.find_spec("envoy")
    for folder in (package.submodule_search_locations or []) if package else []:
        if (binary := Path(folder) / "_bin" / "envoy").exists():
            return str(binary)
    return shutil.which("envoy")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer is one packet

    def do_GET(self) -> None:
        body = b"hello"
        self.send_response(503 if self.path == "/broken" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class StockEnvoy:
    def __init__(self, admin: int, http_port: int, tcp_port: int) -> None:
        self.admin, self.http_port, self.tcp_port = admin, http_port, tcp_port

    def get(self, path: str, port: int = 0, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.http_port, timeout=5)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def connect_once(self) -> None:
        """One TCP connection with a request and its answer."""
        with socket.create_connection(("127.0.0.1", self.tcp_port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while connection.recv(4096):
                pass

    def metrics(self, ready: str) -> str:
        """Prometheus' text. Histograms show what was there at the last flush; C(ready) must be part of it."""
        deadline = time.monotonic() + 10
        while ready not in (text := self.get("/stats/prometheus", self.admin)[1]):
            assert time.monotonic() < deadline, f"no {ready} in\n{text}"
            time.sleep(0.1)
        return text


def _cluster(name: str, port: int, known: bool) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
    if known:
        endpoint["metadata"] = {"filter_metadata": {"istio": {"workload": PEER}}}
    found: dict[str, Any] = {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}}
    return {**found, "metadata": {"filter_metadata": {"istio": {"services": [SERVICE]}}}} if known else found


def _listener(port: int, name: str, config: dict[str, Any]) -> dict[str, Any]:
    filters = [{"name": name, "typed_config": config}]
    return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}, "filter_chains": [{"filters": filters}]}


def _bootstrap(http_logger: dict[str, Any], tcp_logger: dict[str, Any], upstream: int, ports: StockEnvoy) -> dict[str, Any]:
    routes = [
        {"name": "nowhere", "match": {"prefix": "/nowhere"}, "direct_response": {"status": 404}},
        {"name": "allow_any", "match": {"prefix": "/elsewhere"}, "route": {"cluster": "PassthroughCluster"}},
        {"name": "back", "match": {"prefix": "/"}, "route": {"cluster": "back"}},
    ]
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
    manager = {
        "@type": f"{_NETWORK}.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [router],
        "access_log": [http_logger],
    }
    tcp = {"@type": f"{_NETWORK}.tcp_proxy.v3.TcpProxy", "stat_prefix": "tcp", "cluster": "back", "access_log": [tcp_logger]}
    included = {"inclusion_list": {"patterns": [{"prefix": "istio"}]}}  # as Istio's bootstrap has it
    return {
        "node": {"id": "sidecar", "cluster": "front.shop"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ports.admin}}},
        "stats_flush_interval": "0.2s",
        "stats_config": {"use_all_default_tags": False, "stats_matcher": included},
        "static_resources": {
            "clusters": [_cluster("back", upstream, True), _cluster("PassthroughCluster", upstream, False)],
            "listeners": [
                _listener(ports.http_port, "envoy.filters.network.http_connection_manager", manager),
                _listener(ports.tcp_port, "envoy.filters.network.tcp_proxy", tcp),
            ],
        },
    }


@contextmanager
def running(folder: Path, http_logger: dict[str, Any], tcp_logger: dict[str, Any]) -> Iterator[StockEnvoy]:
    binary = envoy_binary()
    assert binary
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    envoy = StockEnvoy(free_port(), free_port(), free_port())
    config = folder / "envoy.json"
    config.write_text(json.dumps(_bootstrap(http_logger, tcp_logger, upstream.server_port, envoy)), encoding="utf-8")
    log = folder / "envoy.log"
    command = [binary, "-c", str(config), "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(command, env={**os.environ, **PROXY}, stdout=stream, stderr=stream)
    try:
        _await_answer(envoy, process, log)
        yield envoy
    finally:
        process.terminate()
        process.wait(10)
        upstream.shutdown()
        upstream.server_close()


def _await_answer(envoy: StockEnvoy, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            if envoy.get("/ready", envoy.admin)[0] == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.1)
