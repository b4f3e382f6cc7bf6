# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An EKS add-on: which version fits, what differs from what was asked for, and which calls make it so."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, Refused, is_missing, wait_for
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_calls import eventually, gone, with_young_role
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_cluster import wait_for_update
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_options import Change, given

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
VERSION = re.compile(r"default|latest|v[0-9]+\.[0-9]+[0-9A-Za-z.+-]*")
CONFLICTS = ("NONE", "OVERWRITE", "PRESERVE")
UNDER_WAY = ("CREATING", "UPDATING", "DELETING")
FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED")
# Deployments: without a node their pods are nowhere, and EKS calls the add-on DEGRADED until there is one. The others are DaemonSets.
NEED_NODES = ("coredns", "metrics-server")


@dataclass
class Plan(Change):
    # What is to be done: "create", "recreate", "update" or nothing.
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
    """The versions of an add-on that fit a Kubernetes minor version; true marks AWS's default."""
    found = aws.pages("eks", "describe_addon_versions", "addons", addonName=name, kubernetesVersion=kubernetes)
    return {
        entry["addonVersion"]: any(fit.get("defaultVersion") for fit in entry.get("compatibilities") or [] if fit.get("clusterVersion") == kubernetes)
        for addon in found
        for entry in addon.get("addonVersions") or []
    }


def choose_version(name: str, wanted: str | None, live: str | None, versions: dict[str, bool], kubernetes: str) -> str:
    """The version to have. Without a wanted one, what is there stays while it fits; default and latest never go back."""
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
    """Configuration values as EKS keeps them: the text of a JSON or YAML document."""
    if not text:
        return {}
    with suppress(ValueError):
        return json.loads(text)
    import yaml

    with suppress(yaml.YAMLError):
        return yaml.safe_load(text) or {}
    return text


def view(live: Live) -> dict[str, Any]:
    """What DescribeAddon says, in the words of the module's options."""
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
    """Compare. Options that were not given (None) are left as they are."""
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
        return Plan(after=after, action="create", request=_request(target))
    plan = Plan()
    keys = ("version", "configuration_values", "role_arn", "pod_identity_associations")
    differs = [plan.differs(key, now[key], target[key]) for key in keys if target.get(key) is not None]
    status = live.addon["status"]
    if status in FAILED:
        plan.differs("status", status, "ACTIVE")
    plan.compare_tags(wanted.get("tags"), now["tags"], purge_tags)
    if any(differs) or status in FAILED:
        # An UpdateAddon that does not name the role takes it away, so what is to stay is said again.
        merged = {**now, **given(target), "resolve_conflicts": wanted.get("resolve_conflicts")}
        associations = target.get("pod_identity_associations")
        if "configuration_values" not in plan.after and not now["configuration_values"]:
            merged["configuration_values"] = None
        plan.request = _request({**merged, "pod_identity_associations": associations, "tags": None})
        plan.action = "update"
    if status == "CREATE_FAILED":
        # EKS never makes such a one whole by an update.
        plan.action, plan.request = "recreate", _request({**now, **given(target), "tags": plan.after.get("tags", now["tags"])})
    return plan


def _request(wanted: dict[str, Any]) -> dict[str, Any]:
    """CreateAddon's and UpdateAddon's parameters besides the names."""
    configuration, associations = wanted.get("configuration_values"), wanted.get("pod_identity_associations")
    said = {
        "addonVersion": wanted["version"],
        "configurationValues": None if configuration is None else json.dumps(configuration, sort_keys=True),
        "serviceAccountRoleArn": wanted.get("role_arn") or None,
        "resolveConflicts": wanted.get("resolve_conflicts"),
        "tags": wanted.get("tags") or None,
    }
    if associations is not None:
        said["podIdentityAssociations"] = [{"serviceAccount": one["service_account"], "roleArn": one["role_arn"]} for one in associations]
    return given(said)


def describe(aws: Aws, cluster: str, name: str) -> dict[str, Any] | None:
    return aws.find("eks", "describe_addon", "addon", clusterName=cluster, addonName=name)


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


