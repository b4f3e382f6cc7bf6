# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import json

import boto3
import pytest
from module_arguments import patch_module_args
from moto import mock_aws

from ansible_collections.meshgate.eks_istio.plugins.modules import iam_service_account_role

NAME = "sandbox-aws-load-balancer-controller"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "arn:aws:ec2:*:*:vpc/*"}]}


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    policy = tmp_path / "iam_policy.json"
    policy.write_text(json.dumps(DOCUMENT))
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    arguments = {
        "role_name": NAME,
        "policy_name": NAME,
        "policy": str(policy),
        "oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/issuer",
        "oidc_issuer": "https://issuer",
        "service_account": "aws-load-balancer-controller",
        "owner": {"meshgate.io/cluster": "sandbox"},
        "region": "us-west-2",
        "access_key": "test",
        "secret_key": "test",
    }

    def module(check: bool = False, **changes) -> dict:
        with patch_module_args({**arguments, "_ansible_check_mode": check, **changes}), pytest.raises(SystemExit):
            iam_service_account_role.main()
        return json.loads(capsys.readouterr().out)

    return module


@mock_aws
def test_check_mode_names_what_it_would_make_and_makes_nothing(run):
    found = run(check=True)
    assert found["changed"]
    assert found["actions"] == [f"policy {NAME}", f"role {NAME}", f"role {NAME}, attached policy"]
    assert found["role_arn"] == f"arn:aws:iam::123456789012:role/{NAME}"
    assert boto3.client("iam").list_policies(Scope="Local")["Policies"] == []


@mock_aws
def test_the_caller_s_own_account_is_used_where_none_is_given(run):
    assert run()["policy_arn"] == f"arn:aws:iam::123456789012:policy/{NAME}"
    again = run()
    assert not again["changed"]
    assert again["diff"] == {"before": {}, "after": {}}
    assert run(state="absent")["actions"] == [f"role {NAME}", f"policy {NAME}"]
    assert not run(state="absent")["changed"]


@mock_aws
def test_what_is_not_ours_fails_by_name(run):
    boto3.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument="{}")
    found = run()
    assert found["failed"]
    assert NAME in found["msg"]
    assert "does not manage it" in found["msg"]


@mock_aws
def test_what_others_added_to_the_role_is_named_and_stays(run):
    """An administrator's policy and an inline one, put onto the controller's role by hand, were never seen."""
    assert run()["unmanaged"] == []
    iam = boto3.client("iam")
    theirs = iam.create_policy(PolicyName="theirs", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=NAME, PolicyArn=theirs)
    iam.put_role_policy(RoleName=NAME, PolicyName="extra", PolicyDocument=json.dumps(DOCUMENT))
    said = [
        f"IAM role {NAME} has the policy {theirs} attached, which is not configured here",
        f"IAM role {NAME} has the inline policy extra, which is not configured here",
    ]
    for check in (True, False):
        found = run(check=check)
        assert found["unmanaged"] == said and not found["changed"] and all(sentence in str(found["warnings"]) for sentence in said)
    assert len(iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]) == 2
    run(state="absent")
    assert iam.list_policies(Scope="Local")["Policies"][0]["Arn"] == theirs, "the role goes, their policy stays"


def test_a_policy_that_cannot_be_read_is_named(run):
    assert "cannot be read" in run(policy="/nowhere/iam_policy.json", account_id="123456789012")["msg"]


def test_an_emulated_aws_that_is_not_there_holds_nothing(run):
    endpoint = {"endpoint_url": "http://127.0.0.1:9", "account_id": "123456789012"}
    assert run(check=True, **endpoint)["changed"]
    assert not run(state="absent", **endpoint)["changed"]
    failed = run(**endpoint)
    assert failed["failed"]
    assert "nothing answers at" in failed["msg"]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("http://files.example.com/iam_policy.json", "is plain HTTP"),
        ("http://me:open-sesame@files.example.com/iam_policy.json", "http://***@files.example.com"),
    ],
)
@mock_aws
def test_a_policy_that_anybody_on_the_way_may_change_is_refused(run, policy, said):
    found = run(policy=policy)
    assert found["failed"]
    assert said in found["msg"]
    assert "open-sesame" not in found["msg"]
