# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Misspelt variables are found, and nothing that the collection or its documents set is taken for one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.inputs.names import misspelt

REPO = Path(__file__).resolve().parents[6]
KNOWN = [
    name
    for path in sorted((REPO / "roles").glob("*/meta/argument_specs.yml"))
    for name in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("istio_ingres_scheme", "istio_ingress_scheme"),
        ("istio_ingress_shceme", "istio_ingress_scheme"),
        ("eks_cluster_nodegroups", "eks_cluster_node_groups"),
        ("eks_clustr_name", "eks_cluster_name"),
        ("mesh_app", "mesh_apps"),
        ("rust_services_host", "rust_services_hosts"),
    ],
)
def test_a_misspelt_name_is_reported_with_the_one_it_is_like(name: str, right: str) -> None:
    assert misspelt([name], KNOWN) == [f"{name} is not known; accepted: {right}, or a name of your own that is less like it"]


@pytest.mark.parametrize("name", ["istio", "istio_", "istio_team", "my_ingress_scheme", "eks_cluster_owner", "aws_region", "ansible_connection", *KNOWN])
def test_other_names_are_left_alone(name: str) -> None:
    assert misspelt([name], KNOWN) == []


def keys(value: Any) -> set[str]:
    """Every key in a document, and whatever a task registers."""
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if not isinstance(value, dict):
        return set()
    registered = {value["register"]} if isinstance(value.get("register"), str) else set()
    return registered | set(value) | keys(list(value.values()))


def test_what_roles_and_playbooks_set_is_no_misspelling() -> None:
    files = [path for folder in ("roles", "playbooks", "inventories", "molecule") for path in (REPO / folder).glob("**/*.yml")]
    found = {key for path in files for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) for key in keys(document)}
    assert {"istio_ingress_facts", "eks_cluster_claim", "kind_cluster_docker_facts"} <= found
    modules = {path.stem for path in (REPO / "plugins/modules").glob("*.py")}
    assert misspelt(sorted(found - modules), KNOWN) == []


def test_every_variable_in_the_documents_exists() -> None:
    words = "|".join(sorted({name.partition("_")[0] for name in KNOWN}))
    pages = [REPO / "README.md", *(REPO / "docs").glob("*.md"), *(REPO / "roles").glob("*/README.md")]
    found = {name for page in pages for name in re.findall(rf"`((?:{words})_[a-z0-9_]+)(?=[:`])", page.read_text(encoding="utf-8"))}
    assert len(found) > 50
    assert misspelt(sorted(found), KNOWN) == []
