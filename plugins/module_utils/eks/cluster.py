# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An EKS cluster: what differs from the request, and which calls change it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, ip_network
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from ..aws.client import Aws, AwsError, wait_for
from ..aws.module import Task
from ..aws.patience import gone, patiently, while_busy
from ..common.failure import Refused
from .calls import with_young_network, with_young_role
from .cluster_dependents import delete_dependents, dependents
from .cluster_upgrade import upgrade_hindrances
from .health import failure
from .options import NAME, ROLE_ARN, VERSION, Change, given, name_problems, refuse_foreign, tag_problems, wanted_tags

__all__ = ["NAME", "VERSION"]

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
# Authentication can only become stricter.
AUTHENTICATION_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
# "Amazon EKS service quotas" of the user guide; neither can be raised.
MOST_CIDRS, MOST_SECURITY_GROUPS = 40, 4
PRIVATE_BLOCKS = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
ROLLBACK = "https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html"


@dataclass
class Update:
    """One call to UpdateClusterConfig or UpdateClusterVersion: EKS accepts one type of change at a time."""

    name: str
    operation: str
    request: dict[str, Any]


@dataclass
class Plan(Change):
    updates: list[Update] = field(default_factory=list)
    # How many of our updates EKS has accepted.
    taken: int = 0

    @property
    def upgrade(self) -> str:
        """The Kubernetes version that the plan upgrades to, or nothing."""
        return next((str(update.request["version"]) for update in self.updates if update.operation == "update_cluster_version"), "")


def problems(params: dict[str, Any]) -> list[str]:
    """What EKS would refuse, each as one sentence."""
    found = name_problems(params, name=NAME, version=VERSION, role_arn=ROLE_ARN) + tag_problems(params.get("tags"))

    def wrong(option: str, accepted: str, value: Any = None) -> None:
        found.append(f"{option} is {params[option] if value is None else value!r}; accepted: {accepted}")

    for cidr in params.get("public_access_cidrs") or []:
        if "/" not in cidr or not _is_network(cidr):
            wrong("public_access_cidrs", "CIDR blocks such as 203.0.113.0/24, without host bits", cidr)
    for option in ("remote_node_networks", "remote_pod_networks"):
        for cidr in params.get(option) or []:
            if not _is_private(cidr):
                wrong(option, "IPv4 blocks inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16", cidr)
    if len(params.get("public_access_cidrs") or []) > MOST_CIDRS:
        wrong("public_access_cidrs", f"at most {MOST_CIDRS} blocks", f"{len(params['public_access_cidrs'])} blocks")
    if params.get("public_access_cidrs") == []:
        wrong("public_access_cidrs", "at least one block, or endpoint_public_access: false")
    if len(params.get("security_group_ids") or []) > MOST_SECURITY_GROUPS:
        wrong("security_group_ids", f"at most {MOST_SECURITY_GROUPS} security groups")
    subnets = params.get("subnet_ids")
    if subnets is not None and len(set(subnets)) < 2:
        wrong("subnet_ids", "at least two subnets, in different availability zones")
    service = params.get("service_ipv4_cidr")
    if service is not None:
        if "/" not in service or not _is_private(service) or not 12 <= int(service.split("/")[1]) <= 24:
            wrong("service_ipv4_cidr", "a private IPv4 block from /12 to /24 such as 10.100.0.0/16")
        elif params.get("ip_family") == "ipv6":
            wrong("service_ipv4_cidr", "nothing, since ip_family is ipv6")
    if params.get("encryption_key_arn") and ":kms:" not in params["encryption_key_arn"]:
        wrong("encryption_key_arn", "the ARN of a KMS key such as arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555")
    if params.get("endpoint_public_access") is False and params.get("endpoint_private_access") is False:
        found.append("endpoint_public_access and endpoint_private_access are both false, which leaves no endpoint; accepted: at least one of them true")
    return found


def _is_private(text: str) -> bool:
    with suppress(ValueError):
        block = ip_network(text)
        return isinstance(block, IPv4Network) and any(block.subnet_of(private) for private in PRIVATE_BLOCKS)
    return False


def _is_network(text: str) -> bool:
    with suppress(ValueError):
        ip_network(text)
        return True
    return False


def view(live: dict[str, Any]) -> dict[str, Any]:
    """The result of DescribeCluster, in terms of the module's options."""
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
        "remote_node_networks": _remote(live, "remoteNodeNetworks"),
        "remote_pod_networks": _remote(live, "remotePodNetworks"),
        "tags": dict(live.get("tags") or {}),
    }


def _remote(live: dict[str, Any], key: str) -> list[str]:
    return sorted(cidr for network in (live.get("remoteNetworkConfig") or {}).get(key) or [] for cidr in network.get("cidrs") or [])


