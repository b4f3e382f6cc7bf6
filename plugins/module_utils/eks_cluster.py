# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An EKS cluster: what differs from what was asked for, and which calls make it so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, Refused, tag_changes, wait_for

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
# Authentication may only become stricter.
AUTHENTICATION_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
VERSION = re.compile(r"1\.([1-9][0-9])")


@dataclass
class Update:
    """One call to UpdateClusterConfig or UpdateClusterVersion: EKS takes one kind of change at a time."""

    name: str
    operation: str
    request: dict[str, Any]


@dataclass
class Plan:
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)
    tags_to_set: dict[str, str] = field(default_factory=dict)
    tags_to_remove: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.updates or self.tags_to_set or self.tags_to_remove)


def view(live: dict[str, Any]) -> dict[str, Any]:
    """What DescribeCluster says, in the words of the module's options."""
    vpc = live.get("resourcesVpcConfig") or {}
    network = live.get("kubernetesNetworkConfig") or {}
    access = live.get("accessConfig") or {}
    encryption = [entry.get("provider", {}).get("keyArn") for entry in live.get("encryptionConfig") or []]
    logging = (live.get("logging") or {}).get("clusterLogging") or []
    return {
        "name": live["name"],
        "version": live.get("version"),
        "role_arn": live.get("roleArn"),
        "subnet_ids": sorted(vpc.get("subnetIds") or []),
        "security_group_ids": sorted(vpc.get("securityGroupIds") or []),
        "endpoint_public_access": vpc.get("endpointPublicAccess", True),
        "endpoint_private_access": vpc.get("endpointPrivateAccess", False),
        "public_access_cidrs": sorted(vpc.get("publicAccessCidrs") or ["0.0.0.0/0"]),
        "logging": sorted(kind for entry in logging if entry.get("enabled") for kind in entry.get("types") or []),
        "authentication_mode": access.get("authenticationMode", "CONFIG_MAP"),
        "service_ipv4_cidr": network.get("serviceIpv4Cidr"),
        "ip_family": network.get("ipFamily", "ipv4"),
        "encryption_key_arn": encryption[0] if encryption else None,
        "deletion_protection": live.get("deletionProtection", False),
        "support_type": (live.get("upgradePolicy") or {}).get("supportType", "EXTENDED"),
        "zonal_shift": (live.get("zonalShiftConfig") or {}).get("enabled", False),
        "tags": dict(live.get("tags") or {}),
    }


def refuse_version(name: str, live: str, wanted: str) -> None:
    """The control plane goes up one minor at a time and never back."""
    live_minor, wanted_minor = (int(version.split(".")[1]) for version in (live, wanted))
    if wanted_minor < live_minor:
        raise Refused(f"cluster {name} runs Kubernetes {live}; EKS cannot go back to {wanted}")
    if wanted_minor > live_minor + 1:
        raise Refused(f"cluster {name} runs Kubernetes {live}; EKS upgrades one minor version at a time, so 1.{live_minor + 1} comes before {wanted}")


