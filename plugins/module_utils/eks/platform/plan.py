# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The whole AWS side of the platform: the desired state, with the ids of existing resources, and what differs. Makes no requests."""

from __future__ import annotations

from typing import Any

from ...aws.partitions import partition_of
from ...common.ownership import OWNER_TAG, REGION_TAG, Owner
from .. import cluster as eks_cluster
from .. import extras as eks_extras
from .. import nodegroup as eks_nodegroup
from .. import oidc_provider as iam_oidc_provider
from ..input_names import Names, variable
from . import control_plane as eks_platform_cluster
from . import iam as eks_platform_iam
from . import logs as eks_platform_logs
from .difference import Difference
from .existing_network import ExistingNetwork
from .live import Live, issuer_of
from .network import Network
from .nodes import NodeGroups


class Platform:
    def __init__(self, given: dict[str, Any], live: Live, names: Names = variable) -> None:
        self.given, self.live, self.names = given, live, names
        self.name, self.region = given["name"], given["region"]
        self.partition = partition_of(self.region)
        self.tags = {**{key: str(value) for key, value in (given.get("tags") or {}).items()}, OWNER_TAG: self.name}
        # Global resources also carry the region.
        self.global_tags = {**self.tags, **Owner(self.name, self.region).marks()}
        eks_platform_iam.refuse_strangers(given, live, names)
        eks_platform_cluster.refuse_strangers(given, live, names)
        self.network: Network | ExistingNetwork = ExistingNetwork(given, live, names) if given.get("vpc_id") else Network(given, live, self.tags, names)
        self.roles = eks_platform_iam.wanted_roles(given, live, self.partition, self.global_tags)
        self.shared_roles = eks_platform_iam.shared(given, live)
        cluster_role, node_role = (role["arn"] for role in self.roles)
        self.cluster = eks_platform_cluster.wanted_cluster(given, cluster_role, self.network, self.tags, live.cluster)
        self.nodes = NodeGroups(given, live, node_role, self.network, self.tags, names)
        self.node_groups = self.nodes.groups

    def differences(self) -> list[Difference]:
        return [
            *self.network.differences(),
            *eks_platform_iam.differences(self.roles, self.live, self.shared_roles),
            *self.log_group(),
            *eks_platform_cluster.cluster_differences(self.cluster, self.live.cluster),
            *self.nodes.differences(),
            *eks_platform_cluster.provider_differences(self.name, self.live, self.global_tags),
            *[Difference(*entry) for entry in eks_extras.differences(self.given, self.live.extras)],
            *eks_platform_cluster.kubeconfig_differences(self.given, self.live),
        ]

    def log_group(self) -> list[Difference]:
        logging = self.cluster["logging"]
        if logging is None:
            logging = eks_cluster.view(self.live.cluster)["logging"] if self.live.cluster else []
        return eks_platform_logs.differences(self.given, logging, self.live.log_group)

    def plan(self) -> dict[str, Any]:
        """What the role's tasks read."""
        return {
            **self.network.plan(),
            "roles": self.roles,
            "global_tags": self.global_tags,
            "cluster": self.cluster,
            "node_groups": self.node_groups,
            "surplus_node_groups": self.nodes.surplus(),
            "launch_templates": self.nodes.launch_templates,
            "surplus_launch_templates": self.nodes.surplus_launch_templates(),
            "kubeconfig": eks_platform_cluster.kubeconfig(self.given, self.live.cluster),
        }

    def warnings(self) -> list[str]:
        """What is not as desired but stays, and what to do about it."""
        remove = self.names("remove_node_groups")
        unlisted = [] if self.given.get("remove_node_groups") else self.nodes.unlisted()
        return [
            f"node group {name} belongs to this platform but is not in {self.names('node_groups')}; it stays with what runs on it; {remove}: true removes it"
            for name in unlisted
        ] + [
            f"IAM role {name} stays as it is, without a tag {REGION_TAG}, since {why}. Once no other cluster uses it, a run or "
            f"aws iam tag-role --role-name {name} --tags Key={OWNER_TAG},Value={self.name} Key={REGION_TAG},Value={self.region} makes it this cluster's"
            for name, why in self.shared_roles.items()
        ]

    def unmanaged(self) -> list[str]:
        """What others added to our resources, and what stays."""
        return eks_platform_iam.unmanaged(self.roles, self.given, self.live.roles)

    def _balancer_cidrs(self) -> dict[str, list[str]]:
        """The networks of a load balancer's own addresses, by its scheme: its subnets, or else the whole VPC."""
        kinds = {"internet-facing": "public", "internal": "private"}
        by_kind = {scheme: [subnet["cidr"] for subnet in self.network.subnets if subnet["kind"] == kind] for scheme, kind in kinds.items()}
        whole = [self.network.vpc["cidr"]] if self.network.vpc.get("cidr") else []
        return {scheme: sorted(cidrs) or whole for scheme, cidrs in by_kind.items()}

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
            "load_balancer_cidrs": self._balancer_cidrs(),
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
