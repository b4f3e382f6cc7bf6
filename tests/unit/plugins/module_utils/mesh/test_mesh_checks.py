# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is refused of apps and routes, mistake by mistake: the entry, what it says, and what is accepted."""

from __future__ import annotations

import copy
import datetime
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems

RIGHT: dict[str, Any] = {
    "apps": [
        {"name": "front", "namespace": "shop", "port": 8080, "image": "front:1", "callers": [{"gateway": True}]},
        {
            "name": "product",
            "namespace": "shop",
            "port": 8080,
            "versions": [{"name": "v1", "image": "product:1"}, {"name": "v2", "image": "product:2"}, {"name": "v3", "image": "product:3", "replicas": 0}],
        },
    ],
    "routes": [
        {
            "name": "products",
            "namespace": "shop",
            "hosts": ["shop.example.com"],
            "rules": [
                {"match": {"path_prefix": "/api", "headers": {"x-canary": "true"}}, "to": [{"app": "product", "version": "v2"}]},
                {
                    "match": {"path_prefix": "/api"},
                    "to": [{"app": "product", "version": "v1", "weight": 90}, {"app": "product", "version": "v2", "weight": 10}],
                    "timeout": "5s",
                    "retries": {"attempts": 2, "per_try_timeout": "2s", "retry_on": [502]},
                },
                {"to": [{"app": "front"}]},
            ],
        }
    ],
}


def with_app(place: int, **said: Any) -> dict[str, Any]:
    wanted = copy.deepcopy(RIGHT)
    wanted["apps"][place].update(said)
    return wanted


def with_rule(place: int, **said: Any) -> dict[str, Any]:
    wanted = copy.deepcopy(RIGHT)
    wanted["routes"][0]["rules"][place].update(said)
    return wanted


def with_route(**said: Any) -> dict[str, Any]:
    wanted = copy.deepcopy(RIGHT)
    wanted["routes"][0].update(said)
    return wanted


def with_another_route(**said: Any) -> dict[str, Any]:
    wanted = copy.deepcopy(RIGHT)
    wanted["routes"].append({**copy.deepcopy(RIGHT["routes"][0]), **said})
    return wanted


def test_what_is_right_is_not_refused() -> None:
    assert problems(RIGHT) == []


