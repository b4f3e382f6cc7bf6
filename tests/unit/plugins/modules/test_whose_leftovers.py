# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A teardown in one region takes of IAM what is this region's cluster's, whatever it is called, and nothing else."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from aws_harness import REGION, Account, run
from test_whose_roles import ELSEWHERE, Cluster

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.ownership import global_name, old_global_name
from ansible_collections.meshgate.eks_istio.plugins.modules import aws_leftovers, aws_leftovers_info

DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}'
CONTROLLER, ACCOUNT = "aws-load-balancer-controller", "123456789012"
FAST = {"wait_delay": 0.1, "wait_timeout": 20}


class Parts(Cluster):
    """What a platform has in IAM, with old marks or new ones, under names of our choice."""

    def marks(self, old: bool) -> dict[str, str]:
        return {"meshgate.io/cluster": self.name, **({} if old else {"meshgate.io/region": self.region})}

    def furnish(self, old: bool = False, **names: str) -> Parts:
        """Cluster role, node role, controller's role and policy, provider: as today's names are, or the old ones."""
        tags = [{"Key": key, "Value": value} for key, value in self.marks(old).items()]
        for purpose, service in (("eks-cluster", "eks"), ("eks-node", "ec2"), (CONTROLLER, "pods.eks")):
            name = names.get(purpose.replace("-", "_")) or self.called(purpose, old)
            self.role(name, f"{service}.amazonaws.com", self.marks(old))
        policy = names.get("policy") or self.called(CONTROLLER, old)
        arn = self.iam.create_policy(PolicyName=policy, PolicyDocument=DOCUMENT, Tags=tags)["Policy"]["Arn"]
        self.iam.attach_role_policy(RoleName=names.get(CONTROLLER.replace("-", "_")) or self.called(CONTROLLER, old), PolicyArn=arn)
        url = f"https://oidc.eks.{self.region}.amazonaws.com/id/{uuid.uuid4().hex.upper()}"
        self.iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["9" * 40], Tags=tags)
        return self

    def called(self, purpose: str, old: bool = False) -> str:
        return old_global_name(self.name, purpose) if old else global_name(ACCOUNT, self.region, self.name, purpose)

    def picture(self) -> str:
        """All of IAM that has this region's marks."""
        iam, seen = self.iam, []
        for role in iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]:
            if {"Key": "meshgate.io/region", "Value": self.region} in role["Tags"] and self.name in str(role["Tags"]):
                seen.append(role)
        for policy in iam.list_policies(Scope="Local")["Policies"]:
            tags = iam.list_policy_tags(PolicyArn=policy["Arn"])["Tags"]
            if {"Key": "meshgate.io/region", "Value": self.region} in tags and self.name in str(tags):
                seen.append([policy, tags, iam.list_entities_for_policy(PolicyArn=policy["Arn"])["PolicyRoles"]])
        for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            live = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
            if {"Key": "meshgate.io/region", "Value": self.region} in live["Tags"] and self.name in str(live["Tags"]):
                live.pop("ResponseMetadata")
                seen.append(live)
        assert len(seen) in (0, 5), seen
        return json.dumps(seen, sort_keys=True, default=str)

    def teardown(self, **more: Any) -> dict[str, Any]:
        done = run(aws_leftovers, self.account.endpoint, region=self.region, cluster_name=self.name, include_cluster=True, **FAST, **more)
        assert not done.get("failed"), done["msg"]
        return done

    def found(self, **more: Any) -> dict[str, Any]:
        return run(aws_leftovers_info, self.account.endpoint, region=self.region, cluster_name=self.name, **more)


@pytest.fixture
def name() -> str:
    return f"left-{uuid.uuid4().hex[:6]}"


def kinds(entries: list[dict[str, Any]]) -> list[str]:
    return sorted(entry["type"] for entry in entries)


IN_IAM = ["IAM policy", "IAM role", "IAM role", "IAM role", "OIDC provider"]


def test_configured_names_are_found_and_go(account: Account, name: str) -> None:
    """eks_cluster_role_name: platform-plane; the search by names saw neither of these, and called the account empty."""
    other = uuid.uuid4().hex[:6]
    names = {"eks_cluster": f"{other}-plane", "eks_node": f"{other}-workers", "aws_load_balancer_controller": f"{other}-balancers", "policy": f"{other}-policy"}
    parts = Parts(account, name).furnish(**names)
    assert kinds(parts.found()["leftovers"]) == IN_IAM
    assert kinds(parts.teardown()["removed"]) == IN_IAM
    assert parts.found()["leftovers"] == [] and names["eks_cluster"] not in str(parts.iam.list_roles())


