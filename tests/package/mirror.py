# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A registry of this machine that stands for docker.io, as a folder of containerd's hosts files tells a node."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elsewhere import REPO

IMAGE = "library/mirrored:1"  # Docker Hub has none of this name


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def mirror(folder: Path) -> Iterator[Path]:
    """Its hosts files. The registry has one image, a program that waits."""
    program = folder / "registry"
    subprocess.run(
        ["go", "build", "-mod=readonly", "-o", program, "."], cwd=REPO / "tests/programs/registry", check=True, env={**os.environ, "CGO_ENABLED": "0"}
    )
    process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        _push(program, f"{address}/{IMAGE}")
        hosts = folder / "hosts"
        (hosts / "docker.io").mkdir(parents=True)
        endpoint = _lead(gateway(), address)
        (hosts / "docker.io/hosts.toml").write_text(f'[host."http://{endpoint}"]\n  capabilities = ["pull", "resolve"]\n', encoding="utf-8")
        yield hosts
    finally:
        process.terminate()
        process.wait()


def gateway() -> str:
    """This machine's address on Docker's own network. Docker names it only after a restart; by default it is the first one."""
    (configured, *_more) = json.loads(docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}"))
    return configured.get("Gateway") or str(next(ipaddress.ip_network(configured["Subnet"]).hosts()))


def _push(program: Path, image: str) -> None:
    """The registry's own program serves as the one that waits: it is static."""
    archive = program.with_name("root.tar")
    with tarfile.open(archive, "w") as stream:
        stream.add(program, "program")
    docker("import", "--change", 'ENTRYPOINT ["/program"]', str(archive), image)
    docker("push", "--quiet", image)
    docker("image", "rm", image)


def _lead(gateway: str, address: str) -> str:
    """The registry listens on 127.0.0.1; nodes reach this machine by Docker's gateway."""
    host, _colon, port = address.rpartition(":")
    listener = socket.create_server((gateway, 0))

    def pipe(source: socket.socket, target: socket.socket) -> None:
        with source.makefile("rb", buffering=0) as read, target.makefile("wb", buffering=0) as write:
            shutil.copyfileobj(read, write)
        target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        while True:
            client, _peer = listener.accept()
            server = socket.create_connection((host, int(port)))
            for pair in ((client, server), (server, client)):
                threading.Thread(target=pipe, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return f"{gateway}:{listener.getsockname()[1]}"
