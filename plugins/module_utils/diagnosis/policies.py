# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""NetworkPolicies that are not enforced."""

from __future__ import annotations

from ..kube.api import KubeApi
from ..kube.network_policies import enforcer
from .report import Section


def network_policies(api: KubeApi) -> Section:
    section = Section("network policies")
    policies = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in api.find("networking.k8s.io/v1", "NetworkPolicy")]
    agent = enforcer(api.find("apps/v1", "DaemonSet"))
    section.lines.append(f"{len(policies)} there, enforced by {agent or 'nothing that is known here'}")
    if policies and not agent:
        section.noted("unenforced", f"nothing in the cluster is known to enforce {', '.join(sorted(policies))}")
    return section