V1, V2 = {"app": "product", "version": "v1"}, {"app": "product", "version": "v2"}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (with_app(0, name="Front"), ("app Front: name is 'Front'", "lower-case letters")),
        (with_app(0, namespace=None), ("app front: namespace is None", "lower-case letters")),
        (with_app(1, name="front"), ("app front of shop is there 2 times", "one of a name")),
        (with_app(0, image=None), ("app front: image is None", "an image")),
        (with_app(0, image=1.4), ("app front: image is 1.4", "put it in quotes")),
        (with_app(1, versions=[{"name": 1.0, "image": "a:1"}]), ("app product: version is 1.0", "put it in quotes")),
        (with_app(1, versions=[{"name": "V1", "image": "a:1"}]), ("app product: version is 'V1'", "lower-case letters")),
        (with_app(1, versions=[{"name": "v1", "image": "a:1"}] * 2), ("app product: versions is ['v1', 'v1']", "different names")),
        (with_app(1, versions=[{"name": "v1"}]), ("app product, version v1: image is None", "an image")),
        (with_app(0, port=None), ("app front: port is None", "the port of its Service")),
        (with_app(0, port=80800), ("app front: port is 80800", "1 to 65535")),
        (with_app(0, protocol="https"), ("app front: protocol is 'https'", "http, http2, grpc, websocket, tcp")),
        (with_app(0, port=None, ports=[{"port": 80}, {"port": 81}]), ("app front: ports is ['http', 'http']", "different names")),
        (with_app(0, env={"DEBUG": True}), ("app front: env DEBUG is True", "put it in quotes")),
        (with_app(0, callers=["gateway"]), ("app front: callers is 'gateway'", "{gateway: true}")),
        (with_route(name="Products"), ("route Products: name is 'Products'", "lower-case letters")),
        (with_route(hosts=[]), ("route products: hosts is []", "api.example.com")),
        (with_route(hosts=["Shop.example.com"]), ("route products: hosts is ['Shop.example.com']", "lower case")),
        (with_route(rules=[]), ("route products: rules is []", "at least one rule")),
        (with_another_route(hosts=["www.example.com"]), ("route products of shop is there 2 times", "one of a name")),
        (with_another_route(name="other"), ("host shop.example.com is claimed by products and other", "one route for a host")),
        (with_rule(2, to=[]), ("route products, rule 3: to is []", "where it leads")),
        (with_rule(2, to=[{"app": "fornt"}]), ("route products, rule 3: to is 'fornt'", "an app of shop (front, product)")),
        (with_rule(2, to=[{"app": "front", "version": "v9"}]), ("version is 'v9'", "it has none")),
        (with_rule(2, to=[{"app": "product", "version": "v9"}]), ("version is 'v9'", "a version of the app: v1, v2, v3")),
        (with_rule(2, to=[{"app": "product", "version": 1.0}]), ("to product, version is 1.0", "put it in quotes")),
        (with_rule(2, to=[{"app": "product"}]), ("to product, version is None", "requests would go to all of them")),
        (with_rule(2, to=[{"app": "product", "version": "v3"}]), ("to product v3 is 'without pods'", "replicas are not 0")),
        (with_rule(2, to=[{"service": "product-v3", "namespace": "shop", "port": 80}]), ("to product-v3 is 'without pods'", "replicas are not 0")),
        (with_rule(2, to=[{"app": "front", "port": 9}]), ("to front, port is 9", "a port of the app: 8080")),
        (with_rule(2, to=[{"service": "legacy"}]), ("to legacy, port is None", "the port of the Service")),
        (with_rule(1, to=[{**V1, "weight": 90}, {**V2, "weight": 20}]), ("rule 2: weights is [90, 20]", "sum to 100")),
        (with_rule(1, to=[{**V1, "weight": 90}, V2]), ("rule 2: weights is [90, None]", "one for each destination")),
        (with_rule(1, to=[{**V1, "weight": 99.5}, {**V2, "weight": 0.5}]), ("rule 2: weights is [99.5, 0.5]", "whole numbers")),
        (with_rule(0, mirrors=[V2]), ("rule 1: mirrors is 'product v2'", "it would get each request twice")),
        (with_rule(0, mirrors=[{**V1, "percent": 0}]), ("rule 1: mirrors, percent is 0", "above 0, at most 100")),
        (with_rule(0, mirrors=[{"app": "nobody"}]), ("rule 1: mirrors is 'nobody'", "an app of shop")),
        (with_rule(1, timeout="5"), ("rule 2: timeout is '5'", "such as 5s")),
        (with_rule(1, timeout="2s"), ("rule 2: retries, per_try_timeout is '2s'", "less than the rule's timeout (2s)")),
        (with_rule(1, retries={"attempts": "three"}), ("rule 2: retries, attempts is 'three'", "from 0 on")),
        (with_rule(0, match={"path": "api"}), ("rule 1: path is 'api'", "begins with a slash")),
        (with_rule(0, match={"path": "/a", "path_prefix": "/b"}), ("rule 1: match is", "one of path, path_prefix, path_regex")),
        (with_rule(0, match={"method": "get"}), ("rule 1: method is 'get'", "GET, HEAD, POST")),
        (with_rule(0, match={"headers": {"x canary": "true"}}), ("rule 1: headers is 'x canary'", "a header's name")),
        (with_rule(0, match={"headers": {"x-canary": True}}), ("rule 1: headers, x-canary is True", "put it in quotes")),
        (with_rule(0, match={"query": {"v": 1}}), ("rule 1: query, v is 1", "put it in quotes")),
        (with_rule(0, match={"path_prefix": "/api"}), ("rule 2 is never reached", "a rule before rule 1")),
        (with_rule(1, match={"path_prefix": "/"}), ("rule 3 is never reached", "a rule before rule 2")),
        (with_rule(2, match={"path": "/api/x", "method": "GET"}), ("rule 3 is never reached", "a rule before rule 2")),
        (with_rule(2, match=[{"path": "/a"}, {"path": "/api/x"}]), ("rule 3, match 2 is never reached", "without it, since rule 2 takes")),
        (with_rule(2, match=[{"path_prefix": "/a"}, {"path": "/a"}]), ("rule 3, match 2 is never reached", "without it, since rule 3 takes")),
    ],
)
def test_a_mistake_is_refused_by_its_entry(wanted: dict[str, Any], words: tuple[str, ...]) -> None:
    (found,) = problems(wanted)
    assert all(word in found for word in words), found


