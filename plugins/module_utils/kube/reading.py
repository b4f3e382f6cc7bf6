# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The live objects of manifests, hundreds of them in a few requests."""

from __future__ import annotations

import collections
import typing as t
from collections.abc import Iterable, Sequence

from .api import KubeApi
from .objects import Identity, Manifest, identity, kind_of

# From this number on, listing a namespace's objects of a kind is cheaper than getting each of them.
MANY = 10
_Key = tuple[str, Identity]


def namespace_of(api: KubeApi, manifest: Manifest) -> str | None:
    """Without one, `default`; None for what is in no namespace."""
    resource = api.resource(*kind_of(manifest))
    return (manifest["metadata"].get("namespace") or "default") if resource and resource.namespaced else None


def live_object(api: KubeApi, manifest: Manifest) -> Manifest | None:
    return api.get(*kind_of(manifest), manifest["metadata"]["name"], namespace_of(api, manifest))


def live_objects(api: KubeApi, manifests: Sequence[Manifest], known: Iterable[Manifest] = ()) -> list[Manifest | None]:
    """In the manifests' order, None for what is not there. `known` has objects that were read already."""
    listed = {_key(item): item for item in known}
    several = _crowds(api, (item for item in manifests if _key(item) not in listed))
    for items in api.map(lambda crowd: api.find(*crowd), several):
        listed |= {_key(item): item for item in items}

    def live(item: Manifest) -> Manifest | None:
        found = listed.get(_key(item))
        return found if found or _place(item) in several else live_object(api, item)

    return api.map(live, manifests)


def _key(item: Manifest) -> _Key:
    return item["apiVersion"], identity(item)


def _place(item: Manifest) -> tuple[str, str, str]:
    return (*kind_of(item), item["metadata"].get("namespace") or "")


def _crowds(api: KubeApi, manifests: t.Iterable[Manifest]) -> list[tuple[str, str, str]]:
    """apiVersion, kind and namespace with so many objects that one list costs less than reading each."""
    many = [crowd for crowd, count in collections.Counter(map(_place, manifests)).items() if crowd[2] and count >= MANY]
    return [(version, kind, namespace) for version, kind, namespace in many if (known := api.resource(version, kind)) and known.namespaced]
