# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who may use an EKS cluster: an access entry and its policies, what differs from the request, and which calls change it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from ..aws.client import Aws, AwsError
from ..aws.module import Task
from ..aws.patience import gone, patiently, while_busy
from ..common.failure import Refused
from ..common.require import require
from . import cluster as eks_cluster
from .calls import with_young_role
from .options import Change, given, text_tags

TYPES = ("STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX")
# EKS associates no access policies with the entries of nodes ("Access policies can't be associated with an access entry of type EC2_LINUX").
WITH_POLICIES = ("STANDARD", "EC2")
PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9_+=,.@/-]+)")
POLICY = re.compile(r"(arn:aws[a-z-]*:eks::aws:cluster-access-policy/)?[A-Za-z0-9]+")
NAMESPACE_PATTERN = re.compile(r"[a-z0-9*]([a-z0-9*-]{0,61}[a-z0-9*])?")
# "Create access entries" of the EKS user guide: neither a group nor a user name may begin with these.
RESERVED = ("system:", "eks:", "aws:", "amazon:", "iam:")


@dataclass
class Plan(Change):
    create: dict[str, Any] = field(default_factory=dict)
    update: dict[str, Any] = field(default_factory=dict)
    associate: list[dict[str, Any]] = field(default_factory=list)
    disassociate: list[str] = field(default_factory=list)


@dataclass
class Live:
    """An access entry as EKS describes it, with its associated policies."""

    entry: dict[str, Any]
    policies: list[dict[str, Any]] = field(default_factory=list)


def problems(wanted: dict[str, Any], where: str = "") -> list[str]:
    """What EKS would refuse, each as one sentence."""
    found: list[str] = []

    def wrong(key: str, accepted: str, value: Any = None) -> None:
        found.append(f"{where}{key} is {wanted.get(key) if value is None else value!r}; accepted: {accepted}")

    principal = str(wanted.get("principal_arn"))
    kind = wanted.get("type") or "STANDARD"
    if not PRINCIPAL.fullmatch(principal):
        wrong("principal_arn", "the ARN of an IAM role or user, not of a session, such as arn:aws:iam::123456789012:role/name")
    if kind not in TYPES:
        wrong("type", " | ".join(TYPES))
    elif kind != "STANDARD":
        if ":role/" not in principal:
            wrong("principal_arn", f"the ARN of an IAM role, since type is {kind}")
        if wanted.get("kubernetes_groups") or wanted.get("username"):
            wrong("type", "STANDARD, since kubernetes_groups or username is set")
        if wanted.get("policies") and kind not in WITH_POLICIES:
            wrong("type", "STANDARD or EC2, since policies is set")
    for group in wanted.get("kubernetes_groups") or []:
        if not isinstance(group, str) or not group or group.startswith(RESERVED):
            wrong("kubernetes_groups", f"names that do not begin with {', '.join(RESERVED)}", group)
    if wanted.get("username") and str(wanted["username"]).startswith(RESERVED):
        wrong("username", f"a name that does not begin with {', '.join(RESERVED)}")
    for policy in wanted.get("policies") or []:
        if not isinstance(policy, dict) or not POLICY.fullmatch(str(policy.get("policy", ""))):
            wrong("policies", "a list of {policy, scope} with the name or ARN of an access policy such as AmazonEKSViewPolicy", policy)
            continue
        scope = policy.get("scope") or {}
        namespaces = scope.get("namespaces") or []
        if scope.get("type", "cluster") not in ("cluster", "namespace"):
            wrong("policies", "a scope of type cluster | namespace", policy)
        elif (scope.get("type") == "namespace") != bool(namespaces):
            wrong("policies", "namespaces with a scope of type namespace, and none with cluster", policy)
        elif any(not NAMESPACE_PATTERN.fullmatch(str(namespace)) for namespace in namespaces):
            wrong("policies", "Kubernetes namespaces, with * as a wildcard", policy)
    names = [str(policy.get("policy")).rsplit("/", 1)[-1] for policy in wanted.get("policies") or [] if isinstance(policy, dict)]
    if len(set(names)) != len(names):
        wrong("policies", "each policy once", names)
    return found


def policy_arn(policy: str, principal: str) -> str:
    """A policy's ARN, by its name or ARN, in the principal's partition."""
    return policy if policy.startswith("arn:") else f"arn:{principal.split(':')[1]}:eks::aws:cluster-access-policy/{policy}"


