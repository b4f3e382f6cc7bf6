# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulator's control API, as far as the data path needs it."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from .state import Json

POLL_SECONDS = 20
# What these calls raise if the server is down, restarts, or returns nonsense.
ERRORS = (OSError, ValueError, http.client.HTTPException)
# A proxy in the environment is for the outside world.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Api:
    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/_meshgate/alb"

    def state(self, known: str) -> Json:
        """The state, as soon as its revision differs from the known one, or after the poll's timeout."""
        query = "?" + urllib.parse.urlencode({"known": known, "timeout": POLL_SECONDS}) if known else ""
        result = self._call(self._url + query, None, POLL_SECONDS + 10)
        if not isinstance(result, dict) or "revision" not in result:
            raise ValueError("the control API did not return a state")
        return result

    def report_health(self, targets: list[Json]) -> None:
        self._call(self._url + "/health", {"targets": targets}, 5)

    def _call(self, url: str, body: Json | None, timeout: float) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"content-type": "application/json"})
        with _OPENER.open(request, timeout=timeout) as response:
            text = response.read()
        return json.loads(text) if text else None
