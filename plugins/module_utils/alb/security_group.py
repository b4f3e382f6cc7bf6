# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The security group of a load balancer, and the rules that let it reach its targets: read and compared at once.

`ec2` is boto3's client. A group or a rule is ours by its tag.
"""

from __future__ import annotations

import ipaddress
import re
import time
import typing as t
from dataclasses import dataclass, field

from ..aws import elbv2 as alb_elbv2
from ..aws.client import Aws, tags_of
from ..aws.module import Task, doing
from ..aws.patience import is_held, patiently
from ..common.blocks import opens
from ..common.failure import Refused
from ..common.ownership import OWNER_TAG, Owner

# A cluster's security group may hold other rules of the same owner, and those of its other load balancers.
ROLE_TAG = {"meshgate.io/role": "load-balancer"}
GROUP = "meshgate.io/load-balancer-group"


@dataclass
class Wanted:
    cluster: str
    name: str
    vpc_id: str = ""
    ports: list[int] = field(default_factory=lambda: [80])
    # None: an existing group keeps its own, a new one allows everyone.
    inbound_cidrs: list[str] | None = None
    backend_group_id: str = ""
    backend_ports: list[int] = field(default_factory=list)
    source_group_ids: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def all_tags(self) -> dict[str, str]:
        return {**self.tags, "Name": self.name, OWNER_TAG: self.cluster}

    def rule_tags(self) -> dict[str, str]:
        return {OWNER_TAG: self.cluster, **ROLE_TAG, GROUP: self.name}


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
    """What differs: the group itself, its own rules, the backend's rules. Rules to delete come with their ids."""

    group: dict[str, t.Any] | None = None
    add: list[Rule] = field(default_factory=list)
    drop: dict[str, str] = field(default_factory=dict)
    backend_add: list[Rule] = field(default_factory=list)
    backend_drop: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    before: dict[str, t.Any] = field(default_factory=dict)
    after: dict[str, t.Any] = field(default_factory=dict)
    # Who could reach the load balancer, and who will.
    networks: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))

    @property
    def weakens(self) -> str:
        """A warning if an existing load balancer would accept more networks than before."""
        before, after = self.networks
        return f"WEAKENS inbound_cidrs: {', '.join(before)} -> {', '.join(after)}" if before and opens(before, after) else ""

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def group_id(self) -> str:
        return self.group["GroupId"] if self.group else ""


def frontend_rules(wanted: Wanted, live: t.Collection[Rule] = ()) -> set[Rule]:
    cidrs = _networks(wanted, live) or ["0.0.0.0/0"] if wanted.inbound_cidrs is None else wanted.inbound_cidrs
    return {Rule(port, str(ipaddress.ip_network(cidr))) for port in wanted.ports for cidr in cidrs}


def _networks(wanted: Wanted, live: t.Collection[Rule]) -> list[str]:
    """Who may reach the ports; if all of them are new, who may reach the old ones."""
    rules = [rule for rule in live if _is_network(rule.source)]
    return sorted({rule.source for rule in rules if rule.port in wanted.ports} or {rule.source for rule in rules})


def _is_network(source: str) -> bool:
    return "." in source or ":" in source


def backend_rules(wanted: Wanted, sources: t.Iterable[str]) -> set[Rule]:
    return {Rule(port, source) for port in wanted.backend_ports for source in sources}


def look(ec2: t.Any, wanted: Wanted) -> State:
    """Compare with AWS, in two calls."""
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
        state.add, state.drop = _compare(frontend_rules(wanted, live.values()), live)
        state.networks = (_networks(wanted, live.values()), sorted({rule.source for rule in frontend_rules(wanted, live.values())}))
        live_tags = tags_of((group or {}).get("Tags"))
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
    state.after = _view(wanted, frontend_rules(wanted, live.values()), backend_rules(wanted, sources), wanted.all_tags() if own_group else {})
    return state


