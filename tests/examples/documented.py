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


Shown = tuple[str, int, bool | None]
# Module, number of its example, and whether it changes something here (None: where Docker runs with our runtime).
# What removes comes before what makes where the platform has it already.
LOOK: list[Shown] = [
    *[(name, 0, False) for name in ("docker_engine", "toolchain_artifacts")],
    ("toolchain_artifacts", 1, False),
    ("kind_cluster_info", 0, False),
    *[(name, number, False) for name in ("kube_access_info", "mesh_pod_info", "alb_hostname_info") for number in (0, 1)],
    ("http_answer_info", 0, False),
    ("mesh_route_test", 0, False),
    *[("observability_preflight_info", number, False) for number in (0, 1)],
    *[("alb_ingress_info", number, False) for number in (0, 1)],
    *[("istio_workload_info", number, False) for number in (0, 1)],
    *[("upgrade_plan_info", number, False) for number in (0, 1, 2)],
    *[("platform_report_info", number, False) for number in (0, 1)],
    *[("platform_status_info", number, number == 2) for number in (0, 1, 2)],
]
REMOVE_CACHE: Shown = ("toolchain_artifacts", 2, True)
LIFE: list[Shown] = [
    *[("k8s_apply_set", number, number != 1) for number in range(5)],
    ("alb_drain", 0, True),
    ("istioctl_install", 4, True),
    *[("istioctl_install", number, number != 3) for number in (0, 1, 2, 3, 4)],  # no tag was led to what the third one removes
    ("gateway_api_crds", 1, True),
    ("gateway_api_crds", 0, True),
    ("gateway_api_crds", 1, True),
    ("helm_release", 1, True),
    ("helm_release", 0, True),
    ("helm_release", 1, True),
    ("aws_emulator", 1, True),
    ("kind_cluster", 1, True),
    ("kind_cluster", 0, True),
    ("aws_emulator", 0, True),
    ("aws_emulator", 1, True),
    ("kind_cluster", 1, True),
    ("docker_engine", 1, None),  # refused while there is a container that was made with it
    ("docker_engine", 0, None),  # as the machine was before this test
    REMOVE_CACHE,
]


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
