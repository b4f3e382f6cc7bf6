# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether a proxy has taken what was made for it: by texts in its configuration that only this run's objects put there.

istiod's own word (debug/syncz) is about what it has sent, and it learns of new objects a moment after the API server. Plain data in and out.
"""

from __future__ import annotations

import typing as t

from ..kube.objects import Manifest, title
from . import copied
from .shares import prefix


def missing(manifests: t.Iterable[Manifest], dump: str) -> list[str]:
    """The objects of which C(dump), a proxy's configuration, has nothing yet."""
    return [title(item) for item in manifests if not all(mark in dump for mark in marks(item))]


def marks(item: Manifest) -> list[str]:
    if item["kind"] == "VirtualService":
        return [item["spec"]["http"][0]["name"]]
    if item["kind"] == "HTTPRoute":
        return [prefix(item["metadata"]["namespace"], item["metadata"]["name"])]
    if item["kind"] == copied.ENVOY_FILTER:
        added = item["spec"]["configPatches"][-1]["patch"]["value"]["response_headers_to_add"][0]
        return [added["header"]["value"]]
    return copied.marks(item) if (item["apiVersion"], item["kind"]) in copied.KINDS else []
