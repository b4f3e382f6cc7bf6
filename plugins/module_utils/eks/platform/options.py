# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options of the modules that take a whole platform, and their conversion from and to the variables of role eks_cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import access_entry as eks_access_entry
from .. import addon as eks_addon
from .. import nodegroup as eks_nodegroup
from ..cluster import AUTHENTICATION_MODES, LOG_TYPES
from ..input_names import OPTIONS, Names, option, variable
from ..options import WAIT
from .inputs import ENDPOINT_ACCESS
from .network_inputs import NAT_MODES

# The sections of the module, and the sections of the comparison that belong to each.
SECTIONS: dict[str, tuple[str, ...]] = {
    "network": ("vpc", "subnets", "internet_gateway", "nat", "route_tables"),
    "iam": ("iam",),
    "logs": ("logs",),
    "launch_templates": ("launch_templates",),
    "access": ("access",),
    "addons": ("addons",),
}
# These need only a cluster, whoever created it.
OF_A_CLUSTER = frozenset({"access", "addons"})


def _texts(**more: Any) -> dict[str, Any]:
    return {"type": "list", "elements": "str", **more}


def _dicts(**options: Any) -> dict[str, Any]:
    return {"type": "list", "elements": "dict", "options": options}


TEXT, FLAG, NUMBER, MAPPING = {"type": "str"}, {"type": "bool"}, {"type": "int"}, {"type": "dict"}
NAME = {"type": "str", "required": True}

NETWORK = {
    "vpc_cidr": {"type": "str", "default": "192.168.0.0/16"},
    "availability_zones": _texts(),
    "nat_mode": {"type": "str", "choices": list(NAT_MODES), "default": "single"},
    "vpc_id": TEXT,
    "subnet_ids": {"type": "dict", "options": {"public": _texts(), "private": _texts()}},
}
IAM = {
    "path": {"type": "str", "default": "/"},
    "permissions_boundary": TEXT,
    "cluster_role_name": TEXT,
    "node_role_name": TEXT,
    "node_policies": _texts(),
    "node_ssm": FLAG,
}
CONTROL_PLANE = {
    "endpoint_access": {"type": "str", "choices": list(ENDPOINT_ACCESS)},
    "public_access_cidrs": _texts(),
    "authentication_mode": {"type": "str", "choices": list(AUTHENTICATION_MODES)},
    "logging": _texts(choices=list(LOG_TYPES)),
    "log_retention_days": NUMBER,
    "support_type": {"type": "str", "choices": ["STANDARD", "EXTENDED"]},
    "deletion_protection": FLAG,
    "zonal_shift": FLAG,
    "encryption_key_arn": {**TEXT, "no_log": False},
}
NODES = {"key_name": {**TEXT, "no_log": False}, "metadata_hop_limit": {"type": "int", "default": 1}}
NODE_GROUPS = _dicts(
    name=NAME,
    instance_types=_texts(required=True),
    ami_type={"type": "str", "choices": [kind for kind in eks_nodegroup.AMI_TYPES if kind != "CUSTOM"]},
    desired_size=NUMBER,
    min_size=NUMBER,
    max_size=NUMBER,
    max_unavailable=NUMBER,
    capacity_type={"type": "str", "choices": ["ON_DEMAND", "SPOT"]},
    disk_size=NUMBER,
    labels=MAPPING,
    taints=_dicts(key={"type": "str", "required": True, "no_log": False}, value=TEXT, effect={**NAME, "choices": list(eks_nodegroup.EFFECTS)}),
    subnets={"type": "str", "choices": ["private", "public"]},
    release_version=TEXT,
)
ADDONS = _dicts(
    name=NAME,
    version=TEXT,
    configuration_values=MAPPING,
    role_arn=TEXT,
    pod_identity={"type": "dict", "options": {"role_arn": TEXT, "service_account": TEXT}},
    resolve_conflicts={"type": "str", "choices": list(eks_addon.CONFLICTS), "default": "OVERWRITE"},
)
SCOPE = {"type": "dict", "options": {"type": {"type": "str", "choices": ["cluster", "namespace"], "default": "cluster"}, "namespaces": _texts()}}
ACCESS_ENTRIES = _dicts(
    principal_arn=NAME,
    type={"type": "str", "choices": list(eks_access_entry.TYPES)},
    username=TEXT,
    kubernetes_groups=_texts(),
    policies=_dicts(policy=NAME, scope=SCOPE),
)
ASSOCIATIONS = _dicts(namespace=NAME, service_account=NAME, role_arn=NAME, target_role_arn=TEXT, disable_session_tags=FLAG)
KUBECONFIG = {
    "path": {"type": "path", "required": True},
    "manage": {"type": "bool", "default": True},
    "context": TEXT,
    "profile": TEXT,
    "role_arn": TEXT,
}

