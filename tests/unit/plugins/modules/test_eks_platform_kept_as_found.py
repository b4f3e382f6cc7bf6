# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What no variable says stays as somebody set it on a live platform: protection, networks, logs, sizes that an autoscaler chose, labels.

A difference that protects less is asked for by an explicit value, and the plan marks it.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from aws_harness import Account, run
from eks_parts import FAST, until
from platform_parts import planned, platform, present

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.nodegroup import fitted_sizes
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.weakening import weakened
from ansible_collections.meshgate.eks_istio.plugins.modules import eks_cluster, eks_nodegroup

# What AWS's own console and Security Hub call the protection of a control plane.
PROTECTION = ("endpoint_access", "public_access_cidrs", "authentication_mode", "support_type", "deletion_protection")
GROUP = {"name": "mng-arm", "instance_types": ["m6g.large"]}


class Standing:
    """A platform of network, roles, cluster and one node group, as role eks_cluster makes it, without its add-ons."""

    def __init__(self, account: Account, folder: Path, **given: Any) -> None:
        self.account = account
        self.name = f"kept-{uuid.uuid4().hex[:6]}"
        self.eks, self.iam = account.client("eks"), account.client("iam")
        said = platform(folder, name=self.name, kubeconfig_manage=False, kubeconfig=str(folder / "none"), nat_mode="disabled", **given)
        self.given = {key: value for key, value in said.items() if key not in PROTECTION}
        made = present(account.endpoint, self.given, **FAST)
        assert not made.get("failed"), made["msg"]
        self.plan = made["plan"]
        self.make(eks_cluster, self.plan["cluster"], purge_tags=False)
        self.make(eks_nodegroup, self.plan["node_groups"][0], cluster_name=self.name, purge_tags=False)

    def make(self, module: Any, wanted: dict[str, Any], **more: Any) -> dict[str, Any]:
        options = {key: value for key, value in wanted.items() if value is not None}
        made = run(module, self.account.endpoint, **{**FAST, **options, **more})
        assert not made.get("failed"), made["msg"]
        return made

    def look(self, **changes: Any) -> dict[str, Any]:
        # Whose kubeconfig there is does not matter here.
        changes = {"kubeconfig_manage": True, **changes}
        look = planned(self.account.endpoint, {**self.given, **changes})
        assert not look.get("failed"), look["msg"]
        return look

    def differs(self, section: str, **changes: Any) -> list[dict[str, Any]]:
        return [entry for entry in self.look(**changes)["differs"] if entry["section"] == section]

    def _seen_through(self, answer: dict[str, Any], **where: str) -> None:
        update = {"name": self.name, "updateId": answer["update"]["id"], **where}
        until(lambda: self.eks.describe_update(**update)["update"]["status"], "Successful")

    def cluster(self) -> dict[str, Any]:
        return self.eks.describe_cluster(name=self.name)["cluster"]

    def update_cluster(self, **changes: Any) -> None:
        self._seen_through(self.eks.update_cluster_config(name=self.name, **changes))

    def group(self) -> dict[str, Any]:
        return self.eks.describe_nodegroup(clusterName=self.name, nodegroupName=GROUP["name"])["nodegroup"]

    def update_group(self, **changes: Any) -> None:
        self._seen_through(self.eks.update_nodegroup_config(clusterName=self.name, nodegroupName=GROUP["name"], **changes), nodegroupName=GROUP["name"])

    def bring_group(self, **changes: Any) -> dict[str, Any]:
        """What role eks_cluster does where the group differs."""
        wanted = self.look(**changes)["plan"]["node_groups"][0]
        self.make(eks_nodegroup, wanted, cluster_name=self.name, purge_tags=False)
        assert self.differs("node_groups", **changes) == []
        return self.group()["scalingConfig"]


