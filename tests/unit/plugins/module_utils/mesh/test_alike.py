# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whatever is chosen for the Gateway API answers like the rules as they are written, and so does a VirtualService: by the objects that are made.

Routes are random, in our own words. Three readers answer the same requests: one of the words, one of a VirtualService as Istio gives it to Envoy, and one of
HTTPRoutes as Istio 1.31 reads them (pilot/pkg/config/kube/gateway/conversion.go), in whatever order the objects are old.
"""

from __future__ import annotations

import functools
import random
import re
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.http_route import http_routes
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.routing import choose
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.virtual_service import virtual_service

Words = dict[str, Any]
APPS = [{"name": name, "namespace": "shop", "port": 80, "image": "a:1"} for name in ("a", "b")]
PATHS = ("/", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/a/b/c", "/b", "/b/a")
PREFIXES = ("/", "/a", "/a/", "/a/b", "/b")
REQUESTS: list[tuple[str, str, Words, Words]] = [
    (path, method, headers, query)
    for path in PATHS
    for method in ("GET", "POST")
    for headers in ({}, {"x-canary": "true"}, {"x-canary": "true", "x-user": "ann"}, {"x-user": "bob"})
    for query in ({}, {"v": "1"})
]
# Where a request goes, under which path and host, and with which headers; or what it is answered with.
Answer = tuple[Any, ...]
NOTHING: Answer = ("404",)


def a_match(dice: random.Random) -> Words:
    path = dice.choice([{"path": dice.choice(PATHS)}, {"path_prefix": dice.choice(PREFIXES)}, {"path_prefix": dice.choice(PREFIXES)}, {}])
    if dice.random() < 0.03:
        path = {"path_regex": "/a.*"}
    method = {"method": dice.choice(("GET", "POST"))} if dice.random() < 0.2 else {}
    headers = {name: value for name, value in (("x-canary", "true"), ("x-user", dice.choice(("ann", "bob")))) if dice.random() < 0.2}
    return {**path, **method, **({"headers": headers} if headers else {}), **({"query": {"v": "1"}} if dice.random() < 0.15 else {})}


def a_rule(dice: random.Random) -> Words:
    matches = [a_match(dice) for _each in range(dice.choice((1, 1, 1, 2)))]
    rule: Words = {"match": matches[0] if len(matches) == 1 else matches}
    kind, to = dice.random(), [{"app": dice.choice("ab")}]
    if kind < 0.15:
        return {**rule, "redirect": {"host": "www.example.com", **dice.choice(({}, {"path": "/new"}, {"path_prefix": dice.choice(("/", "/x", "/x/"))}))}}
    if kind < 0.4:
        return {**rule, "to": to, "rewrite": dice.choice(({"path": "/new"}, {"host": "old.example.com"}, {"path_prefix": dice.choice(("/", "/x", "/x/"))}))}
    if kind < 0.45:
        return {**rule, "to": to, "retries": {"attempts": 1}}
    return {**rule, "to": to, **({"request_headers": {"set": {"x-tier": dice.choice("gs")}}} if kind < 0.6 else {})}


def a_route(seed: int) -> Words | None:
    """Half of them with the more specific rules first, as people write them. None where it is refused."""
    dice = random.Random(seed)
    rules = [a_rule(dice) for _each in range(dice.randint(2, 6))]
    if seed % 2:
        rules.sort(key=lambda rule: -len(str(rule["match"])))
    route = {"name": "shop", "namespace": "shop", "hosts": ["shop.example.com"], "rules": rules}
    return None if problems({"apps": APPS, "routes": [route]}) else route


# -- the words ------------------------------------------------------------------------------------------------------


def by_words(route: Words, request: Any) -> Answer:
    for rule in route["rules"]:
        matches = rule["match"] if isinstance(rule["match"], list) else [rule["match"]]
        for match in matches:
            if meets(match, request):
                return does(rule, match, request[0])
    return NOTHING


def segments(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def meets(match: Words, request: Any) -> bool:
    path, method, headers, query = request
    if "path" in match:
        right = path == match["path"]
    elif "path_regex" in match:
        right = re.fullmatch(match["path_regex"], path) is not None
    else:
        wanted = segments(match.get("path_prefix", "/"))
        right = segments(path)[: len(wanted)] == wanted
    return (
        right
        and match.get("method", method) == method
        and match.get("headers", {}).items() <= headers.items()
        and match.get("query", {}).items() <= query.items()
    )


def does(rule: Words, match: Words, path: str) -> Answer:
    changed = rule.get("redirect") or rule.get("rewrite") or {}
    if "path_prefix" in changed:
        stem = match.get("path_prefix", "/").rstrip("/")
        path = changed["path_prefix"].rstrip("/") + path[len(stem) :] or "/"
    path = changed.get("path", path)
    if "redirect" in rule:
        return ("302", changed.get("host"), path)
    return (rule["to"][0]["app"], changed.get("host"), path, rule.get("request_headers", {}).get("set", {}).get("x-tier"))


# -- a VirtualService -----------------------------------------------------------------------------------------------


def by_virtual_service(spec: Words, request: Any) -> Answer:
    for entry in spec["http"]:
        for match in entry["match"]:
            if istio_meets(match, request):
                return envoy_does(entry, match["uri"], request[0])
    return NOTHING


def istio_meets(match: Words, request: Any) -> bool:
    path, method, headers, query = request
    ((kind, value),) = match["uri"].items()
    right = {"exact": path == value, "prefix": path.startswith(value), "regex": kind == "regex" and re.fullmatch(value, path) is not None}[kind]
    pairs = [(match.get("headers", {}), headers), (match.get("queryParams", {}), query), ({"m": match["method"]} if "method" in match else {}, {"m": method})]
    return right and all(given.get(name) == value["exact"] for wanted, given in pairs for name, value in wanted.items())


def envoy_does(entry: Words, uri: Words, path: str) -> Answer:
    """What has matched is replaced, the rest stays; by a regular expression, all of it that this one matches."""
    kept = path[len(next(iter(uri.values()))) :]
    if "redirect" in entry:
        said = entry["redirect"]
        path = said.get("uri") or (said["prefixRewrite"] + kept if "prefixRewrite" in said else path)
        return (str(said["redirectCode"]), said.get("authority"), path)
    said = entry.get("rewrite", {})
    if "uriRegexRewrite" in said:
        path = re.sub(said["uriRegexRewrite"]["match"], said["uriRegexRewrite"]["rewrite"], path)
    elif "uri" in said:
        path = said["uri"] + kept
    (target,) = entry["route"]
    tier = entry.get("headers", {}).get("request", {}).get("set", {}).get("x-tier")
    return (target["destination"]["host"].split(".")[0], said.get("authority"), path, tier)


# -- HTTPRoutes -----------------------------------------------------------------------------------------------------


def by_http_routes(objects: list[Words], request: Any) -> Answer:
    entries = [(match, rule) for item in objects for rule in item["spec"]["rules"] for match in rule["matches"]]
    for match, rule in sorted(entries, key=functools.cmp_to_key(lambda one, other: more_specific(one[0], other[0]))):
        if route_meets(match, request):
            return filters_do(rule, match, request[0])
    return NOTHING


def more_specific(one: Words, other: Words) -> int:
    """As the specification has it; stable, so that age and place are left."""

    def rank(match: Words) -> tuple[Any, ...]:
        value = match["path"]["value"]
        length = len(value if match["path"]["type"] == "Exact" else value.rstrip("/") or "/")
        return (match["path"]["type"] == "Exact", length, "method" in match, len(match.get("headers", [])), len(match.get("queryParams", [])))

    return (rank(one) < rank(other)) - (rank(one) > rank(other))


def route_meets(match: Words, request: Any) -> bool:
    path, method, headers, query = request
    value = match["path"]["value"]
    right = path == value if match["path"]["type"] == "Exact" else segments(path)[: len(segments(value))] == segments(value)
    pairs = [(match.get("headers", []), headers), (match.get("queryParams", []), query)]
    return right and match.get("method", method) == method and all(given.get(one["name"]) == one["value"] for wanted, given in pairs for one in wanted)


def filters_do(rule: Words, match: Words, path: str) -> Answer:
    said = {entry["type"]: value for entry in rule.get("filters", []) for key, value in entry.items() if key != "type"}
    changed = said.get("RequestRedirect") or said.get("URLRewrite") or {}
    new = changed.get("path", {})
    if new.get("type") == "ReplaceFullPath":
        path = new["replaceFullPath"]
    elif new:
        path = istios_prefix(new["replacePrefixMatch"], match["path"]["value"], path, "RequestRedirect" in said)
    if "RequestRedirect" in said:
        return (str(changed["statusCode"]), changed.get("hostname"), path)
    tiers = [one["value"] for one in said.get("RequestHeaderModifier", {}).get("set", [])]
    return (rule["backendRefs"][0]["name"], changed.get("hostname"), path, next(iter(tiers), None))


def istios_prefix(new: str, prefix: str, path: str, redirects: bool) -> str:
    """A prefix of `/` is replaced by characters; a redirect's `/` stays, and a rewrite's takes the slash behind the prefix with it."""
    kept = path[len(prefix.rstrip("/") or "/") :]
    if redirects:
        return new + kept
    return "/" + kept.removeprefix("/") if new.rstrip("/") == "" else new.rstrip("/") + kept


# -- alike ----------------------------------------------------------------------------------------------------------


def test_both_apis_answer_like_the_rules_as_they_are_written() -> None:
    chosen = {"istio": 0, "gateway_api": 0}
    for seed in range(4_000):
        route = a_route(seed)
        if route is None:
            continue
        dice = random.Random(seed)
        asked = dice.sample(REQUESTS, 30)
        wanted = [by_words(route, request) for request in asked]
        spec = virtual_service(route, ["edge"], APPS)["spec"]
        assert [by_virtual_service(spec, request) for request in asked] == wanted, f"seed {seed}"
        (choice,) = choose([route])
        chosen[choice.api] += 1
        if choice.api == "gateway_api":
            objects = http_routes(route, "edge", "istio-ingress", APPS)
            dice.shuffle(objects)
            assert [by_http_routes(objects, request) for request in asked] == wanted, f"seed {seed}"
    assert min(chosen.values()) > 400, chosen


def test_many_rules_of_one_host_are_several_objects_that_answer_alike() -> None:
    taken = 0
    for seed in range(60):
        dice = random.Random(seed)
        tenants = [f"/t{place}" for place in range(60)]
        rules = [{"match": {"path_prefix": tenant}, "to": [{"app": dice.choice("ab")}], "rewrite": {"path_prefix": "/"}} for tenant in tenants]
        rules += [{"match": {"path": f"{tenant}/status"}, "to": [{"app": dice.choice("ab")}]} for tenant in dice.sample(tenants, 5)]
        dice.shuffle(rules)
        rules.append({"match": {"headers": {"x-user": "ann"}}, "to": [{"app": "a"}]})
        rules.append({"match": {"headers": {"x-canary": "true"}}, "to": [{"app": "b"}]})
        route = {"name": "shop", "namespace": "shop", "hosts": ["shop.example.com"], "rules": rules}
        if problems({"apps": APPS, "routes": [route]}) or choose([route])[0].api == "istio":
            continue
        taken += 1
        objects = http_routes(route, "edge", "istio-ingress", APPS)
        assert len(objects) > 3
        dice.shuffle(objects)
        both = {"x-user": "ann", "x-canary": "true"}
        asked = [(f"{tenant}{rest}", "GET", headers, {}) for tenant in tenants[::7] for rest in ("", "/", "/status", "/x") for headers in ({}, both)]
        asked += [("/", "GET", both, {}), ("/", "GET", {"x-canary": "true"}, {})]
        assert [by_http_routes(objects, request) for request in asked] == [by_words(route, request) for request in asked], f"seed {seed}"
    assert taken > 0
