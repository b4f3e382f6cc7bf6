# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The real Kubernetes clusters behind the emulated EKS clusters, as the laptop's roles registered them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_clusters: dict[str, dict[str, Any]] = {}


def put(name: str, body: dict[str, Any]) -> bool:
    """Remember the cluster behind EKS cluster `name`; true if that is new."""
    known = json.dumps(_clusters.get(name), sort_keys=True)
    _clusters[name] = body
    return known != json.dumps(body, sort_keys=True)


def get(name: str) -> dict[str, Any] | None:
    return _clusters.get(name)


def items() -> list[tuple[str, dict[str, Any]]]:
    return list(_clusters.items())


def issuer(account: str, region: str, name: str) -> str:
    """The OIDC issuer of an EKS cluster, known before the cluster is: its API server must be started with it."""
    digest = hashlib.sha256(f"{account}/{region}/{name}".encode()).digest()[:16]
    return f"https://oidc.eks.{region}.amazonaws.com/id/{digest.hex().upper()}"


def jwks(url: str, account: str) -> dict[str, Any] | None:
    """The public keys that sign the tokens of this issuer, if a registered cluster of this account is it."""
    for name, body in _clusters.items():
        region = url.removeprefix("https://oidc.eks.").split(".")[0]
        if issuer(account, region, name) == url and body.get("jwks"):
            keys: dict[str, Any] = json.loads(body["jwks"]) if isinstance(body["jwks"], str) else body["jwks"]
            return keys
    return None
