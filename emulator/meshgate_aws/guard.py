# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Only AWS clients may send requests, no web pages. A browser on this machine can reach 127.0.0.1, too, and sends any page's requests there.

A page whose own name resolves to 127.0.0.1 sends that name as Host (https://en.wikipedia.org/wiki/DNS_rebinding);
a page that posts across sites sends Origin or Sec-Fetch-Site (https://fetch.spec.whatwg.org/#origin-header,
https://w3c.github.io/webappsec-fetch-metadata/#sec-fetch-site-header). AWS's clients send neither.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

# This machine's name for itself, and the container's name on its Docker network (module aws_emulator).
NAMES = ("localhost", "meshgate-aws")
# "none" is the address bar, "same-origin" a page of the emulator itself.
OWN_SITES = ("", "none", "same-origin")


def refusal(environ: dict[str, Any]) -> str:
    """Why a request is refused; empty if it is not."""
    if origin := environ.get("HTTP_ORIGIN", ""):
        return f"requests from a web page of {origin} are refused; the emulated AWS serves AWS clients only (header Origin)"
    if (site := environ.get("HTTP_SEC_FETCH_SITE", "").lower()) not in OWN_SITES:
        return f"requests from a web page of another site are refused; the emulated AWS serves AWS clients only (header Sec-Fetch-Site: {site})"
    host = environ.get("HTTP_HOST", "")
    if not _ours(_name(host), _local_address(environ)):
        return f"the emulated AWS is not {host or 'without a name'!r}; use 127.0.0.1, localhost, {NAMES[-1]} or the address that it listens on (header Host)"
    return ""


def _name(host: str) -> str:
    """A Host header's name or address, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _ours(name: str, local: str) -> bool:
    """Names, and S3's buckets below them: if the endpoint is a name, SDKs prepend the bucket."""
    try:
        address = ip_address(name)
    except ValueError:
        return any(name == own or name.endswith(f".{own}") for own in NAMES)
    return address.is_loopback or name == local


def _local_address(environ: dict[str, Any]) -> str:
    """The address that the client connected to: the container's on its network."""
    connection = environ.get("werkzeug.socket")
    return str(connection.getsockname()[0]) if connection is not None else ""
