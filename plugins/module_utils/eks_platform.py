# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The whole AWS side of the platform: what it should be, with the ids of what there is, and what differs. Asks nobody."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import (
    eks_extras,
    eks_nodegroup,
    eks_platform_cluster,
    eks_platform_iam,
    iam_oidc_provider,
)
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_input import partition_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_diff import Difference
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_existing import ExistingNetwork
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_live import Live, issuer_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_network import Network
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_nodes import NodeGroups


class Platform:
    def __init__(self, given: dict[str, Any], live: Live) -> None:
        self.given, self.live = given, live
        self.name, self.region = given["name"], given["region"]
        self.partition = partition_of(self.region)
        self.tags = {**{key: str(value) for key, value in (given.get("tags") or {}).items()}, OWNER_TAG: self.name}
        eks_platform_iam.refuse_strangers(given, live)
        eks_platform_cluster.refuse_strangers(given, live)
        self.network: Network | ExistingNetwork = ExistingNetwork(given, live) if given.get("vpc_id") else Network(given, live, self.tags)
        self.roles = eks_platform_iam.wanted_roles(given, live.account_id, self.partition, self.tags)
        cluster_role, node_role = (role["arn"] for role in self.roles)
        self.cluster = eks_platform_cluster.wanted_cluster(given, cluster_role, self.network, self.tags)
        self.nodes = NodeGroups(given, live, node_role, self.network, self.tags)
        self.node_groups = self.nodes.groups

    def differences(self) -> list[Difference]:
        return [
            *self.network.differences(),
            *eks_platform_iam.differences(self.roles, self.live),
            *eks_platform_cluster.cluster_differences(self.cluster, self.live.cluster),
            *self.nodes.differences(),
            *eks_platform_cluster.provider_differences(self.name, self.live, self.tags),
            *[Difference(*entry) for entry in eks_extras.differences(self.given, self.live.extras)],
            *eks_platform_cluster.kubeconfig_differences(self.given, self.live),
        ]

    def plan(self) -> dict[str, Any]:
        """What the role's tasks read."""
        return {
            **self.network.plan(),
            "roles": self.roles,
            "cluster": self.cluster,
            "node_groups": self.node_groups,
            "surplus_node_groups": self.nodes.surplus(),
            "launch_templates": self.nodes.launch_templates,
            "surplus_launch_templates": self.nodes.surplus_launch_templates(),
            "kubeconfig": eks_platform_cluster.kubeconfig(self.given, self.live.cluster),
        }

    def facts(self) -> dict[str, Any]:
        """What the other roles read."""
        cluster, issuer = self.live.cluster or {}, issuer_of(self.live.cluster)
        group_id = (cluster.get("resourcesVpcConfig") or {}).get("clusterSecurityGroupId")
        provider = f"arn:{self.partition}:iam::{self.live.account_id}:oidc-provider/{iam_oidc_provider.path_of(issuer)}" if issuer else ""
        return {
            "exists": bool(cluster) and cluster.get("status") not in ("DELETING", "FAILED"),
            "name": self.name,
            "region": self.region,
            "account_id": self.live.account_id,
            "partition": self.partition,
            "arn": cluster.get("arn", ""),
            "version": cluster.get("version", ""),
            "vpc_id": self.network.vpc["id"] or "",
            "subnets": {kind: [subnet["id"] for subnet in self.network.subnets if subnet["id"] and subnet["kind"] == kind] for kind in ("public", "private")},
            "oidc_issuer": issuer,
            "oidc_provider_arn": provider,
            "security_groups": {"cluster": group_id or ""},
            "kubeconfig": self.given["kubeconfig"],
            "context": self.given["context"],
            "endpoint": cluster.get("endpoint", ""),
            "node_groups": sorted(self.live.node_groups),
            "addons": eks_extras.addon_versions(self.live.extras),
            "node_role_arn": self.roles[1]["arn"],
            "existing_network": self.network.existing,
            "node_architectures": sorted({eks_nodegroup.architecture_of_ami(group["ami_type"]) for group in self.node_groups}),
        }
