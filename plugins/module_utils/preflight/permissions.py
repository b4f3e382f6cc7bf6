# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Whether the caller has the permissions of the operator policy, by IAM's own simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..aws.client import Aws, AwsError
from ..aws.partitions import partition_of
from ..common.ownership import global_name
from ..eks.platform.logs import control_plane_logs
from ..eks.role_names import role_names

# IAM creates one for a service when it is first used in an account. Once all exist, nobody needs to create any.
LINKED_ROLES = ("AWSServiceRoleForAmazonEKS", "AWSServiceRoleForAmazonEKSNodegroup", "AWSServiceRoleForElasticLoadBalancing")
SHOWN = 15
# Their API is one for all regions and is signed for the first of them, which conditions on aws:RequestedRegion see (IAM user guide, "AWS global condition
# context keys").
GLOBAL_SERVICES = ("iam", "route53")
GLOBAL_REGION = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


@dataclass
class Verdict:
    """The simulated principal, and the denied actions with their reasons. Without a simulation: why there is none."""

    source: str = ""
    denied: dict[str, str] = field(default_factory=dict)
    simulated: int = 0
    reason: str = ""
    # Actions that a policy allows or denies depending on context that the simulator did not get, and which: neither denied nor allowed.
    unclear: dict[str, list[str]] = field(default_factory=dict)


def statements(policy: dict[str, Any], unused: list[str]) -> list[dict[str, Any]]:
    """The permissions that a run needs: a policy's statements without those of unused options."""
    return [statement for statement in policy["Statement"] if statement.get("Sid") not in unused]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def principal(aws: Aws, arn: str) -> tuple[str, str]:
    """The ARN of the user or role whose policies count, or why there is none."""
    partition, account, what = arn.split(":")[1], arn.split(":")[4], arn.split(":", 5)[5]
    if what == "root":
        return "", "the caller is the account's root user, which no policy limits; use a role instead"
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
    conditional = [(sorted(listed(entry["Action"])), context_of(entry)) for entry in wanted if entry.get("Condition")]
    rounds: list[tuple[list[str], list[dict[str, Any]]]] = []
    for actions, context in [(unconditional, []), *conditional]:
        rounds += [(part, [*context, *surroundings(region)]) for region, part in by_region(actions, given["region"]).items()]
    verdict = Verdict(source=source, simulated=sum(len(actions) for actions, _context in rounds))
    for found, unclear in aws.run_parallel(*[partial(_simulate, aws, source, given, identity["Account"], actions, context) for actions, context in rounds]):
        verdict.denied.update(found)
        verdict.unclear.update(unclear)
    if "iam:CreateServiceLinkedRole" in verdict.denied and all(aws.find("iam", "get_role", "Role", RoleName=role) for role in LINKED_ROLES):
        del verdict.denied["iam:CreateServiceLinkedRole"]
    return verdict


def context_of(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """The context of a call, so that the same condition in the caller's policy can be met: the first of the values."""
    return [
        {"ContextKeyName": key, "ContextKeyValues": listed(values)[:1], "ContextKeyType": "string"}
        for keys in statement["Condition"].values()
        for key, values in keys.items()
    ]


def by_region(actions: list[str], region: str) -> dict[str, list[str]]:
    """The actions by region of the call."""
    at_home = GLOBAL_REGION.get(partition_of(region), region)
    found: dict[str, list[str]] = {}
    for action in actions:
        found.setdefault(at_home if action.split(":")[0] in GLOBAL_SERVICES else region, []).append(action)
    return found


def surroundings(region: str) -> list[dict[str, Any]]:
    """The context of every call of ours. The simulator does not add it by itself, and treats a condition on it as not met
    (https://github.com/openshift/installer/issues/1322). Whether the session has MFA cannot be found out: without it, AWS refuses the first call.
    """
    said = (
        ("aws:RequestedRegion", region, "string"),
        ("aws:SecureTransport", "true", "boolean"),
        ("aws:MultiFactorAuthPresent", "true", "boolean"),
        ("aws:MultiFactorAuthAge", "1", "numeric"),
    )
    return [{"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind} for key, value, kind in said]


def unknown_to(result: dict[str, Any]) -> list[str]:
    """The missing context of a decision: of the action, or of each simulated resource."""
    parts = [result, *(result.get("ResourceSpecificResults") or [])]
    return sorted({key for part in parts for key in part.get("MissingContextValues") or []})


Denials = tuple[dict[str, str], dict[str, list[str]]]


def _simulate(aws: Aws, source: str, given: dict[str, Any], account: str, actions: list[str], context: list[dict[str, Any]]) -> Denials:
    """The denied ones of these actions, and why; and the undecided ones. What is not allowed on all resources may still be allowed on ours."""
    asked = {"PolicySourceArn": source, "ContextEntries": context}
    results = aws.pages("iam", "simulate_principal_policy", "EvaluationResults", ActionNames=actions, **asked)
    refused = [result for result in results if result["EvalDecision"] != "allowed"]
    found = {result["EvalActionName"]: why(result) for result in refused}
    missing = {result["EvalActionName"]: unknown_to(result) for result in refused}
    for service in sorted({action.split(":")[0] for action, reason in found.items() if reason == IMPLICIT}):
        resources = our_resources(service, given, account)
        asked_again = [action for action, reason in found.items() if reason == IMPLICIT and action.startswith(f"{service}:")]
        if not resources:
            continue
        for result in aws.pages("iam", "simulate_principal_policy", "EvaluationResults", ActionNames=asked_again, ResourceArns=resources, **asked):
            each = [entry["EvalResourceDecision"] for entry in result.get("ResourceSpecificResults") or []]
            missing[result["EvalActionName"]] += unknown_to(result)
            if "allowed" in [*each, result["EvalDecision"]]:
                found.pop(result["EvalActionName"], None)
    unclear = {action: sorted(set(missing[action])) for action in found if missing[action]}
    return {action: reason for action, reason in found.items() if action not in unclear}, unclear


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
    """The names that a narrowed policy would contain."""
    name, region = given["name"], given["region"]
    partition, path = partition_of(region), str(given.get("iam_path") or "/")
    here = f"arn:{partition}:{service}:{region}:{account}"
    if service == "iam":
        roles = [f"arn:{partition}:iam::{account}:role{path}{role}" for role in role_names(given, account, None, {})]
        oidc = f"arn:{partition}:iam::{account}:oidc-provider/oidc.eks.{region}.amazonaws.com/id/00000000000000000000000000000000"
        return [*roles, f"arn:{partition}:iam::{account}:policy{path}{global_name(account, region, name, 'aws-load-balancer-controller')}", oidc]
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
    if service == "logs":
        return [f"{here}:log-group:{control_plane_logs(name)}"]
    if service == "ssm":
        return [f"{here}:parameter/meshgate/{name}/run"]
    return []


def in_words(denied_actions: dict[str, str]) -> str:
    """By reason, in one line."""
    groups: dict[str, list[str]] = {}
    for action, reason in sorted(denied_actions.items()):
        groups.setdefault(reason, []).append(action)
    return "; ".join(f"{_some(actions)} ({reason})" for reason, actions in groups.items())


def unclear_in_words(unclear: dict[str, list[str]]) -> str:
    """By missing context, in one line."""
    groups: dict[str, list[str]] = {}
    for action, keys in sorted(unclear.items()):
        groups.setdefault(" and ".join(keys), []).append(action)
    return "; ".join(f"{_some(actions)} (depends on {keys})" for keys, actions in groups.items())


def _some(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= SHOWN else ", ".join(names[:SHOWN]) + f" and {len(names) - SHOWN} more"
