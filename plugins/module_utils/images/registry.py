# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A container registry's HTTP API (the OCI distribution specification), as far as pushing and checking need it."""

from __future__ import annotations

import json
import os
import random
import re
import ssl
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

with suppress(ImportError):  # urllib3 comes with botocore, and AnsibleAWSModule reports if it is missing
    import botocore.httpsession
    import urllib3

from ..common.failure import Failure
from ..common.progress import report
from .archive import INDEXES, MANIFESTS, Blob, digest_of

ACCEPT = ", ".join((*INDEXES, *MANIFESTS))
SAID_EVERY = 15.0


@dataclass(frozen=True)
class Name:
    """The parts of an image's name, as Docker and containerd parse it."""

    host: str
    repository: str
    reference: str

    @property
    def endpoint(self) -> str:
        host = "registry-1.docker.io" if self.host == "docker.io" else self.host
        return f"{'http' if host.partition(':')[0] in ('localhost', '127.0.0.1') else 'https'}://{host}"


def parse(image: str) -> Name:
    rest, _at, digest = image.partition("@")
    first, slash, path = rest.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, path) if named else ("docker.io", rest)
    path, _colon, tag = path.partition(":")
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return Name(host, path, digest or tag or "latest")


class RegistryError(Failure):
    """What the registry refused or could not do, in one line."""

    def __init__(self, message: str, status: int = 0, retry_after: str = "") -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class Unanswered(RegistryError):
    """The registry cannot be reached, or its server failed."""


