# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An EKS add-on: which version is compatible, what differs from the request, and which calls change it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from ..aws.client import Aws, AwsError, is_missing, wait_for
from ..aws.module import Task
from ..aws.patience import gone, patiently, while_busy
from ..common.failure import Refused
from ..common.require import require
from .calls import with_young_role
from .cluster import wait_for_update
from .health import failure
from .options import NAME as CLUSTER_NAME
from .options import ROLE_ARN, SERVICE_ACCOUNT, Change, given, name_problems, refuse_foreign, tag_problems, wanted_tags

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
VERSION = re.compile(r"default|latest|v[0-9]+\.[0-9]+[0-9A-Za-z.+-]*")
CONFLICTS = ("NONE", "OVERWRITE", "PRESERVE")
UNDER_WAY = ("CREATING", "UPDATING", "DELETING")
FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED")
# Transient reasons of a failed update: pods that are late (https://github.com/aws/containers-roadmap/issues/2242), nodes that are being replaced.
HEALING = ("InsufficientNumberOfReplicas", "ClusterUnreachable", "NodeCreationFailure", "PodEvictionFailure")
HEALING_TIMEOUT = 300.0
# Deployments: without a node their pods cannot run, and EKS reports the add-on as DEGRADED until there is one. The others are DaemonSets.
NEED_NODES = ("coredns", "metrics-server")


@dataclass
class Plan(Change):
    # What to do: "create", "recreate", "update" or nothing.
    action: str = ""
    request: dict[str, Any] = field(default_factory=dict)


@dataclass
class Live:
    """An add-on as EKS describes it, with the Pod Identity associations that it owns."""

    addon: dict[str, Any]
    associations: list[dict[str, str]] = field(default_factory=list)


def order(version: str) -> tuple[int, ...]:
    """v1.21.1-eksbuild.3 as numbers, so that v1.9 comes before v1.21."""
    return tuple(map(int, re.findall(r"[0-9]+", version)))


def offered(aws: Aws, name: str, kubernetes: str) -> dict[str, bool]:
    """The versions of an add-on that are compatible with a Kubernetes minor version; true marks AWS's default."""
    found = aws.pages("eks", "describe_addon_versions", "addons", addonName=name, kubernetesVersion=kubernetes)
    return {
        entry["addonVersion"]: any(fit.get("defaultVersion") for fit in entry.get("compatibilities") or [] if fit.get("clusterVersion") == kubernetes)
        for addon in found
        for entry in addon.get("addonVersions") or []
    }


def choose_version(name: str, wanted: str | None, live: str | None, versions: dict[str, bool], kubernetes: str) -> str:
    """The desired version. Without a requested one, the current version stays while it is compatible; default and latest never downgrade."""
    if not versions:
        raise Refused(f"EKS offers no version of add-on {name} for Kubernetes {kubernetes}")
    default = next((version for version, is_default in versions.items() if is_default), None) or max(versions, key=order)
    if wanted not in (None, "", "default", "latest"):
        if wanted not in versions and wanted != live:
            fitting = ", ".join(sorted(versions, key=order, reverse=True)[:8])
            raise Refused(f"add-on {name} has no version {wanted} for Kubernetes {kubernetes}; accepted: {fitting}")
        return str(wanted)
    if live is not None and live in versions:
        target = {"default": default, "latest": max(versions, key=order)}.get(wanted or "", live)
        return max(live, target, key=order)
    return max(versions, key=order) if wanted == "latest" else default


def parse(text: str | None) -> Any:
    """Configuration values as EKS stores them: the text of a JSON or YAML document."""
    if not text:
        return {}
    with suppress(ValueError):
        return json.loads(text)
    import yaml

    with suppress(yaml.YAMLError):
        return yaml.safe_load(text) or {}
    return text


def view(live: Live) -> dict[str, Any]:
    """The result of DescribeAddon, in terms of the module's options."""
    addon = live.addon
    return {
        "name": addon["addonName"],
        "version": addon.get("addonVersion"),
        "configuration_values": parse(addon.get("configurationValues")),
        "role_arn": addon.get("serviceAccountRoleArn") or "",
        "pod_identity_associations": ordered(live.associations),
        "tags": dict(addon.get("tags") or {}),
    }