def refuse_version(name: str, live: str, wanted: str) -> None:
    """The control plane is upgraded one minor at a time and never downgraded."""
    live_minor, wanted_minor = (int(version.split(".")[1]) for version in (live, wanted))
    if wanted_minor < live_minor:
        raise Refused(f"cluster {name} runs Kubernetes {live}; this module cannot go back to {wanted}. Soon after an upgrade, EKS can: {ROLLBACK}")
    if wanted_minor > live_minor + 1:
        raise Refused(f"cluster {name} runs Kubernetes {live}; EKS upgrades one minor version at a time, so 1.{live_minor + 1} comes before {wanted}")


def plan_cluster(live: dict[str, Any], wanted: dict[str, Any], purge_tags: bool = True) -> Plan:
    """Compare. Unset options (None) are left as they are."""
    now = view(live)
    plan = Plan()
    differs = [key for key, value in wanted.items() if key in now and key != "tags" and value is not None and _ordered(value) != now[key]]
    immutable = [key for key in ("role_arn", "service_ipv4_cidr", "ip_family") if key in differs]
    if immutable:
        said = "; ".join(f"{key} is {now[key]}, not {wanted[key]}" for key in immutable)
        raise Refused(f"EKS cannot change this on cluster {now['name']}: {said}. Delete the cluster first, or request its current value")
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
    if some("remote_node_networks", "remote_pod_networks"):
        plan.updates.append(_config("remote networks", remoteNetworkConfig=remote_request(chosen("remote_node_networks"), chosen("remote_pod_networks"))))
    if "deletion_protection" in differs:
        plan.updates.append(_config("deletion protection", deletionProtection=wanted["deletion_protection"]))
    if "encryption_key_arn" in differs:
        request = {"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": wanted["encryption_key_arn"]}}]}
        plan.updates.append(Update("secrets encryption", "associate_encryption_config", request))
    if "version" in differs:
        refuse_version(now["name"], now["version"], wanted["version"])
        plan.updates.append(Update(f"Kubernetes {wanted['version']}", "update_cluster_version", {"version": wanted["version"]}))

    plan.compare_tags(wanted.get("tags"), now["tags"], purge_tags)
    return plan


def _ordered(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def _config(name: str, **request: Any) -> Update:
    return Update(name, "update_cluster_config", request)


def logging_request(kinds: list[str]) -> dict[str, Any]:
    sides = (([kind for kind in LOG_TYPES if (kind in kinds) is enabled], enabled) for enabled in (True, False))
    return {"clusterLogging": [{"types": types, "enabled": enabled} for types, enabled in sides if types]}


def remote_request(nodes: list[str], pods: list[str]) -> dict[str, Any]:
    """Empty lists remove the configuration (API reference, UpdateClusterConfig)."""
    return {"remoteNodeNetworks": [{"cidrs": nodes}] if nodes else [], "remotePodNetworks": [{"cidrs": pods}] if pods else []}


def create_request(wanted: dict[str, Any]) -> dict[str, Any]:
    """CreateCluster's request; AWS's defaults apply to unset options."""
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
        "accessConfig": given(access),
        "kubernetesNetworkConfig": given(network),
        "logging": logging_request(wanted["logging"]) if wanted.get("logging") else None,
        "deletionProtection": wanted.get("deletion_protection"),
        "bootstrapSelfManagedAddons": wanted.get("bootstrap_self_managed_addons"),
        "tags": wanted.get("tags"),
    }
    if wanted.get("remote_node_networks") or wanted.get("remote_pod_networks"):
        optional["remoteNetworkConfig"] = remote_request(wanted.get("remote_node_networks") or [], wanted.get("remote_pod_networks") or [])
    if wanted.get("support_type"):
        optional["upgradePolicy"] = {"supportType": wanted["support_type"]}
    if wanted.get("zonal_shift") is not None:
        optional["zonalShiftConfig"] = {"enabled": wanted["zonal_shift"]}
    if wanted.get("encryption_key_arn"):
        optional["encryptionConfig"] = [{"resources": ["secrets"], "provider": {"keyArn": wanted["encryption_key_arn"]}}]
    return {**request, **given({key: value for key, value in optional.items() if value != {}})}


