# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The steps of an upgrade, what stands in their way, and when a step counts as done."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.upgrade.plan import Options, Plan, make_plan, missing, restarts
from ansible_collections.meshgate.eks_istio.plugins.module_utils.upgrade.state import deprecated_apis, release

State = dict[str, Any]
EKS = Options(parts=("aws",))
BUDGET = {"namespace": "shop", "name": "cart", "allowed": 0, "expected": 1, "healthy": 1, "needed": 1}
INSIGHT = {
    "name": "Deprecated APIs removed in Kubernetes v1.36",
    "status": "ERROR",
    "reason": "Deprecated API usage detected.",
    "kubernetes_version": "1.36",
    "recommendation": "Update manifests.",
    "deprecated": [{"usage": "/apis/old.k8s.io/v1beta1/things"}],
}


def offers(*versions: str) -> list[State]:
    return [{"version": version, "default": number == 0} for number, version in enumerate(versions)]


def account(version: str = "1.35", **changes: Any) -> State:
    """A healthy EKS cluster. vpc-cni has a version for every minor, kube-proxy one for each."""
    catalogue = {
        f"1.{number}": {"kube-proxy": offers(f"v1.{number}.1-eksbuild.2"), "vpc-cni": offers("v1.21.1-eksbuild.1", "v1.20.4-eksbuild.2")}
        for number in range(33, 37)
    }
    state = {
        "cluster": {"name": "sandbox", "version": version, "status": "ACTIVE", "issues": [], "ours": True},
        "node_groups": {
            "mng": {"version": version, "release_version": f"{version}.1-20261105", "status": "ACTIVE", "issues": [], "custom": False, "ours": True}
        },
        "addons": {
            "kube-proxy": {"version": f"v{version}.1-eksbuild.2", "status": "ACTIVE", "issues": [], "ours": True},
            "vpc-cni": {"version": "v1.21.1-eksbuild.1", "status": "ACTIVE", "issues": [], "ours": True},
        },
        "addon_versions": catalogue,
        "insights": [],
        "offered": ["1.33", "1.34", "1.35", "1.36"],
    }
    return {**state, **changes}


def platform(version: str = "1.36", server: str = "", **inside: Any) -> State:
    """The same with its cluster answering."""
    return {
        **account(version),
        "kubernetes": {
            "server_version": server or f"v{version}.1-eks-abc1234",
            "nodes": [{"name": "ip-1", "version": f"v{version}.1-eks-abc1234", "ready": True, "group": "mng"}],
            "disruption_budgets": [],
            "controller": {"version": "3.2.2", "unready": ""},
            "gateway_crds": {"version": "v1.6.3", "channel": "standard"},
            "istio": {"version": "1.31.1", "unready": ""},
            "proxies": [{"namespace": "shop", "pod": "cart-1", "version": "1.31.1", "owner": "Deployment/cart"}],
            "deprecated_apis": [],
            **inside,
        },
    }


def wanted(version: str = "1.36", **changes: Any) -> State:
    return {
        "cluster": {"name": "sandbox", "version": version, "node_groups": [{"name": "mng"}], "addons": []},
        "controller": {"version": "3.2.2", "gateway_api": False},
        "gateway_crds": {"version": "1.6.3", "channel": "standard"},
        "istio": {"version": "1.31.1", "binaries": {}},
        **changes,
    }


def titles(plan: Plan) -> list[str]:
    assert [entry.summary for entry in plan.blocked] == []
    return [step.title for step in plan.steps]


def blocked(plan: Plan) -> str:
    assert plan.blocked and all(entry.reason and entry.remedy for entry in plan.blocked)
    return " | ".join(entry.summary for entry in plan.blocked)


# Whose it is


def stranger(kind: str, name: str = "") -> State:
    state = account("1.34")
    (state[kind][name] if name else state[kind])["ours"] = False
    return state


@pytest.mark.parametrize(
    ("kind", "name", "said"), [("cluster", "", "EKS cluster sandbox"), ("node_groups", "mng", "node group mng"), ("addons", "kube-proxy", "add-on kube-proxy")]
)
def test_what_is_not_ours_is_in_the_way_until_it_is_adopted(kind: str, name: str, said: str) -> None:
    summary = blocked(make_plan(stranger(kind, name), wanted(), EKS))
    assert summary.startswith(said) and "does not carry the tag meshgate.io/cluster=sandbox, so this collection does not manage it" in summary
    assert "eks_cluster_adopt: true" in summary and summary.count(said) == 1
    assert len(titles(make_plan(stranger(kind, name), wanted(), Options(parts=("aws",), adopt=True)))) == 6