def converge(ec2: t.Any, wanted: Wanted, state: State) -> str:
    """Do what `look` found; the group's id, empty if existing groups are used."""
    group_id = state.group_id
    specification = [{"ResourceType": "security-group", "Tags": _pairs(wanted.all_tags())}]
    rule_tags = [{"ResourceType": "security-group-rule", "Tags": _pairs({**wanted.tags, **wanted.rule_tags()})}]
    if not group_id and not wanted.source_group_ids:
        group_id = ec2.create_security_group(
            GroupName=wanted.name, Description=f"Load balancer of {wanted.cluster}", VpcId=wanted.vpc_id, TagSpecifications=specification
        )["GroupId"]
    elif state.tags:
        ec2.create_tags(Resources=[group_id], Tags=_pairs(state.tags))

    def allow(to: str, rules: list[Rule]) -> None:
        permissions = [rule.permission() for rule in rules]
        patiently(lambda: ec2.authorize_security_group_ingress(GroupId=to, IpPermissions=permissions, TagSpecifications=rule_tags))

    if state.add:
        allow(group_id, state.add)
    if state.drop:
        ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=sorted(state.drop))
    if state.backend_add:
        allow(wanted.backend_group_id, [Rule(rule.port, group_id if rule.source == "sg-new" else rule.source) for rule in state.backend_add])
    if state.backend_drop:
        ec2.revoke_security_group_ingress(GroupId=wanted.backend_group_id, SecurityGroupRuleIds=sorted(state.backend_drop))
    return group_id


def look_absent(ec2: t.Any, wanted: Wanted) -> State:
    """Everything of ours: the groups by tag and name, the rules by their tag or by their source."""
    filters = [{"Name": f"tag:{OWNER_TAG}", "Values": [wanted.cluster]}, {"Name": "group-name", "Values": [wanted.name]}]
    if wanted.vpc_id:
        filters.append({"Name": "vpc-id", "Values": [wanted.vpc_id]})
    groups = _groups(ec2, filters)
    state = State(group=groups[0] if groups else None)
    tagged = _all_rules(ec2, f"tag:{OWNER_TAG}", [wanted.cluster])
    sources = {group["GroupId"] for group in groups} | set(wanted.source_group_ids)
    rules = {rule["SecurityGroupRuleId"]: rule for rule in [*tagged, *_rules(ec2, [wanted.backend_group_id] if wanted.backend_group_id else [])]}
    ours = [r for r in rules.values() if r["GroupId"] not in sources and not r.get("IsEgress") and (_source(r) in sources or _is_ours(r, wanted))]
    state.backend_drop = {rule["SecurityGroupRuleId"]: rule["GroupId"] for rule in ours}
    if groups or ours:
        state.before = {"group": state.group_id, "backend_ingress": [f"{rule['GroupId']}: {rule_of(rule)}" for rule in ours]}
    return state


def remove(ec2: t.Any, state: State, timeout: float = 120, sleep: t.Callable[[float], None] = time.sleep) -> None:
    """Rules first, since they refer to the group. ELB's interfaces keep a group in use for some time after the load balancer is deleted."""
    for rule_id, group_id in state.backend_drop.items():
        ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[rule_id])
    if not state.group_id:
        return
    patiently(lambda: ec2.delete_security_group(GroupId=state.group_id), sleep, timeout, lambda error: is_held(error, "security group"))


def find_group(ec2: t.Any, wanted: Wanted) -> dict[str, t.Any] | None:
    filters = [{"Name": "group-name", "Values": [wanted.name]}, {"Name": "vpc-id", "Values": [wanted.vpc_id]}]
    groups = _groups(ec2, filters)
    owner = Owner(wanted.cluster, ec2.meta.region_name)
    for group in groups:
        tags = tags_of(group.get("Tags"))
        if not owner.owns(tags):
            another = owner.whose(tags)
            whose = f"belongs to {another}" if another else f"carries no tag {OWNER_TAG}"
            raise Refused(
                f"security group {wanted.name} ({group['GroupId']}) of VPC {wanted.vpc_id} {whose}, and this collection does not manage it. Choose another name"
            )
    return groups[0] if groups else None


def rule_of(rule: dict[str, t.Any]) -> Rule:
    """A live rule; one that is not for a single TCP port gets port -1, which never matches."""
    single = rule.get("IpProtocol") == "tcp" and rule.get("FromPort") == rule.get("ToPort")
    return Rule(rule["FromPort"] if single else -1, _source(rule))


def _source(rule: dict[str, t.Any]) -> str:
    return (rule.get("ReferencedGroupInfo") or {}).get("GroupId") or rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or ""


def _is_ours(rule: dict[str, t.Any], wanted: Wanted) -> bool:
    return wanted.rule_tags().items() <= tags_of(rule.get("Tags")).items()


