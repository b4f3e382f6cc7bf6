# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""playbooks/upgrade.yml against the emulated AWS: EKS's half, since no cluster stands behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_harness import Account
from cloud import Cloud
from harness import Run

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
NAME = "sandbox"
DEPRECATED = {
    "name": "Deprecated APIs removed in Kubernetes v1.35",
    "status": "ERROR",
    "reason": "Deprecated API usage detected.",
    "kubernetesVersion": "1.35",
    "recommendation": "Update manifests.",
    "deprecationDetails": [{"usage": "/apis/old.k8s.io/v1beta1/things", "replacedWith": "/apis/old.k8s.io/v1/things", "stopServingVersion": "1.35"}],
}


@pytest.fixture
def eks(aws: Cloud) -> Any:
    """A cluster of ours of 1.34 with two node groups and two add-ons, made by plain calls."""
    return make_cluster(aws, {"meshgate.io/cluster": NAME})


@pytest.fixture
def theirs(aws: Cloud) -> Any:
    """The same of somebody else: without our tag."""
    return make_cluster(aws, {})


def make_cluster(aws: Cloud, tags: dict[str, str]) -> Any:
    client = aws.client("eks")
    subnets = aws.subnets(aws.vpc())
    node_role = Account.role(aws, "node", "ec2.amazonaws.com")
    plane = Account.role(aws, "plane", "eks.amazonaws.com")
    client.create_cluster(name=NAME, version="1.34", roleArn=plane, resourcesVpcConfig={"subnetIds": subnets}, tags=tags)
    client.get_waiter("cluster_active").wait(name=NAME, WaiterConfig={"Delay": 1})
    for group in ("blue", "green"):
        client.create_nodegroup(clusterName=NAME, nodegroupName=group, nodeRole=node_role, subnets=subnets, tags=tags)
    for addon in ("kube-proxy", "coredns"):
        client.create_addon(clusterName=NAME, addonName=addon, configurationValues='{"replicaCount": 3}' if addon == "coredns" else "{}", tags=tags)
    for group in ("blue", "green"):
        client.get_waiter("nodegroup_active").wait(clusterName=NAME, nodegroupName=group, WaiterConfig={"Delay": 1})
    return client


def upgrade(aws: Cloud, version: str = "1.36", check: bool = False, ok: bool = True, **variables: Any) -> Run:
    host = {"name": NAME, "groups": "platform", "ansible_connection": "local"}
    inventory = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [{"ansible.builtin.add_host": host, "changed_when": False}]}
    # An emulated account costs nothing, which an inventory without a laptop must say.
    given = {"eks_cluster_name": NAME, "eks_cluster_version": version, "upgrade_parts": ["aws"], "platform_billed": False, **variables}
    return aws.play([inventory, {"import_playbook": str(PLAYBOOKS / "upgrade.yml")}], check=check, ok=ok, variables=given)


def versions(eks: Any) -> dict[str, str]:
    """What runs, asked by plain calls."""
    groups = {name: eks.describe_nodegroup(clusterName=NAME, nodegroupName=name)["nodegroup"] for name in ("blue", "green")}
    addons = {name: eks.describe_addon(clusterName=NAME, addonName=name)["addon"] for name in ("kube-proxy", "coredns")}
    assert {thing["status"] for thing in [*groups.values(), *addons.values()]} == {"ACTIVE"}
    return {
        "control plane": eks.describe_cluster(name=NAME)["cluster"]["version"],
        **{name: group["version"] for name, group in groups.items()},
        "kube-proxy": ".".join(addons["kube-proxy"]["addonVersion"].removeprefix("v").split(".")[:2]),
    }


def plan(run: Run) -> list[str]:
    return next(task["result"]["msg"] for task in run.tasks if task["name"] == "Print the plan")


def updates(aws: Cloud, mark: int) -> list[str]:
    return [call.removeprefix("eks:") for call in aws.mutations(mark)]


def look(aws: Cloud, version: str = "1.36", name: str = NAME) -> tuple[list[str], str]:
    """The titles of the steps, and what stands in their way, as the module says it."""
    found = aws.module("upgrade_plan_info", wanted={"cluster": {"name": name, "version": version}}, parts=["aws"])
    assert not found.get("failed"), found
    return [step["title"] for step in found["steps"]], " | ".join(entry["summary"] for entry in found["blocked"])


AT_1_34 = {"control plane": "1.34", "blue": "1.34", "green": "1.34", "kube-proxy": "1.34"}


