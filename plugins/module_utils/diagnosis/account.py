# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""AWS's view of the cluster, its load balancer and its targets."""

from __future__ import annotations

import datetime
import typing as t

from ..aws import elbv2 as alb_elbv2
from ..aws.client import CREDENTIAL_CODES, Aws, AwsError, is_missing
from ..common.failure import Refused
from .certificates import Expiry
from .report import Section

WORKS = ("ACTIVE", "UPDATING")


def refuses(section: Section, error: AwsError | Refused) -> None:
    """Put an error where it belongs."""
    if error.code in CREDENTIAL_CODES or error.code in ("NoCredentials", "WrongAccount"):
        section.wrong("credentials", str(error))
    elif error.code in ("Unreachable", "AnswerLost"):
        section.wrong("aws", str(error))
    else:
        section.unknown = str(error)


def look_at_cluster(aws: Aws, name: str) -> tuple[Section, str]:
    """The cluster with its node groups and add-ons, and the endpoint that EKS reports."""
    section, endpoint = Section("AWS"), ""
    try:
        caller = aws.call("sts", "get_caller_identity")
        section.lines.append(f"account {caller['Account']} as {caller['Arn']}")
        live = aws.find("eks", "describe_cluster", "cluster", name=name)
        if live is None:
            section.wrong("account", f"EKS has no cluster {name} in account {caller['Account']}")
            return section, endpoint
        endpoint = live.get("endpoint") or ""
        section.lines.append(f"EKS cluster {name}: {live['status']}, Kubernetes {live['version']}")
        _judge(section, f"cluster {name}", live)
        for kind, operation, key, describe, argument in (
            ("node group", "list_nodegroups", "nodegroups", "describe_nodegroup", "nodegroupName"),
            ("add-on", "list_addons", "addons", "describe_addon", "addonName"),
        ):
            for part in aws.pages("eks", operation, key, clusterName=name):
                found = aws.find("eks", describe, describe.removeprefix("describe_"), clusterName=name, **{argument: part})
                if found:
                    section.lines.append(f"{kind} {part}: {found['status']}")
                    _judge(section, f"{kind} {part}", found)
    except (AwsError, Refused) as error:
        refuses(section, error)
    return section, endpoint


def _judge(section: Section, what: str, live: dict[str, t.Any]) -> None:
    issues = [f"{issue.get('code')}: {issue.get('message')}" for issue in (live.get("health") or {}).get("issues") or []]
    if issues or live["status"] not in (*WORKS, "CREATING", "DELETING"):
        section.wrong("eks", f"{what} is {live['status']}" + "".join(f"; {issue}" for issue in issues))
    elif live["status"] not in WORKS:
        section.noted("eks", f"{what} is {live['status']}")


def look_at_balancers(aws: Aws, cluster: str, hostname: str, expected: bool) -> tuple[Section, list[Expiry]]:
    """Load balancers that the controller created for the cluster, and their listeners' certificates. `hostname` is the one in the Ingress."""
    section, certificates = Section("load balancers and targets"), []
    try:
        client = aws.retrying_client("elbv2")
        balancers = [alb_elbv2.describe(client, item) for item in alb_elbv2.by_tags(client, cluster)]
        for balancer in balancers:
            section.lines += _lines(balancer)
            _judge_balancer(section, balancer)
            certificates += listener_certificates(aws, balancer)
    except (AwsError, Refused) as error:
        refuses(section, error)
        return section, certificates
    except Exception as error:  # noqa: BLE001 -- botocore's own, whose module may be missing
        section.unknown = f"ELBv2 does not answer: {error}"
        return section, certificates
    names = [balancer["hostname"] for balancer in balancers]
    if hostname and hostname not in names:
        section.wrong("balancer", f"the Ingress has the hostname {hostname}, which ELBv2 does not have")
    elif expected and not names:
        section.wrong("balancer", f"ELBv2 has no load balancer of cluster {cluster}")
    return section, certificates


def _lines(balancer: dict[str, t.Any]) -> list[str]:
    listeners = ", ".join(f"{listener['protocol']} {listener['port']}" for listener in balancer["listeners"])
    lines = [f"{balancer['name']} ({balancer['scheme']}): {balancer['state']}, {listeners or 'no listener'}", f"  {balancer['hostname']}"]
    for group in balancer["target_groups"]:
        lines.append(f"  target group {group['name']}" + ("" if group["targets"] else ": no target"))
        for target in group["targets"]:
            why = " ".join(filter(None, (target["reason"], target["description"])))
            lines.append(f"    {target['id']}:{target['port']} {target['state']}" + (f" ({why})" if why else ""))
    return lines


def _judge_balancer(section: Section, balancer: dict[str, t.Any]) -> None:
    if balancer["state"] not in ("active", "active_impaired"):
        section.wrong("balancer", f"{balancer['name']} is {balancer['state']} {balancer['state_reason']}".strip())
    if not balancer["listeners"]:
        section.wrong("balancer", f"{balancer['name']} has no listener")
    for group in balancer["target_groups"]:
        targets = [target for target in group["targets"] if target["state"] not in ("draining", "unused")]
        if not targets:
            section.wrong("target", f"target group {group['name']} of {balancer['name']} has no target")
        for target in targets:
            if target["state"] == "unhealthy" or target["state"] == "unavailable":
                why = " ".join(filter(None, (target["reason"], target["description"])))
                section.wrong("target", f"{target['id']}:{target['port']} of {group['name']} is {target['state']}: {why or 'no reason given'}")
            elif target["state"] == "initial":
                section.noted("target", f"{target['id']}:{target['port']} of {group['name']} is being checked for the first time")


def listener_certificates(aws: Aws, balancer: dict[str, t.Any]) -> list[Expiry]:
    arns = {arn for listener in balancer["listeners"] for arn in listener["certificates"] if ":acm:" in arn}
    found = []
    for arn in sorted(arns):
        try:
            live = aws.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
        except AwsError as error:
            if not is_missing(error.code):
                continue
            live = {}
        until = live.get("NotAfter")
        if isinstance(until, datetime.datetime):
            found.append(Expiry(f"{live.get('DomainName', arn)} of {balancer['name']}", until))
    return found
