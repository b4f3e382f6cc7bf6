# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module eks_nodegroup against an emulated AWS, over HTTP: each update, kinds of images, launch templates, groups that are not well."""

from __future__ import annotations

from typing import Any

import pytest
from aws_harness import Account, run
from eks_parts import FAST, Parts

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.nodegroup import plan_nodegroup
from ansible_collections.meshgate.eks_istio.plugins.modules import eks_nodegroup


@pytest.fixture(scope="module")
def parts(account: Account) -> Parts:
    return Parts(account)


@pytest.fixture(scope="module")
def cluster(parts: Parts) -> str:
    return parts.cluster("group-cluster")


def group(account: Account, parts: Parts, cluster: str, name: str = "g", check: bool = False, **options: Any) -> dict[str, Any]:
    given = {"cluster_name": cluster, "name": name, "node_role": parts.node_role, "subnet_ids": parts.subnet_ids, **FAST, **options}
    return run(eks_nodegroup, account.endpoint, check, **given)


def test_every_update_is_seen_made_and_then_none(account: Account, parts: Parts, cluster: str) -> None:
    made = group(account, parts, cluster, labels={"a": "1"}, taints=[{"key": "a", "effect": "NO_SCHEDULE"}], tags={"team": "a"})
    assert made["changed"] and made["nodegroup"]["status"] == "ACTIVE"
    for options, before, after in (
        ({"scaling_config": {"max_size": 4}}, {"min_size": 1, "max_size": 2, "desired_size": 2}, {"min_size": 1, "max_size": 4, "desired_size": 2}),
        ({"update_config": {"max_unavailable_percentage": 50}}, {"max_unavailable": 1}, {"max_unavailable_percentage": 50}),
        (
            {"update_config": {"max_unavailable": 2, "update_strategy": "MINIMAL"}},
            {"max_unavailable_percentage": 50},
            {"max_unavailable": 2, "update_strategy": "MINIMAL"},
        ),
        (
            {"node_repair_config": {"enabled": True, "max_parallel_nodes_repaired_count": 1}},
            {"enabled": False},
            {"enabled": True, "max_parallel_nodes_repaired_count": 1},
        ),
        ({"labels": {"a": "2", "b": "1"}}, {"a": "1"}, {"a": "2", "b": "1"}),
        ({"labels": {}}, {"a": "2", "b": "1"}, {}),
        ({"taints": []}, [{"key": "a", "value": "", "effect": "NO_SCHEDULE"}], []),
        ({"tags": {"team": "b"}}, {"team": "a"}, {"team": "b"}),
        ({"release_version": "1.36.3-20261101"}, "1.36.3-20261105", "1.36.3-20261101"),
    ):
        (option,) = options
        mark = account.mark()
        planned = group(account, parts, cluster, check=True, **options)
        assert planned["changed"] and planned["diff"] == {"before": {option: before}, "after": {option: after}}, planned
        assert account.mutations(mark) == []
        assert group(account, parts, cluster, **options)["changed"] is True
        mark = account.mark()
        assert group(account, parts, cluster, **options)["changed"] is False, options
        assert account.mutations(mark) == []


def test_kinds_of_images(account: Account, parts: Parts, cluster: str) -> None:
    for name, ami_type, instance_type in (
        ("al-x86", "AL2023_x86_64_STANDARD", "m6i.large"),
        ("al-arm", "AL2023_ARM_64_STANDARD", "m6g.large"),
        ("br-x86", "BOTTLEROCKET_x86_64", "m6i.large"),
        ("br-arm", "BOTTLEROCKET_ARM_64", "m6g.large"),
    ):
        options = {"ami_type": ami_type, "instance_types": [instance_type], "capacity_type": "SPOT", "wait": False}
        assert group(account, parts, cluster, name, **options)["nodegroup"]["status"] in ("CREATING", "ACTIVE")
        same = group(account, parts, cluster, name, **{**options, "wait": True})
        assert same["changed"] is False and (same["nodegroup"]["ami_type"], same["nodegroup"]["status"]) == (ami_type, "ACTIVE")


