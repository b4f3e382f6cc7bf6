# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Who may use an EKS cluster: an access entry and its policies, what differs from what was asked for, and which calls make it so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, Refused
from ansible_collections.meshgate.eks_istio.plugins.module_utils.certain import certain
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_calls import eventually, gone, with_young_role
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_options import Change, given

TYPES = ("STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX")
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
            wrong("type", "STANDARD, since kubernetes_groups or username is given")
        if wanted.get("policies") and kind != "EC2":
            wrong("type", "STANDARD or EC2, since policies are given")
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
            wrong("policies", "namespaces of Kubernetes, with * where any text may be", policy)
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
    """What DescribeAccessEntry and ListAssociatedAccessPolicies say, in the words of the module's options."""
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
    """Compare. Options that were not given (None) are left as they are."""
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
    """Make the planned calls. New permissions come before old ones go, so that nobody is locked out on the way."""
    where: dict[str, Any] = {"clusterName": cluster, "principalArn": principal}
    if plan.create:
        with_young_role(aws, principal if ":role/" in principal else None, lambda: _create(aws, cluster, plan.create))
    elif live is not None:
        plan.apply_tags(aws, live.entry["accessEntryArn"])
    if plan.update:
        # Whatever is not said in an update keeps its value; the groups are said with the name, since EKS replaces both.
        groups = plan.update.get("kubernetesGroups", certain(live).entry.get("kubernetesGroups") or [])
        aws.call("eks", "update_access_entry", **where, **{"kubernetesGroups": groups, **plan.update})
    for policy in plan.associate:
        associate = {**where, "policyArn": policy["policy"], "accessScope": policy["scope"]}
        eventually(aws, partial(aws.call, "eks", "associate_access_policy", **associate))
    for arn in plan.disassociate:
        gone(partial(aws.call, "eks", "disassociate_access_policy", **where, policyArn=arn))
    found = eventually(aws, lambda: aws.call("eks", "describe_access_entry", **where))
    return Live(found["accessEntry"], (read(aws, cluster, principal) or Live({})).policies)


def _create(aws: Aws, cluster: str, request: dict[str, Any]) -> None:
    try:
        aws.call("eks", "create_access_entry", clusterName=cluster, **request)
    except AwsError as error:
        # A create whose answer was lost is found done.
        if error.code != "ResourceInUseException" or read(aws, cluster, request["principalArn"]) is None:
            raise


def remove(aws: Aws, cluster: str, principal: str) -> None:
    gone(lambda: aws.call("eks", "delete_access_entry", clusterName=cluster, principalArn=principal))
