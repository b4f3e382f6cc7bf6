# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who in the whole account uses an IAM role, besides one cluster of ours. Roles are global, so every enabled region is queried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..aws.client import Aws, AwsError, is_missing
from ..common.ownership import Owner
from . import cluster as eks_cluster

# https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html, and the dual-stack form of newer clusters.
ISSUER = re.compile(r"(?:oidc\.eks\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?|oidc-eks\.([a-z0-9-]+)\.(?:api\.aws|api\.amazonwebservices\.com\.cn))/id/\w+")


def issuer_region(text: str) -> str:
    """The region of an EKS cluster's OIDC issuer, from its address or the ARN of its provider; empty if it is none."""
    found = ISSUER.search(text)
    return (found[1] or found[2]) if found else ""


def issuers(trust: Any) -> set[str]:
    """The EKS issuers in a trust policy, without scheme."""
    return {found[0] for found in ISSUER.finditer(str(trust))}


@dataclass
class Verdict:
    """Who uses a role besides us, and why the list may be incomplete."""

    users: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def free(self) -> bool:
        return not self.users and not self.unknown

    def __str__(self) -> str:
        if self.users:
            return "; ".join(self.users)
        return "whether another cluster uses it could not be checked: " + "; ".join(self.unknown)


@dataclass
class _Cluster:
    """The roles that one EKS cluster of the account uses."""

    title: str
    issuer: str = ""
    roles: set[str] = field(default_factory=set)


class References:
    """Queries the account once, on first use."""

    def __init__(self, aws: Aws, owner: Owner) -> None:
        self.aws, self.owner = aws, owner
        self._unknown: list[str] = []
        self._clusters: list[_Cluster] | None = None

    def of(self, role: Mapping[str, Any], last_use: bool = True) -> Verdict:
        """Who uses it. `role`: IAM's own description, with trust policy and last use; a last use elsewhere proves nothing about one that is in use here."""
        clusters = self._ask()
        named = issuers(role.get("AssumeRolePolicyDocument"))
        users = [f"{cluster.title} uses it" for cluster in clusters if role["Arn"] in cluster.roles]
        users += [f"its trust policy names the OIDC issuer of {cluster.title}" for cluster in clusters if cluster.issuer in named]
        known = {cluster.issuer for cluster in clusters}
        elsewhere = sorted(issuer for issuer in named - known if issuer_region(issuer) != self.owner.region)
        users += [f"its trust policy names the OIDC issuer {issuer} of another region" for issuer in elsewhere]
        last = (role.get("RoleLastUsed") or {}).get("Region", "")
        if last_use and last and last != self.owner.region:
            users.append(f"it was last used in {last}")
        return Verdict(users, [] if users else list(self._unknown))

    def _ask(self) -> list[_Cluster]:
        if self._clusters is None:
            self._clusters = []
            try:
                regions = enabled_regions(self.aws)
            except AwsError as error:
                self._unknown.append(str(error))
                regions = [self.owner.region]
            for region in regions:
                self.aws.in_region(region).prepare("eks")
            found = self.aws.run_parallel(*[partial(self._of_region, region) for region in regions])
            self._clusters = [cluster for clusters in found for cluster in clusters]
        return self._clusters

    def _of_region(self, region: str) -> list[_Cluster]:
        aws = self.aws.in_region(region)
        try:
            names = aws.pages("eks", "list_clusters", "clusters")
            return [cluster for name in names if (name, region) != (self.owner.name, self.owner.region) for cluster in self._cluster(aws, name, region)]
        except AwsError as error:
            self._unknown.append(f"{error} in {region}")
            return []

    def _cluster(self, aws: Aws, name: str, region: str) -> Iterator[_Cluster]:
        live = eks_cluster.describe(aws, name)
        if live is None:
            return
        found = _Cluster(f"EKS cluster {name} in {region}", _issuer(live), {live.get("roleArn", "")})
        for group in aws.find_all("eks", "list_nodegroups", "nodegroups", clusterName=name):
            node_group = aws.find("eks", "describe_nodegroup", "nodegroup", clusterName=name, nodegroupName=group) or {}
            found.roles.add(node_group.get("nodeRole", ""))
        # By trust policy only clusters of our name can use a role of ours through Pod Identity.
        if name == self.owner.name:
            found.roles |= set(associated_roles(aws, name))
        yield found


def enabled_regions(aws: Aws) -> list[str]:
    return [entry["RegionName"] for entry in aws.call("ec2", "describe_regions")["Regions"]]


def associated_roles(aws: Aws, cluster: str, **service_account: str) -> list[str]:
    """The roles of a cluster's Pod Identity associations."""
    listed = aws.find_all("eks", "list_pod_identity_associations", "associations", clusterName=cluster, **service_account)
    asked = [aws.find("eks", "describe_pod_identity_association", "association", clusterName=cluster, associationId=entry["associationId"]) for entry in listed]
    return [entry["roleArn"] for entry in asked if entry]


def attached_to(aws: Aws, policy_arn: str) -> list[str]:
    """What a customer managed policy is attached to: roles, users and groups, each with its type."""
    found: list[str] = []
    arguments: dict[str, Any] = {"PolicyArn": policy_arn}
    while True:
        try:
            answer = aws.call("iam", "list_entities_for_policy", **arguments)
        except AwsError as error:
            if is_missing(error.code):
                return sorted(found)
            raise
        found += [f"{kind.lower()} {user[f'{kind}Name']}" for kind in ("Role", "User", "Group") for user in answer.get(f"Policy{kind}s") or []]
        if not answer.get("Marker"):
            return sorted(found)
        arguments["Marker"] = answer["Marker"]


def _issuer(cluster: Mapping[str, Any]) -> str:
    return str(((cluster.get("identity") or {}).get("oidc") or {}).get("issuer", "")).removeprefix("https://")
