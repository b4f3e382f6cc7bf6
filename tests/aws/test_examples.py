# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The examples of the modules around a cluster, as the tasks that they are: in an account where role eks_cluster has made what they name."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "examples"), str(HERE.parent / "unit")]

import image_rig  # noqa: E402
from documented import AWS, PREFIX, examples, standing_in  # noqa: E402

FILES = HERE.parents[1] / "roles/eks_cluster/files"
FIRST = ("platform_claim", "aws_preflight_info")  # before there is a cluster
ALONE = "eks_platform"
AGAIN = ", again"
LAST = ("aws_leftovers", "aws_leftovers_info")
LOGS = {
    "Effect": "Allow",
    "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::my-logs/mesh/AWSLogs/123456789012/*",
}


@pytest.fixture
def names(aws) -> dict[str, str]:
    """What the examples make up, and what stands for it in the emulated account and beside the playbook."""
    for name in ("operator_policy.json", "prices.yml"):
        shutil.copy(FILES / name, aws.folder / name)
    policy = aws.folder / "iam_policy.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}]}))
    archives = {f"build/service-a-{cpu}.tar": image_rig.docker_archive(aws.folder / f"{cpu}.tar", cpu, cpu.encode() * 5000) for cpu in ("amd64", "arm64")}
    registry = aws.client("ecr").get_authorization_token()["authorizationData"][0]["proxyEndpoint"].split("//")[1]
    return {
        **archives,
        "https://raw.githubusercontent.com/kubernetes-sigs/aws-load-balancer-controller/v3.2.2/docs/install/iam_policy.json": str(policy),
        "123456789012.dkr.ecr.us-west-2.amazonaws.com": registry,
        "docker.io/library/nginx:1.29": f"{registry}/sandbox/service-a:0.1.0",  # no other registry is asked by a test
        "~/.local/state/meshgate": str(aws.folder / "state"),
    }


@pytest.mark.slow
def test_the_examples_run_and_what_they_make_is_made_once(aws, names):
    aws.client("s3").create_bucket(Bucket="my-logs", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    aws.client("s3").put_bucket_policy(Bucket="my-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [LOGS]}))
    aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="examples")
    balancer = {"Name": "sandbox-alb", "Subnets": aws.subnets(aws.vpc()), "Tags": [{"Key": "elbv2.k8s.aws/cluster", "Value": "sandbox"}]}
    aws.client("elbv2").create_load_balancer(**balancer)

    def tasks(*modules: str) -> list[dict[str, Any]]:
        return [task for module in modules for task in standing_in(examples(module), names)]

    middle = tasks(*[name for name in AWS if name not in (*FIRST, *LAST, ALONE)])
    absent = [task for task in middle if any("absent" in str(task[key].get("state")) for key in task if key.startswith(PREFIX))]
    present = [task for task in middle if task not in absent]
    role = {"name": "meshgate.eks_istio.eks_cluster", "public": True}
    book = [
        {"name": "Settings", "ansible.builtin.include_role": {**role, "tasks_from": "preflight"}},
        *tasks(*FIRST),
        {"name": "The cluster", "ansible.builtin.include_role": role},
        *twice(present),
        *twice(absent),
        *tasks(*LAST),
    ]
    variables = {"platform": "{{ _eks_cluster_inputs }}"}
    run = aws.play([{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": book}])

    changed = {task["name"]: task["result"].get("changed", False) for task in run.tasks}
    for task in [*present, *absent, *tasks("aws_leftovers")[:1]]:
        makes = any(key.startswith(PREFIX) and not key.endswith("_info") for key in task)
        assert changed[task["name"]] is makes, f"{task['name']}: changed is {changed[task['name']]}"
    assert [name for name, done in changed.items() if name.endswith(AGAIN) and done] == []
    assert aws.client("eks").list_clusters()["clusters"] == []


@pytest.mark.slow
def test_a_platform_comes_about_from_the_examples_of_eks_platform_alone(aws, names):
    """What it leaves to other modules is the OIDC provider and the kubeconfig, which these examples do not ask for."""
    aws.role_for("ec2.amazonaws.com", "platform")
    quick = {f"{PREFIX}{module}": {"wait_delay": 0.1, "wait_timeout": 60} for module in ("eks_platform", "eks_cluster", "eks_nodegroup")}

    def play(tasks: list[dict[str, Any]]) -> Any:
        return aws.play([{"hosts": "localhost", "connection": "local", "gather_facts": False, "module_defaults": quick, "tasks": tasks}])

    def changed(run: Any) -> dict[str, bool]:
        return {task["name"]: task["result"].get("changed", False) for task in run.tasks}

    tasks = standing_in(examples(ALONE), names)
    ground, plane, lists, nodes, wait, plan = [task["name"] for task in tasks]
    assert changed(play(tasks)) == {ground: True, plane: True, lists: True, nodes: True, wait: False, plan: False}
    eks = aws.client("eks")
    assert eks.describe_cluster(name="shop")["cluster"]["status"] == "ACTIVE" and eks.list_nodegroups(clusterName="shop")["nodegroups"] == ["mng-arm"]
    added = {name: eks.describe_addon(clusterName="shop", addonName=name)["addon"]["status"] for name in eks.list_addons(clusterName="shop")["addons"]}
    assert added == dict.fromkeys(["coredns", "kube-proxy", "vpc-cni"], "ACTIVE")
    mark = aws.mark()
    again = play(tasks)
    assert not any(changed(again).values()) and aws.mutations(mark) == []
    (look,) = [task["result"] for task in again.tasks if task["name"] == plan]
    assert look["sections"] == ["oidc"] and look["unfinished"] == []


def twice(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [same for task in tasks for same in (task, {**task, "name": task["name"] + AGAIN})]
