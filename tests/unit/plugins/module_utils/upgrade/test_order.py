# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""In which order Kubernetes, controller, Gateway API CRDs and Istio move, and where the way ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.upgrade import compatibility
from ansible_collections.meshgate.eks_istio.plugins.module_utils.upgrade.order import Rules, Versions, order, relations

NOW = Versions("1.36", "3.2.2", "1.6.3", "1.31.1")
PINNED = yaml.safe_load((Path(__file__).resolve().parents[5] / "versions.yml").read_text(encoding="utf-8"))


def moves(now: Versions, target: Versions, **rules: object) -> list[str]:
    found = order(now, target, Rules(**rules))  # type: ignore[arg-type]
    assert found.refusals == []
    return [f"{move.component} {move.after}" for move in found.moves]


@pytest.mark.parametrize(
    ("now", "target", "binaries", "expected"),
    [
        (NOW, NOW, [], []),
        (Versions("1.34", *("3.2.2", "1.6.3", "1.31.1")), NOW, [], ["kubernetes 1.35", "kubernetes 1.36"]),
        # Nothing speaks against it: Kubernetes, then the controller, then the CRDs, then Istio.
        (Versions("1.35", "3.1.0", "1.5.1", "1.31.0"), NOW, [], ["kubernetes 1.36", "controller 3.2.2", "gateway_crds 1.6.3", "istio 1.31.1"]),
        # A patch of Istio alone.
        (Versions("1.36", "3.2.2", "1.6.3", "1.31.0"), NOW, [], ["istio 1.31.1"]),
        # Istio 1.30 is not known to go with Gateway API 1.6, and 1.31 reads 1.5: Istio first.
        (Versions("1.36", "3.2.2", "1.5.1", "1.30.2"), NOW, [], ["istio 1.31.1", "gateway_crds 1.6.3"]),
        # Istio 1.29 stops at Kubernetes 1.35, Istio 1.30 asks for CRDs of 1.5, and each minor of Istio is a step.
        (
            Versions("1.34", "2.17.1", "1.4.1", "1.29.3"),
            NOW,
            ["1.30.4"],
            ["kubernetes 1.35", "controller 3.2.2", "gateway_crds 1.5.1", "istio 1.30.4", "kubernetes 1.36", "istio 1.31.1", "gateway_crds 1.6.3"],
        ),
        # istiod 1.29.1 does not start beside CRDs of 1.5; its later patch does, and comes first.
        (
            Versions("1.35", "3.2.2", "1.4.1", "1.29.1"),
            Versions("1.35", "3.2.2", "1.5.1", "1.30.4"),
            ["1.29.3"],
            ["istio 1.29.3", "gateway_crds 1.5.1", "istio 1.30.4"],
        ),
        # What is not there, or not looked at, asks for nothing.
        (Versions("1.34"), Versions("1.36"), [], ["kubernetes 1.35", "kubernetes 1.36"]),
        (Versions("1.35", "", "", "1.30.1"), Versions("1.36", "3.2.2", "1.6.3", "1.31.1"), [], ["kubernetes 1.36", "istio 1.31.1"]),
        # An Istio that Kubernetes has left behind may still be upgraded: it is the way out.
        (Versions("1.36", "", "", "1.29.3"), Versions("1.36", "", "", "1.30.4"), [], ["istio 1.30.4"]),
    ],
)
def test_the_order(now: Versions, target: Versions, binaries: list[str], expected: list[str]) -> None:
    assert moves(now, target, istio_versions=binaries) == expected