def test_somebody_elses_add_on_that_fits_stays_as_its_owner_chose_it() -> None:
    state = account("1.36")
    state["addons"]["vpc-cni"].update(version="v1.20.4-eksbuild.2", ours=False)
    assert titles(make_plan(state, wanted(), EKS)) == []


# The steps


def test_nothing_to_do_is_said() -> None:
    plan = make_plan(platform(), wanted())
    assert titles(plan) == [] and plan.notes == []
    assert plan.lines() == ["nothing to do: everything runs the requested version"]


def test_eks_goes_minor_by_minor_and_add_ons_and_nodes_follow_before_it_goes_on() -> None:
    assert titles(make_plan(account("1.34"), wanted(), EKS)) == [
        "control plane 1.34 -> 1.35",
        "add-on kube-proxy v1.34.1-eksbuild.2 -> v1.35.1-eksbuild.2",
        "node group mng 1.34 -> 1.35",
        "control plane 1.35 -> 1.36",
        "add-on kube-proxy v1.35.1-eksbuild.2 -> v1.36.1-eksbuild.2",
        "node group mng 1.35 -> 1.36",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        # Interrupted after the control plane.
        (
            {"addons": {"kube-proxy": "v1.35.1-eksbuild.2"}, "node_groups": {"mng": "1.35"}},
            ["add-on kube-proxy v1.35.1-eksbuild.2 -> v1.36.1-eksbuild.2", "node group mng 1.35 -> 1.36"],
        ),
        # Interrupted between two add-ons, or between add-ons and nodes.
        ({"node_groups": {"mng": "1.35"}}, ["node group mng 1.35 -> 1.36"]),
        # The default of an add-on became newer, and what runs fits.
        ({"addons": {"vpc-cni": "v1.20.4-eksbuild.2"}}, ["add-on vpc-cni v1.20.4-eksbuild.2 -> v1.21.1-eksbuild.1"]),
    ],
)
def test_an_interrupted_upgrade_goes_on_where_it_was(change: dict[str, dict[str, str]], expected: list[str]) -> None:
    state = account("1.36")
    for kind, versions in change.items():
        for name, version in versions.items():
            state[kind][name]["version"] = version
    assert titles(make_plan(state, wanted(), EKS)) == expected


def test_node_groups_that_lag_come_before_the_control_plane_goes_on() -> None:
    state = account("1.35")
    state["node_groups"]["mng"]["version"] = "1.33"
    assert titles(make_plan(state, wanted(), EKS))[:2] == ["node group mng 1.33 -> 1.35", "control plane 1.35 -> 1.36"]


def test_an_add_on_that_the_next_minor_lacks_moves_before_the_control_plane() -> None:
    state = account("1.35")
    state["addons"]["vpc-cni"]["version"] = "v1.19.0-eksbuild.1"
    state["addon_versions"]["1.35"]["vpc-cni"] = offers("v1.20.4-eksbuild.2", "v1.19.0-eksbuild.1")
    plan = make_plan(state, wanted(), EKS)
    assert titles(plan)[:2] == ["add-on vpc-cni v1.19.0-eksbuild.1 -> v1.20.4-eksbuild.2", "control plane 1.35 -> 1.36"]
    assert plan.steps[0].why == "the running version does not support Kubernetes 1.36"


def test_an_add_on_without_a_version_for_both_minors_moves_right_after() -> None:
    state = account("1.35")
    state["addon_versions"]["1.36"]["vpc-cni"] = offers("v1.22.0-eksbuild.1")
    plan = make_plan(state, wanted(), EKS)
    assert titles(plan)[0] == "control plane 1.35 -> 1.36" and "add-on vpc-cni v1.21.1-eksbuild.1 -> v1.22.0-eksbuild.1" in titles(plan)
    assert "no version of add-on vpc-cni supports both Kubernetes 1.35 and 1.36" in plan.notes[0]


