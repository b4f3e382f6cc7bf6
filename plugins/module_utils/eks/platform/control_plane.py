# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The control plane and its dependents, OIDC provider and kubeconfig: desired state and comparison."""

from __future__ import annotations

from typing import Any

from ...aws.client import AwsError
from ...common.failure import Refused
from ...common.ownership import OWNER_TAG, Owner
from .. import cluster as eks_cluster
from .. import kubeconfig as eks_kubeconfig
from .. import oidc_provider as iam_oidc_provider
from .. import options as eks_options
from ..health import failure
from ..input_names import Names, variable
from ..options import said, said_bool
from .difference import Difference
from .live import Live, issuer_of

# Defaults of a new cluster for unset variables. Deletion protection and zonal shift are AWS's own defaults, and so are the public endpoint's networks,
# which must be set where AWS bills.
AT_CREATION: dict[str, Any] = {
    "endpoint_access": "public_and_private",
    "logging": ["api", "audit", "authenticator"],
    "authentication_mode": "API_AND_CONFIG_MAP",
    "support_type": "STANDARD",
}


def refuse_strangers(given: dict[str, Any], live: Live, names: Names = variable) -> None:
    """A cluster with our name but without our tag is not ours, and neither is a provider with another cluster's tags."""
    if not live.cluster:
        return
    name, existing, owner = given["name"], given.get("vpc_id"), Owner(given["name"], given["region"])
    iam_oidc_provider.refuse_anothers(live.provider, owner.marks())
    if not owner.owns(live.cluster.get("tags") or {}) and not given.get("adopt"):
        raise Refused(
            f"EKS cluster {name} exists and is not managed by this collection (no tag {OWNER_TAG}={name}); "
            f"choose another {names('name')}, or {names('adopt')}: true takes it over"
        )
    its_vpc = (live.cluster.get("resourcesVpcConfig") or {}).get("vpcId")
    if its_vpc and its_vpc != (live.vpc or {}).get("VpcId"):
        if existing:
            raise Refused(f"{names('vpc_id')} is {existing!r}, but EKS cluster {name} is in VPC {its_vpc}; EKS cannot move it")
        raise Refused(f"EKS cluster {name} is in VPC {its_vpc}, which does not carry the tag {OWNER_TAG}={name}; set it in {names('vpc_id')}")


def wanted_cluster(given: dict[str, Any], role_arn: str, network: Any, tags: dict[str, str], live: dict[str, Any] | None) -> dict[str, Any]:
    """The desired control plane. An existing cluster keeps what no variable sets (None)."""
    options = ("endpoint_access", "logging", "authentication_mode", "support_type", "encryption_key_arn")
    chosen = {**({} if is_there(live) else AT_CREATION), **eks_options.given({key: said(given, key) for key in options})}
    return {
        "name": given["name"],
        "version": str(given["version"]),
        "role_arn": role_arn,
        # An incomplete network is not compared: it is completed first.
        "subnet_ids": network.subnet_ids("public", "private") if network.complete() else None,
        **_endpoints(given, chosen.get("endpoint_access"), live),
        "logging": sorted(chosen["logging"]) if "logging" in chosen else None,
        "authentication_mode": chosen.get("authentication_mode"),
        "bootstrap_creator_admin": True,
        "support_type": chosen.get("support_type"),
        "deletion_protection": said_bool(given, "deletion_protection"),
        "zonal_shift": said_bool(given, "zonal_shift"),
        "encryption_key_arn": chosen.get("encryption_key_arn"),
        "tags": tags,
    }


def is_there(live: dict[str, Any] | None) -> bool:
    return live is not None and live["status"] != "DELETING"


def _endpoints(given: dict[str, Any], access: str | None, live: dict[str, Any] | None) -> dict[str, Any]:
    vpc = ((live or {}).get("resourcesVpcConfig") or {}) if is_there(live) else {}
    public = vpc.get("endpointPublicAccess", True) if access is None else access in ("public", "public_and_private")
    cidrs = said(given, "public_access_cidrs")
    return {
        "endpoint_public_access": None if access is None else public,
        "endpoint_private_access": None if access is None else access in ("private", "public_and_private"),
        # EKS accepts them only with a public endpoint.
        "public_access_cidrs": sorted(cidrs) if public and cidrs is not None else None,
    }


def cluster_differences(wanted: dict[str, Any], live: dict[str, Any] | None) -> list[Difference]:
    resource = f"EKS cluster {wanted['name']}"
    shown = {key: value for key, value in wanted.items() if value is not None and key not in ("name", "bootstrap_creator_admin")}
    if live is None or not is_there(live):
        return [Difference("cluster", resource, "create", {}, shown)]
    if live["status"] == "FAILED":
        raise AwsError(f"{resource} is FAILED: {failure(live)}. Delete it and run again")
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
    """The kubeconfig to write; empty while there is no endpoint yet."""
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


def check_kubeconfig(given: dict[str, Any], live: Live, names: Names = variable) -> None:
    """An unmanaged kubeconfig must be for this cluster, and a managed one must contain no other."""
    endpoint = (live.cluster or {}).get("endpoint")
    if given["kubeconfig_manage"]:
        if live.kubeconfig is not None:
            eks_kubeconfig.refuse_to_overwrite(given["kubeconfig"], live.kubeconfig, given["name"], given["region"], names)
        return
    if not endpoint or not given["kubeconfig"]:
        return
    if live.kubeconfig is None:
        raise Refused(
            f"{names('kubeconfig')} is {given['kubeconfig']!r}, which does not exist; accepted: a kubeconfig of EKS cluster {given['name']} at {endpoint}"
        )
    eks_kubeconfig.refuse_another_cluster(given["kubeconfig"], live.kubeconfig, given["context"], endpoint, given["name"], names)
