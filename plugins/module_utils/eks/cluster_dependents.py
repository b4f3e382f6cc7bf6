# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Dependents of an EKS cluster, which are deleted before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ..aws.client import Aws, AwsError, wait_for
from ..aws.patience import gone, while_busy
from .health import failure

MEMBERS = {"nodegroup": ("nodegroupName", "nodegroup"), "addon": ("addonName", "addon"), "fargate_profile": ("fargateProfileName", "fargateProfile")}


@dataclass
class Dependents:
    """Dependents of a cluster that block its deletion."""

    nodegroups: list[str]
    profiles: list[str]
    addons: list[str]

    def __str__(self) -> str:
        kinds = (("node group", self.nodegroups), ("Fargate profile", self.profiles), ("add-on", self.addons))
        return ", ".join(f"{kind} {name}" for kind, names in kinds for name in names)

    def __bool__(self) -> bool:
        return bool(self.nodegroups or self.profiles or self.addons)


def dependents(aws: Aws, name: str) -> Dependents:
    lists = (("list_nodegroups", "nodegroups"), ("list_fargate_profiles", "fargateProfileNames"), ("list_addons", "addons"))
    return Dependents(*(sorted(found) for found in aws.run_parallel(*[partial(aws.pages, "eks", call, key, clusterName=name) for call, key in lists])))


def delete_dependents(aws: Aws, name: str, there: Dependents, timeout: float, delay: float) -> None:
    """Node groups and add-ons in parallel; EKS deletes Fargate profiles one by one."""
    kinds = [("nodegroup", "node group", there.nodegroups), ("addon", "add-on", there.addons)]
    resources = [(kind, title, resource) for kind, title, names in kinds for resource in names]
    aws.run_parallel(*[partial(_delete_one, aws, name, *resource, timeout, delay) for resource in resources])
    for profile in there.profiles:
        _delete_one(aws, name, "fargate_profile", "Fargate profile", profile, timeout, delay)


def _delete_one(aws: Aws, cluster: str, kind: str, title: str, resource: str, timeout: float, delay: float) -> None:
    parameter, answer = MEMBERS[kind]
    where: dict[str, Any] = {"clusterName": cluster, parameter: resource}

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] | None = aws.find("eks", f"describe_{kind}", answer, **where)
        return found

    def state(found: dict[str, Any] | None) -> str:
        return f"{found['status']}: {failure(found)}" if found and found["status"].endswith("FAILED") else found["status"] if found else "gone"

    busy = wait_for(f"{title} {resource}", look, state, lambda found: not found or found["status"] not in ("CREATING", "UPDATING"), timeout, delay)
    if busy and busy["status"] != "DELETING":
        while_busy(f"deletion of {title} {resource}", lambda: gone(lambda: aws.call("eks", f"delete_{kind}", **where)), timeout, delay)
    left = wait_for(f"deletion of {title} {resource}", look, state, lambda found: not found or found["status"] != "DELETING", timeout, delay)
    if left:
        raise AwsError(f"{title} {resource} is {state(left)}", left["status"])
