# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a person sees: the screen, the page, and what names of a cluster may not do in either."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from status_rig import APPS, GATEWAY, ROUTES, absent, deployment, gone, healthy, measured, wanted

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import route_manifests
from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.asking import ask
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status import metrics
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.facts import Call, Facts
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.routes import match_text, routes_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.status import awaited, result

REPO = Path(__file__).resolve().parents[5]
EVIL = 'front"><script>alert(1)</script>\x1b[2J\x1b]0;owned\x07\u202e'


def lines(facts: Facts) -> list[str]:
    return str(result(facts)["screen"]).split("\n")


def test_the_screen_begins_with_the_verdict_and_has_a_line_for_each_check() -> None:
    found = lines(healthy())
    assert found[0] == "sandbox, us-west-2: healthy"
    assert found[1] == ""
    assert [line.split()[:2] for line in found[2:4]] == [["ok", "cluster"], ["ok", "EKS"]]


def test_a_failure_says_what_to_do() -> None:
    found = lines(gone(healthy(), "Deployment", "istiod"))
    (place,) = [number for number, line in enumerate(found) if line.startswith("  failed")]
    assert found[place].split() == ["failed", "istiod", "there", "is", "no", "Deployment", "istio-system/istiod"]
    assert found[place + 1].split() == ["->", "run", "playbooks/site.yml"]


def test_routes_say_where_each_kind_of_request_goes() -> None:
    found = [" ".join(line.split()) for line in lines(healthy())]
    assert "/api/… -> product-v1 90 %, product-v2 10 %, copy of 50 % to product-v3" in found
    assert "everything -> front" in found
    assert "product.shop.svc.cluster.local (callers inside)" in found


def test_apps_have_columns_of_requests_only_where_somebody_counts_them() -> None:
    assert "requests/s" not in "\n".join(lines(healthy()))
    (row,) = [line.split() for line in lines(measured(healthy())) if line.startswith("  shop/product-v1")]
    assert row == ["shop/product-v1", "3/3", "12.0", "100.0", "%", "12", "ms"]


def test_it_is_one_screen_and_says_what_it_leaves_out() -> None:
    facts = healthy()
    spec = facts.objects["Service"][0]["spec"]
    facts.objects["Service"] += [{"kind": "Service", "metadata": {"namespace": "shop", "name": f"many-{number}"}, "spec": spec} for number in range(100)]
    found = lines(facts)
    assert len(found) < 60
    assert "more lines" in found[-1]
    assert len(result(facts)["apps"]) == 105, "JSON has all"


def test_an_absent_platform_has_a_short_screen() -> None:
    assert lines(absent())[0] == "sandbox, us-west-2: there is no platform"
    assert "Routes" not in lines(absent())


@pytest.mark.parametrize("facts", [measured(healthy()), gone(healthy(), "Deployment", "istiod"), absent()], ids=["good", "broken", "absent"])
def test_the_document_shows_what_one_sees(facts: Facts) -> None:
    """The broken one without its routes and apps."""
    blocks = re.findall(r"```text\n(.*?)\n```", (REPO / "docs/status.md").read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if block.split("\n")[0] == lines(facts)[0]]
    assert "\n".join(lines(facts)).startswith(block)


# -- what a match is called -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matches", "said"),
    [
        ([], "everything"),
        ([{"path_prefix": "/"}], "everything"),
        ([{"path": "/api"}, {"path_prefix": "/api/"}], "/api/…"),
        ([{"path": "/old", "method": "GET"}], "GET /old"),
        ([{"path_regex": "/v[0-9]+"}], "~/v[0-9]+"),
        ([{"path_prefix": "/api", "headers": {"x-canary": "true"}, "query": {"beta": {"regex": "y.*"}}}], "/api/…?beta=~y.* x-canary: true"),
        ([{"path": "/a"}, {"path": "/b"}], "/a, /b"),
    ],
)
def test_a_match_in_a_few_words(matches: list[dict[str, Any]], said: str) -> None:
    assert match_text(matches) == said


