# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Envoy process: started once, restarted when it dies, queried through its admin socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from .layout import Layout
from .log import log
from .state import Json

_LONGEST_PAUSE = 10.0
_FINISH_SECONDS = 1.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=2)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def bootstrap(layout: Layout) -> Json:
    def source(path: Path) -> Json:
        return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}

    return {
        "node": {"id": "meshgate-alb", "cluster": "meshgate-alb"},
        # 0660: the daemon is in Envoy's group (files.py says why).
        "admin": {"address": {"pipe": {"path": str(layout.admin_socket), "mode": 0o660}}},
        "dynamic_resources": {"lds_config": source(layout.listeners), "cds_config": source(layout.clusters)},
        # One client or many: the machine is a laptop, and a limit would only be a warning at start.
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": 50000,
                    },
                }
            ]
        },
    }


class Envoy:
    def __init__(self, binary: str, layout: Layout, user: int | None) -> None:
        self._layout = layout
        self._user = user
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._command = [
            binary,
            *("--config-path", str(layout.bootstrap)),
            *("--concurrency", "1"),
            "--disable-hot-restart",
            *("--log-level", "warning"),
            # Access log and health events are read as they happen; a removed listener is gone at once.
            *("--file-flush-interval-msec", "100"),
            *("--drain-time-s", "5"),
            *("--drain-strategy", "immediate"),
        ]

    def keep_running(self) -> None:
        pause = 0.5
        while not self._stopping.is_set():
            started = time.monotonic()
            self._layout.admin_socket.unlink(missing_ok=True)
            try:
                groups: list[int] | None = None if self._user is None else []
                self._process = subprocess.Popen(self._command, user=self._user, group=self._user, extra_groups=groups)
                end = f"envoy ended with {self._process.wait()}"
            except (OSError, subprocess.SubprocessError) as error:
                end = f"envoy cannot be started ({error})"
            if self._stopping.is_set():
                return
            pause = 0.5 if time.monotonic() - started > 60 else min(pause * 2, _LONGEST_PAUSE)
            log(f"{end}; starting it again in {pause:.0f} s")
            self._stopping.wait(pause)

    def ask(self, path: str, method: str = "GET") -> bytes:
        connection = _UnixConnection(self._layout.admin_socket)
        try:
            connection.request(method, path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def clusters(self) -> Json:
        result: Json = json.loads(self.ask("/clusters?format=json"))
        return result

    def stop(self) -> None:
        """No new connections, a second for the requests in flight, then exit."""
        self._stopping.set()
        process = self._process
        if process is None or process.poll() is not None:
            return
        try:
            self.ask("/drain_listeners", "POST")
            deadline = time.monotonic() + _FINISH_SECONDS
            while time.monotonic() < deadline and self._busy():
                time.sleep(0.05)
            # Not a signal: a daemon with few capabilities may not signal another user's process.
            self.ask("/quitquitquit", "POST")
            process.wait(1)
        except (OSError, http.client.HTTPException, subprocess.TimeoutExpired):
            try:
                process.kill()
            except PermissionError:
                log("envoy did not stop when asked and cannot be killed; it ends with the container")

    def _busy(self) -> bool:
        stats = json.loads(self.ask("/stats?format=json&filter=http.alb.downstream_rq_active"))
        return any(item.get("value") for item in stats["stats"])


def default_user() -> int | None:
    """Envoy's user and group when the daemon is root: nobody."""
    return 65534 if os.geteuid() == 0 else None
