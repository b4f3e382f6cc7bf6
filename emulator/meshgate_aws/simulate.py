# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""IAM's policy simulator: what the policies of a user or role, and its permissions boundary, say about actions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .common import error

# The user in whose name unknown access keys act here. Nobody created it, so it has no policies: as an administrator it may do everything.
EVERYBODY = "user/moto"
ADMINISTRATOR = {"AdministratorAccess": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}
PAGE = 100
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringNotEquals": lambda value, wanted: value != wanted,
    "StringLike": lambda value, wanted: matches(wanted, value),
    "ArnEquals": lambda value, wanted: matches(wanted, value),
    "ArnLike": lambda value, wanted: matches(wanted, value),
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}


def matches(pattern: str, value: str, ignore_case: bool = False) -> bool:
    """IAM's wildcards: * for any characters, ? for one."""
    regex = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regex, value, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL) is not None


def simulate(backend: Any, source: str, actions: list[str], resources: list[str], context: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One result per action, as the simulator gives them; with resources, it contains one decision for each."""
    for action in actions:
        if "*" in action or "?" in action or not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9]+", action):
            raise error("InvalidInput", f"Invalid Action Name: {action}")
    policies, boundary = policies_of(backend, source)
    given = {entry["ContextKeyName"].lower(): entry.get("ContextKeyValues") or [] for entry in context}
    results = []
    for action in actions:
        each = [_decide(policies, boundary, action, resource, given) for resource in resources or ["*"]]
        order = ("explicitDeny", "implicitDeny", "allowed")
        strictest = min(each, key=lambda found: order.index(found["decision"]))
        result: dict[str, Any] = {
            "EvalActionName": action,
            "EvalResourceName": resources[0] if len(resources) == 1 else "*",
            "EvalDecision": strictest["decision"],
            "MatchedStatements": strictest["matched"],
            "MissingContextValues": strictest["missing"],
        }
        if boundary is not None:
            result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": strictest["boundary"]}
        if resources and resources != ["*"]:
            result["ResourceSpecificResults"] = [
                {
                    "EvalResourceName": resource,
                    "EvalResourceDecision": found["decision"],
                    "MatchedStatements": found["matched"],
                    "MissingContextValues": found["missing"],
                }
                for resource, found in zip(resources, each, strict=True)
            ]
        results.append(result)
    return results


def policies_of(backend: Any, source: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The documents that apply to a principal, by name, and its permissions boundary."""
    found = re.fullmatch(r"arn:[a-z-]+:iam::[0-9]{12}:((user|role|group)/(?:.*/)?([^/]+))", source)
    if not found:
        raise error("InvalidInput", f"Invalid Entity Arn: {source} does not clearly define entity type and name.")
    path, kind, name = found.groups()
    entities = {"user": backend.users, "role": backend.roles, "group": backend.groups}[kind]
    entity = next((known for known in entities.values() if known.name == name), None)
    if entity is None:
        if path == EVERYBODY:
            return ADMINISTRATOR, None
        raise error("NoSuchEntity", f"The {kind} with name {name} cannot be found.")
    documents = dict(_documents(entity))
    if kind == "user":
        for group in backend.groups.values():
            if any(user.name == name for user in group.users):
                documents.update(_documents(group))
    arn = getattr(entity, "permissions_boundary_arn", None)
    return documents, _default(backend.get_policy(arn)) if arn else None


def _documents(entity: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, document in entity.policies.items():
        yield name, _document(document)
    for arn, policy in entity.managed_policies.items():
        yield arn.rsplit("/", 1)[-1], _default(policy)


def _default(policy: Any) -> dict[str, Any]:
    return _document(next(version.document for version in policy.versions if version.is_default))


def _document(document: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
    return found


def _decide(policies: dict[str, Any], boundary: dict[str, Any] | None, action: str, resource: str, context: dict[str, list[str]]) -> dict[str, Any]:
    missing: set[str] = set()
    allowed: list[dict[str, str]] = []
    denied: list[dict[str, str]] = []
    for name, document in policies.items():
        for statement in _listed(document.get("Statement")):
            if _applies(statement, action, resource, context, missing):
                (denied if statement["Effect"] == "Deny" else allowed).append({"SourcePolicyId": name, "SourcePolicyType": "IAM Policy"})
    within = boundary is None or _allows(boundary, action, resource, context)
    decision = "explicitDeny" if denied else "allowed" if allowed and within else "implicitDeny"
    return {"decision": decision, "matched": denied or (allowed if decision == "allowed" else []), "missing": sorted(missing), "boundary": within}


def _allows(document: dict[str, Any], action: str, resource: str, context: dict[str, list[str]]) -> bool:
    effects = [statement["Effect"] for statement in _listed(document.get("Statement")) if _applies(statement, action, resource, context, set())]
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: dict[str, Any], action: str, resource: str, context: dict[str, list[str]], missing: set[str]) -> bool:
    def names(patterns: Any, value: str, ignore_case: bool) -> bool:
        return any(matches(pattern, value, ignore_case) for pattern in _listed(patterns))

    if not (names(statement["Action"], action, True) if "Action" in statement else not names(statement.get("NotAction"), action, True)):
        return False
    if not (names(statement["Resource"], resource, False) if "Resource" in statement else not names(statement.get("NotResource"), resource, False)):
        return False
    return all(
        _holds(operator, key, _listed(wanted), context, missing)
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, key: str, wanted: Iterable[str], context: dict[str, list[str]], missing: set[str]) -> bool:
    base = operator.removesuffix("IfExists").split(":")[-1]
    values = context.get(key.lower())
    if values is None:
        missing.add(key)
        return operator.endswith("IfExists") or base == "StringNotEquals"
    if base not in OPERATORS:
        raise error("InvalidInput", f"The emulated simulator does not support the condition operator {operator}")
    # Of several values one must match, and with a negated operator none may ("Conditions with multiple context keys or values", IAM user guide).
    among = all if base == "StringNotEquals" else any
    each = [among(OPERATORS[base](value, str(want)) for want in wanted) for value in values]
    return all(each) if base == "StringNotEquals" else any(each)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
