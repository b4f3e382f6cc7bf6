# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""iam_service_account_role over HTTP: how a service account becomes its role, and what is kept of its policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_harness import Account, run

from ansible_collections.meshgate.eks_istio.plugins.modules import iam_service_account_role

CLUSTER = "sandbox"
NAME = f"{CLUSTER}-aws-load-balancer-controller"
OWNER = {"meshgate.io/cluster": CLUSTER}
WEB_IDENTITY = {"oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/issuer", "oidc_issuer": "https://issuer"}
FOREIGN_TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


@pytest.fixture(autouse=True)
def clean(account: Account) -> Iterator[None]:
    yield
    given = {"state": "absent", "role_name": NAME, "policy_name": NAME, "path": "/", "owner": OWNER}
    assert "failed" not in run(iam_service_account_role, account.endpoint, **given)


def document(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:ec2:*:*:vpc/*", **more}]}


@pytest.fixture
def role(account: Account, tmp_path: Path) -> Any:
    source = tmp_path / "policy.json"

    def call(policy: dict[str, Any] | None = None, check: bool = False, **more: Any) -> dict[str, Any]:
        source.write_text(json.dumps(policy or document("ec2:DescribeVpcs")))
        given = {"role_name": NAME, "policy_name": NAME, "policy": str(source), "service_account": "aws-load-balancer-controller", "owner": OWNER}
        return run(iam_service_account_role, account.endpoint, check, **given, **({} if "trust" in more else WEB_IDENTITY), **more)

    return call


def test_seven_changes_in_a_row_keep_five_versions_and_the_last_is_the_default(role: Any, account: Account) -> None:
    """IAM user guide, "Versioning IAM policies": at most five versions, and the default one cannot be deleted."""
    role()
    arn = ""
    for number in range(7):
        changed = role(document(f"ec2:Describe{number}"))
        assert changed["actions"] == [f"policy {NAME}, default version"]
        assert [s["Action"] for s in changed["diff"]["after"][f"policy {NAME}, default version"]] == [[f"ec2:Describe{number}"]]
        arn = changed["policy_arn"]
    iam = account.client("iam")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert sorted(v["VersionId"] for v in versions) == ["v4", "v5", "v6", "v7", "v8"]
    assert [v["VersionId"] for v in versions if v["IsDefaultVersion"]] == ["v8"]
    assert not role(document("EC2:describe6"))["changed"]  # actions have no case
    # An old version that somebody made the default again is drift, also with five versions there.
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v4")
    assert role(document("ec2:Describe6"))["actions"] == [f"policy {NAME}, default version"]
    assert not role(document("ec2:Describe6"), check=True)["changed"]
    assert len(iam.list_policy_versions(PolicyArn=arn)["Versions"]) == 5


def test_from_web_identity_to_pod_identity_and_back(role: Any, account: Account) -> None:
    """The trust is EKS's user guide's: "Create IAM role with trust policy required by EKS Pod Identity"."""
    role()
    iam = account.client("iam")
    pod = {"trust": "pod_identity", "cluster_name": CLUSTER}
    would = role(check=True, **pod)
    done = role(**pod)
    assert would["actions"] == done["actions"] == [f"role {NAME}, trust policy"]
    assert would["diff"] == done["diff"]
    assert done["pod_identity_association"] == ""  # there is not even a cluster yet
    (statement,) = iam.get_role(RoleName=NAME)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"Service": "pods.eks.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"])
    assert not role(**pod)["changed"]
    assert role()["actions"] == [f"role {NAME}, trust policy"]
    (statement,) = iam.get_role(RoleName=NAME)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"


def test_an_association_is_told_since_it_wins_over_web_identity(role: Any, account: Account) -> None:
    eks = account.client("eks")
    subnets = account.subnets(account.vpc())
    eks.create_cluster(name=CLUSTER, roleArn=account.role("associated-eks", "eks.amazonaws.com"), resourcesVpcConfig={"subnetIds": subnets})
    eks.get_waiter("cluster_active").wait(name=CLUSTER, WaiterConfig={"Delay": 1})
    arn = role(trust="pod_identity", cluster_name=CLUSTER)["role_arn"]
    where = {"clusterName": CLUSTER, "namespace": "kube-system", "serviceAccount": "aws-load-balancer-controller"}
    made = eks.create_pod_identity_association(**where, roleArn=arn)["association"]["associationId"]
    assert role(cluster_name=CLUSTER)["pod_identity_association"] == made
    eks.delete_pod_identity_association(clusterName=CLUSTER, associationId=made)
    assert role(cluster_name=CLUSTER)["pod_identity_association"] == ""
    eks.delete_cluster(name=CLUSTER)


def test_path_boundary_and_tags_are_kept_and_drift_is_put_back(role: Any, account: Account) -> None:
    iam = account.client("iam")
    iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document("ec2:*")))
    given = {"permissions_boundary": BOUNDARY, "tags": {"team": "edge"}}
    role(**given)
    live = iam.get_role(RoleName=NAME)["Role"]
    assert (live["Path"], live["PermissionsBoundary"]["PermissionsBoundaryArn"]) == ("/", BOUNDARY)
    iam.delete_role_permissions_boundary(RoleName=NAME)
    iam.untag_role(RoleName=NAME, TagKeys=["team"])
    iam.update_assume_role_policy(RoleName=NAME, PolicyDocument=json.dumps(FOREIGN_TRUST))
    assert role(check=True, **given)["actions"] == role(**given)["actions"]
    assert not role(**given)["changed"]
    assert "has the path / and not /mesh/" in role(path="/mesh/")["msg"]


def test_with_a_path_of_its_own(role: Any, account: Account) -> None:
    made = role(path="/mesh/")
    assert made["role_arn"] == f"arn:aws:iam::123456789012:role/mesh/{NAME}"
    assert made["policy_arn"] == f"arn:aws:iam::123456789012:policy/mesh/{NAME}"
    assert not role(path="/mesh/")["changed"]
    gone = {"state": "absent", "role_name": NAME, "policy_name": NAME, "path": "/mesh/", "owner": OWNER}
    assert run(iam_service_account_role, account.endpoint, **gone)["changed"]


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_arns_of_the_document_are_of_the_partition(role: Any, account: Account, partition: str) -> None:
    """The controller's own iam_policy_cn.json and iam_policy_us-gov.json mean the same as its iam_policy.json with these ARNs."""
    shown = role(check=True, partition=partition, account_id="123456789012")
    assert shown["diff"]["after"][f"policy {NAME}"]["Statement"][0]["Resource"] == f"arn:{partition}:ec2:*:*:vpc/*"
    assert shown["policy_arn"].startswith(f"arn:{partition}:iam::")


def test_what_a_trust_needs_is_asked_for(role: Any, account: Account) -> None:
    assert role(trust="pod_identity")["msg"] == "trust is pod_identity but cluster_name is missing"
    assert role(trust="web_identity", oidc_issuer="https://x")["msg"] == "trust is web_identity but oidc_provider_arn is missing"
