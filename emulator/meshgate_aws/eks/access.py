# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Access entries and their policies, Pod Identity associations."""

from __future__ import annotations

import random
import string
import uuid
from datetime import UTC, datetime

from ..common import error
from . import checks
from .catalogue import ACCESS_POLICIES
from .clusters import page
from .nodegroups import Nodegroups
from .state import Cluster, Data

# containers-roadmap#2618: every new cluster has an entry of EKS's service-linked role, with the policy that its insights need.
EKS_ROLE_POLICY = "AmazonEKSClusterInsightsPolicy"
ENTRY_TYPES = ["STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"]


class Access(Nodegroups):
    def _entries(self, name: str) -> Cluster:
        cluster = self.cluster(name)
        if cluster.data["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
            raise error(
                "InvalidRequestException",
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
                clusterName=name,
            )
        return cluster

    def _entry(self, p: Data) -> tuple[Cluster, Data]:
        cluster = self._entries(p["clusterName"])
        if p["principalArn"] not in cluster.access_entries:
            raise error(
                "ResourceNotFoundException",
                # terraform-aws-modules/terraform-aws-eks#3024 quotes it.
                "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.",
                clusterName=p["clusterName"],
            )
        return cluster, cluster.access_entries[p["principalArn"]]

    def _changeable(self, p: Data) -> tuple[Cluster, Data]:
        checks.not_linked(p["principalArn"])
        return self._entry(p)

    def bootstrap_access(self, cluster: Cluster) -> None:
        self._enter(cluster, {"principalArn": self.principal})
        self._associate_policy(cluster, self.principal, "AmazonEKSClusterAdminPolicy")

    def admit_eks(self, cluster: Cluster) -> None:
        role = checks.linked_role(self.account_id, self.partition, "eks.amazonaws.com")
        if role not in cluster.access_entries:
            self._enter(cluster, {"principalArn": role})
            self._associate_policy(cluster, role, EKS_ROLE_POLICY)

    def admit_nodes(self, cluster: Cluster, role: str) -> None:
        """EKS creates the entry of a managed node group's role itself ("Create access entries" of the user guide)."""
        if cluster.data["accessConfig"]["authenticationMode"] != "CONFIG_MAP" and role not in cluster.access_entries:
            self._enter(cluster, {"principalArn": role, "type": "EC2_LINUX"})

    def create_access_entry(self, p: Data) -> Data:
        cluster = self._entries(p["clusterName"])
        arn, kind = p["principalArn"], p.get("type") or "STANDARD"
        if arn != self.principal:
            checks.principal(self.account_id, self.partition, arn)
        if arn in cluster.access_entries:
            raise error("ResourceInUseException", "The specified access entry resource is already in use on this cluster.", clusterName=p["clusterName"])
        if kind not in ENTRY_TYPES:
            raise checks.invalid(f"The type {kind} is not valid; it must be one of {', '.join(ENTRY_TYPES)}")
        if kind != "STANDARD" and (p.get("kubernetesGroups") or p.get("username")):
            raise checks.invalid(f"The kubernetesGroups and username of an access entry of type {kind} cannot be set")
        _check_groups(p)
        return {"accessEntry": self._enter(cluster, p)}

    def _enter(self, cluster: Cluster, p: Data) -> Data:
        """An ARN keeps its path here, and a user name has none (containers-roadmap#185, "Creating an access entry with a role ARN containing a path")."""
        name, arn, kind, now = cluster.data["name"], p["principalArn"], p.get("type") or "STANDARD", datetime.now(UTC)
        role = arn.rsplit("/", 1)[-1]
        sort = "role" if ":role/" in arn or ":assumed-role/" in arn else "user"
        node = "system:node:{{EC2PrivateDNSName}}" if kind.startswith("EC2") else None
        entry_id = f"{name}/{sort}/{self.account_id}/{role}/{uuid.uuid4()}"
        cluster.access_entries[arn] = entry = {
            "clusterName": name,
            "principalArn": arn,
            "kubernetesGroups": p.get("kubernetesGroups") or (["system:nodes"] if node else []),
            "accessEntryArn": f"arn:{self.partition}:eks:{self.region_name}:{self.account_id}:access-entry/{entry_id}",
            "createdAt": now,
            "modifiedAt": now,
            "tags": p.get("tags") or {},
            "username": p.get("username") or node or _username(arn, self.partition, self.account_id),
            "type": kind,
        }
        cluster.access_policies[arn] = {}
        return entry

    def describe_access_entry(self, p: Data) -> Data:
        return {"accessEntry": self._entry(p)[1]}

    def list_access_entries(self, p: Data) -> Data:
        cluster = self._entries(p["clusterName"])
        wanted = p.get("associatedPolicyArn")
        return page([arn for arn in sorted(cluster.access_entries) if not wanted or wanted in cluster.access_policies[arn]], p, "accessEntries")

    def update_access_entry(self, p: Data) -> Data:
        entry = self._changeable(p)[1]
        _check_groups(p)
        for key in ("kubernetesGroups", "username"):
            if p.get(key) is not None:
                entry[key] = p[key]
        entry["modifiedAt"] = datetime.now(UTC)
        return {"accessEntry": entry}

    def delete_access_entry(self, p: Data) -> Data:
        cluster, _entry = self._changeable(p)
        del cluster.access_entries[p["principalArn"]]
        del cluster.access_policies[p["principalArn"]]
        return {}

    def associate_access_policy(self, p: Data) -> Data:
        cluster, entry = self._changeable(p)
        if p["policyArn"].rsplit("/", 1)[-1] not in ACCESS_POLICIES:
            raise checks.invalid(f"The policyArn parameter {p['policyArn']} is not valid", clusterName=p["clusterName"])
        if entry["type"] not in ("STANDARD", "EC2"):
            raise error("InvalidRequestException", f"Access policies can't be associated with an access entry of type {entry['type']}")
        scope = p["accessScope"]
        if scope.get("type") == "namespace" and not scope.get("namespaces"):
            raise checks.invalid("The namespaces of the access scope cannot be empty when its type is namespace", clusterName=p["clusterName"])
        policy = self._associate_policy(cluster, p["principalArn"], p["policyArn"].rsplit("/", 1)[-1], scope)
        return {"clusterName": p["clusterName"], "principalArn": p["principalArn"], "associatedAccessPolicy": policy}

    def _associate_policy(self, cluster: Cluster, principal: str, name: str, scope: Data | None = None) -> Data:
        known, now = cluster.access_policies[principal], datetime.now(UTC)
        arn = f"arn:{self.partition}:eks::aws:cluster-access-policy/{name}"
        known[arn] = {
            "policyArn": arn,
            "accessScope": {"type": (scope or {}).get("type") or "cluster", "namespaces": (scope or {}).get("namespaces") or []},
            "associatedAt": known.get(arn, {}).get("associatedAt", now),
            "modifiedAt": now,
        }
        return known[arn]

    def disassociate_access_policy(self, p: Data) -> Data:
        cluster, _entry = self._changeable(p)
        if cluster.access_policies[p["principalArn"]].pop(p["policyArn"], None) is None:
            raise error("ResourceNotFoundException", f"Policy association not found for {p['policyArn']}", clusterName=p["clusterName"])
        return {}

    def list_associated_access_policies(self, p: Data) -> Data:
        cluster, _entry = self._entry(p)
        policies = cluster.access_policies[p["principalArn"]]
        answer = page([policies[arn] for arn in sorted(policies)], p, "associatedAccessPolicies")
        return {**answer, "clusterName": p["clusterName"], "principalArn": p["principalArn"]}

    def list_access_policies(self, p: Data) -> Data:
        policies = [{"name": name, "arn": f"arn:{self.partition}:eks::aws:cluster-access-policy/{name}"} for name in ACCESS_POLICIES]
        return page(policies, p, "accessPolicies")

    # Pod Identity

    def create_pod_identity_association(self, p: Data, owner: str | None = None) -> Data:
        cluster = self.cluster(p["clusterName"], active=True)
        for known in cluster.pod_identities.values():
            if (known["namespace"], known["serviceAccount"]) == (p["namespace"], p["serviceAccount"]):
                raise error("ResourceInUseException", f"Association already exists: {known['associationId']}", clusterName=p["clusterName"])
        checks.role(self.account_id, self.partition, p["roleArn"], "pods.eks.amazonaws.com")
        unique = "a-" + "".join(random.choices(string.ascii_lowercase + string.digits, k=17))
        now = datetime.now(UTC)
        association = {
            "clusterName": p["clusterName"],
            "namespace": p["namespace"],
            "serviceAccount": p["serviceAccount"],
            "roleArn": p["roleArn"],
            "associationArn": f"arn:{self.partition}:eks:{self.region_name}:{self.account_id}:podidentityassociation/{p['clusterName']}/{unique}",
            "associationId": unique,
            "tags": p.get("tags") or {},
            "createdAt": now,
            "modifiedAt": now,
            "ownerArn": owner,
            "disableSessionTags": bool(p.get("disableSessionTags")),
            "targetRoleArn": p.get("targetRoleArn"),
            "policy": p.get("policy"),
        }
        self._set_external_id(association)
        cluster.pod_identities[unique] = association
        return {"association": association}

    def _association(self, p: Data) -> tuple[Cluster, Data]:
        cluster = self.cluster(p["clusterName"])
        if p["associationId"] not in cluster.pod_identities:
            raise error("ResourceNotFoundException", f"Association not found: {p['associationId']}", clusterName=p["clusterName"])
        return cluster, cluster.pod_identities[p["associationId"]]

    def describe_pod_identity_association(self, p: Data) -> Data:
        return {"association": self._association(p)[1]}

    def list_pod_identity_associations(self, p: Data) -> Data:
        found = [
            association
            for association in self.cluster(p["clusterName"]).pod_identities.values()
            if all(not p.get(key) or association[key] == p[key] for key in ("namespace", "serviceAccount"))
        ]
        return page(found, p, "associations")

    def update_pod_identity_association(self, p: Data) -> Data:
        association = self._association(p)[1]
        if p.get("roleArn"):
            checks.role(self.account_id, self.partition, p["roleArn"], "pods.eks.amazonaws.com")
        for key in ("roleArn", "disableSessionTags", "targetRoleArn", "policy"):
            if p.get(key) is not None:
                association[key] = p[key]
        self._set_external_id(association)
        association["modifiedAt"] = datetime.now(UTC)
        return {"association": association}

    def _set_external_id(self, association: Data) -> None:
        """For the target role's trust ("Access AWS Resources using EKS Pod Identity Target IAM Roles" of the user guide shows its form)."""
        if not association["targetRoleArn"]:
            association["targetRoleArn"] = association["externalId"] = None
            return
        where = (association["clusterName"], association["namespace"], association["serviceAccount"])
        association["externalId"] = "/".join((self.region_name, self.account_id, *where))

    def delete_pod_identity_association(self, p: Data) -> Data:
        cluster, association = self._association(p)
        del cluster.pod_identities[p["associationId"]]
        return {"association": association}


def _username(arn: str, partition: str, account: str) -> str:
    if ":role/" in arn:
        return f"arn:{partition}:sts::{account}:assumed-role/{arn.rsplit('/', 1)[-1]}/{{{{SessionName}}}}"
    return arn


def _check_groups(p: Data) -> None:
    prefixes = ("system:", "eks:", "aws:", "amazon:", "iam:")
    for group in p.get("kubernetesGroups") or []:
        if group.startswith(prefixes):
            raise checks.invalid(f"The kubernetes group name {group} is invalid, it cannot start with {', '.join(prefixes)}")
