# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A registry that behaves as Docker Hub does towards somebody without an account: a token first, few tags, and a limit.

What it answers is what https://distribution.github.io/distribution/spec/auth/token and https://docs.docker.com/docker-hub/usage/pulls say: 401 with the
token service's address, 404 MANIFEST_UNKNOWN for a tag that was never pushed, 401 for a repository that nobody but its owner may see, 429 TOOMANYREQUESTS
with Retry-After. A HEAD is not counted.
"""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

LIMIT = {"code": "TOOMANYREQUESTS", "message": "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"}
UNKNOWN = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}
DENIED = {"code": "UNAUTHORIZED", "message": "authentication required"}


class Hub:
    """`images` are the names that it has, as repository:tag. With `behind`, host:port of a real registry, that one answers what is let through."""

    def __init__(self, *images: str, behind: str = "") -> None:
        self.images, self.behind = set(images), behind
        self.pulls_left = self.answers_left = 1000
        self.tokens_limited = self.heads_limited = False
        self.asked: list[str] = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.asked.append(f"{self.command} {self.path}")
                hub.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        if parts.path == "/token":
            self._token(request, parse_qs(parts.query))
        elif not request.headers.get("Authorization", "").startswith("Bearer "):
            self._say(request, 401, DENIED, {"WWW-Authenticate": f'Bearer realm="http://{self.address}/token",service="registry.docker.io"'})
        elif "/manifests/" in parts.path:
            self._manifest(request, parts.path)
        else:
            self._forward(request)

    def _token(self, request: http.server.BaseHTTPRequestHandler, query: dict[str, list[str]]) -> None:
        if self.tokens_limited:
            self._say(request, 429, LIMIT, {"Retry-After": "60"})
            return
        self._send(request, 200, json.dumps({"token": query.get("scope", ["none"])[0], "expires_in": 300}).encode())

    def _manifest(self, request: http.server.BaseHTTPRequestHandler, path: str) -> None:
        repository, _slash, reference = path.removeprefix("/v2/").partition("/manifests/")
        known = {image.rpartition(":")[0] for image in self.images}
        counted = request.command == "GET"
        if f"repository:{repository}:pull" not in request.headers["Authorization"] or repository not in known:
            self._say(request, 401, DENIED)
        elif not self.answers_left or (counted and not self.pulls_left) or (not counted and self.heads_limited):
            self._say(request, 429, LIMIT, {"Retry-After": "21600"})
        elif f"{repository}:{reference}" not in self.images and not reference.startswith("sha256:"):
            self._say(request, 404, UNKNOWN)
        else:
            self.pulls_left -= counted
            self.answers_left -= 1
            self._forward(request) if self.behind else self._send(request, 200, b"{}")

    def _forward(self, request: http.server.BaseHTTPRequestHandler) -> None:
        if not self.behind:
            self._send(request, 200, b"{}")
            return
        connection = http.client.HTTPConnection(self.behind)
        connection.request(request.command, request.path, headers={"Accept": request.headers.get("Accept", "*/*")})
        answer = connection.getresponse()
        headers = {name: value for name, value in answer.getheaders() if name.lower() in ("content-type", "docker-content-digest", "content-length")}
        self._send(request, answer.status, answer.read(), headers)

    def _say(self, request: http.server.BaseHTTPRequestHandler, status: int, error: dict[str, str], headers: dict[str, str] | None = None) -> None:
        self._send(request, status, json.dumps({"errors": [error]}).encode(), headers)

    @staticmethod
    def _send(request: http.server.BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)


@contextmanager
def docker_hub(*images: str, behind: str = "") -> Iterator[Hub]:
    hub = Hub(*images, behind=behind)
    threading.Thread(target=hub.server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.server.shutdown()
        hub.server.server_close()