class Registry:
    """`authorization` returns the value of the Authorization header, a new one if the registry no longer accepts the last one."""

    def __init__(
        self,
        endpoint: str,
        authorization: Callable[[], str] | None = None,
        ca_bundle: str | None = None,
        validate_certs: bool = True,
        retries: int = 5,
        timeout: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.retries, self.sleep = retries, sleep
        self._authorize, self._authorization = authorization, ""
        options: dict[str, Any] = {"timeout": urllib3.Timeout(connect=min(timeout, 10.0), read=timeout), "ssl_context": _trust(ca_bundle, validate_certs)}
        proxy = _proxy(self.endpoint)
        self._pool = urllib3.ProxyManager(proxy, proxy_headers=_proxy_headers(proxy), **options) if proxy else urllib3.PoolManager(**options)

    # --- reading --------------------------------------------------------------------------------------------------------------
    def manifest(self, name: str, reference: str) -> tuple[bytes, str] | None:
        """A manifest or an index, and its media type, by tag or digest. None if there is none. A digest mismatch is refused."""
        answer = self._request("GET", f"/v2/{name}/manifests/{quote(reference, safe=':')}", {"Accept": ACCEPT}, missing=True)
        if answer is None:
            return None
        for expected in filter(None, (reference if reference.startswith("sha256:") else "", answer.headers.get("Docker-Content-Digest", ""))):
            if digest_of(answer.data) != expected:
                raise RegistryError(f"{self._where(name, reference)}: the registry returned {digest_of(answer.data)} instead of {expected}")
        return answer.data, answer.headers.get("Content-Type", "").partition(";")[0] or json.loads(answer.data).get("mediaType", "")

    def has_manifest(self, name: str, reference: str) -> bool:
        """By HEAD, which Docker Hub does not count as a pull (docs.docker.com/docker-hub/usage/pulls)."""
        return self._request("HEAD", f"/v2/{name}/manifests/{quote(reference, safe=':')}", {"Accept": ACCEPT}, missing=True) is not None

    def blob(self, name: str, digest: str) -> bytes:
        """A small blob's content. ECR redirects to another host, which must not get our credentials: urllib3 drops them."""
        content: bytes = self._request("GET", f"/v2/{name}/blobs/{digest}", redirect=True).data
        if digest_of(content) != digest:
            raise RegistryError(f"{self._where(name, digest)}: the registry returned {digest_of(content)}")
        return content

    def has_blob(self, name: str, blob: Blob) -> bool:
        answer = self._request("HEAD", f"/v2/{name}/blobs/{blob.digest}", missing=True, redirect=True)
        if answer is None:
            return False
        size = answer.headers.get("Content-Length")
        if size is not None and int(size) != blob.size:
            raise RegistryError(f"{self._where(name, blob.digest)}: the registry's blob has {size} bytes instead of {blob.size}")
        return True

    # --- pushing --------------------------------------------------------------------------------------------------------------
    def push_blob(self, name: str, blob: Blob, what: str) -> bool:
        """Upload a blob unless it is there. Returns whether that was needed.

        In one piece, as containerd does: of several chunks ECR keeps only the first (aws/containers-roadmap#2831). So an upload that was
        interrupted starts again, after a check whether the registry has it after all.
        """
        for attempt in range(self.retries + 1):
            if self.has_blob(name, blob):
                return attempt > 0
            try:
                self._upload(name, blob, what)
                return True
            except RegistryError as error:
                # 404: the upload was forgotten between two requests, or the repository is so new that not every server knows it.
                if not (isinstance(error, Unanswered) or error.status == 404) or attempt == self.retries:
                    raise
                report(f"{what}: {error}; retrying")
            self._pause(attempt)
        raise AssertionError("unreachable")

    def _upload(self, name: str, blob: Blob, what: str) -> None:
        started = self._request("POST", f"/v2/{name}/blobs/uploads/", {"Content-Length": "0"})
        location = urljoin(self.endpoint + f"/v2/{name}/blobs/uploads/", started.headers.get("Location", ""))
        if urlsplit(location).netloc != urlsplit(self.endpoint).netloc:
            # ECR returns its own address, even if it was reached by another one.
            location = self.endpoint + location[location.index("/v2/") :]
        location += ("&" if urlsplit(location).query else "?") + urlencode({"digest": blob.digest})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        with open(blob.path, "rb") as stream:
            self._request("PUT", location, headers, _Told(stream, what, blob.size), repeat=False)

    def push_manifest(self, name: str, reference: str, content: bytes, media_type: str) -> None:
        try:
            self._request("PUT", f"/v2/{name}/manifests/{quote(reference, safe=':')}", {"Content-Type": media_type}, content)
        except RegistryError:
            # The response was lost: repeating it is refused if tags are immutable.
            if self._stored(name, reference) != digest_of(content):
                raise

    def _stored(self, name: str, reference: str) -> str:
        with suppress(RegistryError):
            there = self.manifest(name, reference)
            return digest_of(there[0]) if there else ""
        return ""

    # --- requests -------------------------------------------------------------------------------------------------------------
    def _request(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: Any = None, missing: bool = False, repeat: bool = True, redirect: bool = False
    ) -> Any:
        """A response below 400, or None if it does not exist and `missing` allows that."""
        url = urljoin(self.endpoint + "/", url)
        attempt, renewed = 0, False
        while True:
            try:
                answer = self._send(method, url, headers or {}, body, redirect)
            except urllib3.exceptions.HTTPError as failure:
                error: RegistryError = Unanswered(f"{method} {_plain(url)}: {_cause(failure)}")
            else:
                if answer.status < 400:
                    return answer
                if answer.status == 404 and missing:
                    return None
                if answer.status == 401 and self._authorize and not renewed:
                    # A token is valid for twelve hours: retry once with a new one.
                    renewed, self._authorization = True, ""
                    if isinstance(body, _Told):
                        body.rewind()
                    continue
                kind = Unanswered if answer.status >= 500 or answer.status == 429 else RegistryError
                error = kind(f"{method} {_plain(url)}: {_said(answer)}", answer.status, answer.headers.get("Retry-After", ""))
            if not isinstance(error, Unanswered) or not repeat or attempt == self.retries:
                raise error
            report(f"{error}; again")
            self._pause(attempt)
            attempt += 1

    def _send(self, method: str, url: str, headers: dict[str, str], body: Any, redirect: bool) -> Any:
        if self._authorize and not self._authorization:
            self._authorization = self._authorize()
        sent = {**headers, **({"Authorization": self._authorization} if self._authorization else {})}
        follow = urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=5 if redirect else 0)
        return self._pool.request(method, url, headers=sent, body=body, retries=follow, redirect=redirect)

    def _pause(self, attempt: int) -> None:
        self.sleep(random.uniform(0, min(20.0, 0.5 * 2**attempt)))

    def _where(self, name: str, reference: str) -> str:
        return f"{urlsplit(self.endpoint).netloc}/{name}{'@' if reference.startswith('sha256:') else ':'}{reference}"


