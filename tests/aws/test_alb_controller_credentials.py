# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Role alb_controller: from one way of credentials to the other and back, as far as AWS sees it, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloud import Cloud
from harness import Run

CLUSTER = "sandbox"
ROLE = f"{CLUSTER}-us-west-2-aws-load-balancer-controller"
WHERE = {"clusterName": CLUSTER, "namespace": "kube-system", "serviceAccount": "aws-load-balancer-controller"}


def variables(folder: Path, **more: Any) -> dict[str, Any]:
    policy = folder / "policy.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}]}))
    return {
        "alb_controller_cluster_name": CLUSTER,
        "alb_controller_region": "us-west-2",
        "alb_controller_vpc_id": "vpc-0123456789abcdef0",
        "alb_controller_account_id": "123456789012",
        "alb_controller_oidc_issuer": "https://issuer",
        "alb_controller_oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/issuer",
        "alb_controller_iam_policy": str(policy),
        "alb_controller_kubectl": "sh",
        "alb_controller_helm": "sh",
        "_alb_controller_association_seconds": 1,
        **more,
    }


def roles(aws: Cloud, given: dict[str, Any], check: bool = False) -> Run:
    """The credentials, and what the chart would be told about them."""
    include = {"name": "meshgate.eks_istio.alb_controller", "tasks_from": "credentials", "public": True}
    values = "{{ {'serviceAccount': _alb_controller_values.serviceAccount, 'podAnnotations': _alb_controller_values.podAnnotations | default({})} | to_json }}"
    tasks = [{"name": "Credentials", "ansible.builtin.include_role": include}, {"name": "Tell", "ansible.builtin.debug": {"msg": values}}]
    return aws.play([{"name": "Controller", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}], check, variables=given)


def told(run: Run) -> str:
    return next(str(task["result"]["msg"]) for task in run.tasks if task["name"] == "Tell")


def trust(aws: Cloud) -> Any:
    return aws.client("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Action"]


def associations(aws: Cloud) -> list[dict[str, Any]]:
    eks = aws.client("eks")
    found = eks.list_pod_identity_associations(**WHERE)["associations"]
    return [eks.describe_pod_identity_association(clusterName=CLUSTER, associationId=one["associationId"])["association"] for one in found]


@pytest.mark.slow
def test_from_irsa_to_pod_identity_and_back_leaves_nothing_behind(aws: Cloud, tmp_path: Path) -> None:
    eks = aws.client("eks")
    subnets = aws.subnets(aws.vpc())
    eks.create_cluster(name=CLUSTER, roleArn=aws.role_for("eks.amazonaws.com", "cluster"), resourcesVpcConfig={"subnetIds": subnets})
    eks.get_waiter("cluster_active").wait(name=CLUSTER, WaiterConfig={"Delay": 1})
    irsa, pod = variables(tmp_path), variables(tmp_path, alb_controller_credentials="pod_identity")

    said = told(roles(aws, irsa))
    assert (trust(aws), associations(aws)) == ("sts:AssumeRoleWithWebIdentity", [])
    assert "eks.amazonaws.com/role-arn" in said and "meshgate.io/credentials" not in said

    mark = aws.mark()
    assert roles(aws, pod, check=True).changed
    assert aws.mutations(mark) == []
    said = told(roles(aws, pod))
    (made,) = associations(aws)
    assert made["roleArn"].endswith(f":role/{ROLE}") and made["tags"]["meshgate.io/cluster"] == CLUSTER
    assert trust(aws) == ["sts:AssumeRole", "sts:TagSession"]
    # No annotation, and a pod template that differs: the pods are made anew.
    assert "eks.amazonaws.com/role-arn" not in said and "meshgate.io/credentials" in said
    mark = aws.mark()
    assert not roles(aws, pod).changed
    assert aws.mutations(mark) == []

    assert roles(aws, irsa).changed
    assert (trust(aws), associations(aws)) == ("sts:AssumeRoleWithWebIdentity", [])
    assert not roles(aws, irsa).changed


AGENTLESS = "eks_cluster_addons is ['vpc-cni']; accepted: a list with eks-pod-identity-agent"
POD_IDENTITY = {"alb_controller_credentials": "pod_identity", "alb_controller_oidc_issuer": ""}
CASES: list[tuple[dict[str, Any], str]] = [
    ({**POD_IDENTITY, "eks_cluster_facts": {"exists": True, "addons": {"vpc-cni": "v1"}}}, AGENTLESS),
    ({**POD_IDENTITY, "eks_cluster_facts": {"exists": True, "addons": {"vpc-cni": "v1", "eks-pod-identity-agent": "v1"}}}, ""),
    ({**POD_IDENTITY, "eks_cluster_facts": {"exists": False}, "eks_cluster_addons": ["vpc-cni"]}, AGENTLESS),
    ({**POD_IDENTITY, "eks_cluster_facts": {"exists": False}, "eks_cluster_addons": [{"name": "eks-pod-identity-agent"}]}, ""),
    (POD_IDENTITY, ""),
    ({"alb_controller_oidc_issuer": ""}, "alb_controller_oidc_issuer is"),
    ({"eks_cluster_iam_permissions_boundary": "boundary"}, "alb_controller_iam_permissions_boundary is"),
    ({"eks_cluster_iam_permissions_boundary": "arn:aws-cn:iam::123456789012:policy/b"}, "accepted: empty, or the ARN of an IAM policy in partition aws"),
    ({"eks_cluster_iam_path": "mesh"}, "alb_controller_iam_path is"),
]


def test_pod_identity_without_its_agent_and_what_iam_would_refuse_is_refused_first(aws: Cloud, tmp_path: Path) -> None:
    said = "{{ (ansible_failed_result.results | default([ansible_failed_result])) | map(attribute='msg') | join(' ') }}"
    role = {"name": "meshgate.eks_istio.alb_controller", "tasks_from": "preflight"}
    tasks: list[dict[str, Any]] = []
    for number, (given, _accepted) in enumerate(CASES):
        block = [{"name": "Preflight", "ansible.builtin.include_role": role, "vars": given}]
        told = {"name": f"Said {number}", "ansible.builtin.debug": {"msg": said}}
        tasks.append({"name": f"Case {number}", "block": block, "rescue": [told]})
    common = {key: value for key, value in variables(tmp_path).items() if key not in ("alb_controller_oidc_issuer", "alb_controller_credentials")}
    issuer = {"alb_controller_oidc_issuer": "https://issuer"}
    plays = [{"name": "Cases", "hosts": "localhost", "connection": "local", "gather_facts": False, "vars": issuer, "tasks": tasks}]
    run = aws.play(plays, check=True, variables=common)
    refused = {task["name"]: task["result"]["msg"] for task in run.tasks if task["name"].startswith("Said")}
    for number, (given, accepted) in enumerate(CASES):
        assert (f"Said {number}" in refused) is bool(accepted), (given, refused)
        assert accepted in refused.get(f"Said {number}", ""), given