def test_both_routing_apis_read_alike() -> None:
    found = []
    for api in ("istio", "gateway_api"):
        facts = Facts(wanted(), healthy().now)
        for item in route_manifests({"apps": APPS, "gateway": GATEWAY, "routes": ROUTES}, api):
            facts.objects.setdefault(item["kind"], []).append(item)
        found.append([(route.hosts, route.inside, sorted((rule.to for rule in route.rules), key=str)) for route in routes_of(facts)])
    assert found[0] == found[1]
    assert len(found[0]) == 2


# -- the page ---------------------------------------------------------------------------------------------------------


class Parsed(HTMLParser):
    """What a browser would read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def parsed(facts: Facts) -> Parsed:
    return Parsed(str(result(facts, with_page=True)["page"]))


def test_the_page_is_whole_and_fetches_nothing() -> None:
    page = parsed(measured(healthy()))
    assert page.open == []
    assert {tag for tag, _attributes in page.tags} & {"script", "link", "img", "iframe", "object", "use", "image", "a"} == set()
    outside = [value for _tag, attributes in page.tags for value in attributes.values() if value and re.search(r"url\((?!#)|https?:|//", value)]
    assert outside == []
    style = str(result(healthy(), with_page=True)["page"]).partition("<style>")[2].partition("</style>")[0]
    assert "prefers-color-scheme:dark" in style and "url(" not in style and "@import" not in style
    policy = next(attributes["content"] for tag, attributes in page.tags if tag == "meta" and "http-equiv" in attributes)
    assert policy and policy.startswith("default-src 'none'")


def test_the_page_has_the_graph_with_its_labels_and_a_card_for_each_check() -> None:
    page = parsed(measured(healthy()))
    assert sum(tag == "article" for tag, _attributes in page.tags) == len(result(healthy())["checks"])
    assert "90 %, 9.0/s" in page.said and "copy of 50 %" in page.said
    assert "Istio measures none of them" in page.said, "it says why a copy has no rate"
    boxes = [attributes["class"] for tag, attributes in page.tags if tag == "g"]
    assert len(boxes) == 9 and "node gateway" in boxes


def test_an_app_without_pods_is_marked_in_the_graph() -> None:
    facts = healthy()
    for item in facts.objects["Deployment"]:
        if item["metadata"]["name"] in ("product-v2", "product-v1"):
            item["status"]["readyReplicas"] = 1 if item["metadata"]["name"] == "product-v1" else 0
    found = [attributes["class"] for tag, attributes in parsed(facts).tags if tag == "g"]
    assert "node app failed" in found and "node app note" in found


def test_an_absent_platform_has_a_page_without_a_graph() -> None:
    page = parsed(absent())
    assert "svg" not in {tag for tag, _attributes in page.tags}
    assert "there is no platform" in page.said


def hostile() -> Facts:
    """Names, images and messages that somebody chose who may write to the cluster."""
    facts = measured(healthy())
    labels = {"app": "evil"}
    facts.objects["Service"].append({"kind": "Service", "metadata": {"namespace": "shop", "name": EVIL}, "spec": {"selector": labels}})
    facts.objects["Deployment"].append({**deployment("shop", EVIL), "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}, "spec": {}}}})
    rule = {"match": [{"uri": {"exact": f"/{EVIL}"}}], "route": [{"destination": {"host": f"{EVIL}.shop.svc.cluster.local"}, "weight": 100}]}
    facts.objects["VirtualService"].append(
        {"kind": "VirtualService", "metadata": {"namespace": "shop", "name": EVIL}, "spec": {"hosts": [EVIL], "gateways": ["x"], "http": [rule]}}
    )
    assert facts.traffic
    facts.traffic = metrics.Traffic([*facts.traffic.calls, Call(("batch", EVIL), ("shop", EVIL), 1.0)])
    assert facts.balancers
    facts.balancers[0]["target_groups"][0]["targets"][0] |= {"state": "unhealthy", "description": EVIL + "\n  ok       everything  is fine"}
    facts.node_groups[0] |= {"nodegroupName": EVIL}
    return facts


def test_names_of_a_cluster_do_not_run_in_a_browser() -> None:
    text = str(result(hostile(), with_page=True)["page"])
    assert "alert(1)" in text and "<script" not in text
    page = Parsed(text)
    assert page.open == []
    assert {name for _tag, attributes in page.tags for name in attributes if name.startswith("on")} == set()
    assert "\x1b" not in text and "\u202e" not in text


def test_names_of_a_cluster_do_not_move_the_cursor_or_add_a_line() -> None:
    screen = str(result(hostile())["screen"])
    assert "alert(1)" in screen
    assert [char for char in screen if char != "\n" and (ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e")] == []
    assert not [line for line in screen.split("\n") if line.strip().startswith("ok       everything")]


def test_the_data_is_json() -> None:
    found = {name: value for name, value in result(measured(healthy())).items() if name != "screen"}
    again = json.loads(json.dumps(found))
    assert again["healthy"] is True
    assert {one["name"]: one["load"]["rate"] for one in again["apps"]}["shop/product-v1"] == 12.0
    assert {"source": "shop/front", "target": "shop/product", "percent": [], "copy": False, "seen": False, "rate": 4.0} in again["calls"]


# -- metrics ----------------------------------------------------------------------------------------------------------


def answer(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1764580000.0, value]}


ENDS = {
    "source_workload_namespace": "shop",
    "source_workload": "front",
    "destination_service_namespace": "shop",
    "destination_service_name": "product-v1",
}
TO = {name: value for name, value in ENDS.items() if name.startswith("destination")}


def test_prometheus_answers_become_calls() -> None:
    found = metrics.traffic({"rate": [answer("3.5", **ENDS)], "failures": [answer("0.5", **ENDS)], "p99": [answer("12.5", **TO)]})
    assert found.calls == [Call(("shop", "front"), ("shop", "product-v1"), 3.5, 0.5)]
    assert found.p99 == {("shop", "product-v1"): 12.5}


def test_what_has_no_requests_has_no_quantile_and_an_unknown_destination_is_nobodys() -> None:
    unknown = {**ENDS, "destination_service_name": "unknown"}
    found = metrics.traffic({"rate": [answer("0", **ENDS), answer("1", **unknown)], "failures": [], "p99": [answer("NaN", **TO)]})
    assert (found.calls, found.p99) == ([], {})


class Api:
    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, ""

    def request(self, _method: str, path: str, query: dict[str, str]) -> Any:
        self.asked = path
        return self.answer


def test_prometheus_is_asked_by_way_of_the_api_server() -> None:
    api: Any = Api({"status": "success", "data": {"result": [answer("1")]}})
    assert ask(api, "istio-system", "up") == [answer("1")]
    assert api.asked == "/api/v1/namespaces/istio-system/services/prometheus:9090/proxy/api/v1/query"


@pytest.mark.parametrize("said", ["<html>", {"status": "error", "error": "bad"}])
def test_what_is_no_prometheus_is_said_to_be_none(said: Any) -> None:
    api: Any = Api(said)
    with pytest.raises(KubeError, match="is no Prometheus"):
        ask(api, "istio-system", "up")


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_it_looks_until_the_platform_is_healthy() -> None:
    looks = iter([{"healthy": False, "verdict": "not healthy"}, {"healthy": True, "verdict": "healthy"}])
    slept: list[float] = []
    assert awaited(lambda: dict(next(looks)), 60, slept.append)["healthy"] is True
    assert slept == [2.0]


def test_without_waiting_it_looks_once() -> None:
    slept: list[float] = []
    assert awaited(lambda: {"healthy": False, "verdict": "not healthy"}, 0, slept.append)["healthy"] is False
    assert slept == []