def normal_policies(policies: list[dict[str, Any]], principal: str) -> list[dict[str, Any]]:
    result = []
    for one in policies:
        scope = given(one.get("scope") or {})
        entry: dict[str, Any] = {"policy": policy_arn(one["policy"], principal), "scope": {"type": scope.get("type") or "cluster"}}
        if scope.get("namespaces"):
            entry["scope"]["namespaces"] = sorted(scope["namespaces"])
        result.append(entry)
    return sorted(result, key=lambda entry: entry["policy"])


def view(live: Live) -> dict[str, Any]:
    """The results of DescribeAccessEntry and ListAssociatedAccessPolicies, in terms of the module's options."""
    entry = live.entry
    policies = [{"policy": one["policyArn"], "scope": one.get("accessScope")} for one in live.policies]
    return {
        "principal_arn": entry["principalArn"],
        "type": entry.get("type") or "STANDARD",
        "username": entry.get("username"),
        "kubernetes_groups": sorted(entry.get("kubernetesGroups") or []),
        "policies": normal_policies(policies, entry["principalArn"]),
        "tags": dict(entry.get("tags") or {}),
    }


def plan_entry(live: Live | None, options: dict[str, Any], purge_policies: bool = True, purge_tags: bool = True) -> Plan:
    """Compare. Unset options (None) are left as they are."""
    principal = options["principal_arn"]
    wanted = given(options)
    if "kubernetes_groups" in wanted:
        wanted["kubernetes_groups"] = sorted(wanted["kubernetes_groups"])
    if "policies" in wanted:
        wanted["policies"] = normal_policies(wanted["policies"], principal)
    if live is None:
        request = {
            "type": wanted.get("type"),
            "username": wanted.get("username"),
            "kubernetesGroups": wanted.get("kubernetes_groups") or None,
            "tags": wanted.get("tags") or None,
        }
        after = {key: value for key, value in wanted.items() if key != "principal_arn"}
        return Plan(after=after, create={"principalArn": principal, **given(request)}, associate=wanted.get("policies") or [])
    now, plan = view(live), Plan()
    if "type" in wanted and wanted["type"] != now["type"]:
        raise Refused(f"EKS cannot change the type of access entry {principal}: it is {now['type']}, not {wanted['type']}. Delete it first (state: absent)")
    _refuse_of_nodes(now, wanted)
    if "username" in wanted and plan.differs("username", now["username"], wanted["username"]):
        plan.update["username"] = wanted["username"]
    if "kubernetes_groups" in wanted and plan.differs("kubernetes_groups", now["kubernetes_groups"], wanted["kubernetes_groups"]):
        plan.update["kubernetesGroups"] = wanted["kubernetes_groups"]
    if "policies" in wanted:
        names = {one["policy"] for one in wanted["policies"]}
        kept = [] if purge_policies else [one for one in now["policies"] if one["policy"] not in names]
        target = sorted(wanted["policies"] + kept, key=lambda one: one["policy"])
        if plan.differs("policies", now["policies"], target):
            plan.associate = [one for one in wanted["policies"] if one not in now["policies"]]
            plan.disassociate = [one["policy"] for one in now["policies"] if one["policy"] not in {other["policy"] for other in target}]
    plan.compare_tags(wanted.get("tags"), now["tags"], purge_tags)
    return plan


def _refuse_of_nodes(now: dict[str, Any], wanted: dict[str, Any]) -> None:
    """An entry without a requested type may be one that EKS created for nodes, which accepts none of these."""
    takes = {"username": ("STANDARD",), "kubernetes_groups": ("STANDARD",), "policies": WITH_POLICIES}
    refused = [key for key, kinds in takes.items() if wanted.get(key) and wanted[key] != now[key] and now["type"] not in kinds]
    if refused:
        what = f"access entry {now['principal_arn']} is of type {now['type']}, to which EKS gives no {' and no '.join(refused)}"
        raise Refused(f"{what}; accepted: an entry without, or the role of people or of pods instead of one of nodes")


