# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The inputs of each role, and the problems of several roles at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from . import alb_controller, aws_emulator, eks_cluster, gateway_crds, istio, kind_cluster, mesh_apps, mesh_routes, observability, rust_services, toolchain


class Role(NamedTuple):
    """`reads`: variables and facts of other roles that the rules use, besides the role's own variables."""

    problems: Callable[[Mapping[str, Any]], list[str]]
    reads: tuple[str, ...]


# In the order in which a platform is created.
ROLES = {
    module.__name__.rpartition(".")[2]: Role(module.problems, module.READS)
    for module in (
        toolchain,
        aws_emulator,
        kind_cluster,
        eks_cluster,
        alb_controller,
        gateway_crds,
        istio,
        rust_services,
        mesh_apps,
        mesh_routes,
        observability,
    )
}


def problems(given: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """All problems of the variables of these roles, each sentence once."""
    found = [sentence for role, variables in given.items() for sentence in ROLES[role].problems(variables)]
    return list(dict.fromkeys(found))
