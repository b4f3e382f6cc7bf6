# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What an Ingress says of its load balancer: what further Ingresses of its group must know.

https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#ingressgroup
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator

from ..common.ownership import OWNER_LABEL
from ..kube.api import KubeApi
from ..kube.objects import Manifest
from .ingress import INGRESS

PREFIX = "alb.ingress.kubernetes.io/"
# Rules are tried in the order of the group's Ingresses, and that of the gateway, which takes all hosts, has 0. A login goes before a pattern of routes.
LOGINS, ROUTES = "-20", "-10"
# Of a target group and of a rule: each Ingress of the group has its own. Who must log in at one, must at all of them.
_OF_A_TARGET_GROUP = (
    *("healthcheck-path", "healthcheck-port", "healthcheck-interval-seconds", "healthcheck-timeout-seconds"),
    *("healthy-threshold-count", "unhealthy-threshold-count", "target-group-attributes"),
)
_OF_A_LOGIN = "auth-"


def of_ingress(api: KubeApi, name: str, namespace: str) -> dict[str, t.Any]:
    """Empty without the Ingress."""
    found = api.get(*INGRESS, name, namespace)
    return said_of(found) if found else {}


def said_of(ingress: Manifest) -> dict[str, t.Any]:
    """Group, port of the HTTPS listener (None if there is none), certificates, and what each of the group's Ingresses says for itself.

    Of tags, the owner's alone: a group whose Ingresses have different values of one tag is not reconciled any more.
    """
    metadata = ingress["metadata"]
    said = {key.removeprefix(PREFIX): str(value) for key, value in (metadata.get("annotations") or {}).items() if key.startswith(PREFIX)}
    owner = {OWNER_LABEL: metadata["labels"][OWNER_LABEL]} if OWNER_LABEL in (metadata.get("labels") or {}) else {}
    kept = {key: value for key, value in said.items() if key in _OF_A_TARGET_GROUP or key.startswith(_OF_A_LOGIN)}
    return {
        "group": said.get("group.name", ""),
        "https_port": next((port for protocol, port in _listeners(said.get("listen-ports", "")) if protocol == "HTTPS"), None),
        "certificate_arns": [arn.strip() for arn in said.get("certificate-arn", "").split(",") if arn.strip()],
        "annotations": {**kept, **({"tags": ",".join(f"{key}={value}" for key, value in owner.items())} if owner else {})},
        "labels": owner,
    }


def further_ingress(
    name: str,
    namespace: str,
    balancer: t.Mapping[str, t.Any],
    hosts: t.Sequence[tuple[str, str, int]],
    order: str,
    annotations: t.Mapping[str, str] | None = None,
) -> Manifest:
    """Another Ingress of the group, with rules for hosts: C(hosts) are each host's name, Service and port. C(annotations) are its own, without their prefix."""
    said = {
        **(balancer.get("annotations") or {}),
        **(annotations or {}),
        "group.name": balancer["group"],
        "group.order": order,
        "target-type": "ip",
        "listen-ports": json.dumps([{"HTTPS": int(balancer["https_port"])}]),
        # The same in the same order, so that the listener's default certificate stays what it is.
        "certificate-arn": ",".join(balancer["certificate_arns"]),
    }
    metadata = {
        "name": name,
        "namespace": namespace,
        "annotations": {f"{PREFIX}{key}": value for key, value in said.items()},
        **({"labels": dict(balancer["labels"])} if balancer.get("labels") else {}),
    }
    spec = {"ingressClassName": "alb", "rules": [_rule(*each) for each in hosts]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def _rule(host: str, service: str, port: int) -> Manifest:
    backend = {"service": {"name": service, "port": {"number": port}}}
    return {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}


def _listeners(text: str) -> Iterator[tuple[str, int]]:
    try:
        entries = json.loads(text or "[]")
    except ValueError:
        return
    for entry in entries:
        yield from ((str(protocol), int(port)) for protocol, port in entry.items())
