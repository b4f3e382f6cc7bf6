# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""CustomResourceDefinitions are large, many, and stored as they were written. That saves work."""

from __future__ import annotations

import copy
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from .api import KubeApi
from .apply import Change, Ignore, keep_ignored, plan
from .objects import Manifest

API = "apiextensions.k8s.io/v1"
KIND = "CustomResourceDefinition"


def same(live: Manifest, wanted: Manifest) -> bool:
    """Whether the live object is certainly as desired, without a request: the server stores a CRD's spec as it was written, except for one default."""
    spec = dict(live["spec"])
    if "conversion" not in wanted["spec"] and spec.get("conversion") == {"strategy": "None"}:
        del spec["conversion"]
    if spec != wanted["spec"]:
        return False
    return all((wanted["metadata"].get(part) or {}).items() <= (live["metadata"].get(part) or {}).items() for part in ("annotations", "labels"))


def plan_crds(api: KubeApi, wanted: Iterable[Manifest], manager: str, live: Mapping[str, Manifest], ignore: Sequence[Ignore] = ()) -> list[Change]:
    """Like plan(), but with requests only for those that are not obviously the same."""
    settled, asked = [], []
    for crd in wanted:
        name = crd["metadata"]["name"]
        if name in live and crd["kind"] == KIND and same(live[name], _settled(live[name], crd, ignore)):
            settled.append(Change(crd["apiVersion"], KIND, name, "", "unchanged"))
        else:
            asked.append(crd)
    return settled + [brief(change) for change in plan(api, asked, manager, ignore=ignore)]


def _settled(live: Manifest, wanted: Manifest, ignore: Sequence[Ignore]) -> Manifest:
    """Without ignored differences. They concern only an object's metadata: the large rest is not copied."""
    result = {**wanted, "metadata": copy.deepcopy(wanted["metadata"])}
    keep_ignored({"kind": KIND, **live}, result, [rule for rule in ignore if rule.path[0] == "metadata"])
    return result


def brief(change: Change) -> Change:
    """A new or deleted CRD is shown by its versions; its schema would be thousands of lines."""
    if change.kind == KIND and change.action in ("create", "delete"):
        change.before, change.after = _brief(change.before), _brief(change.after)
    return change


def _brief(crd: Manifest) -> Manifest:
    if not crd:
        return crd
    versions = [{key: value for key, value in version.items() if key in ("name", "served", "storage")} for version in crd["spec"]["versions"]]
    return {**crd, "spec": {**crd["spec"], "versions": versions}}


def live_crds(api: KubeApi, names: Iterable[str]) -> dict[str, Manifest]:
    found = api.map(lambda name: api.get(API, KIND, name), list(names))
    return {crd["metadata"]["name"]: crd for crd in found if crd}


def is_ours(crd: Manifest, labels: Mapping[str, str], manager: str) -> bool:
    """By its labels; or, for older versions without labels on CRDs, because nobody else has written it."""
    if labels.items() <= (crd["metadata"].get("labels") or {}).items():
        return True
    writers = {entry.get("manager") for entry in crd["metadata"].get("managedFields") or [] if entry.get("subresource") != "status"}
    return writers == {manager}


def labelled(wanted: Iterable[Manifest], live: Mapping[str, Manifest], labels: Mapping[str, str], manager: str) -> list[Manifest]:
    """Those that are new or ours already, with our labels; those of others are upgraded to the chart's version without labels."""
    result = []
    for crd in wanted:
        there, metadata = live.get(crd["metadata"]["name"]), crd["metadata"]
        if labels and (there is None or is_ours(there, labels, manager)):
            metadata = {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}
        result.append({**crd, "metadata": metadata})
    return result


def objects_of(api: KubeApi, crd: Manifest) -> list[Manifest]:
    """Objects that would be deleted together with their CRD."""
    spec: dict[str, t.Any] = crd["spec"]
    served = next((version["name"] for version in spec["versions"] if version["served"]), None)
    return api.find(f"{spec['group']}/{served}", spec["names"]["kind"]) if served else []
