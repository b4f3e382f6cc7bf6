# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A Kubernetes API in a dict, as far as our own client speaks to it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError, Resource

CLUSTER_WIDE = {"Namespace", "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


def merged(live: Any, wanted: Any) -> Any:
    if not (isinstance(live, dict) and isinstance(wanted, dict)):
        return copy.deepcopy(wanted)
    return {**copy.deepcopy(live), **{key: merged(live.get(key), value) for key, value in wanted.items()}}


class FakeApi:
    def __init__(self, *objects: dict[str, Any], unknown: tuple[str, ...] = ()) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.unknown = unknown
        self.refuse: KubeError | None = None
        self.logs: dict[str, str] = {}
        for item in objects:
            self.put(item)

    def put(self, item: dict[str, Any]) -> None:
        self.objects[self._key(item["kind"], item["metadata"]["name"], item["metadata"].get("namespace"))] = copy.deepcopy(item)

    def _key(self, kind: str, name: str, namespace: str | None) -> tuple[str, str, str]:
        return kind, "" if kind in CLUSTER_WIDE else namespace or "", name

    def resource(self, api_version: str, kind: str) -> Resource | None:
        return None if kind in self.unknown else Resource(kind.lower() + "s", kind not in CLUSTER_WIDE)

    def forget_kinds(self) -> None:
        self.unknown = ()

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [function(item) for item in items]

    def path(self, api_version: str, kind: str, name: str | None = None, namespace: str | None = None) -> str | None:
        return None if kind in self.unknown else "/".join([kind, namespace or "", name or ""])

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
        return copy.deepcopy(self.objects.get(self._key(kind, name, namespace)))

    def find(self, api_version: str, kind: str, namespace: str | None = None, labels: str | None = None, fields: str | None = None) -> list[dict[str, Any]]:
        selectors = [pair for pair in (labels or "").split(",") if pair]
        wanted = dict(pair.split("=", 1) for pair in selectors if "=" in pair)
        present = {name for name in selectors if "=" not in name}
        fields_wanted = dict(pair.split("=", 1) for pair in (fields or "").split(",") if pair)
        found = []
        for (of_kind, of_namespace, _name), item in sorted(self.objects.items()):
            involved = item.get("involvedObject") or {}
            if (
                of_kind == kind
                and namespace in (None, of_namespace)
                and wanted.items() <= (item["metadata"].get("labels") or {}).items()
                and present <= (item["metadata"].get("labels") or {}).keys()
                and all(involved.get(key.removeprefix("involvedObject."), item.get(key)) == value for key, value in fields_wanted.items())
            ):
                found.append({"apiVersion": api_version, **copy.deepcopy(item)})
        return found

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None, propagation: str = "Background") -> bool:
        return self.objects.pop(self._key(kind, name, namespace), None) is not None

    def request(self, method: str, path: str, query: Any = None, body: Any = None, content_type: str = "application/json") -> Any:
        if path.endswith("/log"):
            return self.logs.get(path.split("/")[-2], "")
        if path == "/version":
            return {"gitVersion": "v1.36.3"}
        if path == "/apis":
            return {"groups": [{"versions": [{"groupVersion": "apps/v1"}]}]}
        if self.refuse:
            raise self.refuse
        kind, namespace, name = path.split("/")
        live = self.objects.get(self._key(kind, name, namespace))
        after = merged(live or {}, body)
        if "dryRun" not in (query or {}):
            self.put(after)
        return after