GOOD_FAULTS = {"abort": {"code": 503}, "until": "2026-12-31"}
HEADER = {"headers": {"x-test": "1"}}


def redirected(redirect: Any, **match: Any) -> dict[str, Any]:
    return with_rule(2, to=None, redirect=redirect, match=match or {"path": "/old"})


def rewritten(rewrite: Any, **match: Any) -> dict[str, Any]:
    return with_rule(2, rewrite=rewrite, match=match or {"path_prefix": "/old"})


def with_cors(**said: Any) -> dict[str, Any]:
    return with_rule(2, cors={"origins": ["https://www.example.com"], **said})


@pytest.mark.parametrize(
    "wanted",
    [
        redirected({"host": "www.example.com", "code": 301}),
        redirected({"path": "/new"}),
        redirected({"path_prefix": "/new"}, path_prefix="/old"),
        redirected({"path_prefix": "/"}, path_prefix="/old"),
        redirected({"scheme": "https"}, headers={"x-forwarded-proto": "http"}),
        rewritten({"path_prefix": "/new", "host": "legacy.example.com"}),
        with_rule(2, request_headers={"set": {"x-rate": "100%%", "x-peer": "%DOWNSTREAM_REMOTE_ADDRESS%"}}),
        with_cors(methods=["*"], max_age="1h"),
        with_cors(origins=["https://*.example.com", "http://localhost:8080"], credentials=True),
        with_rule(2, faults={"delay": {"duration": "1s"}}),
        {**with_rule(2, faults=GOOD_FAULTS, match=HEADER), "production": True, "today": "2026-12-31"},
        with_rule(2, match={"path_regex": r"/\pL+"}),
    ],
)
def test_what_rules_may_do(wanted: dict[str, Any]) -> None:
    assert problems(wanted) == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (with_rule(2, time_out="5s"), ("rule 3 has 'time_out'", "timeout")),
        (with_rule(2, match={"uri": "/a"}), ("rule 3: match has 'uri'", "path_prefix")),
        (with_rule(2, to=[{"app": "front", "wieght": 1}]), ("rule 3: to has 'wieght'", "weight")),
        (with_rule(2, to=["front"]), ("rule 3: to is 'front'", "a dictionary of app")),
        (with_rule(2, match={"path": "/a?b=1"}), ("rule 3: path is '/a?b=1'", "neither query")),
        (with_rule(2, match={"path_prefix": "/a//b"}), ("rule 3: path_prefix is '/a//b'", "two slashes")),
        (with_rule(2, match={"path_regex": "/a("}), ("rule 3: path_regex is '/a('", "a regular expression (missing )")),
        (with_rule(2, match={"path_regex": "/(?!a).*"}), ("rule 3: path_regex is", "neither looks around")),
        (with_rule(2, match={"headers": {"x-a": {"regex": "[a"}}}), ("rule 3: headers, x-a is '[a'", "a regular expression")),
        (with_rule(2, match={"headers": {"x-a": {"regexp": "a"}}}), ("rule 3: headers, x-a is", "{regex: TEXT}")),
        (redirected({}), ("rule 3: redirect is {}", "at least one of host, path")),
        (redirected({"code": 302}), ("rule 3: redirect is {'code': 302}", "at least one of host, path")),
        (redirected({"hostname": "a.example.com"}), ("rule 3: redirect has 'hostname'", "host, path")),
        (redirected({"host": "*.example.com"}), ("rule 3: redirect, host is '*.example.com'", "www.example.com")),
        (redirected({"path": "new"}), ("rule 3: redirect, path is 'new'", "begins with a slash")),
        (redirected({"path": "/a", "path_prefix": "/b"}, path_prefix="/c"), ("redirect has path and path_prefix", "one of them")),
        (redirected({"path_prefix": "/new"}), ("redirect has path_prefix, and the rule matches /old", "a match by path_prefix")),
        (redirected({"scheme": "ftp", "host": "a.example.com"}), ("redirect, scheme is 'ftp'", "http, https")),
        (redirected({"port": 80800}), ("redirect, port is 80800", "1 to 65535")),
        (redirected({"host": "a.example.com", "code": 300}), ("redirect, code is 300", "301, 302")),
        (redirected({"path": "/old"}), ("redirect leads back to the same rule", "does not take")),
        (redirected({"path": "/old/x"}, path_prefix="/old"), ("redirect leads back to the same rule", "does not take")),
        (redirected({"path_prefix": "/old/v2"}, path_prefix="/old"), ("redirect leads back to the same rule", "does not take")),
        (redirected({"scheme": "https"}), ("redirect leads back to the same rule", "x-forwarded-proto: http")),
        (with_rule(2, redirect={"host": "a.example.com"}), ("rule 3 has redirect and to", "one of them")),
        (rewritten({}), ("rule 3: rewrite is {}", "at least one of host, path")),
        (rewritten({"path_prefix": "/new"}, path="/old"), ("rewrite has path_prefix, and the rule matches /old", "a match by path_prefix")),
        (with_rule(2, request_headers={"x-a": "1"}), ("request_headers has 'x-a'", "set, add, remove")),
        (with_rule(2, request_headers={"set": {"x-a": True}}), ("request_headers, x-a is True", "put it in quotes")),
        (with_rule(2, request_headers={"set": {"Host": "a"}}), ("request_headers is 'Host'", "rewrite, host")),
        (with_rule(2, request_headers={"set": {"x-a": "100%"}}), ("request_headers, x-a is '100%'", "%% for a per cent sign")),
        (with_rule(2, response_headers={"set": {"x-a": "1"}, "remove": ["X-A"]}), ("response_headers names x-a 2 times", "once")),
        (with_rule(2, response_headers={}), ("response_headers is {}", "what it sets")),
        (with_cors(origins=["www.example.com"]), ("cors, origins is ['www.example.com']", "https://www.example.com")),
        (with_cors(origins=[]), ("cors, origins is []", "https://www.example.com")),
        (with_cors(origins=["*"], credentials=True), ("cors, origins is ['*']", "every site")),
        (with_cors(methods=["get"]), ("cors, methods is 'get'", "GET, HEAD")),
        (with_cors(headers=["*", "x-a"]), ("cors, headers is ['*', 'x-a']", "alone, or names")),
        (with_cors(max_age="500ms"), ("cors, max_age is '500ms'", "whole seconds")),
        (with_cors(credentials="true"), ("cors, credentials is 'true'", "true or false")),
        (with_rule(2, faults={}), ("faults is {}", "delay, abort or both")),
        (with_rule(2, faults={"abort": {"status": 503, "code": 503}}), ("faults, abort has 'status'", "percent, code")),
        (with_rule(2, faults={"abort": {"code": 99}}), ("faults, abort, code is 99", "200 to 599")),
        (with_rule(2, faults={"delay": {"duration": 5}}), ("faults, delay, duration is 5", "such as 5s")),
        (with_rule(2, faults={"abort": {"code": 503, "percent": 101}}), ("faults, abort, percent is 101", "at most 100")),
        (with_rule(2, faults={**GOOD_FAULTS, "until": datetime.date(2026, 12, 31)}), ("faults, until is datetime.date", "put it in quotes")),
        (with_rule(2, to=[{"service": "kiali", "namespace": "istio-system", "port": 20001}]), ("namespace is 'istio-system'", "observability_hosts")),
        (with_rule(2, faults={**GOOD_FAULTS, "until": "31.12.2026"}), ("faults, until is '31.12.2026'", "2026-12-31")),
        ({**with_rule(2, faults=GOOD_FAULTS), "today": "2027-01-01"}, ("faults, until is '2026-12-31'", "today is 2027-01-01")),
        ({**with_rule(2, faults={"abort": {"code": 503}}, match=HEADER), "production": True}, ("faults, until is None", "the last day")),
        ({**with_rule(2, faults=GOOD_FAULTS), "production": True}, ("rule 3 has faults for any request", "a match by a header")),
    ],
)
def test_what_a_rule_may_not_do(wanted: dict[str, Any], words: tuple[str, ...]) -> None:
    (found,) = problems(wanted)
    assert all(word in found for word in words), found


