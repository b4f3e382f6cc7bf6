# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the variables of role kind_cluster. Makes no requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...laptop import kind
from . import rules as r

READS = ("eks_cluster_version",)
NODE_VERSION = re.compile(r":v([0-9]+\.[0-9]+)")


def problems(given: Mapping[str, Any]) -> list[str]:
    """The module refuses the same, but only if Docker runs."""
    rules = r.Rules(given)
    _version(rules)
    rules.need(rules.number("kind_cluster_timeout") > 0, "kind_cluster_timeout", "a number of seconds above 0")
    settings = kind.Settings(
        name=rules.text("kind_cluster_name"),
        node_image=rules.text("kind_cluster_node_image"),
        workers=int(rules.number("kind_cluster_workers")),
        pod_subnet=rules.text("kind_cluster_pod_subnet"),
        service_subnet=rules.text("kind_cluster_service_subnet"),
        api_port=int(rules.number("kind_cluster_api_port")),
        host_ports=_host_ports(rules),
        node_labels=rules.mapping("kind_cluster_node_labels"),
        registry_config=rules.text("kind_cluster_registry_config"),
    )
    return rules.found + kind.problems(settings, archives=False)


def _version(rules: r.Rules) -> None:
    """A locally built image has a key instead of a version as its tag: it has the pinned version."""
    wanted = rules.given.get("eks_cluster_version")
    found = NODE_VERSION.search(f"{rules.text('kind_cluster_node_image')}:v{r.pinned('kubernetes')}")
    if wanted is not None and found and str(wanted) != found[1]:
        rules.refuse("eks_cluster_version", wanted, f"'{found[1]}' on this machine, in quotes, the version of kind's nodes (kind_cluster_node_image)")


def _host_ports(rules: r.Rules) -> list[dict[str, Any]]:
    entries = rules.sequence("kind_cluster_host_ports")
    right = [entry for entry in entries if isinstance(entry, Mapping) and all(_is_number(entry.get(key)) for key in ("host_port", "container_port"))]
    if len(right) < len(entries):
        rules.need(False, "kind_cluster_host_ports", "entries such as {host_port: 8000, container_port: 30000}")
    return [{**entry, "host_port": int(entry["host_port"])} for entry in right]


def _is_number(value: Any) -> bool:
    return str(value).isdigit()