def plan_cluster(live: dict[str, Any], wanted: dict[str, Any], purge_tags: bool = True) -> Plan:
    """Compare. Options that were not given (None) are left as they are."""
    now = view(live)
    plan = Plan()
    differs = [key for key, value in wanted.items() if key in now and key != "tags" and value is not None and _ordered(value) != now[key]]
    immutable = [key for key in ("role_arn", "service_ipv4_cidr", "ip_family") if key in differs]
    if immutable:
        said = "; ".join(f"{key} is {now[key]}, not {wanted[key]}" for key in immutable)
        raise Refused(f"EKS cannot change this on cluster {now['name']}: {said}. Delete the cluster first, or ask for what it has")
    if "encryption_key_arn" in differs and now["encryption_key_arn"]:
        raise Refused(f"secrets of cluster {now['name']} are encrypted with {now['encryption_key_arn']}; EKS cannot change the key")
    for key in differs:
        plan.before[key], plan.after[key] = now[key], _ordered(wanted[key])

    def some(*keys: str) -> bool:
        return any(key in differs for key in keys)

    def chosen(key: str) -> Any:
        return _ordered(wanted[key]) if wanted.get(key) is not None else now[key]

    if "authentication_mode" in differs:
        order = AUTHENTICATION_MODES.index
        if order(wanted["authentication_mode"]) < order(now["authentication_mode"]):
            raise Refused(f"cluster {now['name']} authenticates by {now['authentication_mode']}; EKS cannot go back to {wanted['authentication_mode']}")
        for mode in AUTHENTICATION_MODES[order(now["authentication_mode"]) + 1 : order(wanted["authentication_mode"]) + 1]:
            plan.updates.append(_config("authentication mode " + mode, accessConfig={"authenticationMode": mode}))
    if some("endpoint_public_access", "endpoint_private_access", "public_access_cidrs"):
        if not chosen("endpoint_public_access") and not chosen("endpoint_private_access"):
            raise Refused(f"cluster {now['name']} would have no endpoint: endpoint_public_access and endpoint_private_access are both false")
        request = {"endpointPublicAccess": chosen("endpoint_public_access"), "endpointPrivateAccess": chosen("endpoint_private_access")}
        if request["endpointPublicAccess"]:
            request["publicAccessCidrs"] = chosen("public_access_cidrs")
        plan.updates.append(_config("endpoint access", resourcesVpcConfig=request))
    if some("subnet_ids", "security_group_ids"):
        request = {"subnetIds": chosen("subnet_ids"), "securityGroupIds": chosen("security_group_ids")}
        plan.updates.append(_config("subnets and security groups", resourcesVpcConfig=request))
    if "logging" in differs:
        plan.updates.append(_config("logging", logging=logging_request(wanted["logging"])))
    if "support_type" in differs:
        plan.updates.append(_config("upgrade policy", upgradePolicy={"supportType": wanted["support_type"]}))
    if "zonal_shift" in differs:
        plan.updates.append(_config("zonal shift", zonalShiftConfig={"enabled": wanted["zonal_shift"]}))
    if "deletion_protection" in differs:
        plan.updates.append(_config("deletion protection", deletionProtection=wanted["deletion_protection"]))
    if "encryption_key_arn" in differs:
        request = {"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": wanted["encryption_key_arn"]}}]}
        plan.updates.append(Update("secrets encryption", "associate_encryption_config", request))
    if "version" in differs:
        refuse_version(now["name"], now["version"], wanted["version"])
        plan.updates.append(Update(f"Kubernetes {wanted['version']}", "update_cluster_version", {"version": wanted["version"]}))

    plan.tags_to_set, plan.tags_to_remove = tag_changes(wanted.get("tags"), now["tags"], purge_tags)
    if plan.tags_to_set or plan.tags_to_remove:
        plan.before["tags"] = now["tags"]
        plan.after["tags"] = {key: value for key, value in {**now["tags"], **plan.tags_to_set}.items() if key not in plan.tags_to_remove}
    return plan


def _ordered(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _config(name: str, **request: Any) -> Update:
    return Update(name, "update_cluster_config", request)


def logging_request(kinds: list[str]) -> dict[str, Any]:
    sides = (([kind for kind in LOG_TYPES if (kind in kinds) is enabled], enabled) for enabled in (True, False))
    return {"clusterLogging": [{"types": types, "enabled": enabled} for types, enabled in sides if types]}


def create_request(wanted: dict[str, Any]) -> dict[str, Any]:
    """CreateCluster's request; what was not given is AWS's own default."""
    missing = [key for key in ("role_arn", "subnet_ids") if not wanted.get(key)]
    if missing:
        raise Refused(f"cluster {wanted['name']} does not exist yet: {' and '.join(missing)} must be given to create it")
    vpc: dict[str, Any] = {"subnetIds": sorted(wanted["subnet_ids"])}
    for key, parameter in (
        ("security_group_ids", "securityGroupIds"),
        ("endpoint_public_access", "endpointPublicAccess"),
        ("endpoint_private_access", "endpointPrivateAccess"),
        ("public_access_cidrs", "publicAccessCidrs"),
    ):
        if wanted.get(key) is not None:
            vpc[parameter] = wanted[key]
    request: dict[str, Any] = {"name": wanted["name"], "roleArn": wanted["role_arn"], "resourcesVpcConfig": vpc}
    access = {
        "authenticationMode": wanted.get("authentication_mode"),
        "bootstrapClusterCreatorAdminPermissions": wanted.get("bootstrap_creator_admin"),
    }
    network = {"serviceIpv4Cidr": wanted.get("service_ipv4_cidr"), "ipFamily": wanted.get("ip_family")}
    optional: dict[str, Any] = {
        "version": wanted.get("version"),
        "accessConfig": _given(access),
        "kubernetesNetworkConfig": _given(network),
        "logging": logging_request(wanted["logging"]) if wanted.get("logging") else None,
        "deletionProtection": wanted.get("deletion_protection"),
        "tags": wanted.get("tags"),
    }
    if wanted.get("support_type"):
        optional["upgradePolicy"] = {"supportType": wanted["support_type"]}
    if wanted.get("zonal_shift") is not None:
        optional["zonalShiftConfig"] = {"enabled": wanted["zonal_shift"]}
    if wanted.get("encryption_key_arn"):
        optional["encryptionConfig"] = [{"resources": ["secrets"], "provider": {"keyArn": wanted["encryption_key_arn"]}}]
    return {**request, **_given(optional)}


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, {})}