@pytest.fixture(scope="module")
def standing(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Standing:
    return Standing(account, tmp_path_factory.mktemp("kept"), node_groups=[{**GROUP, "min_size": 1, "max_size": 6}])


@pytest.mark.parametrize(
    ("now", "said", "fitted"),
    [
        ((1, 5, 6), {"min_size": 1, "max_size": 6}, (1, 5, 6)),
        ((1, 5, 6), {}, (1, 5, 6)),
        ((1, 1, 6), {"min_size": 3}, (3, 3, 6)),
        ((1, 2, 2), {"min_size": 3}, (3, 3, 3)),
        ((1, 5, 6), {"max_size": 4}, (1, 4, 4)),
        ((2, 5, 6), {"max_size": 1}, (1, 1, 1)),
        ((1, 5, 6), {"desired_size": 1}, (1, 1, 6)),
        ((2, 2, 2), {"desired_size": 3}, (2, 3, 3)),
        ((2, 2, 2), {"desired_size": 0}, (0, 0, 2)),
        ((1, 5, 6), {"min_size": 2, "desired_size": 3, "max_size": 4}, (2, 3, 4)),
    ],
)
def test_sizes_give_way_no_further_than_they_must(now: tuple[int, ...], said: dict[str, int], fitted: tuple[int, ...]) -> None:
    keys = ("min_size", "desired_size", "max_size")
    assert fitted_sizes(dict(zip(keys, now, strict=True)), said) == dict(zip(keys, fitted, strict=True))


def test_a_group_stays_where_an_autoscaler_holds_it(standing: Standing) -> None:
    standing.update_group(scalingConfig={"minSize": 1, "maxSize": 6, "desiredSize": 5})
    assert standing.differs("node_groups") == []
    # Above what runs: EKS wants both in one call ("Minimum capacity 6 can't be greater than desired size 5").
    raised = {"node_groups": [{**GROUP, "min_size": 6, "max_size": 6}]}
    (would,) = standing.differs("node_groups", **raised)
    assert would["after"]["scaling_config"] == {"min_size": 6, "max_size": 6, "desired_size": 6}
    assert standing.bring_group(**raised) == {"minSize": 6, "maxSize": 6, "desiredSize": 6}
    assert standing.bring_group(node_groups=[{**GROUP, "min_size": 1, "max_size": 3}]) == {"minSize": 1, "maxSize": 3, "desiredSize": 3}
    assert standing.bring_group(node_groups=[{**GROUP, "desired_size": 2}]) == {"minSize": 1, "maxSize": 3, "desiredSize": 2}


def test_a_group_that_is_not_listed_stays_until_its_removal_is_asked_for(standing: Standing) -> None:
    other = {"node_groups": [{**GROUP, "name": "other"}]}
    look = standing.look(**other)
    assert [entry["resource"] for entry in look["differs"] if entry["action"] == "delete"] == [] == look["plan"]["surplus_node_groups"]
    assert "node group mng-arm belongs to this platform but is not in node_groups; it stays" in str(look["warnings"])
    assert "remove_node_groups: true removes it" in str(look["warnings"])
    look = standing.look(**other, remove_node_groups=True)
    assert [entry["resource"] for entry in look["differs"] if entry["action"] == "delete"] == ["node group mng-arm"]
    assert look["plan"]["surplus_node_groups"] == ["mng-arm"]


def test_what_a_node_group_does_not_mention_stays(standing: Standing) -> None:
    taint = {"key": "dedicated", "value": "mesh", "effect": "NO_SCHEDULE"}
    standing.update_group(labels={"addOrUpdateLabels": {"team": "a"}}, taints={"addOrUpdateTaints": [taint]}, updateConfig={"maxUnavailablePercentage": 50})
    # What it was scaled to by the tests before, of which another process may have run some.
    sizes = standing.group()["scalingConfig"]
    group = {**GROUP, "min_size": sizes["minSize"], "max_size": sizes["maxSize"]}
    assert standing.differs("node_groups", node_groups=[group]) == []
    (would,) = standing.differs("node_groups", node_groups=[{**group, "labels": {}, "taints": [], "max_unavailable": 1}])
    assert would["after"] == {"labels": {}, "taints": [], "update_config": {"max_unavailable": 1}}


def test_a_new_cluster_is_protected_where_nothing_is_said(standing: Standing) -> None:
    found = standing.cluster()
    logged = {kind for entry in found["logging"]["clusterLogging"] if entry["enabled"] for kind in entry["types"]}
    assert logged == {"api", "audit", "authenticator"}
    assert found["accessConfig"]["authenticationMode"] == "API_AND_CONFIG_MAP" and found["upgradePolicy"]["supportType"] == "STANDARD"
    assert found["resourcesVpcConfig"]["endpointPrivateAccess"] is True


def test_what_was_hardened_by_hand_stays_and_weakening_is_marked(standing: Standing) -> None:
    logs = [{"types": ["api", "audit", "authenticator", "scheduler"], "enabled": True}]
    standing.update_cluster(logging={"clusterLogging": logs})
    standing.update_cluster(deletionProtection=True)
    standing.update_cluster(zonalShiftConfig={"enabled": True})
    standing.update_cluster(upgradePolicy={"supportType": "EXTENDED"})
    standing.update_cluster(accessConfig={"authenticationMode": "API"})
    private = {"endpointPublicAccess": True, "endpointPrivateAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}
    standing.update_cluster(resourcesVpcConfig=private)
    assert standing.differs("cluster") == []

    said = {
        "public_access_cidrs": ["0.0.0.0/0"],
        "logging": ["audit"],
        "deletion_protection": False,
        "zonal_shift": False,
        "support_type": "STANDARD",
    }
    (would,) = standing.differs("cluster", **said)
    assert sorted(would["weakens"]) == sorted(said)
    for line in ("WEAKENS public_access_cidrs: 203.0.113.0/24 -> 0.0.0.0/0", "WEAKENS logging: api, audit, authenticator, scheduler -> audit"):
        assert line in would["summary"]
    assert "WEAKENS deletion_protection: True -> False" in would["summary"]
    # Narrower, and more of them: nothing to mark.
    (would,) = standing.differs(
        "cluster", public_access_cidrs=["203.0.113.128/25"], logging=["api", "audit", "authenticator", "scheduler", "controllerManager"]
    )
    assert would["weakens"] == [] and "WEAKENS" not in would["summary"]
    # A public endpoint that somebody closed stays closed, also where its networks are said.
    standing.update_cluster(resourcesVpcConfig={"endpointPublicAccess": False, "endpointPrivateAccess": True})
    assert standing.differs("cluster", public_access_cidrs=["203.0.113.0/24"]) == []
    (would,) = standing.differs("cluster", endpoint_access="public_and_private", public_access_cidrs=["203.0.113.0/24"])
    assert would["weakens"] == ["endpoint_public_access"]
    standing.update_cluster(deletionProtection=False)


@pytest.mark.parametrize(
    ("section", "key", "before", "after", "weakens"),
    [
        ("cluster", "public_access_cidrs", ["203.0.113.0/24"], ["203.0.113.0/25"], False),
        ("cluster", "public_access_cidrs", ["203.0.113.0/25", "198.51.100.0/24"], ["203.0.113.0/24"], True),
        ("cluster", "public_access_cidrs", ["203.0.113.0/24"], ["2001:db8::/32"], True),
        ("cluster", "authentication_mode", "CONFIG_MAP", "API", False),
        ("cluster", "encryption_key_arn", None, "arn", False),
        ("cluster", "support_type", "STANDARD", "EXTENDED", False),
        ("iam", "policies", [], ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"], False),
        ("iam", "policies", [], ["arn:aws:iam::aws:policy/AdministratorAccess"], True),
        ("iam", "permissions_boundary", "", "arn", False),
        ("iam", "trust", {"Statement": [{"Effect": "Deny"}]}, {"Statement": []}, True),
        ("iam", "trust", {"Statement": [{"Effect": "Allow", "Principal": "*"}]}, {"Statement": [{"Effect": "Allow"}]}, False),
        ("launch_templates", "metadata_hop_limit", 1, 2, True),
        ("launch_templates", "metadata_hop_limit", 2, 1, False),
        ("addons", "configuration_values", {"enableNetworkPolicy": "true", "a": 1}, {}, True),
        ("addons", "configuration_values", {"a": 1}, {}, False),
        ("access", "kubernetes_groups", ["a"], ["a", "b"], True),
        ("node_groups", "labels", {"a": "1"}, {}, False),
    ],
)
def test_what_weakens(section: str, key: str, before: Any, after: Any, weakens: bool) -> None:
    assert weakened(section, {key: before}, {key: after}) == ([key] if weakens else [])
