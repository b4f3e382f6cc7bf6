# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The one look at the whole platform: an empty account, a foreign one, a kubeconfig of another cluster, bad input."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from aws_harness import REGION, Account, run
from platform_parts import planned, platform

from ansible_collections.meshgate.eks_istio.plugins.modules import eks_cluster


def test_an_empty_account_would_get_everything(account: Account, tmp_path: Path) -> None:
    mark = account.mark()
    look = planned(account.endpoint, platform(tmp_path), check=True)
    assert look["changed"] and {entry["action"] for entry in look["differs"]} == {"create"}
    said = [entry["summary"] for entry in look["differs"]]
    assert "would create VPC sandbox-vpc 192.168.0.0/16" in said and "would create node group mng-arm" in said
    assert len([line for line in said if "subnet sandbox-" in line]) == 6
    facts = look["facts"]
    assert facts["exists"] is False and facts["account_id"] == "123456789012" and facts["node_architectures"] == ["arm64"]
    assert planned(account.endpoint, platform(tmp_path))["changed"] is False
    assert account.mutations(mark) == []


@pytest.mark.parametrize(("mode", "gateways"), [("single", 1), ("highly_available", 3), ("disabled", 0)])
def test_nat_gateways_follow_the_mode(account: Account, tmp_path: Path, mode: str, gateways: int) -> None:
    look = planned(account.endpoint, platform(tmp_path, nat_mode=mode))
    assert len(look["plan"]["nat_gateways"]) == gateways
    private = [table for table in look["plan"]["route_tables"] if "private" in table["name"]]
    assert len(private) == 3 and len({route["gateway_id"] for table in private for route in table["routes"]}) == gateways


def test_an_emulator_that_does_not_run_yet_is_an_empty_account_in_check_mode_only(tmp_path: Path) -> None:
    look = planned("http://127.0.0.1:1", platform(tmp_path), check=True)
    assert look["reachable"] is False and look["changed"] and look["facts"]["exists"] is False
    refused = planned("http://127.0.0.1:1", platform(tmp_path))
    assert refused["failed"] and refused["msg"].startswith("sts:GetCallerIdentity: nothing answers at http://127.0.0.1:1")


def test_bad_input_and_another_account_are_refused(account: Account, tmp_path: Path) -> None:
    refused = planned(account.endpoint, platform(tmp_path, region="ap-souteast-2"))
    assert "region is 'ap-souteast-2'" in refused["msg"]
    refused = planned(account.endpoint, platform(tmp_path, expected_account_id="999999999999"))
    assert "expected_account_id is '999999999999', but the AWS credentials belong to account 123456789012" in refused["msg"]


def test_what_has_our_names_and_not_our_tag_is_left_alone(account: Account, tmp_path: Path) -> None:
    account.role("theirs-eks-node", "ec2.amazonaws.com")
    refused = planned(account.endpoint, platform(tmp_path, name="theirs"))
    assert refused["failed"] and "IAM role theirs-eks-node exists and is not managed by this collection" in refused["msg"]
    parts = {"role_arn": account.role("control-plane", "eks.amazonaws.com"), "subnet_ids": account.subnets(account.vpc())}
    made = run(eks_cluster, account.endpoint, name="foreign", wait_delay=0.1, **parts)
    refused = planned(account.endpoint, platform(tmp_path, name="foreign"))
    assert refused["failed"] and "EKS cluster foreign exists and is not managed by this collection" in refused["msg"], made
    assert f"{REGION}" in made["cluster"]["arn"]


def test_a_kubeconfig_of_another_cluster_is_refused(account: Account, tmp_path: Path) -> None:
    vpc = account.vpc({"meshgate.io/cluster": "kube"})
    parts = {"role_arn": account.role("control-plane", "eks.amazonaws.com"), "subnet_ids": account.subnets(vpc)}
    run(eks_cluster, account.endpoint, name="kube", version="1.36", tags={"meshgate.io/cluster": "kube"}, wait_delay=0.1, **parts)
    given = platform(tmp_path, name="kube", vpc_cidr="10.0.0.0/16", role_name="control-plane-of-kube", kubeconfig_manage=False)
    refused = planned(account.endpoint, given)
    assert "kubeconfig.path is" in refused["msg"] and "does not exist" in refused["msg"]
    document = {
        "current-context": "kube",
        "contexts": [{"name": "kube", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://production.example.com"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    refused = planned(account.endpoint, given)
    assert "another cluster at https://production.example.com; accepted: a kubeconfig of EKS cluster kube" in refused["msg"]
    refused = planned(account.endpoint, {**given, "kubeconfig_manage": True})
    assert "which holds c and would be overwritten" in refused["msg"]
