# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Which IAM role and policy a service account of our cluster has, and whether existing ones belong to this cluster."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..aws.client import Aws, tags_of
from ..aws.module import Task, doing
from ..aws.service_account_role import Role, Step, Wanted, diff, in_partition, pod_identity_trust, trust_policy
from ..common.command import masked
from ..common.failure import Failure
from ..common.fetch import NotFetched, fetch_document
from ..common.ownership import OWNER_TAG, REGION_TAG, Owner, global_name, old_global_name
from .role_names import name_of
from .role_references import References, Verdict, associated_roles, attached_to


@dataclass(frozen=True)
class ServiceAccount:
    """The owner of the role."""

    cluster: str
    namespace: str
    name: str
    issuer: str = ""


class Search:
    """Reads what may be its role and policy. Other regions are queried only if necessary."""

    def __init__(self, aws: Aws, account: str, partition: str, path: str, owner: Owner, service_account: ServiceAccount) -> None:
        self.aws, self.owner, self.who = aws, owner, service_account
        self.new, self.old = global_name(account, owner.region, owner.name, service_account.name), old_global_name(owner.name, service_account.name)
        self._policies = f"arn:{partition}:iam::{account}:policy{path}"
        self._references = References(aws, owner)
        # Why something that may be ours does not count as ours.
        self.left: dict[str, str] = {}

    @cached_property
    def associated(self) -> list[str]:
        """The service account's role through Pod Identity."""
        return associated_roles(self.aws, self.who.cluster, namespace=self.who.namespace, serviceAccount=self.who.name) if self.who.cluster else []

    def role_names(self) -> list[str]:
        """Our existing roles, the one in use first: it keeps its name, regardless of the current rule."""
        names = [*map(name_of, self.associated), self.new, self.old]
        roles = [self.aws.find("iam", "get_role", "Role", RoleName=name) for name in dict.fromkeys(names) if name]
        ours = [role for role in roles if role and self.owns(role)]
        return [role["RoleName"] for role in sorted(ours, key=lambda role: not self._in_use(role))]

    def policy_name(self, role_name: str) -> str:
        """The role's own policy of the same name, unless that is not ours."""
        there = self._policy(role_name)
        return role_name if there is None or self.owns(there, {role_name}) else self.new

    def policy_names(self, role_names: list[str]) -> list[str]:
        """Our existing policies."""
        policies = [self._policy(name) for name in dict.fromkeys([*role_names, self.new, self.old]) if name]
        return [policy["PolicyName"] for policy in policies if policy and self.owns(policy, set(role_names))]

    def owns(self, thing: Mapping[str, Any], users: Container[str] = ()) -> bool:
        """Whether a role or policy belongs to this cluster; a policy with an old tag does, while it is attached only to `users`."""
        tags = tags_of(thing.get("Tags"))
        if not self.owner.may_own(tags):
            return self.owner.owns_globally(tags)
        why = self._why_not(thing, users)
        if why:
            self.left[title(thing)] = why
        return not why

    def refusal(self, thing: Mapping[str, Any]) -> str:
        """Why a role or policy that is not ours cannot be adopted either; empty if it can."""
        whose = self.owner.whose(tags_of(thing.get("Tags")))
        if whose:
            return f"belongs to {whose}, by its tags {OWNER_TAG} and {REGION_TAG}"
        users = self._references.of(thing).users if "RoleName" in thing else attached_to(self.aws, thing["Arn"])
        return f"is used by another cluster: {'; '.join(users)}" if users else ""

    def _why_not(self, thing: Mapping[str, Any], users: Container[str]) -> str:
        if "RoleName" in thing:
            verdict = self._verdict(thing)
            return "" if verdict.free else str(verdict)
        others = [user for user in attached_to(self.aws, thing["Arn"]) if user.removeprefix("role ") not in users]
        return f"it is attached to {', '.join(others)}" if others else ""

    def _verdict(self, role: Mapping[str, Any]) -> Verdict:
        """Who else uses it. A trust policy with our issuer, and no other, is proof enough."""
        found = self._references.of(role, last_use=not self._in_use(role))
        return Verdict() if self._trusts_us(role) and not found.users else found

    def _in_use(self, role: Mapping[str, Any]) -> bool:
        return role["Arn"] in self.associated or self._trusts_us(role)

    def _trusts_us(self, role: Mapping[str, Any]) -> bool:
        issuer = self.who.issuer.removeprefix("https://")
        return bool(issuer) and issuer in str(role.get("AssumeRolePolicyDocument"))

    def _policy(self, name: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.aws.find("iam", "get_policy", "Policy", PolicyArn=self._policies + name)
        return found


def title(thing: Mapping[str, Any]) -> str:
    return f"IAM role {thing['RoleName']}" if "RoleName" in thing else f"IAM policy {thing['PolicyName']}"


def owner_of(tags: Mapping[str, str]) -> Owner | None:
    """The cluster in our tags, with its region; None if they have none."""
    return Owner(tags[OWNER_TAG], tags[REGION_TAG]) if OWNER_TAG in tags and REGION_TAG in tags else None


# What the module iam_service_account_role does


def problems(params: dict[str, Any]) -> list[str]:
    wrong = []
    needed = ["cluster_name"] if params["trust"] == "pod_identity" else ["oidc_provider_arn", "oidc_issuer"]
    missing = [name for name in needed if not params[name]] if params["state"] == "present" else []
    if not params["role_name"] and not (owner_of(params["owner"]) and params["service_account"]):
        wrong.append(f"role_name is missing; without it, service_account and an owner with {OWNER_TAG} and {REGION_TAG} are required")
    if missing:
        wrong.append(f"trust is {params['trust']} but {' and '.join(missing)} is missing")
    return wrong


def present(module: Task, aws: Aws) -> dict[str, Any]:
    params, asks = module.params, bool(module.params["cluster_name"])
    if module.check_mode and aws.emulator_is_down("iam"):
        search = look_for(aws, params, params["account_id"], params["partition"])
        role_name = params["role_name"] or (search.new if search else "")
        would = [f"role {role_name}", f"policy {params['policy_name'] or role_name}"]
        found = {"pod_identity_association": ""} if asks else {}
        return {**nothing(would), "changed": True, **found}
    with doing(f"the IAM role {params['role_name']}"):
        search, (role,) = roles_of(module, aws)
        role.refuse_foreign()
        steps = role.steps()
    carry_out(module, steps)
    with doing(f"the IAM role {params['role_name']}"):
        unmanaged = role.unmanaged()
    result: dict[str, Any] = {"unmanaged": unmanaged}
    if asks:
        with doing(f"the Pod Identity associations of cluster {params['cluster_name']}"):
            result["pod_identity_association"] = association(aws, params["cluster_name"], params["namespace"], params["service_account"])
    warn_of_doubtful(module, search)
    for sentence in unmanaged:
        module.warn(sentence)
    return {**result, **outcome(role, steps)}


def absent(module: Task, aws: Aws) -> dict[str, Any]:
    if aws.emulator_is_down("iam"):
        return nothing([])
    with doing(f"the IAM role {module.params['role_name']}"):
        search, roles = roles_of(module, aws)
        # The roles first, since IAM does not delete an attached policy.
        steps = sorted((step for role in roles for step in role.removal()), key=lambda step: step.what.startswith("policy "))
    carry_out(module, steps)
    warn_of_doubtful(module, search)
    return outcome(roles[0], steps)


def nothing(would: list[str]) -> dict[str, Any]:
    """An emulated AWS that does not run is empty."""
    return {"role_arn": "", "policy_arn": "", "actions": would, "diff": {"before": {}, "after": dict.fromkeys(would, "new")}}


def roles_of(module: Task, aws: Aws) -> tuple[Search | None, list[Role]]:
    """The selected roles, with their policies, and what was read to find them."""
    params = module.params
    account, partition = params["account_id"], params["partition"]
    if not account:
        caller = aws.retrying_client("sts").get_caller_identity()
        account, partition = caller["Account"], caller["Arn"].split(":")[1]
    search = look_for(aws, params, account, partition)
    wanted = describe(module, account, partition, names(search, params))
    return search, [Role(aws.retrying_client("iam"), one, whose=search) for one in wanted]


def carry_out(module: Task, steps: list[Step]) -> None:
    for step in steps if not module.check_mode else []:
        with doing(f"changing the IAM {step.what}"):
            step.call()


def outcome(role: Role, steps: list[Step]) -> dict[str, Any]:
    made = {"role_arn": role.role_arn(), "policy_arn": role.wanted.policy_arn, "actions": [step.what for step in steps], "diff": diff(steps)}
    return {"changed": bool(steps), **made}


def warn_of_doubtful(module: Task, search: Search | None) -> None:
    for what, why in (search.left if search else {}).items():
        module.warn(f"{what} stays as it is: it has no tag {REGION_TAG} that shows its owner, and {why}")


def read_policy(source: str, checksum: str) -> dict[str, Any]:
    if source.startswith(("http://", "https://")):
        text = fetch_document(source, checksum)
    else:
        with open(source, encoding="utf-8") as stream:
            text = stream.read()
    policy: dict[str, Any] = json.loads(text)
    return policy


def describe(module: Task, account: str, partition: str, called: list[tuple[str, str]]) -> list[Wanted]:
    """The desired state of each role and policy, from the parameters."""
    params = module.params
    policy: dict[str, Any] = {}
    if params["state"] == "present":
        if params["policy"].startswith("https://") and not params["policy_checksum"]:
            module.warn(f"the policy document {masked(params['policy'])} is not verified by a SHA-256 (policy_checksum)")
        try:
            policy = in_partition(read_policy(params["policy"], params["policy_checksum"]), partition)
        except (OSError, ValueError, NotFetched) as error:
            raise Failure(f"the policy document {masked(params['policy'])} cannot be read: {error}") from error
    if params["trust"] == "pod_identity":
        trust = pod_identity_trust(params["cluster_name"], params["namespace"], params["service_account"])
    else:
        trust = trust_policy(params["oidc_provider_arn"], params["oidc_issuer"], params["namespace"], params["service_account"], params["audience"])
    common = {"policy": policy, "trust": trust, "path": params["path"], "permissions_boundary": params["permissions_boundary"]}
    ours = {"tags": {**params["tags"], **params["owner"]}, "owner": params["owner"], "adopt": params["adopt"]}
    arn = f"arn:{partition}:iam::{account}:policy{params['path']}"
    return [Wanted(role_name=role, policy_name=policy_name, policy_arn=arn + policy_name, **common, **ours) for role, policy_name in called]


def association(aws: Aws, cluster: str, namespace: str, service_account: str) -> str:
    found = aws.find_all("eks", "list_pod_identity_associations", "associations", clusterName=cluster, namespace=namespace, serviceAccount=service_account)
    return found[0]["associationId"] if found else ""


def look_for(aws: Aws, params: dict[str, Any], account: str, partition: str) -> Search | None:
    """Reads what exists, if the owner is a cluster of ours with its region."""
    owner = owner_of(params["owner"])
    who = ServiceAccount(params["cluster_name"], params["namespace"], params["service_account"], params["oidc_issuer"])
    return Search(aws, account, partition, params["path"], owner, who) if owner else None


def names(search: Search | None, params: dict[str, Any]) -> list[tuple[str, str]]:
    """The selected role and policy: those in the options, else those in use, else new ones; for a removal, all of ours."""
    if params["role_name"] or search is None:
        return [(params["role_name"], params["policy_name"] or params["role_name"])]
    there = search.role_names()
    if params["state"] == "absent":
        return [(name, name) for name in dict.fromkeys([*there, *search.policy_names(there)])] or [(search.new, search.new)]
    role_name = there[0] if there else search.new
    return [(role_name, params["policy_name"] or search.policy_name(role_name))]
