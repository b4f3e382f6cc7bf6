# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Modules eks_access_entry and eks_pod_identity_association against an emulated AWS, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from aws_harness import Account, run
from eks_parts import Parts

from ansible_collections.meshgate.eks_istio.plugins.modules import eks_access_entry, eks_pod_identity_association

TEAM = "arn:aws:iam::123456789012:role/team"
POLICY = "arn:aws:eks::aws:cluster-access-policy/"


@pytest.fixture(scope="module")
def parts(account: Account) -> Parts:
    return Parts(account)


@pytest.fixture(scope="module")
def cluster(account: Account, parts: Parts) -> str:
    # EKS looks the principal up in IAM.
    for name in ("team", "team-nodes"):
        account.role(name, "ec2.amazonaws.com")
    return parts.cluster("access-cluster")


def entry(account: Account, cluster: str, check: bool = False, **options: Any) -> dict[str, Any]:
    return run(eks_access_entry, account.endpoint, check, **{"cluster_name": cluster, "principal_arn": TEAM, **options})


def association(account: Account, cluster: str, check: bool = False, **options: Any) -> dict[str, Any]:
    given = {"cluster_name": cluster, "namespace": "kube-system", "service_account": "controller", **options}
    return run(eks_pod_identity_association, account.endpoint, check, **given)


def seen_made_and_then_none(account: Account, call: Any, options: dict[str, Any], diff: dict[str, Any]) -> None:
    mark = account.mark()
    planned = call(check=True, **options)
    assert planned["changed"] and planned["diff"] == diff, planned
    assert account.mutations(mark) == []
    assert call(**options)["changed"] is True
    mark = account.mark()
    assert call(**options)["changed"] is False, options
    assert account.mutations(mark) == []


def test_an_access_entry_from_creation_to_deletion(account: Account, parts: Parts, cluster: str) -> None:
    def call(check: bool = False, **options: Any) -> dict[str, Any]:
        return entry(account, cluster, check, **options)

    view = {"policy": f"{POLICY}AmazonEKSViewPolicy", "scope": {"type": "cluster"}}
    edit = {"policy": f"{POLICY}AmazonEKSEditPolicy", "scope": {"type": "namespace", "namespaces": ["a", "b-*"]}}
    created = {"kubernetes_groups": ["team"], "policies": [view], "tags": {"team": "a"}}
    options = {**created, "policies": [{"policy": "AmazonEKSViewPolicy"}]}
    seen_made_and_then_none(account, call, options, {"before": {}, "after": created})
    for options, before, after in (
        ({"kubernetes_groups": ["b", "a"]}, {"kubernetes_groups": ["team"]}, {"kubernetes_groups": ["a", "b"]}),
        ({"username": "someone"}, {"username": "arn:aws:sts::123456789012:assumed-role/team/{{SessionName}}"}, {"username": "someone"}),
        ({"policies": [edit, view]}, {"policies": [view]}, {"policies": [edit, view]}),
        ({"policies": [{**edit, "scope": {"type": "namespace", "namespaces": ["a"]}}], "purge_policies": False}, None, None),
        ({"policies": []}, None, {"policies": []}),
        ({"tags": {"team": "b"}}, {"tags": {"team": "a"}}, {"tags": {"team": "b"}}),
    ):
        planned = call(check=True, **options)["diff"]
        seen_made_and_then_none(account, call, options, {"before": before or planned["before"], "after": after or planned["after"]})
    live = parts.eks.describe_access_entry(clusterName=cluster, principalArn=TEAM)["accessEntry"]
    assert live["kubernetesGroups"] == ["a", "b"] and live["username"] == "someone", "each update keeps the rest"
    # Drift.
    parts.eks.update_access_entry(clusterName=cluster, principalArn=TEAM, kubernetesGroups=["admins"])
    assert call(kubernetes_groups=["a", "b"])["access_entry"]["kubernetes_groups"] == ["a", "b"]
    assert call(check=True, state="absent")["changed"] is True
    assert call(state="absent")["changed"] is True
    assert call(state="absent")["changed"] is False


def test_the_creators_entry_is_adopted(account: Account, parts: Parts, cluster: str) -> None:
    creator = account.client("sts").get_caller_identity()["Arn"]
    admin = [{"policy": "AmazonEKSClusterAdminPolicy"}]
    assert entry(account, cluster, principal_arn=creator, policies=admin)["changed"] is False
    tagged = entry(account, cluster, principal_arn=creator, policies=admin, tags={"meshgate.io/cluster": cluster})
    assert tagged["changed"] and tagged["diff"]["before"] == {"tags": {}}


def test_entries_of_nodes(account: Account, cluster: str) -> None:
    nodes = f"{TEAM}-nodes"
    assert entry(account, cluster, principal_arn=nodes, type="EC2_LINUX")["access_entry"]["type"] == "EC2_LINUX"
    assert entry(account, cluster, principal_arn=nodes, type="EC2_LINUX")["changed"] is False
    refused = entry(account, cluster, principal_arn=nodes, type="EC2_WINDOWS")
    assert "it is EC2_LINUX, not EC2_WINDOWS" in refused["msg"]


