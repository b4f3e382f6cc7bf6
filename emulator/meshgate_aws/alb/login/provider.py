# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The identity provider, as an ALB asks it: the code for a token, the token for the user."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from ..state import Json
from .flow import Client, Failed, User

_TIMEOUT = 10
# On AWS a provider needs a certificate of a public authority. Of one on a laptop nobody else knows, so that its certificate is not verified here.
_TLS = ssl.create_default_context()
_TLS.check_hostname = False
_TLS.verify_mode = ssl.CERT_NONE


class _Stay(urllib.request.HTTPRedirectHandler):
    """The client's secret goes to the endpoint that was named, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay, urllib.request.HTTPSHandler(context=_TLS))


def ask(client: Client, code: str, redirect_uri: str) -> User:
    form = urlencode({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}).encode()
    pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
    token = _call(client.token_endpoint, f"Basic {base64.b64encode(pair.encode()).decode()}", form).get("access_token")
    if not token:
        raise Failed(561)
    subject = _call(client.user_info_endpoint, f"Bearer {token}").get("sub")
    if not subject:
        raise Failed(561)
    return User(str(subject), str(token))


def _call(url: str, authorization: str, form: bytes | None = None) -> Json:
    request = urllib.request.Request(url, form, {"authorization": authorization, "accept": "application/json"})
    try:
        with _OPENER.open(request, timeout=_TIMEOUT) as response:
            said = json.loads(response.read())
    except urllib.error.HTTPError as error:
        raise Failed(561) from error
    except (OSError, http.client.HTTPException) as error:
        raise Failed(500) from error
    except ValueError as error:
        raise Failed(561) from error
    return said if isinstance(said, dict) else {}
