# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Named hosts outside of the mesh, as destinations of rules.

Each has a name of its own in the mesh, which only rules use: an app that asks the host itself, by https, must not have its TLS wrapped once more.
https://istio.io/latest/docs/reference/config/networking/service-entry/
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..kube.objects import Manifest
from .names import Entry

TLS_PORT = 443
# Proxies have a listener for HTTP on it already. One for 443 would take other people's TLS for HTTP.
_STAND_IN_PORT = 80


@dataclass(frozen=True)
class External:
    host: str
    port: int
    tls: bool
    namespace: str

    @property
    def stand_in(self) -> str:
        return f"{self.host}.{self.port}.{self.namespace}.external"

    @property
    def stand_in_port(self) -> int:
        return _STAND_IN_PORT


def stood_for(name: str) -> tuple[str, int]:
    """The host and port behind a stand-in's name. Any other name stands for itself, at no port in particular (0).

    >>> stood_for(External("api.example.com", 443, True, "shop").stand_in), stood_for("api.example.com")
    (('api.example.com', 443), ('api.example.com', 0))
    """
    found = re.fullmatch(r"(.+)\.(\d+)\.[^.]+\.external", name)
    return (found[1], int(found[2])) if found else (name, 0)


def external_of(to: Entry, namespace: str) -> External | None:
    """C(tls) is on for port 443 where nothing else is said."""
    if not to.get("external"):
        return None
    port = int(to.get("port") or TLS_PORT)
    return External(str(to["external"]), port, port == TLS_PORT if to.get("tls") is None else bool(to["tls"]), namespace)


def manifests(routes: t.Sequence[Entry], gateway_namespace: str) -> list[Manifest]:
    """One set for each host, port and namespace of routes, known to those who need it: the gateway, or everybody where callers in the mesh are led there."""
    found: dict[External, bool] = {}
    for route in routes:
        for to in (to for rule in route["rules"] for to in rule.get("to") or []):
            one = external_of(to, str(route["namespace"]))
            if one:
                found[one] = found.get(one, False) or bool(route.get("inside"))
    return [item for one, everybody in found.items() for item in _manifests(one, {} if everybody else {"exportTo": [gateway_namespace]})]


def _manifests(one: External, known_to: Manifest) -> list[Manifest]:
    metadata = {"name": f"{one.host}-{one.port}", "namespace": one.namespace}
    entry = {
        "hosts": [one.stand_in],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "ports": [{"number": one.stand_in_port, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": one.host, "ports": {"http": one.port}}],
        **known_to,
    }
    tls = {"mode": "SIMPLE", "sni": one.host, "subjectAltNames": [one.host]} if one.tls else {"mode": "DISABLE"}
    rule = {"host": one.stand_in, "trafficPolicy": {"tls": tls}, **known_to}
    return [
        {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": metadata, "spec": entry},
        {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": metadata, "spec": rule},
    ]
