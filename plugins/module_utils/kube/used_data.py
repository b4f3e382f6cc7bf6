# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Secrets and ConfigMaps that pods use by name. Kubernetes replaces no pod when they change; a digest of them in the pod template does."""

from __future__ import annotations

import copy
import hashlib
import json
import typing as t
from collections.abc import Iterator

from .api import KubeApi
from .objects import Manifest, identity

ANNOTATION = "meshgate.io/used-data"
Used = tuple[str, str]  # kind and name


def used(pod: Manifest) -> list[Used]:
    """What a pod template names, each once."""
    return sorted({(kind, name) for kind, name in _named(pod) if name})


def _named(pod: Manifest) -> Iterator[Used]:
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        for source in container.get("envFrom") or []:
            yield "Secret", (source.get("secretRef") or {}).get("name", "")
            yield "ConfigMap", (source.get("configMapRef") or {}).get("name", "")
        for value in [one.get("valueFrom") or {} for one in container.get("env") or []]:
            yield "Secret", (value.get("secretKeyRef") or {}).get("name", "")
            yield "ConfigMap", (value.get("configMapKeyRef") or {}).get("name", "")
    for volume in pod.get("volumes") or []:
        yield "Secret", (volume.get("secret") or {}).get("secretName", "")
        yield "ConfigMap", (volume.get("configMap") or {}).get("name", "")


def with_digests(api: KubeApi, manifests: list[Manifest]) -> list[Manifest]:
    """The manifests, each Deployment with a digest of what its pods use, if they use anything. What is part of the set itself counts as it will be."""
    own = {identity(item): item for item in manifests}

    def marked(item: Manifest) -> Manifest:
        names = used(item["spec"]["template"]["spec"]) if item["kind"] == "Deployment" else []
        if not names:
            return item
        namespace = item["metadata"].get("namespace")
        found = [own.get(("", kind, namespace or "", name)) or api.get("v1", kind, name, namespace) or {} for kind, name in names]
        made = copy.deepcopy(item)
        metadata = made["spec"]["template"].setdefault("metadata", {})
        metadata["annotations"] = {**(metadata.get("annotations") or {}), ANNOTATION: _digest(found)}
        return made

    return api.map(marked, manifests)


def _digest(items: t.Sequence[Manifest]) -> str:
    """With the objects' own ids, so that equal contents in two places cannot be told from it."""
    told = [[(item.get("metadata") or {}).get("uid", ""), item.get("data") or {}, item.get("binaryData") or {}] for item in items]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
