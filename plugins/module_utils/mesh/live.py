# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Routes as they are in a cluster, read back into our own words: who has a host, and where a request goes today. Plain data in and out."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ..common.served_hosts import serves
from ..kube.objects import Manifest, title
from .destinations import destination
from .expectations import Expectation, Request, rule_for, service_name
from .external import stood_for
from .names import Entry

ISTIO, GATEWAY_API = "VirtualService", "HTTPRoute"
KINDS = (("networking.istio.io/v1", ISTIO), ("gateway.networking.k8s.io/v1", GATEWAY_API))


def hosts_of(item: Manifest) -> list[str]:
    """An HTTPRoute without host names is for all of its listener's."""
    spec = item["spec"]
    return list(spec.get("hosts") or []) if item["kind"] == ISTIO else list(spec.get("hostnames") or ["*"])


def is_for_callers_inside(item: Manifest) -> bool:
    """Of sidecars only: not for a gateway."""
    spec = item["spec"]
    if item["kind"] == ISTIO:
        return set(spec.get("gateways") or ["mesh"]) == {"mesh"}
    return all(parent.get("kind") == "Service" for parent in spec.get("parentRefs") or [])


def taken(hosts: t.Iterable[str], live: t.Iterable[Manifest]) -> list[str]:
    """Hosts of ours that objects of others have already, each named with its object. A pattern and a host below it are two hosts: the exact one wins."""
    wanted = list(dict.fromkeys(hosts))
    others = [item for item in live if not is_for_callers_inside(item)]
    return [f"host {host} is already routed by {title(item)}{_of_set(item)}" for host in wanted for item in others if host in hosts_of(item)]


def _of_set(item: Manifest) -> str:
    name = (item["metadata"].get("labels") or {}).get("meshgate.io/set")
    return f" of the set {name}" if name else ""


# -- where a request goes -----------------------------------------------------------------------------------------


def moves(table: t.Sequence[Expectation], before: t.Sequence[Entry], after: t.Sequence[Entry], apps: t.Sequence[Entry]) -> list[str]:
    """The expected requests whose destination differs between two lists of routes."""
    found = []
    for one in table:
        was, becomes = leads(before, one.request, ()), leads(after, one.request, apps)
        if was != becomes:
            found.append(f"{one.request}: {was} -> {becomes}")
    return found


def leads(routes: t.Sequence[Entry], request: Request, apps: t.Sequence[Entry]) -> str:
    """Where a request goes, for a person to read: each Service with its share, or what the gateway answers by itself."""
    route = _route_for(routes, request.host)
    place = rule_for(route, request) if route else None
    if route is None or place is None:
        return "404"
    rule = route["rules"][place]
    if rule.get("redirect"):
        return "a redirect"
    shares: dict[str, int] = {}
    for to in rule.get("to") or []:
        one = destination(to, str(route["namespace"]), apps)
        weight = 100 if one.weight is None else one.weight
        shares[service_name(one)] = shares.get(service_name(one), 0) + weight
    whole = sum(shares.values()) or 1
    return ", ".join(f"{name}{'' if share == whole else f' {share * 100 / whole:g} %'}" for name, share in sorted(shares.items()) if share)


def _route_for(routes: t.Sequence[Entry], host: str) -> Entry | None:
    """The most specific host wins: the name itself, then the longest pattern."""
    found = [(pattern == host, len(pattern), place) for place, route in enumerate(routes) for pattern in route["hosts"] if serves(pattern, host)]
    return routes[max(found)[2]] if found else None


def routes_of(live: t.Iterable[Manifest], inside: bool = False) -> list[dict[str, t.Any]]:
    """Live objects of one set as routes: the gateway's, or those of callers inside. An HTTPRoute of more rules than one object holds goes on in NAME-2."""
    found: dict[tuple[str, ...], dict[str, t.Any]] = {}
    for item in sorted(live, key=lambda item: (len(item["metadata"]["name"]), item["metadata"]["name"])):
        if is_for_callers_inside(item) != inside:
            continue
        namespace = item["metadata"]["namespace"]
        hosts = _services_of(item) if inside and item["kind"] != ISTIO else hosts_of(item)
        route = found.setdefault((namespace, *hosts), {"name": item["metadata"]["name"], "namespace": namespace, "hosts": hosts, "rules": []})
        route["rules"] += [_of_istio(rule) for rule in item["spec"].get("http") or []] if item["kind"] == ISTIO else _of_gateway_api(item)
    return list(found.values())


def _services_of(item: Manifest) -> list[str]:
    """Whom callers inside ask, where the Gateway API says it: the Services that a route is attached to."""
    namespace = item["metadata"]["namespace"]
    return [f"{parent['name']}.{parent.get('namespace') or namespace}.svc.cluster.local" for parent in item["spec"].get("parentRefs") or []]


