# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Small image archives as `docker save` and OCI tools write them, and a proxy in front of a registry that misbehaves as told."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import http.server
import io
import json
import re
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

OCI = "application/vnd.oci.image."


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer(content: bytes) -> bytes:
    """A layer: a tar with one file of this content."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        add(archive, "service", content)
    return stream.getvalue()


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def configuration(architecture: str, layers: list[bytes], **more: object) -> bytes:
    diff_ids = [digest(content) for content in layers]
    return json.dumps({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": diff_ids}, **more}).encode()


def docker_archive(path: Path, architecture: str, *contents: bytes, damaged: bool = False, times: int = 1, **more: object) -> str:
    """`docker save`: manifest.json, a configuration, layers that are not compressed."""
    layers = [layer(content) for content in contents]
    config = configuration(architecture, layers, **more)
    entry = {"Config": "config.json", "RepoTags": ["service:1"], "Layers": [f"{number}/layer.tar" for number in range(len(layers))]}
    with tarfile.open(path, "w") as archive:
        for number, content in enumerate(layers):
            add(archive, f"{number}/layer.tar", content[:-1] + b"\1" if damaged else content)
        add(archive, "config.json", config)
        add(archive, "manifest.json", json.dumps([entry] * times).encode())
    return str(path)


def oci_archive(path: Path, **contents: bytes) -> str:
    """An OCI layout of several architectures, with compressed layers and an attestation."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes, kind: str, **more: object) -> dict[str, object]:
        blobs[digest(content)] = content
        return {"mediaType": kind, "digest": digest(content), "size": len(content), **more}

    entries = []
    for architecture, content in contents.items():
        plain = layer(content)
        described = blob(gzip.compress(plain), OCI + "layer.v1.tar+gzip")
        config = blob(configuration(architecture, [plain]), OCI + "config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config, "layers": [described]}
        entries.append(blob(json.dumps(manifest).encode(), OCI + "manifest.v1+json", platform={"os": "linux", "architecture": architecture}))
    entries.append(blob(b"{}", OCI + "manifest.v1+json", platform={"os": "unknown", "architecture": "unknown"}))
    inner = blob(json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": entries}).encode(), OCI + "index.v1+json")
    with tarfile.open(path, "w") as archive:
        add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [inner]}).encode())
        for name, content in blobs.items():
            add(archive, "blobs/" + name.replace(":", "/"), content)
    return str(path)


@dataclass
class Fault:
    """What happens to a request: an answer of our own, a connection that is cut before the server saw it or after it obeyed, or something else first."""

    method: str
    path: str
    status: int = 0
    cut: str = ""
    first: Callable[[], object] | None = None
    times: int = 1


@dataclass
class Proxy:
    url: str
    upstream: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    def fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None

    def count(self, method: str, path: str) -> int:
        return len([line for line in self.seen if line.startswith(f"{method} ") and re.search(path, line)])


@contextmanager
def proxy(upstream: str, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """A proxy in front of a registry."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            state.seen.append(f"{self.command} {self.path}")
            state.authorizations.append(self.headers.get("Authorization", ""))
            fault = state.fault(self.command, self.path)
            if fault and fault.cut == "before":
                # In the middle of what the client sends.
                self.rfile.read(min(1000, int(self.headers.get("Content-Length") or 0)))
                self.cut()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if fault and fault.first:
                fault.first()
            if fault and fault.status:
                self.send_response(fault.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            connection = http.client.HTTPConnection(urlsplit(state.upstream).netloc)
            connection.request(self.command, self.path, body or None, {**self.headers, "Content-Length": str(len(body))})
            answer = connection.getresponse()
            content = answer.read()
            if fault and fault.cut == "after":
                self.cut()
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "date", "server", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def cut(self) -> None:
            self.close_connection = True
            self.connection.close()

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = serve

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    state = Proxy(f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}", upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
