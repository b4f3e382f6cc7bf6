# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Downloaded documents: their content must be what was requested."""

from __future__ import annotations

import hashlib
import http.client
import re
from collections.abc import Iterable
from typing import Any

from ansible.module_utils.urls import open_url

from .command import masked
from .failure import Failure

TIMEOUT = 60.0
LOOPBACK = re.compile(r"http://(127(\.\d+){3}|localhost|\[::1\])(:\d+)?(/|$)")


class NotFetched(Failure):
    """The download failed, or is something else. No URL is shown with its password."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(masked(message), **details)


def fetch_text(address: str) -> str:
    try:
        with open_url(address, timeout=TIMEOUT) as answer:
            refuse_page(address, answer)
            content: bytes = answer.read()
            return content.decode()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotFetched(f"{address} cannot be fetched: {error}", cause=masked(str(error))) from error


def plain(addresses: Iterable[str]) -> list[str]:
    """URLs whose content can be changed in transit. Those of this machine cannot."""
    return [masked(address) for address in addresses if address.startswith("http://") and not LOOPBACK.match(address)]


def fetch_document(address: str, expected: str = "") -> str:
    """A document that a module refers to, with its expected checksum, if any."""
    if plain([address]):
        raise NotFetched(f"{address} is plain HTTP, which can be tampered with in transit; accepted: an https URL, or a local file")
    text = fetch_text(address)
    found = hashlib.sha256(text.encode()).hexdigest()
    if expected and found != expected:
        raise NotFetched(f"{address} is not what was expected: its SHA-256 is {found}, not {expected}; it is not used")
    return text


def refuse_page(address: str, answer: Any) -> None:
    """No download is a web page. A mirror that requires a login returns one, with status 200."""
    kind = str(answer.headers.get("Content-Type", ""))
    if plain([answer.geturl()]) and not plain([address]):
        raise NotFetched(f"{address} redirects to {answer.geturl()}, which is plain HTTP; it is not used")
    if kind.lower().startswith(("text/html", "application/xhtml")):
        raise not_what(address, "what was asked for", f"a web page ({kind.partition(';')[0]})")


def not_what(address: str, wanted: str, found: str) -> NotFetched:
    return NotFetched(f"{address} returned {found} instead of {wanted}: is it a mirror that requires a login, or a proxy's own page? It is not kept")
