# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ask over HTTP and compare the answers with what was expected."""

from __future__ import annotations

import base64
import http.client
import ssl
import time
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import Waiting

REQUEST_TIMEOUT = 10.0


@dataclass
class Expected:
    """One request, and what its answer must be. What is None is not compared."""

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


def ask(url: str, connect_to: str = "", validate_certs: bool = True, timeout: float = REQUEST_TIMEOUT) -> Answer:
    """One GET. With `connect_to` (host:port) that address is asked instead of the URL's, by the URL's name. Redirects are answers, too."""
    parts = urlsplit(url)
    address = urlsplit(f"//{connect_to}") if connect_to else parts
    host, port = address.hostname or "", address.port or (443 if parts.scheme == "https" else 80)
    proxy = None if connect_to else _proxy(parts)
    target, headers = (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), {"Host": parts.netloc}
    connection = http.client.HTTPConnection((proxy or address).hostname or "", (proxy.port or 80) if proxy else port, timeout=timeout)
    try:
        if proxy and parts.scheme == "https":
            connection.set_tunnel(host, port, headers=_credentials(proxy))
        elif proxy:
            target, headers = f"http://{parts.netloc}{target}", {**headers, **_credentials(proxy)}
        connection.connect()
        if parts.scheme == "https":
            connection.sock = _tls(validate_certs).wrap_socket(connection.sock, server_hostname=parts.hostname)
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.read().decode("utf-8", "replace"), headers)
    except (OSError, http.client.HTTPException) as error:
        way = f" through the proxy {proxy.hostname}:{proxy.port or 80}" if proxy else ""
        return Answer(error=f"{host}:{port} does not answer{way}: {error or type(error).__name__}")
    finally:
        connection.close()


def _proxy(parts: SplitResult) -> SplitResult | None:
    """The proxy that the environment has for an address, if any. An address that was given instead is this machine's business."""
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
    """The last answers to all requests, and what is not as expected when the time is over."""
    waiting = Waiting("answers as expected")
    while True:
        answers = [ask(request.url, connect_to, validate_certs) for request in requests]
        complaints = [said for said in map(complaint, requests, answers) if said]
        if not complaints or waiting.elapsed >= wait_timeout:
            return answers, complaints
        waiting.saw(complaints[0])
        time.sleep(delay)
