# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""IAM of the emulator: OIDC providers and the versions of policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_rig import ACCOUNT
from botocore.exceptions import ClientError


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def provider(aws, name) -> str:
    url = f"https://oidc.example.com/{name}"
    return aws.client("iam").create_open_id_connect_provider(Url=url, ClientIDList=["a"], Tags=[{"Key": "Owner", "Value": "x"}])["OpenIDConnectProviderArn"]


def test_client_ids_are_added_and_removed(aws, provider) -> None:
    # API reference, AddClientIDToOpenIDConnectProvider: "This operation is idempotent"; so is RemoveClientIDFromOpenIDConnectProvider.
    iam, on = aws.client("iam"), {"OpenIDConnectProviderArn": provider}
    for _unused in range(2):
        iam.add_client_id_to_open_id_connect_provider(**on, ClientID="b")
    assert iam.get_open_id_connect_provider(**on)["ClientIDList"] == ["a", "b"]
    for _unused in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**on, ClientID="a")
    assert iam.get_open_id_connect_provider(**on)["ClientIDList"] == ["b"]
    absent = f"arn:aws:iam::{ACCOUNT}:oidc-provider/absent"
    assert refused(iam.add_client_id_to_open_id_connect_provider, OpenIDConnectProviderArn=absent, ClientID="b") == "NoSuchEntity"


def test_tags_of_a_provider(aws, provider) -> None:
    # API reference, TagOpenIDConnectProvider, UntagOpenIDConnectProvider, ListOpenIDConnectProviderTags.
    iam, on = aws.client("iam"), {"OpenIDConnectProviderArn": provider}
    iam.tag_open_id_connect_provider(**on, Tags=[{"Key": "meshgate.io/cluster", "Value": "s"}])
    iam.untag_open_id_connect_provider(**on, TagKeys=["Owner"])
    assert iam.list_open_id_connect_provider_tags(**on)["Tags"] == [{"Key": "meshgate.io/cluster", "Value": "s"}]
    assert iam.get_open_id_connect_provider(**on)["Tags"] == [{"Key": "meshgate.io/cluster", "Value": "s"}]


def test_a_thumbprint_is_found_when_none_is_given(aws, provider, name) -> None:
    # API reference, CreateOpenIDConnectProvider, ThumbprintList: "This parameter is optional. If it is not included, IAM will retrieve and
    # use the top intermediate certificate authority (CA) thumbprint". Url "must begin with https://"; EntityAlreadyExists.
    iam = aws.client("iam")
    thumbprints = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)["ThumbprintList"]
    assert [len(thumbprint) for thumbprint in thumbprints] == [40]
    assert refused(iam.create_open_id_connect_provider, Url=f"https://oidc.example.com/{name}") == "EntityAlreadyExists"
    assert refused(iam.create_open_id_connect_provider, Url=f"http://oidc.example.com/{name}") == "InvalidInput"


def test_a_policy_has_five_versions_at_most(aws, name) -> None:
    # API reference, CreatePolicyVersion: "A managed policy can have up to five versions"; SetAsDefault; DeletePolicyVersion cannot delete the
    # default one; DeletePolicy: DeleteConflict while there are others, or while it is attached.
    iam = aws.client("iam")

    def document(n: int) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": f"s3:Get{n}", "Resource": "*"}]})

    arn = iam.create_policy(PolicyName=name, PolicyDocument=document(1))["Policy"]["Arn"]
    for n in range(2, 6):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(n), SetAsDefault=True)
    assert refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=document(6), SetAsDefault=True) == "LimitExceeded"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v5"
    assert refused(iam.delete_policy_version, PolicyArn=arn, VersionId="v5") == "DeleteConflict"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(6), SetAsDefault=True)["PolicyVersion"]["VersionId"] == "v6"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in versions if v["IsDefaultVersion"]] == ["v6"]
    assert refused(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    for version in versions:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)


def test_managed_policies_of_aws_are_there(aws) -> None:
    # AWS managed policy reference: the three that EKS's documentation attaches.
    for policy in ("AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy"):
        assert aws.client("iam").get_policy(PolicyArn=f"arn:aws:iam::aws:policy/{policy}")["Policy"]["PolicyName"] == policy


def test_service_linked_role_of_the_load_balancers(aws) -> None:
    # Upstream's policy of the controller allows iam:CreateServiceLinkedRole for elasticloadbalancing.amazonaws.com.
    role = aws.client("iam").create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForElasticLoadBalancing"


def test_the_static_key_is_a_user_of_the_emulators_account(aws) -> None:
    identity = aws.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/moto")


def test_a_role_leaves_an_instance_profile_once(aws, name) -> None:
    # API reference, RemoveRoleFromInstanceProfile: NoSuchEntity, 404.
    iam = aws.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    assert refused(iam.remove_role_from_instance_profile, InstanceProfileName=name, RoleName=name) == "NoSuchEntity"


