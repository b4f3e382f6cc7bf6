# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What belongs to a cluster in an account and region: by tag if AWS supports tags, else by a name that only EKS assigns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..aws import acm as acm_certificate
from ..aws import tagged as aws_tagged
from ..aws.client import Aws, AwsError, is_missing, tags_of, wait_for
from ..common.ownership import OWNER_TAG, Owner
from ..eks import cluster as eks_cluster
from ..images import ecr_pushed
from . import iam as aws_leftovers_iam
from .found import GUARD_DUTY, NOTHING, Found, Look, Proof, judged, proof_of, reason, tags_of_cluster
from .iam import Place

# The options that searching and removing have in common, as the documentation fragment `leftovers` describes them.
OPTIONS: dict[str, dict[str, Any]] = {
    "cluster_name": {"type": "str", "required": True},
    "disable_deletion_protection": {"type": "bool", "default": False},
    "volumes": {"type": "str", "choices": ["refuse", "keep", "delete"], "default": "refuse"},
    "logs": {"type": "str", "choices": ["refuse", "keep", "delete"], "default": "keep"},
    "images": {"type": "str", "choices": ["refuse", "keep", "delete"], "default": "refuse"},
    "iam_path": {"type": "str", "default": "/"},
    "iam_roles": {"type": "list", "elements": "str", "default": []},
    "unreachable_is_empty": {"type": "bool", "default": False},
}

SERVICES = ("resourcegroupstaggingapi", "ec2", "elbv2", "elb", "iam", "eks", "logs", "acm", "ecr")


@dataclass(frozen=True)
class Ec2Kind:
    """An EC2 resource type: its name, in DescribeTags and in its own description."""

    type: str
    tagged_as: str
    operation: str
    key: str
    id: str
    filter: str
    # Final states.
    over: tuple[str, ...] = ()


EC2_KINDS = (
    Ec2Kind("vpc", "vpc", "describe_vpcs", "Vpcs", "VpcId", "vpc-id"),
    Ec2Kind("subnet", "subnet", "describe_subnets", "Subnets", "SubnetId", "subnet-id"),
    Ec2Kind("route table", "route-table", "describe_route_tables", "RouteTables", "RouteTableId", "route-table-id"),
    Ec2Kind("internet gateway", "internet-gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", "internet-gateway-id"),
    Ec2Kind("NAT gateway", "natgateway", "describe_nat_gateways", "NatGateways", "NatGatewayId", "nat-gateway-id", ("deleted", "failed")),
    Ec2Kind("elastic IP", "elastic-ip", "describe_addresses", "Addresses", "AllocationId", "allocation-id"),
    Ec2Kind("security group", "security-group", "describe_security_groups", "SecurityGroups", "GroupId", "group-id"),
    Ec2Kind("network interface", "network-interface", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", "network-interface-id"),
    Ec2Kind("volume", "volume", "describe_volumes", "Volumes", "VolumeId", "volume-id", ("deleting", "deleted")),
    Ec2Kind("snapshot", "snapshot", "describe_snapshots", "Snapshots", "SnapshotId", "snapshot-id"),
    Ec2Kind("instance", "instance", "describe_instances", "Reservations", "InstanceId", "instance-id", ("terminated", "shutting-down")),
    Ec2Kind("VPC endpoint", "vpc-endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", "vpc-endpoint-id", ("deleted", "deleting")),
    Ec2Kind("launch template", "launch-template", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", ""),
)
# Services whose resources are searched in their own lists, which are current; the tagging API still shows deleted ones for a while. SSM has the claim.
LISTED = ("ec2", "elasticloadbalancing", "acm", "ecr", "logs", "eks", "iam", "ssm")
EVERYWHERE = Place()
AT_ONCE = 200  # the limit of a filter's values


def _ec2(aws: Aws, name: str) -> list[Found]:
    """One request for everything that is tagged, then one for each type found: deleted resources keep their tags for a while."""
    wanted = tags_of_cluster(name)
    filters = [{"Name": "key", "Values": list(wanted)}, {"Name": "value", "Values": sorted({*wanted.values()})}]
    tagged: dict[str, set[str]] = {}
    for tag in aws.pages("ec2", "describe_tags", "Tags", Filters=filters):
        if wanted.get(tag["Key"]) == tag["Value"]:
            tagged.setdefault(tag["ResourceType"], set()).add(tag["ResourceId"])
    owner = owner_of(aws, name)
    calls = [partial(_described, aws, kind, sorted(tagged[kind.tagged_as])) for kind in EC2_KINDS if tagged.get(kind.tagged_as)]
    found = []
    for kind, items in aws.run_parallel(*calls):
        for item in items:
            tags = tags_of(item.get("Tags") or item.get("TagSet"))
            state = item.get("State")
            state = state.get("Name") if isinstance(state, dict) else state
            if str(state).lower() not in kind.over and reason(name, tags):
                found.append(Found(kind.type, item[kind.id], reason(name, tags), _title(tags), owner.owns(tags), item))
    return found


def owner_of(aws: Aws, name: str) -> Owner:
    return Owner(name, aws.client("ec2").meta.region_name)


def _guard_duty(aws: Aws, homes: Iterable[str]) -> list[Found]:
    """What GuardDuty has created in our VPCs, which would block their deletion forever."""
    if not (vpcs := sorted(homes)):
        return []
    filters = [{"Name": "vpc-id", "Values": vpcs}, {"Name": f"tag:{GUARD_DUTY}", "Values": ["true"]}]
    points, groups = aws.run_parallel(
        lambda: aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=filters),
        lambda: aws.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=filters),
    )
    why = f"tag {GUARD_DUTY}=true, in our VPC"
    found = [Found("VPC endpoint", item["VpcEndpointId"], why, item["ServiceName"], raw=item) for item in points if not _goes(item)]
    return found + [Found("security group", item["GroupId"], why, item["GroupName"], raw=item) for item in groups]


