# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the variables of the role mesh_apps must look like. Nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...eks.options import NAME as CLUSTER_NAME
from ...images.services import REPOSITORY
from ...mesh.checks import problems as of_the_mesh
from ...mesh.names import Version, name_of, versions_of
from . import rules as r
from .mesh import check_set, entries, planned

READS = ("platform_billed", "toolchain_facts", "toolchain_components", "eks_cluster_facts")


def problems(given: Mapping[str, Any]) -> list[str]:
    rules = r.Rules(given)
    apps = entries(rules, "mesh_apps")
    check_set(rules, "mesh_apps")
    rules.found += [f"mesh_apps: {problem}" for problem in of_the_mesh({"apps": planned(rules, apps)})]
    _namespaces(rules, apps)
    _images(rules, apps)
    rules.need(rules.number("mesh_apps_timeout") > 0, "mesh_apps_timeout", "a number of seconds, at least 1")
    if rules.text("mesh_apps_registry") == "ecr":
        rules.like("mesh_apps_ecr_prefix", REPOSITORY, "lower-case letters and digits, with single separators between them, as ECR names a repository")
    if r.truth(given.get("mesh_apps_aws_roles")):
        rules.like("mesh_apps_cluster_name", CLUSTER_NAME, "the name of the EKS cluster in which the apps' service accounts are")
    if not rules.text("mesh_apps_render_to"):
        r.programs(rules, mesh_apps_kubectl="kubectl")
    return rules.found


def _namespaces(rules: r.Rules, apps: list[dict[str, Any]]) -> None:
    allowed = [str(name) for name in rules.sequence("mesh_apps_confined_to")]
    outside = [app.get("name") for app in apps if app.get("namespace") not in allowed] if allowed else []
    if outside:
        rules.refuse("mesh_apps", outside, f"apps in the namespaces of mesh_apps_confined_to ({', '.join(allowed)})")
    system = sorted({str(app.get("namespace")) for app in apps if r.NOT_FOR_APPS.fullmatch(str(app.get("namespace")))})
    if system:
        rules.refuse("mesh_apps", system, "namespaces for apps, not the cluster's or Istio's own")


def _images(rules: r.Rules, apps: list[dict[str, Any]]) -> None:
    if not r.on_aws(rules):
        return
    images = {name_of(app, version): str({**app, **version.said}.get("image")) for app in apps for version in _versions(app)}
    pushed = _pushed(rules)
    local = {name: image for name, image in images.items() if image.startswith(f"{r.LOCAL_IMAGES}/") and image not in pushed}
    if local:
        accepted = "images of a registry that nodes on AWS can reach, or those that role toolchain built for mesh_apps_registry: ecr to push"
        rules.refuse("mesh_apps", local, f"{accepted}; meshgate.local exists on this machine only")


def _pushed(rules: r.Rules) -> set[Any]:
    """Without the account, a push has no place to go to."""
    if rules.text("mesh_apps_registry") != "ecr" or not (rules.text("mesh_apps_account_id") and rules.text("mesh_apps_region")):
        return set()
    return {image.get("name") for image in (rules.fact("toolchain_facts", "images") or {}).values() if image.get("archives")}


def _versions(app: dict[str, Any]) -> list[Version]:
    return versions_of(app) if all(entry.get("name") for entry in app.get("versions") or []) else []