def describe(aws: Aws, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = aws.find("eks", "describe_cluster", "cluster", name=name)
    return found


def wait_until_settled(aws: Aws, name: str, timeout: float, delay: float) -> dict[str, Any] | None:
    """Wait until no change of the cluster is in progress. None: it is deleted."""

    def settled(live: dict[str, Any] | None) -> bool:
        return live is None or live["status"] in ("ACTIVE", "FAILED")

    return wait_for(f"EKS cluster {name}", lambda: describe(aws, name), lambda live: live["status"] if live else "gone", settled, timeout, delay)


def wait_until_active(aws: Aws, name: str, timeout: float, delay: float) -> dict[str, Any]:
    live = wait_until_settled(aws, name, timeout, delay)
    if live is None:
        raise AwsError(f"EKS cluster {name} was deleted during the wait")
    if live["status"] != "ACTIVE":
        raise AwsError(f"EKS cluster {name} is {live['status']}: {failure(live)}", live["status"])
    return live


def wait_for_update(aws: Aws, what: str, update: dict[str, Any], timeout: float, delay: float, **where: Any) -> None:
    """Wait for one update of a cluster or a node group; its errors become ours."""
    found = wait_for(
        what,
        # A new update may not be visible yet.
        lambda: patiently(lambda: aws.call("eks", "describe_update", updateId=update["id"], **where), aws.sleep)["update"],
        lambda seen: seen["status"],
        lambda seen: seen["status"] in ("Successful", "Failed", "Cancelled"),
        timeout,
        delay,
    )
    if found["status"] != "Successful":
        errors = "; ".join(f"{error.get('errorCode')}: {error.get('errorMessage')}" for error in found.get("errors") or [])
        raise AwsError(f"{what}: {found['status']}: {errors or 'EKS gives no reason'}", found["status"], found.get("errors"))


def create(aws: Aws, request: dict[str, Any]) -> dict[str, Any]:
    name = request["name"]
    with_young_network(aws, lambda: with_young_role(aws, request["roleArn"], lambda: aws.call("eks", "create_cluster", **request)))
    created: dict[str, Any] = patiently(lambda: aws.call("eks", "describe_cluster", name=name), aws.sleep)["cluster"]
    return created


def apply(aws: Aws, live: dict[str, Any], plan: Plan, timeout: float, delay: float, force: bool = False, wait: bool = True) -> None:
    """Make the planned calls, one after the other. Without waiting, the last one continues in AWS."""
    name = live["name"]
    plan.apply_tags(aws, live["arn"])
    for number, update in enumerate(plan.updates, 1):
        key = "clusterName" if update.operation == "associate_encryption_config" else "name"
        more: dict[str, Any] = {"force": True} if force and update.operation == "update_cluster_version" else {}
        what = f"EKS cluster {name}: {update.name}"
        answer = while_busy(what, partial(aws.call, "eks", update.operation, **{key: name}, **update.request, **more), timeout, delay)
        plan.taken = number
        if wait or number < len(plan.updates):
            wait_for_update(aws, what, answer["update"], timeout, delay, name=name)


def apply_or_join(
    aws: Aws, live: dict[str, Any], plan: Plan, compare: Callable[[dict[str, Any]], Plan], timeout: float, delay: float, force: bool = False, wait: bool = True
) -> Plan:
    """Make the planned calls, and return which of them were ours.

    Another run may have started the same a moment ago: DescribeCluster keeps returning ACTIVE for a while ("this status transition is eventually consistent",
    API reference, UpdateClusterConfig), EKS is busy, and afterwards finds nothing to change. Only the remaining updates are made.
    """
    try:
        apply(aws, live, plan, timeout, delay, force, wait)
    except AwsError as error:
        now = describe(aws, live["name"]) if error.code == "InvalidParameterException" else None
        left = compare(now) if now else plan
        if now is None or left.updates == plan.updates[plan.taken :]:
            raise
        rest = apply_or_join(aws, now, left, compare, timeout, delay, force, wait)
        return plan if plan.taken or plan.tags_to_set or plan.tags_to_remove else rest
    return plan


# Deletion


def delete(aws: Aws, name: str, timeout: float, delay: float) -> None:
    while_busy(f"deletion of EKS cluster {name}", lambda: gone(lambda: aws.call("eks", "delete_cluster", name=name)), timeout, delay)


def wait_until_gone(aws: Aws, name: str, timeout: float, delay: float) -> None:
    wait_for(
        f"deletion of EKS cluster {name}",
        lambda: describe(aws, name),
        lambda live: live["status"] if live else "gone",
        lambda live: live is None,
        timeout,
        delay,
    )


# What the module eks_cluster does

OPTIONS = {
    "version": {"type": "str"},
    "role_arn": {"type": "str"},
    "subnet_ids": {"type": "list", "elements": "str"},
    "security_group_ids": {"type": "list", "elements": "str"},
    "endpoint_public_access": {"type": "bool"},
    "endpoint_private_access": {"type": "bool"},
    "public_access_cidrs": {"type": "list", "elements": "str"},
    "logging": {"type": "list", "elements": "str", "choices": list(LOG_TYPES)},
    "authentication_mode": {"type": "str", "choices": list(AUTHENTICATION_MODES)},
    "bootstrap_creator_admin": {"type": "bool"},
    "bootstrap_self_managed_addons": {"type": "bool"},
    "service_ipv4_cidr": {"type": "str"},
    "ip_family": {"type": "str", "choices": ["ipv4", "ipv6"]},
    "encryption_key_arn": {"type": "str", "no_log": False},
    "deletion_protection": {"type": "bool"},
    "support_type": {"type": "str", "choices": ["STANDARD", "EXTENDED"]},
    "zonal_shift": {"type": "bool"},
    "remote_node_networks": {"type": "list", "elements": "str"},
    "remote_pod_networks": {"type": "list", "elements": "str"},
}
UNDER_WAY = ("CREATING", "UPDATING", "PENDING")


def result(live: dict[str, Any] | None) -> dict[str, Any]:
    return {"cluster": camel_dict_to_snake_dict(live, ignore_list=["tags"]) if live else {}}


def create_it(module: Task, aws: Aws, wanted: dict[str, Any]) -> dict[str, Any]:
    params = module.params
    request = create_request(wanted)
    diff = {"before": {}, "after": {key: value for key, value in wanted.items() if value is not None}}
    if module.check_mode:
        return {"changed": True, "diff": diff, "cluster": {}}
    live = create(aws, request)
    if params["wait"]:
        live = wait_until_active(aws, params["name"], params["wait_timeout"], params["wait_delay"])
    return {"changed": True, "diff": diff, **result(live)}


def look_before_upgrade(module: Task, aws: Aws, version: str) -> None:
    name = module.params["name"]
    errors, warnings = upgrade_hindrances(aws, name, version)
    for warning in warnings:
        module.warn(f"upgrade of EKS cluster {name} to {version}: {warning}")
    if errors and not module.params["force_upgrade"]:
        raise Refused(f"EKS cluster {name} is not ready for Kubernetes {version}: {'; '.join(errors)}. Fix that, or set force_upgrade: true")
    for error in errors:
        module.warn(f"upgrade of EKS cluster {name} to {version} despite: {error}")


def present(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    name, waits = params["name"], (params["wait_timeout"], params["wait_delay"])
    tags, purge_tags = wanted_tags(params)
    wanted = {"name": name, "tags": tags, **{key: params[key] for key in OPTIONS}}
    live = describe(aws, name)
    refuse_foreign(params, f"EKS cluster {name}", live)
    if live and live["status"] == "DELETING" and not module.check_mode:
        wait_until_gone(aws, name, *waits)
        live = None
    if live is None or live["status"] == "DELETING":
        return create_it(module, aws, wanted)

    if live["status"] in UNDER_WAY and params["wait"] and not module.check_mode:
        live = wait_until_active(aws, name, *waits)
    if live["status"] == "FAILED":
        raise AwsError(f"EKS cluster {name} is FAILED: {failure(live)}. Delete it (state: absent) and run again", "FAILED")

    def compare(now: dict[str, Any]) -> Plan:
        return plan_cluster(now, wanted, purge_tags)

    plan = compare(live)
    if plan.upgrade:
        look_before_upgrade(module, aws, plan.upgrade)
    if plan.changed and not module.check_mode:
        if live["status"] != "ACTIVE":
            live = wait_until_active(aws, name, *waits)
        plan = apply_or_join(aws, live, plan, compare, *waits, force=params["force_upgrade"], wait=params["wait"])
        live = wait_until_active(aws, name, *waits) if params["wait"] else describe(aws, name)
    return {"changed": plan.changed, "diff": plan.as_diff(), "updates": [update.name for update in plan.updates], **result(live)}


def absent(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    name, waits = params["name"], (params["wait_timeout"], params["wait_delay"])
    live = describe(aws, name)
    refuse_foreign(params, f"EKS cluster {name}", live)
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "cluster": {}}
    diff = {"before": view(live), "after": {}}
    there = dependents(aws, name) if live["status"] != "DELETING" else None
    if there and not params["delete_dependents"]:
        raise Refused(f"EKS cluster {name} is in use by {there}; delete them first, or set delete_dependents: true")
    protected = live["status"] != "DELETING" and live.get("deletionProtection")
    if protected and params["deletion_protection"] is not False:
        raise Refused(f"EKS cluster {name} has deletion protection; set deletion_protection: false to remove it")
    if there:
        diff["before"]["dependents"] = str(there)
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    if live["status"] in UNDER_WAY:
        live = wait_until_settled(aws, name, *waits)
    if live and live["status"] != "DELETING":
        if protected:
            apply(aws, live, plan_cluster(live, {"deletion_protection": False}), *waits)
        if there:
            delete_dependents(aws, name, there, *waits)
        delete(aws, name, *waits)
    if params["wait"]:
        wait_until_gone(aws, name, *waits)
    return {"changed": True, "diff": diff, "cluster": {}}
