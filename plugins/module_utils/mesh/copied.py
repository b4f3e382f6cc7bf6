# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What others put on the live gateway, for its shadow: a request that a policy refuses there is refused here. Plain data in, manifests out."""

from __future__ import annotations

import copy
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass

from ..common.ownership import OWNER_LABEL
from ..kube.objects import Kind, Manifest, annotations_of, labels_of, title
from .names import object_name

ENVOY_FILTER = "EnvoyFilter"
KINDS: tuple[Kind, ...] = (
    ("networking.istio.io/v1alpha3", ENVOY_FILTER),
    ("security.istio.io/v1", "AuthorizationPolicy"),
    ("security.istio.io/v1", "RequestAuthentication"),
    ("extensions.istio.io/v1alpha1", "WasmPlugin"),
)
# Where Istio looks for what is meant for all namespaces (rootNamespace, by default).
ROOT_NAMESPACE = "istio-system"
MARK_HEADER = "x-meshgate-filter"
_DRY_RUN = "istio.io/dry-run"
_NEVER = {"default_value": {"numerator": 0, "denominator": "HUNDRED"}}
_LOCAL, _GLOBAL = (f"type.googleapis.com/envoy.extensions.filters.http.{name}" for name in ("local_ratelimit.v3.LocalRateLimit", "ratelimit.v3.RateLimit"))
# Requests of a test come from this machine, through a tunnel.
_BY_ADDRESS = ("ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks")
_ATTRIBUTES_OF_ADDRESS = ("source.ip", "remote.ip", "destination.ip", "connection.sni")


@dataclass(frozen=True)
class Gateway:
    """C(name) is the one by which a Gateway, and thus an EnvoyFilter, knows it: NAMESPACE/NAME."""

    labels: t.Mapping[str, str]
    namespace: str
    name: str


def copies(items: t.Iterable[Manifest], live: Gateway, shadow: Gateway, run: str) -> tuple[list[Manifest], list[str]]:
    """Of what selects the live gateway's pods and not its shadow's, and what of it cannot be copied, each with the reason.

    That the platform's own policy is not, nobody needs to be told: it keeps out who comes by another way than the load balancer.
    """
    selected = [item for item in items if _selects(item, live.labels) and not _selects(item, shadow.labels)]
    reasons = _reasons(selected, live)
    told = [(item, reason) for item, said in zip(selected, reasons, strict=True) for reason in said if OWNER_LABEL not in labels_of(item)]
    left = [f"{title(item)} is not tried on the shadow gateway: {reason}" for item, reason in told]
    return [_copy(item, live, shadow, run) for item, said in zip(selected, reasons, strict=True) if not said], left


def _reasons(selected: t.Sequence[Manifest], live: Gateway) -> list[list[str]]:
    """Of policies that allow, all or none: without one of them, the others refuse what it allows."""
    found = [list(_hindrances(item, live)) for item in selected]
    incomplete = any(said and _allows(item) for item, said in zip(selected, found, strict=True))
    together = ["another policy that allows requests cannot be"] if incomplete else []
    return [said or (together if _allows(item) else []) for item, said in zip(selected, found, strict=True)]


def _allows(item: Manifest) -> bool:
    return bool(item["kind"] == "AuthorizationPolicy" and item["spec"].get("action", "ALLOW") == "ALLOW")


def _selector(item: Manifest) -> dict[str, str]:
    spec = item.get("spec") or {}
    return (spec.get("workloadSelector") or {}).get("labels") or (spec.get("selector") or {}).get("matchLabels") or {}


def _selects(item: Manifest, labels: t.Mapping[str, str]) -> bool:
    """What names no pods is for the shadow already."""
    wanted = _selector(item)
    return not wanted or wanted.items() <= labels.items()


def _hindrances(item: Manifest, live: Gateway) -> Iterator[str]:
    spec = item["spec"]
    if item["kind"] == "AuthorizationPolicy" and any(_by_address(rule) for rule in spec.get("rules") or []):
        yield "it goes by addresses, and the requests of a test come from another one than a user's"
    if item["kind"] == "WasmPlugin" and spec.get("imagePullSecret") and item["metadata"]["namespace"] != live.namespace:
        yield f"its imagePullSecret is in namespace {item['metadata']['namespace']}"
    if item["kind"] == ENVOY_FILTER:
        names = [_route_matched(patch) for patch in spec.get("configPatches") or []]
        yield from [f"it is for the route {name}, and routes have other names there" for name in names if name]


def _by_address(rule: Manifest) -> bool:
    sources = [one.get("source") or {} for one in rule.get("from") or []]
    return any(word in source for source in sources for word in _BY_ADDRESS) or any(one["key"] in _ATTRIBUTES_OF_ADDRESS for one in rule.get("when") or [])


def _configuration_matched(patch: Manifest) -> Manifest:
    found: Manifest = (patch.get("match") or {}).get("routeConfiguration") or {}
    return found


def _route_matched(patch: Manifest) -> str:
    return str(((_configuration_matched(patch).get("vhost") or {}).get("route") or {}).get("name") or "")


def _copy(item: Manifest, live: Gateway, shadow: Gateway, run: str) -> Manifest:
    spec = copy.deepcopy(item["spec"])
    name = object_name(item["metadata"]["namespace"], item["metadata"]["name"], "shadow", run)
    if item["kind"] == ENVOY_FILTER:
        spec["workloadSelector"] = {"labels": dict(shadow.labels)}
        spec["configPatches"] = [*[_retargeted(patch, live, shadow) for patch in spec.get("configPatches") or []], response_header(MARK_HEADER, name)]
    else:
        spec["selector"] = {"matchLabels": dict(shadow.labels)}
    kept = {key: value for key, value in annotations_of(item).items() if key == _DRY_RUN}
    metadata = {"name": name, "namespace": shadow.namespace, **({"annotations": kept} if kept else {})}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata, "spec": spec}


def _retargeted(patch: Manifest, live: Gateway, shadow: Gateway) -> Manifest:
    matched = _configuration_matched(patch)
    if matched.get("gateway") == live.name:
        matched["gateway"] = shadow.name
    _spare_limits(patch.get("patch") or {})
    return patch


def _spare_limits(node: t.Any) -> None:
    """A local limit is evaluated and not enforced. A global one is not asked: it would count the requests of a test among those of users."""
    if isinstance(node, list):
        for item in node:
            _spare_limits(item)
    if not isinstance(node, dict):
        return
    typed = node.get("type_url") or node.get("@type")
    if typed in (_LOCAL, _GLOBAL):
        config = node["value"] if isinstance(node.get("value"), dict) and node.get("type_url") else node
        config["filter_enforced" if typed == _LOCAL else "filter_enabled"] = copy.deepcopy(_NEVER)
    for value in node.values():
        _spare_limits(value)


def response_header(name: str, value: str, context: str = "GATEWAY") -> Manifest:
    """A patch by which each answer has this header."""
    added = {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    merged = {"operation": "MERGE", "value": {"response_headers_to_add": [added]}}
    return {"applyTo": "ROUTE_CONFIGURATION", "match": {"context": context}, "patch": merged}


def marks(item: Manifest) -> list[str]:
    """By which texts a proxy's configuration shows that it has this copy. A policy without rules leaves none."""
    name, spec = item["metadata"]["name"], item["spec"]
    if item["kind"] == "AuthorizationPolicy":
        return [f"policy[{name}]"] if spec.get("rules") else []
    if item["kind"] == "RequestAuthentication":
        return [str(rule["issuer"]) for rule in spec.get("jwtRules") or [] if rule.get("issuer")]
    return [name]
