# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whose a service account's role is: the one in use keeps its name, and what is another region's or another cluster's is never touched."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from aws_harness import REGION, Account, run

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import global_name, old_global_name
from ansible_collections.meshgate.eks_istio.plugins.modules import iam_service_account_role

ELSEWHERE, ACCOUNT, CONTROLLER = "eu-west-1", "123456789012", "aws-load-balancer-controller"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ec2:DescribeVpcs"], "Resource": "*"}]}


def issuer(region: str, cluster: str) -> str:
    return f"https://oidc.eks.{region}.amazonaws.com/id/{uuid.uuid5(uuid.NAMESPACE_DNS, region + cluster).hex.upper()}"


class Rig:
    def __init__(self, account: Account, folder: Path) -> None:
        self.account, self.iam = account, account.client("iam")
        self.policy = folder / "policy.json"
        self.policy.write_text(json.dumps(DOCUMENT))

    def run(self, cluster: str, region: str = REGION, check: bool = False, old: bool = False, **more: Any) -> dict[str, Any]:
        """As the role runs it; `old`: as it ran it before there were regions in names and marks."""
        host = issuer(region, cluster)
        name = old_global_name(cluster, CONTROLLER)
        given = {
            "policy": str(self.policy),
            "account_id": ACCOUNT,
            "cluster_name": cluster,
            "oidc_issuer": host,
            "oidc_provider_arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host.removeprefix('https://')}",
            "service_account": CONTROLLER,
            "owner": {"meshgate.io/cluster": cluster, **({} if old else {"meshgate.io/region": region})},
            **({"role_name": name, "policy_name": name} if old else {}),
        }
        return run(iam_service_account_role, self.account.endpoint, check, **{**given, "region": region, **more})

    def picture(self, name: str) -> str:
        """Everything that IAM knows of a role and its policy."""
        arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
        seen = [
            self.iam.get_role(RoleName=name)["Role"],
            self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
            self.iam.get_policy(PolicyArn=arn)["Policy"],
            self.iam.list_policy_versions(PolicyArn=arn)["Versions"],
            self.iam.list_policy_tags(PolicyArn=arn)["Tags"],
        ]
        return json.dumps(seen, sort_keys=True, default=str)

    def marks(self, name: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.iam.list_role_tags(RoleName=name)["Tags"]}

    def roles(self, cluster: str) -> list[str]:
        return sorted(role["RoleName"] for role in self.iam.list_roles()["Roles"] if role["RoleName"].startswith(cluster))


@pytest.fixture
def rig(account: Account, tmp_path: Path) -> Rig:
    return Rig(account, tmp_path)


def named(length: int) -> str:
    """A cluster's name of this length that no other test has."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return alphabet[uuid.uuid4().int % 26] if length == 1 else (uuid.uuid4().hex * 4)[:length].replace("-", "x")


@pytest.mark.parametrize("length", [1, 20, 21, 35])
def test_a_role_of_before_keeps_its_name_gets_its_region_and_goes(rig: Rig, length: int) -> None:
    cluster = named(length)
    name = old_global_name(cluster, CONTROLLER)
    made = rig.run(cluster, old=True)
    assert made["role_arn"].endswith(f":role/{name}"), made
    would = rig.run(cluster, check=True)
    done = rig.run(cluster)
    assert would["actions"] == done["actions"] == [f"policy {name}, tags", f"role {name}, tags"]
    assert done["role_arn"] == made["role_arn"] and rig.marks(name)["meshgate.io/region"] == REGION
    assert not rig.run(cluster)["changed"]
    # By its tags alone it can now be removed, also without a cluster that says so.
    gone = rig.run(cluster, state="absent", oidc_issuer="")
    assert gone["actions"] == [f"role {name}", f"policy {name}"] and not rig.run(cluster, state="absent")["changed"]


@pytest.mark.parametrize("length", [36, 100])
def test_a_name_that_was_too_long_before_is_shortened(rig: Rig, length: int) -> None:
    cluster = named(length)
    made = rig.run(cluster)
    assert made["role_arn"].endswith("/" + global_name(ACCOUNT, REGION, cluster, CONTROLLER)), made
    assert not rig.run(cluster)["changed"]
    assert rig.run(cluster, state="absent")["changed"]


@pytest.mark.parametrize("first", [REGION, ELSEWHERE])
def test_two_regions_never_see_each_other(rig: Rig, first: str) -> None:
    cluster, second = named(12), ELSEWHERE if first == REGION else REGION
    names = {region: global_name(ACCOUNT, region, cluster, CONTROLLER) for region in (first, second)}
    for region in (first, second):
        rig.run(cluster, region)
    before = rig.picture(names[second])
    rig.run(cluster, first, tags={"team": "mesh"})
    assert rig.picture(names[second]) == before
    assert rig.run(cluster, first, state="absent")["actions"] == [f"role {names[first]}", f"policy {names[first]}"]
    assert rig.picture(names[second]) == before and rig.roles(cluster) == [names[second]]
    assert rig.run(cluster, second, state="absent")["changed"] and rig.roles(cluster) == []


def test_a_role_whose_trust_names_another_regions_issuer_is_left_to_it(rig: Rig) -> None:
    """Made by code of before in us-west-2; eu-west-1's next run rewrote its trust, and its teardown deleted it."""
    cluster = named(12)
    old = old_global_name(cluster, CONTROLLER)
    rig.run(cluster, old=True)
    before = rig.picture(old)
    made = rig.run(cluster, ELSEWHERE)
    assert made["role_arn"].endswith("/" + global_name(ACCOUNT, ELSEWHERE, cluster, CONTROLLER))
    assert f"IAM role {old} stays as it is" in str(made["warnings"]) and "of another region" in str(made["warnings"])
    rig.run(cluster, ELSEWHERE, state="absent")
    assert rig.picture(old) == before
    assert rig.run(cluster)["role_arn"].endswith(f"/{old}")


def test_a_policy_that_is_attached_to_somebody_elses_role_is_left(rig: Rig) -> None:
    cluster = named(12)
    old, new = old_global_name(cluster, CONTROLLER), global_name(ACCOUNT, REGION, cluster, CONTROLLER)
    rig.run(cluster, old=True)
    rig.account.role(f"theirs-{cluster}", "ec2.amazonaws.com")
    rig.iam.attach_role_policy(RoleName=f"theirs-{cluster}", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/{old}")
    made = rig.run(cluster)
    assert made["policy_arn"].endswith(f"/{new}") and f"IAM policy {old} stays as it is" in str(made["warnings"])
    assert f"attached to role theirs-{cluster}" in str(made["warnings"])
    rig.run(cluster, state="absent")
    assert rig.iam.list_attached_role_policies(RoleName=f"theirs-{cluster}")["AttachedPolicies"][0]["PolicyName"] == old


def test_another_clusters_role_is_refused_by_name_whatever_adopt_says(rig: Rig) -> None:
    cluster = named(12)
    rig.run(cluster, ELSEWHERE)
    theirs = global_name(ACCOUNT, ELSEWHERE, cluster, CONTROLLER)
    before = rig.picture(theirs)
    refused = rig.run(cluster, role_name=theirs, policy_name=theirs, adopt=True)
    assert refused["failed"] and f"the IAM role {theirs} belongs to cluster {cluster} in {ELSEWHERE}" in refused["msg"]
    assert rig.picture(theirs) == before


def test_without_a_name_an_owner_with_its_region_is_needed(rig: Rig) -> None:
    refused = rig.run(named(12), owner={"meshgate.io/cluster": "x"})
    assert "role_name is missing" in refused["msg"] and "meshgate.io/region" in refused["msg"]