def failure(addon: dict[str, Any]) -> str:
    """Why an add-on is not well: EKS's health issues with the resources that they name."""
    issues = (addon.get("health") or {}).get("issues") or []
    said = [f"{issue.get('code')}: {issue.get('message')}" + (f" ({', '.join(issue['resourceIds'])})" if issue.get("resourceIds") else "") for issue in issues]
    return "; ".join(said) or "EKS gives no reason"


def wait_until_settled(aws: Aws, cluster: str, name: str, timeout: float, delay: float, also: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """Wait until nothing is under way on the add-on, nor its state one of `also`. None: it is gone."""

    def state(addon: dict[str, Any] | None) -> str:
        if addon is None:
            return "gone"
        return addon["status"] if addon["status"] in ("ACTIVE", *UNDER_WAY) else f"{addon['status']}: {failure(addon)}"

    def settled(addon: dict[str, Any] | None) -> bool:
        return addon is None or addon["status"] not in (*UNDER_WAY, *also)

    return wait_for(f"add-on {name}", lambda: describe(aws, cluster, name), state, settled, timeout, delay)


def wait_until_active(aws: Aws, cluster: str, name: str, timeout: float, delay: float) -> dict[str, Any]:
    """A DEGRADED add-on may recover, for example when the first node joins: it is awaited, and the end says what EKS said."""
    addon = wait_until_settled(aws, cluster, name, timeout, delay, also=("DEGRADED",))
    if addon is None:
        raise AwsError(f"add-on {name} was deleted while it was awaited")
    if addon["status"] != "ACTIVE":
        raise AwsError(f"add-on {name} is {addon['status']}: {failure(addon)}", addon["status"])
    return addon


def _role_of(request: dict[str, Any]) -> str | None:
    associations = request.get("podIdentityAssociations") or []
    return request.get("serviceAccountRoleArn") or next((one["roleArn"] for one in associations), None)


def apply(aws: Aws, cluster: str, name: str, live: Live | None, plan: Plan, waits: tuple[float, float], wait: bool) -> dict[str, Any]:
    """Make the planned calls. Without waiting, what was begun goes on; EKS takes one change at a time, so an earlier one is awaited anyway."""
    where: dict[str, Any] = {"clusterName": cluster, "addonName": name}
    if live and live.addon["status"] in UNDER_WAY and plan.action:
        wait_until_settled(aws, cluster, name, *waits)
    if live and plan.action != "recreate" and (plan.tags_to_set or plan.tags_to_remove):
        plan.apply_tags(aws, live.addon["addonArn"])
    if plan.action == "recreate":
        gone(lambda: aws.call("eks", "delete_addon", **where, preserve=True))
        wait_until_gone(aws, cluster, name, *waits)
    if plan.action in ("create", "recreate"):
        with_young_role(aws, _role_of(plan.request), lambda: _create(aws, where, plan.request))
        eventually(aws, lambda: aws.call("eks", "describe_addon", **where))
    elif plan.action == "update":
        answer = with_young_role(aws, _role_of(plan.request), lambda: aws.call("eks", "update_addon", **where, **plan.request))
        if wait:
            wait_for_update(aws, f"add-on {name}: {plan.request['addonVersion']}", answer["update"], *waits, name=cluster, addonName=name)
    if wait and plan.action:
        return wait_until_active(aws, cluster, name, *waits)
    return aws.call("eks", "describe_addon", **where)["addon"]


def _create(aws: Aws, where: dict[str, Any], request: dict[str, Any]) -> None:
    try:
        aws.call("eks", "create_addon", **where, **request)
    except AwsError as error:
        # A create whose answer was lost is found done.
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
        gone(lambda: aws.call("eks", "delete_addon", clusterName=cluster, addonName=name, preserve=preserve))
    if wait:
        wait_until_gone(aws, cluster, name, *waits)


def kubernetes_version(aws: Aws, cluster: str) -> str | None:
    """The version of the cluster, or None where there is none."""
    try:
        return aws.call("eks", "describe_cluster", name=cluster)["cluster"]["version"]
    except AwsError as error:
        if is_missing(error.code):
            return None
        raise