def test_what_eks_would_refuse_of_access_entries(account: Account, parts: Parts, cluster: str) -> None:
    mark = account.mark()
    for options, said in (
        ({"principal_arn": "arn:aws:sts::123456789012:assumed-role/team/me"}, "not of a session"),
        ({"kubernetes_groups": ["system:masters"]}, "do not begin with system:"),
        ({"username": "eks:me"}, "username is 'eks:me'"),
        ({"type": "EC2_LINUX", "policies": [{"policy": "AmazonEKSViewPolicy"}]}, "since policies is set"),
        ({"type": "EC2_LINUX", "principal_arn": "arn:aws:iam::123456789012:user/me"}, "the ARN of an IAM role"),
        ({"policies": [{"policy": "AmazonEKSViewPolicy", "scope": {"type": "namespace"}}]}, "namespaces with a scope of type namespace"),
        ({"policies": [{"policy": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]}, "the name or ARN of an access policy"),
        ({"policies": [{"policy": "AmazonEKSViewPolicy"}] * 2}, "each policy once"),
        ({"cluster_name": "nowhere"}, "EKS cluster nowhere does not exist"),
    ):
        refused = entry(account, **{"cluster": cluster, **options} if "cluster_name" not in options else {"cluster": "nowhere"})
        assert refused.get("failed") and said in refused["msg"], (options, refused)
    assert account.mutations(mark) == []
    assert entry(account, "nowhere", check=True)["changed"] is True
    old = parts.cluster("access-configmap", accessConfig={"authenticationMode": "CONFIG_MAP"})
    assert "authentication mode" in entry(account, old)["msg"]


def test_an_association_from_creation_to_deletion(account: Account, parts: Parts, cluster: str) -> None:
    def call(check: bool = False, **options: Any) -> dict[str, Any]:
        return association(account, cluster, check, **options)

    other = account.role("other-pods", "pods.eks.amazonaws.com")
    target = "arn:aws:iam::210987654321:role/target"
    created = {"role_arn": parts.pod_role, "tags": {"team": "a"}}
    seen_made_and_then_none(account, call, created, {"before": {}, "after": created})
    for options, before in (
        ({"role_arn": other}, {"role_arn": parts.pod_role}),
        ({"target_role_arn": target}, {"target_role_arn": ""}),
        ({"target_role_arn": ""}, {"target_role_arn": target}),
        ({"disable_session_tags": True}, {"disable_session_tags": False}),
        ({"tags": {"team": "b"}}, {"tags": {"team": "a"}}),
    ):
        seen_made_and_then_none(account, call, options, {"before": before, "after": options})
    # Drift.
    found = parts.eks.list_pod_identity_associations(clusterName=cluster, namespace="kube-system", serviceAccount="controller")["associations"]
    parts.eks.update_pod_identity_association(clusterName=cluster, associationId=found[0]["associationId"], roleArn=parts.pod_role)
    assert call(role_arn=other)["association"]["role_arn"] == other
    assert call(check=True, state="absent")["changed"] is True
    assert call(state="absent")["changed"] is True
    assert call(state="absent")["changed"] is False


def test_an_addons_association_is_not_touched(account: Account, parts: Parts, cluster: str) -> None:
    one = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": parts.pod_role}]
    parts.eks.create_addon(clusterName=cluster, addonName="aws-ebs-csi-driver", podIdentityAssociations=one)
    where = {"service_account": "ebs-csi-controller-sa"}
    assert association(account, cluster, role_arn=parts.pod_role, **where)["changed"] is False
    for options in ({"role_arn": account.role("other-pods", "pods.eks.amazonaws.com")}, {"state": "absent"}):
        refused = association(account, cluster, **where, **options)
        assert refused["failed"] and "belongs to arn:aws:eks:us-west-2:123456789012:addon/" in refused["msg"]


def test_what_eks_would_refuse_of_associations(account: Account, parts: Parts, cluster: str) -> None:
    mark = account.mark()
    for options, said in (
        ({}, "role_arn must be given to create it"),
        ({"role_arn": "controller"}, "role_arn is 'controller'"),
        ({"role_arn": parts.pod_role, "namespace": "Kube_System"}, "a Kubernetes namespace"),
        ({"role_arn": parts.pod_role, "service_account": "-x"}, "a Kubernetes service account"),
    ):
        refused = association(account, cluster, **options)
        assert refused.get("failed") and said in refused["msg"], (options, refused)
    assert "EKS cluster nowhere does not exist" in association(account, "nowhere", role_arn=parts.pod_role)["msg"]
    assert account.mutations(mark) == []
    missing = association(account, cluster, role_arn="arn:aws:iam::123456789012:role/nobody")
    assert missing["failed"] and "could not be assumed" in missing["msg"] and "\n" not in missing["msg"]
    assert association(account, "nowhere", check=True, role_arn=parts.pod_role)["changed"] is True
    assert association(account, "nowhere", state="absent")["changed"] is False
