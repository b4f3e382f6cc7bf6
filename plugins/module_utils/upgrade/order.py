# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The order in which Kubernetes, controller, Gateway API CRDs and Istio can be upgraded, so that every intermediate state is supported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from .compatibility import BUNDLES, YES, Verdict, controller_bundle, controller_kubernetes, istio_bundle, istio_kubernetes, minor, numbers

ALLOW = "check their documentation, then continue with upgrade_allow_unknown: true"


@dataclass(frozen=True)
class Versions:
    """One state of the platform. What does not exist, or was not read, is empty."""

    kubernetes: str = ""
    controller: str = ""
    gateway_crds: str = ""
    istio: str = ""


# The default order of the upgrades.
COMPONENTS = ("kubernetes", "controller", "gateway_crds", "istio")
NAMES = {"kubernetes": "Kubernetes", "controller": "the load balancer controller", "gateway_crds": "the Gateway API CRDs", "istio": "Istio"}


@dataclass(frozen=True)
class Move:
    component: str
    before: str
    after: str
    why: str = ""


@dataclass(frozen=True)
class Refusal:
    move: Move
    reason: str
    remedy: str


@dataclass
class Order:
    moves: list[Move] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


@dataclass
class Rules:
    """What the search may do."""

    allow_unknown: bool = False
    controller_uses_gateway_api: bool = False
    # Istio's versions with an istioctl, besides the requested one.
    istio_versions: list[str] = field(default_factory=list)


def relations(versions: Versions, rules: Rules) -> dict[tuple[str, str], Verdict]:
    """The verdict on every two components that must be compatible."""

    def judge(one: str, other: str, judged: Callable[[str, str], Verdict]) -> Verdict:
        return judged(one, other) if one and other else YES

    found = {
        ("istio", "kubernetes"): judge(versions.istio, versions.kubernetes, istio_kubernetes),
        ("istio", "gateway_crds"): judge(versions.istio, versions.gateway_crds, istio_bundle),
        ("controller", "kubernetes"): judge(versions.controller, versions.kubernetes, controller_kubernetes),
    }
    if rules.controller_uses_gateway_api:
        found["controller", "gateway_crds"] = judge(versions.controller, versions.gateway_crds, controller_bundle)
    return found


def _candidates(component: str, now: Versions, target: Versions, rules: Rules) -> Iterator[Move | Refusal]:
    """Where a component can go next, the farthest first."""
    before, wanted = getattr(now, component), getattr(target, component)
    if not before or not wanted or numbers(before) >= numbers(wanted):
        return
    if component == "kubernetes":
        yield Move(component, before, f"1.{minor(before) + 1}", "EKS upgrades one minor version at a time")
    elif component == "istio":
        yield from _istio_candidates(before, wanted, rules)
    else:
        yield Move(component, before, wanted)
        if component == "gateway_crds":
            for number in sorted(BUNDLES, reverse=True):
                if minor(before) < number < minor(wanted):
                    yield Move(component, before, BUNDLES[number], "some versions on the way do not support the requested one")


def _istio_candidates(before: str, wanted: str, rules: Rules) -> Iterator[Move | Refusal]:
    """Istio, in-place upgrades: "The installed Istio version is no more than one minor version less than the upgrade version"."""
    through = minor(before) + 1
    versions = {version for version in rules.istio_versions if numbers(before) < numbers(version) < numbers(wanted)}
    reachable = sorted((version for version in {*versions, wanted} if minor(version) <= through), key=numbers, reverse=True)
    why = "" if reachable[:1] == [wanted] else "in-place upgrades of Istio go one minor version at a time"
    for version in reachable:
        yield Move("istio", before, version, why if version != wanted else "")
    if not any(minor(version) == through for version in reachable) and minor(wanted) > through:
        reason = f"in-place upgrades of Istio go one minor version at a time, and there is no istioctl of 1.{through}"
        yield Refusal(Move("istio", before, f"1.{through}"), reason, f"set one in upgrade_istioctl, by its version: {{1.{through}.x: /path/to/istioctl}}")


def _objection(now: Versions, after: Versions, component: str, rules: Rules) -> tuple[str, Verdict] | None:
    """Which other component blocks a move, and why; None if none does."""
    before = relations(now, rules)
    for pair, verdict in relations(after, rules).items():
        if component not in pair or verdict.answer == "yes" or (verdict.answer == "unknown" and rules.allow_unknown):
            continue
        # An upgrade may be the way out of an unsupported state; upgrading Kubernetes never is.
        if before[pair].answer != "yes" and component != "kubernetes":
            continue
        return next(other for other in pair if other != component), verdict
    return None


def order(now: Versions, target: Versions, rules: Rules) -> Order:
    """The moves from one state to the other; if there is no path, the moves up to where it is blocked, and why."""
    best = Order()
    seen: set[Versions] = set()

    def search(state: Versions, moves: list[Move]) -> bool:
        nonlocal best
        if state in seen:
            return False
        seen.add(state)
        refusals: list[Refusal] = []
        done = True
        for component in COMPONENTS:
            for candidate in _candidates(component, state, target, rules):
                done = False
                if isinstance(candidate, Refusal):
                    refusals.append(candidate)
                    continue
                after = replace(state, **{component: candidate.after})
                objection = _objection(state, after, component, rules)
                if objection is not None:
                    refusals.append(Refusal(candidate, objection[1].why, _remedy(*objection)))
                elif search(after, [*moves, candidate]):
                    return True
        if done:
            best = Order(moves)
            return True
        if not best.refusals or len(moves) > len(best.moves):
            best = Order(moves, refusals)
        return False

    search(now, [])
    return best


def _remedy(other: str, objection: Verdict) -> str:
    return ALLOW if objection.answer == "unknown" else f"request a version of {NAMES[other]} that supports it"
