# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the variables of the role mesh_routes must look like. Nothing here asks anybody."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from ...mesh.checks import problems as of_the_mesh
from . import rules as r
from .mesh import check_set, entries, planned

READS = ("toolchain_facts", "toolchain_components", "eks_cluster_facts", "istio_ingress_certificate_arn", "istio_ingress_host_name")


def problems(given: Mapping[str, Any]) -> list[str]:
    rules = r.Rules(given)
    routes = entries(rules, "mesh_routes")
    check_set(rules, "mesh_routes")
    wanted = {
        "apps": planned(rules, entries(rules, "mesh_routes_apps")),
        "routes": routes,
        "gateway": {
            "idle_timeout": rules.number("mesh_routes_idle_timeout"),
            "exists": bool(rules.text("mesh_routes_gateway")),
            "load_balancer": _load_balancer(rules),
        },
        "teams": entries(rules, "mesh_routes_teams"),
        "production": r.truth(given.get("mesh_routes_production")),
        "today": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    for problem in of_the_mesh(wanted, rules.text("mesh_routes_api") or "auto"):
        # An app's is role mesh_apps' to tell, too: word by word the same, so that it is told once.
        rules.found.append(f"{'mesh_apps' if problem.startswith('app ') else 'mesh_routes'}: {problem}")
    allowed = [str(name) for name in rules.sequence("mesh_routes_confined_to")]
    outside = [route.get("name") for route in routes if route.get("namespace") not in allowed] if allowed else []
    if outside:
        rules.refuse("mesh_routes", outside, f"routes in the namespaces of mesh_routes_confined_to ({', '.join(allowed)})")
    accepted = "the labels of the ingress gateway's pods, such as {istio: ingressgateway}; without labels, every proxy of the mesh would become the gateway"
    rules.need(bool(rules.mapping("mesh_routes_gateway_selector")), "mesh_routes_gateway_selector", accepted)
    r.check_labels(rules, "mesh_routes_gateway_selector")
    rules.need(rules.number("mesh_routes_timeout") > 0, "mesh_routes_timeout", "a number of seconds, at least 1")
    if not rules.text("mesh_routes_render_to"):
        r.programs(rules, mesh_routes_kubectl="kubectl")
        if rules.text("mesh_routes_istioctl"):
            r.programs(rules, mesh_routes_istioctl="istioctl")
    return rules.found


def _load_balancer(rules: r.Rules) -> dict[str, Any]:
    """Where a cluster has one, its Ingress says later what it carries. A platform that is planned has an HTTPS listener where a variable says so."""
    planned = any(rules.text(name) for name in ("istio_ingress_certificate_arn", "istio_ingress_host_name"))
    said = rules.mapping("mesh_routes_load_balancer")
    if said or rules.text("mesh_routes_render_to") or not (planned or r.cluster_exists(rules)):
        return said
    return {"group": "later", "https_port": 443, "certificate_arns": ["later"]}