def said(call: Any, **parameters: Any) -> dict[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return {key: caught.value.response["Error"][key] for key in ("Code", "Message")}


def test_what_iam_does_not_know(aws, name) -> None:
    # API reference: NoSuchEntity. The texts: prowler-cloud/prowler#2872 (roles), aws/aws-cli#6139 (inline policies).
    iam, policy = aws.client("iam"), f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}'
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    absent, inline = f"The role with name {name}-absent cannot be found.", f"The role policy with name {name} cannot be found."
    calls = [
        (iam.get_role, {}, absent),
        (iam.delete_role, {}, absent),
        (iam.list_attached_role_policies, {}, absent),
        (iam.list_role_policies, {}, absent),
        (iam.list_instance_profiles_for_role, {}, absent),
        (iam.update_assume_role_policy, {"PolicyDocument": trust}, absent),
    ]
    for call, more, message in calls:
        assert said(call, RoleName=f"{name}-absent", **more) == {"Code": "NoSuchEntity", "Message": message}
    assert said(iam.get_role_policy, RoleName=name, PolicyName=name) == {"Code": "NoSuchEntity", "Message": inline}
    assert said(iam.delete_role_policy, RoleName=name, PolicyName=name) == {"Code": "NoSuchEntity", "Message": inline}
    for call in (iam.get_policy, iam.list_policy_versions, iam.list_entities_for_policy, iam.delete_policy):
        assert said(call, PolicyArn=policy) == {"Code": "NoSuchEntity", "Message": f"Policy {policy} was not found."}


def test_lists_of_iam_come_in_pages(aws, name) -> None:
    # API reference, MaxItems: "If you do not include this parameter, the number of items defaults to 100"; Marker, IsTruncated.
    iam = aws.client("iam")
    statement = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
    policy = iam.create_policy(PolicyName=name, PolicyDocument=statement)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=statement)
    first = iam.list_policy_versions(PolicyArn=policy, MaxItems=1)
    assert (len(first["Versions"]), first["IsTruncated"]) == (1, True)
    second = iam.list_policy_versions(PolicyArn=policy, MaxItems=1, Marker=first["Marker"])
    assert (len(second["Versions"]), second["IsTruncated"]) == (1, False)
    assert len({one["VersionId"] for one in first["Versions"] + second["Versions"]}) == 2
    managed = iam.list_policies(Scope="AWS")
    assert (len(managed["Policies"]), managed["IsTruncated"]) == (100, True)


def test_a_policys_entities_are_found_among_many_roles(aws, name) -> None:
    # API reference, ListEntitiesForPolicy: all of them, with MaxItems and Marker; more than a hundred roles are no reason to miss one.
    iam, statement = aws.client("iam"), '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}'
    policy = iam.create_policy(PolicyName=name, PolicyDocument=statement)["Policy"]["Arn"]
    for i in range(105):
        iam.create_role(RoleName=f"{name}-{i}", AssumeRolePolicyDocument=trust)
    iam.attach_role_policy(RoleName=f"{name}-103", PolicyArn=policy)
    iam.attach_role_policy(RoleName=f"{name}-104", PolicyArn=policy)
    pages = iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy, PaginationConfig={"PageSize": 1})
    assert [role["RoleName"] for page in pages for role in page["PolicyRoles"]] == [f"{name}-103", f"{name}-104"]
    assert iam.list_entities_for_policy(PolicyArn=policy, EntityFilter="User")["PolicyRoles"] == []
    assert len([role for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"] if role["RoleName"].startswith(name)]) == 105


def test_roles_that_are_awss_own_are_changed_by_aws_alone(aws) -> None:
    # gruntwork-io/cloud-nuke#880 and rebuy-de/aws-nuke#441 (service-linked roles, roles of IAM Identity Center) quote the refusal; a role that is there
    # is not made again ("has been taken in this account", which Karpenter's instructions quote).
    iam, name = aws.client("iam"), "AWSServiceRoleForEC2Spot"
    iam.create_service_linked_role(AWSServiceName="spot.amazonaws.com")
    message = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    for call, more in ((iam.delete_role, {}), (iam.attach_role_policy, {"PolicyArn": admin}), (iam.detach_role_policy, {"PolicyArn": admin})):
        assert said(call, RoleName=name, **more) == {"Code": "UnmodifiableEntity", "Message": message}
    taken = f"Service role name {name} has been taken in this account, please try a different suffix."
    assert said(iam.create_service_linked_role, AWSServiceName="spot.amazonaws.com") == {"Code": "InvalidInput", "Message": taken}
    iam.delete_service_linked_role(RoleName=name)
