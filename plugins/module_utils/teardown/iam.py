# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""IAM resources of our cluster, which are global: by tag, regardless of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..aws import tagged as aws_tagged
from ..aws.client import Aws, AwsError, tag_list, tags_of
from ..common.ownership import OWNER_TAG, REGION_TAG, Owner
from ..eks.role_references import References, associated_roles, attached_to, issuer_region
from .found import Found

DENIED = ("AccessDenied", "AccessDeniedException")
KINDS = ("IAM role", "IAM policy", "instance profile", "OIDC provider")
# https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html: EKS creates an instance profile for a managed node group's role, and removes it.
OF_EKS = "eks-"
# The prefix that new names keep of a cluster's long name, see ownership.global_name.
PREFIX = 20


@dataclass(frozen=True)
class Place:
    """Where else to search: below a custom path, and for roles that the inventory sets."""

    path: str = "/"
    roles: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Place:
        return cls(options["iam_path"], tuple(name for name in options["iam_roles"] if name))

    def may_have(self, owner: Owner, name: str, path: str) -> bool:
        return name.startswith(owner.name[:PREFIX]) or name in self.roles or (self.path not in ("", "/") and path.startswith(self.path))


@dataclass
class Met:
    """Resources with this cluster's name in a tag, as IAM describes them, each with its tags; and what could not be read."""

    roles: list[dict[str, Any]] = field(default_factory=list)
    policies: list[dict[str, Any]] = field(default_factory=list)
    profiles: list[dict[str, Any]] = field(default_factory=list)
    providers: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def search(aws: Aws, owner: Owner, place: Place) -> Met:
    """The tagging API lists policies, instance profiles and providers by tag, and IAM itself returns the tags of all roles at once."""
    met = Met()
    aws_tagged.prepare_global(aws, owner.region)
    arns, roles, policies, profiles, providers = aws.run_parallel(
        lambda: _tagged(aws, owner, met.notes),
        lambda: _roles(aws, owner, place, met.notes),
        lambda: aws.pages("iam", "list_policies", "Policies", Scope="Local"),
        lambda: aws.pages("iam", "list_instance_profiles", "InstanceProfiles"),
        lambda: aws.call("iam", "list_open_id_connect_providers")["OpenIDConnectProviderList"],
    )
    met.roles = [role for role in roles if _marked(owner, role) or (role["RoleName"] in place.roles and not owner.whose(tags_of(role.get("Tags"))))]
    looks: list[Callable[[], dict[str, Any] | None]] = []
    for policy in policies:
        if policy["Arn"] in arns or place.may_have(owner, policy["PolicyName"], policy["Path"]):
            looks.append(partial(_policy, aws, policy))
    for profile in profiles:
        if profile["Arn"] in arns or place.may_have(owner, profile["InstanceProfileName"], profile["Path"]):
            looks.append(partial(aws.find, "iam", "get_instance_profile", "InstanceProfile", InstanceProfileName=profile["InstanceProfileName"]))
    looks += [partial(_provider, aws, provider) for provider in providers]
    for thing in filter(None, aws.run_parallel(*looks)):
        if _marked(owner, thing):
            where = met.policies if "PolicyName" in thing else met.profiles if "InstanceProfileName" in thing else met.providers
            where.append(thing)
    return met


def _marked(owner: Owner, thing: Mapping[str, Any]) -> bool:
    tags = tags_of(thing.get("Tags"))
    return owner.owns_globally(tags) or owner.may_own(tags)


def _tagged(aws: Aws, owner: Owner, notes: list[str]) -> set[str]:
    try:
        return set(aws_tagged.global_arns(aws, owner.region, {OWNER_TAG: owner.name}))
    except AwsError as error:
        if error.code not in DENIED:
            raise
        notes.append(f"IAM policies and instance profiles were only searched by names that begin with {owner.name[:PREFIX]}: {error}")
        return set()


def _roles(aws: Aws, owner: Owner, place: Place, notes: list[str]) -> list[dict[str, Any]]:
    """Listing the tags of roles one by one would take minutes in a large account; without permission to get all at once, only those that may be ours."""
    try:
        return aws.pages("iam", "get_account_authorization_details", "RoleDetailList", Filter=["Role"], MaxItems=1000)
    except AwsError as error:
        if error.code not in DENIED:
            raise
        notes.append(f"IAM roles were only searched by names that begin with {owner.name[:PREFIX]} and those of the inventory: {error}")
    names = [role["RoleName"] for role in aws.pages("iam", "list_roles", "Roles") if place.may_have(owner, role["RoleName"], role["Path"])]
    return [role for role in aws.run_parallel(*[partial(aws.find, "iam", "get_role", "Role", RoleName=name) for name in names]) if role]


def _policy(aws: Aws, policy: dict[str, Any]) -> dict[str, Any] | None:
    """With its tags; None if it was just deleted."""
    tags = aws.find("iam", "list_policy_tags", "Tags", PolicyArn=policy["Arn"])
    return None if tags is None else {**policy, "Tags": tags}


def _provider(aws: Aws, provider: dict[str, Any]) -> dict[str, Any] | None:
    tags = aws.find("iam", "list_open_id_connect_provider_tags", "Tags", OpenIDConnectProviderArn=provider["Arn"])
    return None if tags is None else {**provider, "Tags": tags}


