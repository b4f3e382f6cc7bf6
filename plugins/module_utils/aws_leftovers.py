# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What belongs to a cluster in an account and region: by tag wherever AWS has tags, else by the name that only EKS gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import acm_certificate, eks_cluster
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Aws, AwsError, is_missing, tags_of, wait_for

# The options that searching and removing have in common, as the documentation fragment `leftovers` describes them.
OPTIONS: dict[str, dict[str, Any]] = {
    "cluster_name": {"type": "str", "required": True},
    "disable_deletion_protection": {"type": "bool", "default": False},
    "volumes": {"type": "str", "choices": ["refuse", "keep", "delete"], "default": "refuse"},
    "iam_path": {"type": "str", "default": "/"},
    "unreachable_is_empty": {"type": "bool", "default": False},
}

CONTROLLER_TAG = "elbv2.k8s.aws/cluster"
SERVICES = ("ec2", "elbv2", "elb", "iam", "eks", "logs", "acm", "ecr")


@dataclass
class Found:
    """One resource of the cluster."""

    type: str
    id: str
    reason: str
    name: str = ""
    # Whether it carries our own tag, so that we may remove it.
    owned: bool = False
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    def result(self) -> dict[str, Any]:
        return {"type": self.type, "id": self.id, "name": self.name, "reason": self.reason, "owned": self.owned}

    def __str__(self) -> str:
        return f"{self.type} {self.id}" + (f" ({self.name})" if self.name and self.name != self.id else "")


def tags_of_cluster(name: str) -> dict[str, str]:
    """The tags that say that a resource belongs to the cluster: ours, the load balancer controller's, Kubernetes' and EKS's."""
    return {
        OWNER_TAG: name,
        CONTROLLER_TAG: name,
        f"kubernetes.io/cluster/{name}": "owned",
        "aws:eks:cluster-name": name,
        "eks:cluster-name": name,
        "cluster.k8s.amazonaws.com/name": name,
    }


def reason(name: str, tags: dict[str, str]) -> str:
    """Which tag says that a resource belongs to the cluster; empty if none does."""
    return next((f"tag {key}={value}" for key, value in tags_of_cluster(name).items() if tags.get(key) == value), "")


@dataclass(frozen=True)
class Ec2Kind:
    """One of EC2's kinds of resources: how it is called, in DescribeTags and in its own description."""

    type: str
    tagged_as: str
    operation: str
    key: str
    id: str
    filter: str
    # What is over already, by its state.
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
    Ec2Kind("launch template", "launch-template", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", ""),
)
AT_ONCE = 200  # values that a filter takes


def _ec2(aws: Aws, name: str) -> list[Found]:
    """One question for everything that is tagged, then one for each kind that there is: what is gone keeps its tags for a while."""
    wanted = tags_of_cluster(name)
    filters = [{"Name": "key", "Values": list(wanted)}, {"Name": "value", "Values": sorted({*wanted.values()})}]
    tagged: dict[str, set[str]] = {}
    for tag in aws.pages("ec2", "describe_tags", "Tags", Filters=filters):
        if wanted.get(tag["Key"]) == tag["Value"]:
            tagged.setdefault(tag["ResourceType"], set()).add(tag["ResourceId"])
    calls = [partial(_described, aws, kind, sorted(tagged[kind.tagged_as])) for kind in EC2_KINDS if tagged.get(kind.tagged_as)]
    found = []
    for kind, items in aws.together(*calls):
        for item in items:
            tags = tags_of(item.get("Tags") or item.get("TagSet"))
            state = item.get("State")
            state = state.get("Name") if isinstance(state, dict) else state
            if state not in kind.over and reason(name, tags):
                found.append(Found(kind.type, item[kind.id], reason(name, tags), _title(tags), tags.get(OWNER_TAG) == name, item))
    return found


def _title(tags: dict[str, str]) -> str:
    """What a person knows it by: its name, or the claim that a volume was made for."""
    claim = tags.get("kubernetes.io/created-for/pvc/name")
    return f"{tags.get('kubernetes.io/created-for/pvc/namespace', '')}/{claim}" if claim else tags.get("Name", "")


def _described(aws: Aws, kind: Ec2Kind, ids: list[str]) -> tuple[Ec2Kind, list[dict[str, Any]]]:
    if not kind.filter:
        # Asked for by id, one that is gone is an error, and there is no filter by id.
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
    balancers, groups, classic = aws.together(
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
        partial(look, [entry[1] for entry in all_of[start : start + 20]])
        for look, all_of in ((modern, named), (ancient, old))
        for start in range(0, len(all_of), 20)
    ]
    tags = {key: value for answer in aws.together(*calls) for key, value in answer.items()}
    return [(kind, identity, title, item, tags.get(identity, {})) for kind, identity, title, item in [*named, *old]]


def _load_balancing(aws: Aws, name: str) -> list[Found]:
    found = []
    for kind, identity, title, item, tags in balancers_with_tags(aws):
        if why := reason(name, tags):
            found.append(Found(kind, identity, why, title, tags.get(OWNER_TAG) == name, item))
    protectable = [entry for entry in found if entry.type == "load balancer"]
    answers = aws.together(*[partial(aws.call, "elbv2", "describe_load_balancer_attributes", LoadBalancerArn=entry.id) for entry in protectable])
    for entry, answer in zip(protectable, answers, strict=True):
        entry.raw["protected"] = {"Key": "deletion_protection.enabled", "Value": "true"} in answer["Attributes"]
    return found


