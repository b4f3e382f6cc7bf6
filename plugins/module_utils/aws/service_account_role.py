# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An IAM role that one Kubernetes service account may assume, and its one customer managed policy."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import dataclass, field

from ..common.failure import Refused
from ..common.ownership import with_marks
from .client import code_of
from .patience import is_unknown, patiently

Json = dict[str, t.Any]
VERSIONS_KEPT = 5  # IAM refuses a sixth
POD_IDENTITY = "pods.eks.amazonaws.com"


def still_attached(error: Exception) -> bool:
    """IAM's refusal of a deletion while the detachments are not visible everywhere (https://github.com/hashicorp/boundary/pull/5646)."""
    return code_of(error) in ("DeleteConflict", "DeleteConflictException")


@dataclass
class Wanted:
    role_name: str
    policy_name: str
    policy: Json
    trust: Json
    policy_arn: str
    path: str = "/"
    tags: dict[str, str] = field(default_factory=dict)
    permissions_boundary: str = ""
    owner: dict[str, str] = field(default_factory=dict)
    adopt: bool = False


class Whose(t.Protocol):
    """Whether a role or policy is ours, and why another's cannot be adopted either."""

    def owns(self, thing: Json, users: t.Container[str] = ...) -> bool: ...

    def refusal(self, thing: Json) -> str: ...


@dataclass
class Step:
    """One thing that differs: what it is, before, after, and the call that repairs it."""

    what: str
    before: t.Any
    after: t.Any
    call: t.Callable[[], t.Any]


def trust_policy(provider_arn: str, issuer: str, namespace: str, name: str, audience: str) -> Json:
    """Only this service account, only with this audience, only from this cluster."""
    host = issuer.removeprefix("https://")
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider_arn},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{host}:sub": f"system:serviceaccount:{namespace}:{name}", f"{host}:aud": audience}},
            }
        ],
    }


def pod_identity_trust(cluster: str, namespace: str, name: str) -> Json:
    """Only this service account of this cluster: Pod Identity passes both as session tags, hence TagSession beside AssumeRole."""
    tags = {"eks-cluster-name": cluster, "kubernetes-namespace": namespace, "kubernetes-service-account": name}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": POD_IDENTITY},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}},
            }
        ],
    }


def in_partition(policy: Json, partition: str) -> Json:
    """The document for the partition aws in another one, equivalent to what upstream publishes for aws-cn and aws-us-gov."""
    if partition == "aws":
        return policy
    translated: Json = json.loads(json.dumps(policy).replace('"arn:aws:', f'"arn:{partition}:'))
    return translated


def canonical(policy: t.Any) -> t.Any:
    """A policy document as IAM understands it: order and single-element lists mean nothing."""
    if isinstance(policy, dict):
        return {"Version": policy.get("Version", "2008-10-17"), "Statement": sorted((_statement(s) for s in _listed(policy)), key=_text)}
    return policy


def _statement(statement: Json) -> Json:
    result: Json = {}
    for key, value in statement.items():
        if key in ("Effect", "Sid"):
            result[key] = value
        elif key in ("Action", "NotAction"):
            result[key] = sorted(action.lower() for action in _list(value))
        elif key == "Condition":
            result[key] = {operator: {name: sorted(_strings(v)) for name, v in sorted(test.items())} for operator, test in sorted(value.items())}
        elif isinstance(value, dict):
            result[key] = {kind: sorted(_list(v)) for kind, v in sorted(value.items())}
        else:
            result[key] = sorted(_list(value))
    return result


def _list(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _strings(value: t.Any) -> list[str]:
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in _list(value)]


def differing(live: t.Any, wanted: Json) -> tuple[t.Any, t.Any]:
    """The statements of each document without an equivalent in the other, in their own spelling."""
    one, other = canonical(live), canonical(wanted)
    if not isinstance(one, dict) or one["Version"] != other["Version"]:
        return live, wanted
    return [s for s in _listed(live) if _statement(s) not in other["Statement"]], [s for s in _listed(wanted) if _statement(s) not in one["Statement"]]


def _listed(policy: Json) -> list[Json]:
    statements = policy.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def _text(value: t.Any) -> str:
    return json.dumps(value, sort_keys=True)


