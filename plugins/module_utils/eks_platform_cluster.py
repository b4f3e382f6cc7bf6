# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The control plane and what hangs on it: OIDC provider and kubeconfig, wanted and compared."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_cluster, eks_kubeconfig, iam_oidc_provider
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, AwsError, Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_diff import Difference
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform_live import Live, issuer_of


def refuse_strangers(given: dict[str, Any], live: Live) -> None:
    """A cluster that has our name and not our tag belongs to somebody else."""
    if not live.cluster:
        return
    name, existing = given["name"], given.get("vpc_id")
    if (live.cluster.get("tags") or {}).get(OWNER_TAG) != name and not given.get("adopt"):
        raise Refused(
            f"EKS cluster {name} exists and is not ours (no tag {OWNER_TAG}={name}); choose another eks_cluster_name, or eks_cluster_adopt: true takes it over"
        )
    its_vpc = (live.cluster.get("resourcesVpcConfig") or {}).get("vpcId")
    if its_vpc and its_vpc != (live.vpc or {}).get("VpcId"):
        if existing:
            raise Refused(f"eks_cluster_vpc_id is {existing!r}, but EKS cluster {name} is in VPC {its_vpc}; EKS cannot move it")
        raise Refused(f"EKS cluster {name} is in VPC {its_vpc}, which does not carry the tag {OWNER_TAG}={name}; say it in eks_cluster_vpc_id")


def wanted_cluster(given: dict[str, Any], role_arn: str, network: Any, tags: dict[str, str]) -> dict[str, Any]:
    access = given["endpoint_access"]
    public = access in ("public", "public_and_private")
    return {
        "name": given["name"],
        "version": str(given["version"]),
        "role_arn": role_arn,
        # Half a network is not compared: it is completed first.
        "subnet_ids": network.subnet_ids("public", "private") if network.complete() else None,
        "endpoint_public_access": public,
        "endpoint_private_access": access in ("private", "public_and_private"),
        "public_access_cidrs": sorted(given["public_access_cidrs"]) if public else None,
        "logging": sorted(given.get("logging") or []),
        "authentication_mode": given["authentication_mode"],
        "bootstrap_creator_admin": True,
        "support_type": given["support_type"],
        "deletion_protection": bool(given["deletion_protection"]),
        "zonal_shift": bool(given.get("zonal_shift")),
        "encryption_key_arn": given.get("encryption_key_arn") or None,
        "tags": tags,
    }


def cluster_differences(wanted: dict[str, Any], live: dict[str, Any] | None) -> list[Difference]:
    resource = f"EKS cluster {wanted['name']}"
    shown = {key: value for key, value in wanted.items() if value is not None and key not in ("name", "bootstrap_creator_admin")}
    if live is None or live["status"] == "DELETING":
        return [Difference("cluster", resource, "create", {}, shown)]
    if live["status"] == "FAILED":
        raise AwsError(f"{resource} is FAILED: {eks_cluster.failure(live)}. Delete it and run again")
    plan = eks_cluster.plan_cluster(live, wanted, purge_tags=False)
    if live["status"] in ("CREATING", "PENDING"):
        plan.before["status"], plan.after["status"] = live["status"], "ACTIVE"
    return [Difference("cluster", resource, "update", plan.before, plan.after)] if plan.after else []


def provider_differences(name: str, live: Live, tags: dict[str, str]) -> list[Difference]:
    resource = "OIDC provider " + (issuer_of(live.cluster) or f"of EKS cluster {name}")
    if live.provider is None:
        return [Difference("oidc", resource, "create", {}, {"client_ids": ["sts.amazonaws.com"], "tags": tags})]
    plan = iam_oidc_provider.plan_provider(live.provider, ["sts.amazonaws.com"], None, tags, purge_tags=False)
    return [Difference("oidc", resource, "update", plan.before, plan.after)] if plan.changed else []


def kubeconfig(given: dict[str, Any], cluster: dict[str, Any] | None) -> str:
    """The kubeconfig that we would write; empty while there is no endpoint yet."""
    if not given["kubeconfig_manage"] or not cluster or not cluster.get("endpoint"):
        return ""
    access = {key: given.get(f"kubeconfig_{key}") or "" for key in ("profile", "role_arn")}
    return eks_kubeconfig.content(cluster, given["region"], given["context"], **access)


def kubeconfig_differences(given: dict[str, Any], live: Live) -> list[Difference]:
    if not given["kubeconfig_manage"]:
        return []
    path, there, context = given["kubeconfig"], live.kubeconfig, given["context"]
    if there is None:
        return [Difference("kubeconfig", f"kubeconfig {path}", "create", {}, {"context": context})]
    if there == kubeconfig(given, live.cluster):
        return []
    after = {
        "server": (live.cluster or {}).get("endpoint"),
        "context": context,
        "profile": given.get("kubeconfig_profile") or "",
        "role_arn": given.get("kubeconfig_role_arn") or "",
    }
    return [Difference("kubeconfig", f"kubeconfig {path}", "update", eks_kubeconfig.view(there, context), after)]


def check_kubeconfig(given: dict[str, Any], live: Live) -> None:
    """A kubeconfig that is not ours to write must be of this cluster, and one that is ours must hold no other."""
    endpoint = (live.cluster or {}).get("endpoint")
    if given["kubeconfig_manage"]:
        if live.kubeconfig is not None:
            eks_kubeconfig.refuse_to_overwrite(given["kubeconfig"], live.kubeconfig, given["name"], given["region"])
        return
    if not endpoint:
        return
    if live.kubeconfig is None:
        raise Refused(
            f"eks_cluster_kubeconfig is {given['kubeconfig']!r}, which does not exist; accepted: a kubeconfig of EKS cluster {given['name']} at {endpoint}"
        )
    eks_kubeconfig.refuse_another_cluster(given["kubeconfig"], live.kubeconfig, given["context"], endpoint, given["name"])