def _goes(item: dict[str, Any]) -> bool:
    return str(item.get("State")).lower() in ("deleted", "deleting")


def _title(tags: dict[str, str]) -> str:
    """Its readable name: its own, or a volume's claim."""
    claim = tags.get("kubernetes.io/created-for/pvc/name")
    return f"{tags.get('kubernetes.io/created-for/pvc/namespace', '')}/{claim}" if claim else tags.get("Name", "")


def _described(aws: Aws, kind: Ec2Kind, ids: list[str]) -> tuple[Ec2Kind, list[dict[str, Any]]]:
    if not kind.filter:
        # Requested by id, a deleted one is an error, and there is no filter by id.
        return kind, [item for item in aws.pages("ec2", kind.operation, kind.key) if item[kind.id] in ids]
    parameter = "Filter" if kind.type == "NAT gateway" else "Filters"
    items: list[dict[str, Any]] = []
    for start in range(0, len(ids), AT_ONCE):
        items += aws.pages("ec2", kind.operation, kind.key, **{parameter: [{"Name": kind.filter, "Values": ids[start : start + AT_ONCE]}]})
    if kind.type == "instance":
        items = [instance for reservation in items for instance in reservation["Instances"]]
    return kind, items


def balancers_with_tags(aws: Aws) -> list[tuple[str, str, str, dict[str, Any], dict[str, str]]]:
    """Every load balancer and target group: kind, id, name, description and tags."""
    balancers, groups, classic = aws.run_parallel(
        lambda: aws.pages("elbv2", "describe_load_balancers", "LoadBalancers"),
        lambda: aws.pages("elbv2", "describe_target_groups", "TargetGroups"),
        lambda: aws.pages("elb", "describe_load_balancers", "LoadBalancerDescriptions"),
    )
    named = [("load balancer", item["LoadBalancerArn"], item["LoadBalancerName"], item) for item in balancers]
    named += [("target group", item["TargetGroupArn"], item["TargetGroupName"], item) for item in groups]
    old = [("classic load balancer", item["LoadBalancerName"], item["LoadBalancerName"], item) for item in classic]

    def modern(arns: list[str]) -> dict[str, dict[str, str]]:
        answer = aws.call("elbv2", "describe_tags", ResourceArns=arns)
        return {entry["ResourceArn"]: tags_of(entry["Tags"]) for entry in answer["TagDescriptions"]}

    def ancient(names: list[str]) -> dict[str, dict[str, str]]:
        answer = aws.call("elb", "describe_tags", LoadBalancerNames=names)
        return {entry["LoadBalancerName"]: tags_of(entry["Tags"]) for entry in answer["TagDescriptions"]}

    calls = [
        partial(_of_those_there, look, [entry[1] for entry in all_of[start : start + 20]])
        for look, all_of in ((modern, named), (ancient, old))
        for start in range(0, len(all_of), 20)
    ]
    tags = {key: value for answer in aws.run_parallel(*calls) for key, value in answer.items()}
    return [(kind, identity, title, item, tags[identity]) for kind, identity, title, item in [*named, *old] if identity in tags]


