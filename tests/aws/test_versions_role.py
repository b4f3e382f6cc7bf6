# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Kubernetes versions through role eks_cluster, seen by a client that is not ours: the AWS CLI.

"Update existing cluster to new Kubernetes version" (EKS user guide): one minor version at a time; then add-ons, then nodes.
"""

from __future__ import annotations

import pytest
from cloud import Cloud

NAME = "sandbox"
ADDONS = ["vpc-cni", "coredns", "kube-proxy"]


def role(aws: Cloud, version: str, ok: bool = True, check: bool = False):
    return aws.role("eks_cluster", ok=ok, check=check, eks_cluster_version=version, eks_cluster_addons=[{"name": name} for name in ADDONS])


def look(aws: Cloud) -> dict:
    """Versions of everything, as the AWS CLI tells them."""
    cluster = aws.aws_cli("eks", "describe-cluster", "--name", NAME)["cluster"]
    (group,) = aws.aws_cli("eks", "list-nodegroups", "--cluster-name", NAME)["nodegroups"]
    nodes = aws.aws_cli("eks", "describe-nodegroup", "--cluster-name", NAME, "--nodegroup-name", group)["nodegroup"]
    kube_proxy = aws.aws_cli("eks", "describe-addon", "--cluster-name", NAME, "--addon-name", "kube-proxy")["addon"]
    return {"cluster": cluster["version"], "nodes": nodes["version"], "kube-proxy": ".".join(kube_proxy["addonVersion"].lstrip("v").split(".")[:2])}


@pytest.mark.slow
def test_one_minor_after_the_other(aws: Cloud) -> None:
    role(aws, "1.34")
    assert look(aws) == {"cluster": "1.34", "nodes": "1.34", "kube-proxy": "1.34"}
    assert aws.aws_cli("eks", "list-clusters") == {"clusters": [NAME]}
    assert sorted(aws.aws_cli("eks", "list-addons", "--cluster-name", NAME)["addons"]) == sorted(ADDONS)
    vpcs = aws.aws_cli("ec2", "describe-vpcs", "--filters", f"Name=tag:meshgate.io/cluster,Values={NAME}", "--query", "Vpcs[].CidrBlock")
    assert vpcs == ["192.168.0.0/16"]

    aws.faults.reset()
    skipped = role(aws, "1.36", ok=False)
    assert skipped.code != 0 and "1.35 comes before 1.36" in skipped.failures()
    assert aws.faults.mutations() == []

    for version in ("1.35", "1.36"):
        aws.faults.reset()
        role(aws, version)
        assert look(aws) == {"cluster": version, "nodes": version, "kube-proxy": version}
        order = [name for name in aws.faults.mutations() if name.startswith("eks:Update")]
        first = {name: order.index(name) for name in order}
        assert first["eks:UpdateClusterVersion"] < first["eks:UpdateAddon"] < first["eks:UpdateNodegroupVersion"], order
    back = role(aws, "1.35", ok=False)
    assert back.code != 0 and "cannot go back to 1.35" in back.failures()
    assert role(aws, "1.36", check=True).changed == 0