@pytest.mark.parametrize("first", [REGION, ELSEWHERE])
def test_each_region_takes_its_own(account: Account, name: str, first: str) -> None:
    one, other = Parts(account, name, first).furnish(), Parts(account, name, ELSEWHERE if first == REGION else REGION).furnish()
    before = other.picture()
    done = one.teardown()
    assert kinds(done["removed"]) == IN_IAM and done["foreign"] == []
    assert other.picture() == before and one.picture() == "[]"
    assert kinds(other.teardown()["removed"]) == IN_IAM and other.picture() == "[]"


def test_old_marks_are_ours_where_nobody_else_uses_them(account: Account, name: str) -> None:
    parts = Parts(account, name).furnish(old=True)
    assert kinds(parts.found()["leftovers"]) == IN_IAM
    assert kinds(parts.teardown()["removed"]) == IN_IAM


def test_what_another_regions_cluster_of_this_name_uses_is_named_and_left(account: Account, name: str) -> None:
    """Both made by code of before, so that they share it: teardown of eu-west-1 took roles, policy and both providers while us-west-2 lived."""
    here, there = Parts(account, name).furnish(old=True), Parts(account, name, ELSEWHERE)
    arns = [here.iam.get_role(RoleName=here.called(purpose, old=True))["Role"]["Arn"] for purpose in ("eks-cluster", "eks-node", CONTROLLER)]
    here.make(*arns[:2])
    issuer = here.client("eks").describe_cluster(name=name)["cluster"]["identity"]["oidc"]["issuer"].removeprefix("https://")
    statement = {"Effect": "Allow", "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}, "Action": "sts:AssumeRoleWithWebIdentity"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    here.iam.update_assume_role_policy(RoleName=here.called(CONTROLLER, old=True), PolicyDocument=trust)
    there.make(*arns[:2])
    done = there.teardown()
    assert not set(kinds(done["removed"])) & set(IN_IAM) and "EKS cluster" in kinds(done["removed"])
    assert kinds(done["foreign"]) == IN_IAM
    said = {entry["name"]: entry["reason"] for entry in done["foreign"] if entry["type"] == "IAM role"}
    assert f"without meshgate.io/region, and EKS cluster {name} in {REGION} uses it" in said[here.called("eks-node", old=True)]
    assert f"and its trust policy names the OIDC issuer of EKS cluster {name} in {REGION}" in said[here.called(CONTROLLER, old=True)]
    # It is still all there, and goes with its own.
    assert kinds(here.found()["leftovers"]).count("IAM role") == 3
    removed = kinds(here.teardown()["removed"])
    assert [kind for kind in removed if kind in IN_IAM] == IN_IAM


def test_a_policy_of_ours_that_somebody_elses_role_has_is_in_the_way(account: Account, name: str) -> None:
    parts = Parts(account, name).furnish()
    account.role(f"theirs-{name}", "ec2.amazonaws.com")
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{parts.called(CONTROLLER)}"
    parts.iam.attach_role_policy(RoleName=f"theirs-{name}", PolicyArn=arn)
    mark = account.mark()
    refused = run(aws_leftovers, account.endpoint, cluster_name=name, **FAST)
    assert refused["failed"] and f"IAM role theirs-{name}: our IAM policy {parts.called(CONTROLLER)} is attached to it" in refused["msg"]
    assert account.mutations(mark) == []
    parts.iam.detach_role_policy(RoleName=f"theirs-{name}", PolicyArn=arn)
    assert kinds(parts.teardown()["removed"]) == IN_IAM


def test_a_role_of_ours_that_somebody_elses_instance_profile_has_is_in_the_way(account: Account, name: str) -> None:
    """Somebody's instances would lose what they may do. EKS's own profiles of node groups are none of these."""
    parts = Parts(account, name, REGION).furnish()
    for profile in (f"theirs-{name}", f"eks-{uuid.uuid4()}"):
        parts.iam.create_instance_profile(InstanceProfileName=profile)
        parts.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=parts.called("eks-node"))
    refused = run(aws_leftovers, account.endpoint, cluster_name=name, **FAST)
    assert refused["failed"] and f"instance profile theirs-{name}: our IAM role {parts.called('eks-node')} is in it" in refused["msg"]
    assert "instance profile eks-" not in refused["msg"]
    parts.iam.get_role(RoleName=parts.called("eks-node"))
    parts.iam.remove_role_from_instance_profile(InstanceProfileName=f"theirs-{name}", RoleName=parts.called("eks-node"))
    assert run(aws_leftovers, account.endpoint, cluster_name=name, **FAST)["changed"]


def test_a_role_that_the_inventory_names_and_that_lost_its_tags_is_named(account: Account, name: str) -> None:
    account.role(f"plane-{name}", "eks.amazonaws.com")
    found = Parts(account, name).found(iam_roles=[f"plane-{name}", ""])
    assert found["leftovers"] == [] and [entry["id"] for entry in found["foreign"]] == [f"plane-{name}"]
    assert f"the inventory names it, but it has no tag meshgate.io/cluster={name}" in found["foreign"][0]["reason"]
