# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The platform's current state in AWS, read in a few rounds of calls. Read-only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...aws.client import Aws, tags_of
from ...common.failure import Refused
from ...common.ownership import OWNER_TAG, Owner
from .. import cluster as eks_cluster
from .. import extras as eks_extras
from .. import nodegroup as eks_nodegroup
from .. import oidc_provider as iam_oidc_provider
from .. import role_names as eks_role_names
from ..role_references import References, Verdict
from . import logs as eks_platform_logs


@dataclass
class Live:
    """The current state, in AWS's own format."""

    account_id: str = ""
    zones: list[dict[str, Any]] = field(default_factory=list)
    vpc: dict[str, Any] | None = None
    dns: dict[str, bool] = field(default_factory=dict)
    subnets: list[dict[str, Any]] = field(default_factory=list)
    internet_gateways: list[dict[str, Any]] = field(default_factory=list)
    route_tables: list[dict[str, Any]] = field(default_factory=list)
    nat_gateways: list[dict[str, Any]] = field(default_factory=list)
    # Only for an existing VPC.
    endpoints: list[dict[str, Any]] = field(default_factory=list)
    # Failed ones: AWS lists them, with the reason, for about an hour.
    failed_nat_gateways: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Other users of those that may be another cluster's.
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    launch_templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    cluster: dict[str, Any] | None = None
    node_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    provider: dict[str, Any] | None = None
    extras: eks_extras.Live = field(default_factory=eks_extras.Live)
    kubeconfig: str | None = None
    # Of the control plane's logs.
    log_group: dict[str, Any] | None = None


def read(aws: Aws, platform: dict[str, Any]) -> Live:
    """Rounds of parallel calls."""
    live = Live(account_id=account(aws, platform))
    name = platform["name"]
    aws.prepare("ec2", "eks", "iam", "logs")
    ours = [{"Name": f"tag:{OWNER_TAG}", "Values": [name]}]
    chosen = {"VpcIds": [platform["vpc_id"]]} if platform.get("vpc_id") else {"Filters": ours}
    zones, vpcs, addresses, gateways, templates, cluster, groups, extras, live.log_group = aws.run_parallel(
        lambda: aws.call("ec2", "describe_availability_zones")["AvailabilityZones"],
        lambda: aws.find_all("ec2", "describe_vpcs", "Vpcs", **chosen),
        lambda: aws.call("ec2", "describe_addresses", Filters=ours)["Addresses"],
        lambda: aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=ours),
        lambda: aws.pages("ec2", "describe_launch_templates", "LaunchTemplates", Filters=ours),
        lambda: eks_cluster.describe(aws, name),
        lambda: aws.find_all("eks", "list_nodegroups", "nodegroups", clusterName=name),
        lambda: eks_extras.read(aws, platform),
        lambda: eks_platform_logs.find(aws, name),
    )
    live.zones, live.addresses, live.internet_gateways, live.cluster = zones, addresses, gateways, cluster
    live.extras = extras
    live.vpc = the_vpc(vpcs, name)

    calls: dict[str, Callable[[], Any]] = {f"group {group}": partial(eks_nodegroup.describe, aws, name, group) for group in groups}
    calls |= {f"template {item['LaunchTemplateName']}": partial(_latest, aws, item) for item in templates}
    issuer = issuer_of(cluster)
    if issuer:
        calls["provider"] = lambda: iam_oidc_provider.find(aws, issuer)
    if live.vpc:
        calls |= _network_calls(aws, live.vpc["VpcId"])
    if live.vpc and platform.get("vpc_id"):
        inside = [{"Name": "vpc-id", "Values": [platform["vpc_id"]]}]
        calls["endpoints"] = lambda: aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=inside)
    answers = dict(zip(calls, aws.run_parallel(*calls.values()), strict=True))
    live.node_groups = {group: answers[f"group {group}"] for group in groups if answers[f"group {group}"]}
    live.launch_templates = {item["LaunchTemplateName"]: answers[f"template {item['LaunchTemplateName']}"] for item in templates}
    live.provider = answers.get("provider")
    live.subnets, live.route_tables = answers.get("subnets", []), answers.get("route_tables", [])
    live.endpoints = answers.get("endpoints", [])
    live.nat_gateways = [gateway for gateway in answers.get("nat_gateways", []) if gateway["State"] in ("pending", "available")]
    live.failed_nat_gateways = [gateway for gateway in answers.get("nat_gateways", []) if gateway["State"] == "failed"]
    known = {gateway["InternetGatewayId"] for gateway in gateways}
    live.internet_gateways += [gateway for gateway in answers.get("gateways", []) if gateway["InternetGatewayId"] not in known]
    roles = eks_role_names.role_names(platform, live.account_id, cluster, live.node_groups)
    live.roles = {role: answer for role, answer in zip(roles, aws.run_parallel(*[partial(_role, aws, role) for role in roles]), strict=True) if answer}
    live.verdicts = _verdicts(aws, platform, live)
    live.dns = {"dns_support": answers.get("support", True), "dns_hostnames": answers.get("hostnames", True)}
    return live


