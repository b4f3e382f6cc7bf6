# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ownership of search results: ours by our tag, ours by location, or of others with the same name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..common.ownership import OWNER_TAG
from ..eks.platform.logs import control_plane_logs

CONTROLLER_TAG = "elbv2.k8s.aws/cluster"
EKS_TAGS = ("aws:eks:cluster-name", "eks:cluster-name")
EKS_KINDS = ("EKS cluster", "node group", "Fargate profile")
# What the load balancer controller, Kubernetes and EKS create in a VPC. Their tags contain only a cluster's name, and names are not unique.
MADE_IN_VPC = ("load balancer", "classic load balancer", "target group", "security group", "network interface", "instance")
# What they create outside a VPC, so that only an existing cluster proves ownership.
MADE_OUTSIDE = ("volume", "snapshot", "launch template", "log group")
# GuardDuty creates an endpoint and a security group in each VPC with monitored nodes, and leaves them there
# (https://github.com/hashicorp/terraform-provider-aws/issues/46747).
GUARD_DUTY = "GuardDutyManaged"


@dataclass
class Found:
    """One resource related to the cluster."""

    type: str
    id: str
    reason: str
    name: str = ""
    # Whether it carries our own tag.
    owned: bool = False
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    def result(self) -> dict[str, Any]:
        return {"type": self.type, "id": self.id, "name": self.name, "reason": self.reason, "owned": self.owned}

    def of_eks(self, name: str) -> bool:
        """Whether it carries EKS's own tag of the cluster."""
        return any(tag.get("Key") in EKS_TAGS and tag.get("Value") == name for tag in self.raw.get("Tags") or [])

    def __str__(self) -> str:
        return f"{self.type} {self.id}" + (f" ({self.name})" if self.name and self.name != self.id else "")


@dataclass(frozen=True)
class Proof:
    """What proves ownership without our tag: the VPCs with our tag, our cluster's VPC, and that the cluster exists."""

    homes: frozenset[str] = frozenset()
    vpcs: frozenset[str] = frozenset()
    cluster: bool = False

    def __or__(self, other: Proof) -> Proof:
        return Proof(self.homes | other.homes, self.vpcs | other.vpcs, self.cluster or other.cluster)

    def shows(self, name: str, entry: Found) -> bool:
        """Whether it is ours. Another cluster of this name counts, too: it is checked, and refused."""
        if entry.owned or entry.type in EKS_KINDS:
            return True
        if entry.reason.startswith(f"tag {GUARD_DUTY}="):
            return vpc_of(entry) in self.homes
        if entry.type in MADE_IN_VPC:
            return vpc_of(entry) in self.vpcs
        if entry.type == "log group":
            return self.cluster and entry.id == control_plane_logs(name)
        if entry.type == "launch template":
            # Only those of EKS: people and tools also create them with Kubernetes' tag, and nothing else proves ownership.
            return self.cluster and entry.of_eks(name)
        return self.cluster and entry.type in MADE_OUTSIDE


NOTHING = Proof()


def proof_of(found: Iterable[Found]) -> Proof:
    found = list(found)
    homes = frozenset(entry.id for entry in found if entry.type == "vpc" and entry.owned)
    clusters = [entry for entry in found if entry.type == "EKS cluster" and entry.owned]
    theirs = {(entry.raw.get("resourcesVpcConfig") or {}).get("vpcId") for entry in clusters} - {None, ""}
    return Proof(homes, homes | frozenset(map(str, theirs)), bool(clusters))


def vpc_of(entry: Found) -> str:
    """Its VPC; classic load balancers use another key."""
    return str(entry.raw.get("VpcId") or entry.raw.get("VPCId") or "")


@dataclass
class Look:
    """The result of a search: what is ours, what only has the cluster's name, and what tells them apart."""

    ours: list[Found]
    foreign: list[Found]
    proof: Proof
    # What could not be read.
    notes: list[str] = field(default_factory=list)


def judged(name: str, met: list[Found], proof: Proof, notes: Iterable[str] = ()) -> Look:
    return Look([entry for entry in met if proof.shows(name, entry)], [entry for entry in met if not proof.shows(name, entry)], proof, list(notes))


def tags_of_cluster(name: str) -> dict[str, str]:
    """The tags that assign a resource to the cluster: ours, the load balancer controller's, Kubernetes' and EKS's."""
    return {
        OWNER_TAG: name,
        CONTROLLER_TAG: name,
        f"kubernetes.io/cluster/{name}": "owned",
        "aws:eks:cluster-name": name,
        "eks:cluster-name": name,
        "cluster.k8s.amazonaws.com/name": name,
    }


def reason(name: str, tags: dict[str, str]) -> str:
    """The tag that assigns a resource to the cluster; empty if none does."""
    return next((f"tag {key}={value}" for key, value in tags_of_cluster(name).items() if tags.get(key) == value), "")
