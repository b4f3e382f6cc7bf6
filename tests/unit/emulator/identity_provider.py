# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An identity provider for tests, by OpenID Connect: whoever comes to its page is logged in as its one user, unless it says no."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from alb_rig import certificate


class IdentityProvider:
    """Serves HTTPS at an address of this machine until C(stop)."""

    user, client_id, client_secret = "ada", "mesh-pages", "open: sesame"

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.denies, self.broken = False, False
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, str] = {}
        self._tokens: set[str] = set()
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self._server.socket = self._context().wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://{address}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def endpoints(self) -> dict[str, str]:
        names = {"AuthorizationEndpoint": "authorize", "TokenEndpoint": "token", "UserInfoEndpoint": "userinfo"}
        return {"Issuer": self.url, **{name: f"{self.url}/{path}" for name, path in names.items()}}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _context() -> ssl.SSLContext:
        made = certificate("identity-provider")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("certificate", "private_key"):
                Path(folder, name).write_text(made[name], encoding="utf-8")
            context.load_cert_chain(Path(folder, "certificate"), Path(folder, "private_key"))
        return context

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes next."""
        self.asked.append(query)
        if self.denies:
            return f"{query['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': query['state']})}"
        code = secrets.token_hex(8)
        self._codes[code] = query["redirect_uri"]
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, authorization: str, form: dict[str, str]) -> dict[str, str]:
        pair = f"{self.client_id}:{self.client_secret.replace(':', '%3A').replace(' ', '%20')}"
        expected = f"Basic {base64.b64encode(pair.encode()).decode()}"
        if authorization != expected or self._codes.pop(form.get("code", ""), "") != form.get("redirect_uri") or self.broken:
            return {}
        token = secrets.token_hex(16)
        self._tokens.add(token)
        return {"access_token": token, "token_type": "Bearer"}

    def user_info(self, authorization: str) -> dict[str, str]:
        return {"sub": self.user} if authorization.removeprefix("Bearer ") in self._tokens else {}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                if urlsplit(self.path).path == "/authorize":
                    self.send_response(302)
                    self.send_header("location", provider.authorize(_first(urlsplit(self.path).query)))
                    self.send_header("content-length", "0")
                    self.end_headers()
                else:
                    self._say(provider.user_info(self.headers.get("authorization", "")))

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["content-length"])).decode()
                self._say(provider.token(self.headers.get("authorization", ""), _first(form)))

            def _say(self, answer: dict[str, str]) -> None:
                body = json.dumps(answer or {"error": "invalid_grant"}).encode()
                self.send_response(200 if answer else 400)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler


def _first(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
