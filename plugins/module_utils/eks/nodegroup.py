# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An EKS managed node group: what differs from the request, and which calls change it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from ..aws.client import Aws, AwsError, wait_for
from ..aws.module import Task
from ..aws.patience import gone, patiently, while_busy
from ..common.failure import Refused
from .calls import with_young_network, with_young_role
from .cluster import wait_for_update
from .health import failure
from .options import GROUP_NAME as NAME
from .options import NAME as CLUSTER_NAME
from .options import ROLE_ARN, VERSION, Change, given, name_problems, refuse_foreign, tag_problems, wanted_tags

Wrong = Callable[[str, Any, str], None]
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
    "BOTTLEROCKET_x86_64_NVIDIA_FIPS",
    "BOTTLEROCKET_ARM_64_NVIDIA_FIPS",
    "CUSTOM",
)
EFFECTS = ("NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE")
IMMUTABLE = ("ami_type", "capacity_type", "instance_types", "disk_size", "node_role", "subnet_ids", "remote_access")
STRATEGIES = ("DEFAULT", "MINIMAL")
# The API reference's names of an update's and a repair's settings. A number and a percentage exclude each other.
UPDATE = {"max_unavailable": "maxUnavailable", "max_unavailable_percentage": "maxUnavailablePercentage", "update_strategy": "updateStrategy"}
REPAIR = {
    "enabled": "enabled",
    "max_unhealthy_node_threshold_count": "maxUnhealthyNodeThresholdCount",
    "max_unhealthy_node_threshold_percentage": "maxUnhealthyNodeThresholdPercentage",
    "max_parallel_nodes_repaired_count": "maxParallelNodesRepairedCount",
    "max_parallel_nodes_repaired_percentage": "maxParallelNodesRepairedPercentage",
}
EXCLUSIVE = (
    ("max_unavailable", "max_unavailable_percentage"),
    ("max_unhealthy_node_threshold_count", "max_unhealthy_node_threshold_percentage"),
    ("max_parallel_nodes_repaired_count", "max_parallel_nodes_repaired_percentage"),
)
# "Node taints on managed node groups" of the user guide; API reference, CreateNodegroup: instanceTypes.
MOST_TAINTS, MOST_INSTANCE_TYPES = 50, 20
LABEL = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
TAKEN_PREFIXES = ("eks.amazonaws.com/", "kubernetes.io/", "k8s.io/")
TEMPLATE_VERSION = re.compile(r"[1-9][0-9]*")
INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|metal|[0-9]*xlarge|metal-[0-9]+xl)")
# A Graviton family has a g among the letters behind its number: m6g, c7gn, r8gd, t4g; and a1, the first one. g5 and g6 are GPUs on x86.
GRAVITON = re.compile(r"(a1|[a-z]+[0-9]+[a-z]*g[a-z0-9-]*)\.")


def is_label_key(key: str) -> bool:
    """A label's or taint's key as EKS accepts it: Kubernetes' own form, but 63 characters with the prefix (API reference, CreateNodegroup)."""
    return len(key) <= 63 and bool(LABEL.fullmatch(key))


def architecture_of_instance(instance_type: str) -> str:
    """C(arm64) or C(amd64), by the instance type's name."""
    return "arm64" if GRAVITON.match(instance_type) else "amd64"


def architecture_of_ami(ami_type: str) -> str:
    """The architecture of an AMI type; empty for CUSTOM."""
    if ami_type == "CUSTOM":
        return ""
    return "arm64" if "ARM_64" in ami_type else "amd64"


@dataclass
class Plan(Change):
    config: dict[str, Any] = field(default_factory=dict)
    version: dict[str, Any] = field(default_factory=dict)


