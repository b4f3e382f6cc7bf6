# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Start the emulator as a real server; plain boto3 clients for it, and its control API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EMULATOR = Path(__file__).resolve().parents[3] / "emulator"
sys.path.insert(0, str(EMULATOR))
pytest.importorskip("moto")
boto3 = pytest.importorskip("boto3")
from botocore.config import Config  # noqa: E402

REGION = "us-west-2"
ACCOUNT = "123456789012"
# What takes time takes this long, by a clock that only the tests advance: the states in between cannot be missed, and nobody waits.
SECONDS = 600


class Emulator:
    """A running emulator: its URL, AWS clients, and the control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._clients: dict[str, Any] = {}

    def client(self, service: str, **credentials: str) -> Any:
        if credentials or service not in self._clients:
            given = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=120)
            client = boto3.client(service, region_name=REGION, endpoint_url=self.url, config=config, **given)
            if credentials:
                return client
            self._clients[service] = client
        return self._clients[service]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_meshgate/{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=70) as answer:
            return json.load(answer)

    def pass_time(self, seconds: float) -> None:
        self.control("POST", "clock", {"advance": seconds})

    def wait(self, look: Callable[[], Any], wanted: Any = True, timeout: float = 60) -> Any:
        """Let the emulator's time pass until something is as wanted; what happens outside of it gets real time."""
        end = time.monotonic() + timeout
        while (seen := look()) != wanted:
            assert time.monotonic() < end, f"still {seen!r} instead of {wanted!r} after {timeout} s"
            self.control("POST", "clock", {"advance": SECONDS + 1})
            time.sleep(0.02)
        return seen


def start(listen: str = "127.0.0.1", **environment: str) -> tuple[subprocess.Popen[str], str]:
    env = {**os.environ, "PYTHONPATH": str(EMULATOR), **environment}
    process = subprocess.Popen([sys.executable, "-m", "meshgate_aws.api", "--host", listen, "--port", "0"], stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"listens on (\S+)", line)
    assert found, f"the emulator did not start: {line!r}"
    return process, f"http://{found[1]}"