def _verdicts(aws: Aws, platform: dict[str, Any], live: Live) -> dict[str, Verdict]:
    """This queries every enabled region, so only for roles whose tags do not prove ownership and that may be ours."""
    owner, adopt = Owner(platform["name"], platform["region"]), platform.get("adopt")
    references = References(aws, owner)
    cluster, nodes = eks_role_names.names_in_use(platform, live.cluster, live.node_groups)
    tagged = {name: (role, tags_of(role.get("Tags"))) for name, role in live.roles.items()}
    doubtful = {name: role for name, (role, tags) in tagged.items() if owner.may_own(tags) or (adopt and OWNER_TAG not in tags)}
    return {name: references.of(role, last_use=name not in (cluster, *nodes)) for name, role in doubtful.items()}


def account(aws: Aws, platform: dict[str, Any]) -> str:
    """The account of the credentials, which must be the expected one."""
    identity = aws.identify(str(platform.get("expected_account_id") or ""))
    return str(identity["Account"])


def the_vpc(vpcs: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    if len(vpcs) > 1:
        raise Refused(f"{len(vpcs)} VPCs carry the tag {OWNER_TAG}={name}: {', '.join(vpc['VpcId'] for vpc in vpcs)}; leave it on one")
    return vpcs[0] if vpcs else None


def _network_calls(aws: Aws, vpc_id: str) -> dict[str, Callable[[], Any]]:
    inside = [{"Name": "vpc-id", "Values": [vpc_id]}]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc_id]}]
    return {
        "subnets": lambda: aws.pages("ec2", "describe_subnets", "Subnets", Filters=inside),
        "route_tables": lambda: aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=inside),
        "nat_gateways": lambda: aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=inside),
        "gateways": lambda: aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=attached),
        "support": lambda: aws.call("ec2", "describe_vpc_attribute", VpcId=vpc_id, Attribute="enableDnsSupport")["EnableDnsSupport"]["Value"],
        "hostnames": lambda: aws.call("ec2", "describe_vpc_attribute", VpcId=vpc_id, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"],
    }


def _role(aws: Aws, name: str) -> dict[str, Any] | None:
    role = aws.find("iam", "get_role", "Role", RoleName=name)
    if role is None:
        return None
    attached = aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    inline = aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=name)
    return {**role, "Policies": sorted(policy["PolicyArn"] for policy in attached), "Inline": sorted(inline)}


def _latest(aws: Aws, template: dict[str, Any]) -> dict[str, Any]:
    """A launch template with its latest version's data."""
    found = aws.find("ec2", "describe_launch_template_versions", "LaunchTemplateVersions", LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"])
    return {**template, "Data": found[0]["LaunchTemplateData"] if found else {}}


def ours(resource: dict[str, Any], owner: Owner) -> bool:
    return owner.owns(tags_of(resource.get("Tags")))


def issuer_of(cluster: dict[str, Any] | None) -> str:
    return str(((cluster or {}).get("identity") or {}).get("oidc", {}).get("issuer") or "")