@pytest.mark.parametrize(
    ("pinned", "expected", "warning"),
    [
        ("v1.21.1-eksbuild.1", ["add-on vpc-cni v1.20.4-eksbuild.2 -> v1.21.1-eksbuild.1"], ""),
        ("latest", ["add-on vpc-cni v1.20.4-eksbuild.2 -> v1.21.1-eksbuild.1"], ""),
        ("default", ["add-on vpc-cni v1.20.4-eksbuild.2 -> v1.21.1-eksbuild.1"], ""),
        ("v1.20.4-eksbuild.2", [], ""),
        ("v1.19.0-eksbuild.1", [], "stays at v1.20.4-eksbuild.2"),
    ],
)
def test_a_pinned_add_on(pinned: str, expected: list[str], warning: str) -> None:
    state, asked = account("1.36"), wanted()
    state["addons"]["vpc-cni"]["version"] = "v1.20.4-eksbuild.2"
    asked["cluster"]["addons"] = [{"name": "vpc-cni", "version": pinned}]
    plan = make_plan(state, asked, EKS)
    assert titles(plan) == expected and warning in " ".join(plan.notes)


def test_add_ons_are_never_downgraded_and_those_of_others_left_alone() -> None:
    state = account("1.36")
    state["addons"]["vpc-cni"]["version"] = "v1.99.0-eksbuild.1"
    state["addons"]["theirs"] = {"version": "v0.1.0", "status": "ACTIVE", "issues": []}
    plan = make_plan(state, wanted(), EKS)
    assert titles(plan) == [] and "vpc-cni v1.99.0-eksbuild.1 is newer than every version" in plan.notes[0]


def test_a_pinned_release_of_a_node_groups_image() -> None:
    asked = wanted()
    asked["cluster"]["node_groups"] = [{"name": "mng", "release_version": "1.36.2-20261201"}]
    assert titles(make_plan(account("1.36"), asked, EKS)) == ["node group mng 1.36.1-20261105 -> 1.36.2-20261201"]
    asked["cluster"]["node_groups"][0]["release_version"] = "1.36.0-20260101"
    assert titles(make_plan(account("1.36"), asked, EKS)) == []


def test_the_whole_platform_in_the_only_order_that_its_versions_allow() -> None:
    old = {"proxies": [{"namespace": "shop", "pod": "cart-1", "version": "1.29.3", "owner": "Deployment/cart"}], "istio": {"version": "1.29.3"}}
    state = platform("1.34", controller={"version": "2.17.1"}, gateway_crds={"version": "v1.4.1", "channel": "standard"}, **old)
    asked = wanted(istio={"version": "1.31.1", "binaries": {"1.30.4": "/opt/istioctl"}})
    assert titles(make_plan(state, asked)) == [
        "control plane 1.34 -> 1.35",
        "add-on kube-proxy v1.34.1-eksbuild.2 -> v1.35.1-eksbuild.2",
        "node group mng 1.34 -> 1.35",
        "load balancer controller 2.17.1 -> 3.2.2",
        "Gateway API CRDs 1.4.1 -> 1.5.1",
        "Istio 1.29.3 -> 1.30.4",
        "proxies 1.29.3 -> 1.30.4",
        "control plane 1.35 -> 1.36",
        "add-on kube-proxy v1.35.1-eksbuild.2 -> v1.36.1-eksbuild.2",
        "node group mng 1.35 -> 1.36",
        "Istio 1.30.4 -> 1.31.1",
        "proxies 1.30.4 -> 1.31.1",
        "Gateway API CRDs 1.5.1 -> 1.6.3",
    ]


def test_proxies_that_an_interrupted_upgrade_left_behind_come_first() -> None:
    proxies = [
        {"namespace": "shop", "pod": "cart-1", "version": "1.30.2", "owner": "Deployment/cart"},
        {"namespace": "shop", "pod": "cart-2", "version": "1.30.2", "owner": "Deployment/cart"},
        {"namespace": "shop", "pod": "stock-0", "version": "1.31.0", "owner": "StatefulSet/stock"},
        {"namespace": "shop", "pod": "new-1", "version": "1.31.1", "owner": "Deployment/new"},
        {"namespace": "shop", "pod": "lonely", "version": "1.30.2", "owner": ""},
    ]
    state = platform(proxies=proxies)
    plan = make_plan(state, wanted())
    assert titles(plan) == ["proxies 1.30.2, 1.31.0 -> 1.31.1"]
    assert plan.notes == ["pod shop/lonely has a proxy of 1.30.2 and no controller that would recreate it"]
    assert restarts(state, "1.31.1") == [
        {"namespace": "shop", "kind": "Deployment", "name": "cart"},
        {"namespace": "shop", "kind": "StatefulSet", "name": "stock"},
    ]


