# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The operator policy against the calls really made: nothing missing, and nothing superfluous but what has a reason here."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import aws_harness
import botocore
import pytest
import test_teardown
import yaml
from cloud import QUICK, REPOSITORY, Cloud
from policy import ALLOWED, FREE, NAMES, POLICY
from scenarios import SCENARIOS

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.run_identity import of_process
from ansible_collections.meshgate.eks_istio.plugins.modules import alb_preflight_info, ecr_image

sys.path.insert(0, str(REPOSITORY / "tests/unit"))
import image_rig  # noqa: E402

# Actions that no call names: AWS looks for them when it does something in the caller's name.
IN_OUR_NAME = {
    "iam:PassRole": "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html (CreateCluster, CreateNodegroup, CreateAddon, associations)",
    "iam:CreateServiceLinkedRole": "https://docs.aws.amazon.com/eks/latest/userguide/using-service-linked-roles.html (the first cluster of an account)",
    "ec2:RunInstances": "https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html (a node group with a launch template of ours)",
    "ec2:CreateTags": "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html (every Create... with tags)",
    "ecr:GetDownloadUrlForLayer": "https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html (the registry gives a layer)",
}
# Actions that are called on ways which no run below takes, and the file that calls them.
RARELY: dict[str, str] = {
    "ec2:DeleteRoute": "plugins/module_utils/eks/platform/builder.py",
    "ec2:DeleteSnapshot": "plugins/module_utils/teardown/remove.py",
    "ec2:DeleteVpcEndpoints": "plugins/module_utils/teardown/remove.py",
    "ec2:DeleteVolume": "plugins/module_utils/teardown/remove.py",
    "ec2:DescribeSnapshots": "plugins/module_utils/teardown/search.py",
    "ec2:ReplaceRouteTableAssociation": "plugins/module_utils/eks/platform/builder.py",
    "ec2:RevokeSecurityGroupEgress": "plugins/module_utils/teardown/remove.py",
    "eks:AssociateEncryptionConfig": "plugins/module_utils/eks/cluster.py",
    "eks:DescribeFargateProfile": "plugins/module_utils/teardown/search.py",
    "eks:DescribeInsight": "plugins/module_utils/eks/cluster_upgrade.py",
    "elasticloadbalancing:DescribeListeners": "plugins/module_utils/aws/elbv2.py",
    "elasticloadbalancing:DescribeRules": "plugins/module_utils/aws/elbv2.py",
    "elasticloadbalancing:DescribeTargetHealth": "plugins/module_utils/aws/elbv2.py",
    "elasticloadbalancing:ModifyLoadBalancerAttributes": "plugins/module_utils/teardown/remove.py",
    "iam:DeleteRolePermissionsBoundary": "plugins/module_utils/eks/platform/role_builder.py",
    "iam:DeleteRolePolicy": "plugins/module_utils/teardown/remove.py",
    # Where somebody took iam:GetAccountAuthorizationDetails out of the policy.
    "iam:ListRoles": "plugins/module_utils/teardown/iam.py",
    "iam:PutRolePermissionsBoundary": "plugins/module_utils/eks/platform/role_builder.py",
    "logs:DeleteRetentionPolicy": "plugins/module_utils/eks/platform/logs.py",
    "servicequotas:GetAWSDefaultServiceQuota": "plugins/module_utils/preflight/quotas.py",
}


@pytest.fixture(scope="module")
def seen(nursery, proxy, tmp_path_factory) -> set[str]:
    """Every action that the modules and role eks_cluster called in their whole lives."""
    found: set[str] = set()

    # A failed life has shown nothing: its calls are not counted, and the nursery ends its account.
    @contextmanager
    def account(name: str) -> Iterator[Cloud]:
        with nursery.account(**QUICK) as endpoint:
            cloud = Cloud(endpoint, proxy, tmp_path_factory.mktemp(re.sub(r"\W", "-", name)))
            yield cloud
            found.update(NAMES.get(action, action) for action in (f"{call.service}:{call.operation}" for call in proxy.calls))
            proxy.reset()

    for scenario in SCENARIOS:
        with account(scenario.name) as aws:  # pylint: disable=contextmanager-generator-missing-cleanup
            given = scenario.setup(aws)
            for step in scenario.steps:
                result = scenario.run(aws, step, given)
                assert not result.get("failed"), f"{scenario.name}, {step}: {result.get('msg')}"
    for name, life in LIVES.items():
        with account(name) as aws:  # pylint: disable=contextmanager-generator-missing-cleanup
            life(aws)
            if life in PAST_THE_PROXY:
                log = aws.control("GET", f"requests?since={aws.since}")["requests"]
                found.update(NAMES.get(action, action) for action in (f"{entry['service']}:{entry['action']}" for entry in log))
    return found


def ok(result: dict[str, Any]) -> dict[str, Any]:
    assert not result.get("failed"), result.get("msg")
    return result


def the_role(aws: Cloud) -> None:
    """Create, look, change, upgrade, remove."""
    group = {"name": "mng-arm", "instance_types": ["m6g.large"], "desired_size": 2}
    entry = {"principal_arn": aws.role_for("ec2.amazonaws.com", "people"), "kubernetes_groups": ["readers"]}
    given = {"eks_cluster_version": "1.35", "eks_cluster_node_groups": [group], "eks_cluster_kubeconfig": str(aws.folder / "kubeconfig")}
    aws.role("eks_cluster", tasks_from="aws_preflight", **given)
    aws.role("eks_cluster", **given)
    changed = {
        **given,
        "eks_cluster_version": "1.36",
        "eks_cluster_nat_mode": "highly_available",
        "eks_cluster_logging": ["api"],
        "eks_cluster_access_entries": [entry],
        "eks_cluster_node_groups": [{**group, "desired_size": 3, "max_size": 4, "labels": {"pool": "a"}}],
    }
    aws.role("eks_cluster", **changed)
    aws.role("eks_cluster", tasks_from="remove", **given)