def problems(params: dict[str, Any]) -> list[str]:
    """What EKS would refuse, each as one sentence."""
    found = name_problems(params, name=NAME, cluster_name=CLUSTER_NAME, version=VERSION, node_role=ROLE_ARN) + tag_problems(params.get("tags"))

    def wrong(option: str, value: Any, accepted: str) -> None:
        found.append(f"{option} is {value!r}; accepted: {accepted}")

    _check_numbers(params, wrong)
    _check_taints(params.get("taints") or [], wrong)
    for key, value in (params.get("labels") or {}).items():
        if not is_label_key(str(key)) or not LABEL_VALUE.fullmatch(str(value)):
            wrong("labels", {key: value}, "valid Kubernetes keys and values of 1 to 63 characters each")
        elif str(key).startswith(TAKEN_PREFIXES):
            wrong("labels", key, "labels without the reserved prefixes eks.amazonaws.com/, kubernetes.io/ and k8s.io/")
    _check_types(params, wrong)
    if params.get("disk_size") is not None and not 1 <= params["disk_size"] <= 16384:
        wrong("disk_size", params["disk_size"], "GiB from 1 to 16384")
    if params.get("subnet_ids") == []:
        wrong("subnet_ids", [], "at least one subnet")
    template = params.get("launch_template")
    if template:
        if template.get("version") and not TEMPLATE_VERSION.fullmatch(template["version"]):
            wrong("launch_template.version", template["version"], "a version's number, in quotes")
        for option in ("disk_size", "remote_access"):
            if params.get(option):
                wrong(option, params[option], "nothing, since launch_template sets it")
    if params.get("ami_type") == "CUSTOM":
        for option in ("version", "release_version"):
            if params.get(option):
                wrong(option, params[option], "nothing, since ami_type is CUSTOM")
    return found


def _check_numbers(params: dict[str, Any], wrong: Wrong) -> None:
    sizes = given(params.get("scaling_config") or {})
    ordered = [sizes[key] for key in ("min_size", "desired_size", "max_size") if key in sizes]
    if ordered != sorted(ordered) or any(size < 0 for size in ordered) or sizes.get("max_size", 1) < 1:
        wrong("scaling_config", sizes, "min_size <= desired_size <= max_size, and max_size at least 1")
    for option in ("update_config", "node_repair_config"):
        for key, value in given(params.get(option) or {}).items():
            most = 100 if key.endswith("percentage") or key == "max_unavailable" else None
            if key.startswith("max_") and (value < 1 or (most and value > most)):
                wrong(f"{option}.{key}", value, f"a number from 1 to {most}" if most else "a number from 1")


def _check_taints(taints: list[dict[str, Any]], wrong: Wrong) -> None:
    if len(taints) > MOST_TAINTS:
        wrong("taints", f"{len(taints)} taints", f"at most {MOST_TAINTS}")
    keys = [(taint["key"], taint["effect"]) for taint in taints]
    if len(set(keys)) != len(keys):
        wrong("taints", keys, "each key with each effect once")
    for taint in taints:
        if not is_label_key(taint["key"]) or (taint.get("value") and not LABEL_VALUE.fullmatch(taint["value"])):
            wrong("taints", taint, "valid Kubernetes keys and values of at most 63 characters each")


def _check_types(params: dict[str, Any], wrong: Wrong) -> None:
    types = params.get("instance_types") or []
    if len(types) > MOST_INSTANCE_TYPES or any(not INSTANCE_TYPE.fullmatch(kind) for kind in types):
        wrong("instance_types", types, f"at most {MOST_INSTANCE_TYPES} EC2 instance types such as m6g.large")
        return
    architectures = {architecture_of_instance(kind) for kind in types}
    image = architecture_of_ami(params["ami_type"]) if params.get("ami_type") else ""
    if len(architectures) > 1:
        wrong("instance_types", types, "types of one architecture")
    elif image and architectures - {image}:
        wrong("ami_type", params["ami_type"], f"an image for {architectures.pop()}, since instance_types is {types}")


def taint_set(taints: list[dict[str, str]]) -> list[dict[str, str]]:
    """Taints in one order and one spelling, so that they compare by value."""
    spelled = [{"key": taint["key"], "value": taint.get("value") or "", "effect": taint["effect"]} for taint in taints]
    return sorted(spelled, key=lambda taint: (taint["key"], taint["effect"], taint["value"]))


def view(live: dict[str, Any]) -> dict[str, Any]:
    """The result of DescribeNodegroup, in terms of the module's options."""
    scaling = live.get("scalingConfig") or {}
    update = live.get("updateConfig") or {}
    repair = live.get("nodeRepairConfig") or {}
    remote = live.get("remoteAccess") or {}
    template = live.get("launchTemplate") or {}
    return {
        "name": live["nodegroupName"],
        "version": live.get("version"),
        "release_version": live.get("releaseVersion"),
        "node_role": live.get("nodeRole"),
        "subnet_ids": sorted(live.get("subnets") or []),
        "scaling_config": {"min_size": scaling.get("minSize"), "max_size": scaling.get("maxSize"), "desired_size": scaling.get("desiredSize")},
        "update_config": given({key: update.get(parameter) for key, parameter in UPDATE.items()}),
        "node_repair_config": {"enabled": False, **given({key: repair.get(parameter) for key, parameter in REPAIR.items()})},
        "instance_types": sorted(live.get("instanceTypes") or []),
        "ami_type": live.get("amiType"),
        "capacity_type": live.get("capacityType"),
        "disk_size": live.get("diskSize"),
        "remote_access": given({"ec2_ssh_key": remote.get("ec2SshKey"), "source_security_groups": sorted(remote.get("sourceSecurityGroups") or []) or None}),
        "launch_template": given({"id": template.get("id"), "name": template.get("name"), "version": template.get("version")}),
        "labels": dict(live.get("labels") or {}),
        "taints": taint_set(live.get("taints") or []),
        "tags": dict(live.get("tags") or {}),
    }


