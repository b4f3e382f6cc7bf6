# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Module eks_addon against an emulated AWS, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from aws_harness import Account, run
from eks_parts import FAST, Parts, until

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.addon import Live, choose_version, parse, plan_addon
from ansible_collections.meshgate.eks_istio.plugins.modules import eks_addon


@pytest.fixture(scope="module")
def parts(account: Account) -> Parts:
    return Parts(account)


def addon(account: Account, cluster: str, name: str = "vpc-cni", check: bool = False, **options: Any) -> dict[str, Any]:
    return run(eks_addon, account.endpoint, check, **{"cluster_name": cluster, "name": name, **FAST, **options})


def test_an_addon_from_creation_to_deletion(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("addon-life")
    mark = account.mark()
    planned = addon(account, cluster, check=True, configuration_values={"env": {"A": "1"}}, tags={"team": "a"})
    assert planned["changed"] and planned["addon"] == {} and planned["diff"]["before"] == {}
    assert planned["diff"]["after"]["version"] == "v1.21.1-eksbuild.1", "AWS's default, which is not the newest"
    assert account.mutations(mark) == []

    made = addon(account, cluster, configuration_values={"env": {"A": "1"}}, tags={"team": "a"}, resolve_conflicts="OVERWRITE")
    assert made["changed"] and made["addon"]["status"] == "ACTIVE" and made["addon"]["tags"] == {"team": "a"}

    mark = account.mark()
    for same in ({}, {"version": "default"}, {"version": "v1.21.1-eksbuild.1"}, {"configuration_values": {"env": {"A": "1"}}}, {"tags": {"team": "a"}}):
        assert addon(account, cluster, **same)["changed"] is False, same
    assert account.mutations(mark) == []

    for options, before, after in (
        ({"version": "latest"}, {"version": "v1.21.1-eksbuild.1"}, {"version": "v1.21.1-eksbuild.3"}),
        ({"configuration_values": {"env": {"A": "2"}}}, {"configuration_values": {"env": {"A": "1"}}}, {"configuration_values": {"env": {"A": "2"}}}),
        ({"role_arn": parts.pod_role}, {"role_arn": ""}, {"role_arn": parts.pod_role}),
        ({"tags": {"team": "b"}}, {"tags": {"team": "a"}}, {"tags": {"team": "b"}}),
        ({"version": "v1.20.4-eksbuild.2"}, {"version": "v1.21.1-eksbuild.3"}, {"version": "v1.20.4-eksbuild.2"}),
    ):
        mark = account.mark()
        planned = addon(account, cluster, check=True, **options)
        assert planned["changed"] and planned["diff"] == {"before": before, "after": after}
        assert account.mutations(mark) == []
        assert addon(account, cluster, **options)["changed"] is True
        assert addon(account, cluster, **options)["changed"] is False
    live = parts.addon(cluster, "vpc-cni")
    assert live["serviceAccountRoleArn"] == parts.pod_role, "an update of something else keeps the role"
    assert addon(account, cluster, role_arn="")["changed"] and "serviceAccountRoleArn" not in parts.addon(cluster, "vpc-cni")
    assert addon(account, cluster, configuration_values={})["changed"] and addon(account, cluster, configuration_values={})["changed"] is False

    mark = account.mark()
    assert addon(account, cluster, state="absent", check=True)["changed"] is True
    assert account.mutations(mark) == []
    assert addon(account, cluster, state="absent")["changed"] is True
    assert addon(account, cluster, state="absent")["changed"] is False


def test_drift_is_seen_and_repaired(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("addon-drift")
    addon(account, cluster, configuration_values={"env": {"A": "1"}}, tags={"team": "a"})
    eks = parts.eks
    # The same, in YAML and another order, is no drift.
    eks.update_addon(clusterName=cluster, addonName="vpc-cni", configurationValues="env:\n  A: '1'\n")
    until(lambda: parts.addon(cluster, "vpc-cni")["status"], "ACTIVE")
    assert addon(account, cluster, configuration_values={"env": {"A": "1"}})["changed"] is False
    eks.update_addon(clusterName=cluster, addonName="vpc-cni", configurationValues='{"env": {"A": "9"}}')
    until(lambda: parts.addon(cluster, "vpc-cni")["status"], "ACTIVE")
    assert addon(account, cluster, check=True, configuration_values={"env": {"A": "1"}})["diff"]["before"]["configuration_values"] == {"env": {"A": "9"}}
    addon(account, cluster, configuration_values={"env": {"A": "1"}})
    assert parse(parts.addon(cluster, "vpc-cni")["configurationValues"]) == {"env": {"A": "1"}}


def test_pod_identity_associations_are_owned_by_the_addon(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("addon-pods")
    other = account.role("other-pods", "pods.eks.amazonaws.com")
    one = {"service_account": "ebs-csi-controller-sa", "role_arn": parts.pod_role}
    assert addon(account, cluster, "aws-ebs-csi-driver", pod_identity_associations=[one])["changed"] is True
    assert addon(account, cluster, "aws-ebs-csi-driver", pod_identity_associations=[one])["changed"] is False
    two = {**one, "role_arn": other}
    planned = addon(account, cluster, "aws-ebs-csi-driver", check=True, pod_identity_associations=[two])
    assert planned["diff"]["before"] == {"pod_identity_associations": [one]}
    assert addon(account, cluster, "aws-ebs-csi-driver", pod_identity_associations=[two])["changed"] is True
    assert [a["associationId"] for a in parts.eks.list_pod_identity_associations(clusterName=cluster)["associations"]]
    assert addon(account, cluster, "aws-ebs-csi-driver", version="v1.52.1-eksbuild.1")["changed"] is True
    assert addon(account, cluster, "aws-ebs-csi-driver", pod_identity_associations=[two])["changed"] is False, "an update of something else keeps them"
    assert addon(account, cluster, "aws-ebs-csi-driver", pod_identity_associations=[])["changed"] is True
    assert parts.eks.list_pod_identity_associations(clusterName=cluster)["associations"] == []


def test_what_an_earlier_run_began_is_not_begun_again(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("addon-begun")
    addon(account, cluster)
    assert addon(account, cluster, configuration_values={"a": 1}, wait=False)["changed"] is True
    mark = account.mark()
    same = addon(account, cluster, configuration_values={"a": 1})
    assert same["changed"] is False and same["addon"]["status"] == "ACTIVE"
    assert account.mutations(mark) == []


def test_a_degraded_addon_says_why(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("addon-weak")
    made = addon(account, cluster, "coredns", wait=False)
    assert made["changed"] and made["addon"]["status"] in ("CREATING", "DEGRADED")
    failed = addon(account, parts.cluster("addon-weak2"), "coredns", wait_timeout=1)
    assert failed["failed"] and "DEGRADED: InsufficientNumberOfReplicas" in failed["msg"] and "\n" not in failed["msg"]
    until(lambda: parts.addon(cluster, "coredns")["status"], "DEGRADED")
    same = addon(account, cluster, "coredns")
    assert same["changed"] is False and "DEGRADED" in str(same.get("warnings"))
    parts.nodes(cluster)
    assert addon(account, cluster, "coredns")["addon"]["status"] == "ACTIVE"


def test_an_addon_whose_creation_failed_is_made_anew(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("addon-failed")
    addon(account, cluster)
    issue = {"code": "ConfigurationConflict", "message": "Conflicts found when trying to apply", "resourceIds": ["daemonset/aws-node"]}
    account.control("PUT", f"clusters/{cluster}/health", {"addons": {"vpc-cni": {"status": "CREATE_FAILED", "issues": [issue]}}})
    arn = parts.addon(cluster, "vpc-cni")["addonArn"]
    planned = addon(account, cluster, check=True)
    assert planned["diff"] == {"before": {"status": "CREATE_FAILED"}, "after": {"status": "ACTIVE"}}
    again = addon(account, cluster)
    assert again["changed"] and again["addon"]["status"] == "ACTIVE" and again["addon"]["addon_arn"] != arn


def test_what_eks_would_refuse_is_refused_before_anything_is_changed(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("addon-stiff")
    mark = account.mark()
    for options, said in (
        ({"version": "v0.1.0-eksbuild.1"}, "accepted: v1.21.1-eksbuild.3, v1.21.1-eksbuild.1, v1.20.4-eksbuild.2"),
        ({"version": "newest"}, "version is 'newest'"),
        ({"name": "No Name"}, "name is 'No Name'"),
        ({"role_arn": "cni"}, "role_arn is 'cni'"),
        ({"role_arn": parts.pod_role, "pod_identity_associations": [{"service_account": "a", "role_arn": parts.pod_role}]}, "accepted: one of them"),
        ({"tags": {"aws:x": "1"}}, "without the prefix aws:"),
        ({"cluster_name": "nowhere"}, "EKS cluster nowhere does not exist"),
        ({"name": "no-such"}, "DescribeAddonVersions"),
    ):
        failed = addon(account, **{"cluster": cluster, **options} if "cluster_name" not in options else {"cluster": "nowhere"})
        assert failed.get("failed") and said in failed["msg"], failed
    assert account.mutations(mark) == []
    assert addon(account, "nowhere", check=True)["changed"] is True
    assert addon(account, "nowhere", state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("wanted", "live", "chosen"),
    [
        (None, None, "v1.9.0-eksbuild.1"),
        (None, "v1.8.0-eksbuild.1", "v1.8.0-eksbuild.1"),
        (None, "v1.2.0-eksbuild.1", "v1.9.0-eksbuild.1"),
        ("default", "v1.8.0-eksbuild.1", "v1.9.0-eksbuild.1"),
        ("default", "v1.21.0-eksbuild.1", "v1.21.0-eksbuild.1"),
        ("latest", "v1.9.0-eksbuild.1", "v1.21.0-eksbuild.1"),
        ("v1.8.0-eksbuild.1", "v1.21.0-eksbuild.1", "v1.8.0-eksbuild.1"),
    ],
)
def test_the_version_that_fits(wanted: str | None, live: str | None, chosen: str) -> None:
    versions = {"v1.21.0-eksbuild.1": False, "v1.9.0-eksbuild.1": True, "v1.8.0-eksbuild.1": False}
    assert choose_version("x", wanted, live, versions, "1.36") == chosen


def test_a_version_that_does_not_fit_is_refused_with_those_that_do() -> None:
    with pytest.raises(Refused, match="no version v2.0.0 for Kubernetes 1.36; accepted: v1.21.0"):
        choose_version("x", "v2.0.0", None, {"v1.21.0": True}, "1.36")
    with pytest.raises(Refused, match="offers no version"):
        choose_version("x", None, None, {}, "1.36")


@pytest.mark.parametrize("live", [None, {}, {"configurationValues": "{}"}], ids=["new", "without", "empty"])
def test_what_is_empty_is_not_sent(live: dict[str, Any] | None) -> None:
    """ "Pod Identity feature is not supported for addon version", even for an empty list: https://github.com/aws/containers-roadmap/issues/2712."""
    addon = None if live is None else Live({"addonName": "kube-proxy", "addonVersion": "v1", "status": "ACTIVE", **live})
    wanted = {"name": "kube-proxy", "version": "v2", "configuration_values": {}, "pod_identity_associations": [], "role_arn": ""}
    assert plan_addon(addon, wanted, {"v1": False, "v2": True}, "1.36").request == {"addonVersion": "v2"}


def test_what_is_cleared_is_sent() -> None:
    one = {"service_account": "a", "role_arn": "arn"}
    addon = Live({"addonName": "x", "addonVersion": "v2", "status": "ACTIVE", "configurationValues": '{"a": 1}'}, [one])
    wanted = {"name": "x", "version": "v2", "configuration_values": {}, "pod_identity_associations": []}
    assert plan_addon(addon, wanted, {"v2": True}, "1.36").request == {"addonVersion": "v2", "configurationValues": "{}", "podIdentityAssociations": []}
