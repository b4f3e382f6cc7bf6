# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a rule does beside leading somewhere, in both routing APIs: redirects, rewrites, headers, CORS, faults."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.faults import expired
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.http_route import http_routes, unsayable
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.virtual_service import virtual_service

APPS = [{"name": "product", "namespace": "shop", "port": 8080, "image": "product:1"}]
TO = [{"app": "product"}]


def route(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"name": "products", "namespace": "shop", "hosts": ["shop.example.com"], "rules": list(rules)}


def istio(rule: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = virtual_service(route(rule), ["edge"], APPS)["spec"]["http"]
    return entries


def gateway_api(rule: dict[str, Any]) -> dict[str, Any]:
    """The filters, by their types."""
    assert unsayable(route(rule)) == []
    said = http_routes(route(rule), "edge", "istio-ingress", APPS)[0]["spec"]["rules"][0]
    filters = {entry["type"]: value for entry in said.get("filters", []) for key, value in entry.items() if key != "type"}
    assert bool(said.get("backendRefs")) == ("RequestRedirect" not in filters)
    return filters


@pytest.mark.parametrize(
    ("redirect", "ours", "theirs"),
    [
        ({"host": "www.example.com"}, {"authority": "www.example.com"}, {"hostname": "www.example.com"}),
        ({"scheme": "https", "port": 8443}, {"scheme": "https", "port": 8443}, {"scheme": "https", "port": 8443}),
        ({"path": "/new"}, {"uri": "/new"}, {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}}),
    ],
)
def test_a_redirect(redirect: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for code, said in ((None, 302), (308, 308)):
        rule = {"match": {"path": "/old"}, "redirect": {**redirect, **({"code": code} if code else {})}}
        (entry,) = istio(rule)
        assert entry == {"match": [{"uri": {"exact": "/old"}}], "redirect": {**ours, "redirectCode": said}}
        assert gateway_api(rule) == {"RequestRedirect": {**theirs, "statusCode": said}}


def test_a_rewritten_path_and_host() -> None:
    rule = {"match": {"path_prefix": "/old"}, "rewrite": {"path": "/new", "host": "legacy.internal"}, "to": TO}
    (entry,) = istio(rule)
    assert entry["rewrite"] == {"uriRegexRewrite": {"match": "/.*", "rewrite": "/new"}, "authority": "legacy.internal"}
    path = {"type": "ReplaceFullPath", "replaceFullPath": "/new"}
    assert gateway_api(rule) == {"URLRewrite": {"hostname": "legacy.internal", "path": path}}


def replaced(entries: list[dict[str, Any]], path: str, word: str) -> str | None:
    """What Envoy makes of a path by these rules: the part that has matched is replaced, and the rest stays."""
    for entry in entries:
        for match in entry["match"]:
            kind, value = next(iter(match["uri"].items()))
            if path == value or (kind == "prefix" and path.startswith(value)):
                said = entry[word].get("uri") or entry[word]["prefixRewrite"]
                return str(said) + path[len(value) :]
    return None


# https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier has the table that these are from.
REPLACED = [
    ("/foo", "/xyz", "/foo/bar", "/xyz/bar"),
    ("/foo", "/xyz/", "/foo/bar", "/xyz/bar"),
    ("/foo/", "/xyz", "/foo/bar", "/xyz/bar"),
    ("/foo/", "/xyz/", "/foo/bar", "/xyz/bar"),
    ("/foo", "/xyz", "/foo", "/xyz"),
    ("/foo", "/xyz", "/foo/", "/xyz/"),
    ("/foo", "/", "/foo/bar", "/bar"),
    ("/foo", "/", "/foo/", "/"),
    ("/foo", "/", "/foo", "/"),
    ("/", "/xyz", "/foo", "/xyz/foo"),
    ("/", "/xyz", "/", "/xyz/"),
    ("/foo", "/xyz", "/foobar", None),
]


@pytest.mark.parametrize("word", ["rewrite", "redirect"])
@pytest.mark.parametrize(("prefix", "new", "path", "wanted"), REPLACED)
def test_a_prefix_is_replaced_by_segments(prefix: str, new: str, path: str, wanted: str | None, word: str) -> None:
    rule = {"match": {"path_prefix": prefix}, word: {"path_prefix": new}, **({"to": TO} if word == "rewrite" else {})}
    entries = istio(rule)
    assert replaced(entries, path, word) == wanted
    # What Istio's validation asks of a VirtualService.
    assert all("prefix" in match["uri"] for entry in entries if "prefixRewrite" in entry[word] for match in entry["match"])


@pytest.mark.parametrize(
    ("prefix", "word", "new", "said"),
    [
        ("/foo", "rewrite", "/xyz/", "/xyz"),
        ("/foo", "rewrite", "/", "/"),
        ("/", "rewrite", "/", "/"),
        ("/foo", "redirect", "/xyz", "/xyz"),
        ("/foo", "redirect", "/", None),
        ("/", "redirect", "/xyz", None),
        ("/", "rewrite", "/xyz", None),
    ],
)
def test_a_prefix_is_replaced_by_an_httproute_where_istio_does_it_by_segments(prefix: str, word: str, new: str, said: str | None) -> None:
    rule = {"match": {"path_prefix": prefix}, word: {"path_prefix": new}, **({"to": TO} if word == "rewrite" else {})}
    if said is None:
        ((_place, reason),) = unsayable(route(rule))
        assert "by characters" in reason
    else:
        (found,) = gateway_api(rule).values()
        assert found["path"] == {"type": "ReplacePrefixMatch", "replacePrefixMatch": said}


def test_the_same_words_do_something_else_with_another_prefix() -> None:
    rules = [{"match": {"path_prefix": path}, "rewrite": {"path_prefix": "/v2"}, "to": TO} for path in ("/api", "/api/x")]
    assert [place for place, _reason in unsayable(route(*rules))] == [1]
    assert unsayable(route(*rules[::-1])) == []


def test_headers() -> None:
    changes = {"set": {"x-tier": "gold"}, "add": {"via": "meshgate"}, "remove": ["x-debug"]}
    rule = {"to": TO, "request_headers": changes, "response_headers": {"remove": ["server"]}}
    assert istio(rule)[0]["headers"] == {"request": changes, "response": {"remove": ["server"]}}
    assert gateway_api(rule) == {
        "RequestHeaderModifier": {"set": [{"name": "x-tier", "value": "gold"}], "add": [{"name": "via", "value": "meshgate"}], "remove": ["x-debug"]},
        "ResponseHeaderModifier": {"remove": ["server"]},
    }


def test_cors() -> None:
    wanted = {"origins": ["https://www.example.com"], "methods": ["GET", "PUT"], "headers": ["x-a"], "expose": ["x-b"], "max_age": "10m", "credentials": True}
    rule = {"to": TO, "cors": wanted}
    assert istio(rule)[0]["corsPolicy"] == {
        "allowOrigins": [{"exact": "https://www.example.com"}],
        "allowMethods": ["GET", "PUT"],
        "allowHeaders": ["x-a"],
        "exposeHeaders": ["x-b"],
        "maxAge": "10m",
        "allowCredentials": True,
        "unmatchedPreflights": "IGNORE",
    }
    assert gateway_api(rule)["CORS"] == {
        "allowOrigins": ["https://www.example.com"],
        "allowMethods": ["GET", "PUT"],
        "allowHeaders": ["x-a"],
        "exposeHeaders": ["x-b"],
        "allowCredentials": True,
        "maxAge": 600,
    }


@pytest.mark.parametrize(
    ("origin", "asked", "allowed"),
    [
        ("*", "https://www.example.com", True),
        ("*", "null", False),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://aXexample.com", False),
        ("https://*.example.com", "http://a.example.com", False),
        ("https://*", "https://a.example.com:8443", True),
    ],
)
def test_an_origin_with_a_wildcard(origin: str, asked: str, allowed: bool) -> None:
    policy = istio({"to": TO, "cors": {"origins": [origin]}})[0]["corsPolicy"]
    assert policy["maxAge"] == "5s" and bool(re.fullmatch(policy["allowOrigins"][0]["regex"], asked)) == allowed


def test_faults() -> None:
    rule = {"to": TO, "faults": {"delay": {"percent": 10, "duration": "2s"}, "abort": {"percent": 0.5, "code": 503}, "until": "2026-12-31"}}
    assert istio(rule)[0]["fault"] == {
        "delay": {"percentage": {"value": 10.0}, "fixedDelay": "2s"},
        "abort": {"percentage": {"value": 0.5}, "httpStatus": 503},
    }
    assert unsayable(route(rule)) == [(0, "faults are not in its standard channel")]


def test_faults_that_outlived_their_day() -> None:
    rules = [{"to": TO, "faults": {"abort": {"code": 503}, "until": day}} for day in ("2026-12-30", "2026-12-31")]
    assert expired([route(*rules, {"to": TO})], "2026-12-31") == ["route products of shop, rule 1: its faults were to end on 2026-12-30"]


@pytest.mark.parametrize(("percent", "said"), [(25, {"percent": 25}), (50.0, {"percent": 50}), (0.5, {"fraction": {"numerator": 500, "denominator": 100000}})])
def test_a_part_of_a_per_cent_is_mirrored(percent: float, said: dict[str, Any]) -> None:
    found = gateway_api({"to": TO, "mirrors": [{"service": "log", "port": 80, "percent": percent}]})["RequestMirror"]
    assert {key: value for key, value in found.items() if key != "backendRef"} == said


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"to": [{"service": "a", "namespace": "old", "port": 80}]}, "needs a ReferenceGrant of that namespace"),
        ({"to": TO, "mirrors": [{"service": "a", "namespace": "old", "port": 80}]}, "needs a ReferenceGrant of that namespace"),
        ({"to": [{"service": f"s{place}", "port": 80} for place in range(17)]}, "at most 16 destinations"),
        ({"to": TO, "response_headers": {"remove": [f"x-{place}" for place in range(17)]}}, "change more than 16 headers"),
        ({"match": [{"path_prefix": "/a"}, {"path_prefix": "/b"}], "rewrite": {"path_prefix": "/c"}, "to": TO}, "for one match only"),
    ],
)
def test_what_a_rule_of_an_httproute_cannot_say(rule: dict[str, Any], reason: str) -> None:
    ((place, found),) = unsayable(route(rule))
    assert place == 0 and reason in found


def test_an_httproute_has_at_most_16_hosts() -> None:
    wanted = {**route({"to": TO}), "hosts": [f"h{place}.example.com" for place in range(17)]}
    assert unsayable(wanted) == [(0, "an HTTPRoute has at most 16 hosts")]
