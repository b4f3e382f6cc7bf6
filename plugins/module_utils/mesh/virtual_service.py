# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A route of C(mesh_routes) in Istio's own words. One object for a host holds all of its rules, in the order in which they are written.

https://istio.io/latest/docs/reference/config/networking/virtual-service/
"""

from __future__ import annotations

import itertools
import typing as t

from ..kube.objects import Manifest
from . import istio_actions
from .destinations import Destination, destination
from .inside import app_of, full_name, is_inside, main_port, other_ports
from .matches import matches_of
from .names import TRACED, Entry, host_of
from .replacing import new_prefix

# https://istio.io/latest/docs/reference/config/analysis/ist0131/
_UNHIDDEN = {"galley.istio.io/analyze-suppress": "IST0131"}


def virtual_service(route: Entry, gateways: t.Sequence[str], apps: t.Sequence[Entry]) -> Manifest:
    rules = _first_of_a_kind([one for rule in route["rules"] for one in _rules(rule, route["namespace"], apps)])
    if is_inside(route):
        spec = {"hosts": [full_name(host, route, apps) for host in route["hosts"]], "gateways": ["mesh"], "http": _of_one_port(rules, route, apps)}
    else:
        spec = {"hosts": list(route["hosts"]), "gateways": list(gateways), "http": rules}
    metadata = {"name": route["name"], "namespace": route["namespace"], **({"annotations": _UNHIDDEN} if _seems_hidden(rules) else {})}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}


def _seems_hidden(rules: t.Sequence[Manifest]) -> bool:
    """Istio's analysis takes a prefix with a method for one that hides a longer prefix of any method. What is really hidden has been refused (see checks)."""
    prefixes = [(match["uri"]["prefix"], "method" in match) for rule in rules for match in rule["match"] if "prefix" in match["uri"]]
    pairs = itertools.combinations(prefixes, 2)
    return any(method and not any_method and longer.startswith(prefix) for (prefix, method), (longer, any_method) in pairs)


def _first_of_a_kind(rules: list[Manifest]) -> list[Manifest]:
    """Without matches that an earlier rule has word for word, of which Istio would warn: after `path: /api`, the same half of `path_prefix: /api`."""
    seen: list[Manifest] = []
    found = []
    for rule in rules:
        matches = [match for match in rule["match"] if match not in seen]
        seen += matches
        found += [{**rule, "match": matches}] if matches else []
    return found


def _of_one_port(rules: list[Manifest], route: Entry, apps: t.Sequence[Entry]) -> list[Manifest]:
    """A VirtualService is for all ports of its host: where an app has several, the rules are for its first, and the others stay as they are."""
    app = app_of(route["hosts"][0], route, apps)
    if app is None or not other_ports(app):
        return rules
    narrowed = [{**rule, "match": [{**match, "port": main_port(app)} for match in rule["match"]]} for rule in rules]
    return [
        *narrowed,
        *[{"match": [{"port": port}], "route": [{"destination": {"host": host_of(app), "port": {"number": port}}}]} for port in other_ports(app)],
    ]


def _rules(rule: Entry, namespace: str, apps: t.Sequence[Entry]) -> list[Manifest]:
    """One; but where a prefix is replaced, one or two for each match, since it depends on the match what is replaced."""
    prefix = new_prefix(rule)
    if prefix is None:
        return [_rule(rule, [match for entry in matches_of(rule) for match in _matches(entry)], {}, {}, namespace, apps)]
    # What is the prefix as a whole becomes the new one; what is below it gets the new one with its slash.
    whole, below = ({"uri": prefix or "/"}, {"uri": prefix or "/"}), ({"prefixRewrite": f"{prefix}/"}, {"uri": f"{prefix}/"})
    replaced = [(match, whole if "exact" in match["uri"] else below) for entry in matches_of(rule) for match in _matches(entry)]
    return [_rule(rule, [match], redirected, rewritten, namespace, apps) for match, (redirected, rewritten) in replaced]


def _rule(rule: Entry, matches: list[Manifest], redirected: Manifest, rewritten: Manifest, namespace: str, apps: t.Sequence[Entry]) -> Manifest:
    destinations = [destination(to, namespace, apps) for to in rule.get("to") or []]
    found = {
        "name": rule.get(TRACED),
        "match": matches,
        "redirect": istio_actions.redirect(rule.get("redirect"), redirected),
        "rewrite": istio_actions.rewrite(rule.get("rewrite"), rewritten),
        "route": [_weighted(one) for one in destinations],
        "timeout": rule.get("timeout"),
        "retries": _retries(rule.get("retries")),
        "mirrors": [_mirror(entry, namespace, apps) for entry in rule.get("mirrors") or []],
        "headers": istio_actions.headers(rule),
        "corsPolicy": istio_actions.cors(rule.get("cors")),
        "fault": istio_actions.fault(rule.get("faults")),
    }
    return {key: value for key, value in found.items() if value}


def _matches(match: Entry) -> list[Manifest]:
    """A prefix by segments is two of Istio's, whose own prefix goes by characters: `/api` would match `/apix`, too."""
    rest = {
        **({"method": {"exact": match["method"]}} if match.get("method") else {}),
        **({"headers": _values(match["headers"])} if match.get("headers") else {}),
        **({"queryParams": _values(match["query"])} if match.get("query") else {}),
    }
    return [{**({"uri": uri} if uri else {}), **rest} for uri in _uris(match)]


def _uris(match: Entry) -> list[Entry]:
    if match.get("path"):
        return [{"exact": match["path"]}]
    if match.get("path_regex"):
        return [{"regex": match["path_regex"]}]
    stem = str(match.get("path_prefix") or "/").rstrip("/")
    return [{"exact": stem}, {"prefix": f"{stem}/"}] if stem else [{"prefix": "/"}]


def _values(wanted: Entry) -> dict[str, Entry]:
    return {name: {"regex": value["regex"]} if isinstance(value, dict) else {"exact": value} for name, value in wanted.items()}


def _target(one: Destination) -> Manifest:
    return {"host": one.host, "port": {"number": one.port}}


def _weighted(one: Destination) -> Manifest:
    """A host outside is asked by its own name, not by that of the route."""
    named = {"headers": {"request": {"set": {"host": one.external.host}}}} if one.external else {}
    return {"destination": _target(one), **({"weight": one.weight} if one.weight is not None else {}), **named}


def _retries(wanted: Entry | None) -> Manifest:
    if not wanted:
        return {}
    if wanted["attempts"] == 0:  # Istio takes nothing else then
        return {"attempts": 0}
    causes = ",".join(str(cause) for cause in wanted.get("retry_on") or [])
    return {
        "attempts": wanted["attempts"],
        **({"perTryTimeout": wanted["per_try_timeout"]} if wanted.get("per_try_timeout") else {}),
        **({"retryOn": causes} if causes else {}),
    }


def _mirror(entry: Entry, namespace: str, apps: t.Sequence[Entry]) -> Manifest:
    return {"destination": _target(destination(entry, namespace, apps)), "percentage": {"value": float(entry.get("percent", 100))}}
