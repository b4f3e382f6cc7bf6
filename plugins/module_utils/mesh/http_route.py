# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A route of C(mesh_routes) in the Gateway API's words.

https://gateway-api.sigs.k8s.io/reference/spec/#httproute; for rules that are answered alike in whatever order (see precedence).
"""

from __future__ import annotations

import typing as t

from ..common.require import require
from ..kube.objects import Manifest
from . import gateway_api_actions
from .destinations import Destination, destination
from .inside import app_of, is_inside, main_port
from .matches import matches_of, read
from .names import TRACED, Entry
from .precedence import Rule, conflicts, objects
from .replacing import new_prefix

# https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec
MOST_HOSTS = 16
_NOT_AN_ACTION = ("match", "name", TRACED)


def http_routes(route: Entry, gateway: str, gateway_namespace: str, apps: t.Sequence[Entry]) -> list[Manifest]:
    """One object, or several where the rules are more than one holds: the first is named as the route, the others are numbered."""
    if is_inside(route):
        common: Manifest = {"parentRefs": [_service(require(app_of(host, route, apps))) for host in route["hosts"]]}
    else:
        parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": gateway_namespace, "name": gateway}
        common = {"parentRefs": [parent], **({} if "*" in route["hosts"] else {"hostnames": list(route["hosts"])})}
    found = []
    for name, places in numbered(route):
        rules = [_rule(route["rules"][place], route["namespace"], apps) for place in places]
        metadata = {"name": name, "namespace": route["namespace"]}
        found.append({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": {**common, "rules": rules}})
    return found


def numbered(route: Entry) -> list[tuple[str, t.Sequence[int]]]:
    """The name of each object, and the places of its rules in the route."""
    split = enumerate(require(objects(_ordered(route))), start=1)
    return [(route["name"] if number == 1 else f"{route['name']}-{number}", places) for number, places in split]


def _service(app: Entry) -> Manifest:
    """Callers inside the mesh: https://gateway-api.sigs.k8s.io/mesh/."""
    return {"group": "", "kind": "Service", "namespace": app["namespace"], "name": app["name"], "port": main_port(app)}


def unsayable(route: Entry) -> list[tuple[int, str]]:
    """The places of rules that the standard channel of the Gateway API cannot say as they are meant, each with the reason."""
    rules = _ordered(route)
    found = [(place, reason) for place, rule in enumerate(route["rules"]) for reason in _missing(rule, route)]
    found += [(one.later, f"it would be tried before rule {one.earlier + 1}: {one.why}") for one in conflicts(rules)]
    if not found and objects(rules) is None:
        found.append((len(rules) - 1, "more rules of one rank than an HTTPRoute holds"))
    if is_inside(route):
        found += [(0, f"{host} is no app, which a route inside the mesh is attached to") for host in route["hosts"] if "." in host]
    if len(route["hosts"]) > MOST_HOSTS:
        found.append((0, f"an HTTPRoute has at most {MOST_HOSTS} hosts"))
    return found


def _ordered(route: Entry) -> list[Rule]:
    """What decides about their order: what each is for, and whether it does something else than another one."""
    return [Rule(read(rule), _action(rule)) for rule in route["rules"]]


def _action(rule: Entry) -> t.Any:
    """What replaces the prefix does with another prefix something else, however alike the words."""
    words = {word: value for word, value in rule.items() if word not in _NOT_AN_ACTION}
    return words if new_prefix(rule) is None else (words, [match.path for match in read(rule)])


def _missing(rule: Entry, route: Entry) -> list[str]:
    """A Service of another namespace is led to only where that namespace's own ReferenceGrant allows it: its owner's to give."""
    found = gateway_api_actions.missing(rule)
    found += [f"{to['external']} is outside of the cluster, and a destination is a Service" for to in rule.get("to") or [] if to.get("external")]
    targets = [*(rule.get("to") or []), *(rule.get("mirrors") or [])]
    others = sorted({to["namespace"] for to in targets if to.get("namespace") not in (None, route.get("namespace"))})
    found += [f"what leads to namespace {other} needs a ReferenceGrant of that namespace" for other in others]
    if (
        len(rule.get("to") or []) > gateway_api_actions.MOST
        or len(gateway_api_actions.filters(rule)) + len(rule.get("mirrors") or []) > gateway_api_actions.MOST
    ):
        found.append(f"a rule has at most {gateway_api_actions.MOST} destinations and {gateway_api_actions.MOST} filters")
    return found + ["the order among regular expressions of paths is left to the implementation" for match in matches_of(rule) if match.get("path_regex")]


def _rule(rule: Entry, namespace: str, apps: t.Sequence[Entry]) -> Manifest:
    backends = [_backend(destination(to, namespace, apps)) for to in rule.get("to") or []]
    timeouts = {"timeouts": {"request": rule["timeout"]}} if rule.get("timeout") else {}
    filters = [*gateway_api_actions.filters(rule), *[_mirror(entry, namespace, apps) for entry in rule.get("mirrors") or []]]
    return {
        "matches": [_match(match) for match in matches_of(rule)],
        **({"filters": filters} if filters else {}),
        **({"backendRefs": backends} if backends else {}),
        **timeouts,
    }


def _mirror(entry: Entry, namespace: str, apps: t.Sequence[Entry]) -> Manifest:
    one = destination(entry, namespace, apps)
    target = {"group": "", "kind": "Service", "namespace": one.namespace, "name": one.service, "port": one.port}
    return {"type": "RequestMirror", "requestMirror": {"backendRef": target, **_share(entry.get("percent", 100))}}


def _share(percent: float) -> Manifest:
    """Whole per cents have a field of their own."""
    return {"percent": int(percent)} if percent == int(percent) else {"fraction": {"numerator": round(percent * 1000), "denominator": 100_000}}


def _match(match: Entry) -> Manifest:
    path = {"type": "Exact", "value": match["path"]} if match.get("path") else {"type": "PathPrefix", "value": match.get("path_prefix") or "/"}
    return {
        "path": path,
        **({"method": match["method"]} if match.get("method") else {}),
        **({"headers": _values(match["headers"])} if match.get("headers") else {}),
        **({"queryParams": _values(match["query"])} if match.get("query") else {}),
    }


def _values(wanted: Entry) -> list[Manifest]:
    kinds = {name: ("RegularExpression", value["regex"]) if isinstance(value, dict) else ("Exact", value) for name, value in wanted.items()}
    return [{"type": kind, "name": name, "value": value} for name, (kind, value) in kinds.items()]


def _backend(one: Destination) -> Manifest:
    return {"group": "", "kind": "Service", "name": one.service, "port": one.port, "weight": 1 if one.weight is None else one.weight}
