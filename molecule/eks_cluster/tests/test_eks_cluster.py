"""A second EKS cluster in the platform's account: what plain boto3 sees of it, drift, and a removal that leaves the first one alone."""

from __future__ import annotations

import json
import stat

import pytest
from account import contents
from harness import STATE

NAME = "molecule-eks"
CONVERGE, CLEANUP = "molecule/eks_cluster/converge.yml", "molecule/eks_cluster/cleanup.yml"


@pytest.fixture(scope="module")
def cluster(aws) -> dict:
    return aws("eks").describe_cluster(name=NAME)["cluster"]


def vpcs(aws) -> list[str]:
    found = aws("ec2").describe_vpcs(Filters=[{"Name": "tag:meshgate.io/cluster", "Values": [NAME]}])
    return [vpc["VpcId"] for vpc in found["Vpcs"]]


def test_cluster_nodes_and_network_are_there_and_tagged(aws, cluster):
    assert cluster["status"] == "ACTIVE" and cluster["tags"]["meshgate.io/cluster"] == NAME and cluster["tags"]["team"] == "molecule"
    group = aws("eks").describe_nodegroup(clusterName=NAME, nodegroupName="mng-arm")["nodegroup"]
    assert (group["status"], group["amiType"], group["instanceTypes"]) == ("ACTIVE", "AL2023_ARM_64_STANDARD", ["m6g.large"])
    assert vpcs(aws) == [cluster["resourcesVpcConfig"]["vpcId"]]
    subnets = aws("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": vpcs(aws)}])["Subnets"]
    assert len(subnets) == 6 and all(subnet["CidrBlock"].startswith("10.60.") for subnet in subnets)


def test_the_kubeconfig_is_of_this_cluster_and_for_its_owner_alone(cluster):
    path = STATE / f"{NAME}.us-west-2" / "kubeconfig"
    assert cluster["endpoint"] in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_drift_is_named_and_repaired(play, aws):
    eks, ec2 = aws("eks"), aws("ec2")
    eks.update_nodegroup_config(clusterName=NAME, nodegroupName="mng-arm", scalingConfig={"minSize": 1, "desiredSize": 1, "maxSize": 9})
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": vpcs(aws)}, {"Name": "tag:kubernetes.io/role/elb", "Values": ["1"]}])["Subnets"][0]
    ec2.delete_tags(Resources=[subnet["SubnetId"]], Tags=[{"Key": "kubernetes.io/role/elb"}])
    said = "\n".join(play(CONVERGE, "--check", "--diff").changes())
    assert "mng-arm" in said and "kubernetes.io/role/elb" in said
    play(CONVERGE)
    scaling = eks.describe_nodegroup(clusterName=NAME, nodegroupName="mng-arm")["nodegroup"]["scalingConfig"]
    # No variable sets the other sizes, so that they are no drift.
    assert scaling == {"minSize": 1, "desiredSize": 2, "maxSize": 9}
    assert play(CONVERGE).changed == 0


def test_another_cidr_for_a_network_that_is_there_is_refused(play):
    run = play(CONVERGE, "-e", json.dumps({"eks_cluster_vpc_cidr": "10.61.0.0/16"}), ok=False)
    assert run.code != 0 and "10.61.0.0/16" in run.failures()


def test_a_removal_leaves_the_first_cluster_and_nothing_else(play, aws):
    first = {kind: {item for item in items if "sandbox" in item} for kind, items in contents(aws).items()}
    play(CLEANUP)
    now = contents(aws)
    assert NAME not in json.dumps(now) and vpcs(aws) == []
    assert {kind: {item for item in items if "sandbox" in item} for kind, items in now.items()} == first
    assert "sandbox" in now["clusters"]
    assert not (STATE / f"{NAME}.us-west-2" / "kubeconfig").exists()
    assert play(CLEANUP).changed == 0
    assert play("playbooks/site.yml", "--check").changes() == []