def test_what_is_not_installed_is_not_upgraded() -> None:
    assert titles(make_plan(platform(controller={}, gateway_crds={}, istio={}, proxies=[]), wanted())) == []


# What stands in the way


def test_without_a_cluster_there_is_nothing_to_upgrade() -> None:
    assert "there is none. What to do: create the platform with playbooks/site.yml" in blocked(make_plan({"cluster": {}}, wanted()))


def test_a_cluster_that_does_not_answer_is_not_upgraded_blindly() -> None:
    said = blocked(make_plan({**account(), "unreachable": "connection refused"}, wanted()))
    assert "does not answer: connection refused" in said and "upgrade_parts: [aws]" in said
    assert titles(make_plan({**account("1.36"), "unreachable": "connection refused"}, wanted(), EKS)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cluster": {"name": "sandbox", "version": "1.35"}}, "Kubernetes 1.36 -> 1.35: nothing is ever downgraded"),
        ({"cluster": {"name": "sandbox", "version": "1.38"}}, "EKS offers 1.33, 1.34, 1.35, 1.36"),
        ({"controller": {"version": "3.1.0"}}, "load balancer controller 3.2.2 -> 3.1.0: nothing is ever downgraded"),
        ({"gateway_crds": {"version": "1.5.1", "channel": "standard"}}, "Gateway API CRDs 1.6.3 -> 1.5.1: nothing is ever downgraded"),
        ({"gateway_crds": {"version": "1.6.3", "channel": "experimental"}}, "an upgrade does not change the channel"),
        ({"istio": {"version": "1.30.2"}}, "Istio 1.31.1 -> 1.30.2: nothing is ever downgraded"),
        ({"istio": {"version": "1.33.0"}}, "there is no istioctl of 1.32"),
    ],
)
def test_what_cannot_be_is_refused(changes: State, said: str) -> None:
    assert said in blocked(make_plan(platform(), wanted(**changes)))


def test_an_error_insight_blocks_with_its_reason_and_what_uses_the_old_api() -> None:
    state = account(insights=[INSIGHT])
    said = blocked(make_plan(state, wanted(), EKS))
    assert said.startswith("control plane 1.35 -> 1.36: insight 'Deprecated APIs removed in Kubernetes v1.36' for Kubernetes 1.36 is ERROR")
    assert "Used: /apis/old.k8s.io/v1beta1/things." in said and "Update manifests." in said and "upgrade_accept_insights" in said
    accepted = make_plan(state, wanted(), Options(parts=("aws",), accepted_insights=[INSIGHT["name"]]))
    assert len(titles(accepted)) == 3 and "(accepted)" in accepted.notes[0]
    assert titles(make_plan(account("1.36", insights=[INSIGHT]), wanted(), EKS)) == []


def test_an_insight_of_a_later_minor_is_said_before_the_first_one_begins() -> None:
    plan = make_plan(account("1.34", insights=[{**INSIGHT, "status": "WARNING"}]), wanted(), EKS)
    assert len(titles(plan)) == 6 and "for Kubernetes 1.36 is WARNING" in plan.notes[0]


def test_an_insight_that_an_earlier_step_mends_blocks_nothing() -> None:
    skew = {**INSIGHT, "name": "Kubelet version skew", "deprecated": []}
    state = account("1.35", insights=[skew])
    assert "Kubelet version skew" in blocked(make_plan(state, wanted(), EKS))
    state["node_groups"]["mng"]["version"] = "1.32"
    plan = make_plan(state, wanted(), EKS)
    assert titles(plan)[0] == "node group mng 1.32 -> 1.35" and "an earlier step fixes it" in plan.notes[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("node_groups", "mng", {"status": "DEGRADED", "issues": ["AccessDenied: not authorized"]}),
            "node group mng is DEGRADED: AccessDenied: not authorized",
        ),
        (("node_groups", "mng", {"issues": ["Ec2LaunchTemplateNotFound: gone"]}), "node group mng is ACTIVE: Ec2LaunchTemplateNotFound: gone"),
        (("node_groups", "mng", {"custom": True}), "its launch template names an AMI of its own"),
        (("addons", "vpc-cni", {"status": "DEGRADED"}), "add-on vpc-cni is DEGRADED"),
    ],
)
def test_nothing_begins_on_what_is_not_well(change: tuple[str, str, State], said: str) -> None:
    state = account("1.35")
    kind, name, values = change
    state[kind][name].update(values)
    assert said in blocked(make_plan(state, wanted(), EKS))


