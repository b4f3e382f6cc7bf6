# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether anything in a cluster enforces NetworkPolicies: the API server accepts them in any case."""

from __future__ import annotations

from collections.abc import Iterable

from .objects import Manifest

# Network plugins and agents that enforce them, by their DaemonSets' usual names. EKS's own does so only if configured.
# kind's since 0.24: https://github.com/kubernetes-sigs/kind/releases/tag/v0.24.0
ENFORCERS = ("calico-node", "cilium", "kube-network-policies", "antrea-agent", "kindnet", "kube-router", "weave-net")
VPC_CNI, AGENT, SWITCH = "aws-node", "aws-eks-nodeagent", "--enable-network-policy=true"


def enforcer(daemon_sets: Iterable[Manifest]) -> str:
    """The name of the DaemonSet that enforces NetworkPolicies; empty if none is known to."""
    return next((one["metadata"]["name"] for one in daemon_sets if _enforces(one)), "")


def _enforces(daemon_set: Manifest) -> bool:
    name = daemon_set["metadata"]["name"]
    if name != VPC_CNI:
        return name in ENFORCERS
    containers = ((daemon_set["spec"].get("template") or {}).get("spec") or {}).get("containers") or []
    return any(container["name"] == AGENT and SWITCH in (container.get("args") or []) for container in containers)
