# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The API client against an API server of this test's own, behind what stands in for `kubectl proxy`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeApi, KubeError

# A kubectl that knows "proxy" alone; the statuses that it answers with come one after the other, the last one for good. 0 hangs up.
KUBECTL = """#!{python}
import http.server, json, socketserver, sys

statuses = {statuses}
log = {log}

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        sys.stderr.write(log)
        sys.stderr.flush()
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if status == 0:
            self.close_connection = True
            return
        body = json.dumps({{"message": f"said {{status}}", "left": len(statuses)}}).encode()
        if status == 502:  # kubectl proxy's own answer is no JSON
            body = b"getting credentials: exec: executable aws failed with exit code 255"
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "test"

    def log_message(self, *_):
        pass

path = next(word.partition("=")[2] for word in sys.argv if word.startswith("--unix-socket="))
server = socketserver.UnixStreamServer(path, Handler)
print("Starting to serve", flush=True)
while True:
    server.handle_request()
"""


@pytest.fixture
def kubectl(tmp_path: Path) -> Callable[..., str]:
    def made(*statuses: int, log: str = "") -> str:
        path = tmp_path / "kubectl"
        path.write_text(KUBECTL.format(python=sys.executable, statuses=list(statuses), log=repr(log)))
        path.chmod(0o755)
        return str(path)

    return made


def test_not_now_is_asked_again(kubectl):
    with KubeApi(kubectl(429, 429, 200)) as api:
        assert api.request("GET", "/version")["message"] == "said 200"


def test_not_now_for_ever_is_an_error(kubectl):
    with KubeApi(kubectl(429)) as api, pytest.raises(KubeError, match="said 429"):
        api.request("GET", "/version")


def test_a_connection_that_died_is_opened_again(kubectl):
    with KubeApi(kubectl(0, 200)) as api:
        assert api.request("GET", "/version")["message"] == "said 200"


def test_nobody_there_is_an_error(kubectl):
    with KubeApi(kubectl(0)) as api, pytest.raises(KubeError, match="GET /version: "):
        api.request("GET", "/version")


def test_an_answer_of_500_is_not_asked_again(kubectl):
    with KubeApi(kubectl(500, 200)) as api, pytest.raises(KubeError, match="said 500") as raised:
        api.request("GET", "/version")
    assert raised.value.status == 500


def test_a_kubectl_that_logs_a_lot_does_not_stand_still(kubectl):
    """A pipe holds 64 KiB; kubectl proxy logs a line for each request that fails, and passes on what a plugin for credentials writes."""
    log = "E1129 08:00:00.000000 1 proxy_server.go:147] Error while proxying request: dial tcp 192.0.2.1:443: i/o timeout\n" * 400
    with KubeApi(kubectl(200, log=log), timeout=5) as api:
        for _request in range(8):
            assert api.request("GET", "/version")["message"] == "said 200"


def test_the_credential_plugins_own_words_are_in_the_message(kubectl):
    """What the answer says is "exec: executable aws failed with exit code 255" and no more."""
    log = "Unable to locate credentials. You can configure credentials by running aws configure.\nE1129 08:00:00 1 proxy_server.go:147] Error while proxying\n"
    with (
        KubeApi(kubectl(502, log=log)) as api,
        pytest.raises(KubeError, match=r"does not answer: getting credentials: exec: .*; Unable to locate credentials\."),
    ):
        api.request("GET", "/version")
