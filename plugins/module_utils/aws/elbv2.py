# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Reading load balancers from ELBv2. `client` is boto3's elbv2 client."""

from __future__ import annotations

import typing as t

ELBv2 = t.Any
CLUSTER_TAG = "elbv2.k8s.aws/cluster"
STACK_TAGS = ("ingress.k8s.aws/stack", "service.k8s.aws/stack", "gateway.k8s.aws.alb/stack", "gateway.k8s.aws.nlb/stack")
_TAGGED_AT_ONCE = 20  # the limit of DescribeTags


def load_balancers(client: ELBv2) -> list[dict[str, t.Any]]:
    return [lb for page in client.get_paginator("describe_load_balancers").paginate() for lb in page["LoadBalancers"]]


class InVpcs:
    """A client that sees the load balancers and target groups of some VPCs only."""

    def __init__(self, client: ELBv2, vpcs: t.Collection[str]) -> None:
        self._client, self._vpcs = client, vpcs

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._client, name)

    def get_paginator(self, operation: str) -> t.Any:
        return _Pages(self._client.get_paginator(operation), self._vpcs)


class _Pages:
    def __init__(self, paginator: t.Any, vpcs: t.Collection[str]) -> None:
        self._paginator, self._vpcs = paginator, vpcs

    def paginate(self, **arguments: t.Any) -> t.Iterator[dict[str, t.Any]]:
        for page in self._paginator.paginate(**arguments):
            kinds = [key for key in ("LoadBalancers", "TargetGroups") if key in page]
            yield {**page, **{key: [item for item in page[key] if item.get("VpcId") in self._vpcs] for key in kinds}}


def tags_of(client: ELBv2, arns: list[str]) -> dict[str, dict[str, str]]:
    found = {}
    for start in range(0, len(arns), _TAGGED_AT_ONCE):
        found.update(_tags_of_those_there(client, arns[start : start + _TAGGED_AT_ONCE]))
    return found


