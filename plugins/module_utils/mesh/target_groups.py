# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Target groups for hosts whose apps speak gRPC or HTTP/2: a Service of the gateway's pods for each protocol, and an Ingress that leads the hosts there.

The load balancer speaks one protocol version to a target group, and that of the gateway's own is HTTP/1.1:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version
"""

from __future__ import annotations

import typing as t

from ..alb.group import PREFIX, ROUTES, further_ingress
from ..kube.objects import Manifest
from .names import Entry
from .protocols import hosts_of_versions

# To what the gateway's Service sends its port 80.
_PORT = 8080
# What the load balancer asks for by itself, with the code that says "no such method": UNIMPLEMENTED.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html#health-check-settings
_HEALTH_PATH, _UNIMPLEMENTED = "/AWS.ALB/healthcheck", "12"


def manifests(routes: t.Sequence[Entry], gateway: Entry, apps: t.Sequence[Entry]) -> list[Manifest]:
    """None without hosts that need one, nor where nobody says what the load balancer is."""
    hosts = hosts_of_versions(routes, apps) if gateway.get("load_balancer") else {}
    if not hosts:
        return []
    answer = [_health_answer(gateway)] if "GRPC" in hosts else []
    rules = [(host, _name(version, gateway), 80) for host, version in _closest_first(hosts)]
    ingress = further_ingress(gateway["name"], gateway["namespace"], gateway["load_balancer"], rules, ROUTES)
    return [*answer, *[_service(version, gateway) for version in sorted(hosts)], ingress]


def _name(version: str, gateway: Entry) -> str:
    return f"{gateway['name']}-{version.lower()}"


def _service(version: str, gateway: Entry) -> Manifest:
    """A Service's annotations precede those of the Ingress."""
    said = {f"{PREFIX}backend-protocol-version": version, **(_grpc_health() if version == "GRPC" else {})}
    metadata = {"name": _name(version, gateway), "namespace": gateway["namespace"], "annotations": said}
    ports = [{"name": version.lower(), "port": 80, "targetPort": _PORT}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": "ClusterIP", "selector": dict(gateway["selector"]), "ports": ports}}


def _grpc_health() -> dict[str, str]:
    """By a code of gRPC, which the port of the other target groups' checks does not speak."""
    said = {"healthcheck-port": "traffic-port", "healthcheck-path": _HEALTH_PATH, "success-codes": _UNIMPLEMENTED}
    return {f"{PREFIX}{key}": value for key, value in said.items()}


def _health_answer(gateway: Entry) -> Manifest:
    """The gateway's own answer, whatever routes are for any host: Envoy makes UNIMPLEMENTED of 404 where gRPC asks."""
    route = {"match": {"path": _HEALTH_PATH, "grpc": {}}, "direct_response": {"status": 404}}
    patch = {"applyTo": "HTTP_ROUTE", "match": {"context": "GATEWAY"}, "patch": {"operation": "INSERT_FIRST", "value": route}}
    metadata = {"name": f"{_name('GRPC', gateway)}-health", "namespace": gateway["namespace"]}
    spec = {"workloadSelector": {"labels": dict(gateway["selector"])}, "configPatches": [patch]}
    return {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": metadata, "spec": spec}


def _closest_first(hosts: t.Mapping[str, t.Sequence[str]]) -> list[tuple[str, str]]:
    """The load balancer takes the first rule that fits: a name goes before the pattern that it fits to, a longer pattern before a shorter one."""
    pairs = [(host, version) for version, names in hosts.items() for host in names]
    return sorted(pairs, key=lambda pair: (pair[0].startswith("*"), -len(pair[0]), pair[0]))