def leftovers(aws: Cloud) -> None:
    built = test_teardown.Builder(aws)
    built.build()
    ok(aws.module("aws_leftovers_info", cluster_name=test_teardown.NAME))
    ok(test_teardown.remove(aws))


def images(aws: Cloud) -> None:
    aws.since = aws.mark()
    archive = image_rig.docker_archive(aws.folder / "arm64.tar", "arm64", b"one " * 5000)
    rules = [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}, "action": {"type": "expire"}}]

    def image(**given: Any) -> None:
        ok(aws_harness.run(ecr_image, aws.endpoint, name="sandbox/service-a", cluster_name="sandbox", **given))

    image(archives=[archive], tag="1", lifecycle_policy={"rules": rules}, tags={"team": "a"})
    image(archives=[archive], tag="1", immutable=False, scan_on_push=False, lifecycle_policy={}, tags={"team": "b"})
    image(state="absent")


def host_name(aws: Cloud) -> None:
    zone = aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"].split("/")[-1]
    aws.client("elbv2").create_load_balancer(Name="sandbox-alb", Subnets=aws.subnets(aws.vpc()))
    given = {"host_name": "mesh.example.com", "cluster_name": "sandbox", "load_balancer_name": "sandbox-alb", "wait_timeout": 20}
    ok(aws.module("alb_domain", **given))
    ok(aws.module("alb_domain", **given, hosted_zone_id=zone, state="absent"))


def access_logs(aws: Cloud) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="logs-of-sandbox", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    aws.since = aws.mark()
    aws_harness.run(alb_preflight_info, aws.endpoint, access_logs={"bucket": "logs-of-sandbox"})


def claim(aws: Cloud) -> None:
    run = asdict(of_process(os.getpid()))
    ok(aws.module("platform_claim", cluster_name="sandbox", run=run))
    ok(aws.module("platform_claim", cluster_name="sandbox", run=run, state="absent"))


LIVES: dict[str, Callable[[Cloud], None]] = {
    "the role": the_role,
    "leftovers": leftovers,
    "images": images,
    "host name": host_name,
    "access logs": access_logs,
    "claim": claim,
}

# The proxy knows neither a registry's API nor what S3's queries mean; the emulator's own log does.
PAST_THE_PROXY = (images, access_logs)


@pytest.mark.slow
@pytest.mark.xdist_group("policy")
def test_nothing_is_missing(seen: set[str]) -> None:
    assert not seen - ALLOWED - FREE, sorted(seen - ALLOWED - FREE)


@pytest.mark.slow
@pytest.mark.xdist_group("policy")
def test_nothing_is_superfluous(seen: set[str], capsys) -> None:
    unseen = ALLOWED - seen - set(IN_OUR_NAME) - set(RARELY)
    assert not unseen, sorted(unseen)
    with capsys.disabled():
        reasons = len(ALLOWED - seen)
        print(f"\noperator policy: {len(ALLOWED)} actions, {len(ALLOWED & seen)} seen called, {reasons} with another reason, 0 missing, 0 superfluous")


@pytest.mark.slow
@pytest.mark.xdist_group("policy")
def test_every_reason_is_one(seen: set[str]) -> None:
    """What is excused is in the policy and not called anyway, and the file that is named calls it."""
    excused = {**IN_OUR_NAME, **RARELY}
    assert sorted(set(excused) - ALLOWED) == []
    assert sorted(set(RARELY) & seen) == []
    for action, file in RARELY.items():
        operation = botocore.xform_name(action.split(":")[1])
        assert operation in (REPOSITORY / file).read_text(), f"{file} does not call {operation}"


def test_the_policy_can_be_two_managed_policies_and_names_every_action_in_full() -> None:
    # IAM and AWS STS quotas: a managed policy has at most 6,144 characters, white space not counted. The simulator takes no wildcards.
    look, *rest = POLICY["Statement"]
    for statements in ([look], rest):
        assert len(re.sub(r"\s", "", json.dumps({**POLICY, "Statement": statements}))) <= 6144
    assert [action for action in ALLOWED if not re.fullmatch(r"[a-z0-9]+:[A-Za-z0-9]+", action)] == []
    assert len(ALLOWED) == sum(len(statement["Action"]) for statement in POLICY["Statement"])


def test_the_document_has_the_same_policy() -> None:
    text = (REPOSITORY / "docs/aws.md").read_text()
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert json.loads(block) == POLICY
    assert f"needs these {len(ALLOWED)} actions" in text


def test_the_preflight_leaves_out_statements_that_exist() -> None:
    tasks = (REPOSITORY / "roles/eks_cluster/tasks/aws_preflight.yml").read_text()
    named = set(re.findall(r"\['(\w+)'\]", yaml.safe_load(tasks)[0]["vars"]["_eks_cluster_unused_statements"]))
    assert named <= {statement["Sid"] for statement in POLICY["Statement"]}
    # A claim that is not permitted is a warning, and said when it is made.
    assert named == {"Claim", "Images", "HostName", "AccessLogs"}
