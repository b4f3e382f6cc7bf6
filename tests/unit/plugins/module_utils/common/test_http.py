# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Answers over HTTP, from a real server: what agrees, what does not, and what comes late."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.http import Expected, ask, ask_until_as_expected


class Handler(BaseHTTPRequestHandler):
    asked = 0
    tunnels: list[tuple[str, str]] = []

    def do_CONNECT(self) -> None:
        """As a proxy that lets nobody through, and writes down who wanted where."""
        self.tunnels.append((self.path, self.headers.get("Proxy-Authorization", "")))
        self.send_error(403)

    def do_GET(self) -> None:
        type(self).asked += 1
        status = 503 if self.path == "/late" and type(self).asked < 3 else 200
        self.send_response(status)
        self.send_header("X-Mesh", "yes")
        self.end_headers()
        self.wfile.write(f"{self.headers['Host']} {self.path}".encode())

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    Handler.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_url_names_the_host_and_connect_to_is_asked(address):
    answer = ask("http://alb.example.com/?name=A+Field", address)
    assert (answer.status, answer.body, answer.headers["x-mesh"]) == (200, "alb.example.com /?name=A+Field", "yes")


def test_what_differs_is_named(address):
    expected = Expected(f"http://{address}/", status=201, body="other", headers={"x-mesh": "no"})
    _answers, complaints = ask_until_as_expected([expected], "", True, 0)
    assert complaints == [f"GET http://{address}/: status 200 instead of 201, body '{address} /' instead of 'other', header x-mesh 'yes' instead of 'no'"]


def test_an_answer_that_comes_late_is_awaited(address):
    answers, complaints = ask_until_as_expected([Expected(f"http://{address}/late")], "", True, 30, delay=0.01)
    assert (complaints, answers[0].status, Handler.asked) == ([], 200, 3)


def test_nobody_there_is_said():
    answers, complaints = ask_until_as_expected([Expected("http://alb.example.com/")], "127.0.0.1:9", True, 0)
    assert answers[0].status == 0
    assert complaints == [f"GET http://alb.example.com/: {answers[0].error}"]
    assert "127.0.0.1:9 does not answer" in complaints[0]


@pytest.fixture
def proxied(address, monkeypatch) -> str:
    Handler.tunnels.clear()
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://me:s%40cret@{address}")
    monkeypatch.setenv("no_proxy", "here.example.com")
    return address


def test_a_proxy_of_the_environment_is_asked_for_the_whole_address(proxied):
    answer = ask("http://alb.example.com/?name=A+Field")
    assert (answer.status, answer.body) == (200, "alb.example.com http://alb.example.com/?name=A+Field")


def test_https_goes_through_the_proxys_tunnel(proxied):
    answer = ask("https://alb.example.com/")
    assert Handler.tunnels == [("alb.example.com:443", "Basic bWU6c0BjcmV0")]
    assert answer.error.startswith(f"alb.example.com:443 does not answer through the proxy {proxied}: ")
    assert "s@cret" not in answer.error


def test_an_address_that_is_given_or_excepted_is_asked_directly(proxied):
    assert ask("http://alb.example.com/", proxied).body == "alb.example.com /"
    assert "through the proxy" not in ask("http://here.example.com:9/").error


def test_a_name_that_no_resolver_knows_yet_is_said_as_such(address, monkeypatch):
    """What a new load balancer looks like for its first minutes; it is awaited like any other late answer."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolver(host, *rest, **more):
        asked.append(host)
        if host == "sandbox-alb-123.us-west-2.elb.amazonaws.com" and len(asked) < 3:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    url = f"http://sandbox-alb-123.us-west-2.elb.amazonaws.com:{address.split(':')[1]}/"
    assert ask(url).error == "the name sandbox-alb-123.us-west-2.elb.amazonaws.com does not resolve yet (Name or service not known)"
    answers, complaints = ask_until_as_expected([Expected(url)], "", True, 30, delay=0.01)
    assert (complaints, answers[0].status) == ([], 200)
