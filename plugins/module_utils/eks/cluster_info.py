# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the module eks_cluster_info does: clusters with their dependents, in snake_case."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from ..aws.client import Aws
from ..aws.module import Task
from . import access_entry as eks_access_entry
from . import cluster as eks_cluster
from .cluster_upgrade import insights

# List, its key, describe, its parameter and key.
KINDS = {
    "nodegroups": ("list_nodegroups", "nodegroups", "describe_nodegroup", "nodegroupName", "nodegroup"),
    "fargate_profiles": ("list_fargate_profiles", "fargateProfileNames", "describe_fargate_profile", "fargateProfileName", "fargateProfile"),
    "addons": ("list_addons", "addons", "describe_addon", "addonName", "addon"),
    "pod_identity_associations": (
        "list_pod_identity_associations",
        "associations",
        "describe_pod_identity_association",
        "associationId",
        "association",
    ),
}
UNTOUCHED = ["tags", "labels"]


def snake(found: dict[str, Any]) -> dict[str, Any]:
    snaked: dict[str, Any] = camel_dict_to_snake_dict(found, ignore_list=UNTOUCHED)
    return snaked


def of_kind(aws: Aws, name: str, kind: str) -> list[dict[str, Any]]:
    listing, key, describing, parameter, answer = KINDS[kind]
    listed = aws.pages("eks", listing, key, clusterName=name)
    names = [entry[parameter] if isinstance(entry, dict) else entry for entry in listed]
    found = aws.run_parallel(*[partial(aws.find, "eks", describing, answer, clusterName=name, **{parameter: entry}) for entry in names])
    return [snake(entry) for entry in found if entry]


def access_entries(aws: Aws, name: str) -> list[dict[str, Any]]:
    principals = aws.pages("eks", "list_access_entries", "accessEntries", clusterName=name)
    found = aws.run_parallel(*[partial(eks_access_entry.read, aws, name, principal) for principal in principals])
    return [{**snake(live.entry), "policies": eks_access_entry.view(live)["policies"]} for live in found if live]


def describe(aws: Aws, name: str, params: dict[str, Any]) -> dict[str, Any] | None:
    live = eks_cluster.describe(aws, name)
    if live is None:
        return None
    calls: dict[str, Callable[[], Any]] = {kind: partial(of_kind, aws, name, kind) for kind in KINDS if params[kind]}
    if params["access_entries"]:
        by_api = (live.get("accessConfig") or {}).get("authenticationMode", "CONFIG_MAP") != "CONFIG_MAP"
        calls["access_entries"] = partial(access_entries, aws, name) if by_api else list
    if params["insights"]:
        calls["insights"] = lambda: [snake(insight) for insight in insights(aws, name)]
    return {**snake(live), **dict(zip(calls, aws.run_parallel(*calls.values()), strict=True))}


def look(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    aws.prepare("eks")
    names = [params["name"]] if params["name"] else aws.pages("eks", "list_clusters", "clusters")
    found = [describe(aws, name, params) for name in names]
    return {"changed": False, "clusters": [cluster for cluster in found if cluster]}