TEAMS = [{"name": "till", "hosts": ["till.example.com", "*.till.example.com"], "namespaces": ["till", "till-dev"]}]
HTTP2, TCP = with_app(0, protocol="http2"), with_app(0, protocol="tcp")
HTTPS = {"group": "sandbox", "https_port": 443, "certificate_arns": ["arn:p"]}


def speaking(*routes: tuple[str, list[str]], apps: tuple[str, ...] = ("http", "http2", "grpc"), balancer: dict[str, Any] = HTTPS) -> dict[str, Any]:
    """An app for each protocol, and routes that lead hosts to one or more of them."""
    entries = [{"name": name, "namespace": "shop", "port": 80, "image": "x:1", "protocol": name} for name in apps]
    made = [
        {"name": f"r{place}", "namespace": "shop", "hosts": hosts, "rules": [{"match": {"path": f"/{app}"}, "to": [{"app": app}]} for app in names.split()]}
        for place, (names, hosts) in enumerate(routes)
    ]
    return {"apps": entries, "routes": made, "gateway": {"namespace": "ingress", "load_balancer": balancer}}


CALLED = with_app(1, callers=[{"gateway": True}, {"app": "front"}])
INSIDE = {"name": "product-inside", "namespace": "shop", "inside": True, "hosts": ["product"], "rules": [{"to": [V1]}]}


