# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whose a role of the platform is, when IAM is one for all regions: ours by account, region, cluster and mark, and never another cluster's."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_harness import REGION, Account
from platform_parts import planned, platform, present

ELSEWHERE = "eu-west-1"


class Cluster:
    """A cluster of one name in one region, as code of before there were regions in names and marks made it."""

    def __init__(self, account: Account, name: str, region: str = REGION) -> None:
        self.account, self.name, self.region = account, name, region
        self.iam = account.client("iam")

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=self.region, endpoint_url=self.account.endpoint, aws_access_key_id="test", aws_secret_access_key="test")

    def role(self, name: str, service: str, tags: dict[str, str] | None = None) -> str:
        """With the old mark, unless said otherwise."""
        arn = self.account.role(name, service)
        marks = {"meshgate.io/cluster": self.name} if tags is None else tags
        self.iam.tag_role(RoleName=name, Tags=[{"Key": key, "Value": value} for key, value in marks.items()])
        return arn

    def make(self, role: str, node_role: str) -> None:
        ec2, eks, tags = self.client("ec2"), self.client("eks"), {"meshgate.io/cluster": self.name}
        marked = [{"ResourceType": "vpc", "Tags": [{"Key": "meshgate.io/cluster", "Value": self.name}]}]
        vpc = ec2.create_vpc(CidrBlock="192.168.0.0/16", TagSpecifications=marked)["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"192.168.{250 + i}.0/24", AvailabilityZone=f"{self.region}{zone}")["Subnet"]["SubnetId"]
            for i, zone in enumerate("ab")
        ]
        ec2.create_tags(Resources=subnets, Tags=marked[0]["Tags"])
        eks.create_cluster(name=self.name, roleArn=role, resourcesVpcConfig={"subnetIds": subnets}, tags=tags)
        eks.get_waiter("cluster_active").wait(name=self.name, WaiterConfig={"Delay": 1})
        kind = {"instanceTypes": ["m6g.large"], "amiType": "AL2023_ARM_64_STANDARD", "diskSize": 80}
        eks.create_nodegroup(clusterName=self.name, nodegroupName="mng-arm", nodeRole=node_role, subnets=subnets, tags=tags, **kind)

    def old(self) -> Cluster:
        """With the roles that both regions' clusters had."""
        self.make(self.role(f"{self.name}-eks-cluster", "eks.amazonaws.com"), self.role(f"{self.name}-eks-node", "ec2.amazonaws.com"))
        return self

    def look(self, folder: Path, do: Any = planned, **changes: Any) -> dict[str, Any]:
        given = {**platform(folder, name=self.name), "role_name": "", "node_role_name": "", "region": self.region}
        given = {**given, "kubeconfig": str(folder / "none"), "node_groups": [{"name": "mng-arm", "instance_types": ["m6g.large"]}], **changes}
        return do(self.account.endpoint, given, check=do is planned)


@pytest.fixture
def name() -> str:
    return f"whose-{uuid.uuid4().hex[:6]}"


def tags_of(iam: Any, role: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in iam.get_role(RoleName=role)["Role"]["Tags"]}


def iam_of(look: dict[str, Any]) -> list[str]:
    assert not look.get("failed"), look["msg"]
    return [entry["summary"] for entry in look["differs"] if entry["section"] == "iam"]


def test_two_regions_have_roles_of_their_own(account: Account, tmp_path: Path, name: str) -> None:
    here, there = Cluster(account, name), Cluster(account, name, ELSEWHERE)
    assert iam_of(here.look(tmp_path)) == [f"would create IAM role {name}-{REGION}-{purpose}" for purpose in ("eks-cluster", "eks-node")]
    for cluster in (here, there):
        made = cluster.look(tmp_path, present, nat_mode="disabled")
        assert not made.get("failed"), made["msg"]
    for region, purpose in ((REGION, "eks-node"), (ELSEWHERE, "eks-cluster")):
        assert tags_of(here.iam, f"{name}-{region}-{purpose}") == {
            "Name": f"{name}-{region}-{purpose}",
            "meshgate.io/cluster": name,
            "meshgate.io/region": region,
        }


def test_what_the_cluster_names_stays_and_gets_its_region(account: Account, tmp_path: Path, name: str) -> None:
    cluster = Cluster(account, name).old()
    look = cluster.look(tmp_path)
    assert [line.split(":")[0] for line in iam_of(look)] == [f"would change IAM role {name}-{purpose}" for purpose in ("eks-cluster", "eks-node")]
    after = {entry["resource"]: entry["after"]["tags"] for entry in look["differs"] if entry["section"] == "iam"}
    assert after[f"IAM role {name}-eks-cluster"]["meshgate.io/region"] == REGION
    assert not [entry for entry in look["differs"] if "role_arn" in str(entry["after"]) or "node_role" in str(entry["after"])]


def test_what_two_clusters_share_stays_as_it_is_and_is_said(account: Account, tmp_path: Path, name: str) -> None:
    here, there = Cluster(account, name).old(), Cluster(account, name, ELSEWHERE)
    there.make(*[here.iam.get_role(RoleName=f"{name}-{purpose}")["Role"]["Arn"] for purpose in ("eks-cluster", "eks-node")])
    for cluster, other in ((here, ELSEWHERE), (there, REGION)):
        look = cluster.look(tmp_path)
        assert iam_of(look) == []
        assert f"IAM role {name}-eks-node stays as it is, without a tag meshgate.io/region, since EKS cluster {name} in {other} uses it" in str(
            look["warnings"]
        )


def test_a_role_that_another_cluster_uses_is_refused_by_name(account: Account, tmp_path: Path, name: str) -> None:
    other = Cluster(account, f"{name}-b", ELSEWHERE)
    used, nodes = other.role(f"{name}-plane", "eks.amazonaws.com", {}), other.role(f"{name}-b-nodes", "ec2.amazonaws.com")
    other.make(used, nodes)
    ours = Cluster(account, name)
    refused = ours.look(tmp_path, role_name=f"{name}-plane", adopt=True)
    assert f"IAM role {name}-plane cannot be taken over: EKS cluster {name}-b in {ELSEWHERE} uses it; choose another" in refused["msg"]
    # With the mark of the same name in the other region, whatever adopt says.
    ours.role(f"{name}-marked", "eks.amazonaws.com", {"meshgate.io/cluster": name, "meshgate.io/region": ELSEWHERE})
    refused = ours.look(tmp_path, role_name=f"{name}-marked", adopt=True)
    assert f"IAM role {name}-marked belongs to cluster {name} in {ELSEWHERE}" in refused["msg"]


def test_an_old_mark_without_a_cluster_is_ours_if_nobody_refers_to_it(account: Account, tmp_path: Path, name: str) -> None:
    ours = Cluster(account, name)
    ours.role(f"{name}-plane", "eks.amazonaws.com")
    assert iam_of(ours.look(tmp_path, role_name=f"{name}-plane"))[0].startswith(f"would change IAM role {name}-plane")
    statement = {"Effect": "Allow", "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/oidc.eks.{ELSEWHERE}.amazonaws.com/id/ABC"}}
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Action": "sts:AssumeRoleWithWebIdentity"}]}
    ours.iam.update_assume_role_policy(RoleName=f"{name}-plane", PolicyDocument=json.dumps(document))
    refused = ours.look(tmp_path, role_name=f"{name}-plane")
    assert (
        "has no tag meshgate.io/region that shows its owner" in refused["msg"]
        and f"oidc.eks.{ELSEWHERE}.amazonaws.com/id/ABC of another region" in refused["msg"]
    )
