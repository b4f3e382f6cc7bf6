# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether an object is as this manifest was applied last, by what the API server keeps of that in metadata.managedFields. Plain data in and out.

The applier owns exactly the manifest's fields, and each has the manifest's value: applying it again would change nothing, and need not be asked of the server,
object by object. In doubt the answer is no: a quantity that the server writes otherwise, a null, a list whose items it counts.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management,
https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/fieldpath/serialize-pe.go
"""

from __future__ import annotations

import json
import typing as t

from . import managed_fields
from .objects import Manifest

# Who an object is says nothing about who owns what: the server leaves it out.
_IDENTITY = {(): ("apiVersion", "kind"), ("metadata",): ("name", "namespace")}
_ITSELF = "."


def as_applied(manifest: Manifest, live: Manifest, manager: str) -> bool:
    """C(live) with its managedFields, in the manifest's apiVersion."""
    owned = managed_fields.applied(live, manifest["apiVersion"], manager)
    typed = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], **live}
    return owned is not None and _same(manifest, live, owned, ()) and not managed_fields.added_by_hand(typed, manager)


def _same(wanted: t.Any, live: t.Any, owned: managed_fields.Fields, path: tuple[str, ...]) -> bool:
    below = {name: fields for name, fields in owned.items() if name != _ITSELF}
    if isinstance(wanted, dict) and isinstance(live, dict) and (below or path in _IDENTITY):
        return _same_fields(wanted, live, below, path)
    if isinstance(wanted, list) and isinstance(live, list) and below:
        return _same_items(wanted, live, below, path) if all(name.startswith("k:") for name in below) else _same_set(wanted, live, below)
    return not below and _equal(wanted, live)


def _same_fields(wanted: Manifest, live: Manifest, owned: managed_fields.Fields, path: tuple[str, ...]) -> bool:
    names = [name for name in wanted if name not in _IDENTITY.get(path, ())]
    return {f"f:{name}" for name in names} == set(owned) and all(
        name in live and _same(wanted[name], live[name], owned[f"f:{name}"], (*path, name)) for name in names
    )


def _same_items(wanted: list[t.Any], live: list[t.Any], owned: managed_fields.Fields, path: tuple[str, ...]) -> bool:
    """Items are found by their keys, of which the server adds those that have defaults, and must be in the manifest's order."""
    keys = {name: json.loads(name[2:]) for name in owned}
    places: list[int] = []
    for item in wanted:
        names = [name for name, key in keys.items() if isinstance(item, dict) and all(_equal(item.get(part, value), value) for part, value in key.items())]
        found = [place for place, one in enumerate(live) if len(names) == 1 and isinstance(one, dict) and keys[names[0]].items() <= one.items()]
        if len(found) != 1 or not _same(item, live[found[0]], owned[names[0]], (*path, "*")):
            return False
        places += found
    return len(wanted) == len(owned) and places == sorted(set(places))


def _same_set(wanted: list[t.Any], live: list[t.Any], owned: managed_fields.Fields) -> bool:
    """Plain values that several appliers may add to."""
    if not all(name.startswith("v:") for name in owned):
        return False
    ours = [value for value in live if value in wanted]
    return _equal(ours, wanted) and len(wanted) == len(owned) and all(json.loads(name[2:]) in wanted for name in owned)


def _equal(one: t.Any, other: t.Any) -> bool:
    """As JSON has them: 1 is not true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
