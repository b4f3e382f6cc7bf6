# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The examples of our modules' documentation, and where each is run. A module that no list names fails tests/unit/test_examples_listed.py."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import yaml

MODULES = Path(__file__).resolve().parents[2] / "plugins/modules"
PREFIX = "meshgate.eks_istio."

# By tests/unit/plugins/modules/test_eks_examples.py, each twice. A cluster is there before what belongs to it, and is deleted by its own last example.
EKS = ("eks_cluster", "eks_nodegroup", "eks_access_entry", "eks_pod_identity_association", "eks_addon", "iam_oidc_provider", "eks_cluster_info")
# By tests/aws/test_examples.py: the account around a cluster.
AWS = (
    "platform_claim",
    "eks_platform",
    "aws_preflight_info",
    "alb_security_group",
    "alb_preflight_info",
    "alb_domain",
    "ecr_image",
    "image_platforms_info",
    "iam_service_account_role",
    "aws_leftovers",
    "aws_leftovers_info",
)
# By tests/unit/plugins/action: they ask nobody.
ALONE = ("validate_inputs", "plain_text")
# By tests/examples/test_platform_examples.py on the laptop's platform: what only looks first, what removes at last.
PLATFORM = (
    "docker_engine",
    "toolchain_artifacts",
    "kind_cluster_info",
    "kube_access_info",
    "istio_workload_info",
    "mesh_pod_info",
    "mesh_route_test",
    "observability_preflight_info",
    "alb_hostname_info",
    "alb_ingress_info",
    "http_answer_info",
    "upgrade_plan_info",
    "platform_report_info",
    "platform_status_info",
    "k8s_apply_set",
    "alb_drain",
    "istioctl_install",
    "gateway_api_crds",
    "helm_release",
    "aws_emulator",
    "kind_cluster",
)


def examples(module: str) -> list[dict[str, Any]]:
    """A module's examples as the tasks that they are."""
    source = ast.parse((MODULES / f"{module}.py").read_text(encoding="utf-8"))
    for node in source.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "EXAMPLES":
            tasks: list[dict[str, Any]] = yaml.safe_load(ast.literal_eval(node.value))
            return tasks
    raise LookupError(f"{module} has no EXAMPLES")


def standing_in(given: Any, names: dict[str, str]) -> Any:
    """The same with what a test has in place of the names that an example must make up."""
    if isinstance(given, dict):
        return {standing_in(key, names): standing_in(value, names) for key, value in given.items()}
    if isinstance(given, list):
        return [standing_in(value, names) for value in given]
    if isinstance(given, str):
        for said, real in names.items():
            given = given.replace(said, real)
    return given