class _Told:
    """A file that reports the upload's progress from time to time."""

    def __init__(self, stream: Any, what: str, size: int) -> None:
        self.stream, self.what, self.size = stream, what, size
        self.sent, self.last = 0, time.monotonic()

    def rewind(self) -> None:
        self.stream.seek(0)
        self.sent = 0

    def read(self, amount: int = -1) -> bytes:
        block: bytes = self.stream.read(amount)
        self.sent += len(block)
        if time.monotonic() - self.last >= SAID_EVERY:
            self.last = time.monotonic()
            report(f"{self.what}: {self.sent >> 20} of {self.size >> 20} MiB")
        return block


class BearerToken:
    """Anonymous access of public registries: a token from the URL in their 401."""

    CHALLENGE = re.compile(r'(\w+)="([^"]*)"')

    def __init__(self, endpoint: str, name: str, timeout: float) -> None:
        self.endpoint, self.name, self.timeout = endpoint, name, timeout

    def __call__(self) -> str:
        registry = Registry(self.endpoint, retries=0, timeout=self.timeout)
        answer = registry._send("GET", f"{registry.endpoint}/v2/", {}, None, False)
        kind, _space, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        said = dict(self.CHALLENGE.findall(rest))
        if answer.status != 401 or kind.lower() != "bearer" or "realm" not in said:
            return ""
        asked = urlencode({**({"service": said["service"]} if "service" in said else {}), "scope": f"repository:{self.name}:pull"})
        realm = Registry(said["realm"], retries=0, timeout=self.timeout)
        given = json.loads(realm._request("GET", f"{said['realm']}?{asked}").data)
        return f"Bearer {given.get('token') or given['access_token']}"


def anybodys(name: Name, retries: int, timeout: float) -> Registry:
    """An image's registry, without credentials."""
    return Registry(name.endpoint, BearerToken(name.endpoint, name.repository, timeout), retries=retries, timeout=timeout)


def _trust(ca_bundle: str | None, validate_certs: bool) -> ssl.SSLContext:
    """The CAs that AWS clients trust, and those of the machine: a separate Python may not find the machine's certificates."""
    context = ssl.create_default_context(cafile=ca_bundle or os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or None)
    context.load_verify_locations(botocore.httpsession.get_cert_path(True))
    if not validate_certs:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    return urllib3.make_headers(proxy_basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}") if parts.username else {}


def _proxy(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return ""
    return urllib.request.getproxies().get(parts.scheme, "")


def _plain(url: str) -> str:
    """Without the query of an upload's URL, with which anyone could continue the upload."""
    return url.partition("?")[0]


def _cause(failure: Exception) -> str:
    return " ".join(str(getattr(failure, "reason", None) or failure).split()) or type(failure).__name__


def _errors(answer: Any) -> list[dict[str, Any]]:
    with suppress(ValueError, AttributeError, TypeError):
        return [error for error in json.loads(answer.data).get("errors", []) if isinstance(error, dict)]
    return []


def _said(answer: Any) -> str:
    told = "; ".join(" ".join(f"{error.get('code', '')}: {error.get('message', '')}".split()) for error in _errors(answer))
    return f"{answer.status} {told or answer.reason or ''}".strip()
