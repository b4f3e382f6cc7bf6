# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A real API server without a cluster behind it: what it stores and merges is real, and nothing runs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

CACHE = Path(os.environ.get("MESHGATE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshgate")
TOKEN = "bare-api"  # noqa: S105 -- of a server that lives as long as a test does, on the loopback address


def program(folder: str, name: str) -> str:
    """The newest one that the toolchain has made; empty if it has not."""
    found = sorted((CACHE / folder).glob(f"*/{name}"), key=lambda path: path.stat().st_mtime)
    return str(found[-1]) if found else ""


def missing() -> list[str]:
    return [
        name for folder, name in (("etcd", "etcd"), ("kubernetes", "kube-apiserver"), ("kubectl", "kubectl"), ("helm", "helm")) if not program(folder, name)
    ]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, *controllers: str) -> Iterator[Path]:
    """Its kubeconfig. Of the controllers, those that are named run, too."""
    store, peers, port = free_port(), free_port(), free_port()
    (folder / "tokens").write_text(f'{TOKEN},admin,1,"system:masters"\n')
    key = folder / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    commands = [
        [
            program("etcd", "etcd"),
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{store}",
            f"--advertise-client-urls=http://127.0.0.1:{store}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
            "--unsafe-no-fsync",
        ],
        [
            program("kubernetes", "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{store}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={folder}/certs",
            f"--token-auth-file={folder}/tokens",
            "--authorization-mode=AlwaysAllow",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--disable-admission-plugins=ServiceAccount",
        ],
    ]
    with (folder / "log").open("w") as log, contextlib.ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(port)))
        _await(kubeconfig, folder / "log")
        if controllers:
            command = [program("kubernetes", "kube-controller-manager"), f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"]
            process = subprocess.Popen([*command, f"--controllers={','.join(controllers)}"], stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield kubeconfig


def _kubeconfig(port: int) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bare", "cluster": {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "bare", "context": {"cluster": "bare", "user": "admin"}}],
        "current-context": "bare",
    }


def _await(kubeconfig: Path, log: Path) -> None:
    """The API server makes the namespaces first, and its own Service last: a test that compares before and after must not see one of them come."""
    end = time.monotonic() + 120
    while kubectl(kubeconfig, "get", "service", "kubernetes", "--namespace=default", ok=False).returncode:
        assert time.monotonic() < end, log.read_text()[-3000:]
        time.sleep(1)


def kubectl(kubeconfig: Path, *arguments: str, text: str = "", ok: bool = True) -> subprocess.CompletedProcess[str]:
    argv = [program("kubectl", "kubectl"), f"--kubeconfig={kubeconfig}", *arguments]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert not ok or done.returncode == 0, done.stderr
    return done