def at(version: str) -> dict[str, str]:
    return dict.fromkeys(AT_1_34, version)


def test_check_mode_prints_the_plan_and_changes_nothing(aws: Cloud, eks: Any) -> None:
    mark = aws.mark()
    run = upgrade(aws, check=True)
    assert [line.partition(". ")[2].split(" (")[0] for line in plan(run) if ". " in line[:4]] == [
        "control plane 1.34 -> 1.35",
        "add-on kube-proxy v1.34.2-eksbuild.2 -> v1.35.1-eksbuild.2",
        "node group blue 1.34 -> 1.35",
        "node group green 1.34 -> 1.35",
        "control plane 1.35 -> 1.36",
        "add-on kube-proxy v1.35.1-eksbuild.2 -> v1.36.3-eksbuild.2",
        "node group blue 1.35 -> 1.36",
        "node group green 1.35 -> 1.36",
    ]
    assert run.changed_names() == ["Print what would be upgraded"] and aws.mutations(mark) == []


# One minor is upgraded in every run: below, and among the strangers of test_strangers.py.
@pytest.mark.slow
def test_from_1_34_to_1_36_minor_by_minor_and_then_nothing(aws: Cloud, eks: Any) -> None:
    mark = aws.mark()
    upgrade(aws)
    assert versions(eks) == at("1.36")
    hop = ["UpdateClusterVersion", "UpdateAddon", "UpdateNodegroupVersion", "UpdateNodegroupVersion"]
    assert updates(aws, mark) == hop + hop
    assert eks.describe_addon(clusterName=NAME, addonName="coredns")["addon"]["configurationValues"] == '{"replicaCount": 3}'
    mark = aws.mark()
    again = upgrade(aws)
    assert again.changed == 0 and aws.mutations(mark) == []
    assert plan(again) == ["nothing to do: everything runs the requested version"]


def test_a_strangers_cluster_is_not_moved_until_it_is_adopted(aws: Cloud, theirs: Any) -> None:
    mark = aws.mark()
    said = upgrade(aws, "1.35", ok=False).failures()
    assert f"Nothing was changed. EKS cluster {NAME}: it does not carry the tag meshgate.io/cluster={NAME}, so this collection does not manage it" in said
    assert "eks_cluster_adopt: true" in said and updates(aws, mark) == [] and versions(theirs) == at("1.34")
    upgrade(aws, "1.35", eks_cluster_adopt=True)
    assert versions(theirs) == at("1.35")
    # What was taken over is ours from then on.
    group = theirs.describe_nodegroup(clusterName=NAME, nodegroupName="blue")["nodegroup"]
    assert theirs.describe_cluster(name=NAME)["cluster"]["tags"] == group["tags"] == {"meshgate.io/cluster": NAME}


def test_a_strangers_node_group_in_our_cluster_is_in_the_way_by_name(aws: Cloud, eks: Any) -> None:
    arn = eks.describe_nodegroup(clusterName=NAME, nodegroupName="green")["nodegroup"]["nodegroupArn"]
    eks.untag_resource(resourceArn=arn, tagKeys=["meshgate.io/cluster"])
    assert look(aws)[1].startswith(
        "node group green 1.34 -> 1.35: it does not carry the tag meshgate.io/cluster=sandbox, so this collection does not manage it"
    )
    assert look(aws, "1.34") == ([], "")


OWNED = {"owner": {"meshgate.io/cluster": NAME}}


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("eks_cluster", {"name": NAME, "version": "1.35"}),
        ("eks_cluster", {"name": NAME, "state": "absent", "delete_dependents": True}),
        ("eks_addon", {"cluster_name": NAME, "name": "kube-proxy", "version": "latest"}),
        ("eks_addon", {"cluster_name": NAME, "name": "kube-proxy", "state": "absent"}),
        ("eks_nodegroup", {"cluster_name": NAME, "name": "blue", "labels": {"a": "b"}}),
        ("eks_nodegroup", {"cluster_name": NAME, "name": "blue", "state": "absent"}),
    ],
)
def test_a_module_that_knows_its_owner_leaves_what_is_somebody_elses(aws: Cloud, theirs: Any, module: str, options: dict[str, Any]) -> None:
    mark = aws.mark()
    for check in (True, False):
        done = aws.module(module, check=check, **options, **OWNED)
        assert done.get("failed") and f"does not carry the tag meshgate.io/cluster={NAME}, so this collection does not manage it" in done["msg"], done
    assert aws.mutations(mark) == []


