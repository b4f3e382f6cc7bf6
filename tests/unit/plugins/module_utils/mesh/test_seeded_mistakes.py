# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Mistakes that people make with routes, each refused in the words of the one who made it.

The table was written from the documentation alone, by somebody who had not read the checks. Many are of the walk-throughs that the
demonstrations follow: a weight left out, a header's rule below the one that takes everything, retries that outlast their timeout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems

BOTH = ("istio", "gateway_api", "auto")
ISTIO = ("istio", "auto")  # what only Istio's API can say
GATEWAY_API = ("gateway_api",)
IMAGE = "registry.example.com/product:1.4"
V1, V2 = {"app": "product", "version": "v1"}, {"app": "product", "version": "v2"}
CART = {"app": "cart"}
CANARY = {"headers": {"x-canary": "true"}}
GATEWAY = [{"gateway": True}]


def cart(**words: Any) -> dict[str, Any]:
    """An app with one image."""
    return {"name": "cart", "namespace": "shop", "port": 8080, "image": IMAGE, "callers": GATEWAY} | words


def product(*versions: Any, **words: Any) -> dict[str, Any]:
    """An app with two versions, if none are said."""
    versions = versions or ({"name": "v1"}, {"name": "v2"})
    return {"name": "product", "namespace": "shop", "port": 8080, "image": IMAGE, "callers": GATEWAY, "versions": list(versions)} | words


def shop(*rules: Any, **words: Any) -> dict[str, Any]:
    """A route of the gateway."""
    return {"name": "web", "namespace": "shop", "hosts": ["shop.example.com"], "rules": list(rules)} | words


def inside(*rules: Any, **words: Any) -> dict[str, Any]:
    """A route for callers in the mesh."""
    return {"name": "mesh", "namespace": "shop", "inside": True, "hosts": ["product"], "rules": list(rules)} | words


def to_cart(**words: Any) -> dict[str, Any]:
    """A rule that leads to the app with one image."""
    return {"to": [CART]} | words


def without(entry: dict[str, Any], *words: str) -> dict[str, Any]:
    """The entry in which something was forgotten."""
    return {word: value for word, value in entry.items() if word not in words}


@dataclass
class Mistake:
    """What somebody wrote, and what a sentence of the refusal must name."""

    kind: str
    name: str
    words: tuple[str, ...]
    routes: list[Any] = field(default_factory=lambda: [shop(to_cart())])
    apps: list[Any] = field(default_factory=lambda: [cart(), product()])
    teams: list[Any] = field(default_factory=list)
    apis: tuple[str, ...] = BOTH
    production: bool = False


def ruled(kind: str, name: str, words: tuple[str, ...], *rules: Any, apis: tuple[str, ...] = BOTH, production: bool = False) -> Mistake:
    """A mistake in the rules of a route."""
    return Mistake(kind, name, ("web", *words), [shop(*rules)], apis=apis, production=production)


def routed(kind: str, name: str, words: tuple[str, ...], /, **said: Any) -> Mistake:
    """A mistake in a route besides its rules."""
    return Mistake(kind, name, words, [shop(to_cart(), **said)])


def app(kind: str, name: str, words: tuple[str, ...], /, **said: Any) -> Mistake:
    """A mistake in an app."""
    return Mistake(kind, name, ("cart", *words), apps=[cart(**said), product()])


def versioned(kind: str, name: str, words: tuple[str, ...], *versions: Any, to: Any = V1) -> Mistake:
    """A mistake in an app's versions."""
    return Mistake(kind, name, ("product", *words), [shop({"to": [to]})], [cart(), product(*versions)])


def closed(name: str, callers: list[Any]) -> Mistake:
    """A mistake in who may call an app, which shows where a request is expected to be answered."""
    return Mistake("expect", name, ("web", "cart", "gateway", "403"), [shop(to_cart(), expect=[{"get": "/"}])], [cart(callers=callers), product()])


