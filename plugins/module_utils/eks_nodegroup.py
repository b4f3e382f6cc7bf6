# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An EKS managed node group: what differs from what was asked for, and which calls make it so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, Refused, tag_changes, wait_for
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_cluster import wait_for_update

AMI_TYPES = (
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NEURON",
    "AL2023_x86_64_NVIDIA",
    "AL2023_ARM_64_NVIDIA",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64",
    "BOTTLEROCKET_x86_64_NVIDIA",
    "BOTTLEROCKET_ARM_64_NVIDIA",
    "BOTTLEROCKET_x86_64_FIPS",
    "BOTTLEROCKET_ARM_64_FIPS",
    "CUSTOM",
)
EFFECTS = ("NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE")
IMMUTABLE = ("ami_type", "capacity_type", "instance_types", "disk_size", "node_role", "subnet_ids", "remote_access")
NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,62}")
INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|metal|[0-9]*xlarge|metal-[0-9]+xl)")
# A Graviton family has a g among the letters behind its number: m6g, c7gn, r8gd, t4g; and a1, the first one. g5 and g6 are GPUs on x86.
GRAVITON = re.compile(r"(a1|[a-z]+[0-9]+[a-z]*g[a-z0-9-]*)\.")


def architecture_of_instance(instance_type: str) -> str:
    """C(arm64) or C(amd64), by the instance type's name."""
    return "arm64" if GRAVITON.match(instance_type) else "amd64"


def architecture_of_ami(ami_type: str) -> str:
    """The architecture of an AMI type; empty for CUSTOM."""
    if ami_type == "CUSTOM":
        return ""
    return "arm64" if "ARM_64" in ami_type else "amd64"


@dataclass
class Plan:
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    version: dict[str, Any] = field(default_factory=dict)
    tags_to_set: dict[str, str] = field(default_factory=dict)
    tags_to_remove: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.config or self.version or self.tags_to_set or self.tags_to_remove)


def taint_set(taints: list[dict[str, str]]) -> list[dict[str, str]]:
    """Taints in one order and one spelling, so that they compare by value."""
    spelled = [{"key": taint["key"], "value": taint.get("value") or "", "effect": taint["effect"]} for taint in taints]
    return sorted(spelled, key=lambda taint: (taint["key"], taint["effect"], taint["value"]))


def view(live: dict[str, Any]) -> dict[str, Any]:
    """What DescribeNodegroup says, in the words of the module's options."""
    scaling = live.get("scalingConfig") or {}
    update = live.get("updateConfig") or {}
    remote = live.get("remoteAccess") or {}
    template = live.get("launchTemplate") or {}
    return {
        "name": live["nodegroupName"],
        "version": live.get("version"),
        "release_version": live.get("releaseVersion"),
        "node_role": live.get("nodeRole"),
        "subnet_ids": sorted(live.get("subnets") or []),
        "scaling_config": {"min_size": scaling.get("minSize"), "max_size": scaling.get("maxSize"), "desired_size": scaling.get("desiredSize")},
        "update_config": _given({"max_unavailable": update.get("maxUnavailable"), "max_unavailable_percentage": update.get("maxUnavailablePercentage")}),
        "instance_types": sorted(live.get("instanceTypes") or []),
        "ami_type": live.get("amiType"),
        "capacity_type": live.get("capacityType"),
        "disk_size": live.get("diskSize"),
        "remote_access": _given({"ec2_ssh_key": remote.get("ec2SshKey"), "source_security_groups": sorted(remote.get("sourceSecurityGroups") or []) or None}),
        "launch_template": _given({"id": template.get("id"), "name": template.get("name"), "version": template.get("version")}),
        "labels": dict(live.get("labels") or {}),
        "taints": taint_set(live.get("taints") or []),
        "tags": dict(live.get("tags") or {}),
    }


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def normal(wanted: dict[str, Any]) -> dict[str, Any]:
    """The options as view() spells them; what was not given is left out."""
    result = _given(wanted)
    for key in ("subnet_ids", "instance_types"):
        if key in result:
            result[key] = sorted(result[key])
    if "taints" in result:
        result["taints"] = taint_set(result["taints"])
    for key in ("scaling_config", "update_config", "launch_template", "remote_access"):
        if key in result:
            result[key] = _given(result[key])
    return result