def _tags_of_those_there(client: ELBv2, arns: list[str]) -> dict[str, dict[str, str]]:
    """DescribeTags for many fails if one of them no longer exists."""
    try:
        described = client.describe_tags(ResourceArns=arns)["TagDescriptions"]
    except (client.exceptions.LoadBalancerNotFoundException, client.exceptions.TargetGroupNotFoundException):
        return {arn: tags for one in arns if len(arns) > 1 for arn, tags in _tags_of_those_there(client, [one]).items()}
    return {item["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]} for item in described}


def by_hostname(client: ELBv2, hostname: str) -> dict[str, t.Any] | None:
    return next((lb for lb in load_balancers(client) if lb["DNSName"].lower() == hostname.lower()), None)


def by_name(client: ELBv2, name: str) -> dict[str, t.Any]:
    """Its description, with what keeps it from serving in `missing`; empty if there is none."""
    try:
        found = client.describe_load_balancers(Names=[name])["LoadBalancers"]
    except client.exceptions.LoadBalancerNotFoundException:
        return {}
    described = describe(client, found[0])
    inactive = "" if described["state"] == "active" else f"its state is {described['state']}"
    return {**described, "missing": inactive or health_state(described)}


def by_tags(client: ELBv2, cluster: str, stack: str = "") -> list[dict[str, t.Any]]:
    """Those that the controller created for a cluster, and for one stack of it if given."""
    items = load_balancers(client)
    tags = tags_of(client, [lb["LoadBalancerArn"] for lb in items])

    def matches(lb: dict[str, t.Any]) -> bool:
        own = tags.get(lb["LoadBalancerArn"], {})
        return own.get(CLUSTER_TAG) == cluster and (not stack or stack in [own.get(key) for key in STACK_TAGS])

    return [lb for lb in items if matches(lb)]


def left_of_cluster(client: ELBv2, cluster: str, stacks: t.Collection[str] | None = None) -> list[str]:
    """ARNs of load balancers and target groups that are tagged as the cluster's, and as one of these stacks if any are given."""
    groups = [group for page in client.get_paginator("describe_target_groups").paginate() for group in page["TargetGroups"]]
    arns = [lb["LoadBalancerArn"] for lb in load_balancers(client)] + [group["TargetGroupArn"] for group in groups]
    tags = tags_of(client, arns)

    def belongs(own: dict[str, str]) -> bool:
        return own.get(CLUSTER_TAG) == cluster and (stacks is None or any(own.get(key) in stacks for key in STACK_TAGS))

    return [arn for arn in arns if belongs(tags.get(arn, {}))]


def is_protected(client: ELBv2, arn: str) -> bool:
    """Whether it has deletion protection; a deleted one has none."""
    try:
        attributes = client.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    except client.exceptions.LoadBalancerNotFoundException:
        return False
    return any(attribute["Key"] == "deletion_protection.enabled" and attribute["Value"] == "true" for attribute in attributes)


def describe(client: ELBv2, lb: dict[str, t.Any]) -> dict[str, t.Any]:
    """One load balancer with its listeners, their rules, and its targets' health."""
    arn = lb["LoadBalancerArn"]
    return {
        "hostname": lb["DNSName"],
        "arn": arn,
        "name": lb["LoadBalancerName"],
        "canonical_hosted_zone_id": lb.get("CanonicalHostedZoneId", ""),
        "scheme": lb.get("Scheme", ""),
        "state": (lb.get("State") or {}).get("Code", ""),
        "state_reason": (lb.get("State") or {}).get("Reason", ""),
        "listeners": [_listener(client, listener) for listener in client.describe_listeners(LoadBalancerArn=arn)["Listeners"]],
        "target_groups": [_group(client, group) for group in client.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]],
    }


def health_state(described: dict[str, t.Any]) -> str:
    """Empty if every target group has a healthy target, and all others are draining."""
    if not described["target_groups"]:
        return "it has no target group"
    for group in described["target_groups"]:
        targets = [target for target in group["targets"] if target["state"] not in ("draining", "unused")]
        if not targets:
            return f"target group {group['name']} has no target"
        for target in targets:
            if target["state"] != "healthy":
                why = " ".join(filter(None, [target["reason"], target["description"]]))
                return f"target {target['id']}:{target['port']} of {group['name']} is {target['state']}{': ' + why if why else ''}"
    return ""


def _listener(client: ELBv2, listener: dict[str, t.Any]) -> dict[str, t.Any]:
    rules = client.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    return {
        "arn": listener["ListenerArn"],
        "port": listener["Port"],
        "protocol": listener["Protocol"],
        "certificates": [certificate["CertificateArn"] for certificate in listener.get("Certificates") or [] if certificate.get("CertificateArn")],
        "ssl_policy": listener.get("SslPolicy") or "",
        "rules": [
            {
                "priority": str(rule["Priority"]),
                "conditions": [{"field": c["Field"], "values": c.get("Values") or []} for c in rule.get("Conditions") or []],
                "actions": [{"type": action["Type"], "target_group_arns": _forwarded(action)} for action in rule.get("Actions") or []],
            }
            for rule in rules
        ],
    }


def _forwarded(action: dict[str, t.Any]) -> list[str]:
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    arns = [group["TargetGroupArn"] for group in groups] or [action.get("TargetGroupArn")]
    return [arn for arn in arns if arn]


def _group(client: ELBv2, group: dict[str, t.Any]) -> dict[str, t.Any]:
    arn = group["TargetGroupArn"]
    health = client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {
        "arn": arn,
        "name": group["TargetGroupName"],
        "protocol": group.get("Protocol", ""),
        "port": group.get("Port", 0),
        "target_type": group.get("TargetType", ""),
        "targets": [
            {
                "id": item["Target"]["Id"],
                "port": item["Target"].get("Port", 0),
                "state": item["TargetHealth"]["State"],
                "reason": item["TargetHealth"].get("Reason", ""),
                "description": item["TargetHealth"].get("Description", ""),
            }
            for item in health
        ],
    }
