# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""eks_cluster_expected_account_id holds for every module, role and playbook that calls AWS: of another account nothing is even read."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from cloud import REPOSITORY, Cloud
from platform_parts import options_of

SAID = "eks_cluster_expected_account_id is '999999999999', but the AWS credentials belong to account 123456789012 (arn:aws:iam::123456789012:"
OTHER = {"eks_cluster_expected_account_id": "999999999999"}
PLATFORM = ("aws_preflight_info", "eks_platform")  # they take all of role eks_cluster's inputs
ISSUER = "https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
ROLE = "arn:aws:iam::123456789012:role/people"
# The least that each module of ours that speaks to AWS takes, as the roles would call it.
MODULES: dict[str, dict[str, Any]] = {
    "alb_drain": {"cluster_name": "sandbox", "without_cluster": True},
    "alb_domain": {"host_name": "mesh.example.com", "cluster_name": "sandbox", "state": "absent"},
    "alb_hostname_info": {"cluster_name": "sandbox"},
    "alb_preflight_info": {"access_logs": {"bucket": "logs-of-sandbox"}, "account_id": "123456789012"},
    "alb_security_group": {"cluster_name": "sandbox", "group_name": "sandbox-alb", "state": "absent"},
    "aws_leftovers": {"cluster_name": "sandbox", "include_cluster": True},
    "aws_leftovers_info": {"cluster_name": "sandbox"},
    "aws_preflight_info": {"operator_policy": {}},
    "ecr_image": {"name": "sandbox/service-a", "cluster_name": "sandbox", "state": "absent"},
    "eks_access_entry": {"cluster_name": "sandbox", "principal_arn": ROLE},
    "eks_addon": {"cluster_name": "sandbox", "name": "coredns"},
    "eks_cluster": {"name": "sandbox", "state": "absent"},
    "eks_cluster_info": {"name": "sandbox"},
    "eks_nodegroup": {"cluster_name": "sandbox", "name": "blue", "state": "absent"},
    "eks_platform": {},
    "eks_pod_identity_association": {"cluster_name": "sandbox", "namespace": "a", "service_account": "b", "state": "absent"},
    "iam_oidc_provider": {"url": ISSUER, "state": "absent"},
    "iam_service_account_role": {"role_name": "r", "policy_name": "r", "state": "absent", "account_id": "123456789012"},
    "image_platforms_info": {"images": ["123456789012.dkr.ecr.us-west-2.amazonaws.com/a:1"]},
    "platform_report_info": {"cluster_name": "sandbox"},
    "platform_status_info": {"cluster_name": "sandbox"},
    "platform_claim": {"cluster_name": "sandbox", "run": {"host": "a", "boot": "b", "space": "c", "user": 0, "pid": 1, "started": "1"}},
    "upgrade_plan_info": {"wanted": {"cluster": {"name": "sandbox", "version": "1.36"}}, "parts": ["aws"]},
}
# They say what they can of everything else, and this among it.
REPORTS = ("image_platforms_info", "platform_report_info", "platform_status_info")
INPUTS = yaml.safe_load((REPOSITORY / "roles/eks_cluster/vars/main.yml").read_text())["_eks_cluster_inputs"]


def calls(aws: Cloud) -> set[str]:
    return {call.name for call in aws.faults.calls}


def test_every_module_that_speaks_to_aws_is_here() -> None:
    modules = (REPOSITORY / "plugins/modules").glob("*.py")
    assert set(MODULES) == {path.stem for path in modules if re.search(r"AnsibleAWSModule\(", path.read_text())}


@pytest.fixture
def inputs() -> dict[str, Any]:
    """What role eks_cluster hands to the modules that take all of it."""
    defaults = yaml.safe_load((REPOSITORY / "roles/eks_cluster/defaults/main.yml").read_text())
    plain = {key.removeprefix("eks_cluster_"): value for key, value in defaults.items()}
    named = {"version": "1.36", "role_name": "sandbox-eks-cluster", "node_role_name": "sandbox-eks-node", "kubeconfig": "/nowhere", "context": "sandbox"}
    return {key: {**plain, "addons": [], **named}.get(key) for key in INPUTS}


@pytest.mark.parametrize("name", MODULES)
def test_no_module_calls_anything_of_another_account(aws: Cloud, name: str, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHGATE_EXPECTED_ACCOUNT_ID", "999999999999")
    done = aws.module(name, **(options_of(inputs) if name in PLATFORM else {}), **MODULES[name])
    assert SAID in str(done)
    assert done.get("failed") or name in REPORTS
    assert calls(aws) == {"sts:GetCallerIdentity"}


@pytest.mark.parametrize(
    ("role", "tasks_from"),
    [
        pytest.param("eks_cluster", "main", marks=pytest.mark.slow),
        pytest.param("eks_cluster", "aws_preflight", marks=pytest.mark.slow),
        pytest.param("eks_cluster", "facts", marks=pytest.mark.slow),
        pytest.param("eks_cluster", "remove_look", marks=pytest.mark.slow),
        ("eks_cluster", "remove"),
        pytest.param("alb_controller", "remove", marks=pytest.mark.slow),
        pytest.param("istio", "host_name", marks=pytest.mark.slow),
    ],
)
def test_no_way_into_a_role_leads_into_another_account(aws: Cloud, role: str, tasks_from: str) -> None:
    run = aws.role(role, tasks_from=tasks_from, ok=False, istio_ingress_host_name="mesh.example.com", alb_controller_account_id="123456789012", **OTHER)
    assert SAID in run.failures(), run.output[-3000:]
    assert calls(aws) == {"sts:GetCallerIdentity"}
