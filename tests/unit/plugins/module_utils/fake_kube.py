"""An API server in a dict: enough of get, list, server-side apply and delete for what the modules ask."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError, Resource

CLUSTER_WIDE = ("Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def key(item: dict[str, Any]) -> tuple[str | None, ...]:
    metadata = item["metadata"]
    return item["kind"], "" if item["kind"] in CLUSTER_WIDE else metadata.get("namespace") or "default", metadata["name"]


class FakeKube:
    """Applying merges, and what `server` names is written by the server into every object of a kind."""

    def __init__(self, objects: Iterable[dict[str, Any]] = (), unknown_kinds: Iterable[str] = (), logs: dict[str, Any] | None = None) -> None:
        self.objects: dict[tuple[str | None, ...], dict[str, Any]] = {}
        self.unknown = set(unknown_kinds)
        self.logs = logs or {}
        self.requests: list[tuple[str | None, ...]] = []
        self.finalizing: set[tuple[str | None, ...]] = set()
        for item in objects:
            self._store(copy.deepcopy(item))

    def _store(self, item: dict[str, Any]) -> dict[str, Any]:
        item["metadata"].setdefault("uid", f"uid-{len(self.requests)}-{key(item)}")
        self.objects[key(item)] = item
        return item

    # -- what KubeApi offers -----------------------------------------------------------------------------------------

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [function(item) for item in items]

    def forget_kinds(self) -> None:
        self.unknown.clear()

    def resource(self, api_version: str, kind: str) -> Resource | None:
        return None if kind in self.unknown else Resource(kind.lower() + "s", kind not in CLUSTER_WIDE)

    def path(self, api_version: str, kind: str, name: str | None = None, namespace: str | None = None) -> str | None:
        return None if kind in self.unknown else f"{api_version}|{kind}|{namespace or ''}|{name or ''}"

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
        # As the API server: an object with a namespace has no address without it.
        found = self.objects.get((kind, "" if kind in CLUSTER_WIDE else namespace, name))
        return copy.deepcopy(found) if found and kind not in self.unknown else None

    def find(self, api_version: str, kind: str, namespace: str | None = None, labels: str | None = None, fields: str | None = None) -> list[dict[str, Any]]:
        def matches(item: dict[str, Any]) -> bool:
            own = item["metadata"].get("labels") or {}
            if kind == "Event":
                asked = dict(part.split("=") for part in (fields or "").split(",") if part)
                involved = item["involvedObject"]
                return bool(involved["name"] == asked.get("involvedObject.name") and item["type"] == asked.get("type", item["type"]))
            for part in re.findall(r"[^,(]+(?:\([^)]*\))?", labels or ""):
                name, chosen, values = part.partition(" in ")
                name, equals, value = (name, "", "") if chosen else part.partition("=")
                wanted = values.strip("()").split(",") if chosen else [value]
                if ((equals or chosen) and own.get(name) not in wanted) or name not in own:
                    return False
            return True

        items = [item for (k, ns, _unused), item in self.objects.items() if k == kind and (namespace is None or ns == namespace) and matches(item)]
        return copy.deepcopy([{"apiVersion": api_version, "kind": kind, **item} for item in items])

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None, propagation: str = "Background", grace: int | None = None) -> bool:
        scope = "" if kind in CLUSTER_WIDE else namespace or "default"
        self.requests.append(("DELETE", kind, name))
        if (kind, scope, name) not in self.objects:
            return False
        if (kind, scope, name) not in self.finalizing:
            del self.objects[(kind, scope, name)]
        return True

    def merge(self, api_version: str, kind: str, name: str, namespace: str | None, patch: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(("MERGE", kind, name))
        live = self.objects[(kind, "" if kind in CLUSTER_WIDE else namespace or "default", name)]
        _merge(live, patch)
        if patch.get("metadata", {}).get("finalizers") == []:
            del self.objects[key(live)]
        return live

    def request(self, method: str, path: str, query: Any = None, body: Any = None, content_type: str = "") -> Any:
        if path.endswith("/log"):
            return self.logs.get(path.split("/")[-2], "")
        dry = "dryRun" in (query or {})
        self.requests.append((method, body["kind"], body["metadata"]["name"], "dry" if dry else "real"))
        namespace = body["metadata"].get("namespace")
        if namespace and body["kind"] not in CLUSTER_WIDE and ("Namespace", "", namespace) not in self.objects:
            raise KubeError(f'namespaces "{namespace}" not found', 404, "NotFound")
        live = copy.deepcopy(self.objects.get(key(body), {}))
        _merge(live, body)
        live["metadata"]["managedFields"] = [{"manager": query["fieldManager"]}]
        return live if dry else self._store(live)


def _merge(live: dict[str, Any], patch: dict[str, Any]) -> None:
    for name, value in patch.items():
        if isinstance(value, dict):
            live[name] = live[name] if isinstance(live.get(name), dict) else {}
            _merge(live[name], value)
        elif value is None:
            live.pop(name, None)
        else:
            live[name] = copy.deepcopy(value)
