# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import json
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.service_account_role import (
    Role,
    Wanted,
    canonical,
    diff,
    differing,
    in_partition,
    pod_identity_trust,
    trust_policy,
)
from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused

ISSUER = "https://oidc.eks.us-west-2.amazonaws.com/id/ABC"
NAME = "sandbox-aws-load-balancer-controller"
OWNER = {"meshgate.io/cluster": "sandbox"}


def document(action: str = "ec2:DescribeVpcs") -> dict:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [action], "Resource": "*"}]}


@pytest.fixture
def iam(monkeypatch):
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client("iam", region_name="us-west-2")


@pytest.fixture
def wanted():
    return Wanted(
        role_name=NAME,
        policy_name=NAME,
        policy=document(),
        trust=trust_policy("arn:aws:iam::123456789012:oidc-provider/x", ISSUER, "kube-system", "aws-load-balancer-controller", "sts.amazonaws.com"),
        policy_arn=f"arn:aws:iam::123456789012:policy/{NAME}",
        tags={**OWNER, "team": "edge"},
        owner=OWNER,
    )


def converge(iam, wanted) -> list[str]:
    role = Role(iam, wanted)
    role.refuse_foreign()
    steps = role.steps()
    for step in steps:
        step.call()
    return [step.what for step in steps]


def remove(iam, wanted) -> list[str]:
    steps = Role(iam, wanted).removal()
    for step in steps:
        step.call()
    return [step.what for step in steps]


def test_created_once_and_then_unchanged(iam, wanted):
    assert Role(iam, wanted).role_arn() == f"arn:aws:iam::123456789012:role/{NAME}"
    assert len(converge(iam, wanted)) == 3
    assert converge(iam, wanted) == []
    assert Role(iam, wanted).role_arn() == f"arn:aws:iam::123456789012:role/{NAME}"
    attached = iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [wanted.policy_arn]


def test_the_trust_names_one_service_account_and_one_audience(wanted):
    condition = wanted.trust["Statement"][0]["Condition"]["StringEquals"]
    assert condition == {
        "oidc.eks.us-west-2.amazonaws.com/id/ABC:sub": "system:serviceaccount:kube-system:aws-load-balancer-controller",
        "oidc.eks.us-west-2.amazonaws.com/id/ABC:aud": "sts.amazonaws.com",
    }


def test_a_newer_document_becomes_the_default_version_and_old_ones_go(iam, wanted):
    converge(iam, wanted)
    for number in range(8):
        newer = replace(wanted, policy=document(f"ec2:Describe{number}"))
        assert converge(iam, newer) == [f"policy {NAME}, default version"]
    versions = iam.list_policy_versions(PolicyArn=wanted.policy_arn)["Versions"]
    assert len(versions) == 5
    default = next(v["VersionId"] for v in versions if v["IsDefaultVersion"])
    live = iam.get_policy_version(PolicyArn=wanted.policy_arn, VersionId=default)["PolicyVersion"]["Document"]
    assert live["Statement"][0]["Action"] == ["ec2:Describe7"]


def test_drift_is_named_and_repaired(iam, wanted):
    converge(iam, wanted)
    iam.detach_role_policy(RoleName=NAME, PolicyArn=wanted.policy_arn)
    iam.update_assume_role_policy(RoleName=NAME, PolicyDocument=json.dumps(trust_policy("x", ISSUER, "default", "other", "sts.amazonaws.com")))
    iam.tag_role(RoleName=NAME, Tags=[{"Key": "team", "Value": "other"}])
    assert converge(iam, wanted) == [f"role {NAME}, tags", f"role {NAME}, trust policy", f"role {NAME}, attached policy"]
    assert converge(iam, wanted) == []


def test_what_is_not_ours_is_neither_changed_nor_removed(iam, wanted):
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(wanted.trust))
    with pytest.raises(Refused, match=f"role {NAME} exists and does not carry the tag meshgate.io/cluster=sandbox"):
        converge(iam, wanted)
    assert remove(iam, wanted) == []
    assert converge(iam, replace(wanted, adopt=True))
    assert remove(iam, wanted) == [f"role {NAME}", f"policy {NAME}"]