def plan_nodegroup(live: dict[str, Any], options: dict[str, Any], purge_tags: bool = True) -> Plan:
    """Compare; raise where EKS cannot change a thing in place."""
    now, wanted = view(live), normal(options)
    plan = Plan()
    refused = [key for key in IMMUTABLE if key in wanted and wanted[key] != now[key]]
    template = wanted.get("launch_template")
    if template and any(template.get(key) and template[key] != now["launch_template"].get(key) for key in ("id", "name")):
        refused.append("launch_template")
    if refused:
        said = "; ".join(f"{key} is {_said(now[key])}, not {_said(wanted[key])}" for key in refused)
        raise Refused(f"EKS cannot change this on node group {now['name']}: {said}. Add a node group of another name, then delete this one")

    def differs(key: str, before: Any, after: Any) -> bool:
        if before == after:
            return False
        plan.before[key], plan.after[key] = before, after
        return True

    if "scaling_config" in wanted:
        after = {**now["scaling_config"], **wanted["scaling_config"]}
        if differs("scaling_config", now["scaling_config"], after):
            plan.config["scalingConfig"] = scaling_request(after)
    if "update_config" in wanted and differs("update_config", now["update_config"], wanted["update_config"]):
        plan.config["updateConfig"] = update_request(wanted["update_config"])
    if "labels" in wanted and differs("labels", now["labels"], wanted["labels"]):
        request = {
            "addOrUpdateLabels": {key: value for key, value in wanted["labels"].items() if now["labels"].get(key) != value},
            "removeLabels": sorted(set(now["labels"]) - set(wanted["labels"])),
        }
        plan.config["labels"] = {key: value for key, value in request.items() if value}
    if "taints" in wanted and differs("taints", now["taints"], wanted["taints"]):
        # EKS knows a taint by key and effect: one whose value changes is updated, not removed and added.
        kept = {(taint["key"], taint["effect"]) for taint in wanted["taints"]}
        lists = {
            "addOrUpdateTaints": [taint for taint in wanted["taints"] if taint not in now["taints"]],
            "removeTaints": [taint for taint in now["taints"] if (taint["key"], taint["effect"]) not in kept],
        }
        plan.config["taints"] = {key: value for key, value in lists.items() if value}

    if "version" in wanted and differs("version", now["version"], wanted["version"]):
        plan.version["version"] = wanted["version"]
    if "release_version" in wanted and differs("release_version", now["release_version"], wanted["release_version"]):
        plan.version["releaseVersion"] = wanted["release_version"]
    if template and template.get("version") and differs("launch_template", now["launch_template"], {**now["launch_template"], **template}):
        plan.version["launchTemplate"] = template

    plan.tags_to_set, plan.tags_to_remove = tag_changes(wanted.get("tags"), now["tags"], purge_tags)
    if plan.tags_to_set or plan.tags_to_remove:
        after_tags = {key: value for key, value in {**now["tags"], **plan.tags_to_set}.items() if key not in plan.tags_to_remove}
        differs("tags", now["tags"], after_tags)
    return plan