def describe(aws: Aws, name: str) -> dict[str, Any] | None:
    return aws.find("eks", "describe_cluster", "cluster", name=name)


def failure(live: dict[str, Any]) -> str:
    """Why a cluster is not well, in EKS's own words."""
    issues = [f"{issue.get('code')}: {issue.get('message')}" for issue in (live.get("health") or {}).get("issues") or []]
    return "; ".join(issues) or "EKS gives no reason"


def wait_until_settled(aws: Aws, name: str, timeout: float, delay: float) -> dict[str, Any] | None:
    """Wait until nothing is under way on the cluster. None: it is gone."""

    def settled(live: dict[str, Any] | None) -> bool:
        return live is None or live["status"] in ("ACTIVE", "FAILED")

    return wait_for(f"EKS cluster {name}", lambda: describe(aws, name), lambda live: live["status"] if live else "gone", settled, timeout, delay)


def wait_until_active(aws: Aws, name: str, timeout: float, delay: float) -> dict[str, Any]:
    live = wait_until_settled(aws, name, timeout, delay)
    if live is None:
        raise AwsError(f"EKS cluster {name} was deleted while it was awaited")
    if live["status"] != "ACTIVE":
        raise AwsError(f"EKS cluster {name} is {live['status']}: {failure(live)}", live["status"])
    return live


def wait_for_update(aws: Aws, what: str, update: dict[str, Any], timeout: float, delay: float, **where: str) -> None:
    """Wait for one update of a cluster or a node group; its errors become ours."""
    found = wait_for(
        what,
        lambda: aws.call("eks", "describe_update", updateId=update["id"], **where)["update"],
        lambda seen: seen["status"],
        lambda seen: seen["status"] in ("Successful", "Failed", "Cancelled"),
        timeout,
        delay,
    )
    if found["status"] != "Successful":
        errors = "; ".join(f"{error.get('errorCode')}: {error.get('errorMessage')}" for error in found.get("errors") or [])
        raise AwsError(f"{what}: {found['status']}: {errors or 'EKS gives no reason'}", found["status"])


def apply(aws: Aws, live: dict[str, Any], plan: Plan, timeout: float, delay: float) -> None:
    """Make the planned calls, one after the other."""
    name = live["name"]
    if plan.tags_to_remove:
        aws.call("eks", "untag_resource", resourceArn=live["arn"], tagKeys=plan.tags_to_remove)
    if plan.tags_to_set:
        aws.call("eks", "tag_resource", resourceArn=live["arn"], tags=plan.tags_to_set)
    for update in plan.updates:
        key = "clusterName" if update.operation == "associate_encryption_config" else "name"
        answer = aws.call("eks", update.operation, **{key: name}, **update.request)
        wait_for_update(aws, f"EKS cluster {name}: {update.name}", answer["update"], timeout, delay, name=name)


def users(aws: Aws, name: str) -> list[str]:
    """What stands in the way of a deletion."""
    groups = aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name)
    profiles = aws.pages("eks", "list_fargate_profiles", "fargateProfileNames", clusterName=name)
    return [f"node group {group}" for group in sorted(groups)] + [f"Fargate profile {profile}" for profile in sorted(profiles)]


def wait_until_gone(aws: Aws, name: str, timeout: float, delay: float) -> None:
    wait_for(
        f"deletion of EKS cluster {name}",
        lambda: describe(aws, name),
        lambda live: live["status"] if live else "gone",
        lambda live: live is None,
        timeout,
        delay,
    )