def by_gateway(wanted: dict[str, Any], **gateway: Any) -> dict[str, Any]:
    return {**wanted, "gateway": {"namespace": "ingress", **gateway}}


def by_teams(*teams: dict[str, Any], host: str = "shop.example.com") -> dict[str, Any]:
    return {**with_route(hosts=[host]), "teams": [*TEAMS, *teams]}


@pytest.mark.parametrize(
    "wanted",
    [
        speaking(("grpc", ["grpc.example.com"]), ("http2", ["h2.example.com"]), ("http", ["*"])),
        speaking(("http http2", ["*"]), ("http grpc", ["both.example.com"])),
        speaking(("grpc", ["*.grpc.example.com"]), ("http2", ["h2.grpc.example.com"]), ("http", ["grpc.example.com"])),
        by_gateway(RIGHT, idle_timeout=60),
        by_gateway(RIGHT, idle_timeout="60"),
        by_gateway(RIGHT, idle_timeout="1m"),
        by_teams(),
        {**CALLED, "routes": [*RIGHT["routes"], INSIDE]},
        {**CALLED, "routes": []},  # a run for the apps alone
        with_rule(1, retries={"attempts": 2, "per_try_timeout": "2s"}),
        with_rule(0, mirrors=[V1]),
        with_rule(1, retries={"attempts": 0, "retry_on": [503, "connect-failure"]}),
        with_app(0, callers=[{"app": "prodcut", "namespace": "till"}]),
    ],
)
def test_what_is_beside_routes(wanted: dict[str, Any]) -> None:
    assert problems(wanted) == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (TCP, ("to front, protocol is 'tcp'", "the load balancer carries requests to: http, websocket")),
        (HTTP2, ("to front, protocol is 'http2'", "the load balancer carries requests to: http, websocket")),
        (speaking(("grpc", ["g.example.com"]), balancer={}), ("to grpc, protocol is 'grpc'", "HTTPS listener: istio_ingress_host_name")),
        (speaking(("grpc", ["g.example.com"]), balancer={**HTTPS, "https_port": None}), ("to grpc, protocol is 'grpc'", "HTTPS listener")),
        (speaking(("grpc", ["g.example.com"]), balancer={**HTTPS, "certificate_arns": []}), ("to grpc, protocol is 'grpc'", "HTTPS listener")),
        (by_gateway(HTTP2, load_balancer=HTTPS, exists=True), ("to front, protocol is 'http2'", "the set that makes the Gateway")),
        (speaking(("tcp", ["t.example.com"]), apps=("tcp",)), ("to tcp, protocol is 'tcp'", "carries requests to: http, websocket, http2, grpc")),
        (speaking(("grpc websocket", ["g.example.com"]), apps=("grpc", "websocket")), ("r0: protocols is ['grpc', 'websocket']", "a host for each")),
        (speaking(("grpc", ["*"])), ("route r0: hosts is ['*']", "what speaks grpc")),
        (speaking(("grpc", ["*.example.com"]), ("http", ["www.example.com"])), ("host www.example.com is taken by *.example.com", "takes GRPC alone")),
        (by_gateway(RIGHT, idle_timeout=4), ("rule 2: timeout is '5s'", "idle timeout (4s)")),
        (by_teams(host="till.example.com"), ("route products of shop: host till.example.com belongs to team till", "(till, till-dev)")),
        (by_teams(host="a.till.example.com"), ("host a.till.example.com belongs to team till", "or another host")),
        (by_teams({"name": "b", "hosts": ["b.till.example.com"], "namespaces": ["b"]}), ("team till: host *.till.example.com takes b.till", "of one team")),
        (
            by_teams({"name": "b", "hosts": ["till.example.com"], "namespaces": ["b"]}),
            ("team b: host till.example.com takes till.example.com of", "of one team"),
        ),
        (by_teams({"name": "till", "hosts": ["b.example.com"], "namespaces": ["b"]}), ("team till is there 2 times", "one of a name")),
        (by_teams({"name": "b", "hosts": ["*"], "namespaces": ["b"]}), ("team b: hosts is ['*']", "*.shop.example.com")),
        (by_teams({"name": "b", "hosts": ["b.example.com"], "namespaces": []}), ("team b: namespaces is []", "such as [shop]")),
        (by_teams({"name": "b", "hosts": ["b.example.com"], "namespace": "b"}), ("team b has 'namespace'", "namespaces")),
        (with_app(0, callers=[{"app": "prodcut"}]), ("app front: callers, app is 'prodcut'", "an app of shop (front, product), or one of another set")),
        (with_rule(2, to=[{"service": "product", "port": 8080}]), ("to, service is 'product'", "version: one of v1, v2, v3")),
        (
            with_rule(2, to=[{**V1, "weight": 50}, {"service": "product-v1", "port": 8080, "weight": 50}]),
            ("to names product-v1 twice", "the sum of the weights"),
        ),
        (with_rule(0, mirrors=[{"service": "product-v2", "port": 8080}]), ("mirrors is 'product-v2'", "it would get each request twice")),
        (with_rule(0, mirrors=[V1, V1]), ("mirrors names product v1 twice", "once")),
        (with_rule(0, match={"headers": {"X-A": "1", "x-a": "2"}}), ("headers names x-a 2 times", "once")),
        (with_rule(1, retries={"attempts": 1, "retry_on": ["5xxx"]}), ("retries, retry_on is '5xxx'", "a status, such as 503, or one of 5xx")),
        (with_rule(1, retries={"attempts": 1, "retry_on": [50]}), ("retries, retry_on is 50", "a status, such as 503")),
        (with_route(hosts=["10.0.0.1"]), ("hosts is ['10.0.0.1']", "host names")),
        (with_route(hosts=[f"{'a' * 64}.example.com"]), ("hosts is", "host names")),
        (CALLED, ("app product has versions v1, v2, v3 and is called by front", "inside: true and hosts: [product]")),
        (with_rule(1, retries={"attempts": 4, "per_try_timeout": "2s"}), ("rule 2: retries, attempts is 4", "at most 2")),
        (with_rule(1, timeout="2s", retries={"attempts": 2, "per_try_timeout": "1s"}), ("rule 2: retries, attempts is 2", "at most 1")),
        (with_rule(2, to={"app": "front"}), ("rule 3: to is {'app': 'front'}", "a list")),
        (with_route(hosts="shop.example.com"), ("hosts is 'shop.example.com'", "[api.example.com]")),
        (with_route(rules={"to": []}), ("rules is {'to': []}", "in a list")),
        (with_route(rules=[{"match": {"path": f"/{place}"}, "to": [V1]} for place in range(201)]), ("rules are 201", "at most 200")),
    ],
)
def test_what_is_wrong_beside_a_rule(wanted: dict[str, Any], words: tuple[str, ...]) -> None:
    (found,) = problems(wanted)
    assert all(word in found for word in words), found


