# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The identity of a Kubernetes object for comparisons, its readable title, and its ownership labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]
Kind = tuple[str, str]  # apiVersion, kind
Identity = tuple[str, str, str, str]  # group, kind, namespace, name


def kind_of(item: Manifest) -> Kind:
    return item["apiVersion"], item["kind"]


def group_of(api_version: str) -> str:
    """The API group; empty for the core one.

    >>> group_of("apps/v1"), group_of("v1")
    ('apps', '')
    """
    return str(api_version).rpartition("/")[0]


def identity(item: Manifest) -> Identity:
    """The same object in any version of its API group."""
    metadata = item["metadata"]
    return group_of(item["apiVersion"]), item["kind"], metadata.get("namespace") or "", metadata["name"]


def title(item: Manifest) -> str:
    """In readable form.

    >>> title({"kind": "Service", "metadata": {"namespace": "shop", "name": "front"}})
    'Service shop/front'
    """
    return title_of(item["kind"], item["metadata"]["name"], item["metadata"].get("namespace"))


def title_of(kind: str, name: str, namespace: str | None = None) -> str:
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def labels_of(item: Manifest) -> dict[str, str]:
    return item["metadata"].get("labels") or {}


def annotations_of(item: Manifest) -> dict[str, str]:
    return item["metadata"].get("annotations") or {}


def carries(item: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether an object carries all of these labels; without labels none does, so that nothing counts as ours by mistake."""
    return bool(labels) and labels.items() <= labels_of(item).items()
