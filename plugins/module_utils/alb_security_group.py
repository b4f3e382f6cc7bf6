# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The security group of a load balancer, and the rules that let it reach its targets: compared in one look.

`ec2` is boto3's client. A group or a rule is ours by its tag.
"""

from __future__ import annotations

import ipaddress
import time
import typing as t
from dataclasses import dataclass, field

OWNERSHIP = "meshgate.io/cluster"
# A cluster's security group may hold other rules of the same owner, and those of its other load balancers.
ROLE_TAG = {"meshgate.io/role": "load-balancer"}
GROUP = "meshgate.io/load-balancer-group"


class Refused(Exception):
    """What is there is not ours, or cannot be."""


@dataclass
class Wanted:
    cluster: str
    name: str
    vpc_id: str = ""
    ports: list[int] = field(default_factory=lambda: [80])
    inbound_cidrs: list[str] = field(default_factory=lambda: ["0.0.0.0/0"])
    backend_group_id: str = ""
    backend_ports: list[int] = field(default_factory=list)
    source_group_ids: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def all_tags(self) -> dict[str, str]:
        return {**self.tags, "Name": self.name, OWNERSHIP: self.cluster}

    def rule_tags(self) -> dict[str, str]:
        return {OWNERSHIP: self.cluster, **ROLE_TAG, GROUP: self.name}


@dataclass(frozen=True, order=True)
class Rule:
    """One ingress rule over TCP: from a CIDR or from a group, to one port."""

    port: int
    source: str

    def permission(self) -> dict[str, t.Any]:
        base: dict[str, t.Any] = {"IpProtocol": "tcp", "FromPort": self.port, "ToPort": self.port}
        if self.source.startswith("sg-"):
            return {**base, "UserIdGroupPairs": [{"GroupId": self.source}]}
        if ipaddress.ip_network(self.source).version == 6:
            return {**base, "Ipv6Ranges": [{"CidrIpv6": self.source}]}
        return {**base, "IpRanges": [{"CidrIp": self.source}]}

    def __str__(self) -> str:
        return f"tcp {self.port} from {self.source}"


@dataclass
class State:
    """What differs: the group itself, its own rules, the backend's rules. Rules that are to go come with their ids."""

    group: dict[str, t.Any] | None = None
    add: list[Rule] = field(default_factory=list)
    drop: dict[str, str] = field(default_factory=dict)
    backend_add: list[Rule] = field(default_factory=list)
    backend_drop: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    before: dict[str, t.Any] = field(default_factory=dict)
    after: dict[str, t.Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def group_id(self) -> str:
        return self.group["GroupId"] if self.group else ""


def frontend_rules(wanted: Wanted) -> set[Rule]:
    return {Rule(port, str(ipaddress.ip_network(cidr))) for port in wanted.ports for cidr in wanted.inbound_cidrs}


def backend_rules(wanted: Wanted, sources: t.Iterable[str]) -> set[Rule]:
    return {Rule(port, source) for port in wanted.backend_ports for source in sources}


def look(ec2: t.Any, wanted: Wanted) -> State:
    """Compare with what is there, in two calls."""
    own_group = not wanted.source_group_ids
    group = find_group(ec2, wanted) if own_group else None
    ids = [group_id for group_id in ((group or {}).get("GroupId"), wanted.backend_group_id) if group_id]
    rules = _rules(ec2, ids)
    if wanted.backend_group_id and wanted.vpc_id and not group and own_group and not rules and not _exists(ec2, wanted.backend_group_id):
        raise Refused(f"backend_security_group_id is {wanted.backend_group_id}, which does not exist in VPC {wanted.vpc_id}")
    state = State(group=group)
    mine = [rule for rule in rules if group and rule["GroupId"] == group["GroupId"]]
    live = {rule["SecurityGroupRuleId"]: rule_of(rule) for rule in mine}
    if own_group:
        state.add, state.drop = _compare(frontend_rules(wanted), live)
        live_tags = {tag["Key"]: tag["Value"] for tag in (group or {}).get("Tags") or []}
        state.tags = {k: v for k, v in wanted.all_tags().items() if live_tags.get(k) != v}
    sources = wanted.source_group_ids or [group["GroupId"] if group else "sg-new"]
    backend_live = {
        rule["SecurityGroupRuleId"]: rule_of(rule)
        for rule in rules
        if rule["GroupId"] == wanted.backend_group_id and (_is_ours(rule, wanted) or _source(rule) in sources)
    }
    state.backend_add, state.backend_drop = _compare(backend_rules(wanted, sources), backend_live)
    tags_before = {k: live_tags.get(k, "") for k in wanted.all_tags()} if group else {}
    state.before = _view(wanted, live.values(), backend_live.values(), tags_before)
    state.after = _view(wanted, frontend_rules(wanted), backend_rules(wanted, sources), wanted.all_tags() if own_group else {})
    return state


def converge(ec2: t.Any, wanted: Wanted, state: State) -> str:
    """Do what `look` found; the group's id, empty where groups of somebody else are used."""
    group_id = state.group_id
    specification = [{"ResourceType": "security-group", "Tags": _pairs(wanted.all_tags())}]
    rule_tags = [{"ResourceType": "security-group-rule", "Tags": _pairs({**wanted.tags, **wanted.rule_tags()})}]
    if not group_id and not wanted.source_group_ids:
        group_id = ec2.create_security_group(
            GroupName=wanted.name, Description=f"Load balancer of {wanted.cluster}", VpcId=wanted.vpc_id, TagSpecifications=specification
        )["GroupId"]
    elif state.tags:
        ec2.create_tags(Resources=[group_id], Tags=_pairs(state.tags))
    if state.add:
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[rule.permission() for rule in state.add], TagSpecifications=rule_tags)
    if state.drop:
        ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=sorted(state.drop))
    if state.backend_add:
        sources = [Rule(rule.port, group_id if rule.source == "sg-new" else rule.source) for rule in state.backend_add]
        ec2.authorize_security_group_ingress(
            GroupId=wanted.backend_group_id, IpPermissions=[rule.permission() for rule in sources], TagSpecifications=rule_tags
        )
    if state.backend_drop:
        ec2.revoke_security_group_ingress(GroupId=wanted.backend_group_id, SecurityGroupRuleIds=sorted(state.backend_drop))
    return group_id


