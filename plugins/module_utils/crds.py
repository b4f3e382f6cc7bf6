# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""CustomResourceDefinitions: large, many, and stored as they were written. Both can be used."""

from __future__ import annotations

import copy
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi
from ansible_collections.meshgate.eks_istio.plugins.module_utils.server_side_apply import Change, Ignore, Manifest, keep_ignored, plan

API = "apiextensions.k8s.io/v1"
KIND = "CustomResourceDefinition"


def same(live: Manifest, wanted: Manifest) -> bool:
    """Whether live is certainly what is wanted, without asking the server: it stores a CRD's spec as it was written, but for one default."""
    spec = dict(live["spec"])
    if "conversion" not in wanted["spec"] and spec.get("conversion") == {"strategy": "None"}:
        del spec["conversion"]
    if spec != wanted["spec"]:
        return False
    return all((wanted["metadata"].get(part) or {}).items() <= (live["metadata"].get(part) or {}).items() for part in ("annotations", "labels"))


def plan_crds(api: KubeApi, wanted: Iterable[Manifest], manager: str, live: Mapping[str, Manifest], ignore: Sequence[Ignore] = ()) -> list[Change]:
    """Like plan(), but the server is asked only about those that are not the same at first sight."""
    settled, asked = [], []
    for crd in wanted:
        name = crd["metadata"]["name"]
        if name in live and crd["kind"] == KIND and same(live[name], _settled(live[name], crd, ignore)):
            settled.append(Change(crd["apiVersion"], KIND, name, "", "unchanged"))
        else:
            asked.append(crd)
    return settled + [brief(change) for change in plan(api, asked, manager, ignore=ignore)]


def _settled(live: Manifest, wanted: Manifest, ignore: Sequence[Ignore]) -> Manifest:
    """Without the differences that are none. What they are about is an object's metadata: the rest is as large as it is, and not copied."""
    result = {**wanted, "metadata": copy.deepcopy(wanted["metadata"])}
    keep_ignored({"kind": KIND, **live}, result, [rule for rule in ignore if rule.path[0] == "metadata"])
    return result


def brief(change: Change) -> Change:
    """A CRD that comes or goes is told by its versions; its schema would be thousands of lines."""
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


def objects_of(api: KubeApi, crd: Manifest) -> list[Manifest]:
    """Objects that would be deleted together with their CRD."""
    spec: dict[str, t.Any] = crd["spec"]
    served = next((version["name"] for version in spec["versions"] if version["served"]), None)
    return api.find(f"{spec['group']}/{served}", spec["names"]["kind"]) if served else []


def name_of(item: Manifest) -> str:
    namespace = item["metadata"].get("namespace")
    return f"{item['kind']} {namespace + '/' if namespace else ''}{item['metadata']['name']}"
