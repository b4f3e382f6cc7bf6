# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Certificates and security policies of HTTPS listeners -> Envoy TLS filter chains' matches and contexts."""

from __future__ import annotations

import re
import ssl
import tempfile
from dataclasses import dataclass

from .clusters import ENVOY
from .routes import Owned
from .state import Certificate, Json

_VERSIONS = ("TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3")
# Envoy offers forward-secret AEAD ciphers only, which TLS 1.0 and 1.1 do not support.
_OLD_CIPHERS = ["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "AES128-SHA", "AES256-SHA"]
_CIPHERS = [
    *(f"ECDHE-{key}-{cipher}" for cipher in ("AES128-GCM-SHA256", "CHACHA20-POLY1305", "AES256-GCM-SHA384") for key in ("ECDSA", "RSA")),
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
]


@dataclass(frozen=True)
class Chain:
    certificate: Certificate
    ssl_policy: str
    server_names: tuple[str, ...]

    @property
    def match(self) -> Json:
        return {"transport_protocol": "tls", **({"server_names": list(self.server_names)} if self.server_names else {})}


def chains(owned: list[Owned], problems: list[str]) -> list[Chain]:
    """One chain per certificate, by server name, and the oldest load balancer's default one for all other names.

    Envoy refuses a whole listener because of one bad certificate or one server name in two chains, so both are left out.
    """
    result: list[Chain] = []
    taken: set[str] = set()
    fallback: Chain | None = None
    for balancer, listener in owned:
        for certificate in listener.certificates:
            problem = unusable(certificate)
            if problem:
                problems.append(f"certificate {certificate.arn} is skipped: {problem}")
                continue
            names = [name for name in certificate.domains if re.fullmatch(r"(\*\.)?[a-z0-9_.-]+", name)]
            if certificate.is_default:
                names.append(balancer.dns_name)
            free = tuple(name for name in dict.fromkeys(names) if name not in taken)
            taken.update(free)
            if free:
                result.append(Chain(certificate, listener.ssl_policy, free))
            if fallback is None and certificate.is_default:
                fallback = Chain(certificate, listener.ssl_policy, ())
    if fallback is None and result:
        fallback = Chain(result[0].certificate, result[0].ssl_policy, ())
    return [*result, fallback] if fallback else []


def unusable(certificate: Certificate) -> str:
    if not certificate.pem or not certificate.private_key:
        return "it has no certificate or no private key"
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(certificate.private_key.strip() + "\n" + certificate.pem)
        file.flush()
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file.name)
        except (ssl.SSLError, OSError) as error:
            return str(error)
    return ""


def versions(ssl_policy: str) -> tuple[str, str]:
    """Lowest and highest TLS version of an ELB security policy, by its name."""
    named = re.search(r"(TLS13|TLS|FS)-1-(\d)", ssl_policy)
    lowest = _VERSIONS[int(named[2])] if named else "TLSv1_0"
    return lowest, "TLSv1_3" if named and named[1] == "TLS13" else "TLSv1_2"


def transport_socket(chain: Chain) -> Json:
    lowest, highest = versions(chain.ssl_policy)
    return {
        "name": "tls",
        "typed_config": {
            "@type": f"{ENVOY}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [
                    {
                        "certificate_chain": {"inline_string": chain.certificate.pem},
                        "private_key": {"inline_string": chain.certificate.private_key},
                    }
                ],
                "tls_params": {
                    "tls_minimum_protocol_version": lowest,
                    "tls_maximum_protocol_version": highest,
                    "cipher_suites": _CIPHERS + (_OLD_CIPHERS if lowest in ("TLSv1_0", "TLSv1_1") else []),
                },
            },
        },
    }