def _said(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def scaling_request(scaling: dict[str, int]) -> dict[str, int]:
    return _given({"minSize": scaling.get("min_size"), "maxSize": scaling.get("max_size"), "desiredSize": scaling.get("desired_size")})


def update_request(update: dict[str, int]) -> dict[str, int]:
    return _given({"maxUnavailable": update.get("max_unavailable"), "maxUnavailablePercentage": update.get("max_unavailable_percentage")})


def create_request(cluster: str, options: dict[str, Any]) -> dict[str, Any]:
    wanted = normal(options)
    missing = [key for key in ("node_role", "subnet_ids") if not wanted.get(key)]
    if missing:
        raise Refused(f"node group {wanted['name']} does not exist yet: {' and '.join(missing)} must be given to create it")
    request: dict[str, Any] = {"clusterName": cluster, "nodegroupName": wanted["name"], "nodeRole": wanted["node_role"], "subnets": wanted["subnet_ids"]}
    for key, parameter in (
        ("version", "version"),
        ("release_version", "releaseVersion"),
        ("instance_types", "instanceTypes"),
        ("ami_type", "amiType"),
        ("capacity_type", "capacityType"),
        ("disk_size", "diskSize"),
        ("launch_template", "launchTemplate"),
        ("labels", "labels"),
        ("taints", "taints"),
        ("tags", "tags"),
    ):
        if wanted.get(key):
            request[parameter] = wanted[key]
    if wanted.get("scaling_config"):
        request["scalingConfig"] = scaling_request(wanted["scaling_config"])
    if wanted.get("update_config"):
        request["updateConfig"] = update_request(wanted["update_config"])
    if wanted.get("remote_access"):
        remote = wanted["remote_access"]
        request["remoteAccess"] = _given({"ec2SshKey": remote.get("ec2_ssh_key"), "sourceSecurityGroups": remote.get("source_security_groups")})
    return request


def describe(aws: Aws, cluster: str, name: str) -> dict[str, Any] | None:
    return aws.find("eks", "describe_nodegroup", "nodegroup", clusterName=cluster, nodegroupName=name)


def failure(live: dict[str, Any]) -> str:
    """Why a node group is not well: EKS's health issues with the resources that they name."""
    issues = (live.get("health") or {}).get("issues") or []
    said = [f"{issue.get('code')}: {issue.get('message')} ({', '.join(issue.get('resourceIds') or [])})" for issue in issues]
    return "; ".join(said) or "EKS gives no reason"


def wait_until_settled(aws: Aws, cluster: str, name: str, timeout: float, delay: float) -> dict[str, Any] | None:
    """Wait until nothing is under way on the node group. None: it is gone."""

    def settled(live: dict[str, Any] | None) -> bool:
        return live is None or live["status"] not in ("CREATING", "UPDATING", "DELETING")

    return wait_for(f"node group {name}", lambda: describe(aws, cluster, name), lambda live: live["status"] if live else "gone", settled, timeout, delay)


def wait_until_active(aws: Aws, cluster: str, name: str, timeout: float, delay: float) -> dict[str, Any]:
    live = wait_until_settled(aws, cluster, name, timeout, delay)
    if live is None:
        raise AwsError(f"node group {name} was deleted while it was awaited")
    if live["status"] != "ACTIVE":
        raise AwsError(f"node group {name} is {live['status']}: {failure(live)}", live["status"])
    return live


def apply(aws: Aws, live: dict[str, Any], plan: Plan, force: bool, timeout: float, delay: float) -> None:
    cluster, name = live["clusterName"], live["nodegroupName"]
    if plan.tags_to_remove:
        aws.call("eks", "untag_resource", resourceArn=live["nodegroupArn"], tagKeys=plan.tags_to_remove)
    if plan.tags_to_set:
        aws.call("eks", "tag_resource", resourceArn=live["nodegroupArn"], tags=plan.tags_to_set)
    if plan.config:
        answer = aws.call("eks", "update_nodegroup_config", clusterName=cluster, nodegroupName=name, **plan.config)
        wait_for_update(aws, f"node group {name}: configuration", answer["update"], timeout, delay, name=cluster, nodegroupName=name)
    if plan.version:
        answer = aws.call("eks", "update_nodegroup_version", clusterName=cluster, nodegroupName=name, force=force, **plan.version)
        what = ", ".join(f"{key} {value}" for key, value in plan.version.items())
        wait_for_update(aws, f"node group {name}: {what}", answer["update"], timeout, delay, name=cluster, nodegroupName=name)
