# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manual additions to an object that we apply, as the API server records them in metadata.managedFields.

Server-side apply removes a field only if its applier owned it before: what was added by `kubectl edit` would stay forever, unnoticed. As client-go's
csaupgrade does for `kubectl apply`, fields of manual writers are moved to the applier's own, whose next apply then drops those that it does
not have. Fields of controllers are never moved: autoscalers, istiod, the load balancer controller, rollouts and all others that are not in the list.

https://kubernetes.io/docs/reference/using-api/server-side-apply/, https://github.com/kubernetes/client-go/blob/master/util/csaupgrade/upgrade.go
"""

from __future__ import annotations

import copy
import fnmatch
import json
import typing as t
from collections.abc import Iterable

from .objects import Manifest

Fields = dict[str, t.Any]

# Programs for manual changes, by the names of their field managers.
HANDS = (
    "kubectl",
    "kubectl-*",
    "helm",
    "k9s",
    "node-fetch",  # Lens
    "dashboard*",
    "OpenAPI-Generator",  # the Python client, and with it kubernetes.core.k8s
    "Terraform",
    "HashiCorp",
)
# Only requests new pods, nothing that a manifest could contain.
_HARMLESS = ("kubectl-rollout",)
# Fields that are never drift: an autoscaler's replicas, a restart, Helm's and our own annotations.
_NEVER: tuple[tuple[str, ...], ...] = (
    ("f:status",),
    ("f:spec", "f:replicas"),
    ("f:spec", "f:template", "f:metadata", "f:annotations", "f:kubectl.kubernetes.io/restartedAt"),
    ("f:metadata", "f:annotations", "f:kubectl.kubernetes.io/last-applied-configuration"),
    ("f:metadata", "f:annotations", "f:meshgate.io/nudged-at"),
    ("f:metadata", "f:annotations", "f:meta.helm.sh/release-name"),
    ("f:metadata", "f:annotations", "f:meta.helm.sh/release-namespace"),
    ("f:metadata", "f:labels", "f:app.kubernetes.io/managed-by"),
    ("f:metadata", "f:finalizers"),
    ("f:metadata", "f:ownerReferences"),
)
# Namespaces are shared, and anybody may label them; of a CRD only the bundle's fields matter.
_NOT_LOOKED_AT = ("Namespace", "CustomResourceDefinition")


def _by_hand(entry: dict[str, t.Any], manager: str, api_version: str) -> bool:
    name = entry.get("manager", "")
    return (
        name not in (manager, *_HARMLESS)
        and not entry.get("subresource")
        and entry.get("apiVersion") == api_version
        and any(fnmatch.fnmatchcase(name, pattern) for pattern in HANDS)
    )


def added_by_hand(item: Manifest, manager: str) -> Fields:
    """Fields that only manual writers own, not the applier either."""
    if item["kind"] in _NOT_LOOKED_AT:
        return {}
    entries = item["metadata"].get("managedFields") or []
    hands = [entry for entry in entries if _by_hand(entry, manager, item["apiVersion"])]
    others = union(entry.get("fieldsV1") or {} for entry in entries if entry not in hands)
    return without(_drift(union(entry.get("fieldsV1") or {} for entry in hands)), others)


def _drift(fields: Fields) -> Fields:
    """Without fields that are never drift."""
    for path in _NEVER:
        _drop(fields, path)
    return fields


def _drop(fields: Fields, path: tuple[str, ...]) -> None:
    head, rest = path[0], path[1:]
    if not rest:
        fields.pop(head, None)
    elif isinstance(fields.get(head), dict):
        _drop(fields[head], rest)
        if not set(fields[head]) - {"."}:
            del fields[head]


def union(sets: Iterable[Fields]) -> Fields:
    result: Fields = {}
    for fields in sets:
        _add(result, fields)
    return result


def _add(result: Fields, fields: Fields) -> None:
    for name, below in fields.items():
        _add(result.setdefault(name, {}), below)


def without(fields: Fields, others: Fields) -> Fields:
    """The fields that the others do not own."""
    result: Fields = {}
    for name, below in fields.items():
        if name not in others:
            result[name] = copy.deepcopy(below)
        elif below and others[name] and (left := without(below, others[name])):
            result[name] = left
    return result


def stripped(item: Manifest, fields: Fields) -> Manifest:
    """An object without these fields."""
    result = copy.deepcopy(item)
    _strip(result, fields)
    return result


def _strip(node: t.Any, fields: Fields) -> None:
    for name, below in fields.items():
        kind, _colon, what = name.partition(":")
        if kind == "f" and isinstance(node, dict) and what in node:
            _strip_field(node, what, below)
        elif kind == "k" and isinstance(node, list):
            _strip_item(node, json.loads(what), below)
        elif kind == "v" and isinstance(node, list) and json.loads(what) in node:
            node.remove(json.loads(what))


def _strip_field(node: Manifest, name: str, below: Fields) -> None:
    if below:
        _strip(node[name], below)
    if not below or node[name] in ({}, []):
        del node[name]


def _strip_item(items: list[t.Any], keys: Manifest, below: Fields) -> None:
    for item in [one for one in items if isinstance(one, dict) and keys.items() <= one.items()]:
        if "." in below:
            items.remove(item)
        else:
            _strip(item, below)


def taken_over(item: Manifest, manager: str) -> list[dict[str, t.Any]]:
    """An object's managedFields with the manual fields moved to the applier; empty if there are none."""
    entries = item["metadata"].get("managedFields") or []
    hands = [entry for entry in entries if _by_hand(entry, manager, item["apiVersion"])]
    if item["kind"] in _NOT_LOOKED_AT or not added_by_hand(item, manager):
        return []
    kept = [entry for entry in entries if entry not in hands]
    own = _applier_of(kept, manager, item["apiVersion"])
    if own is None:
        own = {"manager": manager, "operation": "Apply", "apiVersion": item["apiVersion"], "fieldsType": "FieldsV1", "fieldsV1": {}}
    fields = _drift(union([*(entry.get("fieldsV1") or {} for entry in hands)]))
    return [*(entry for entry in kept if entry is not own), {**own, "fieldsV1": union([own["fieldsV1"], fields])}]


def applied(item: Manifest, api_version: str, manager: str) -> Fields | None:
    """What the applier owns of an object; none if it never applied it."""
    own = _applier_of(item["metadata"].get("managedFields") or [], manager, api_version)
    return None if own is None else own.get("fieldsV1") or {}


def _applier_of(entries: Iterable[dict[str, t.Any]], manager: str, api_version: str) -> dict[str, t.Any] | None:
    wanted = (manager, "Apply", api_version, None)
    return next((one for one in entries if (one.get("manager"), one.get("operation"), one.get("apiVersion"), one.get("subresource")) == wanted), None)
