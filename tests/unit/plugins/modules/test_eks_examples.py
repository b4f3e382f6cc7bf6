# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Every example in the documentation of EKS's modules does what it says, and does it once."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from aws_harness import Account, emulator, run
from eks_parts import FAST, Parts

MODULES = "ansible_collections.meshgate.eks_istio.plugins.modules."
# A cluster is there before what belongs to it, and is deleted by its own last example.
ORDER = ("eks_cluster", "eks_nodegroup", "eks_access_entry", "eks_pod_identity_association", "eks_addon", "iam_oidc_provider", "eks_cluster_info")
ROLES = {
    "sandbox-eks-cluster": "eks.amazonaws.com",
    "sandbox-eks-node": "ec2.amazonaws.com",
    "ebs-csi-driver": "pods.eks.amazonaws.com",
    "sandbox-alb-controller": "pods.eks.amazonaws.com",
    "reports": "pods.eks.amazonaws.com",
    "platform": "ec2.amazonaws.com",
    "team-a": "ec2.amazonaws.com",
    "own-nodes": "ec2.amazonaws.com",
}


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """An account of its own: the examples' names are the platform's, too."""
    with emulator() as endpoint:
        yield Account(endpoint)


@pytest.fixture(scope="module")
def names(account: Account) -> dict[str, str]:
    """What the examples name, and what stands for it in the emulated account."""
    for role, service in ROLES.items():
        account.role(role, service)
    template = {"LaunchTemplateData": {"MetadataOptions": {"HttpTokens": "required"}}}
    made = account.client("ec2").create_launch_template(LaunchTemplateName="sandbox-nodes", **template)["LaunchTemplate"]
    account.client("ec2").create_launch_template_version(LaunchTemplateId=made["LaunchTemplateId"], **template)
    subnets = Parts(account).subnet_ids
    issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/FEDCBA98765432100123456789ABCDEF"
    return {"subnet-0a1b2c3d4e5f60001": subnets[0], "subnet-0a1b2c3d4e5f60002": subnets[1], "{{ eks_cluster_facts.oidc_issuer }}": issuer}


def examples(module: str) -> list[tuple[str, dict[str, Any]]]:
    return [(module, task) for task in yaml.safe_load(importlib.import_module(MODULES + module).EXAMPLES)]


def test_every_example_runs_and_changes_nothing_when_it_runs_again(account: Account, names: dict[str, str]) -> None:
    tasks = [task for module in ORDER for task in examples(module)]
    last = next(task for task in tasks if task[0] == "eks_cluster" and task[1]["meshgate.eks_istio.eks_cluster"].get("state") == "absent")
    tasks = [*[task for task in tasks if task is not last], last]
    changed: dict[str, list[bool]] = {module: [] for module in ORDER}
    for name, task in tasks:
        text = yaml.safe_dump(task[f"meshgate.eks_istio.{name}"])
        for said, real in names.items():
            text = text.replace(said, real)
        given = yaml.safe_load(text)
        module = importlib.import_module(MODULES + name)
        waits = FAST if "wait_timeout" in module.DOCUMENTATION or "eks.wait" in module.DOCUMENTATION else {}
        first = run(module, account.endpoint, bool(task.get("check_mode")), **{**given, **waits})
        assert not first.get("failed"), f"{name}: {task['name']}: {first.get('msg')}"
        changed[name].append(first["changed"])
        if not task.get("check_mode"):
            again = run(module, account.endpoint, **{**given, **waits})
            assert not again.get("failed") and again["changed"] is False, f"{name}: {task['name']}: {again}"
    assert changed["eks_cluster"] == [True] * len(changed["eks_cluster"]), "every example of a cluster's life does something"
    assert all(any(results) for name, results in changed.items() if name != "eks_cluster_info")
    assert account.client("eks").list_clusters()["clusters"].count("sandbox") == 0