def test_what_stands_in_the_way_is_said_with_its_reason(aws: Cloud, eks: Any) -> None:
    aws.control("PUT", f"clusters/{NAME}/insights", {"insights": [DEPRECATED]})
    assert "control plane 1.34 -> 1.35: insight" in look(aws)[1] and "Used: /apis/old.k8s.io/v1beta1/things." in look(aws)[1]
    aws.control("PUT", f"clusters/{NAME}/insights", {"insights": [{**DEPRECATED, "status": "WARNING"}]})
    assert look(aws)[1] == ""
    issue = {"code": "AccessDenied", "message": "Nodes are not authorized to join", "resourceIds": ["green"]}
    aws.control("PUT", f"clusters/{NAME}/health", {"node_groups": {"green": {"status": "DEGRADED", "issues": [issue]}}})
    assert "node group green is DEGRADED: AccessDenied: Nodes are not authorized to join" in look(aws)[1]
    assert look(aws, "1.34") == ([], "")
    assert "nothing is ever downgraded" in look(aws, "1.33")[1]
    assert "EKS offers" in look(aws, "1.99")[1]
    assert "there is none. What to do: create the platform with playbooks/site.yml" in look(aws, name="other")[1]


@pytest.mark.slow
def test_an_error_insight_blocks_before_anything_moves(aws: Cloud, eks: Any) -> None:
    aws.control("PUT", f"clusters/{NAME}/insights", {"insights": [DEPRECATED]})
    mark = aws.mark()
    for check in (True, False):
        said = upgrade(aws, check=check, ok=False).failures()
        assert "Nothing was changed. control plane 1.34 -> 1.35: insight" in said and "Used: /apis/old.k8s.io/v1beta1/things." in said
    assert aws.mutations(mark) == [] and versions(eks) == at("1.34")
    upgrade(aws, "1.35", upgrade_accept_insights=[DEPRECATED["name"]])
    assert versions(eks) == at("1.35")


@pytest.mark.slow
def test_an_insight_of_the_second_minor_stops_the_upgrade_between_the_two(aws: Cloud, eks: Any) -> None:
    later = {**DEPRECATED, "name": "Deprecated APIs removed in Kubernetes v1.36", "kubernetesVersion": "1.36"}
    aws.control("PUT", f"clusters/{NAME}/insights", {"insights": [later]})
    said = upgrade(aws, ok=False).failures()
    assert "Stopped at step 5 of 8, control plane 1.35 -> 1.36: control plane 1.35 -> 1.36: insight" in said
    assert versions(eks) == at("1.35")
    aws.control("PUT", f"clusters/{NAME}/insights", {"insights": []})
    upgrade(aws)
    assert versions(eks) == at("1.36")


@pytest.mark.slow
@pytest.mark.parametrize("call", ["eks:UpdateClusterVersion", "eks:UpdateAddon", "eks:UpdateNodegroupVersion"])
def test_an_interrupted_upgrade_goes_on(aws: Cloud, eks: Any, call: str) -> None:
    """AWS fails for good at one kind of call; the run says where it stopped, and the next one ends where the first would have."""
    aws.faults.inject("expired", call)
    said = upgrade(aws, "1.35", ok=False).failures()
    assert "Stopped at step" in said and "the AWS credentials have expired" in said and "Run it again to continue from here." in said
    aws.faults.reset()
    mark = aws.mark()
    upgrade(aws, "1.35")
    assert versions(eks) == at("1.35")
    expected = ["UpdateClusterVersion", "UpdateAddon", "UpdateNodegroupVersion", "UpdateNodegroupVersion"]
    assert updates(aws, mark) == expected[expected.index(call.removeprefix("eks:")) :]


@pytest.mark.slow
def test_what_is_already_under_way_is_awaited(aws: Cloud, eks: Any) -> None:
    """Somebody, or a run that was killed, began the update: nothing is asked for twice."""
    eks.update_cluster_version(name=NAME, version="1.35")
    mark = aws.mark()
    upgrade(aws, "1.35")
    assert versions(eks) == at("1.35") and updates(aws, mark) == ["UpdateAddon", "UpdateNodegroupVersion", "UpdateNodegroupVersion"]


@pytest.mark.slow
def test_what_the_role_built_is_as_the_role_wants_it_after_the_upgrade(aws: Cloud) -> None:
    aws.role("eks_cluster", eks_cluster_version="1.34")
    upgrade(aws)
    assert aws.role("eks_cluster", eks_cluster_version="1.36").changed == 0
