# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module eks_platform with the inputs of role eks_cluster, so that what the role hands over is what the tests ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_harness import REGION, run

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.options import options_of
from ansible_collections.meshgate.eks_istio.plugins.modules import eks_platform

# What needs no cluster.
GROUND = ["network", "iam", "logs", "launch_templates"]


def platform(tmp_path: Path, name: str = "sandbox", **changes: Any) -> dict[str, Any]:
    """The role's variables without their prefix."""
    return {
        "name": name,
        "region": REGION,
        "version": "1.36",
        "vpc_cidr": "192.168.0.0/16",
        "nat_mode": "single",
        "endpoint_access": "public_and_private",
        "public_access_cidrs": ["0.0.0.0/0"],
        "authentication_mode": "API_AND_CONFIG_MAP",
        "support_type": "STANDARD",
        "deletion_protection": False,
        "role_name": f"{name}-eks-cluster",
        "node_role_name": f"{name}-eks-node",
        "kubeconfig_manage": True,
        "kubeconfig": str(tmp_path / "kubeconfig"),
        "context": name,
        "node_groups": [{"name": "mng-arm", "instance_types": ["m6g.large"], "desired_size": 2}],
        **changes,
    }


def planned(endpoint: str, given: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
    return run(eks_platform, endpoint, check=check, **{**options_of(given), "state": "planned", **options})


def present(endpoint: str, given: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
    return run(eks_platform, endpoint, check=check, **{**options_of(given), "sections": GROUND, **options})
