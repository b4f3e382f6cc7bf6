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
    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = 10) -> None:
        self.host, self.port, self.timeout = host, port, timeout

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and decoded answer. Proxy settings of the environment do not apply: this is the same machine."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
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
            status, answer = self.request("GET", "/_meshgate/health")
        except EmulatorError:
            return False
        return status == 200 and isinstance(answer, dict) and answer.get("status") == "ok"

    def cluster(self, name: str) -> dict[str, Any] | None:
        """Return the Kubernetes cluster that stands behind EKS cluster `name`, None if none does."""
        status, answer = self.request("GET", f"/_meshgate/clusters/{quote(name)}")
        if status == 404:
            return None
        if status != 200:
            raise EmulatorError(f"the emulator answers {status} when asked for cluster {name}: {answer}")
        return answer

    def put_cluster(self, name: str, body: dict[str, Any]) -> bool:
        """Say which Kubernetes cluster stands behind EKS cluster `name`; return whether that was news."""
        status, answer = self.request("PUT", f"/_meshgate/clusters/{quote(name)}", body)
        if status >= 300:
            raise EmulatorError(f"the emulator does not take cluster {name}: {status} {answer}")
        return bool(answer.get("changed"))