def _with_tags(aws: Aws, name: str, looks: list[tuple[str, str, str, dict[str, Any], Callable[[], dict[str, Any]]]], key: str) -> list[Found]:
    """Of what has its tags asked for one by one, that which is the cluster's."""

    def tags(look: Callable[[], dict[str, Any]]) -> dict[str, str]:
        try:
            return {str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value"))) for tag in look().get(key) or []}
        except AwsError as error:
            if is_missing(error.code):  # deleted meanwhile
                return {}
            raise

    found = []
    for (kind, identity, title, item, _look), its in zip(looks, aws.together(*[partial(tags, look[4]) for look in looks]), strict=True):
        if why := reason(name, its):
            found.append(Found(kind, identity, why, title, its.get(OWNER_TAG) == name, {**item, "tags": its}))
    return found


def _iam(aws: Aws, name: str, path: str) -> list[Found]:
    """Listing all tags of all roles would take minutes in a large account: ours are named after the cluster, or below a path of their own."""

    def candidates(operation: str, key: str, name_key: str, **arguments: Any) -> list[dict[str, Any]]:
        items = aws.pages("iam", operation, key, **arguments)
        return [item for item in items if item[name_key].startswith(name) or (path not in ("", "/") and item["Path"].startswith(path))]

    roles, policies, profiles, providers = aws.together(
        lambda: candidates("list_roles", "Roles", "RoleName"),
        lambda: candidates("list_policies", "Policies", "PolicyName", Scope="Local"),
        lambda: candidates("list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
        lambda: aws.call("iam", "list_open_id_connect_providers")["OpenIDConnectProviderList"],
    )
    looks: list[tuple[str, str, str, dict[str, Any], Callable[[], dict[str, Any]]]] = []
    for item in roles:
        looks.append(("IAM role", item["RoleName"], item["RoleName"], item, partial(aws.call, "iam", "list_role_tags", RoleName=item["RoleName"])))
    for item in policies:
        looks.append(("IAM policy", item["Arn"], item["PolicyName"], item, partial(aws.call, "iam", "list_policy_tags", PolicyArn=item["Arn"])))
    for item in profiles:
        title = item["InstanceProfileName"]
        looks.append(("instance profile", title, title, item, partial(_profile, aws, title)))
    for item in providers:
        arn = item["Arn"]
        look = partial(aws.call, "iam", "list_open_id_connect_provider_tags", OpenIDConnectProviderArn=arn)
        looks.append(("OIDC provider", arn, arn.partition("/")[2], item, look))
    return _with_tags(aws, name, looks, "Tags")


def _profile(aws: Aws, name: str) -> dict[str, Any]:
    return aws.call("iam", "get_instance_profile", InstanceProfileName=name)["InstanceProfile"]


def _eks(aws: Aws, name: str) -> list[Found]:
    cluster = eks_cluster.describe(aws, name)
    if cluster is None:
        return []
    owned = (cluster.get("tags") or {}).get(OWNER_TAG) == name
    found = [Found("EKS cluster", name, f"tag {OWNER_TAG}={name}" if owned else "its name", name, owned, cluster)]
    if cluster["status"] == "CREATING":
        return found
    try:
        groups, profiles = aws.together(
            lambda: aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name),
            lambda: aws.pages("eks", "list_fargate_profiles", "fargateProfileNames", clusterName=name),
        )
        calls = [partial(aws.find, "eks", "describe_nodegroup", "nodegroup", clusterName=name, nodegroupName=group) for group in groups]
        calls += [partial(aws.find, "eks", "describe_fargate_profile", "fargateProfile", clusterName=name, fargateProfileName=profile) for profile in profiles]
        answers = aws.together(*calls)
    except AwsError as error:
        if is_missing(error.code):  # it went in this moment
            return []
        raise
    kinds = [("node group", group) for group in groups] + [("Fargate profile", profile) for profile in profiles]
    for (kind, title), item in zip(kinds, answers, strict=True):
        if item is not None:
            its = (item.get("tags") or {}).get(OWNER_TAG) == name
            found.append(Found(kind, title, f"EKS cluster {name}", title, its, item))
    return found


def _logs(aws: Aws, name: str) -> list[Found]:
    prefix = f"/aws/eks/{name}/"
    groups = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
    return [Found("log group", group["logGroupName"], f"its name begins with {prefix}", group["logGroupName"]) for group in groups]


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
    return _with_tags(aws, name, looks, "tags")


def search(aws: Aws, name: str, iam_path: str = "/") -> list[Found]:
    """Everything that belongs to the cluster."""
    aws.prepare(*SERVICES)
    answers = aws.together(
        lambda: _eks(aws, name),
        lambda: _load_balancing(aws, name),
        lambda: _ec2(aws, name),
        lambda: _iam(aws, name, iam_path),
        lambda: _logs(aws, name),
        lambda: _certificates(aws, name),
        lambda: _repositories(aws, name),
    )
    return [entry for answer in answers for entry in answer]


def search_until_none(
    aws: Aws, name: str, timeout: float, delay: float, iam_path: str = "/", ignore: Callable[[Found], bool] = lambda entry: False
) -> list[Found]:
    """What is still there after some patience: EKS cleans up behind itself for a while after it has said that it is done."""
    try:
        return wait_for(
            f"nothing left of {name}",
            lambda: [entry for entry in search(aws, name, iam_path) if not ignore(entry)],
            lambda found: ", ".join(map(str, found[:3])) + (" ..." if len(found) > 3 else "") or "nothing",
            lambda found: not found,
            timeout,
            delay,
        )
    except AwsError as error:
        if error.code != "Timeout":
            raise
        return [entry for entry in search(aws, name, iam_path) if not ignore(entry)]
