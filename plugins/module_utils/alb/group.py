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


def _listeners(text: str) -> Iterator[tuple[str, int]]:
    try:
        entries = json.loads(text or "[]")
    except ValueError:
        return
    for entry in entries:
        yield from ((str(protocol), int(port)) for protocol, port in entry.items())