def test_a_cluster_that_is_not_well_is_not_upgraded() -> None:
    state = account("1.35")
    state["cluster"]["issues"] = ["InsufficientFreeAddresses: subnet-1"]
    assert "InsufficientFreeAddresses: subnet-1" in blocked(make_plan(state, wanted(), EKS))
    state["cluster"].update(issues=[], status="CREATING")
    assert "it is CREATING" in blocked(make_plan(state, wanted(), EKS))
    state["cluster"]["status"] = "UPDATING"  # the next run waits for what the last one began
    assert titles(make_plan(state, wanted(), EKS))[0] == "control plane 1.35 -> 1.36"


def test_a_budget_that_no_drain_gets_past_is_named_before_the_control_plane_moves() -> None:
    state = platform("1.35", disruption_budgets=[BUDGET, {**BUDGET, "name": "fine", "allowed": 1}, {**BUDGET, "name": "empty", "expected": 0}])
    said = blocked(make_plan(state, wanted()))
    assert said.count("PodDisruptionBudget") == 1 and "shop/cart allows no disruption (1 of 1 pods healthy, 1 needed)" in said
    assert len(titles(make_plan(state, wanted(), Options(ignored_budgets=["shop/cart"])))) == 3
    assert titles(make_plan(platform(disruption_budgets=[BUDGET]), wanted())) == []


def test_nodes_that_are_not_ready_are_named() -> None:
    node = {"name": "ip-2", "version": "v1.35.1", "ready": False, "group": "mng"}
    assert "not Ready: node ip-2" in blocked(make_plan(platform("1.35", nodes=[node]), wanted()))


def test_a_node_of_ones_own_that_would_fall_too_far_behind_is_named() -> None:
    node = {"name": "karpenter-1", "version": "v1.32.9", "ready": True, "group": ""}
    assert len(titles(make_plan(platform("1.34", nodes=[node]), wanted("1.35")))) == 3
    said = blocked(make_plan(platform("1.34", nodes=[node]), wanted("1.36")))
    assert said.startswith("control plane 1.35 -> 1.36: node karpenter-1") and "its kubelet v1.32.9" in said


def test_deprecated_apis_in_use_are_named() -> None:
    used = deprecated_apis(
        "# TYPE apiserver_requested_deprecated_apis gauge\n"
        'apiserver_requested_deprecated_apis{group="old.k8s.io",removed_release="1.37",resource="things",subresource="",version="v1beta1"} 1\n'
        'apiserver_requested_deprecated_apis{group="",removed_release="",resource="componentstatuses",subresource="",version="v1"} 1\n'
        "apiserver_request_total 7\n"
    )
    plan = make_plan(platform("1.35", deprecated_apis=used), wanted())
    assert [api["resource"] for api in used] == ["things", "componentstatuses"]
    assert plan.notes == ["a client requests things of old.k8s.io/v1beta1, which Kubernetes 1.37 removes"]


# A laptop, whose control plane EKS's API does not move

KIND = Options(control_plane="kind")


def test_on_kind_eks_is_never_asked_to_move() -> None:
    state = platform(server="v1.36.3")
    state["node_groups"]["mng"]["version"] = "1.35"
    assert titles(make_plan(state, wanted(), KIND)) == []
    older = platform(server="v1.36.3", istio={"version": "1.31.0"}, proxies=[])
    assert titles(make_plan(older, wanted(), KIND)) == ["Istio 1.31.0 -> 1.31.1"]