def test_a_gateway_of_the_gateway_api_has_64_listeners() -> None:
    route = {"namespace": "shop", "rules": [{"to": [{"app": "front"}]}]}
    wanted = {**RIGHT, "routes": [{**route, "name": f"r{place}", "hosts": [f"r{place}.example.com"]} for place in range(65)]}
    assert problems(wanted, "auto") == []
    (found,) = problems(wanted, "gateway_api")
    assert found.startswith("routes have 65 hosts; accepted: at most 64")


def test_what_is_no_entry_at_all() -> None:
    assert problems({"apps": ["front"]})[0].startswith("app is 'front'; accepted: a dictionary")
    assert problems({}, "both") == ["routing_api is 'both'; accepted: auto, istio, gateway_api"]


def test_mistakes_of_apps_and_of_routes_are_told_together() -> None:
    wanted = with_app(0, port=0)
    wanted["routes"][0]["expect"] = [{"get": "/", "from": ["front"]}]
    assert len(problems(wanted)) == 1
    wanted["routes"][0]["rules"][0]["timeout"] = "soon"
    assert len(problems(wanted)) == 2


def test_all_mistakes_are_told_at_once() -> None:
    wanted = with_app(0, port=0, env={"A": None})
    wanted["apps"][1]["versions"][0]["image"] = 2
    assert len(problems(wanted)) == 3
    routes = with_route(name="Products", hosts=[])
    routes["routes"][0]["rules"][0]["to"] = [{"app": "nobody"}]
    assert len(problems(routes)) == 3


def test_rules_that_an_httproute_would_swap_are_refused_for_it_alone() -> None:
    wanted = copy.deepcopy(RIGHT)
    del wanted["routes"][0]["rules"][1]["retries"]
    assert problems(wanted, "gateway_api") == []
    wanted["routes"][0]["rules"].insert(0, {"match": {"headers": {"x-user": "ann"}}, "to": [{"app": "front"}]})
    found = problems(wanted, "gateway_api")
    assert len(found) == 2
    assert "route products, rule 2 is not for an HTTPRoute: it would be tried before rule 1: its path is longer; accepted: mesh_routes_api: istio" in found[0]
    assert problems(wanted) == []
