# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Compatible versions, as documented by their vendors. Other combinations are unknown, and reported as such."""

from __future__ import annotations

import re
from dataclasses import dataclass

AS_OF = "2026-11-21"
SOURCES = {
    "istio": "https://istio.io/latest/docs/releases/supported-releases/ and the announcements of each release",
    "istio_bundle": "https://github.com/istio/istio.io/pull/17394 (1.30), pkg/config/schema/gatewayapi/minimumversions.go (1.31), 1.29.2's release notes",
    "controller": "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/installation/",
    "controller_bundle": "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/gateway/",
}


@dataclass(frozen=True)
class Istio:
    """One minor version of Istio: the Kubernetes and Gateway API minors that it supports, both ends included."""

    kubernetes: tuple[int, int]
    bundle: tuple[int, int]
    # From this patch on, istiod starts with a bundle newer than it supports, and ignores what it cannot read of it (istio/istio#59443).
    beside_newer: str = ""


# By minor, so that 1.29 is 29. Kubernetes 1.x and Gateway API 1.x likewise.
ISTIO = {
    27: Istio(kubernetes=(29, 33), bundle=(0, 3)),
    28: Istio(kubernetes=(30, 34), bundle=(0, 4)),
    29: Istio(kubernetes=(31, 35), bundle=(0, 4), beside_newer="1.29.2"),
    30: Istio(kubernetes=(32, 36), bundle=(5, 5)),
    31: Istio(kubernetes=(32, 36), bundle=(5, 6)),
}
NEWEST_KUBERNETES = max(entry.kubernetes[1] for entry in ISTIO.values())
# A release of each intermediate Gateway API minor, if the upgrade to the requested one needs two steps.
BUNDLES = {4: "1.4.1", 5: "1.5.1"}
# "v2.5.0+ requires Kubernetes 1.22+".
CONTROLLER_SINCE = (2, 5)
CONTROLLER_KUBERNETES = 22
# Only required if the controller's Gateway API features are on.
CONTROLLER_BUNDLES = {"3.2": (5, 5)}


@dataclass(frozen=True)
class Verdict:
    """C(yes), C(no) or C(unknown), and why."""

    answer: str
    why: str = ""


YES = Verdict("yes")


def numbers(version: str) -> tuple[int, ...]:
    """Sort key for all kinds of versions here: 1.36, v1.6.3, v1.20.4-eksbuild.2.

    >>> numbers("v1.20.4-eksbuild.2") < numbers("v1.21.0-eksbuild.1")
    True
    """
    return tuple(int(part) for part in re.findall(r"\d+", version))


def minor(version: str) -> int:
    """The middle number; -1 if there is none."""
    found = numbers(version)
    return found[1] if len(found) > 1 else -1


def istio_kubernetes(istio: str, kubernetes: str) -> Verdict:
    known = ISTIO.get(minor(istio))
    if known is None:
        return Verdict("unknown", f"the Kubernetes versions that Istio {istio} supports are not known (as of {AS_OF})")
    low, high = known.kubernetes
    if low <= minor(kubernetes) <= high:
        return YES
    said = f"Istio 1.{minor(istio)} supports Kubernetes 1.{low} to 1.{high}"
    return Verdict("unknown" if minor(kubernetes) > NEWEST_KUBERNETES else "no", f"{said}, not {kubernetes}")


def istio_bundle(istio: str, bundle: str) -> Verdict:
    known = ISTIO.get(minor(istio))
    if known is None:
        return Verdict("unknown", f"the Gateway API versions that Istio {istio} supports are not known (as of {AS_OF})")
    low, high = known.bundle
    if minor(bundle) < low:
        return Verdict("no", f"Istio 1.{minor(istio)} ignores TLSRoutes and ReferenceGrants of CRDs older than 1.{low}; these are {bundle}")
    if minor(bundle) <= high:
        return YES
    if known.beside_newer and minor(bundle) == high + 1:
        if numbers(istio) >= numbers(known.beside_newer):
            return YES
        return Verdict("no", f"istiod {istio} does not start with the Gateway API CRDs {bundle}; {known.beside_newer} does")
    return Verdict("unknown", f"Istio 1.{minor(istio)} supports the Gateway API up to 1.{high}; nothing is known about {bundle} (as of {AS_OF})")


def controller_kubernetes(controller: str, kubernetes: str) -> Verdict:
    if numbers(controller)[:2] < CONTROLLER_SINCE:
        return Verdict("unknown", f"the Kubernetes versions that the load balancer controller {controller} supports are not known (as of {AS_OF})")
    if minor(kubernetes) < CONTROLLER_KUBERNETES:
        return Verdict("no", f"the load balancer controller {controller} supports Kubernetes 1.{CONTROLLER_KUBERNETES} and newer, not {kubernetes}")
    return YES


def controller_bundle(controller: str, bundle: str) -> Verdict:
    """If the controller's own Gateway API features are on."""
    known = CONTROLLER_BUNDLES.get(".".join(controller.split(".")[:2]))
    if known is None or minor(bundle) > known[1]:
        return Verdict("unknown", f"nothing is known about the load balancer controller {controller} with the Gateway API {bundle} (as of {AS_OF})")
    if minor(bundle) < known[0]:
        return Verdict("no", f"the load balancer controller {controller} supports the Gateway API from 1.{known[0]} on; these CRDs are {bundle}")
    return YES