MISTAKES = [
    # Weights
    ruled("weights", "they sum to 90", ("weights", "[80, 10]", "100"), {"to": [V1 | {"weight": 80}, V2 | {"weight": 10}]}),
    ruled("weights", "they sum to 110", ("weights", "[90, 20]", "100"), {"to": [V1 | {"weight": 90}, V2 | {"weight": 20}]}),
    ruled("weights", "one is left out, as in the walk-through", ("weight",), {"to": [V2, V1 | {"weight": 90}]}),
    ruled("weights", "both are left out", ("weight",), {"to": [V1, V2]}),
    ruled("weights", "one is negative", ("weight", "-10"), {"to": [V1 | {"weight": 110}, V2 | {"weight": -10}]}),
    ruled("weights", "shares of one", ("weight", "0.9"), {"to": [V1 | {"weight": 0.9}, V2 | {"weight": 0.1}]}),
    ruled("weights", "with a per cent sign", ("weight", "90%"), {"to": [V1 | {"weight": "90%"}, V2 | {"weight": "10%"}]}),
    ruled("weights", "half of the only version", ("weight", "50"), {"to": [V1 | {"weight": 50}]}),
    ruled("weights", "the same version twice", ("v1", "twice"), {"to": [V1 | {"weight": 90}, V1 | {"weight": 10}]}),
    # Where a rule leads
    ruled("destination", "a version that is not there", ("v3", "product"), {"to": [{"app": "product", "version": "v3"}]}),
    ruled("destination", "no version of several", ("version", "product"), {"to": [{"app": "product"}]}),
    ruled("destination", "a version of an app without", ("version", "cart"), {"to": [{"app": "cart", "version": "v1"}]}),
    ruled("destination", "an app that is not there", ("carts",), {"to": [{"app": "carts"}]}),
    ruled("destination", "an app of another namespace", ("cart", "pay"), {"to": [{"app": "cart", "namespace": "pay"}]}),
    ruled("destination", "a Service without a port", ("legacy", "port"), {"to": [{"service": "legacy"}]}),
    ruled("destination", "an app and a Service", ("app", "service"), {"to": [{"app": "cart", "service": "legacy", "port": 80}]}),
    ruled("destination", "nothing in it", ("app", "service", "external"), {"to": [{}]}),
    ruled("destination", "a port that the app has not", ("cart", "9090"), {"to": [CART | {"port": 9090}]}),
    ruled("destination", "in Istio's words", ("subset",), {"to": [{"host": "product", "subset": "v1"}]}),
    ruled("destination", "an external URL", ("https://api.example.com", "external"), {"to": [{"external": "https://api.example.com"}]}),
    ruled("destination", "no destination", ("rule 1", "to"), {"match": {"path": "/a"}}),
    ruled("destination", "an empty list", ("rule 1", "to"), {"to": []}),
    ruled("destination", "a redirect as well", ("redirect", "to"), to_cart(redirect={"path": "/new"})),
    versioned("destination", "a version without pods", ("v2",), {"name": "v1"}, {"name": "v2", "replicas": 0}, to=V2),
    Mistake("destination", "an app that speaks TCP", ("cart", "tcp"), apps=[cart(protocol="tcp"), product()]),
    # Rules that no request reaches
    ruled("hidden rule", "below the one that takes everything", ("rule 2", "rule 1"), to_cart(), to_cart(match={"path": "/a"})),
    ruled("hidden rule", "below a shorter prefix", ("rule 2",), to_cart(match={"path_prefix": "/api"}), to_cart(match={"path_prefix": "/api/v1"})),
    ruled("hidden rule", "the canary's header last", ("rule 2",), {"to": [V1]}, {"match": CANARY, "to": [V2]}),
    ruled("hidden rule", "the same match twice", ("rule 2",), {"match": CANARY, "to": [V1]}, {"match": CANARY, "to": [V2]}),
    ruled("hidden rule", "below prefix /", ("rule 2",), to_cart(match={"path_prefix": "/"}), to_cart(match={"method": "POST"})),
    ruled(
        "hidden rule",
        "below one of several matches",
        ("rule 2",),
        to_cart(match=[{"path": "/a"}, {"path_prefix": "/b"}]),
        to_cart(match={"path": "/b/c"}),
    ),
    ruled("hidden rule", "below a regular expression of everything", ("rule 2",), to_cart(match={"path_regex": "/.*"}), to_cart(), apis=ISTIO),
    # Matches
    ruled("match", "a path without its slash", ("path", "'api'", "slash"), to_cart(match={"path": "api"})),
    ruled("match", "a prefix with a star", ("/api/*",), to_cart(match={"path_prefix": "/api/*"})),
    ruled("match", "a path with a query", ("/api?x=1",), to_cart(match={"path": "/api?x=1"})),
    ruled("match", "a path and a prefix", ("path", "path_prefix"), to_cart(match={"path": "/a", "path_prefix": "/b"})),
    ruled("match", "an open parenthesis", ("/api/(", "path_regex"), to_cart(match={"path_regex": "/api/("}), apis=ISTIO),
    ruled("match", "a lookahead, which RE2 has not", ("(?!", "path_regex"), to_cart(match={"path_regex": "/(?!admin).*"}), apis=ISTIO),
    ruled("match", "a method in small letters", ("method", "get"), to_cart(match={"method": "get"})),
    ruled("match", "a method that is none", ("method", "FETCH"), to_cart(match={"method": "FETCH"})),
    ruled("match", "Istio's word uri", ("uri",), to_cart(match={"uri": {"prefix": "/api"}})),
    ruled("match", "a header's name with a colon", ("x-canary:",), to_cart(match={"headers": {"x-canary:": "true"}})),
    ruled("match", "a header twice in two spellings", ("x-a",), to_cart(match={"headers": {"X-A": "1", "x-a": "2"}})),
    ruled("match", "an empty list", ("match",), to_cart(match=[])),
    ruled("match", "a header's value in Istio's words", ("exact", "x-a"), to_cart(match={"headers": {"x-a": {"exact": "1"}}})),
    # What YAML read as something else
    ruled("not a text", "a header that is true", ("x-canary", "quotes"), to_cart(match={"headers": {"x-canary": True}})),
    ruled("not a text", "a header that is 1", ("x-api", "quotes"), to_cart(match={"headers": {"x-api": 1}})),
    ruled("not a text", "a query that is 2", ("v", "quotes"), to_cart(match={"query": {"v": 2}})),
    ruled("not a text", "a header to set that is a number", ("x-shop", "quotes"), to_cart(request_headers={"set": {"x-shop": 1}})),
    ruled("not a text", "a version that is 2", ("version", "quotes"), {"to": [{"app": "product", "version": 2}]}),
    versioned("not a text", "a version's name that is 1.1", ("1.1", "quotes"), {"name": 1.1}, {"name": "v1"}),
    app("not a text", "an image that is 1.4", ("image", "1.4", "quotes"), image=1.4),
    app("not a text", "a variable that is true", ("DEBUG", "quotes"), env={"DEBUG": True}),
    app("not a text", "a label that is a number", ("tier", "quotes"), labels={"tier": 1}),
    # Hosts
    routed("host", "a URL", ("web", "https://shop.example.com"), hosts=["https://shop.example.com"]),
    routed("host", "with a port", ("web", "shop.example.com:8080"), hosts=["shop.example.com:8080"]),
    routed("host", "with a path", ("web", "shop.example.com/api"), hosts=["shop.example.com/api"]),
    routed("host", "a star in the middle", ("web", "shop.*.com"), hosts=["shop.*.com"]),
    routed("host", "a star in a label", ("web", "*shop.example.com"), hosts=["*shop.example.com"]),
    routed("host", "capitals", ("web", "Shop.example.com"), hosts=["Shop.example.com"]),
    routed("host", "an underscore", ("web", "my_shop.example.com"), hosts=["my_shop.example.com"]),
    routed("host", "none", ("web", "hosts"), hosts=[]),
    routed("host", "twice in a route", ("web", "shop.example.com"), hosts=["shop.example.com", "shop.example.com"]),
    Mistake("host", "in two routes", ("shop.example.com", "web", "other"), [shop(to_cart()), shop(to_cart(), name="other")]),
    Mistake("host", "inside, of no app", ("mesh", "produkt"), [shop(to_cart()), inside({"to": [V1]}, hosts=["produkt"])]),
    Mistake("host", "inside, in two routes", ("product", "mesh", "two"), [inside({"to": [V1]}), inside({"to": [V2]}, name="two")]),
    # Teams
    Mistake(
        "team",
        "a route for another team's host",
        ("web", "pay.example.com", "pay"),
        [shop(to_cart(), hosts=["pay.example.com"])],
        teams=[{"name": "pay", "hosts": ["pay.example.com"], "namespaces": ["pay"]}],
    ),
    Mistake(
        "team",
        "a route below another team's wildcard",
        ("web", "a.pay.example.com", "pay"),
        [shop(to_cart(), hosts=["a.pay.example.com"])],
        teams=[{"name": "pay", "hosts": ["*.pay.example.com"], "namespaces": ["pay"]}],
    ),
    Mistake(
        "team",
        "a host of two teams",
        ("a.example.com", "one", "two"),
        teams=[{"name": team, "hosts": ["a.example.com"], "namespaces": [team]} for team in ("one", "two")],
    ),
    Mistake("team", "no namespaces", ("pay", "namespaces"), teams=[{"name": "pay", "hosts": ["pay.example.com"], "namespaces": []}]),
    # Routes
    Mistake("route", "two of one name", ("web", "2 times"), [shop(to_cart()), shop(to_cart(), hosts=["b.example.com"])]),
    Mistake("route", "no rules", ("web", "rules"), [shop()]),
    Mistake("route", "201 rules", ("web", "201", "200"), [shop(*(to_cart(match={"path": f"/{number}"}) for number in range(201)))]),
    routed("route", "a name with capitals", ("Web",), name="Web"),
    routed("route", "a namespace with an underscore", ("web", "my_shop"), namespace="my_shop"),
    # Timeouts and retries
    ruled("timeout", "without a unit", ("timeout", "5"), to_cart(timeout="5")),
    ruled("timeout", "a number", ("timeout", "5"), to_cart(timeout=5)),
    ruled("timeout", "in words", ("timeout", "5 seconds"), to_cart(timeout="5 seconds")),
    ruled("timeout", "negative", ("timeout", "-5s"), to_cart(timeout="-5s")),
    ruled(
        "retries",
        "that outlast the timeout",
        ("retries", "5s"),
        to_cart(timeout="5s", retries={"attempts": 4, "per_try_timeout": "2s"}),
        apis=ISTIO,
    ),
    ruled("retries", "a try longer than all", ("per_try_timeout", "9s"), to_cart(timeout="5s", retries={"attempts": 1, "per_try_timeout": "9s"}), apis=ISTIO),
    ruled("retries", "a cause that Envoy has not", ("retry_on", "timeouts"), to_cart(retries={"attempts": 2, "retry_on": ["timeouts"]}), apis=ISTIO),
    ruled("retries", "a status that is none", ("retry_on", "5030"), to_cart(retries={"attempts": 2, "retry_on": ["5030"]}), apis=ISTIO),
    ruled("retries", "fewer than none", ("attempts", "-1"), to_cart(retries={"attempts": -1}), apis=ISTIO),
    ruled("retries", "in words", ("attempts", "three"), to_cart(retries={"attempts": "three"}), apis=ISTIO),
    ruled("retries", "without attempts", ("attempts",), to_cart(retries={"per_try_timeout": "1s"}), apis=ISTIO),
    ruled("retries", "of a redirect", ("retries", "redirect"), {"redirect": {"path": "/a"}, "match": {"path": "/b"}, "retries": {"attempts": 1}}, apis=ISTIO),
    # Mirrors
    ruled("mirror", "to itself", ("mirror", "v1"), {"to": [V1], "mirrors": [V1]}),
    ruled("mirror", "more than all", ("percent", "150"), {"to": [V1], "mirrors": [V2 | {"percent": 150}]}),
    ruled("mirror", "a version that is not there", ("mirror", "v3"), {"to": [V1], "mirrors": [V2 | {"version": "v3"}]}),
    ruled("mirror", "of a redirect", ("mirror", "redirect"), {"match": {"path": "/a"}, "redirect": {"path": "/b"}, "mirrors": [CART]}),
    Mistake(
        "mirror",
        "to a version without pods",
        ("web", "v2"),
        [shop({"to": [V1], "mirrors": [V2]})],
        [cart(), product({"name": "v1"}, {"name": "v2", "replicas": 0})],
    ),
    # Redirects and rewrites
    ruled("redirect", "to where it is", ("redirect", "leads back"), {"match": {"path": "/old"}, "redirect": {"path": "/old"}}),
    ruled("redirect", "below its own prefix", ("redirect", "leads back"), {"match": {"path_prefix": "/shop"}, "redirect": {"path_prefix": "/shop/new"}}),
    ruled("redirect", "of everything to a page of itself", ("redirect", "leads back"), {"redirect": {"path": "/sorry", "code": 302}}),
    ruled("redirect", "with a status of no redirect", ("code", "200"), {"match": {"path": "/a"}, "redirect": {"path": "/b", "code": 200}}),
    ruled("redirect", "nowhere", ("redirect",), {"match": {"path": "/a"}, "redirect": {}}),
    ruled("redirect", "a prefix of no prefix", ("path_prefix",), {"match": {"path": "/a"}, "redirect": {"path_prefix": "/b"}}),
    ruled("redirect", "to a URL in place of a host", ("host", "https://b.example.com"), {"redirect": {"host": "https://b.example.com"}}),
    ruled("redirect", "with a rewrite", ("rewrite", "redirect"), {"match": {"path": "/a"}, "redirect": {"path": "/b"}, "rewrite": {"path": "/c"}}),
    ruled("rewrite", "a prefix of no prefix", ("rewrite", "path_prefix"), to_cart(match={"path": "/a"}, rewrite={"path_prefix": "/b"})),
    ruled("rewrite", "a path and a prefix", ("path", "path_prefix"), to_cart(match={"path_prefix": "/a"}, rewrite={"path": "/b", "path_prefix": "/c"})),
    ruled("rewrite", "without its slash", ("rewrite", "b"), to_cart(match={"path_prefix": "/a"}, rewrite={"path_prefix": "b"})),
    ruled("rewrite", "nothing", ("rewrite",), to_cart(rewrite={})),
    # Headers
    ruled("headers", "set and removed", ("x-a", "request_headers"), to_cart(request_headers={"set": {"x-a": "1"}, "remove": ["X-A"]})),
    ruled("headers", "a name with a space", ("x shop",), to_cart(request_headers={"set": {"x shop": "1"}})),
    ruled("headers", "a value of two lines", ("x-a",), to_cart(response_headers={"set": {"x-a": "1\nx-b: 2"}})),
    ruled("headers", "nothing", ("request_headers",), to_cart(request_headers={})),
    # CORS
    ruled("cors", "an origin without a scheme", ("origins", "www.example.com"), to_cart(cors={"origins": ["www.example.com"]})),
    ruled("cors", "an origin with a slash", ("origins", "https://a.example.com/"), to_cart(cors={"origins": ["https://a.example.com/"]})),
    ruled("cors", "cookies for everybody", ("origins", "credentials"), to_cart(cors={"origins": ["*"], "credentials": True})),
    ruled("cors", "no origins", ("origins",), to_cart(cors={"origins": []})),
    ruled("cors", "a method in small letters", ("methods", "get"), to_cart(cors={"origins": ["https://a.example.com"], "methods": ["get"]})),
    ruled("cors", "an age without a unit", ("max_age", "60"), to_cart(cors={"origins": ["https://a.example.com"], "max_age": "60"})),
    # Faults
    ruled("faults", "nothing", ("faults",), to_cart(faults={}), apis=ISTIO),
    ruled("faults", "more than all", ("percent", "150"), to_cart(faults={"abort": {"percent": 150, "code": 503}}), apis=ISTIO),
    ruled("faults", "no status", ("abort", "code"), to_cart(faults={"abort": {"percent": 10}}), apis=ISTIO),
    ruled("faults", "a status that is none", ("code", "700"), to_cart(faults={"abort": {"percent": 10, "code": 700}}), apis=ISTIO),
    ruled("faults", "a delay without a unit", ("duration", "2"), to_cart(faults={"delay": {"percent": 10, "duration": "2"}}), apis=ISTIO),
    ruled("faults", "in Istio's words", ("fixedDelay",), to_cart(faults={"delay": {"percent": 10, "fixedDelay": "2s"}}), apis=ISTIO),
    ruled("faults", "over since yesterday", ("until", "2026-11-29"), to_cart(faults={"abort": {"percent": 1, "code": 503}, "until": "2026-11-29"}), apis=ISTIO),
    ruled("faults", "a date of another order", ("until", "31.12.26"), to_cart(faults={"abort": {"percent": 1, "code": 503}, "until": "31.12.26"}), apis=ISTIO),
    ruled(
        "faults",
        "for all clients in production",
        ("faults", "header"),
        to_cart(match={"path": "/a"}, faults={"abort": {"percent": 1, "code": 503}, "until": "2026-12-31"}),
        apis=ISTIO,
        production=True,
    ),
    ruled(
        "faults",
        "for some clients of several matches in production",
        ("faults", "header"),
        to_cart(match=[CANARY, {"path": "/a"}], faults={"abort": {"percent": 1, "code": 503}, "until": "2026-12-31"}),
        apis=ISTIO,
        production=True,
    ),
    ruled(
        "faults",
        "for ever in production",
        ("faults", "until"),
        to_cart(match=CANARY, faults={"abort": {"percent": 1, "code": 503}}),
        apis=ISTIO,
        production=True,
    ),
    # What the Gateway API cannot say
    ruled("routing API", "faults", ("faults", "HTTPRoute", "mesh_routes_api: istio"), to_cart(faults={"abort": {"percent": 1, "code": 503}}), apis=GATEWAY_API),
    ruled("routing API", "retries", ("retries", "HTTPRoute", "mesh_routes_api: istio"), to_cart(retries={"attempts": 2}), apis=GATEWAY_API),
    ruled(
        "routing API",
        "a regular expression",
        ("regular expressions", "HTTPRoute", "mesh_routes_api: istio"),
        to_cart(match={"path_regex": "/v[12]/.*"}),
        apis=GATEWAY_API,
    ),
    ruled(
        "routing API",
        "an order that HTTPRoute does not keep",
        ("rule 2", "HTTPRoute", "before rule 1"),
        {"match": {"path_prefix": "/api"} | CANARY, "to": [V2]},
        {"match": {"path": "/api/x"}, "to": [V1]},
        apis=GATEWAY_API,
    ),
    # What is expected
    routed("expect", "of a version to which no rule leads", ("web", "v2"), expect=[{"get": "/", "from": ["v2"]}]),
    routed("expect", "of a host of another route", ("web", "b.example.com"), expect=[{"get": "/", "host": "b.example.com"}]),
    routed("expect", "without a method", ("web", "expect"), expect=[{"path": "/api", "answer": 200}]),
    routed("expect", "two methods", ("web", "expect"), expect=[{"get": "/", "post": "/"}]),
    routed("expect", "a status that is none", ("web", "answer", "2000"), expect=[{"get": "/", "answer": 2000}]),
    routed("expect", "a path without its slash", ("web", "api"), expect=[{"get": "api"}]),
    routed("expect", "a header that is true", ("web", "x-canary", "quotes"), expect=[{"get": "/", "headers": {"x-canary": True}}]),
    Mistake("expect", "an answer where no rule matches", ("web", "/b"), [shop(to_cart(match={"path": "/a"}), expect=[{"get": "/b", "from": ["cart"]}])]),
    closed("an answer of an app that the gateway may not call", [{"app": "product"}]),
    closed("an answer of an app that nobody may call", []),
    # Apps
    Mistake("app", "without a port", ("cart", "port"), apps=[without(cart(), "port"), product()]),
    Mistake("app", "without an image", ("cart", "image"), apps=[without(cart(), "image"), product()]),
    Mistake("app", "without a namespace", ("cart", "namespace"), apps=[without(cart(), "namespace"), product()]),
    Mistake("app", "twice", ("cart", "2 times"), apps=[cart(), cart(), product()]),
    Mistake("app", "with the name of another's version", ("product-v1",), apps=[cart(), product(), cart(name="product-v1")]),
    app("app", "a port above all", ("port", "70000"), port=70000),
    app("app", "a port by its name", ("port", "http"), port="http"),
    app("app", "a port and ports", ("port", "ports"), ports=[{"port": 8080}]),
    Mistake("app", "one port twice", ("cart", "8080"), apps=[without(cart(ports=[{"port": 8080}, {"port": 8080, "name": "b"}]), "port"), product()]),
    Mistake("app", "two ports of one name", ("cart", "http"), apps=[without(cart(ports=[{"port": 8080}, {"port": 9090}]), "port"), product()]),
    app("app", "a port of its sidecar", ("15021",), port=15021),
    app("app", "a protocol of no list", ("protocol", "https"), protocol="https"),
    app("app", "a name with an underscore", ("cart_app",), name="cart_app"),
    app("app", "a namespace with capitals", ("namespace", "Shop"), namespace="Shop"),
    app("app", "an image with a space", ("image",), image="registry.example.com/product: 1.4"),
    app("app", "drained for longer than it lives", ("drain_seconds", "termination_seconds"), drain_seconds=40, termination_seconds=30),
    app("app", "at most fewer pods than at least", ("replicas", "max_replicas"), replicas=5, autoscaling={"max_replicas": 3}),
    app("app", "fewer pods than none", ("replicas", "-1"), replicas=-1),
    app("app", "as root", ("run_as_user", "0"), run_as_user=0),
    app("app", "a label that its Service selects by", ("labels", "app"), labels={"app": "basket"}),
    app("app", "a volume of two kinds", ("volume", "data"), volumes=[{"name": "data", "mount_path": "/data", "secret": "a", "claim": "b"}]),
    # Versions
    versioned("version", "twice", ("['v1', 'v1']", "different"), {"name": "v1"}, {"name": "v1"}),
    versioned("version", "with a dot", ("v1.1",), {"name": "v1.1"}, {"name": "v1"}),
    versioned("version", "in capitals", ("V2",), {"name": "V2"}, {"name": "v1"}),
    versioned("version", "too long with its app", ("63",), {"name": "v1"}, {"name": "v" * 60}),
    Mistake(
        "version",
        "two, and no rule for callers in the mesh",
        ("product", "inside"),
        [shop({"to": [V1]})],
        [cart(), product(callers=[{"gateway": True}, {"app": "cart"}])],
    ),
    # Callers
    app("callers", "an app that is not there", ("callers", "basket"), callers=[{"gateway": True}, {"app": "basket"}]),
    app("callers", "nothing in it", ("callers",), callers=[{"gateway": True}, {}]),
    app("callers", "the gateway and an app in one", ("callers", "gateway"), callers=[{"gateway": True, "app": "product"}]),
    # What callers' proxies do
    app("traffic", "two ways to choose a pod", ("load_balancing",), load_balancing={"by": "round_robin", "cookie": "a"}),
    app("traffic", "a cookie and a header", ("load_balancing",), load_balancing={"header": "x-a", "cookie": "a"}),
    app("traffic", "a way that is none", ("load_balancing", "least_conn"), load_balancing={"by": "least_conn"}),
    app("traffic", "no connections", ("max_connections", "-1"), connection_pool={"max_connections": -1}),
    app("traffic", "a timeout without a unit", ("connect_timeout", "500"), connection_pool={"connect_timeout": "500"}),
    app("traffic", "more than all ejected", ("max_ejection_percent", "150"), outlier_detection={"max_ejection_percent": 150}),
    app("traffic", "an interval without a unit", ("interval", "10"), outlier_detection={"interval": "10"}),
    app("traffic", "looked at all the time", ("interval", "0s"), outlier_detection={"interval": "0s"}),
    app("traffic", "a name of Istio 1.4", ("consecutive_errors",), outlier_detection={"consecutive_errors": 5}),
]


def given(mistake: Mistake) -> dict[str, Any]:
    """The inventory of the one who made it."""
    said = {"apps": mistake.apps, "routes": mistake.routes, "teams": mistake.teams}
    return said | {"production": mistake.production, "today": "2026-11-30"}


@pytest.mark.parametrize("api", BOTH)
def test_what_the_mistakes_are_made_in_is_right(api: str) -> None:
    right = Mistake("", "", (), [shop(to_cart())])
    assert problems(given(right), api) == []


@pytest.mark.parametrize(
    ("mistake", "api"),
    [pytest.param(mistake, api, id=f"{mistake.kind}: {mistake.name} ({api})") for mistake in MISTAKES for api in mistake.apis],
)
def test_a_mistake_is_refused_by_name(mistake: Mistake, api: str) -> None:
    found = problems(given(mistake), api)
    assert any(all(word in sentence for word in mistake.words) for sentence in found), found


def test_there_are_fifty_mistakes_of_fifteen_kinds() -> None:
    assert len({(mistake.kind, mistake.name) for mistake in MISTAKES}) == len(MISTAKES) >= 50
    assert len({mistake.kind for mistake in MISTAKES}) >= 15
