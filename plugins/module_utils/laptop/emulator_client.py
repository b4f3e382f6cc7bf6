# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulated AWS's control API, as the laptop's roles use it. The AWS API itself is on the same port, for AWS's own clients."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote


class EmulatorError(Exception):
    """The emulator answered with an error, or not at all."""


class EmulatorClient:
    # One change at a time, and the first ones wait until 1,500 managed policies are loaded: over 10 s on a busy machine.
    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = 60) -> None:
        self.host, self.port, self.timeout = host, port, timeout

    def request(self, method: str, path: str, body: Any = None, timeout: float | None = None) -> tuple[int, Any]:
        """Return status and decoded answer. Proxy settings of the environment do not apply: this is the same machine."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout or self.timeout)
        try:
            data = json.dumps(body).encode() if body is not None else None
            connection.request(method, path, body=data, headers={"Content-Type": "application/json"} if data else {})
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise EmulatorError(f"{method} http://{self.host}:{self.port}{path}: {error or type(error).__name__}") from error
        finally:
            connection.close()
        try:
            return response.status, json.loads(text) if text else None
        except ValueError:
            return response.status, text

    def healthy(self) -> bool:
        try:
            status, answer = self.request("GET", "/_meshgate/health", timeout=min(self.timeout, 10))  # it waits for no change
        except EmulatorError:
            return False
        return status == 200 and isinstance(answer, dict) and answer.get("status") == "ok"

    def cluster(self, name: str) -> dict[str, Any] | None:
        """Return the Kubernetes cluster behind EKS cluster `name`, None if there is none."""
        status, answer = self.request("GET", f"/_meshgate/clusters/{quote(name)}")
        if status == 404:
            return None
        if status != 200:
            raise EmulatorError(f"the emulator responds with {status} to a request for cluster {name}: {answer}")
        found: dict[str, Any] = answer
        return found

    def put_cluster(self, name: str, body: dict[str, Any]) -> bool:
        """Register the Kubernetes cluster behind EKS cluster `name`; return whether that was new."""
        status, answer = self.request("PUT", f"/_meshgate/clusters/{quote(name)}", body)
        if status >= 300:
            raise EmulatorError(f"the emulator rejects cluster {name}: {status} {answer}")
        return bool(answer.get("changed"))
