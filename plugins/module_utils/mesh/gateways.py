# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the ingress gateway listens to, in either routing API."""

from __future__ import annotations

import typing as t

from ..kube.objects import Manifest
from .teams import Listening


def of_istio(name: str, namespace: str, selector: t.Mapping[str, str], hosts: t.Sequence[str]) -> Manifest:
    """A host without a namespace before it takes the VirtualServices of any."""
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": list(hosts)}
    spec = {"selector": dict(selector), "servers": [server]}
    return {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def of_gateway_api(name: str, namespace: str, service: str, listeners: t.Sequence[Manifest]) -> Manifest:
    """In the namespace of the gateway's Service, since Istio attaches a Gateway only to a Service of its own namespace.

    With an address: the gateway that is there already. Without one, Istio would deploy one of its own, behind no load balancer of ours.
    """
    spec = {
        "gatewayClassName": "istio",
        "addresses": [{"type": "Hostname", "value": f"{service}.{namespace}.svc.cluster.local"}],
        "listeners": list(listeners),
    }
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def numbered_listeners(hosts: t.Sequence[str], namespace: str) -> list[Manifest]:
    """For hosts that are listed once and for all."""
    taken = ["*"] if "*" in hosts else hosts
    names = ["http", *[f"http-{place}" for place in range(2, len(taken) + 1)]]
    return [_listener(name, Listening(host, (namespace,))) for name, host in zip(names, taken, strict=False)]


def named_listeners(listening: t.Sequence[Listening]) -> list[Manifest]:
    """Each named by its host, so that one more changes none of the others."""
    return [_listener(_name_of(one.host), one) for one in listening]


def _name_of(host: str) -> str:
    """No two hosts have one name: an exact one goes on with a dot."""
    return "http" if host == "*" else f"http-any{host[1:]}" if host.startswith("*") else f"http.{host}"


def _listener(name: str, one: Listening) -> Manifest:
    allowed = {"namespaces": {"from": "Selector", "selector": _namespaces(one.namespaces)}}
    listener = {"name": name, "port": 80, "protocol": "HTTP", "allowedRoutes": allowed}
    return listener if one.host == "*" else {**listener, "hostname": one.host}


def _namespaces(names: t.Sequence[str]) -> Manifest:
    label = "kubernetes.io/metadata.name"
    if len(names) == 1:
        return {"matchLabels": {label: names[0]}}
    return {"matchExpressions": [{"key": label, "operator": "In", "values": list(names)}]}