def judged(aws: Aws, owner: Owner, met: Met, living: Iterable[Found]) -> list[Found]:
    """The owner of each. `living`: our EKS cluster and its node groups, which prove ownership if a tag has no region."""
    judge = _Judge(aws, owner, list(living))
    roles = [judge.role(role) for role in met.roles]
    ours = {f"role {entry.id}" for entry in roles if entry.owned}
    policies = [judge.policy(policy, ours) for policy in met.policies]
    profiles = [judge.profile(profile, ours) for profile in met.profiles]
    return [*roles, *policies, *profiles, *[judge.provider(provider) for provider in met.providers]]


class _Judge:
    def __init__(self, aws: Aws, owner: Owner, living: list[Found]) -> None:
        self.aws, self.owner, self.references = aws, owner, References(aws, owner)
        cluster = next((entry.raw for entry in living if entry.type == "EKS cluster" and entry.owned), {})
        self.issuer = str(((cluster.get("identity") or {}).get("oidc") or {}).get("issuer", "")).removeprefix("https://")
        self.used = {cluster.get("roleArn", "")} | {entry.raw.get("nodeRole", "") for entry in living if entry.type == "node group" and entry.owned}
        self._alive = bool(cluster)

    def role(self, role: dict[str, Any]) -> Found:
        why = self._why_not(role, lambda: self._role_users(role))
        return self._found("IAM role", role["RoleName"], role["RoleName"], role, why)

    def policy(self, policy: dict[str, Any], ours: set[str]) -> Found:
        users = attached_to(self.aws, policy["Arn"])
        others = [user for user in users if user not in ours]
        why = self._why_not(policy, lambda: f"it is attached to {', '.join(others)}" if others else "")
        return self._found("IAM policy", policy["Arn"], policy["PolicyName"], {**policy, "others": others}, why)

    def profile(self, profile: dict[str, Any], ours: set[str]) -> Found:
        others = [role["RoleName"] for role in profile.get("Roles") or [] if f"role {role['RoleName']}" not in ours]
        why = self._why_not(profile, lambda: f"it has the role {', '.join(others)}" if others else "")
        return self._found("instance profile", profile["InstanceProfileName"], profile["InstanceProfileName"], profile, why)

    def provider(self, provider: dict[str, Any]) -> Found:
        """Its URL contains the region of its cluster."""
        region = issuer_region(provider["Arn"])
        why = self._why_not(provider, lambda: f"its issuer is of {region}" if region not in ("", self.owner.region) else "")
        return self._found("OIDC provider", provider["Arn"], provider["Arn"].partition("/")[2], provider, why)

    def _why_not(self, thing: Mapping[str, Any], users: Callable[[], str]) -> str:
        """Why it is not certainly ours, although it has our name; empty if it is."""
        tags = tags_of(thing.get("Tags"))
        if self.owner.owns_globally(tags):
            return ""
        if not self.owner.may_own(tags):
            return f"the inventory names it, but it has no tag {OWNER_TAG}={self.owner.name}"
        return (said := users()) and f"tag {OWNER_TAG}={self.owner.name} without {REGION_TAG}, and {said}"

    def _role_users(self, role: dict[str, Any]) -> str:
        trusts_us = bool(self.issuer) and self.issuer in str(role.get("AssumeRolePolicyDocument"))
        in_use = trusts_us or role["Arn"] in self.used or (self._alive and role["Arn"] in associated_roles(self.aws, self.owner.name))
        verdict = self.references.of(role, last_use=not in_use)
        return "" if verdict.free or (trusts_us and not verdict.users) else str(verdict)

    def _found(self, kind: str, identity: str, title: str, thing: dict[str, Any], why: str) -> Found:
        return Found(kind, identity, why or f"tag {OWNER_TAG}={self.owner.name}", title, not why, {**thing, "tags": tags_of(thing.get("Tags"))})


def mark(aws: Aws, owner: Owner, ours: Iterable[Found]) -> None:
    """Resources with an old tag that are ours because only our existing cluster, or nothing, uses them get the region tag before the cluster is deleted.

    Both tags are in the call, since the operator policy checks the tags in a tagging call.
    """
    operations = {"IAM role": ("tag_role", "RoleName"), "IAM policy": ("tag_policy", "PolicyArn")}

    def tag(entry: Found) -> None:
        operation, key = operations[entry.type]
        aws.find("iam", operation, "ResponseMetadata", **{key: entry.id}, Tags=tag_list(owner.marks()))

    aws.run_parallel(*[partial(tag, entry) for entry in ours if entry.type in operations and owner.may_own(entry.raw["tags"])])


def users(found: Iterable[Found]) -> list[Found]:
    """Roles, users, groups and instance profiles of others that use our policy or role: they would lose it."""
    ours = [entry for entry in found if entry.owned]
    policies = [
        Found(f"IAM {kind}", name, f"our IAM policy {entry.name} is attached to it; detach it there first")
        for entry in ours
        if entry.type == "IAM policy"
        for kind, _space, name in (user.partition(" ") for user in entry.raw["others"])
    ]
    own = {entry.id for entry in ours if entry.type == "instance profile"}
    profiles = [
        Found("instance profile", profile["InstanceProfileName"], f"our IAM role {entry.name} is in it; remove it there first")
        for entry in ours
        if entry.type == "IAM role"
        for profile in entry.raw.get("InstanceProfileList") or []
        if profile["InstanceProfileName"] not in own and not profile["InstanceProfileName"].startswith(OF_EKS)
    ]
    return policies + profiles
