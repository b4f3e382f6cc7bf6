# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the variables of the roles mesh_apps and mesh_routes have in common."""

from __future__ import annotations

from typing import Any

from ...kube.names import DNS_LABEL
from ...mesh.spoken import spoken
from . import rules as r


# Mappings whose keys are the user's: there, a value of None was said.
def entries(rules: r.Rules, name: str) -> list[dict[str, Any]]:
    return [spoken(entry) for entry in rules.sequence(name) if isinstance(entry, dict)]


def check_set(rules: r.Rules, role: str) -> None:
    name = rules.text(f"{role}_set")
    rules.need(bool(name and r.LABEL_VALUE.fullmatch(name)), f"{role}_set", "a valid label value, by which the set's objects are marked")
    rules.each_like(f"{role}_confined_to", DNS_LABEL, "names of namespaces")


def planned(rules: r.Rules, apps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Before there is a cluster, role toolchain may still have to make images: an empty name stands for one of these."""
    return apps if r.cluster_exists(rules) else [_with_images(app) for app in apps]


def _with_images(entry: dict[str, Any]) -> dict[str, Any]:
    planned = {"image": "planned"} if entry.get("image") == "" else {}
    versions = {"versions": [_with_images(version) for version in entry["versions"]]} if entry.get("versions") else {}
    return {**entry, **planned, **versions}