def _of_istio(rule: Manifest) -> dict[str, t.Any]:
    targets = [(part.get("destination") or {}, part.get("weight")) for part in rule.get("route") or []]
    copies = [*(rule.get("mirrors") or []), *_single_mirror(rule)]
    return {
        "match": [_istio_match(match) for match in rule.get("match") or [{}]],
        "to": [_istio_to(target, weight) for target, weight in targets],
        "mirrors": [{**_istio_to(one["destination"]), "percent": _percent(one)} for one in copies],
        **({"faults": _istio_faults(rule["fault"])} if rule.get("fault") else {}),
        **_redirects(rule),
    }


def _single_mirror(rule: Manifest) -> list[Manifest]:
    """The field that Istio had before C(mirrors)."""
    return [{"destination": rule["mirror"], "percentage": rule.get("mirrorPercentage")}] if rule.get("mirror") else []


def _percent(part: Manifest) -> float:
    """Of requests; where Istio is told nothing, all. C(value) is left out where it is 0."""
    return float(part["percentage"].get("value", 0)) if part.get("percentage") else 100.0


def _istio_faults(fault: Manifest) -> dict[str, t.Any]:
    delay, abort = fault.get("delay"), fault.get("abort")
    return {
        **({"delay": {"percent": _percent(delay), "duration": delay.get("fixedDelay", "")}} if delay else {}),
        **({"abort": {"percent": _percent(abort), "code": abort.get("httpStatus") or abort.get("grpcStatus")}} if abort else {}),
    }


def _istio_to(target: Manifest, weight: int | None = None) -> dict[str, t.Any]:
    return _to(target["host"], (target.get("port") or {}).get("number"), weight)


def _redirects(rule: Manifest) -> dict[str, t.Any]:
    return {"redirect": dict(rule["redirect"])} if rule.get("redirect") else {}


def _istio_match(match: Manifest) -> dict[str, t.Any]:
    uri = match.get("uri") or {}
    words = {"exact": "path", "regex": "path_regex", "prefix": "path_prefix"}
    path = {ours: uri[theirs] for theirs, ours in words.items() if theirs in uri}
    method = {"method": match["method"]["exact"]} if (match.get("method") or {}).get("exact") else {}
    values = {ours: _istio_values(match.get(theirs) or {}) for theirs, ours in (("headers", "headers"), ("queryParams", "query"))}
    return {**path, **method, **values}


def _istio_values(wanted: Manifest) -> dict[str, t.Any]:
    return {name: value["exact"] if "exact" in value else {"regex": value.get("regex", f"{value.get('prefix', '')}.*")} for name, value in wanted.items()}


def _to(host: str, port: int | None, weight: int | None) -> dict[str, t.Any]:
    """Istio completes a name without dots only: `product.shop` is a host outside."""
    service, _dot, rest = host.partition(".")
    if not rest or ".svc" in rest:
        return {"service": service, "namespace": rest.partition(".")[0] or None, "port": port or 80, "weight": weight}
    outside, asked = stood_for(host)
    return {"external": outside, "port": asked or port or 80, "weight": weight}


def _of_gateway_api(item: Manifest) -> Iterator[dict[str, t.Any]]:
    for rule in item["spec"].get("rules") or []:
        filters = rule.get("filters") or []
        redirected = any(one.get("type") == "RequestRedirect" for one in filters)
        yield {
            "match": [_gateway_api_match(match) for match in rule.get("matches") or [{}]],
            "to": [{**_backend(one), "weight": one.get("weight", 1)} for one in rule.get("backendRefs") or []],
            "mirrors": [_gateway_api_mirror(one["requestMirror"]) for one in filters if one.get("requestMirror")],
            **({"redirect": {"code": 302}} if redirected else {}),
        }


def _backend(one: Manifest) -> dict[str, t.Any]:
    return {"service": one["name"], "namespace": one.get("namespace"), "port": one.get("port") or 80}


def _gateway_api_mirror(mirror: Manifest) -> dict[str, t.Any]:
    """All requests where neither C(percent) nor C(fraction) is said."""
    fraction = mirror.get("fraction") or {"numerator": mirror.get("percent", 100)}
    return {**_backend(mirror["backendRef"]), "percent": 100.0 * fraction["numerator"] / (fraction.get("denominator") or 100)}


def _gateway_api_match(match: Manifest) -> dict[str, t.Any]:
    path = match.get("path") or {"type": "PathPrefix", "value": "/"}
    words = {"Exact": "path", "PathPrefix": "path_prefix", "RegularExpression": "path_regex"}
    values = {
        ours: {one["name"]: {"regex": one["value"]} if one.get("type") == "RegularExpression" else one["value"] for one in match.get(theirs) or []}
        for theirs, ours in (("headers", "headers"), ("queryParams", "query"))
    }
    return {words[path["type"]]: path["value"], **({"method": match["method"]} if match.get("method") else {}), **values}
