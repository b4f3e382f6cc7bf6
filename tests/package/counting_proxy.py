# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A proxy that writes down what it is asked for. It alone knows where publisher.test is: a folder of this machine."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

PUBLISHER = "http://publisher.test"


class CountingProxy:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.asked.append(f"{self.command} {self.path}")
                parts = urlsplit(self.path)
                found = proxy.folder / parts.path.lstrip("/")
                if parts.netloc != urlsplit(PUBLISHER).netloc or not found.is_file():
                    self.send_error(404 if parts.netloc == urlsplit(PUBLISHER).netloc else 400)
                    return
                content = found.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_HEAD = do_POST = do_PUT = do_CONNECT = do_GET

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def environment(self) -> dict[str, str]:
        """As a shell behind a proxy has it, with nothing said about this machine's own addresses."""
        return dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), self.address)


@contextmanager
def counting_proxy(folder: Path) -> Iterator[CountingProxy]:
    proxy = CountingProxy(folder)
    thread = threading.Thread(target=proxy.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.server.shutdown()
        proxy.server.server_close()
