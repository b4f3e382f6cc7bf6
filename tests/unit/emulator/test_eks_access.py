# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Access entries, Pod Identity associations and add-ons of the emulator behave as the EKS API reference says."""

from __future__ import annotations

from typing import Any

import pytest
from aws_rig import ACCOUNT, REGION, SECONDS
from botocore.exceptions import ClientError

LINKED = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def cluster(make_cluster) -> str:
    return make_cluster(accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})


def test_the_creator_becomes_administrator(aws, cluster) -> None:
    # API reference, CreateAccessConfigRequest: bootstrapClusterCreatorAdminPermissions, true by default.
    creator = aws.client("sts").get_caller_identity()["Arn"]
    eks, key = aws.client("eks"), {"clusterName": cluster}
    assert eks.list_access_entries(**key)["accessEntries"] == [LINKED, creator]
    policies = eks.list_associated_access_policies(**key, principalArn=creator)["associatedAccessPolicies"]
    assert [(p["policyArn"], p["accessScope"]["type"]) for p in policies] == [(ADMIN, "cluster")]


def test_eks_makes_its_own_entry_and_keeps_it(aws, cluster) -> None:
    # aws/containers-roadmap#2618: a new cluster has an entry of AWSServiceRoleForAmazonEKS, with AmazonEKSClusterInsightsPolicy.
    # hashicorp/terraform-provider-aws#36447 quotes the refusal. User guide, "Using service-linked roles": EKS makes the role with the first cluster.
    eks, key = aws.client("eks"), {"clusterName": cluster, "principalArn": LINKED}
    assert aws.client("iam").get_role(RoleName="AWSServiceRoleForAmazonEKS")["Role"]["Arn"] == LINKED
    entry = eks.describe_access_entry(**key)["accessEntry"]
    assert (entry["type"], entry["tags"]) == ("STANDARD", {})
    policies = eks.list_associated_access_policies(**key)["associatedAccessPolicies"]
    assert [one["policyArn"].rsplit("/", 1)[-1] for one in policies] == ["AmazonEKSClusterInsightsPolicy"]
    calls = [
        (eks.create_access_entry, {}),
        (eks.update_access_entry, {"kubernetesGroups": ["x"]}),
        (eks.delete_access_entry, {}),
        (eks.associate_access_policy, {"policyArn": ADMIN, "accessScope": {"type": "cluster"}}),
        (eks.disassociate_access_policy, {"policyArn": policies[0]["policyArn"]}),
    ]
    for call, more in calls:
        with pytest.raises(ClientError, match="The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"):
            call(**key, **more)