def look_absent(ec2: t.Any, wanted: Wanted) -> State:
    """Everything of ours: the groups by tag and name, the rules by their tag or by their source."""
    filters = [{"Name": f"tag:{OWNERSHIP}", "Values": [wanted.cluster]}, {"Name": "group-name", "Values": [wanted.name]}]
    if wanted.vpc_id:
        filters.append({"Name": "vpc-id", "Values": [wanted.vpc_id]})
    groups = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    state = State(group=groups[0] if groups else None)
    tagged = ec2.describe_security_group_rules(Filters=[{"Name": f"tag:{OWNERSHIP}", "Values": [wanted.cluster]}])["SecurityGroupRules"]
    sources = {group["GroupId"] for group in groups} | set(wanted.source_group_ids)
    rules = {rule["SecurityGroupRuleId"]: rule for rule in [*tagged, *_rules(ec2, [wanted.backend_group_id] if wanted.backend_group_id else [])]}
    ours = [r for r in rules.values() if r["GroupId"] not in sources and not r.get("IsEgress") and (_source(r) in sources or _is_ours(r, wanted))]
    state.backend_drop = {rule["SecurityGroupRuleId"]: rule["GroupId"] for rule in ours}
    if groups or ours:
        state.before = {"group": state.group_id, "backend_ingress": [f"{rule['GroupId']}: {rule_of(rule)}" for rule in ours]}
    return state


def remove(ec2: t.Any, state: State, retry: t.Callable[[Exception], bool], timeout: float = 120, sleep: t.Callable[[float], None] = time.sleep) -> None:
    """Rules first, since they refer to the group. ELB's interfaces keep a group in use for some time after it is gone."""
    for rule_id, group_id in state.backend_drop.items():
        ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[rule_id])
    if not state.group_id:
        return
    deadline = time.monotonic() + timeout
    while True:
        try:
            ec2.delete_security_group(GroupId=state.group_id)
            return
        except Exception as error:
            if not retry(error) or time.monotonic() > deadline:
                raise
        sleep(2)


def find_group(ec2: t.Any, wanted: Wanted) -> dict[str, t.Any] | None:
    filters = [{"Name": "group-name", "Values": [wanted.name]}, {"Name": "vpc-id", "Values": [wanted.vpc_id]}]
    groups = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    for group in groups:
        owner = {tag["Key"]: tag["Value"] for tag in group.get("Tags") or []}.get(OWNERSHIP)
        if owner != wanted.cluster:
            whose = f"belongs to cluster {owner}" if owner else f"carries no tag {OWNERSHIP}"
            raise Refused(f"security group {wanted.name} ({group['GroupId']}) of VPC {wanted.vpc_id} {whose}: it is not ours to change. Choose another name")
    return groups[0] if groups else None


def rule_of(rule: dict[str, t.Any]) -> Rule:
    """A live rule; one that is no single TCP port gets port -1, which nobody wants."""
    single = rule.get("IpProtocol") == "tcp" and rule.get("FromPort") == rule.get("ToPort")
    return Rule(rule["FromPort"] if single else -1, _source(rule))


def _source(rule: dict[str, t.Any]) -> str:
    return (rule.get("ReferencedGroupInfo") or {}).get("GroupId") or rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or ""


def _is_ours(rule: dict[str, t.Any], wanted: Wanted) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in rule.get("Tags") or []}
    return wanted.rule_tags().items() <= tags.items()


def _rules(ec2: t.Any, group_ids: list[str]) -> list[dict[str, t.Any]]:
    if not group_ids:
        return []
    pages = ec2.get_paginator("describe_security_group_rules").paginate(Filters=[{"Name": "group-id", "Values": group_ids}])
    return [rule for page in pages for rule in page["SecurityGroupRules"] if not rule["IsEgress"]]


def _exists(ec2: t.Any, group_id: str) -> bool:
    return bool(ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": [group_id]}])["SecurityGroups"])


def _compare(wanted: set[Rule], live: dict[str, Rule]) -> tuple[list[Rule], dict[str, str]]:
    return sorted(wanted - set(live.values())), {rule_id: str(rule) for rule_id, rule in live.items() if rule not in wanted}


def _view(wanted: Wanted, rules: t.Iterable[Rule], backend: t.Iterable[Rule], tags: dict[str, str]) -> dict[str, t.Any]:
    shown: dict[str, t.Any] = {"group": wanted.name, "tags": tags, "ingress": [str(rule) for rule in sorted(rules)]} if tags else {}
    return {**shown, "backend_ingress": [str(rule).replace("sg-new", wanted.name) for rule in sorted(backend)]}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