def _of_those_there(look: Callable[[list[str]], dict[str, dict[str, str]]], ids: list[str]) -> dict[str, dict[str, str]]:
    """ELB returns an error for many if one of them no longer exists (API reference, DescribeTags: LoadBalancerNotFound).

    Each is then requested alone, even if there was only one: it was listed a moment ago, and only a second "not found" counts.
    """
    try:
        return look(ids)
    except AwsError as error:
        if not is_missing(error.code):
            raise
    return {key: value for one in ids for key, value in _alone(look, one).items()}


def _alone(look: Callable[[list[str]], dict[str, dict[str, str]]], identity: str) -> dict[str, dict[str, str]]:
    try:
        return look([identity])
    except AwsError as error:
        if not is_missing(error.code):
            raise
    return {}


def _load_balancing(aws: Aws, name: str) -> list[Found]:
    owner = owner_of(aws, name)
    met = [
        Found(kind, identity, why, title, owner.owns(tags), item)
        for kind, identity, title, item, tags in balancers_with_tags(aws)
        if (why := reason(name, tags))
    ]
    protections = aws.run_parallel(*[partial(_is_protected, aws, entry) for entry in met])
    for entry, protected in zip(met, protections, strict=True):
        entry.raw["protected"] = protected
    return [entry for entry in met if entry.raw["protected"] is not None]


def _is_protected(aws: Aws, entry: Found) -> bool | None:
    """None if it was deleted since it was listed."""
    if entry.type != "load balancer":
        return False
    attributes = aws.find("elbv2", "describe_load_balancer_attributes", "Attributes", LoadBalancerArn=entry.id)
    return None if attributes is None else {"Key": "deletion_protection.enabled", "Value": "true"} in attributes


def _with_tags(aws: Aws, name: str, looks: list[tuple[str, str, str, dict[str, Any], Callable[[], dict[str, Any]]]], key: str) -> list[Found]:
    """The cluster's resources among those whose tags must be requested one by one."""

    def tags(look: Callable[[], dict[str, Any]]) -> dict[str, str]:
        try:
            return {str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value"))) for tag in look().get(key) or []}
        except AwsError as error:
            if is_missing(error.code):  # deleted meanwhile
                return {}
            raise

    owner, found = owner_of(aws, name), []
    for (kind, identity, title, item, _look), its in zip(looks, aws.run_parallel(*[partial(tags, look[4]) for look in looks]), strict=True):
        if why := reason(name, its):
            found.append(Found(kind, identity, why, title, owner.owns(its), {**item, "tags": its}))
    return found


def _eks(aws: Aws, name: str) -> list[Found]:
    cluster = eks_cluster.describe(aws, name)
    if cluster is None:
        return []
    owner = owner_of(aws, name)
    owned = owner.owns(cluster.get("tags") or {})
    found = [Found("EKS cluster", name, f"tag {OWNER_TAG}={name}" if owned else "its name", name, owned, cluster)]
    if cluster["status"] == "CREATING":
        return found
    try:
        groups, profiles = aws.run_parallel(
            lambda: aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name),
            lambda: aws.pages("eks", "list_fargate_profiles", "fargateProfileNames", clusterName=name),
        )
        calls = [partial(aws.find, "eks", "describe_nodegroup", "nodegroup", clusterName=name, nodegroupName=group) for group in groups]
        calls += [partial(aws.find, "eks", "describe_fargate_profile", "fargateProfile", clusterName=name, fargateProfileName=profile) for profile in profiles]
        answers = aws.run_parallel(*calls)
    except AwsError as error:
        if is_missing(error.code):  # just deleted
            return []
        raise
    kinds = [("node group", group) for group in groups] + [("Fargate profile", profile) for profile in profiles]
    for (kind, title), item in zip(kinds, answers, strict=True):
        if item is not None:
            found.append(Found(kind, title, f"EKS cluster {name}", title, owner.owns(item.get("tags") or {}), item))
    return found