def _rules(ec2: t.Any, group_ids: list[str]) -> list[dict[str, t.Any]]:
    if not group_ids:
        return []
    return [rule for rule in _all_rules(ec2, "group-id", group_ids) if not rule["IsEgress"]]


def _all_rules(ec2: t.Any, key: str, values: list[str]) -> list[dict[str, t.Any]]:
    pages = ec2.get_paginator("describe_security_group_rules").paginate(Filters=[{"Name": key, "Values": values}])
    return [rule for page in pages for rule in page["SecurityGroupRules"]]


def _groups(ec2: t.Any, filters: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [group for page in ec2.get_paginator("describe_security_groups").paginate(Filters=filters) for group in page["SecurityGroups"]]


def _exists(ec2: t.Any, group_id: str) -> bool:
    return bool(_groups(ec2, [{"Name": "group-id", "Values": [group_id]}]))


def _compare(wanted: set[Rule], live: dict[str, Rule]) -> tuple[list[Rule], dict[str, str]]:
    return sorted(wanted - set(live.values())), {rule_id: str(rule) for rule_id, rule in live.items() if rule not in wanted}


def _view(wanted: Wanted, rules: t.Iterable[Rule], backend: t.Iterable[Rule], tags: dict[str, str]) -> dict[str, t.Any]:
    shown: dict[str, t.Any] = {"group": wanted.name, "tags": tags, "ingress": [str(rule) for rule in sorted(rules)]} if tags else {}
    return {**shown, "backend_ingress": [str(rule).replace("sg-new", wanted.name) for rule in sorted(backend)]}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# What the module alb_security_group does


def problems(params: dict[str, t.Any]) -> list[str]:
    """Values that AWS would refuse."""
    found = []
    for cidr in params["inbound_cidrs"] or []:
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            found.append(f"inbound_cidrs has {cidr!r}: {error}; accepted: networks such as 203.0.113.0/24")
    for name in ("ports", "backend_ports"):
        found += [f"{name} has {port}; accepted: 1 to 65535" for port in params[name] if not 1 <= port <= 65535]
    if params["group_name"].startswith("sg-") or not re.fullmatch(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}", params["group_name"]):
        found.append(f"group_name is {params['group_name']!r}; accepted: up to 255 characters that AWS allows, not beginning with sg-")
    if params["state"] == "present" and not params["vpc_id"] and not params["source_group_ids"]:
        found.append("vpc_id is empty; accepted: the id of the group's VPC")
    return found


def wanted_of(params: dict[str, t.Any]) -> Wanted:
    return Wanted(
        cluster=params["cluster_name"],
        name=params["group_name"],
        vpc_id=params["vpc_id"],
        ports=params["ports"],
        inbound_cidrs=params["inbound_cidrs"],
        backend_group_id=params["backend_security_group_id"],
        backend_ports=params["backend_ports"],
        source_group_ids=params["source_group_ids"],
        tags=params["group_tags"],
    )


def present(module: Task, aws: Aws) -> dict[str, t.Any]:
    wanted, balancer = wanted_of(module.params), module.params["load_balancer_name"]
    with doing(f"security group {wanted.name}"):
        ec2 = aws.retrying_client("ec2")
        state = look(ec2, wanted)
        if state.weakens:
            module.warn(f"security group {wanted.name}: {state.weakens}")
        group_id = converge(ec2, wanted, state) if state.changed and not module.check_mode else state.group_id
        result = {"group_ids": wanted.source_group_ids or ([group_id] if group_id else [])}
        described = {"load_balancer": alb_elbv2.by_name(aws.retrying_client("elbv2"), balancer)} if balancer else {}
    return {"changed": state.changed, "diff": {"before": state.before, "after": state.after}, **result, **described}


def absent(module: Task, aws: Aws) -> dict[str, t.Any]:
    wanted = wanted_of(module.params)
    if aws.emulator_is_down("ec2"):
        return {"msg": "an emulated AWS that is not running contains nothing"}
    with doing(f"security group {wanted.name}"):
        ec2 = aws.retrying_client("ec2")
        state = look_absent(ec2, wanted)
        if state.changed and not module.check_mode:
            remove(ec2, state, module.params["wait_timeout"])
    return {"changed": state.changed, "diff": {"before": state.before, "after": state.after}}
