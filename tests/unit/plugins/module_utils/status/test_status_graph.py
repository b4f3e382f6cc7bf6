# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who calls whom, and where it is drawn."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from status_rig import deployment, gone, healthy, measured

from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.facts import Call, Facts, Place, Traffic
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.graph import Edge, Graph, Node, graph_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.layout import HEIGHT, Box, layout


def labels(facts: Facts) -> dict[tuple[str, str], str]:
    found = {(edge.source[1], edge.target[1]): edge.label for edge in graph_of(facts).edges}
    assert len(found) == len(graph_of(facts).edges)
    return found


def test_arrows_are_what_routes_and_callers_say() -> None:
    assert labels(healthy()) == {
        ("clients", "load balancer"): "",
        ("load balancer", "istio-ingressgateway"): "",
        ("istio-ingressgateway", "product-v1"): "90 %",
        ("istio-ingressgateway", "product-v2"): "10 %",
        ("istio-ingressgateway", "product-v3"): "copy of 50 %",
        ("istio-ingressgateway", "front"): "",
        ("front", "product"): "",
        ("product", "product-v1"): "75 %",
        ("product", "product-v2"): "25 %",
    }


def test_rates_stand_on_the_arrows_and_a_copy_has_none() -> None:
    found = labels(measured(healthy()))
    assert found["istio-ingressgateway", "product-v1"] == "90 %, 9.0/s"
    assert found["istio-ingressgateway", "front"] == "4.0/s"
    assert found["istio-ingressgateway", "product-v3"] == "copy of 50 %", "mirrored requests are not measured at their source"


def test_who_asks_an_app_is_measured_at_its_versions() -> None:
    """A sidecar counts a request by where it went, not by whom the app asked; the gateway's own requests are not among them."""
    found = labels(measured(healthy()))
    assert found["front", "product"] == "4.0/s"
    assert (found["product", "product-v1"], found["product", "product-v2"]) == ("75 %, 3.0/s", "25 %, 1.0/s")
    assert ("front", "product-v1") not in found, "it is the way by the app"


def test_a_call_that_nobody_declared_is_drawn_as_seen() -> None:
    (night,) = [edge for edge in graph_of(measured(healthy())).edges if edge.seen]
    assert (night.source, night.target, night.label) == (("batch", "night"), ("shop", "front"), "0.2/s")


def test_a_workload_is_its_own_service_not_the_one_of_the_whole_app() -> None:
    facts = measured(healthy())
    facts.traffic = Traffic([Call(("shop", "product-v2"), ("shop", "front"), 2.0)])
    assert labels(facts)["product-v2", "front"] == "2.0/s"


def test_shares_of_several_rules_are_named_together() -> None:
    facts = healthy()
    (rule, front) = facts.objects["VirtualService"][0]["spec"]["http"]
    front["route"] = [{**rule["route"][0], "weight": 20}, {**front["route"][0], "weight": 80}]
    assert labels(facts)["istio-ingressgateway", "product-v1"] == "90 % or 20 %"


def test_an_app_that_nobody_calls_is_there_and_a_service_that_only_holds_versions_together_is_not() -> None:
    facts = healthy()
    for kind in ("VirtualService", "AuthorizationPolicy", "Ingress"):
        facts.objects[kind] = []
    assert sorted(node.place[1] for node in graph_of(facts).nodes) == ["front", "product-v1", "product-v2", "product-v3"]


def test_without_a_gateway_nobody_comes_in() -> None:
    assert ("clients", "load balancer") not in labels(gone(healthy(), "Deployment", "istio-ingressgateway"))


def test_callers_by_account_are_found_whatever_their_deployment_is_called() -> None:
    facts = healthy()
    facts.objects["Deployment"].append(deployment("batch", "night", serviceAccountName="cron"))
    policy = next(item for item in facts.objects["AuthorizationPolicy"] if item["metadata"]["name"] == "product")
    policy["spec"]["rules"] = [{"from": [{"source": {"principals": ["*/ns/batch/sa/cron"]}}]}]
    assert ("night", "product") in labels(facts)


def test_a_policy_that_denies_is_no_arrow() -> None:
    facts = healthy()
    for policy in facts.objects["AuthorizationPolicy"]:
        policy["spec"]["action"] = "DENY"
    assert ("front", "product") not in labels(facts)


# -- where it is drawn ------------------------------------------------------------------------------------------------


def drawn(*ways: str) -> tuple[dict[str, Box], list[list[Box] | None]]:
    """`ways` such as "a b": an edge of each."""
    ends: list[tuple[Place, Place]] = [(("", one), ("", other)) for one, other in (way.split() for way in ways)]
    nodes = [Node(place, "app") for place in dict.fromkeys(itertools.chain(*ends))]
    found = layout(Graph(nodes, [Edge(*end) for end in ends]))
    return {place[1]: box for place, box in found.boxes.items()}, found.bends


def overlap(one: Box, other: Box) -> bool:
    return one.y == other.y and abs(one.x - other.x) < (one.width + other.width) / 2


def test_callers_stand_above_whom_they_call() -> None:
    boxes, _bends = drawn("a b", "b c", "a c", "c d")
    assert boxes["a"].bottom < boxes["b"].y < boxes["b"].bottom < boxes["c"].y < boxes["d"].y


def test_nothing_is_drawn_over_anything_else() -> None:
    boxes, bends = drawn("a b", "a c", "a d", "b e", "c e", "d f", "a e", "a f", "b f")
    things = [*boxes.values(), *(box for line in bends for box in line or [])]
    assert len(things) > len(boxes), "lines past a row have a place in it"
    assert not [pair for pair in itertools.combinations(things, 2) if overlap(*pair)]


def test_a_circle_is_drawn_with_one_line_that_leads_up() -> None:
    boxes, bends = drawn("a b", "b c", "c b")
    assert [line is None for line in bends] == [False, False, True]
    assert boxes["b"].y < boxes["c"].y
    assert drawn("a a")[1] == [None]


def test_lines_that_can_run_side_by_side_do_not_cross() -> None:
    boxes, _bends = drawn("a d", "b c", "top b", "top a")
    assert (boxes["a"].x < boxes["b"].x) == (boxes["d"].x < boxes["c"].x)


def test_everything_is_inside_of_the_picture() -> None:
    graph = graph_of(measured(healthy()))
    found = layout(graph)
    for box in found.boxes.values():
        assert box.x - box.width / 2 > 0 and box.x + box.width / 2 < found.width and box.y > 0 and box.y + HEIGHT < found.height


def test_a_name_fits_into_its_box() -> None:
    long = replace(Node(("a-namespace", "x" * 60), "app"))
    (box,) = layout(Graph([long], [])).boxes.values()
    assert box.width > 60 * 7


def test_a_mesh_of_hundreds_is_laid_out_in_time() -> None:
    ways: Any = [f"n{one} n{other}" for one in range(200) for other in (one + 1, one + 7, one * 2 + 1) if other < 200]
    boxes, _bends = drawn(*ways)
    assert len(boxes) == 200
