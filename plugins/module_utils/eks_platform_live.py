# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What AWS has of the platform, read in two rounds of calls. Only reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_cluster, eks_extras, eks_nodegroup, iam_oidc_provider
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Aws, Refused, tags_of


@dataclass
class Live:
    """What AWS has of it, in AWS's own words."""

    account_id: str = ""
    zones: list[dict[str, Any]] = field(default_factory=list)
    vpc: dict[str, Any] | None = None
    dns: dict[str, bool] = field(default_factory=dict)
    subnets: list[dict[str, Any]] = field(default_factory=list)
    internet_gateways: list[dict[str, Any]] = field(default_factory=list)
    route_tables: list[dict[str, Any]] = field(default_factory=list)
    nat_gateways: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    launch_templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    cluster: dict[str, Any] | None = None
    node_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    provider: dict[str, Any] | None = None
    extras: eks_extras.Live = field(default_factory=eks_extras.Live)
    kubeconfig: str | None = None


def read(aws: Aws, platform: dict[str, Any]) -> Live:
    """Two rounds of calls, each at the same time."""
    live = Live(account_id=account(aws, platform))
    name = platform["name"]
    aws.prepare("ec2", "eks", "iam")
    ours = [{"Name": f"tag:{OWNER_TAG}", "Values": [name]}]
    chosen = {"VpcIds": [platform["vpc_id"]]} if platform.get("vpc_id") else {"Filters": ours}
    roles = [platform["role_name"], platform["node_role_name"]]
    zones, vpcs, addresses, gateways, templates, cluster, groups, extras, *role_answers = aws.together(
        lambda: aws.call("ec2", "describe_availability_zones")["AvailabilityZones"],
        lambda: aws.find("ec2", "describe_vpcs", "Vpcs", **chosen) or [],
        lambda: aws.call("ec2", "describe_addresses", Filters=ours)["Addresses"],
        lambda: aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=ours),
        lambda: aws.pages("ec2", "describe_launch_templates", "LaunchTemplates", Filters=ours),
        lambda: eks_cluster.describe(aws, name),
        lambda: aws.find("eks", "list_nodegroups", "nodegroups", clusterName=name) or [],
        lambda: eks_extras.read(aws, platform),
        *[partial(_role, aws, role) for role in roles],
    )
    live.zones, live.addresses, live.internet_gateways, live.cluster = zones, addresses, gateways, cluster
    live.extras = extras
    live.vpc = the_vpc(vpcs, name)
    live.roles = {role: answer for role, answer in zip(roles, role_answers, strict=True) if answer}

    calls: dict[str, Callable[[], Any]] = {f"group {group}": partial(eks_nodegroup.describe, aws, name, group) for group in groups}
    calls |= {f"template {item['LaunchTemplateName']}": partial(_latest, aws, item) for item in templates}
    issuer = issuer_of(cluster)
    if issuer:
        calls["provider"] = lambda: iam_oidc_provider.find(aws, issuer)
    if live.vpc:
        calls |= _network_calls(aws, live.vpc["VpcId"])
    answers = dict(zip(calls, aws.together(*calls.values()), strict=True))
    live.node_groups = {group: answers[f"group {group}"] for group in groups if answers[f"group {group}"]}
    live.launch_templates = {item["LaunchTemplateName"]: answers[f"template {item['LaunchTemplateName']}"] for item in templates}
    live.provider = answers.get("provider")
    live.subnets, live.route_tables = answers.get("subnets", []), answers.get("route_tables", [])
    live.nat_gateways = [gateway for gateway in answers.get("nat_gateways", []) if gateway["State"] in ("pending", "available")]
    known = {gateway["InternetGatewayId"] for gateway in gateways}
    live.internet_gateways += [gateway for gateway in answers.get("gateways", []) if gateway["InternetGatewayId"] not in known]
    live.dns = {"dns_support": answers.get("support", True), "dns_hostnames": answers.get("hostnames", True)}
    return live


def account(aws: Aws, platform: dict[str, Any]) -> str:
    """The account of the credentials, which must be the expected one."""
    identity = aws.call("sts", "get_caller_identity")
    expected = str(platform.get("expected_account_id") or "")
    if expected and expected != identity["Account"]:
        raise Refused(f"eks_cluster_expected_account_id is {expected!r}, but the AWS credentials are of account {identity['Account']} ({identity['Arn']})")
    return identity["Account"]


def the_vpc(vpcs: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    if len(vpcs) > 1:
        raise Refused(f"{len(vpcs)} VPCs carry the tag {OWNER_TAG}={name}: {', '.join(vpc['VpcId'] for vpc in vpcs)}; keep it on one")
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
    return {**role, "Policies": sorted(policy["PolicyArn"] for policy in attached)}


def _latest(aws: Aws, template: dict[str, Any]) -> dict[str, Any]:
    """A launch template with what its latest version says."""
    found = aws.find("ec2", "describe_launch_template_versions", "LaunchTemplateVersions", LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"])
    return {**template, "Data": found[0]["LaunchTemplateData"] if found else {}}


def ours(resource: dict[str, Any], name: str) -> bool:
    return tags_of(resource.get("Tags")).get(OWNER_TAG) == name


def issuer_of(cluster: dict[str, Any] | None) -> str:
    return ((cluster or {}).get("identity") or {}).get("oidc", {}).get("issuer", "")
