# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a cluster has besides nodes: its add-ons, access entries and Pod Identity associations, as lists of all that shall be there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_access_entry, eks_addon, eks_pod_identity_association
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Aws, AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_options import NAMESPACE, ROLE_ARN, SERVICE_ACCOUNT, Change, name_problems

# On associations of these lists. Others with the owner's tag are made by other roles of the platform, which also remove them.
LISTED_TAG = "meshgate.io/listed-in"
LISTED = "eks_cluster_pod_identity_associations"
ADDON_KEYS = ("name", "version", "configuration_values", "role_arn", "pod_identity", "resolve_conflicts")
ENTRY_KEYS = ("principal_arn", "type", "username", "kubernetes_groups", "policies")
ASSOCIATION_KEYS = ("namespace", "service_account", "role_arn", "target_role_arn", "disable_session_tags")

# Section, resource, action, before, after.
Difference = tuple[str, str, str, dict[str, Any], dict[str, Any]]


@dataclass
class Live:
    """What EKS has of them."""

    addons: dict[str, eks_addon.Live] = field(default_factory=dict)
    versions: dict[str, dict[str, bool]] = field(default_factory=dict)
    entries: dict[str, eks_access_entry.Live] = field(default_factory=dict)
    associations: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


# What is asked for


def problems(given: dict[str, Any], prefix: str = "eks_cluster_") -> list[str]:
    """Everything that is wrong with the lists, each as one sentence with variable, value and what is accepted."""
    found: list[str] = []
    lists = (("addons", _addon_problems, ADDON_KEYS), ("access_entries", _entry_problems, ENTRY_KEYS))
    for name, check, keys in (*lists, ("pod_identity_associations", _association_problems, ASSOCIATION_KEYS)):
        entries = given.get(name) or []
        if not isinstance(entries, list):
            found.append(f"{prefix}{name} is {entries!r}; accepted: a list of dicts with {', '.join(keys)}")
            continue
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            where = f"{prefix}{name}[{number}]"
            if not isinstance(entry, dict) or set(entry) - set(keys):
                found.append(f"{where} is {entry!r}; accepted: a dict with {', '.join(keys)}")
                continue
            found += check(entry, where)
            key = "/".join(str(entry.get(part)) for part in keys[: 2 if keys is ASSOCIATION_KEYS else 1])
            if key in seen:
                found.append(f"{where} is a second entry of {key}; accepted: one")
            seen.add(key)
    if given.get("access_entries") and given.get("authentication_mode") == "CONFIG_MAP":
        found.append(f"{prefix}access_entries are given; accepted: none, since {prefix}authentication_mode is CONFIG_MAP")
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
    if identity is not None:
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
    """An add-on with everything that was left out. What is listed here is all there shall be: no configuration means the add-on's defaults."""
    identity = addon.get("pod_identity")
    return {
        "name": addon["name"],
        "version": addon.get("version"),
        "configuration_values": addon.get("configuration_values") or {},
        "role_arn": addon.get("role_arn") or "",
        "pod_identity_associations": [identity] if identity else [],
        # A new cluster has some of them self-managed: they are taken over.
        "resolve_conflicts": addon.get("resolve_conflicts") or "OVERWRITE",
        "tags": tags,
    }


