# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a cluster has besides nodes: its add-ons, access entries and Pod Identity associations, as complete lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..aws.client import Aws, AwsError
from ..common.ownership import OWNER_TAG, Owner
from . import access_entry as eks_access_entry
from . import addon as eks_addon
from . import pod_identity as eks_pod_identity_association
from .input_names import Names, variable
from .options import NAMESPACE, ROLE_ARN, SERVICE_ACCOUNT, Change, name_problems

# On associations of these lists. Others with the owner's tag are created and removed by other roles of the platform.
LISTED_TAG = "meshgate.io/listed-in"
LISTED = "eks_cluster_pod_identity_associations"
ADDON_KEYS = ("name", "version", "configuration_values", "role_arn", "pod_identity", "resolve_conflicts")
ENTRY_KEYS = ("principal_arn", "type", "username", "kubernetes_groups", "policies")
ASSOCIATION_KEYS = ("namespace", "service_account", "role_arn", "target_role_arn", "disable_session_tags")

# Section, resource, action, before, after.
Difference = tuple[str, str, str, dict[str, Any], dict[str, Any]]


@dataclass
class Live:
    """Their state in EKS."""

    addons: dict[str, eks_addon.Live] = field(default_factory=dict)
    versions: dict[str, dict[str, bool]] = field(default_factory=dict)
    entries: dict[str, eks_access_entry.Live] = field(default_factory=dict)
    associations: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


# What is requested


def problems(given: Mapping[str, Any], names: Names = variable) -> list[str]:
    """All problems of the lists, each as one sentence with name, value and what is accepted."""
    found: list[str] = []
    lists = (("addons", _addon_problems, ADDON_KEYS), ("access_entries", _entry_problems, ENTRY_KEYS))
    for name, check, keys in (*lists, ("pod_identity_associations", _association_problems, ASSOCIATION_KEYS)):
        entries = given.get(name) or []
        if not isinstance(entries, list):
            found.append(f"{names(name)} is {entries!r}; accepted: a list of dicts with {', '.join(keys)}")
            continue
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            where = f"{names(name)}[{number}]"
            if not isinstance(entry, dict) or set(entry) - set(keys):
                found.append(f"{where} is {entry!r}; accepted: a dict with {', '.join(keys)}")
                continue
            found += check(entry, where)
            key = "/".join(str(entry.get(part)) for part in keys[: 2 if keys is ASSOCIATION_KEYS else 1])
            if key in seen:
                found.append(f"{where} is a second entry of {key}; accepted: one")
            seen.add(key)
    if given.get("access_entries") and given.get("authentication_mode") == "CONFIG_MAP":
        found.append(f"{names('access_entries')} are given; accepted: none, since {names('authentication_mode')} is CONFIG_MAP")
    return found


def _addon_problems(addon: dict[str, Any], where: str) -> list[str]:
    found = []
    if not eks_addon.NAME.fullmatch(str(addon.get("name", ""))):
        found.append(f"{where}.name is {addon.get('name')!r}; accepted: the name of an add-on such as vpc-cni")
    if addon.get("version") and not eks_addon.VERSION.fullmatch(str(addon["version"])):
        found.append(f"{where}.version is {addon['version']!r}; accepted: default, latest, or a version such as v1.21.1-eksbuild.1")
    if not isinstance(addon.get("configuration_values") or {}, dict):
        found.append(f"{where}.configuration_values is {addon['configuration_values']!r}; accepted: a dict")
    if addon.get("resolve_conflicts") not in (None, *eks_addon.CONFLICTS):
        found.append(f"{where}.resolve_conflicts is {addon['resolve_conflicts']!r}; accepted: {' | '.join(eks_addon.CONFLICTS)}")
    if addon.get("role_arn"):
        found += [f"{where}.{said}" for said in name_problems(addon, role_arn=ROLE_ARN)]
    identity = addon.get("pod_identity")
    if identity not in (None, {}):
        if not isinstance(identity, dict) or set(identity) != {"role_arn", "service_account"}:
            found.append(f"{where}.pod_identity is {identity!r}; accepted: a dict with role_arn and service_account")
        else:
            found += [f"{where}.pod_identity.{said}" for said in name_problems(identity, role_arn=ROLE_ARN, service_account=SERVICE_ACCOUNT)]
        if addon.get("role_arn"):
            found.append(f"{where} has role_arn and pod_identity; accepted: one of them")
    return found


def _entry_problems(entry: dict[str, Any], where: str) -> list[str]:
    return eks_access_entry.problems(entry, f"{where}.")