def test_a_launch_template_moves_to_its_next_version(account: Account, parts: Parts, cluster: str) -> None:
    ec2 = account.client("ec2")
    data = {"MetadataOptions": {"HttpTokens": "required"}}
    template = ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=data)["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
    one, two = ({"name": "nodes", "version": version} for version in ("1", "2"))
    made = group(account, parts, cluster, "templated", launch_template=one, instance_types=["m6i.large"])
    assert made["nodegroup"]["launch_template"] == {"id": template, **one}
    assert group(account, parts, cluster, "templated", launch_template={"id": template, "version": "1"})["changed"] is False
    assert group(account, parts, cluster, "templated", check=True, launch_template=two)["diff"]["after"] == {"launch_template": {"id": template, **two}}
    assert group(account, parts, cluster, "templated", launch_template=two)["nodegroup"]["launch_template"]["version"] == "2"
    assert group(account, parts, cluster, "templated", launch_template=two)["changed"] is False
    refused = group(account, parts, cluster, "templated", launch_template={"name": "other", "version": "2"})
    assert "EKS cannot change this on node group templated: launch_template" in refused["msg"]


def test_the_order_of_security_groups_is_no_change() -> None:
    live = {"nodegroupName": "ssh", "remoteAccess": {"ec2SshKey": "key", "sourceSecurityGroups": ["sg-a", "sg-b"]}}
    plan = plan_nodegroup(live, {"remote_access": {"ec2_ssh_key": "key", "source_security_groups": ["sg-b", "sg-a"]}})
    assert plan.changed is False


def test_a_group_that_is_not_well_says_why(account: Account, parts: Parts, cluster: str) -> None:
    group(account, parts, cluster, "weak")
    issue = {"code": "AsgInstanceLaunchFailures", "message": "Could not launch On-Demand Instances.", "resourceIds": ["eks-weak"]}
    account.control("PUT", f"clusters/{cluster}/health", {"node_groups": {"weak": {"status": "DEGRADED", "issues": [issue]}}})
    same = group(account, parts, cluster, "weak")
    assert same["changed"] is False and "AsgInstanceLaunchFailures: Could not launch On-Demand Instances. (eks-weak)" in str(same["warnings"])
    # While it is awaited, what is wrong is said long before EKS gives up.
    account.control("PUT", f"clusters/{cluster}/health", {"node_groups": {"weak": {"status": "CREATING", "issues": [issue]}}})
    waited = group(account, parts, cluster, "weak", wait_timeout=1)
    assert "still CREATING: AsgInstanceLaunchFailures" in waited["msg"]
    account.control("PUT", f"clusters/{cluster}/health", {"node_groups": {"weak": {"status": "CREATE_FAILED", "issues": [issue]}}})
    failed = group(account, parts, cluster, "weak")
    assert failed["failed"] and "CREATE_FAILED: AsgInstanceLaunchFailures" in failed["msg"] and "\n" not in failed["msg"]
    assert group(account, parts, cluster, "weak", state="absent")["changed"] is True


def test_what_aws_documents_as_a_limit_is_refused_first(account: Account, parts: Parts, cluster: str) -> None:
    mark = account.mark()
    for options, said in (
        ({"name": "x" * 64}, "1 to 63 letters"),
        ({"scaling_config": {"min_size": 3, "max_size": 2}}, "min_size <= desired_size <= max_size"),
        ({"scaling_config": {"max_size": 0}}, "max_size at least 1"),
        ({"update_config": {"max_unavailable": 101}}, "update_config.max_unavailable is 101; accepted: a number from 1 to 100"),
        ({"update_config": {"max_unavailable_percentage": 0}}, "a number from 1 to 100"),
        ({"update_config": {"max_unavailable": 1, "max_unavailable_percentage": 1}}, "mutually exclusive"),
        ({"taints": [{"key": f"k{i}", "effect": "NO_SCHEDULE"} for i in range(51)]}, "at most 50"),
        ({"taints": [{"key": "a", "value": "b c", "effect": "NO_SCHEDULE"}]}, "valid Kubernetes keys and values"),
        ({"taints": [{"key": "a", "effect": "NO_SCHEDULE"}, {"key": "a", "value": "b", "effect": "NO_SCHEDULE"}]}, "each key with each effect once"),
        ({"labels": {"a": "x" * 64}}, "1 to 63 characters"),
        ({"labels": {"eks.amazonaws.com/nodegroup": "a"}}, "without the reserved prefixes eks.amazonaws.com/"),
        ({"instance_types": ["m6g.large"], "ami_type": "AL2023_x86_64_STANDARD"}, "an image for arm64"),
        ({"instance_types": ["m6g.large", "m6i.large"]}, "types of one architecture"),
        ({"instance_types": ["big"]}, "EC2 instance types"),
        ({"disk_size": 0}, "GiB from 1 to 16384"),
        ({"launch_template": {"name": "a", "version": "$Latest"}}, "a version's number"),
        ({"launch_template": {"name": "a"}, "disk_size": 20}, "since launch_template sets it"),
        ({"ami_type": "CUSTOM", "version": "1.36"}, "since ami_type is CUSTOM"),
        ({"node_role": "nodes"}, "node_role is 'nodes'"),
    ):
        refused = group(account, parts, cluster, **{"name": "limits", **options})
        assert refused.get("failed") and said in refused["msg"], (options, refused)
    assert account.mutations(mark) == []