def entry_options(entry: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    return {
        "principal_arn": entry["principal_arn"],
        "type": entry.get("type"),
        "username": entry.get("username"),
        "kubernetes_groups": entry.get("kubernetes_groups") or ([] if (entry.get("type") or "STANDARD") == "STANDARD" else None),
        "policies": entry.get("policies") or ([] if (entry.get("type") or "STANDARD") in ("STANDARD", "EC2") else None),
        "tags": tags,
    }


def association_options(association: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    return {
        "namespace": association["namespace"],
        "service_account": association["service_account"],
        "role_arn": association["role_arn"],
        "target_role_arn": association.get("target_role_arn") or "",
        "disable_session_tags": bool(association.get("disable_session_tags")),
        "tags": {**tags, LISTED_TAG: LISTED},
    }


def wanted(given: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The lists with everything that was left out."""
    tags = {**{str(key): str(value) for key, value in (given.get("tags") or {}).items()}, OWNER_TAG: given["name"]}
    return {
        "addons": [addon_options(addon, tags) for addon in given.get("addons") or []],
        "access_entries": [entry_options(entry, tags) for entry in given.get("access_entries") or []],
        "pod_identity_associations": [association_options(one, tags) for one in given.get("pod_identity_associations") or []],
    }


# What there is


def read(aws: Aws, given: dict[str, Any]) -> Live:
    """Two rounds of calls, each at the same time."""
    name, kubernetes = given["name"], str(given["version"])
    where = {"clusterName": name}
    addons, principals, associations = aws.together(
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
    for (kind, key), answer in zip(calls, aws.together(*calls.values()), strict=True):
        if kind == "versions":
            live.versions[key] = answer
        elif answer is None:
            continue
        elif kind == "addon":
            live.addons[key] = answer
        elif kind == "entry":
            live.entries[key] = answer
        elif (answer["namespace"], answer["serviceAccount"]) in listed or _is_listed(answer, name):
            live.associations[(answer["namespace"], answer["serviceAccount"])] = answer
    return live


def _listed(aws: Aws, operation: str, key: str, **where: str) -> list[Any] | None:
    try:
        return aws.pages("eks", operation, key, **where)
    except AwsError as error:
        # No cluster, or one whose authentication mode knows no access entries.
        if error.code in ("ResourceNotFoundException", "InvalidRequestException"):
            return None
        raise


def _is_listed(association: dict[str, Any], cluster: str) -> bool:
    tags = association.get("tags") or {}
    return tags.get(OWNER_TAG) == cluster and tags.get(LISTED_TAG) == LISTED


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
        """Whether there is something to call, and not only to wait for."""
        return self.action != "update" or set(self.change.after) != {"status"} or bool(getattr(self.change, "action", ""))

    @property
    def busy(self) -> bool:
        """Whether EKS is still at an earlier change of an add-on, which may be the one that is wanted."""
        return isinstance(self.live, eks_addon.Live) and self.live.addon["status"] in ("CREATING", "UPDATING") and self.acts


def work(given: dict[str, Any], live: Live) -> list[Work]:
    """All that is to be done, in the order in which to do it."""
    name, kubernetes = given["name"], str(given["version"])
    lists = wanted(given)
    found: list[Work] = []
    change: Change
    for options in lists["access_entries"]:
        principal = options["principal_arn"]
        there = live.entries.get(principal)
        options = _unowned(options, there.entry if there else None, name)
        change = eks_access_entry.plan_entry(there, options, purge_tags=False)
        if there is None or change.changed:
            found.append(Work("access", f"access entry {principal}", "update" if there else "create", change, options, there))
    kept = {options["principal_arn"] for options in lists["access_entries"]}
    for principal, there in sorted(live.entries.items()):
        if principal not in kept and (there.entry.get("tags") or {}).get(OWNER_TAG) == name:
            found.append(Work("access", f"access entry {principal}", "delete", _removal(eks_access_entry.view(there)), {}, there))
    for options in lists["addons"]:
        addon = live.addons.get(options["name"])
        addon = None if addon and addon.addon["status"] == "DELETING" else addon
        options = _unowned(options, addon.addon if addon else None, name)
        versions = live.versions.get(options["name"])
        if versions is None:
            # Nobody was asked: an account that does not answer counts as empty in check mode.
            change = eks_addon.Plan(after={"version": options["version"] or "default"}, action="create")
        else:
            change = eks_addon.plan_addon(addon, options, versions, kubernetes, purge_tags=False)
        # Where there shall be nodes, a degraded add-on is one that is still awaited, or one that somebody has to look at.
        if addon and addon.addon["status"] in (("CREATING", "UPDATING", "DEGRADED") if _wants_nodes(given) else ("CREATING", "UPDATING")):
            change.differs("status", addon.addon["status"], "ACTIVE")
        if change.changed:
            found.append(Work("addons", f"add-on {options['name']}", "update" if addon else "create", change, options, addon))
    kept = {options["name"] for options in lists["addons"]}
    for addon_name, addon in sorted(live.addons.items()):
        if addon_name not in kept and (addon.addon.get("tags") or {}).get(OWNER_TAG) == name and addon.addon["status"] != "DELETING":
            found.append(Work("addons", f"add-on {addon_name}", "delete", _removal(eks_addon.view(addon)), {}, addon))
    for options in lists["pod_identity_associations"]:
        key = (options["namespace"], options["service_account"])
        association = live.associations.get(key)
        options = _unowned(options, association, name)
        change = eks_pod_identity_association.plan_association(association, options, purge_tags=False)
        if association is None or change.changed:
            resource = eks_pod_identity_association.title(*key)
            found.append(Work("access", resource, "update" if association else "create", change, options, association))
    listed = {(one["namespace"], one["service_account"]) for one in lists["pod_identity_associations"]}
    for key, association in sorted(live.associations.items()):
        if key not in listed:
            change = _removal(eks_pod_identity_association.view(association))
            found.append(Work("access", eks_pod_identity_association.title(*key), "delete", change, {}, association))
    return found


def _unowned(options: dict[str, Any], live: dict[str, Any] | None, cluster: str) -> dict[str, Any]:
    """What somebody else made is brought to what is listed, and stays theirs: without our tag it is never deleted, for example the creator's entry."""
    theirs = live is not None and (live.get("tags") or {}).get(OWNER_TAG) != cluster
    return {**options, "tags": None} if theirs else options


def _wants_nodes(given: dict[str, Any]) -> bool:
    return any(group.get("desired_size", 1) for group in given.get("node_groups") or [])


def _removal(before: dict[str, Any]) -> Change:
    return Change(before=before)


def differences(given: dict[str, Any], live: Live) -> list[Difference]:
    """What differs, for people: section, resource, action, before, after."""
    return [(one.section, one.resource, one.action, one.change.before if one.action == "update" else {}, one.change.after) for one in work(given, live)]


def addon_versions(live: Live) -> dict[str, str]:
    return {name: addon.addon.get("addonVersion", "") for name, addon in sorted(live.addons.items())}


# Making it so


def settle(aws: Aws, given: dict[str, Any], todo: list[Work], waits: tuple[float, float]) -> list[Work]:
    """What is to be done when the changes that an earlier run began are over."""
    busy = [one.live.addon["addonName"] for one in todo if one.busy]
    if busy:
        aws.together(*[partial(eks_addon.wait_until_settled, aws, given["name"], name, *waits) for name in busy])
        todo = work(given, read(aws, given))
    return [one for one in todo if one.acts]


def begin(aws: Aws, given: dict[str, Any], todo: list[Work], waits: tuple[float, float]) -> None:
    """Everything at the same time. New add-ons are not awaited: some wait for nodes that wait for others of them."""
    aws.prepare("eks", "iam")
    aws.together(*[partial(_carry_out, aws, given["name"], one, waits) for one in todo])


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
    """Wait until every listed add-on is active, all at the same time. Without nodes, those that need one are not awaited."""
    name = given["name"]
    aws.prepare("eks")
    groups = aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name)
    sizes = aws.together(*[partial(_size, aws, name, group) for group in groups])
    nodes = any(sizes) or bool(aws.pages("eks", "list_fargate_profiles", "fargateProfileNames", clusterName=name))
    awaited = [addon["name"] for addon in given.get("addons") or [] if nodes or addon["name"] not in eks_addon.NEED_NODES]
    aws.together(*[partial(eks_addon.wait_until_active, aws, name, addon, *waits) for addon in awaited])


def _size(aws: Aws, cluster: str, group: str) -> int:
    found = aws.find("eks", "describe_nodegroup", "nodegroup", clusterName=cluster, nodegroupName=group)
    return int(found["scalingConfig"].get("desiredSize") or 0) if found else 0
