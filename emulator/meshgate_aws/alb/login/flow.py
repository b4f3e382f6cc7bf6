# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who may pass a rule, and where the others are sent. Sessions are sealed in the client's cookies, as an ALB's are: nothing is kept here but the key."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode

from cryptography.fernet import Fernet, InvalidToken

from ..answers import SERVER, page
from ..state import Json

CALLBACK = "/oauth2/idpresponse"
IDENTITY, ACCESS_TOKEN = "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken"
_NONCE = "AWSALBAuthNonce"
# Browsers take 4 KB a cookie: what is longer goes into several, with a number each.
_SHARD = 4000
_WEEK = 7 * 24 * 3600
# "The login timeout of 15 minutes", after which a login begins anew.
_LOGIN_SECONDS = 15 * 60


@dataclass(frozen=True)
class Client:
    """An action `authenticate-oidc`, with AWS's defaults."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    user_info_endpoint: str
    client_id: str
    client_secret: str
    cookie: str
    scope: str
    session_seconds: int
    unauthenticated: str
    extra: Mapping[str, str]


@dataclass(frozen=True)
class User:
    subject: str
    access_token: str


@dataclass(frozen=True)
class Request:
    host: str
    path: str
    cookies: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """200 lets the request pass, with these headers; whatever else goes back to the client."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


class Failed(Exception):
    """401: not let in. 500: the provider cannot be reached. 561: the provider returned an error."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


# Asks the provider who has this code; the last argument is where it was sent.
Ask = Callable[[Client, str, str], User]


def client_of(action: Json) -> Client:
    said = action["AuthenticateOidcConfig"]
    return Client(
        issuer=said["Issuer"],
        authorization_endpoint=said["AuthorizationEndpoint"],
        token_endpoint=said["TokenEndpoint"],
        user_info_endpoint=said["UserInfoEndpoint"],
        client_id=said["ClientId"],
        client_secret=said.get("ClientSecret") or "",
        cookie=said.get("SessionCookieName") or "AWSELBAuthSessionCookie",
        scope=said.get("Scope") or "openid",
        session_seconds=int(said.get("SessionTimeout") or _WEEK),
        unauthenticated=said.get("OnUnauthenticatedRequest") or "authenticate",
        extra=said.get("AuthenticationRequestExtraParams") or {},
    )


@dataclass
class Login:
    ask: Ask
    now: Callable[[], float] = time.time
    _seal: Fernet = field(default_factory=lambda: Fernet(Fernet.generate_key()))

    def answer(self, client: Client, request: Request) -> Answer:
        path, _mark, query = request.path.partition("?")
        try:
            if path == CALLBACK:
                return self._return(client, request, {key: values[0] for key, values in parse_qs(query).items()})
            user = self._session(client, request.cookies)
            if user is None and client.unauthenticated == "deny":
                raise Failed(401)
        except Failed as failed:
            return _error(failed.status)
        if user:
            return Answer(200, ((IDENTITY, user.subject), (ACCESS_TOKEN, user.access_token)))
        return Answer(200) if client.unauthenticated == "allow" else self._begin(client, request)

    def _begin(self, client: Client, request: Request) -> Answer:
        nonce = secrets.token_urlsafe(16)
        asked = {
            "client_id": client.client_id,
            "redirect_uri": _callback(request),
            "response_type": "code",
            "scope": client.scope,
            "state": self._sealed({"path": request.path, "nonce": nonce}),
            **client.extra,
        }
        joint = "&" if "?" in client.authorization_endpoint else "?"
        return _redirect(f"{client.authorization_endpoint}{joint}{urlencode(asked)}", [_cookie(_NONCE, nonce, _LOGIN_SECONDS)])

    def _return(self, client: Client, request: Request, query: Mapping[str, str]) -> Answer:
        """From the provider. The state must be one of ours, and of this very browser."""
        state = self._opened(query.get("state", ""), _LOGIN_SECONDS) or {}
        nonce = str(state.get("nonce") or "")
        if not nonce or not secrets.compare_digest(nonce.encode(), request.cookies.get(_NONCE, "").encode()):
            raise Failed(401)
        if "code" not in query:
            raise Failed(401 if query.get("error") == "access_denied" else 561)
        user = self.ask(client, query["code"], _callback(request))
        session = self._sealed({"issuer": client.issuer, "client": client.client_id, "subject": user.subject, "token": user.access_token})
        shards = [session[start : start + _SHARD] for start in range(0, len(session), _SHARD)]
        cookies = [_cookie(f"{client.cookie}-{number}", shard, client.session_seconds) for number, shard in enumerate(shards)]
        return _redirect(f"https://{request.host}{state['path']}", [*cookies, _cookie(_NONCE, "", 0)])

    def _session(self, client: Client, cookies: Mapping[str, str]) -> User | None:
        shards: list[str] = []
        while (name := f"{client.cookie}-{len(shards)}") in cookies:
            shards.append(cookies[name])
        said = self._opened("".join(shards), client.session_seconds)
        if said is None or (said.get("issuer"), said.get("client")) != (client.issuer, client.client_id):
            return None
        return User(said["subject"], said["token"])

    def _sealed(self, said: Json) -> str:
        return self._seal.encrypt_at_time(json.dumps(said).encode(), int(self.now())).decode()

    def _opened(self, text: str, seconds: int) -> Json | None:
        try:
            said: Json = json.loads(self._seal.decrypt_at_time(text.encode(), seconds, int(self.now())))
        except InvalidToken:
            return None
        return said


def _callback(request: Request) -> str:
    return f"https://{request.host}{CALLBACK}"


def _cookie(name: str, value: str, seconds: int) -> tuple[str, str]:
    return "set-cookie", f"{name}={value}; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=None"


def _redirect(location: str, cookies: list[tuple[str, str]]) -> Answer:
    return Answer(302, (("location", location), *cookies, *_own(), ("content-type", "text/html")), page(302))


def _error(status: int) -> Answer:
    return Answer(status, (*_own(), ("content-type", "text/html")), page(status))


def _own() -> tuple[tuple[str, str], ...]:
    return ("server", SERVER), ("cache-control", "no-store")