def test_removed_with_all_versions_twice(iam, wanted):
    converge(iam, wanted)
    converge(iam, replace(wanted, policy=document("ec2:Other")))
    iam.put_role_policy(RoleName=NAME, PolicyName="inline", PolicyDocument=json.dumps(document()))
    assert remove(iam, wanted) == [f"role {NAME}", f"policy {NAME}"]
    assert remove(iam, wanted) == []
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_a_policy_in_use_elsewhere_is_not_deleted(iam, wanted):
    converge(iam, wanted)
    iam.create_role(RoleName="somebody", AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName="somebody", PolicyArn=wanted.policy_arn)
    with pytest.raises(Refused, match="attached to somebody"):
        remove(iam, wanted)


def test_an_interrupted_creation_is_continued(iam, wanted):
    for step in Role(iam, wanted).steps()[:1]:
        step.call()
    assert converge(iam, wanted) == [f"role {NAME}", f"role {NAME}, attached policy"]


def test_documents_are_compared_by_meaning():
    first = {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": ["a", "b"], "Condition": {"Null": {"k": "false"}}}
    second = {"Resource": ["b", "a"], "Action": ["EC2:describevpcs"], "Effect": "Allow", "Condition": {"Null": {"k": ["false"]}}}
    one = {"Version": "2012-10-17", "Statement": first}
    other = {"Statement": [second], "Version": "2012-10-17"}
    assert canonical(one) == canonical(other)
    assert canonical(one) != canonical({**other, "Version": "2008-10-17"})
    assert canonical({"Version": "v", "Statement": [{"Effect": "Allow", "Principal": "*"}]})["Statement"][0]["Principal"] == ["*"]


def test_the_diff_shows_only_the_statements_that_differ(iam, wanted):
    converge(iam, replace(wanted, policy={**document(), "Statement": [*document()["Statement"], {"Effect": "Allow", "Action": "ec2:Old", "Resource": "*"}]}))
    shown = diff(Role(iam, replace(wanted, policy={**document(), "Statement": [{"Effect": "Allow", "Action": "EC2:DescribeVpcs", "Resource": ["*"]}]})).steps())
    assert shown["before"] == {f"policy {NAME}, default version": [{"Effect": "Allow", "Action": "ec2:Old", "Resource": "*"}]}
    assert shown["after"] == {f"policy {NAME}, default version": []}
    assert differing({"Statement": []}, document()) == ({"Statement": []}, document())  # of another language version: all of it


def test_pod_identity_trusts_one_service_account_of_one_cluster():
    """EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity", with its "Setting Conditions"."""
    (statement,) = pod_identity_trust("sandbox", "kube-system", "aws-load-balancer-controller")["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-name": "sandbox",
        "aws:RequestTag/kubernetes-namespace": "kube-system",
        "aws:RequestTag/kubernetes-service-account": "aws-load-balancer-controller",
    }


def test_a_role_at_another_path_is_refused_since_iam_changes_none(iam, wanted):
    converge(iam, wanted)
    with pytest.raises(Refused, match="has the path / and not /mesh/"):
        converge(iam, replace(wanted, path="/mesh/", adopt=True))


def test_what_was_made_a_moment_ago_is_looked_for_again(iam, wanted):
    """IAM user guide, "Changes that I make are not always immediately visible"."""
    role = Role(iam, wanted, sleep=lambda seconds: waited.append(seconds) or (len(waited) == 3 and iam.create_policy(**late)))
    late = {"PolicyName": NAME, "PolicyDocument": json.dumps(wanted.policy)}
    waited: list[float] = []
    _policy, make, attach = role.steps()
    make.call()
    attach.call()
    assert len(waited) == 3
    assert iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]


def test_arns_follow_the_partition():
    policy = {"Statement": [{"Resource": "arn:aws:ec2:*:*:x", "Action": "ec2:y"}]}
    assert in_partition(policy, "aws-cn")["Statement"][0]["Resource"] == "arn:aws-cn:ec2:*:*:x"
    assert in_partition(policy, "aws") == policy