# The desired platform.
PLATFORM: dict[str, Any] = {
    "name": NAME,
    "version": NAME,
    "tags": {"type": "dict", "default": {}},
    "expected_account_id": TEXT,
    "adopt": {"type": "bool", "default": False},
    "billed": {"type": "bool", "default": False},
    "network": {"type": "dict", "options": NETWORK, "apply_defaults": True},
    "iam": {"type": "dict", "options": IAM, "apply_defaults": True},
    "control_plane": {"type": "dict", "options": CONTROL_PLANE},
    "nodes": {"type": "dict", "options": NODES, "apply_defaults": True},
    "node_groups": NODE_GROUPS,
    "remove_node_groups": {"type": "bool", "default": False},
    "addons": ADDONS,
    "purge_addons": {"type": "bool", "default": True},
    "access_entries": ACCESS_ENTRIES,
    "pod_identity_associations": ASSOCIATIONS,
    "kubeconfig": {"type": "dict", "options": KUBECONFIG},
}
# Names in messages.
WORDS: dict[str, Any] = {"messages_name": {"type": "str", "choices": ["options", "variables"], "default": "options"}}
# What eks_platform should do.
WORK: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "planned"], "default": "present"},
    "sections": _texts(choices=list(SECTIONS), default=list(SECTIONS)),
    "settle": {"type": "float", "default": 0.0},
    **WAIT,
}
VARIABLES = (*[key for key in PLATFORM if key not in {path.split(".")[0] for path in OPTIONS.values()}], *OPTIONS)


def inputs_of(params: Mapping[str, Any], region: str | None) -> dict[str, Any]:
    """The options for the comparison, by the names of the role's variables."""
    said = without_unset({key: params[key] for key in PLATFORM}, PLATFORM)
    given = {key: _at(said, option(key)) for key in VARIABLES}
    kubeconfig = {"kubeconfig": given["kubeconfig"] or "", "context": given["context"] or given["name"]}
    return {**given, "region": region or "", **kubeconfig}


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The role's variables as options of the module, without unset ones, which Ansible's templates turn into empty strings."""
    options: dict[str, Any] = {}
    for name in ("region", *VARIABLES):
        value = given.get(name)
        if value is None or value == "":
            continue
        group, _, key = option(name).rpartition(".")
        (options.setdefault(group, {}) if group else options)[key] = value
    return options


def names_of(params: Mapping[str, Any]) -> Names:
    """The names of the inputs in messages, as requested."""
    return variable if params["messages_name"] == "variables" else option


def without_unset(value: Mapping[str, Any], specification: Mapping[str, Any]) -> dict[str, Any]:
    """Remove what Ansible fills in for omitted suboptions. Mappings with free keys stay as they are."""
    return {key: _without_unset(item, specification[key]) for key, item in value.items() if item is not None}


def _without_unset(value: Any, specification: Mapping[str, Any]) -> Any:
    if "options" not in specification:
        return value
    if isinstance(value, list):
        return [without_unset(item, specification["options"]) for item in value]
    return without_unset(value, specification["options"])


def _at(said: Mapping[str, Any], path: str) -> Any:
    group, _, key = path.rpartition(".")
    return ((said.get(group) or {}) if group else said).get(key)
