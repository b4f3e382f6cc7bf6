# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where Envoy asks about each request of a rule with a login: a socket beside its admin socket."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

from ..log import log
from ..state import Rule
from . import provider
from .envoy import RULE_HEADER, STATUS_HEADER, logs_in
from .flow import Answer, Client, Login, Request, client_of


class Logins(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 1024  # a page asks for dozens of files at once

    def __init__(self, socket: Path) -> None:
        socket.unlink(missing_ok=True)
        super().__init__(str(socket), _Handler)
        self._login = Login(provider.ask)
        self._clients: dict[str, Client] = {}

    def know(self, rules: Iterable[Rule]) -> None:
        self._clients = {rule.arn: client_of(rule.actions[0]) for rule in rules if logs_in(rule)}

    def answer(self, rule: str, request: Request) -> Answer:
        client = self._clients.get(rule)
        return self._login.answer(client, request) if client else Answer(500)

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, name="logins", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log("a login ended before its answer")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Logins

    def __getattr__(self, name: str) -> Any:
        """Envoy asks with the method of the request, whatever that is."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, *_: Any) -> None:
        """Paths hold codes and states."""

    def _answer(self) -> None:
        request = Request(self.headers.get("host", ""), self.path, _cookies(self.headers.get_all("cookie") or []))
        answer = self.server.answer(self.headers.get(RULE_HEADER, ""), request)
        body = b"" if self.command == "HEAD" else answer.body.encode()
        fault = ((STATUS_HEADER, str(answer.status)),) if answer.status >= 500 else ()
        self.send_response_only(403 if fault else answer.status)
        for name, value in (*answer.headers, *fault, ("content-length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _cookies(headers: list[str]) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    for header in headers:
        for pair in header.split(";"):
            try:
                jar.load(pair.strip())
            except CookieError:  # somebody else's cookie
                continue
    return {name: morsel.value for name, morsel in jar.items()}