def read(aws: Aws, cluster: str, principal: str) -> Live | None:
    where = {"clusterName": cluster, "principalArn": principal}
    entry = aws.find("eks", "describe_access_entry", "accessEntry", **where)
    if entry is None:
        return None
    try:
        return Live(entry, aws.pages("eks", "list_associated_access_policies", "associatedAccessPolicies", **where))
    except AwsError as error:
        # Entries of nodes take no policies.
        if error.code == "InvalidRequestException":
            return Live(entry)
        raise


def apply(aws: Aws, cluster: str, live: Live | None, plan: Plan, principal: str) -> Live:
    """Make the planned calls. New permissions are added before old ones are removed, so that nobody is locked out in between."""
    where: dict[str, Any] = {"clusterName": cluster, "principalArn": principal}
    change = partial(while_busy, f"access entry {principal}")
    if plan.create:
        role = principal if ":role/" in principal else None
        change(lambda: with_young_role(aws, role, lambda: _create(aws, cluster, plan.create)))
    elif live is not None:
        plan.apply_tags(aws, live.entry["accessEntryArn"])
    if plan.update:
        # An update leaves omitted fields as they are; groups and name are sent together, since EKS replaces both.
        groups = plan.update.get("kubernetesGroups", require(live).entry.get("kubernetesGroups") or [])
        change(partial(aws.call, "eks", "update_access_entry", **where, **{"kubernetesGroups": groups, **plan.update}))
    for policy in plan.associate:
        associate = {**where, "policyArn": policy["policy"], "accessScope": policy["scope"]}
        change(partial(patiently, partial(aws.call, "eks", "associate_access_policy", **associate), aws.sleep))
    for arn in plan.disassociate:
        change(partial(gone, partial(aws.call, "eks", "disassociate_access_policy", **where, policyArn=arn)))
    found = patiently(lambda: aws.call("eks", "describe_access_entry", **where), aws.sleep)
    return Live(found["accessEntry"], (read(aws, cluster, principal) or Live({})).policies)


def _create(aws: Aws, cluster: str, request: dict[str, Any]) -> None:
    try:
        aws.call("eks", "create_access_entry", clusterName=cluster, **request)
    except AwsError as error:
        # A create whose response was lost is found done.
        if error.code != "ResourceInUseException" or read(aws, cluster, request["principalArn"]) is None:
            raise


def remove(aws: Aws, cluster: str, principal: str) -> None:
    call = partial(aws.call, "eks", "delete_access_entry", clusterName=cluster, principalArn=principal)
    while_busy(f"deletion of access entry {principal}", lambda: gone(call))


# What the module eks_access_entry does

SCOPE = {"type": {"type": "str", "choices": ["cluster", "namespace"], "default": "cluster"}, "namespaces": {"type": "list", "elements": "str"}}
OPTIONS = {
    "type": {"type": "str", "choices": list(TYPES)},
    "username": {"type": "str"},
    "kubernetes_groups": {"type": "list", "elements": "str"},
    "policies": {
        "type": "list",
        "elements": "dict",
        "options": {"policy": {"type": "str", "required": True}, "scope": {"type": "dict", "options": SCOPE}},
    },
}


def result(live: Live | None) -> dict[str, Any]:
    if live is None:
        return {"access_entry": {}}
    return {"access_entry": {**camel_dict_to_snake_dict(live.entry, ignore_list=["tags"]), "policies": view(live)["policies"]}}


def present(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    cluster, principal = params["cluster_name"], params["principal_arn"]
    wanted = {"principal_arn": principal, "tags": text_tags(params["tags"]), **{key: params[key] for key in OPTIONS}}
    live = read(aws, cluster, principal)
    if live is None and not module.check_mode and eks_cluster.describe(aws, cluster) is None:
        raise Refused(f"EKS cluster {cluster} does not exist; create it before its access entry {principal}")
    plan = plan_entry(live, wanted, params["purge_policies"], params["purge_tags"])
    changed = live is None or plan.changed
    if changed and not module.check_mode:
        live = apply(aws, cluster, live, plan, principal)
    return {"changed": changed, "diff": plan.as_diff(), **result(live)}


def absent(module: Task, aws: Aws) -> dict[str, Any]:
    cluster, principal = module.params["cluster_name"], module.params["principal_arn"]
    live = read(aws, cluster, principal)
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "access_entry": {}}
    diff = {"before": view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    remove(aws, cluster, principal)
    return {"changed": True, "diff": diff, "access_entry": {}}
