# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation and defaults of a node group's input. Makes no requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from ..nodegroup import (
    AMI_TYPES,
    EFFECTS,
    INSTANCE_TYPE,
    LABEL_VALUE,
    MOST_INSTANCE_TYPES,
    MOST_TAINTS,
    TAKEN_PREFIXES,
    architecture_of_ami,
    architecture_of_instance,
    fitted_sizes,
    is_label_key,
    view,
)
from ..options import GROUP_NAME

Wrong = Callable[[str, str], None]
GROUP_KEYS = (
    "name",
    "instance_types",
    "ami_type",
    "desired_size",
    "min_size",
    "max_size",
    "max_unavailable",
    "capacity_type",
    "disk_size",
    "labels",
    "taints",
    "subnets",
    "release_version",
)


def group_problems(group: Any, where: str, nat_mode: str) -> list[str]:
    if not isinstance(group, dict):
        return [f"{where} is {group!r}; accepted: a dict with name, instance_types, desired_size ..."]
    found: list[str] = []

    def wrong(key: str, accepted: str) -> None:
        found.append(f"{where}.{key} is {group.get(key)!r}; accepted: {accepted}")

    unknown = sorted(set(group) - set(GROUP_KEYS))
    if unknown:
        found.append(f"{where} has {', '.join(unknown)}; accepted: {', '.join(GROUP_KEYS)}")
    if not GROUP_NAME.fullmatch(str(group.get("name", ""))):
        wrong("name", "1 to 63 letters, digits, - and _, beginning with a letter or digit")
    _check_types(group, wrong)
    found += _size_problems(group, where)
    _check_numbers(group, wrong)
    if group.get("capacity_type") not in (None, "ON_DEMAND", "SPOT"):
        wrong("capacity_type", "ON_DEMAND | SPOT")
    if group.get("subnets") not in (None, "private", "public"):
        wrong("subnets", "private | public")
    elif group.get("subnets") == "private" and nat_mode == "disabled":
        wrong("subnets", "public, since without NAT a node in a private subnet can reach neither the registry nor the API server")
    _check_labels_and_taints(group, wrong)
    return found


def _check_types(group: dict[str, Any], wrong: Wrong) -> None:
    types = group.get("instance_types")
    types = types if isinstance(types, list) else []
    valid_types = 0 < len(types) <= MOST_INSTANCE_TYPES and all(INSTANCE_TYPE.fullmatch(str(kind)) for kind in types)
    if not valid_types:
        wrong("instance_types", f"a list of EC2 instance types such as [m6g.large], {MOST_INSTANCE_TYPES} at most")
    ami_type = group.get("ami_type")
    if ami_type is not None and (ami_type not in AMI_TYPES or ami_type == "CUSTOM"):
        wrong("ami_type", ", ".join(kind for kind in AMI_TYPES if kind != "CUSTOM"))
    elif valid_types:
        architectures = {kind: architecture_of_instance(kind) for kind in types}
        if len(set(architectures.values())) > 1:
            wrong("instance_types", "types of one architecture; these are " + ", ".join(f"{kind} ({arch})" for kind, arch in architectures.items()))
        elif ami_type and architecture_of_ami(ami_type) not in architectures.values():
            wrong("ami_type", f"an image for {next(iter(architectures.values()))}, since instance_types is {types}")


def _size_problems(group: dict[str, Any], where: str) -> list[str]:
    sizes = {key: group.get(key) for key in ("min_size", "desired_size", "max_size") if group.get(key) is not None}
    if not all(_is_whole(size) and size >= 0 for size in sizes.values()):
        return [f"{where} has {sizes}; accepted: whole numbers from 0"]
    full = full_sizes(group)
    if not (full["min_size"] <= full["desired_size"] <= full["max_size"] and full["max_size"] >= 1):
        return [f"{where} has {sizes}; accepted: min_size <= desired_size <= max_size, and max_size at least 1"]
    return []


def _check_numbers(group: dict[str, Any], wrong: Wrong) -> None:
    for key, least, most in (("disk_size", 1, 16384), ("max_unavailable", 1, 100)):
        value = group.get(key)
        if value is not None and not (_is_whole(value) and least <= value <= most):
            wrong(key, f"a whole number from {least} to {most}")