def _association_problems(association: dict[str, Any], where: str) -> list[str]:
    given = {key: association.get(key) or "" for key in ("namespace", "service_account", "role_arn")}
    if association.get("target_role_arn"):
        given["target_role_arn"] = association["target_role_arn"]
    rules = {"namespace": NAMESPACE, "service_account": SERVICE_ACCOUNT, "role_arn": ROLE_ARN, "target_role_arn": ROLE_ARN}
    return [f"{where}.{said}" for said in name_problems(given, **rules)]


def addon_options(addon: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    """An add-on, with None for what stays as it is: configuration and credentials that the list does not set.

    One type of credentials replaces the other.
    """
    identity, role_arn = addon.get("pod_identity"), addon.get("role_arn")
    return {
        "name": addon["name"],
        "version": addon.get("version"),
        "configuration_values": addon.get("configuration_values"),
        "role_arn": "" if identity else role_arn,
        "pod_identity_associations": [identity] if identity else [] if role_arn or identity is not None else None,
        # A new cluster has some of them self-managed: they are adopted.
        "resolve_conflicts": addon.get("resolve_conflicts") or "OVERWRITE",
        "tags": tags,
    }


def enforced_network_policy(options: dict[str, Any], live: eks_addon.Live | None) -> dict[str, Any]:
    """Without enableNetworkPolicy the VPC CNI ignores NetworkPolicies. An existing value, from the list or set by hand, stays.

    https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html
    """
    said = options["configuration_values"]
    base = said if said is not None else eks_addon.view(live)["configuration_values"] if live else {}
    if options["name"] != "vpc-cni" or not isinstance(base, dict):
        return options
    return {**options, "configuration_values": {"enableNetworkPolicy": "true", **base}}


def entry_options(entry: dict[str, Any], live: eks_access_entry.Live | None, tags: dict[str, str]) -> dict[str, Any]:
    """An access entry: groups and policies that it does not list are removed, if its type can have them at all."""
    kind = entry.get("type") or (live.entry.get("type") if live else None) or "STANDARD"
    return {
        "principal_arn": entry["principal_arn"],
        "type": entry.get("type"),
        "username": entry.get("username"),
        "kubernetes_groups": entry.get("kubernetes_groups") or ([] if kind == "STANDARD" else None),
        "policies": entry.get("policies") or ([] if kind in eks_access_entry.WITH_POLICIES else None),
        "tags": tags,
    }


def association_options(association: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    return {
        "namespace": association["namespace"],
        "service_account": association["service_account"],
        "role_arn": association["role_arn"],
        "target_role_arn": association.get("target_role_arn"),
        "disable_session_tags": association.get("disable_session_tags"),
        "tags": {**tags, LISTED_TAG: LISTED},
    }


def wanted(given: dict[str, Any], live: Live) -> dict[str, list[dict[str, Any]]]:
    """The lists with defaults for everything that was omitted."""
    tags = {**{str(key): str(value) for key, value in (given.get("tags") or {}).items()}, OWNER_TAG: given["name"]}
    addons = [addon_options(addon, tags) for addon in given.get("addons") or []]
    return {
        "addons": [enforced_network_policy(options, live.addons.get(options["name"])) for options in addons],
        "access_entries": [entry_options(entry, live.entries.get(entry["principal_arn"]), tags) for entry in given.get("access_entries") or []],
        "pod_identity_associations": [association_options(one, tags) for one in given.get("pod_identity_associations") or []],
    }


def is_complete(given: dict[str, Any], name: str) -> bool:
    """Whether a list is complete, so that what is ours and not in it is deleted. An unset list is not."""
    return isinstance(given.get(name), list) and (name != "addons" or given.get("purge_addons", True))


# The current state


def read(aws: Aws, given: dict[str, Any]) -> Live:
    """Two rounds of parallel calls."""
    name, kubernetes = given["name"], str(given["version"])
    where = {"clusterName": name}
    addons, principals, associations = aws.run_parallel(
        partial(_listed, aws, "list_addons", "addons", **where),
        partial(_listed, aws, "list_access_entries", "accessEntries", **where),
        partial(_listed, aws, "list_pod_identity_associations", "associations", **where),
    )
    mine = [one for one in associations or [] if not one.get("ownerArn")]
    listed = {(one["namespace"], one["service_account"]) for one in given.get("pod_identity_associations") or []}
    offered = sorted({addon["name"] for addon in given.get("addons") or []})
    calls: dict[tuple[str, Any], Callable[[], Any]] = {}
    calls |= {("addon", addon): partial(eks_addon.read, aws, name, addon) for addon in addons or []}
    calls |= {("versions", addon): partial(eks_addon.offered, aws, addon, kubernetes) for addon in offered}
    calls |= {("entry", principal): partial(eks_access_entry.read, aws, name, principal) for principal in principals or []}
    calls |= {
        ("association", one["associationId"]): partial(
            aws.find, "eks", "describe_pod_identity_association", "association", clusterName=name, associationId=one["associationId"]
        )
        for one in mine
    }
    live = Live()
    for (kind, key), answer in zip(calls, aws.run_parallel(*calls.values()), strict=True):
        if kind == "versions":
            live.versions[key] = answer
        elif answer is None:
            continue
        elif kind == "addon":
            live.addons[key] = answer
        elif kind == "entry":
            live.entries[key] = answer
        elif (answer["namespace"], answer["serviceAccount"]) in listed or _is_listed(answer, _owner(given)):
            live.associations[(answer["namespace"], answer["serviceAccount"])] = answer
    return live


def _listed(aws: Aws, operation: str, key: str, **where: str) -> list[Any] | None:
    try:
        return aws.pages("eks", operation, key, **where)
    except AwsError as error:
        # No cluster, or one whose authentication mode has no access entries.
        if error.code in ("ResourceNotFoundException", "InvalidRequestException"):
            return None
        raise


def _owner(given: dict[str, Any]) -> Owner:
    return Owner(given["name"], given.get("region") or "")


def _is_listed(association: dict[str, Any], owner: Owner) -> bool:
    tags = association.get("tags") or {}
    return owner.owns(tags) and tags.get(LISTED_TAG) == LISTED


# What differs


@dataclass
class Work:
    """One thing to change, and how."""

    section: str
    resource: str
    action: str
    change: Change
    options: dict[str, Any]
    live: Any = None

    @property
    def acts(self) -> bool:
        """Whether there is a call to make, and not only something to wait for."""
        return self.action != "update" or set(self.change.after) != {"status"} or bool(getattr(self.change, "action", ""))

    @property
    def busy(self) -> bool:
        """Whether EKS is still executing an earlier change of an add-on, which may be the desired one."""
        return isinstance(self.live, eks_addon.Live) and self.live.addon["status"] in ("CREATING", "UPDATING") and self.acts


def work(given: dict[str, Any], live: Live) -> list[Work]:
    """All changes, in order."""
    lists = wanted(given, live)
    return [
        *_entry_work(given, live, lists["access_entries"]),
        *_addon_work(given, live, lists["addons"]),
        *_association_work(given, live, lists["pod_identity_associations"]),
    ]


def _entry_work(given: dict[str, Any], live: Live, listed: list[dict[str, Any]]) -> list[Work]:
    owner = _owner(given)
    found = []
    for options in listed:
        principal = options["principal_arn"]
        there = live.entries.get(principal)
        options = _unowned(options, there.entry if there else None, owner)
        change = eks_access_entry.plan_entry(there, options, purge_tags=False)
        if there is None or change.changed:
            found.append(Work("access", f"access entry {principal}", "update" if there else "create", change, options, there))
    kept = {options["principal_arn"] for options in listed}
    for principal, there in sorted(live.entries.items()):
        if is_complete(given, "access_entries") and principal not in kept and owner.owns(there.entry.get("tags") or {}):
            found.append(Work("access", f"access entry {principal}", "delete", _removal(eks_access_entry.view(there)), {}, there))
    return found


def _addon_work(given: dict[str, Any], live: Live, listed: list[dict[str, Any]]) -> list[Work]:
    owner = _owner(given)
    found = []
    for options in listed:
        addon = live.addons.get(options["name"])
        addon = None if addon and addon.addon["status"] == "DELETING" else addon
        options = _unowned(options, addon.addon if addon else None, owner)
        versions = live.versions.get(options["name"])
        if versions is None:
            # Not read: an account that does not answer counts as empty in check mode.
            change = eks_addon.Plan(after={"version": options["version"] or "default"}, action="create")
        else:
            change = eks_addon.plan_addon(addon, options, versions, str(given["version"]), purge_tags=False)
        # If there should be nodes, a degraded add-on is either still starting, or needs attention.
        if addon and addon.addon["status"] in (("CREATING", "UPDATING", "DEGRADED") if _wants_nodes(given) else ("CREATING", "UPDATING")):
            change.differs("status", addon.addon["status"], "ACTIVE")
        if change.changed:
            found.append(Work("addons", f"add-on {options['name']}", "update" if addon else "create", change, options, addon))
    kept = {options["name"] for options in listed}
    for name, addon in sorted(live.addons.items()):
        ours = owner.owns(addon.addon.get("tags") or {}) and addon.addon["status"] != "DELETING"
        if is_complete(given, "addons") and name not in kept and ours:
            found.append(Work("addons", f"add-on {name}", "delete", _removal(eks_addon.view(addon)), {}, addon))
    return found


def _association_work(given: dict[str, Any], live: Live, listed: list[dict[str, Any]]) -> list[Work]:
    owner = _owner(given)
    found = []
    for options in listed:
        key = (options["namespace"], options["service_account"])
        there = live.associations.get(key)
        options = _unowned(options, there, owner)
        change = eks_pod_identity_association.plan_association(there, options, purge_tags=False)
        if there is None or change.changed:
            found.append(Work("access", eks_pod_identity_association.title(*key), "update" if there else "create", change, options, there))
    kept = {(options["namespace"], options["service_account"]) for options in listed}
    for key, association in sorted(live.associations.items()):
        if is_complete(given, "pod_identity_associations") and key not in kept:
            removal = _removal(eks_pod_identity_association.view(association))
            found.append(Work("access", eks_pod_identity_association.title(*key), "delete", removal, {}, association))
    return found


def _unowned(options: dict[str, Any], live: dict[str, Any] | None, owner: Owner) -> dict[str, Any]:
    """What others created is changed if it is listed, and stays theirs: without our tag it is never deleted, for example the creator's entry."""
    theirs = live is not None and not owner.owns(live.get("tags") or {})
    return {**options, "tags": None} if theirs else options


def _wants_nodes(given: dict[str, Any]) -> bool:
    return any(group.get("desired_size", 1) for group in given.get("node_groups") or [])


def _removal(before: dict[str, Any]) -> Change:
    return Change(before=before)


def differences(given: dict[str, Any], live: Live) -> list[Difference]:
    """What differs, in readable form: section, resource, action, before, after."""
    return [(one.section, one.resource, one.action, one.change.before if one.action == "update" else {}, one.change.after) for one in work(given, live)]


def addon_versions(live: Live) -> dict[str, str]:
    return {name: addon.addon.get("addonVersion", "") for name, addon in sorted(live.addons.items())}


# Making the changes


def settle(aws: Aws, given: dict[str, Any], todo: list[Work], waits: tuple[float, float]) -> list[Work]:
    """What to do when the changes of an earlier run are complete."""
    busy = [one.live.addon["addonName"] for one in todo if one.busy]
    if busy:
        aws.run_parallel(*[partial(eks_addon.wait_until_settled, aws, given["name"], name, *waits) for name in busy])
        todo = work(given, read(aws, given))
    return [one for one in todo if one.acts]


def begin(aws: Aws, given: dict[str, Any], todo: list[Work], waits: tuple[float, float]) -> None:
    """Everything in parallel, without waiting for new add-ons: some need nodes that need others of them."""
    aws.prepare("eks", "iam")
    aws.run_parallel(*[partial(_carry_out, aws, given["name"], one, waits) for one in todo])


def _carry_out(aws: Aws, cluster: str, one: Work, waits: tuple[float, float]) -> None:
    change: Any = one.change
    if one.resource.startswith("add-on "):
        if one.action == "delete":
            eks_addon.remove(aws, cluster, one.live.addon, False, waits, wait=False)
        elif change.action or change.tags_to_set:
            eks_addon.apply(aws, cluster, one.options["name"], one.live, change, waits, wait=False)
    elif one.resource.startswith("access entry "):
        if one.action == "delete":
            eks_access_entry.remove(aws, cluster, one.live.entry["principalArn"])
        else:
            eks_access_entry.apply(aws, cluster, one.live, change, one.options["principal_arn"])
    elif one.action == "delete":
        eks_pod_identity_association.remove(aws, cluster, one.live)
    else:
        eks_pod_identity_association.apply(aws, cluster, one.options["namespace"], one.options["service_account"], one.live, change)


def ready(aws: Aws, given: dict[str, Any], waits: tuple[float, float]) -> None:
    """Wait until every listed add-on is active, in parallel. Without nodes, skip those that need one."""
    name = given["name"]
    aws.prepare("eks")
    groups = aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name)
    sizes = aws.run_parallel(*[partial(_size, aws, name, group) for group in groups])
    nodes = any(sizes) or bool(aws.pages("eks", "list_fargate_profiles", "fargateProfileNames", clusterName=name))
    awaited = [addon["name"] for addon in given.get("addons") or [] if nodes or addon["name"] not in eks_addon.NEED_NODES]
    aws.run_parallel(*[partial(eks_addon.wait_until_active, aws, name, addon, *waits) for addon in awaited])


def _size(aws: Aws, cluster: str, group: str) -> int:
    found = aws.find("eks", "describe_nodegroup", "nodegroup", clusterName=cluster, nodegroupName=group)
    return int(found["scalingConfig"].get("desiredSize") or 0) if found else 0
