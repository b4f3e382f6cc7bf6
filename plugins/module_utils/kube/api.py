# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A small Kubernetes API client: JSON over `kubectl proxy` on a unix socket.

kubectl does the hard part (kubeconfig, client certificates, exec credential plugins such as `aws eks get-token`), once; each
call then costs milliseconds, where a kubectl process costs a tenth of a second and the Python client half a second to import.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import tempfile
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ..common.command import Process, Runner
from ..common.require import require
from .errors import KubeError as KubeError

_BUSY_TRIES = 10
_LONGEST_PAUSE = 10.0
_LOG_LINE = re.compile(r"[EWIF][0-9]{4} ")

T = t.TypeVar("T")
R = t.TypeVar("R")


@dataclass(frozen=True)
class Resource:
    """A kind's entry in discovery."""

    plural: str
    namespaced: bool


def _pause(retry_after: str | None) -> float:
    """Seconds of an API server's timestamp."""
    return min(float(retry_after), _LONGEST_PAUSE) if retry_after and retry_after.isdigit() else 1.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class KubeApi:
    """Use as a context manager.

    >>> with KubeApi(kubectl="kubectl", kubeconfig="/path", context="kind-sandbox") as api:
    ...     api.get("v1", "Namespace", "kube-system")
    """

    def __init__(
        self,
        kubectl: str = "kubectl",
        kubeconfig: str | None = None,
        context: str | None = None,
        timeout: float = 30,
        workers: int = 8,
        runner: Runner | None = None,
    ) -> None:
        self.timeout = timeout
        self._runner = runner or Runner()
        self._argv = [kubectl, *(["--kubeconfig", kubeconfig] if kubeconfig else []), *(["--context", context] if context else []), "proxy"]
        self._local = threading.local()
        self._connections: list[_UnixConnection] = []
        self._discovered: dict[str, dict[str, Resource]] = {}
        self._folder = ""
        self._process: Process | None = None
        self._pool = ThreadPoolExecutor(max_workers=workers)

    def __enter__(self) -> KubeApi:
        self._folder = tempfile.mkdtemp(prefix="meshgate-kube-")  # 0700: access to the socket gives the kubeconfig's rights
        path = os.path.join(self._folder, "api.sock")
        argv = [*self._argv, f"--unix-socket={path}"]
        try:
            # A file, since an unread pipe is full after 64 KiB: then kubectl, or its plugin for credentials, would block.
            with open(self._stderr, "wb") as stderr:
                self._process = self._runner.start(argv, stderr=stderr)
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise KubeError(f"{argv[0]} cannot be run: {error}") from error
        stdout = require(self._process.stdout)
        if "Starting to serve" not in stdout.readline():
            self._end()
            said = self._said().strip()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise KubeError(f"{' '.join(argv)}: {said or 'exited without output'}")
        threading.Thread(target=stdout.read, daemon=True).start()
        return self

    @property
    def _stderr(self) -> str:
        return os.path.join(self._folder, "stderr")

    def _said(self, most: int = 20000) -> str:
        """The end of the error output of kubectl and its plugin for credentials."""
        with open(self._stderr, "rb") as stream:
            stream.seek(max(0, os.path.getsize(self._stderr) - most))
            return stream.read().decode(errors="replace")

    def _cause(self) -> str:
        """Why the API server was not reached, if the response does not say it: kubectl's log lines repeat the response, the plugin's own messages do not."""
        lines = [line.strip() for line in self._said().splitlines()]
        own = [line for line in lines if line and not _LOG_LINE.match(line)]
        return f"; {own[-1][:500]}" if own else ""

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- requests ---------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, query: dict[str, str] | None = None, body: t.Any = None, content_type: str = "application/json") -> t.Any:
        """The decoded response; KubeError for any status from 400 on. Text that is not JSON is returned as str."""
        target = path + ("?" + urlencode(query) if query else "")
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Accept": "application/json, */*;q=0.8", **({"Content-Type": content_type} if data is not None else {})}
        response, text = self._exchange(method, target, data, headers)
        for _attempt in range(_BUSY_TRIES):
            if response.status != 429:
                break
            # Retry: a resource whose storage is being set up, or too many requests. As client-go does.
            time.sleep(_pause(response.headers.get("Retry-After")))
            response, text = self._exchange(method, target, data, headers)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = text
        if response.status < 400:
            return answer
        if isinstance(answer, dict):
            raise KubeError(answer.get("message") or text, response.status, answer.get("reason", ""))
        unreachable = response.status == 502  # kubectl proxy's own message if the API server does not answer
        raise KubeError(
            f"the API server does not answer: {text.strip()}{self._cause()}" if unreachable else text.strip(), 0 if unreachable else response.status
        )

    def _exchange(self, method: str, target: str, data: bytes | None, headers: dict[str, str], again: bool = True) -> tuple[http.client.HTTPResponse, str]:
        """One response; a connection that has died since the last request is reopened once."""
        connection = self._connection()
        try:
            connection.request(method, target, body=data, headers=headers)
            response = connection.getresponse()
            return response, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if again and not isinstance(error, TimeoutError):
                return self._exchange(method, target, data, headers, again=False)
            raise KubeError(f"{method} {target.partition('?')[0]}: {error or type(error).__name__}{self._cause()}") from error

    def _connection(self) -> _UnixConnection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _UnixConnection(os.path.join(self._folder, "api.sock"), self.timeout)
            self._connections.append(connection)
        return connection

    def map(self, function: t.Callable[[T], R], items: t.Iterable[T]) -> list[R]:
        """Call in parallel, results in order. The function itself must not call map: it would wait for its own thread."""
        return list(self._pool.map(function, items))

    # -- objects ----------------------------------------------------------------------------------------------------

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """None if the cluster does not have the kind (its CRD does not exist)."""
        if api_version not in self._discovered:
            try:
                listed = self.request("GET", _group_path(api_version))["resources"]
            except KubeError as error:
                if error.status != 404:
                    raise
                listed = []
            self._discovered[api_version] = {r["kind"]: Resource(r["name"], r["namespaced"]) for r in listed if "/" not in r["name"]}
        return self._discovered[api_version].get(kind)

    def forget_kinds(self) -> None:
        """After CRDs were applied."""
        self._discovered.clear()

    def path(self, api_version: str, kind: str, name: str | None = None, namespace: str | None = None) -> str | None:
        """None if the cluster does not have the kind. Without a namespace: in all namespaces."""
        resource = self.resource(api_version, kind)
        if resource is None:
            return None
        scope = f"/namespaces/{quote(namespace)}" if resource.namespaced and namespace else ""
        return f"{_group_path(api_version)}{scope}/{resource.plural}" + (f"/{quote(name, safe='')}" if name else "")

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, t.Any] | None:
        """None if it, its namespace or its kind does not exist."""
        path = self.path(api_version, kind, name, namespace)
        try:
            return self.request("GET", path) if path else None
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def find(self, api_version: str, kind: str, namespace: str | None = None, labels: str | None = None, fields: str | None = None) -> list[dict[str, t.Any]]:
        """Empty if the kind does not exist. Items carry apiVersion and kind."""
        path = self.path(api_version, kind, None, namespace)
        query = {k: v for k, v in (("labelSelector", labels), ("fieldSelector", fields)) if v}
        items = self.request("GET", path, query).get("items") or [] if path else []
        return [{"apiVersion": api_version, "kind": kind, **item} for item in items]

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None, propagation: str = "Background", grace: int | None = None) -> bool:
        """Whether there was something to delete. `grace` is the grace period in seconds, also for a terminating pod."""
        path = self.path(api_version, kind, name, namespace)
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        try:
            if path:
                self.request("DELETE", path, body=options if grace is None else {**options, "gracePeriodSeconds": grace})
            return bool(path)
        except KubeError as error:
            if error.status == 404:
                return False
            raise

    def merge(self, api_version: str, kind: str, name: str, namespace: str | None, patch: dict[str, t.Any]) -> dict[str, t.Any]:
        """A JSON merge patch with our own field manager: the default would be kubectl's, because of its proxy."""
        path = self.path(api_version, kind, name, namespace)
        if not path:
            raise KubeError(f"the cluster does not serve {kind} of {api_version}", 404)
        merged: dict[str, t.Any] = self.request("PATCH", path, {"fieldManager": "meshgate"}, patch, "application/merge-patch+json")
        return merged


def _group_path(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
