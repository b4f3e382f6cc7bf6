# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A proxy that writes down what it is asked for. It alone knows where publisher.test is: a folder of this machine."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

HOST = "publisher.test"
PUBLISHER = f"https://{HOST}"


class CountingProxy:
    """`certificate` is the one to trust (SSL_CERT_FILE): a tunnel to the publisher ends in the proxy itself."""

    def __init__(self, folder: Path, certificate: Path) -> None:
        self.folder, self.certificate = folder, certificate
        self.asked: list[str] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            tunnel = ""

            def do_CONNECT(self) -> None:
                if self.path != f"{HOST}:443":
                    self.do_GET()
                    return
                self.send_response(200)
                self.end_headers()
                self.connection = proxy.context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
                self.tunnel, self.close_connection = PUBLISHER, False

            def do_GET(self) -> None:
                address = self.tunnel + self.path
                proxy.asked.append(f"{self.command} {address}")
                parts = urlsplit(address)
                found = proxy.folder / parts.path.lstrip("/")
                if not self.tunnel or not found.is_file():
                    self.send_error(404 if self.tunnel else 400)
                    return
                content = found.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_HEAD = do_POST = do_PUT = do_GET

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def environment(self) -> dict[str, str]:
        """As a shell behind a proxy has it, with nothing said about this machine's own addresses."""
        return {**dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), self.address), "SSL_CERT_FILE": str(self.certificate)}


@contextmanager
def counting_proxy(folder: Path) -> Iterator[CountingProxy]:
    certificate = folder / "certificate.pem"
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "2", *names, "-keyout", certificate, "-out", folder / "public.pem"],
        check=True,
        capture_output=True,
    )
    certificate.write_bytes(certificate.read_bytes() + (folder / "public.pem").read_bytes())
    proxy = CountingProxy(folder, certificate)
    thread = threading.Thread(target=proxy.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
