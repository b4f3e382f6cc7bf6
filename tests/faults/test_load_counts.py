# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The counting proves itself first: it finds the failures of a server whose failures are known."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from harness import until
from load import Load


class Flawed(BaseHTTPRequestHandler):
    """From one to two seconds after the first request every answer is 503; later there is once no answer at all."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        with self.server.lock:
            now = time.monotonic()
            self.server.born = self.server.born or now
            bad = 1 <= now - self.server.born < 2
            self.server.failed += bad
            if now - self.server.born > 2 and not self.server.hung_up:
                self.server.hung_up = self.close_connection = True
                return
        self.send_response(503 if bad else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments) -> None:
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flawed)
    server.born, server.failed, server.hung_up, server.lock = 0.0, 0, False, threading.Lock()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_every_failure_is_counted_and_timed(fortio, server, tmp_path):
    with Load(fortio, f"http://127.0.0.1:{server.server_port}/", "anybody", tmp_path, rate=100, connections=2) as running:
        until("bad answers", lambda: running.sent() > 50 and not running.well(50), 10, 0.1)
        until("good answers again", lambda: running.well(50), 10, 0.1)
        time.sleep(1)
    outcome = running.outcome
    assert outcome.codes["503"] == server.failed > 20
    assert outcome.failed == outcome.requests - outcome.codes["200"] >= server.failed
    assert 0.8 < outcome.outage < 1.8
    assert 1.0 < outcome.last_failure < 3.5