def as_dict(tags: list[Json] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def as_list(tags: dict[str, str]) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


class Role:
    """Reads the role and the policy once, and plans the changes."""

    def __init__(self, iam: t.Any, wanted: Wanted, sleep: t.Callable[[float], None] = time.sleep, whose: Whose | None = None) -> None:
        """`whose` decides about a role or policy if its tags alone do not prove ownership."""
        self.iam = iam
        self.wanted = wanted
        self.sleep = sleep
        self.whose = whose
        self.role = self._get(lambda: iam.get_role(RoleName=wanted.role_name)["Role"])
        self.policy = self._get(lambda: iam.get_policy(PolicyArn=wanted.policy_arn)["Policy"])

    def _get(self, call: t.Callable[[], Json]) -> Json | None:
        try:
            return call()
        except self.iam.exceptions.NoSuchEntityException:
            return None

    def role_arn(self) -> str:
        """Also if the role does not exist yet."""
        if self.role:
            return str(self.role["Arn"])
        prefix = self.wanted.policy_arn.split(":policy/")[0]
        return f"{prefix}:role{self.wanted.path}{self.wanted.role_name}"

    def _is_ours(self, thing: Json | None) -> bool:
        if thing is None or self.whose is None:
            return thing is not None and self.wanted.owner.items() <= as_dict(thing.get("Tags")).items()
        return self.whose.owns(thing, {self.wanted.role_name})

    def refuse_foreign(self) -> None:
        for what, thing in ((f"role {self.wanted.role_name}", self.role), (f"policy {self.wanted.policy_name}", self.policy)):
            if thing is None or self._is_ours(thing):
                continue
            if self.whose and (why := self.whose.refusal(thing)):
                raise Refused(f"the IAM {what} {why}; choose another name, or remove its tags if that cluster is gone")
            if not self.wanted.adopt:
                owner = ", ".join(f"{key}={value}" for key, value in self.wanted.owner.items())
                raise Refused(
                    f"the IAM {what} exists and does not carry the tag {owner}, so this collection does not manage it; "
                    "choose another name, or take it over with adopt"
                )

        path = (self.role or {}).get("Path", self.wanted.path)
        if path != self.wanted.path:
            name = self.wanted.role_name
            raise Refused(f"the IAM role {name} has the path {path} and not {self.wanted.path}, and IAM cannot change a path; remove the role first")

    # -- present ----------------------------------------------------------------------------------------------------

    def steps(self) -> list[Step]:
        """What differs, in the order in which it must be done."""
        return [*self._policy_steps(), *self._role_steps()]

    def _policy_steps(self) -> list[Step]:
        iam, wanted = self.iam, self.wanted
        name = f"policy {wanted.policy_name}"
        document = json.dumps(wanted.policy, separators=(",", ":"))  # IAM's limit counts characters
        if self.policy is None:
            make = {"PolicyName": wanted.policy_name, "Path": wanted.path, "PolicyDocument": document, "Tags": as_list(wanted.tags)}
            return [Step(name, None, wanted.policy, lambda: iam.create_policy(**make))]
        steps = []
        live = iam.get_policy_version(PolicyArn=wanted.policy_arn, VersionId=self.policy["DefaultVersionId"])["PolicyVersion"]["Document"]
        if canonical(live) != canonical(wanted.policy):
            steps.append(Step(f"{name}, default version", *differing(live, wanted.policy), lambda: self._new_version(document)))
        return self._tag_steps(name, self.policy, lambda tags: iam.tag_policy(PolicyArn=wanted.policy_arn, Tags=tags)) + steps

    def _role_steps(self) -> list[Step]:
        iam, wanted = self.iam, self.wanted
        name = f"role {wanted.role_name}"
        pair = {"RoleName": wanted.role_name, "PolicyArn": wanted.policy_arn}
        attach = Step(f"{name}, attached policy", None, wanted.policy_arn, lambda: self._settled(lambda: iam.attach_role_policy(**pair)))
        trust = json.dumps(wanted.trust)
        if self.role is None:
            make = {"RoleName": wanted.role_name, "Path": wanted.path, "AssumeRolePolicyDocument": trust, "Tags": as_list(wanted.tags)}
            if wanted.permissions_boundary:
                make["PermissionsBoundary"] = wanted.permissions_boundary
            return [Step(name, None, wanted.trust, lambda: iam.create_role(**make)), attach]
        steps = []
        live = self.role["AssumeRolePolicyDocument"]
        if canonical(live) != canonical(wanted.trust):
            put_trust = {"RoleName": wanted.role_name, "PolicyDocument": trust}
            steps.append(Step(f"{name}, trust policy", *differing(live, wanted.trust), lambda: iam.update_assume_role_policy(**put_trust)))
        boundary = (self.role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")
        if wanted.permissions_boundary and boundary != wanted.permissions_boundary:
            put = {"RoleName": wanted.role_name, "PermissionsBoundary": wanted.permissions_boundary}
            steps.append(Step(f"{name}, permissions boundary", boundary, wanted.permissions_boundary, lambda: iam.put_role_permissions_boundary(**put)))
        if wanted.policy_arn not in self._attached():
            steps.append(attach)
        return self._tag_steps(name, self.role, lambda tags: iam.tag_role(RoleName=wanted.role_name, Tags=tags)) + steps

    # Before everything else: an operator may change only what carries the tag.
    def _tag_steps(self, name: str, live: Json, call: t.Callable[[list[Json]], t.Any]) -> list[Step]:
        have = as_dict(live.get("Tags"))
        missing = {key: value for key, value in self.wanted.tags.items() if have.get(key) != value}
        if not missing:
            return []
        return [Step(f"{name}, tags", {key: have.get(key) for key in missing}, missing, lambda: call(as_list(with_marks(missing, self.wanted.tags))))]

    def _settled(self, call: t.Callable[[], t.Any], passes: t.Callable[[Exception], bool] = is_unknown) -> None:
        """IAM is eventually consistent: new resources may not be found for some seconds, and detached policies may still count."""
        patiently(call, self.sleep, passes=passes)

    def _attached(self) -> list[str]:
        pages = self.iam.get_paginator("list_attached_role_policies").paginate(RoleName=self.wanted.role_name)
        return [policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]]

    def _inline(self) -> list[str]:
        pages = self.iam.get_paginator("list_role_policies").paginate(RoleName=self.wanted.role_name)
        return [name for page in pages for name in page["PolicyNames"]]

    def unmanaged(self) -> list[str]:
        """What others added to the role, one sentence each. It stays: IAM does not record who added it."""
        if self.role is None:
            return []
        role = f"IAM role {self.wanted.role_name}"
        strange = sorted(arn for arn in self._attached() if arn != self.wanted.policy_arn)
        return [f"{role} has the policy {arn} attached, which is not configured here" for arn in strange] + [
            f"{role} has the inline policy {name}, which is not configured here" for name in sorted(self._inline())
        ]

    def _versions(self) -> list[Json]:
        pages = self.iam.get_paginator("list_policy_versions").paginate(PolicyArn=self.wanted.policy_arn)
        return sorted((v for page in pages for v in page["Versions"]), key=lambda v: int(v["VersionId"].removeprefix("v")))

    def _new_version(self, document: str) -> None:
        versions = self._versions()
        spare = [v for v in versions if not v["IsDefaultVersion"]]
        for version in spare[: max(0, len(versions) - VERSIONS_KEPT + 1)]:
            self.iam.delete_policy_version(PolicyArn=self.wanted.policy_arn, VersionId=version["VersionId"])
        self.iam.create_policy_version(PolicyArn=self.wanted.policy_arn, PolicyDocument=document, SetAsDefault=True)

    # -- absent -----------------------------------------------------------------------------------------------------

    def removal(self) -> list[Step]:
        """Only what is ours; the role first, since IAM does not delete an attached policy."""
        steps = []
        if self._is_ours(self.role):
            steps.append(Step(f"role {self.wanted.role_name}", self.role_arn(), None, self._delete_role))
        if self._is_ours(self.policy):
            steps.append(Step(f"policy {self.wanted.policy_name}", self.wanted.policy_arn, None, self._delete_policy))
        return steps

    def _delete_role(self) -> None:
        name = self.wanted.role_name
        for arn in self._attached():
            self.iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for inline in self._inline():
            self.iam.delete_role_policy(RoleName=name, PolicyName=inline)
        self._settled(lambda: self.iam.delete_role(RoleName=name), still_attached)

    def _delete_policy(self) -> None:
        arn = self.wanted.policy_arn
        pages = list(self.iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn))
        names = [user[f"{kind}Name"] for kind in ("Role", "User", "Group") for users in pages for user in users.get(f"Policy{kind}s", [])]
        if names:
            raise Refused(
                f"the IAM policy {self.wanted.policy_name} is attached to {', '.join(names)}, which this collection did not create; detach it there first"
            )
        for version in self._versions():
            if not version["IsDefaultVersion"]:
                self.iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        self._settled(lambda: self.iam.delete_policy(PolicyArn=arn), still_attached)


def diff(steps: list[Step]) -> dict[str, Json]:
    return {"before": {s.what: s.before for s in steps}, "after": {s.what: s.after for s in steps}}