def _check_labels_and_taints(group: dict[str, Any], wrong: Wrong) -> None:
    labels = group.get("labels") or {}
    if not isinstance(labels, dict) or not all(_is_label(str(key), str(value)) for key, value in labels.items()):
        wrong(
            "labels",
            "a dict of Kubernetes labels: keys such as team or example.com/team, values of letters, digits, -, _ and ., 1 to 63 characters each; "
            f"the prefixes {', '.join(TAKEN_PREFIXES)} are reserved",
        )
    taints = group.get("taints") or []
    if not isinstance(taints, list) or len(taints) > MOST_TAINTS or not all(map(_is_taint, taints)):
        wrong("taints", f"a list of at most {MOST_TAINTS} {{key, value, effect}} with effect " + " | ".join(EFFECTS))
    elif len({(taint["key"], taint["effect"]) for taint in taints}) < len(taints):
        wrong("taints", "each key with each effect once")


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_label(key: str, value: str) -> bool:
    return is_label_key(key) and bool(LABEL_VALUE.fullmatch(value)) and not key.startswith(TAKEN_PREFIXES)


def _is_taint(taint: Any) -> bool:
    if not isinstance(taint, dict) or taint.get("effect") not in EFFECTS:
        return False
    value = str(taint.get("value") or "")
    return is_label_key(str(taint.get("key") or "")) and (not value or bool(LABEL_VALUE.fullmatch(value)))


def said_sizes(group: dict[str, Any]) -> dict[str, int]:
    return {key: group[key] for key in ("min_size", "max_size", "desired_size") if group.get(key) is not None}


def sizes(group: dict[str, Any], live: dict[str, Any] | None) -> dict[str, int]:
    """The sizes of a node group after a run, from its current ones."""
    return fitted_sizes(view(live)["scaling_config"], said_sizes(group)) if live else full_sizes(group)


def full_sizes(group: dict[str, Any]) -> dict[str, int]:
    """A new group's sizes, completed as eksctl does: unset ones follow from the others."""
    desired = group.get("desired_size")
    if desired is None:
        desired = group["min_size"] if group.get("min_size") is not None else min(2, group.get("max_size") or 2)
    low = group["min_size"] if group.get("min_size") is not None else desired
    high = group["max_size"] if group.get("max_size") is not None else max(desired, low)
    return {"min_size": low, "max_size": high, "desired_size": desired}


def node_group(group: dict[str, Any], default_kind: str, live: dict[str, Any] | None = None) -> dict[str, Any]:
    """A node group with its defaults. An existing one keeps what is not set."""
    return new_group(group, default_kind) if live is None else {**new_group(group, default_kind), **_as_it_is(group, live)}


def _as_it_is(group: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: None for key in ("capacity_type", "labels", "taints") if group.get(key) is None}
    if group.get("max_unavailable") is None:
        kept["update_config"] = None
    # The launch template and the facts need it.
    if group.get("ami_type") is None and live.get("amiType"):
        kept["ami_type"] = live["amiType"]
    return {**kept, "scaling_config": said_sizes(group)}


def new_group(group: dict[str, Any], default_kind: str) -> dict[str, Any]:
    """A new node group. Its subnets are of the default kind unless it sets another one."""
    arm = architecture_of_instance(group["instance_types"][0]) == "arm64"
    return {
        "name": group["name"],
        "instance_types": group["instance_types"],
        "ami_type": group.get("ami_type") or ("AL2023_ARM_64_STANDARD" if arm else "AL2023_x86_64_STANDARD"),
        "scaling_config": full_sizes(group),
        "update_config": {"max_unavailable": group.get("max_unavailable") or 1},
        "capacity_type": group.get("capacity_type") or "ON_DEMAND",
        "disk_size": group.get("disk_size") or 80,
        "labels": {key: str(value) for key, value in (group.get("labels") or {}).items()},
        "taints": group.get("taints") or [],
        "subnets": group.get("subnets") or default_kind,
        "release_version": group.get("release_version"),
    }
