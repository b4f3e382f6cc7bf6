# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is otherwise than the inventory says, as far as that costs no further question: versions, images, replicas and routes."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator

from ..kube.crds import KIND as CRD
from ..kube.gateway_crds import VERSION as CRD_VERSION
from ..kube.objects import Manifest, annotations_of, labels_of
from ..mesh import live
from ..mesh.manifests import app_manifests, route_manifests
from ..mesh.spoken import spoken
from .facts import Facts, Place, image_version, place_of
from .routes import Route, read

_SET = "meshgate.io/set"

# How an image was made, not which version is in it: Istio's own variants, and the key of an image that role toolchain built.
_VARIANT = re.compile(r"-(?:distroless|debug|[0-9a-f]{8})$")


def differences(facts: Facts) -> list[str]:
    return [*_versions(facts), *_deployments(facts), *_routes(facts)]


def _versions(facts: Facts) -> Iterator[str]:
    wanted = facts.wanted
    istiod = facts.find("Deployment", (wanted.istio_namespace, wanted.istiod))
    crds = facts.of_kind(CRD)
    running = {
        "Kubernetes": facts.version.removeprefix("v"),
        "Istio": image_version(istiod) if istiod else "",
        "Gateway API": annotations_of(crds[0]).get(CRD_VERSION, "").removeprefix("v") if crds else "",
    }
    for name, said in wanted.versions.items():
        said, found = said.removeprefix("v"), _VARIANT.sub("", running.get(name, ""))
        # Of Kubernetes, the inventory names the minor version only.
        if said and found and not f"{found}.".startswith(f"{said}."):
            yield f"{name} is {found}, the inventory says {said}"


def _said(facts: Facts) -> Manifest:
    wanted = facts.wanted
    gateway = {"name": "any", "namespace": wanted.ingress_namespace, "service": wanted.gateway, "selector": {}}
    return t.cast(Manifest, spoken({"apps": list(wanted.apps), "routes": list(wanted.routes), "gateway": gateway}))


def _of_set(facts: Facts, item: Manifest) -> bool:
    return bool(facts.wanted.set) and labels_of(item).get(_SET) == facts.wanted.set


def _deployments(facts: Facts) -> Iterator[str]:
    wanted = {place_of(item): item for item in app_manifests(_said(facts)) if item["kind"] == "Deployment"}
    for place, item in wanted.items():
        found = facts.find("Deployment", place)
        if found is None:
            yield f"Deployment {'/'.join(place)} is missing"
        else:
            yield from _of_one(place, item, found)
    if wanted:
        mine = [place_of(item) for item in facts.of_kind("Deployment") if _of_set(facts, item)]
        yield from (f"Deployment {'/'.join(place)} is of the set {facts.wanted.set}, and not in the inventory" for place in mine if place not in wanted)


def _of_one(place: Place, wanted: Manifest, found: Manifest) -> Iterator[str]:
    name, said, runs = "/".join(place), wanted["spec"].get("replicas"), found["spec"].get("replicas", 1)
    if said is not None and said != runs:
        yield f"{name} has {runs} replicas, the inventory says {said}"
    images = {one["name"]: one.get("image") for one in found["spec"]["template"]["spec"]["containers"]}
    for one in wanted["spec"]["template"]["spec"]["containers"]:
        # An image that is built here has its name only in a run that builds it.
        if one.get("image") and one["image"] != images.get(one["name"]):
            yield f"{name} runs {images.get(one['name'])}, the inventory says {one['image']}"


def _routes(facts: Facts) -> Iterator[str]:
    if not facts.wanted.routes:
        return
    kinds = [kind for _api, kind in live.KINDS]
    wanted = _by_hosts([item for item in route_manifests(_said(facts), facts.wanted.routing_api) if item["kind"] in kinds])
    found = _by_hosts([item for kind in kinds for item in facts.of_kind(kind)])
    mine = _by_hosts([item for kind in kinds for item in facts.of_kind(kind) if _of_set(facts, item)])
    for key, route in wanted.items():
        if key not in found:
            yield f"route {route.title} is missing"
        elif found[key].rules != route.rules:
            yield f"route {route.title} leads elsewhere than the inventory says"
    yield from (f"route {route.title} is of the set {facts.wanted.set}, and not in the inventory" for key, route in mine.items() if key not in wanted)


def _by_hosts(items: list[Manifest]) -> dict[tuple[str, ...], Route]:
    return {(route.namespace, str(route.inside), *sorted(route.hosts)): route for route in read(items)}
