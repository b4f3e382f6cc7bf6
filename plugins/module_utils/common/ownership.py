# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ownership. In AWS account, region, cluster and our tag decide, all four; in Kubernetes and Docker the label. Every change and deletion is checked
here first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

# The tag that makes a resource ours. Nothing without it is ever deleted.
OWNER_TAG = "meshgate.io/cluster"
# The same as a label of an object in Kubernetes, and of a Docker container or network.
OWNER_LABEL = OWNER_TAG
# Global resources (IAM: roles, policies, providers, instance profiles) also carry the region: two clusters in two regions may have the same name.
REGION_TAG = "meshgate.io/region"
# On resources that take two calls to create, until the second: something is missing because a run was interrupted, not because someone removed it.
UNFINISHED_TAG = "meshgate.io/unfinished"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: a role's name; a policy's may have 128.
LONGEST_ROLE_NAME = 64


def global_name(account: str, region: str, cluster: str, purpose: str) -> str:
    """The name of a new global resource of a cluster. Existing ones keep their names.

    A name that would be too long is truncated, and a hash of account, region and the cluster's whole name keeps it unique.
    """
    name = f"{cluster}-{region}-{purpose}"
    if len(name) <= LONGEST_ROLE_NAME:
        return name
    digest = hashlib.sha256(f"{account}/{region}/{cluster}".encode()).hexdigest()[:10]
    return f"{cluster[: LONGEST_ROLE_NAME - len(digest) - len(purpose) - 2]}-{digest}-{purpose}"


def old_global_name(cluster: str, purpose: str) -> str:
    """Its name in older versions, without the region; empty if that would be too long."""
    name = f"{cluster}-{purpose}"
    return name if len(name) <= LONGEST_ROLE_NAME else ""


def cluster_of(tags: Mapping[str, str]) -> str:
    """The name of the cluster that tags tell; empty if they tell none."""
    return tags.get(OWNER_TAG, "")


def with_marks(changes: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Tags for a tagging call, always with the owner's: the operator policy checks the tags in the call."""
    return {**{key: wanted[key] for key in (OWNER_TAG, REGION_TAG) if key in wanted}, **changes}


@dataclass(frozen=True)
class Owner:
    """A cluster of ours; the account is that of the credentials."""

    name: str
    region: str

    def marks(self) -> dict[str, str]:
        """The tags of our global resources."""
        return {OWNER_TAG: self.name, REGION_TAG: self.region}

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether a regional resource is ours."""
        return tags.get(OWNER_TAG) == self.name and tags.get(REGION_TAG, self.region) == self.region

    def owns_globally(self, tags: Mapping[str, str]) -> bool:
        """Whether a global resource is certainly ours."""
        return self.marks().items() <= dict(tags).items()

    def may_own(self, tags: Mapping[str, str]) -> bool:
        """Whether a global resource has the tag of older versions, without a region: ours, or that of a cluster of the same name in another region."""
        return tags.get(OWNER_TAG) == self.name and REGION_TAG not in tags

    def whose(self, tags: Mapping[str, str]) -> str:
        """The other cluster whose tag it has, in readable form; empty if it has none, or this cluster's."""
        name, region = cluster_of(tags), tags.get(REGION_TAG, "")
        if not name or (name == self.name and region in ("", self.region)):
            return ""
        return f"cluster {name} in {region}" if region else f"cluster {name}"
