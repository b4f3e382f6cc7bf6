# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Send HTTP requests and compare the responses with what is expected."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from .progress import Waiting

REQUEST_TIMEOUT = 10.0


@dataclass
class Expected:
    """One request, and its expected response. None is not compared."""

    url: str
    status: int = 200
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    status: int = 0
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""


def ask(
    url: str,
    connect_to: str = "",
    validate_certs: bool = True,
    timeout: float = REQUEST_TIMEOUT,
    method: str = "GET",
    sent: Mapping[str, str] | None = None,
) -> Answer:
    """One request, with the headers `sent`. Redirects are responses, too.

    With `connect_to` (host:port) the request goes to that address instead of the URL's, with the URL's host name.
    """
    parts = urlsplit(url)
    address = urlsplit(f"//{connect_to}") if connect_to else parts
    host, port = address.hostname or "", address.port or (443 if parts.scheme == "https" else 80)
    proxy = None if connect_to else _proxy(parts)
    target, headers = (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), {"Host": parts.netloc, **(sent or {})}
    connection = http.client.HTTPConnection((proxy or address).hostname or "", (proxy.port or 80) if proxy else port, timeout=timeout)
    try:
        if proxy and parts.scheme == "https":
            connection.set_tunnel(host, port, headers=_credentials(proxy))
        elif proxy:
            target, headers = f"http://{parts.netloc}{target}", {**headers, **_credentials(proxy)}
        connection.connect()
        if parts.scheme == "https":
            connection.sock = _tls(validate_certs).wrap_socket(connection.sock, server_hostname=parts.hostname)
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.read().decode("utf-8", "replace"), headers)
    except socket.gaierror as error:
        return Answer(error=unresolved((proxy or address).hostname or "", error))
    except (OSError, http.client.HTTPException) as error:
        way = f" through the proxy {proxy.hostname}:{proxy.port or 80}" if proxy else ""
        return Answer(error=f"{host}:{port} does not answer{way}: {error or type(error).__name__}")
    finally:
        connection.close()


def unresolved(name: str, error: OSError) -> str:
    """A new load balancer's name resolves everywhere after some minutes, and a resolver that was queried too early caches the missing name for the zone's
    negative TTL (https://github.com/kubernetes-sigs/cluster-api-provider-aws/issues/5032).
    """
    return f"the name {name} does not resolve yet ({error.strerror or error})"


def _proxy(parts: SplitResult) -> SplitResult | None:
    """The proxy of the environment for a URL, if any. An explicit address bypasses it."""
    found = urllib.request.getproxies().get(parts.scheme, "")
    if not found or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urlsplit(found if "//" in found else f"//{found}")


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


def _tls(validate_certs: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def complaint(expected: Expected, answer: Answer) -> str:
    """What is not as expected; empty if all is."""
    if answer.error:
        return f"GET {expected.url}: {answer.error}"
    said = []
    if answer.status != expected.status:
        said.append(f"status {answer.status} instead of {expected.status}")
    if expected.body is not None and answer.body != expected.body:
        said.append(f"body {answer.body[:500]!r} instead of {expected.body!r}")
    for name, value in expected.headers.items():
        if answer.headers.get(name.lower()) != value:
            said.append(f"header {name} {answer.headers.get(name.lower())!r} instead of {value!r}")
    return f"GET {expected.url}: {', '.join(said)}" if said else ""


def ask_until_as_expected(
    requests: list[Expected], connect_to: str, validate_certs: bool, wait_timeout: float, delay: float = 1.0
) -> tuple[list[Answer], list[str]]:
    """The last responses to all requests, and what still differs on timeout."""
    waiting = Waiting("responds as expected")
    while True:
        answers = [ask(request.url, connect_to, validate_certs) for request in requests]
        complaints = [said for said in map(complaint, requests, answers) if said]
        if not complaints or waiting.elapsed >= wait_timeout:
            return answers, complaints
        waiting.saw(complaints[0])
        time.sleep(delay)