@pytest.mark.parametrize(
    ("now", "target", "rules", "stuck_at", "reason"),
    [
        (Versions("1.35", istio="1.29.3"), Versions("1.36", istio="1.29.3"), {}, "kubernetes 1.36", "Istio 1.29 supports Kubernetes 1.31 to 1.35, not 1.36"),
        (Versions("1.36", istio="1.29.3"), Versions("1.36", istio="1.31.1"), {}, "istio 1.30", "no istioctl of 1.30"),
        (Versions("1.36", istio="1.31.1"), Versions("1.37", istio="1.31.1"), {}, "kubernetes 1.37", "Istio 1.31 supports Kubernetes 1.32 to 1.36, not 1.37"),
        (Versions("1.36", istio="1.31.1"), Versions("1.36", istio="1.32.0"), {}, "istio 1.32.0", "not known (as of"),
        (
            Versions("1.34", gateway_crds="1.4.1", istio="1.29.1"),
            Versions("1.34", gateway_crds="1.5.1", istio="1.29.1"),
            {},
            "gateway_crds 1.5.1",
            "1.29.2 does",
        ),
        (
            Versions("1.34", gateway_crds="1.4.1", istio="1.29.3"),
            Versions("1.34", gateway_crds="1.4.1", istio="1.30.1"),
            {},
            "istio 1.30.1",
            "ignores TLSRoutes",
        ),
        (Versions("1.30", controller="2.4.7"), Versions("1.31", controller="2.4.7"), {}, "kubernetes 1.31", "controller 2.4.7 supports are not known"),
        (
            Versions("1.36", "3.2.2", "1.5.1"),
            Versions("1.36", "3.2.2", "1.6.3"),
            {"controller_uses_gateway_api": True},
            "gateway_crds 1.6.3",
            "nothing is known about the load balancer controller 3.2.2 with the Gateway API 1.6.3",
        ),
    ],
)
def test_where_the_way_ends(now: Versions, target: Versions, rules: dict[str, object], stuck_at: str, reason: str) -> None:
    found = order(now, target, Rules(**rules))  # type: ignore[arg-type]
    refusal = next(entry for entry in found.refusals if f"{entry.move.component} {entry.move.after}" == stuck_at)
    assert reason in refusal.reason and refusal.remedy


@pytest.mark.parametrize(
    ("now", "target"),
    [
        (Versions("1.36", istio="1.31.1"), Versions("1.37", istio="1.31.1")),
        (Versions("1.36", istio="1.31.1"), Versions("1.36", istio="1.32.0")),
        (Versions("1.36", "3.2.2", "1.5.1", "1.30.1"), Versions("1.36", "3.2.2", "1.6.3", "1.30.1")),
    ],
)
def test_the_unknown_is_refused_until_it_is_allowed(now: Versions, target: Versions) -> None:
    refusals = order(now, target, Rules()).refusals
    assert refusals and all("upgrade_allow_unknown: true" in entry.remedy for entry in refusals)
    assert moves(now, target, allow_unknown=True)


def test_what_is_known_not_to_work_is_not_allowed_with_the_unknown() -> None:
    found = order(Versions("1.35", istio="1.29.3"), Versions("1.36", istio="1.29.3"), Rules(allow_unknown=True))
    assert found.moves == [] and len(found.refusals) == 1


def test_no_state_on_any_way_is_worse_than_the_one_before() -> None:
    """Over every combination of versions that goes together and two steps of everything."""
    minors = [Versions(f"1.{k}", c, g, f"1.{i}.3") for k in (32, 34, 36) for c in ("2.17.1", "3.2.2") for g in ("1.4.1", "1.5.1") for i in (28, 29, 30, 31)]
    rules = Rules(istio_versions=["1.29.3", "1.30.4"])
    starts = [state for state in minors if all(verdict.answer == "yes" for verdict in relations(state, rules).values())]
    assert len(starts) > 10
    for start in starts:
        state = start
        for move in order(start, NOW, rules).moves:
            assert getattr(state, move.component) == move.before
            state = Versions(**{**vars(state), move.component: move.after})
            assert all(verdict.answer == "yes" for verdict in relations(state, rules).values()), (start, move, state)


def test_what_this_collection_pins_goes_together() -> None:
    kubernetes = ".".join(str(PINNED["kubernetes"]).split(".")[:2])
    pinned = Versions(kubernetes, str(PINNED["alb_controller"]), str(PINNED["gateway_api"]), str(PINNED["istio"]))
    assert {pair: verdict.answer for pair, verdict in relations(pinned, Rules()).items() if verdict.answer != "yes"} == {}


def test_the_data_say_where_they_are_from_and_of_when() -> None:
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", compatibility.AS_OF)
    assert all(source.startswith("https://") for source in compatibility.SOURCES.values())
    assert all(low <= high for entry in compatibility.ISTIO.values() for low, high in (entry.kubernetes, entry.bundle))
