# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""When certificates expire: the API server's, webhooks', the mesh's root, TLS Secrets, listeners'."""

from __future__ import annotations

import base64
import contextlib
import datetime
import ssl
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

with contextlib.suppress(ImportError):  # part of ansible-core; `available` is false if it is missing
    from cryptography import x509

from ..kube.api import KubeApi, KubeError
from .report import Section

WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class Expiry:
    what: str
    until: datetime.datetime


def available() -> bool:
    return "x509" in globals()


def expiries(what: str, pem: str) -> list[Expiry]:
    """The certificate in a text that expires first; None if it contains none."""
    found = []
    for part in pem.split(_BEGIN)[1:]:
        with contextlib.suppress(ValueError):
            found.append(x509.load_pem_x509_certificate(f"{_BEGIN}{part.partition(_END)[0]}{_END}\n".encode()).not_valid_after_utc)
    return [Expiry(what, min(found))] if found else []


def judge(section: Section, found: list[Expiry], now: datetime.datetime, days: int) -> None:
    # One certificate in several places is one.
    for expiry in sorted(set(found), key=lambda one: (one.until, one.what)):
        left = expiry.until - now
        section.lines.append(f"{expiry.until:%Y-%m-%d} {expiry.what}")
        if left.total_seconds() <= 0:
            section.wrong("certificate", f"{expiry.what}: expired on {expiry.until:%Y-%m-%d %H:%M} UTC")
        elif left.days < days:
            section.noted("certificate", f"{expiry.what}: runs out in {left.days} days, on {expiry.until:%Y-%m-%d %H:%M} UTC")


def api_server(endpoint: str, timeout: float) -> list[Expiry]:
    url = urlsplit(endpoint)
    if url.scheme != "https" or not url.hostname:
        return []
    try:
        return expiries("API server", ssl.get_server_certificate((url.hostname, url.port or 443), timeout=timeout))
    except OSError:
        return []  # reached by way of a proxy, perhaps


def in_cluster(api: KubeApi, istio_namespace: str) -> tuple[list[Expiry], list[str]]:
    """What is found, and what could not be read."""
    found: list[Expiry] = []
    unread = []
    for kind in WEBHOOKS:
        for item in api.find("admissionregistration.k8s.io/v1", kind):
            bundles = {(webhook.get("clientConfig") or {}).get("caBundle") or "" for webhook in item.get("webhooks") or []}
            for bundle in bundles:
                found += expiries(f"webhook {item['metadata']['name']}", _decoded(bundle))
    roots = api.get("v1", "ConfigMap", "istio-ca-root-cert", istio_namespace)
    found += expiries("the mesh's root", ((roots or {}).get("data") or {}).get("root-cert.pem") or "")
    try:
        secrets = api.find("v1", "Secret", None, fields="type=kubernetes.io/tls")
    except KubeError as error:
        unread.append(f"TLS Secrets cannot be read: {error}")
        secrets = []
    for secret in secrets:
        found += expiries(f"Secret {secret['metadata']['namespace']}/{secret['metadata']['name']}", _decoded((secret.get("data") or {}).get("tls.crt") or ""))
    return found, unread


def _decoded(value: t.Any) -> str:
    try:
        return base64.b64decode(value).decode("ascii", "replace")
    except ValueError:
        return ""
