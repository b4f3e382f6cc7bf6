# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""IAM's policy simulator as the API reference of SimulatePrincipalPolicy and the user guide's policy evaluation logic have it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_rig import ACCOUNT
from botocore.exceptions import ClientError


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]})


@pytest.fixture
def role(aws, make_role, name) -> str:
    return make_role("ec2.amazonaws.com", "operator")


@pytest.fixture
def decide(aws, role):
    def ask(*actions: str, **more: Any) -> dict[str, str]:
        answer = aws.client("iam").simulate_principal_policy(PolicySourceArn=role, ActionNames=list(actions), **more)
        return {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}

    return ask


def allow(aws, role: str, policy: str, name: str = "inline") -> None:
    aws.client("iam").put_role_policy(RoleName=role.rsplit("/", 1)[-1], PolicyName=name, PolicyDocument=policy)


def test_without_a_policy_everything_is_denied_implicitly(decide) -> None:
    # User guide, policy evaluation logic: "By default, all requests are implicitly denied".
    assert decide("ec2:CreateVpc") == {"ec2:CreateVpc": "implicitDeny"}


def test_wildcards_and_case(aws, role, decide) -> None:
    # User guide, Action: "You can use multi-character match wildcards (*) ... in the action"; "the prefix and the action name are case insensitive".
    allow(aws, role, document({"Action": ["EC2:describe*", "eks:Create?luster"]}))
    assert decide("ec2:DescribeVpcs", "eks:CreateCluster", "eks:CreateNodegroup") == {
        "ec2:DescribeVpcs": "allowed",
        "eks:CreateCluster": "allowed",
        "eks:CreateNodegroup": "implicitDeny",
    }


def test_a_deny_beats_an_allow_and_a_managed_policy_counts(aws, role, decide) -> None:
    # "An explicit deny in any of these policies overrides the allow". EvalDecision: allowed | explicitDeny | implicitDeny.
    name = role.rsplit("/", 1)[-1]
    aws.client("iam").attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert decide("ec2:CreateVpc") == {"ec2:CreateVpc": "allowed"}
    allow(aws, role, document({"Effect": "Deny", "Action": "ec2:CreateVpc"}))
    assert decide("ec2:CreateVpc", "ec2:DeleteVpc") == {"ec2:CreateVpc": "explicitDeny", "ec2:DeleteVpc": "allowed"}


def test_a_permissions_boundary_limits_what_is_allowed(aws, role, name) -> None:
    # PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary: "true" or "false"; "An entity's permissions ... are the intersection".
    iam = aws.client("iam")
    allow(aws, role, document({"Action": "*"}))
    boundary = iam.create_policy(PolicyName=f"{name}-boundary", PolicyDocument=document({"Action": "ec2:*"}))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role.rsplit("/", 1)[-1], PermissionsBoundary=boundary)
    answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=["ec2:CreateVpc", "eks:CreateCluster"])["EvaluationResults"]
    assert [(result["EvalDecision"], result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"]) for result in answer] == [
        ("allowed", True),
        ("implicitDeny", False),
    ]


def test_resources_are_decided_one_by_one(aws, role) -> None:
    # ResourceArns: "If this parameter is not provided, then the value defaults to * (all resources)". EvaluationResult: one per action, EvalDecision
    # the most restrictive, "To see the decision for each individual resource, use ResourceSpecificResults".
    mine, other = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("mine", "other"))
    allow(aws, role, document({"Action": "iam:CreateRole", "Resource": mine}))
    iam, asked = aws.client("iam"), {"PolicySourceArn": role, "ActionNames": ["iam:CreateRole"]}
    assert [result["EvalDecision"] for result in iam.simulate_principal_policy(**asked)["EvaluationResults"]] == ["implicitDeny"]
    (result,) = iam.simulate_principal_policy(**asked, ResourceArns=[mine, other])["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny"
    assert [entry["EvalResourceDecision"] for entry in result["ResourceSpecificResults"]] == ["allowed", "implicitDeny"]


def test_a_condition_asks_for_its_context(aws, role, decide) -> None:
    # MissingContextValues: "A list of context keys that are required by the included input policies but that were not provided".
    allow(aws, role, document({"Action": "iam:PassRole", "Condition": {"StringEquals": {"iam:PassedToService": ["eks.amazonaws.com"]}}}))
    (result,) = aws.client("iam").simulate_principal_policy(PolicySourceArn=role, ActionNames=["iam:PassRole"])["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["iam:PassedToService"])
    for service, decision in (("eks.amazonaws.com", "allowed"), ("lambda.amazonaws.com", "implicitDeny")):
        context = [{"ContextKeyName": "iam:PassedToService", "ContextKeyValues": [service], "ContextKeyType": "string"}]
        assert decide("iam:PassRole", ContextEntries=context) == {"iam:PassRole": decision}


def test_a_user_has_the_policies_of_its_groups(aws, name) -> None:
    # "The simulation also includes all policies that are attached to groups that the user belongs to."
    iam = aws.client("iam")
    user = iam.create_user(UserName=name)["User"]["Arn"]
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=document({"Action": "eks:ListClusters"}))
    iam.add_user_to_group(GroupName=name, UserName=name)
    answer = iam.simulate_principal_policy(PolicySourceArn=user, ActionNames=["eks:ListClusters"])
    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"


def test_pages(aws, role) -> None:
    # MaxItems: "If you do not include this parameter, the number of items defaults to 100"; IsTruncated, Marker.
    iam = aws.client("iam")
    actions = [f"ec2:Describe{number}" for number in range(120)]
    found = [
        result["EvalActionName"]
        for page in iam.get_paginator("simulate_principal_policy").paginate(PolicySourceArn=role, ActionNames=actions)
        for result in page["EvaluationResults"]
    ]
    assert found == actions
    assert len(iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=actions)["EvaluationResults"]) == 100


@pytest.mark.parametrize(
    ("source", "action", "code"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/nobody", "ec2:CreateVpc", "NoSuchEntity"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/x/session", "ec2:CreateVpc", "InvalidInput"),
        (f"arn:aws:iam::{ACCOUNT}:user/moto", "ec2:Create*", "InvalidInput"),
    ],
)
def test_what_it_refuses(aws, source, action, code) -> None:
    # PolicySourceArn: "the ARN of a user, group, or role"; ActionNames: "This operation does not support using wildcards (*) in an action name".
    with pytest.raises(ClientError) as caught:
        aws.client("iam").simulate_principal_policy(PolicySourceArn=source, ActionNames=[action])
    assert caught.value.response["Error"]["Code"] == code
