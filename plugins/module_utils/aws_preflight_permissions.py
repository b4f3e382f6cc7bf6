# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether the caller may do what the operator policy says, by IAM's own simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_input import partition_of

# IAM makes one for a service when it is first used in an account. Once all are there, nobody needs to create any.
LINKED_ROLES = ("AWSServiceRoleForAmazonEKS", "AWSServiceRoleForAmazonEKSNodegroup", "AWSServiceRoleForElasticLoadBalancing")
SHOWN = 15


@dataclass
class Verdict:
    """Who was asked about, and which actions are denied for which reason. Without a simulation: why there is none."""

    source: str = ""
    denied: dict[str, str] = field(default_factory=dict)
    simulated: int = 0
    reason: str = ""


def statements(policy: dict[str, Any], unused: list[str]) -> list[dict[str, Any]]:
    """What a run needs: a policy's statements without those of options that are not used."""
    return [statement for statement in policy["Statement"] if statement.get("Sid") not in unused]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def principal(aws: Aws, arn: str) -> tuple[str, str]:
    """The ARN of the user or role whose policies count, or why there is none."""
    partition, account, what = arn.split(":")[1], arn.split(":")[4], arn.split(":", 5)[5]
    if what == "root":
        return "", "the caller is the account's root user, whom no policy limits; use a role instead"
    kind, _slash, rest = what.partition("/")
    if kind == "user":
        return arn, ""
    if kind != "assumed-role":
        return "", f"the simulator knows users and roles, and the caller is {arn}"
    name = rest.split("/")[0]
    try:
        # The session's ARN lacks the role's path, which single sign-on's roles have.
        return aws.call("iam", "get_role", RoleName=name)["Role"]["Arn"], ""
    except AwsError:
        return f"arn:{partition}:iam::{account}:role/{name}", ""


def denied(aws: Aws, identity: dict[str, Any], given: dict[str, Any], policy: dict[str, Any], unused: list[str]) -> Verdict:
    source, reason = principal(aws, identity["Arn"])
    if reason:
        return Verdict(reason=reason)
    wanted = statements(policy, unused)
    unconditional = sorted({action for statement in wanted if not statement.get("Condition") for action in listed(statement["Action"])})
    rounds: list[tuple[list[str], list[dict[str, Any]]]] = [(unconditional, [])]
    rounds += [(sorted(listed(entry["Action"])), context_of(entry)) for entry in wanted if entry.get("Condition")]
    verdict = Verdict(source=source, simulated=sum(len(actions) for actions, _context in rounds))
    for found in aws.together(*[partial(_simulate, aws, source, given, identity["Account"], actions, context) for actions, context in rounds]):
        verdict.denied.update(found)
    if "iam:CreateServiceLinkedRole" in verdict.denied and all(aws.find("iam", "get_role", "Role", RoleName=role) for role in LINKED_ROLES):
        del verdict.denied["iam:CreateServiceLinkedRole"]
    return verdict


def context_of(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """What a call would be about, so that the same condition in the caller's policy can hold: the first of the values."""
    return [
        {"ContextKeyName": key, "ContextKeyValues": listed(values)[:1], "ContextKeyType": "string"}
        for keys in statement["Condition"].values()
        for key, values in keys.items()
    ]


def _simulate(aws: Aws, source: str, given: dict[str, Any], account: str, actions: list[str], context: list[dict[str, Any]]) -> dict[str, str]:
    """The denied ones of these actions, and why. An action that is not allowed on everything may still be allowed on what is ours."""
    asked = {"PolicySourceArn": source, "ContextEntries": context}
    results = aws.pages("iam", "simulate_principal_policy", "EvaluationResults", ActionNames=actions, **asked)
    found = {result["EvalActionName"]: why(result) for result in results if result["EvalDecision"] != "allowed"}
    for service in sorted({action.split(":")[0] for action, reason in found.items() if reason == IMPLICIT}):
        resources = our_resources(service, given, account)
        unclear = [action for action, reason in found.items() if reason == IMPLICIT and action.startswith(f"{service}:")]
        if not resources:
            continue
        for result in aws.pages("iam", "simulate_principal_policy", "EvaluationResults", ActionNames=unclear, ResourceArns=resources, **asked):
            each = [entry["EvalResourceDecision"] for entry in result.get("ResourceSpecificResults") or []]
            if "allowed" in [*each, result["EvalDecision"]]:
                found.pop(result["EvalActionName"], None)
    return found


IMPLICIT = "no policy allows it"


def why(result: dict[str, Any]) -> str:
    if (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations") is False:
        return "the organization's policies deny it"
    if result["EvalDecision"] == "explicitDeny":
        return "a policy denies it"
    if (result.get("PermissionsBoundaryDecisionDetail") or {}).get("AllowedByPermissionsBoundary") is False:
        return "the permissions boundary does not allow it"
    return IMPLICIT


def our_resources(service: str, given: dict[str, Any], account: str) -> list[str]:
    """Names that a narrowed policy would name."""
    name, region = given["name"], given["region"]
    partition, path = partition_of(region), str(given.get("iam_path") or "/")
    here = f"arn:{partition}:{service}:{region}:{account}"
    if service == "iam":
        roles = [f"arn:{partition}:iam::{account}:role{path}{role}" for role in (given["role_name"], given["node_role_name"])]
        oidc = f"arn:{partition}:iam::{account}:oidc-provider/oidc.eks.{region}.amazonaws.com/id/00000000000000000000000000000000"
        return [*roles, f"arn:{partition}:iam::{account}:policy{path}{name}-aws-load-balancer-controller", oidc]
    if service == "eks":
        group = given["node_groups"][0]["name"]
        return [f"{here}:cluster/{name}", f"{here}:nodegroup/{name}/{group}/00000000-0000-0000-0000-000000000000"]
    if service == "ec2":
        kinds = ("vpc/vpc", "subnet/subnet", "route-table/rtb", "internet-gateway/igw", "natgateway/nat", "elastic-ip/eipalloc", "security-group/sg")
        return [f"{here}:{kind}-00000000000000000" for kind in kinds]
    if service == "elasticloadbalancing":
        return [f"{here}:loadbalancer/app/{name}-alb/0000000000000000", f"{here}:targetgroup/k8s-{name[:20]}/0000000000000000"]
    if service == "ecr":
        return [f"{here}:repository/{name.lower()}/service-a"]
    return []


def in_words(denied_actions: dict[str, str]) -> str:
    """By reason, in one line."""
    groups: dict[str, list[str]] = {}
    for action, reason in sorted(denied_actions.items()):
        groups.setdefault(reason, []).append(action)
    return "; ".join(f"{_some(actions)} ({reason})" for reason, actions in groups.items())


def _some(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= SHOWN else ", ".join(names[:SHOWN]) + f" and {len(names) - SHOWN} more"