def test_on_kind_another_kubernetes_means_another_cluster() -> None:
    said = blocked(make_plan(platform("1.35", server="v1.35.2"), wanted(), KIND))
    assert said.startswith("control plane 1.35.2 -> 1.36: EKS's API does not upgrade") and "playbooks/teardown.yml, then playbooks/site.yml" in said


def test_an_api_server_that_is_not_of_eks_is_recognised() -> None:
    assert "v1.35.2, which is not one of EKS's" in blocked(make_plan(platform("1.35", server="v1.35.2"), wanted()))
    assert "EKS reports version 1.36, but the API server that answers runs v1.34.1-eks-1" in blocked(make_plan(platform(server="v1.34.1-eks-1"), wanted()))


# When a step counts as done


def step_of(state: State, asked: State, number: int = 0, **options: Any) -> State:
    return make_plan(state, asked, Options(**options)).as_result()["steps"][number]


def test_the_control_plane_is_done_when_eks_and_the_api_server_say_so_and_all_nodes_are_ready() -> None:
    before, after = platform("1.35"), platform("1.36")
    step = step_of(before, wanted())
    assert missing(step, before) == ["EKS cluster is ACTIVE, version 1.35", "the API server is v1.35.1-eks-abc1234"]
    assert missing(step, after) == []
    unready = copy.deepcopy(after)
    unready["kubernetes"]["nodes"][0]["ready"] = False
    assert missing(step, unready) == ["node ip-1 is not Ready"]
    assert missing(step, {**after, "kubernetes": {}, "unreachable": "timeout"}) == ["the cluster's API server does not answer: timeout"]
    assert missing(step, account("1.36"), ("aws",)) == []


def test_a_node_group_is_done_when_its_nodes_run_the_version() -> None:
    step = step_of(platform("1.35"), wanted(), 2)
    half = platform("1.36")
    half["kubernetes"]["nodes"].append({"name": "old", "version": "v1.35.1", "ready": True, "group": "mng"})
    half["kubernetes"]["nodes"].append({"name": "others", "version": "v1.35.1", "ready": True, "group": "other"})
    assert missing(step, half) == ["node old is still v1.35.1"]
    half["node_groups"]["mng"].update(status="UPDATING", issues=["x: y"])
    assert missing(step, half, ("aws",)) == ["the node group is UPDATING, version 1.36", "x: y"]
    assert missing(step, {**half, "node_groups": {}}, ("aws",)) == ["the node group is gone"]


def test_an_add_on_is_done_when_it_is_well() -> None:
    step = step_of(account("1.35"), wanted(), 1, parts=("aws",))
    after = account("1.36")
    assert missing(step, after, ("aws",)) == []
    after["addons"]["kube-proxy"].update(status="DEGRADED", issues=["InsufficientNumberOfReplicas: 0 of 2"])
    assert missing(step, after, ("aws",)) == ["the add-on is DEGRADED, version v1.36.1-eksbuild.2", "InsufficientNumberOfReplicas: 0 of 2"]


def test_istio_its_proxies_controller_and_crds_are_done_when_they_are_seen() -> None:
    state = platform(controller={"version": "3.1.0"}, gateway_crds={"version": "v1.5.1", "channel": "standard"}, istio={"version": "1.31.0"})
    state["kubernetes"]["proxies"][0]["version"] = "1.31.0"
    plan = make_plan(state, wanted()).as_result()["steps"]
    assert [step["kind"] for step in plan] == ["controller", "gateway_crds", "istio", "data_plane"]
    assert [missing(step, state) for step in plan] == [
        ["the load balancer controller: 3.1.0"],
        ["the Gateway API CRDs: 1.5.1"],
        ["Istio: 1.31.0"],
        ["the proxy of shop/cart-1 is still 1.31.0"],
    ]
    assert [missing(step, platform()) for step in plan] == [[], [], [], []]
    assert missing(plan[2], platform(istio={"version": "1.31.1", "unready": "0 of 1 pods are available"})) == ["Istio: 0 of 1 pods are available"]


@pytest.mark.parametrize(
    ("tag", "expected"), [("1.31.1", "1.31.1"), ("1.31.1-distroless", "1.31.1"), ("1.31.1-0a1b2c3d", "1.31.1"), ("latest", ""), ("1.32-alpha.0", "")]
)
def test_the_release_in_an_images_tag(tag: str, expected: str) -> None:
    assert release(tag) == expected