def merged(now: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The requested options merged over the current ones; a number replaces the percentage, and vice versa."""
    replaced = {other for pair in EXCLUSIVE for one, other in (pair, reversed(pair)) if one in wanted}
    return {**{key: value for key, value in now.items() if key not in replaced}, **wanted}


def fitted_sizes(now: dict[str, int], said: dict[str, int]) -> dict[str, int]:
    """The requested sizes, and the current ones within these limits: EKS requires all three together, with min_size <= desired_size <= max_size.

    So a group that an autoscaler scaled to five stays there, unless a requested limit is lower.
    """
    low = said.get("min_size", min([now["min_size"], *_some(said, "desired_size", "max_size")]))
    high = said.get("max_size", max([now["max_size"], *_some(said, "desired_size", "min_size")]))
    return {"min_size": low, "max_size": high, "desired_size": said.get("desired_size", min(max(now["desired_size"], low), high))}


def _some(said: dict[str, int], *keys: str) -> list[int]:
    return [said[key] for key in keys if key in said]


def normal(wanted: dict[str, Any]) -> dict[str, Any]:
    """The options in the format of view(), without unset ones."""
    result = given(wanted)
    for key in ("subnet_ids", "instance_types"):
        if key in result:
            result[key] = sorted(result[key])
    if "taints" in result:
        result["taints"] = taint_set(result["taints"])
    for key in ("scaling_config", "update_config", "node_repair_config", "launch_template", "remote_access"):
        if key in result:
            result[key] = given(result[key])
    if "source_security_groups" in result.get("remote_access", {}):
        result["remote_access"]["source_security_groups"] = sorted(result["remote_access"]["source_security_groups"])
    return result


def plan_nodegroup(live: dict[str, Any], options: dict[str, Any], purge_tags: bool = True) -> Plan:
    """Compare; raise if EKS cannot change something in place."""
    now, wanted = view(live), normal(options)
    plan = Plan()
    refused = [key for key in IMMUTABLE if key in wanted and wanted[key] != now[key]]
    template = wanted.get("launch_template")
    if template and any(template.get(key) and template[key] != now["launch_template"].get(key) for key in ("id", "name")):
        refused.append("launch_template")
    if refused:
        said = "; ".join(f"{key} is {_said(now[key])}, not {_said(wanted[key])}" for key in refused)
        raise Refused(f"EKS cannot change this on node group {now['name']}: {said}. Add a node group with another name, then delete this one")

    differs = plan.differs
    if "scaling_config" in wanted:
        after = fitted_sizes(now["scaling_config"], wanted["scaling_config"])
        if differs("scaling_config", now["scaling_config"], after):
            plan.config["scalingConfig"] = scaling_request(after)
    for option, parameter, names in (("update_config", "updateConfig", UPDATE), ("node_repair_config", "nodeRepairConfig", REPAIR)):
        if option in wanted and differs(option, now[option], merged(now[option], wanted[option])):
            plan.config[parameter] = {names[key]: value for key, value in plan.after[option].items()}
    if "labels" in wanted and differs("labels", now["labels"], wanted["labels"]):
        request = {
            "addOrUpdateLabels": {key: value for key, value in wanted["labels"].items() if now["labels"].get(key) != value},
            "removeLabels": sorted(set(now["labels"]) - set(wanted["labels"])),
        }
        plan.config["labels"] = {key: value for key, value in request.items() if value}
    if "taints" in wanted and differs("taints", now["taints"], wanted["taints"]):
        # EKS identifies a taint by key and effect: one whose value changes is updated, not removed and added.
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
        named = {key: template[key] for key in ("id", "name") if template.get(key)} or {"id": now["launch_template"].get("id")}
        plan.version["launchTemplate"] = {**named, "version": template["version"]}

    plan.compare_tags(wanted.get("tags"), now["tags"], purge_tags)
    return plan


def _said(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def scaling_request(scaling: dict[str, int]) -> dict[str, int]:
    return given({"minSize": scaling.get("min_size"), "maxSize": scaling.get("max_size"), "desiredSize": scaling.get("desired_size")})


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
    for option, parameter, names in (("update_config", "updateConfig", UPDATE), ("node_repair_config", "nodeRepairConfig", REPAIR)):
        if wanted.get(option):
            request[parameter] = {names[key]: value for key, value in wanted[option].items()}
    if wanted.get("remote_access"):
        remote = wanted["remote_access"]
        request["remoteAccess"] = given({"ec2SshKey": remote.get("ec2_ssh_key"), "sourceSecurityGroups": remote.get("source_security_groups")})
    return request


def describe(aws: Aws, cluster: str, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = aws.find("eks", "describe_nodegroup", "nodegroup", clusterName=cluster, nodegroupName=name)
    return found


def wait_until_settled(aws: Aws, cluster: str, name: str, timeout: float, delay: float) -> dict[str, Any] | None:
    """Wait until no change of the node group is in progress. None: it is deleted."""

    def settled(live: dict[str, Any] | None) -> bool:
        return live is None or live["status"] not in ("CREATING", "UPDATING", "DELETING")

    def state(live: dict[str, Any] | None) -> str:
        # EKS reports problems long before it gives up.
        if live is None:
            return "gone"
        return f"{live['status']}: {failure(live)}" if (live.get("health") or {}).get("issues") else live["status"]

    return wait_for(f"node group {name}", lambda: describe(aws, cluster, name), state, settled, timeout, delay)


def wait_until_active(aws: Aws, cluster: str, name: str, timeout: float, delay: float) -> dict[str, Any]:
    live = wait_until_settled(aws, cluster, name, timeout, delay)
    if live is None:
        raise AwsError(f"node group {name} was deleted during the wait")
    if live["status"] != "ACTIVE":
        raise AwsError(f"node group {name} is {live['status']}: {failure(live)}", live["status"])
    return live


def create(aws: Aws, request: dict[str, Any], timeout: float, delay: float) -> dict[str, Any]:
    where = {"clusterName": request["clusterName"], "nodegroupName": request["nodegroupName"]}

    def attempt() -> dict[str, Any]:
        return with_young_network(aws, lambda: with_young_role(aws, request["nodeRole"], lambda: aws.call("eks", "create_nodegroup", **request)))

    while_busy(f"creation of node group {request['nodegroupName']}", attempt, timeout, delay)
    created: dict[str, Any] = patiently(lambda: aws.call("eks", "describe_nodegroup", **where), aws.sleep)["nodegroup"]
    return created


def delete(aws: Aws, cluster: str, name: str, timeout: float, delay: float) -> None:
    def attempt() -> None:
        gone(lambda: aws.call("eks", "delete_nodegroup", clusterName=cluster, nodegroupName=name))

    while_busy(f"deletion of node group {name}", attempt, timeout, delay)


def apply(aws: Aws, live: dict[str, Any], plan: Plan, force: bool, timeout: float, delay: float, wait: bool = True) -> None:
    """Make the planned calls, one after the other. Without waiting, the last one continues in AWS."""
    cluster, name = live["clusterName"], live["nodegroupName"]
    plan.apply_tags(aws, live["nodegroupArn"])
    updates: list[tuple[str, str, dict[str, Any]]] = []
    if plan.config:
        updates.append(("configuration", "update_nodegroup_config", plan.config))
    if plan.version:
        what = ", ".join(f"{key} {_template(value)}" for key, value in plan.version.items())
        updates.append((what, "update_nodegroup_version", {**plan.version, "force": force}))
    for number, (what, operation, request) in enumerate(updates, 1):
        call = partial(aws.call, "eks", operation, clusterName=cluster, nodegroupName=name, **request)
        answer = while_busy(f"node group {name}: {what}", call, timeout, delay)
        if wait or number < len(updates):
            wait_for_update(aws, f"node group {name}: {what}", answer["update"], timeout, delay, name=cluster, nodegroupName=name)


def _template(value: Any) -> str:
    return f"{value.get('name') or value.get('id')}:{value.get('version')}" if isinstance(value, dict) else str(value)


# What the module eks_nodegroup does

NUMBER = {"type": "int"}
OPTIONS = {
    "node_role": {"type": "str"},
    "subnet_ids": {"type": "list", "elements": "str", "aliases": ["subnets"]},
    "scaling_config": {"type": "dict", "options": {"min_size": {"type": "int"}, "max_size": {"type": "int"}, "desired_size": {"type": "int"}}},
    "update_config": {
        "type": "dict",
        "options": {
            "max_unavailable": NUMBER,
            "max_unavailable_percentage": NUMBER,
            "update_strategy": {"type": "str", "choices": list(STRATEGIES)},
        },
        "mutually_exclusive": EXCLUSIVE[:1],
    },
    "node_repair_config": {
        "type": "dict",
        "options": {key: {"type": "bool"} if key == "enabled" else NUMBER for key in REPAIR},
        "mutually_exclusive": EXCLUSIVE[1:],
    },
    "instance_types": {"type": "list", "elements": "str"},
    "ami_type": {"type": "str", "choices": list(AMI_TYPES)},
    "capacity_type": {"type": "str", "choices": ["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"]},
    "disk_size": {"type": "int"},
    "launch_template": {
        "type": "dict",
        "options": {"id": {"type": "str"}, "name": {"type": "str"}, "version": {"type": "str"}},
        "mutually_exclusive": [["id", "name"]],
    },
    "remote_access": {
        "type": "dict",
        "options": {"ec2_ssh_key": {"type": "str", "no_log": False}, "source_security_groups": {"type": "list", "elements": "str"}},
    },
    "labels": {"type": "dict"},
    "taints": {
        "type": "list",
        "elements": "dict",
        "options": {
            "key": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str"},
            "effect": {"type": "str", "required": True, "choices": list(EFFECTS)},
        },
    },
    "version": {"type": "str"},
    "release_version": {"type": "str"},
}


def result(live: dict[str, Any] | None) -> dict[str, Any]:
    if live is None:
        return {"nodegroup": {}}
    return {"nodegroup": camel_dict_to_snake_dict(live, ignore_list=["tags", "labels"])}


def present(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    cluster, name, waits = params["cluster_name"], params["name"], (params["wait_timeout"], params["wait_delay"])
    tags, purge_tags = wanted_tags(params)
    wanted = {"name": name, "tags": tags, **{key: params[key] for key in OPTIONS}}
    if wanted["labels"]:
        wanted["labels"] = {key: str(value) for key, value in wanted["labels"].items()}
    live = describe(aws, cluster, name)
    refuse_foreign(params, f"node group {name} of cluster {cluster}", live)
    if live and live["status"] == "DELETING" and not module.check_mode:
        live = wait_until_settled(aws, cluster, name, *waits)

    if live is None or live["status"] == "DELETING":
        request = create_request(cluster, wanted)
        diff = {"before": {}, "after": normal(wanted)}
        if module.check_mode:
            return {"changed": True, "diff": diff, "nodegroup": {}}
        live = create(aws, request, *waits)
        if params["wait"]:
            live = wait_until_active(aws, cluster, name, *waits)
        return {"changed": True, "diff": diff, **result(live)}

    if live["status"] in ("CREATING", "UPDATING") and params["wait"] and not module.check_mode:
        live = wait_until_active(aws, cluster, name, *waits)
    if live["status"] in ("CREATE_FAILED", "DELETE_FAILED"):
        raise AwsError(f"node group {name} is {live['status']}: {failure(live)}. Delete it (state: absent) and run again", live["status"])
    plan = plan_nodegroup(live, wanted, purge_tags)
    if plan.changed and not module.check_mode:
        if live["status"] in ("CREATING", "UPDATING"):
            live = wait_until_active(aws, cluster, name, *waits)
        apply(aws, live, plan, params["force_update"], *waits, wait=params["wait"])
        live = wait_until_settled(aws, cluster, name, *waits) if params["wait"] else describe(aws, cluster, name)
    if live and live["status"] == "DEGRADED":
        module.warn(f"node group {name} is DEGRADED: {failure(live)}")
    return {"changed": plan.changed, "diff": plan.as_diff(), **result(live)}


def absent(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    cluster, name, waits = params["cluster_name"], params["name"], (params["wait_timeout"], params["wait_delay"])
    live = describe(aws, cluster, name)
    refuse_foreign(params, f"node group {name} of cluster {cluster}", live)
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "nodegroup": {}}
    diff = {"before": view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    if live["status"] in ("CREATING", "UPDATING"):
        wait_until_settled(aws, cluster, name, *waits)
    if live["status"] != "DELETING":
        delete(aws, cluster, name, *waits)
    if params["wait"]:
        left = wait_until_settled(aws, cluster, name, *waits)
        if left is not None:
            raise AwsError(f"node group {name} is {left['status']}: {failure(left)}", left["status"])
    return {"changed": True, "diff": diff, "nodegroup": {}}