def _logs(aws: Aws, name: str) -> list[Found]:
    """By name, since EKS creates its log group without a tag; ownership is checked later."""
    prefix, owner = f"/aws/eks/{name}/", owner_of(aws, name)
    groups = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
    looks = [partial(aws.find, "logs", "list_tags_for_resource", "tags", resourceArn=group["arn"].removesuffix(":*")) for group in groups]
    found = []
    for group, tags in zip(groups, aws.run_parallel(*looks), strict=True):
        if tags is not None:
            why = reason(name, tags) or f"its name begins with {prefix}"
            found.append(Found("log group", group["logGroupName"], why, group["logGroupName"], owner.owns(tags), group))
    return found


def _certificates(aws: Aws, name: str) -> list[Found]:
    items = acm_certificate.summaries(aws)
    looks: list[tuple[str, str, str, dict[str, Any], Callable[[], dict[str, Any]]]] = []
    for item in items:
        arn = item["CertificateArn"]
        looks.append(("certificate", arn, item.get("DomainName", ""), item, partial(aws.call, "acm", "list_tags_for_certificate", CertificateArn=arn)))
    return _with_tags(aws, name, looks, "Tags")


def _repositories(aws: Aws, name: str) -> list[Found]:
    looks: list[tuple[str, str, str, dict[str, Any], Callable[[], dict[str, Any]]]] = []
    for item in aws.pages("ecr", "describe_repositories", "repositories"):
        title = item["repositoryName"]
        looks.append(("ECR repository", title, title, item, partial(aws.call, "ecr", "list_tags_for_resource", resourceArn=item["repositoryArn"])))
    found = _with_tags(aws, name, looks, "tags")
    ours = [entry for entry in found if entry.owned]
    for entry, images in zip(ours, aws.run_parallel(*[partial(_others_images, aws, entry) for entry in ours]), strict=True):
        entry.raw["foreign_images"] = images
    return found


def _others_images(aws: Aws, entry: Found) -> list[str]:
    try:
        return ecr_pushed.of_others(aws, entry.id, entry.raw["tags"])
    except AwsError as error:
        if is_missing(error.code):  # just deleted
            return []
        raise


def search(aws: Aws, name: str, place: Place = EVERYWHERE, known: Proof = NOTHING) -> Look:
    """Everything that belongs to the cluster, or seems to. `known`: the proof of ownership, from before the removal deleted it."""
    aws.prepare(*SERVICES)
    owner = owner_of(aws, name)
    living, elsewhere, in_iam, *answers = aws.run_parallel(
        lambda: _eks(aws, name),
        lambda: _of_other_services(aws, name),
        lambda: aws_leftovers_iam.search(aws, owner, place),
        lambda: _load_balancing(aws, name),
        lambda: _ec2(aws, name),
        lambda: _logs(aws, name),
        lambda: _certificates(aws, name),
        lambda: _repositories(aws, name),
    )
    met = [*living, *(entry for answer in answers for entry in answer), *aws_leftovers_iam.judged(aws, owner, in_iam, living)]
    proof = known | proof_of(met)
    return judged(name, met + _guard_duty(aws, proof_of(met).homes), proof, [*in_iam.notes, *elsewhere])


def _of_other_services(aws: Aws, name: str) -> list[str]:
    """Resources with our tag in services that we do not use: someone tagged them, and has to check them."""
    try:
        arns = aws_tagged.arns(aws, {OWNER_TAG: name})
    except AwsError as error:
        if error.code not in aws_leftovers_iam.DENIED:
            raise
        return [f"cannot tell whether resources of other services carry the tag {OWNER_TAG}={name}: {error}"]
    strange = [arn for arn in arns if arn.split(":")[2] not in LISTED]
    return [f"{arn} carries the tag {OWNER_TAG}={name}, but this collection creates no such resource: it is left alone" for arn in strange]


def search_until_none(
    aws: Aws, name: str, timeout: float, delay: float, place: Place = EVERYWHERE, known: Proof = NOTHING, stays: Callable[[Found], bool] = lambda entry: False
) -> Look:
    """Poll until only what stays is left: EKS keeps cleaning up for a while after it has reported completion."""

    def left(seen: Look) -> list[Found]:
        return [entry for entry in seen.ours if not stays(entry)]

    def said(seen: Look) -> str:
        return ", ".join(map(str, left(seen)[:3])) + (" ..." if len(left(seen)) > 3 else "") or "nothing"

    try:
        return wait_for(f"nothing left of {name}", lambda: search(aws, name, place, known), said, lambda seen: not left(seen), timeout, delay)
    except AwsError as error:
        if error.code != "Timeout":
            raise
        return search(aws, name, place, known)
