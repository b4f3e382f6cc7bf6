# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A socket between the docker client and this machine's engine that lets nobody change anything, and remembers who tried.

A bad input that nobody refuses would else replace the very cluster that somebody works with on this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import threading
from pathlib import Path
from typing import Any

ENGINE = "/var/run/docker.sock"
READING = ("GET", "HEAD")


class EngineGuard:
    """`version`: an engine of that version and of nothing else, instead of this machine's own."""

    def __init__(self, path: Path, version: str = "") -> None:
        self.url = f"unix://{path}"
        self.refused: list[str] = []
        self._version = version
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # A thread inside accept() keeps a closed socket listening for one more connection.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                received = client.recv(65536)
                if not received:
                    return
                head += received
            request, _newline, headers = head.partition(b"\r\n")
            method, path = request.decode().split(" ")[:2]
            if method not in READING:
                self.refused.append(f"{method} {path}")
                client.sendall(answer(403, {"message": "this engine changes nothing"}))
            elif self._version:
                client.sendall(answer(200, self._told(path), head_only=method == "HEAD"))
            else:
                self._pass_on(client, request + b"\r\nConnection: close\r\n" + headers)

    def _told(self, path: str) -> Any:
        return {"ServerVersion": self._version, "DockerRootDir": "/", "CgroupVersion": "2"} if path.endswith("/info") else []

    @staticmethod
    def _pass_on(client: socket.socket, request: bytes) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(ENGINE)
            engine.sendall(request)
            while received := engine.recv(1 << 16):
                client.sendall(received)


def answer(status: int, body: Any, head_only: bool = False) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} told\r\nApi-Version: 1.44\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (b"" if head_only else content)


def engine_answers() -> bool:
    """Whether there is an engine to be asked, and a client to ask it with."""
    with socket.socket(socket.AF_UNIX) as probe:
        return shutil.which("docker") is not None and os.path.exists(ENGINE) and probe.connect_ex(ENGINE) == 0
