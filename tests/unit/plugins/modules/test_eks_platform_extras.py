# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Lists of add-ons, access entries and Pod Identity associations against an emulated AWS, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from aws_harness import Account, run
from eks_parts import FAST, Parts, until

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import Aws
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import addon as eks_addon
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import extras
from ansible_collections.meshgate.eks_istio.plugins.modules import eks_platform

ADDONS = [{"name": name} for name in ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "metrics-server")]
ADMIN = "arn:aws:iam::123456789012:role/platform"
TAG = "meshgate.io/cluster"


@pytest.fixture(scope="module")
def parts(account: Account) -> Parts:
    # EKS looks the principals up in IAM.
    for name in ("platform", "platform-other", "some-nodes"):
        account.role(name, "ec2.amazonaws.com")
    return Parts(account)


def bring(account: Account, cluster: str, check: bool = False, **options: Any) -> dict[str, Any]:
    given = {"name": cluster, "version": "1.36", "addons": ADDONS, "sections": ["access", "addons"], "wait": False, **FAST}
    return run(eks_platform, account.endpoint, check, **{**given, **options})


def test_lists_from_nothing_to_nothing(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("extras-life")
    lists = {
        "access_entries": [{"principal_arn": ADMIN, "policies": [{"policy": "AmazonEKSClusterAdminPolicy"}]}],
        "pod_identity_associations": [{"namespace": "a", "service_account": "b", "role_arn": parts.pod_role}],
    }
    mark = account.mark()
    planned = bring(account, cluster, check=True, **lists)
    assert planned["changed"] and len(planned["changes"]) == 7 and planned["diff"]["after"]["add-on vpc-cni"]["version"] == "v1.21.1-eksbuild.1"
    assert account.mutations(mark) == []

    made = bring(account, cluster, **lists)
    assert sorted(made["changes"]) == sorted(planned["changes"])
    mark = account.mark()
    # Without nodes, those that need one are not awaited, and the others are.
    assert bring(account, cluster, wait=True)["changed"] is False
    assert parts.addon(cluster, "vpc-cni")["status"] == "ACTIVE" and parts.addon(cluster, "vpc-cni")["tags"] == {TAG: cluster}
    parts.nodes(cluster)
    bring(account, cluster, wait=True)
    assert parts.addon(cluster, "coredns")["status"] == "ACTIVE"
    mark = account.mark()
    same = bring(account, cluster, **lists)
    assert same["changed"] is False and same["addons"]["vpc-cni"] == "v1.21.1-eksbuild.1"
    assert account.mutations(mark) == []

    # Drift: a foreign add-on, entry and association stay; what of ours changed is put right; what of ours is not listed goes.
    eks = parts.eks
    eks.create_addon(clusterName=cluster, addonName="aws-ebs-csi-driver")
    other = {"clusterName": cluster, "namespace": "x", "serviceAccount": "y", "roleArn": parts.pod_role}
    eks.create_pod_identity_association(**other, tags={TAG: cluster})
    eks.create_access_entry(clusterName=cluster, principalArn=f"{ADMIN}-other")
    eks.update_access_entry(clusterName=cluster, principalArn=ADMIN, kubernetesGroups=["masters"])
    eks.update_addon(clusterName=cluster, addonName="vpc-cni", configurationValues='{"enableNetworkPolicy": "false", "a": 1}')
    until(lambda: parts.addon(cluster, "vpc-cni")["status"], "ACTIVE")
    expected = [f"update access entry {ADMIN}", "delete add-on metrics-server"]
    assert bring(account, cluster, check=True, **lists, addons=ADDONS[:-1])["changes"] == expected, "a configuration that is not listed stays"
    cni = {"name": "vpc-cni", "configuration_values": {"b": 2}}
    planned = bring(account, cluster, check=True, **lists, addons=[cni, *ADDONS[1:]])["diff"]["after"]["add-on vpc-cni"]
    assert planned == {"configuration_values": {"b": 2, "enableNetworkPolicy": "true"}}
    seen = bring(account, cluster, check=True, **lists, addons=ADDONS[:-1])
    assert seen["changes"] == expected
    assert seen["diff"]["before"][f"access entry {ADMIN}"] == {"kubernetes_groups": ["masters"]}
    assert bring(account, cluster, **{**lists, "addons": ADDONS[:-1]})["changes"] == expected
    until(lambda: "metrics-server" in eks.list_addons(clusterName=cluster)["addons"], False)
    bring(account, cluster, wait=True, addons=ADDONS[:-1])
    assert bring(account, cluster, **{**lists, "addons": ADDONS[:-1]})["changed"] is False

    # A list that is not given is not an empty list, and one that need not be complete deletes nothing.
    for options in ({"access_entries": lists["access_entries"], "addons": None}, {"addons": ADDONS[:1], "purge_addons": False}):
        assert bring(account, cluster, check=True, **options)["changed"] is False, options

    gone = bring(account, cluster, addons=[], access_entries=[], pod_identity_associations=[])
    assert len(gone["changes"]) == 6 and all(change.startswith("delete ") for change in gone["changes"])
    until(lambda: eks.list_addons(clusterName=cluster)["addons"], ["aws-ebs-csi-driver"])
    assert [one["serviceAccount"] for one in eks.list_pod_identity_associations(clusterName=cluster)["associations"]] == ["y"]
    assert f"{ADMIN}-other" in eks.list_access_entries(clusterName=cluster)["accessEntries"]


def test_the_network_plugin_enforces_policies_besides_what_is_set(account: Account, parts: Parts) -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html; without it the VPC CNI lets all of them pass."""
    cluster, cni = parts.cluster("extras-policy"), [{"name": "vpc-cni"}]
    parts.eks.create_addon(clusterName=cluster, addonName="vpc-cni", configurationValues='{"env": {"WARM_IP_TARGET": "2"}}')
    until(lambda: parts.addon(cluster, "vpc-cni")["status"], "ACTIVE")
    planned = bring(account, cluster, check=True, addons=cni)["diff"]
    before = {"env": {"WARM_IP_TARGET": "2"}}
    assert planned["before"]["add-on vpc-cni"]["configuration_values"] == before
    assert planned["after"]["add-on vpc-cni"]["configuration_values"] == {**before, "enableNetworkPolicy": "true"}
    assert bring(account, cluster, addons=cni)["changed"]
    until(lambda: parts.addon(cluster, "vpc-cni")["status"], "ACTIVE")
    assert eks_addon.parse(parts.addon(cluster, "vpc-cni")["configurationValues"]) == {**before, "enableNetworkPolicy": "true"}
    assert bring(account, cluster, addons=cni)["changed"] is False
    off = [{"name": "vpc-cni", "configuration_values": {"enableNetworkPolicy": "false"}}]
    assert bring(account, cluster, addons=off)["changed"], "who says so switches it off"
    until(lambda: parts.addon(cluster, "vpc-cni")["status"], "ACTIVE")
    assert bring(account, cluster, addons=cni)["changed"] is False, "and it stays off"


def test_an_entry_of_nodes_takes_no_policies(account: Account, parts: Parts) -> None:
    """EKS makes the entry of a node role itself, of type EC2_LINUX: what it refuses is refused by check mode, too."""
    cluster, nodes = parts.cluster("extras-nodes"), "arn:aws:iam::123456789012:role/some-nodes"
    account.role("some-nodes", "ec2.amazonaws.com")
    parts.eks.create_access_entry(clusterName=cluster, principalArn=nodes, type="EC2_LINUX")
    mark = account.mark()
    for more, refused in (({"policies": [{"policy": "AmazonEKSViewPolicy"}]}, "no policies"), ({"kubernetes_groups": ["ops"]}, "no kubernetes_groups")):
        for check in (True, False):
            said = bring(account, cluster, check, addons=None, access_entries=[{"principal_arn": nodes, **more}])
            assert said.get("failed") and f"access entry {nodes} is of type EC2_LINUX, to which EKS gives {refused}" in said["msg"]
    assert account.mutations(mark) == []
    plain = bring(account, cluster, addons=None, access_entries=[{"principal_arn": nodes}])
    assert plain["changed"] is False, plain


def test_an_upgrade_brings_the_addons_that_no_longer_fit(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("extras-upgrade", version="1.35")
    bring(account, cluster, version="1.35", addons=ADDONS[:2])
    bring(account, cluster, version="1.35", addons=ADDONS[:2], wait=True)
    parts.eks.update_cluster_version(name=cluster, version="1.36")
    until(lambda: parts.eks.describe_cluster(name=cluster)["cluster"]["version"], "1.36")
    upgraded = bring(account, cluster, addons=ADDONS[:2])
    assert upgraded["changes"] == ["update add-on kube-proxy"], "vpc-cni still fits"
    bring(account, cluster, addons=ADDONS[:2], wait=True)
    assert bring(account, cluster, addons=ADDONS[:2])["addons"]["kube-proxy"].startswith("v1.36.")


def test_what_somebody_else_made_is_changed_when_listed_and_stays_theirs(account: Account, parts: Parts) -> None:
    cluster, creator = parts.cluster("extras-theirs"), account.client("sts").get_caller_identity()["Arn"]
    parts.eks.create_addon(clusterName=cluster, addonName="vpc-cni", tags={"made": "by hand"})
    until(lambda: parts.addon(cluster, "vpc-cni")["status"], "ACTIVE")
    admin = [{"principal_arn": creator, "kubernetes_groups": ["ops"], "policies": [{"policy": "AmazonEKSClusterAdminPolicy"}]}]
    listed = {"addons": [{"name": "vpc-cni", "configuration_values": {"a": 1}}], "access_entries": admin}
    assert bring(account, cluster, **listed)["changes"] == [f"update access entry {creator}", "update add-on vpc-cni"]
    until(lambda: parts.addon(cluster, "vpc-cni")["status"], "ACTIVE")
    assert parts.addon(cluster, "vpc-cni")["tags"] == {"made": "by hand"}
    mark = account.mark()
    assert bring(account, cluster, **listed)["changed"] is False
    assert bring(account, cluster, addons=[], access_entries=[])["changed"] is False, "nobody is locked out, nothing of others is deleted"
    assert account.mutations(mark) == []


def test_without_a_cluster_everything_would_be_created(account: Account) -> None:
    planned = bring(account, "extras-nowhere", check=True, access_entries=[{"principal_arn": ADMIN}])
    assert planned["changed"] and len(planned["changes"]) == 6
    # Nor when nobody answers, which counts as an empty account in the platform's check mode.
    seen = extras.differences({"name": "x", "version": "1.36", "addons": ADDONS}, extras.Live())
    assert [entry[:3] for entry in seen[:1]] == [("addons", "add-on vpc-cni", "create")]


def test_a_degraded_addon_is_not_as_it_should_be_where_there_are_nodes(account: Account, parts: Parts) -> None:
    cluster = parts.cluster("extras-degraded")
    given = {"name": cluster, "version": "1.36", "addons": [{"name": "coredns"}], "node_groups": [{"name": "n", "desired_size": 2}]}
    bring(account, cluster, addons=given["addons"])
    until(lambda: parts.addon(cluster, "coredns")["status"], "DEGRADED")
    coredns = eks_addon.read(Aws(account.client), cluster, "coredns")
    live = extras.Live(addons={"coredns": coredns}, versions={"coredns": {coredns.addon["addonVersion"]: True}})
    assert extras.differences(given, live) == [("addons", "add-on coredns", "update", {"status": "DEGRADED"}, {"status": "ACTIVE"})]
    assert extras.differences({**given, "node_groups": [{"name": "n", "desired_size": 0}]}, live) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"addons": "vpc-cni"}, "eks_cluster_addons is 'vpc-cni'; accepted: a list of dicts with name, version"),
        ({"addons": [{"name": "vpc-cni"}, {"name": "vpc-cni"}]}, "eks_cluster_addons[1] is a second entry of vpc-cni; accepted: one"),
        ({"addons": [{"name": "vpc-cni", "verson": "1"}]}, "accepted: a dict with name, version, configuration_values"),
        ({"addons": [{"name": "vpc-cni", "version": "1.2"}]}, "eks_cluster_addons[0].version is '1.2'; accepted: default, latest"),
        ({"addons": [{"name": "vpc-cni", "resolve_conflicts": "FORCE"}]}, "accepted: NONE | OVERWRITE | PRESERVE"),
        ({"addons": [{"name": "vpc-cni", "pod_identity": {"role_arn": "x"}}]}, "accepted: a dict with role_arn and service_account"),
        ({"addons": [{"name": "vpc-cni", "configuration_values": "{}"}]}, "configuration_values is '{}'; accepted: a dict"),
        ({"access_entries": [{"principal_arn": "me"}]}, "eks_cluster_access_entries[0].principal_arn is 'me'"),
        ({"access_entries": [{"principal_arn": ADMIN, "kubernetes_groups": ["system:masters"]}]}, "names that do not begin with system:"),
        ({"access_entries": [{"principal_arn": ADMIN}], "authentication_mode": "CONFIG_MAP"}, "eks_cluster_authentication_mode is CONFIG_MAP"),
        ({"pod_identity_associations": [{"namespace": "A"}]}, "eks_cluster_pod_identity_associations[0].namespace is 'A'"),
        ({"pod_identity_associations": [{"namespace": "a", "service_account": "b"}]}, ".role_arn is ''; accepted: the ARN of an IAM role"),
    ],
)
def test_bad_lists_are_refused(given: dict[str, Any], said: str) -> None:
    assert said in "; ".join(extras.problems(given))


def test_the_defaults_are_right() -> None:
    assert extras.problems({"addons": ADDONS, "access_entries": [], "pod_identity_associations": []}) == []