def test_the_mode_of_entries_brings_ekss_own(aws, make_cluster) -> None:
    # As above: with the API as a source of access EKS needs its entry.
    name, eks = make_cluster(), aws.client("eks")
    eks.update_cluster_config(name=name, accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    aws.pass_time(SECONDS + 1)
    assert eks.list_access_entries(clusterName=name)["accessEntries"] == [LINKED]


def test_principals_must_exist(aws, cluster, make_role, name) -> None:
    # terraform-aws-modules/terraform-aws-eks#2969 (a path left out), aws-samples/sample-agentic-platform#11 quote the first refusal,
    # aws-samples/appmod-blueprints#791 that of the form.
    eks, iam = aws.client("eks"), aws.client("iam")
    iam.create_user(UserName=name, Path="/team/")
    made = make_role("ec2.amazonaws.com")
    invalid = "The specified principalArn is invalid: invalid principal."
    wrong = {
        f"arn:aws:iam::{ACCOUNT}:role/{name}-absent": invalid,
        f"arn:aws:iam::{ACCOUNT}:user/{name}": invalid,
        f"{made}x": invalid,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-role/session": "The principalArn parameter format is not valid",
        "nobody": "The principalArn parameter format is not valid",
    }
    for principal, message in wrong.items():
        with pytest.raises(ClientError) as caught:
            eks.create_access_entry(clusterName=cluster, principalArn=principal)
        assert caught.value.response["Error"] == {"Code": "InvalidParameterException", "Message": message}
    for principal in (made, f"arn:aws:iam::{ACCOUNT}:user/team/{name}", "arn:aws:iam::210987654321:role/theirs"):
        eks.create_access_entry(clusterName=cluster, principalArn=principal)


def test_a_role_of_single_sign_on_keeps_its_path(aws, cluster, name) -> None:
    # aws/containers-roadmap#185: "do not strip off the path"; "the username in returned access entry will not include the path".
    # The region was once read out of such an ARN, and the account's clusters were gone for the call.
    eks, role = aws.client("eks"), f"AWSReservedSSO_Admin_{name}"
    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}'
    path = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    arn = aws.client("iam").create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    key = {"clusterName": cluster, "principalArn": arn}
    entry = eks.create_access_entry(**key)["accessEntry"]
    assert (entry["principalArn"], entry["username"]) == (arn, f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{{{{SessionName}}}}")
    eks.associate_access_policy(**key, policyArn=ADMIN, accessScope={"type": "cluster"})
    assert eks.describe_access_entry(**key)["accessEntry"]["accessEntryArn"] == entry["accessEntryArn"]
    assert len(eks.list_associated_access_policies(**key)["associatedAccessPolicies"]) == 1
    assert arn in eks.list_access_entries(clusterName=cluster)["accessEntries"]
    assert eks.list_tags_for_resource(resourceArn=entry["accessEntryArn"])["tags"] == {}
    eks.delete_access_entry(**key)


def test_an_access_entry_lives(aws, cluster, name, make_role) -> None:
    # API reference: CreateAccessEntry, UpdateAccessEntry, AssociateAccessPolicy, DisassociateAccessPolicy, DeleteAccessEntry.
    eks, arn = aws.client("eks"), make_role("ec2.amazonaws.com", "viewers")
    key = {"clusterName": cluster, "principalArn": arn}
    entry = eks.create_access_entry(**key, kubernetesGroups=["viewers"], tags={"a": "1"})["accessEntry"]
    assert (entry["type"], entry["username"]) == ("STANDARD", f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-viewers/{{{{SessionName}}}}")
    assert refused(eks.create_access_entry, **key) == "ResourceInUseException"
    eks.update_access_entry(**key, kubernetesGroups=["editors"])
    assert eks.describe_access_entry(**key)["accessEntry"]["kubernetesGroups"] == ["editors"]
    view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    scope = {"type": "namespace", "namespaces": ["default"]}
    assert eks.associate_access_policy(**key, policyArn=view, accessScope=scope)["associatedAccessPolicy"]["accessScope"] == scope
    assert eks.list_access_entries(clusterName=cluster, associatedPolicyArn=view)["accessEntries"] == [arn]
    eks.disassociate_access_policy(**key, policyArn=view)
    assert eks.list_associated_access_policies(**key)["associatedAccessPolicies"] == []
    eks.tag_resource(resourceArn=entry["accessEntryArn"], tags={"b": "2"})
    assert eks.describe_access_entry(**key)["accessEntry"]["tags"] == {"a": "1", "b": "2"}
    eks.delete_access_entry(**key)
    assert refused(eks.describe_access_entry, **key) == "ResourceNotFoundException"


def test_what_aws_refuses_of_access_entries(aws, cluster, make_role) -> None:
    # API reference, CreateAccessEntry: groups can't start with system:; AssociateAccessPolicy: namespaces for scope namespace.
    eks, key = aws.client("eks"), {"clusterName": cluster, "principalArn": make_role("ec2.amazonaws.com", "x")}
    assert refused(eks.create_access_entry, **key, kubernetesGroups=["system:masters"]) == "InvalidParameterException"
    assert refused(eks.create_access_entry, **key, type="NOTHING") == "InvalidParameterException"
    eks.create_access_entry(**key)
    assert refused(eks.associate_access_policy, **key, policyArn=ADMIN, accessScope={"type": "namespace"}) == "InvalidParameterException"
    assert refused(eks.associate_access_policy, **key, policyArn=f"{ADMIN}x", accessScope={"type": "cluster"}) == "InvalidParameterException"


def test_access_entries_need_their_authentication_mode(aws, make_cluster) -> None:
    # API reference, CreateAccessConfigRequest: authenticationMode is CONFIG_MAP by default through the API.
    assert refused(aws.client("eks").list_access_entries, clusterName=make_cluster()) == "InvalidRequestException"


def test_a_pod_identity_association_lives(aws, cluster, make_role) -> None:
    # API reference, CreatePodIdentityAssociation: one per namespace and service account; the role trusts pods.eks.amazonaws.com.
    eks = aws.client("eks")
    role = make_role("pods.eks.amazonaws.com", "pods")
    account = {"namespace": "kube-system", "serviceAccount": "controller"}
    created = eks.create_pod_identity_association(clusterName=cluster, roleArn=role, **account)["association"]
    key = {"clusterName": cluster, "associationId": created["associationId"]}
    assert refused(eks.create_pod_identity_association, clusterName=cluster, roleArn=role, **account) == "ResourceInUseException"
    assert [a["associationId"] for a in eks.list_pod_identity_associations(clusterName=cluster, namespace="kube-system")["associations"]] == [
        created["associationId"]
    ]
    other = make_role("pods.eks.amazonaws.com", "pods2")
    assert eks.update_pod_identity_association(**key, roleArn=other)["association"]["roleArn"] == other
    assert refused(eks.update_pod_identity_association, **key, roleArn=make_role("ec2.amazonaws.com", "wrong")) == "InvalidParameterException"
    eks.delete_pod_identity_association(**key)
    assert refused(eks.describe_pod_identity_association, **key) == "ResourceNotFoundException"


def test_an_association_with_a_target_role_has_an_external_id(aws, cluster, make_role) -> None:
    # User guide, "Access AWS Resources using EKS Pod Identity Target IAM Roles": sts:ExternalId region/account/cluster-name/namespace/service-account-name.
    eks = aws.client("eks")
    role, target = make_role("pods.eks.amazonaws.com", "pods"), "arn:aws:iam::210987654321:role/target"
    account = {"namespace": "shop", "serviceAccount": "cart"}
    made = eks.create_pod_identity_association(clusterName=cluster, roleArn=role, targetRoleArn=target, **account)["association"]
    assert made["externalId"] == f"{REGION}/{ACCOUNT}/{cluster}/shop/cart"
    key = {"clusterName": cluster, "associationId": made["associationId"]}
    assert "externalId" not in eks.update_pod_identity_association(**key, targetRoleArn="")["association"]
    plain = eks.create_pod_identity_association(clusterName=cluster, roleArn=role, namespace="shop", serviceAccount="plain")["association"]
    assert "externalId" not in plain


def test_an_addon_lives(aws, cluster) -> None:
    # API reference: CreateAddon, UpdateAddon, DeleteAddon, DescribeAddonVersions (one default version per Kubernetes version).
    eks, key = aws.client("eks"), {"clusterName": cluster, "addonName": "vpc-cni"}
    offered = eks.describe_addon_versions(addonName="vpc-cni", kubernetesVersion="1.36")["addons"][0]["addonVersions"]
    default = [v["addonVersion"] for v in offered if v["compatibilities"][0]["defaultVersion"]]
    assert len(default) == 1
    older = next(v["addonVersion"] for v in offered if v["addonVersion"] not in default)
    assert eks.create_addon(**key, addonVersion=older, tags={"a": "1"})["addon"]["status"] == "CREATING"
    assert refused(eks.create_addon, **key) == "ResourceInUseException"

    def look():
        return eks.describe_addon(**key)["addon"]["status"]

    aws.wait(look, "ACTIVE")
    update = eks.update_addon(**key, addonVersion=default[0], configurationValues='{"env": {"A": "1"}}')["update"]
    assert (update["type"], update["status"], look()) == ("AddonUpdate", "InProgress", "UPDATING")
    aws.wait(look, "ACTIVE")
    assert eks.describe_addon(**key)["addon"]["addonVersion"] == default[0]
    where = {"name": cluster, "addonName": "vpc-cni"}
    again = eks.update_addon(**key, addonVersion=default[0])["update"]
    # eksctl-io/eksctl#8091 quotes it.
    with pytest.raises(ClientError, match=r"\(ResourceInUseException\).*: Addon vpc-cni cannot be updated as it is currently in UPDATING state"):
        eks.update_addon(**key, addonVersion=default[0])
    aws.wait(look, "ACTIVE")
    assert again["id"] != update["id"]
    assert eks.describe_update(**where, updateId=update["id"])["update"]["status"] == "Successful"
    assert refused(eks.update_addon, **key, configurationValues="- a") == "InvalidParameterException"
    assert eks.delete_addon(**key)["addon"]["status"] == "DELETING"
    aws.wait(lambda: eks.list_addons(clusterName=cluster)["addons"], [])
    assert refused(eks.create_addon, clusterName=cluster, addonName="no-such") == "InvalidParameterException"
    assert refused(eks.create_addon, **key, addonVersion="v0.0.1-eksbuild.1") == "InvalidParameterException"


def test_an_addon_owns_its_pod_identity_associations(aws, cluster, make_role) -> None:
    # API reference, AddonPodIdentityAssociations: created, and deleted, with the add-on; ownerArn is the add-on.
    eks, key = aws.client("eks"), {"clusterName": cluster, "addonName": "aws-ebs-csi-driver"}
    wanted = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": make_role("pods.eks.amazonaws.com", "ebs")}]
    addon = eks.create_addon(**key, podIdentityAssociations=wanted)["addon"]
    found = eks.list_pod_identity_associations(clusterName=cluster)["associations"]
    assert [a["ownerArn"] for a in found] == [addon["addonArn"]]
    assert addon["podIdentityAssociations"] == [found[0]["associationArn"]]
    eks.delete_addon(**key)
    aws.wait(lambda: eks.list_pod_identity_associations(clusterName=cluster)["associations"], [])