def ordered(associations: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(({"service_account": one["service_account"], "role_arn": one["role_arn"]} for one in associations), key=lambda one: one["service_account"])


def plan_addon(live: Live | None, wanted: dict[str, Any], versions: dict[str, bool], kubernetes: str, purge_tags: bool = True) -> Plan:
    """Compare. Unset options (None) are left as they are."""
    name = wanted["name"]
    now = view(live) if live else None
    version = choose_version(name, wanted.get("version"), now["version"] if now else None, versions, kubernetes)
    target = {**wanted, "version": version}
    if target.get("pod_identity_associations") is not None:
        target["pod_identity_associations"] = ordered(target["pod_identity_associations"])
    if live is None or now is None:
        after = {
            key: value for key, value in given(target).items() if key in ("version", "configuration_values", "role_arn", "pod_identity_associations", "tags")
        }
        return Plan(after={key: value for key, value in after.items() if value not in ({}, [], "")}, action="create", request=_request(target))
    plan = Plan()
    keys = ("version", "configuration_values", "role_arn", "pod_identity_associations")
    differs = [plan.differs(key, now[key], target[key]) for key in keys if target.get(key) is not None]
    status = live.addon["status"]
    if status in FAILED:
        plan.differs("status", status, "ACTIVE")
    plan.compare_tags(wanted.get("tags"), now["tags"], purge_tags)
    if any(differs) or status in FAILED:
        # An UpdateAddon without the role removes it, so a role that should stay is sent again.
        merged = {**now, **given(target), "resolve_conflicts": wanted.get("resolve_conflicts")}
        associations = target.get("pod_identity_associations")
        plan.request = _request({**merged, "pod_identity_associations": associations, "tags": None}, cleared=set(plan.after))
        plan.action = "update"
    if status == "CREATE_FAILED":
        # EKS never repairs such an add-on with an update.
        plan.action, plan.request = "recreate", _request({**now, **given(target), "tags": plan.after.get("tags", now["tags"])})
    return plan


def _request(wanted: dict[str, Any], cleared: set[str] | None = None) -> dict[str, Any]:
    """CreateAddon's and UpdateAddon's parameters besides the names.

    Empty ones are sent only if there is something to clear: EKS refuses podIdentityAssociations for an add-on without support for it
    ("Pod Identity feature is not supported for addon version", https://github.com/aws/containers-roadmap/issues/2712).
    """
    configuration, associations = wanted.get("configuration_values"), wanted.get("pod_identity_associations")
    said = {
        "addonVersion": wanted["version"],
        "serviceAccountRoleArn": wanted.get("role_arn") or None,
        "resolveConflicts": wanted.get("resolve_conflicts"),
        "tags": wanted.get("tags") or None,
    }
    cleared = cleared or set()
    if configuration or (configuration is not None and "configuration_values" in cleared):
        said["configurationValues"] = json.dumps(configuration, sort_keys=True)
    if associations or (associations is not None and "pod_identity_associations" in cleared):
        said["podIdentityAssociations"] = [{"serviceAccount": one["service_account"], "roleArn": one["role_arn"]} for one in associations]
    return given(said)


def describe(aws: Aws, cluster: str, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = aws.find("eks", "describe_addon", "addon", clusterName=cluster, addonName=name)
    return found


def read(aws: Aws, cluster: str, name: str) -> Live | None:
    addon = describe(aws, cluster, name)
    if addon is None:
        return None
    found = []
    for arn in addon.get("podIdentityAssociations") or []:
        unique = arn.rsplit("/", 1)[-1]
        association = aws.find("eks", "describe_pod_identity_association", "association", clusterName=cluster, associationId=unique)
        if association:
            found.append({"service_account": association["serviceAccount"], "role_arn": association["roleArn"]})
    return Live(addon, found)


def wait_until_settled(aws: Aws, cluster: str, name: str, timeout: float, delay: float, also: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """Wait until no change of the add-on is in progress, and its state is not one of `also`. None: it is deleted."""

    def state(addon: dict[str, Any] | None) -> str:
        if addon is None:
            return "gone"
        return addon["status"] if addon["status"] in ("ACTIVE", *UNDER_WAY) else f"{addon['status']}: {failure(addon)}"

    def settled(addon: dict[str, Any] | None) -> bool:
        return addon is None or addon["status"] not in (*UNDER_WAY, *also)

    return wait_for(f"add-on {name}", lambda: describe(aws, cluster, name), state, settled, timeout, delay)


def wait_until_active(aws: Aws, cluster: str, name: str, timeout: float, delay: float) -> dict[str, Any]:
    """A DEGRADED add-on may recover, for example when the first node joins: wait for it, and report EKS's issues at the end."""
    addon = wait_until_settled(aws, cluster, name, timeout, delay, also=("DEGRADED",))
    if addon is None:
        raise AwsError(f"add-on {name} was deleted during the wait")
    if addon["status"] != "ACTIVE":
        raise AwsError(f"add-on {name} is {addon['status']}: {failure(addon)}", addon["status"])
    return addon


def _role_of(request: dict[str, Any]) -> str | None:
    associations = request.get("podIdentityAssociations") or []
    return request.get("serviceAccountRoleArn") or next((one["roleArn"] for one in associations), None)


def apply(aws: Aws, cluster: str, name: str, live: Live | None, plan: Plan, waits: tuple[float, float], wait: bool) -> dict[str, Any]:
    """Make the planned calls. Without waiting, the change continues; EKS accepts one change at a time, so an earlier one is always awaited."""
    where: dict[str, Any] = {"clusterName": cluster, "addonName": name}
    if live and live.addon["status"] in UNDER_WAY and plan.action:
        wait_until_settled(aws, cluster, name, *waits)
    if live and plan.action != "recreate" and (plan.tags_to_set or plan.tags_to_remove):
        plan.apply_tags(aws, live.addon["addonArn"])
    role = _role_of(plan.request)
    if plan.action == "recreate":
        while_busy(f"deletion of add-on {name}", lambda: gone(lambda: aws.call("eks", "delete_addon", **where, preserve=True)), *waits)
        wait_until_gone(aws, cluster, name, *waits)
    if plan.action in ("create", "recreate"):
        while_busy(f"creation of add-on {name}", lambda: with_young_role(aws, role, lambda: _create(aws, where, plan.request)), *waits)
        patiently(lambda: aws.call("eks", "describe_addon", **where), aws.sleep)
    elif plan.action == "update":
        answer = while_busy(
            f"update of add-on {name}", lambda: with_young_role(aws, role, lambda: aws.call("eks", "update_addon", **where, **plan.request)), *waits
        )
        if wait:
            _await_update(aws, where, plan.request, answer["update"], waits)
    if wait and plan.action:
        return wait_until_active(aws, cluster, name, *waits)
    applied: dict[str, Any] = aws.call("eks", "describe_addon", **where)["addon"]
    return applied


def _await_update(aws: Aws, where: dict[str, Any], request: dict[str, Any], update: dict[str, Any], waits: tuple[float, float]) -> None:
    """Wait for an update. An update that EKS reports as failed because pods took too long may complete a moment later: then the add-on's own state counts."""
    cluster, name = where["clusterName"], where["addonName"]
    try:
        wait_for_update(aws, f"add-on {name}: {request['addonVersion']}", update, *waits, name=cluster, addonName=name)
    except AwsError as failed:
        reasons = {error.get("errorCode") for error in failed.errors}
        if failed.code != "Failed" or not reasons or reasons - set(HEALING) or not _healed(aws, cluster, name, request, waits):
            raise


def _healed(aws: Aws, cluster: str, name: str, request: dict[str, Any], waits: tuple[float, float]) -> bool:
    timeout, delay = waits
    with suppress(AwsError):
        addon = wait_until_settled(aws, cluster, name, min(HEALING_TIMEOUT, timeout), delay, also=("DEGRADED",))
        return addon is not None and addon["status"] == "ACTIVE" and addon["addonVersion"] == request["addonVersion"]
    return False


def _create(aws: Aws, where: dict[str, Any], request: dict[str, Any]) -> None:
    try:
        aws.call("eks", "create_addon", **where, **request)
    except AwsError as error:
        # A create whose response was lost is found done.
        if error.code != "ResourceInUseException" or describe(aws, where["clusterName"], where["addonName"]) is None:
            raise


def wait_until_gone(aws: Aws, cluster: str, name: str, timeout: float, delay: float) -> None:
    left = wait_until_settled(aws, cluster, name, timeout, delay)
    if left is not None:
        raise AwsError(f"add-on {name} is {left['status']}: {failure(left)}", left["status"])


def remove(aws: Aws, cluster: str, addon: dict[str, Any], preserve: bool, waits: tuple[float, float], wait: bool) -> None:
    name = addon["addonName"]
    if addon["status"] in ("CREATING", "UPDATING"):
        settled = wait_until_settled(aws, cluster, name, *waits)
        if settled is None:
            return
    if addon["status"] != "DELETING":
        call = partial(aws.call, "eks", "delete_addon", clusterName=cluster, addonName=name, preserve=preserve)
        while_busy(f"deletion of add-on {name}", lambda: gone(call), *waits)
    if wait:
        wait_until_gone(aws, cluster, name, *waits)


def kubernetes_version(aws: Aws, cluster: str) -> str | None:
    """The version of the cluster, or None if there is none."""
    try:
        return str(aws.call("eks", "describe_cluster", name=cluster)["cluster"]["version"])
    except AwsError as error:
        if is_missing(error.code):
            return None
        raise


# What the module eks_addon does

OPTIONS = {
    "version": {"type": "str", "aliases": ["addon_version"]},
    "configuration_values": {"type": "dict"},
    "role_arn": {"type": "str", "aliases": ["service_account_role_arn"]},
    "pod_identity_associations": {
        "type": "list",
        "elements": "dict",
        "options": {"service_account": {"type": "str", "required": True}, "role_arn": {"type": "str", "required": True}},
    },
    "resolve_conflicts": {"type": "str", "choices": list(CONFLICTS)},
}


def result(addon: dict[str, Any] | None) -> dict[str, Any]:
    return {"addon": camel_dict_to_snake_dict(addon, ignore_list=["tags"]) if addon else {}}


def problems(params: dict[str, Any]) -> list[str]:
    found = name_problems(params, cluster_name=CLUSTER_NAME) + tag_problems(params["tags"])
    if not NAME.fullmatch(params["name"]):
        found.append(f"name is {params['name']!r}; accepted: the name of an add-on such as vpc-cni")
    if params["version"] and not VERSION.fullmatch(params["version"]):
        found.append(f"version is {params['version']!r}; accepted: default, latest, or a version such as v1.21.1-eksbuild.1")
    if params["role_arn"]:
        found += name_problems(params, role_arn=ROLE_ARN)
    for one in params["pod_identity_associations"] or []:
        found += name_problems(one, service_account=SERVICE_ACCOUNT, role_arn=ROLE_ARN)
    if params["role_arn"] and params["pod_identity_associations"]:
        found.append("role_arn and pod_identity_associations are both given; accepted: one of them")
    return found


def present(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    cluster, name, waits = params["cluster_name"], params["name"], (params["wait_timeout"], params["wait_delay"])
    tags, purge_tags = wanted_tags(params)
    wanted = {"name": name, "tags": tags, **{key: params[key] for key in OPTIONS}}
    kubernetes = kubernetes_version(aws, cluster)
    if kubernetes is None:
        if not module.check_mode:
            raise Refused(f"EKS cluster {cluster} does not exist; create it before its add-on {name}")
        return {"changed": True, "diff": {"before": {}, "after": given(wanted)}, "addon": {}}
    live = read(aws, cluster, name)
    refuse_foreign(params, f"add-on {name} of cluster {cluster}", live.addon if live else None)
    if live and live.addon["status"] == "DELETING":
        if not module.check_mode:
            wait_until_gone(aws, cluster, name, *waits)
        live = None
    versions = offered(aws, name, kubernetes)
    plan = plan_addon(live, wanted, versions, kubernetes, purge_tags)
    if live and plan.action and live.addon["status"] in UNDER_WAY and not module.check_mode:
        # The change of an earlier run may be the desired one.
        wait_until_settled(aws, cluster, name, *waits)
        live = read(aws, cluster, name)
        plan = plan_addon(live, wanted, versions, kubernetes, purge_tags)
    diff = plan.as_diff()
    if module.check_mode:
        return {"changed": plan.changed, "diff": diff, **result(live.addon if live else None)}
    if plan.changed:
        return {"changed": True, "diff": diff, **result(apply(aws, cluster, name, live, plan, waits, params["wait"]))}
    addon = require(live).addon
    if params["wait"] and addon["status"] in UNDER_WAY:
        addon = wait_until_active(aws, cluster, name, *waits)
    if addon["status"] == "DEGRADED":
        module.warn(f"add-on {name} is DEGRADED: {failure(addon)}")
    return {"changed": False, "diff": diff, **result(addon)}


def absent(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    cluster, name, waits = params["cluster_name"], params["name"], (params["wait_timeout"], params["wait_delay"])
    live = read(aws, cluster, name)
    refuse_foreign(params, f"add-on {name} of cluster {cluster}", live.addon if live else None)
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "addon": {}}
    diff = {"before": view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live.addon)}
    remove(aws, cluster, live.addon, params["preserve"], waits, params["wait"])
    return {"changed": True, "diff": diff, "addon": {}}
