# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What belongs to a cluster in an account and region, what in its network belongs to others, and the safe way to remove ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_cluster
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Aws, AwsError, is_missing, tags_of, wait_for
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report

CONTROLLER_TAG = "elbv2.k8s.aws/cluster"


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


# EC2's kinds of resources: type, operation, key of the list, key of the id, and which ones are over already.
EC2_KINDS: tuple[tuple[str, str, str, str, Callable[[dict[str, Any]], bool]], ...] = (
    ("vpc", "describe_vpcs", "Vpcs", "VpcId", lambda item: False),
    ("subnet", "describe_subnets", "Subnets", "SubnetId", lambda item: False),
    ("route table", "describe_route_tables", "RouteTables", "RouteTableId", lambda item: False),
    ("internet gateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", lambda item: False),
    ("NAT gateway", "describe_nat_gateways", "NatGateways", "NatGatewayId", lambda item: item.get("State") in ("deleted", "failed")),
    ("elastic IP", "describe_addresses", "Addresses", "AllocationId", lambda item: False),
    ("security group", "describe_security_groups", "SecurityGroups", "GroupId", lambda item: False),
    ("network interface", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", lambda item: False),
    ("volume", "describe_volumes", "Volumes", "VolumeId", lambda item: item.get("State") in ("deleting", "deleted")),
    ("instance", "describe_instances", "Reservations", "InstanceId", lambda item: item.get("State", {}).get("Name") in ("terminated", "shutting-down")),
    ("launch template", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", lambda item: False),
)


# What EKS, Kubernetes and the controller make themselves, and tag in their own ways. The rest only we make.
TAGGED_BY_OTHERS = ("security group", "network interface", "volume", "instance", "launch template")


def _ec2(aws: Aws, name: str) -> list[Found]:
    def look(kind: str, operation: str, list_key: str, id_key: str, over: Callable[[dict[str, Any]], bool], key: str, value: str) -> list[Found]:
        parameter = "Filter" if operation == "describe_nat_gateways" else "Filters"
        items = aws.pages("ec2", operation, list_key, **{parameter: [{"Name": f"tag:{key}", "Values": [value]}]})
        if kind == "instance":
            items = [instance for reservation in items for instance in reservation["Instances"]]
        found = []
        for item in items:
            tags = tags_of(item.get("Tags") or item.get("TagSet"))
            if not over(item):
                found.append(Found(kind, item[id_key], reason(name, tags) or f"tag {key}={value}", tags.get("Name", ""), tags.get(OWNER_TAG) == name, item))
        return found

    calls: list[Callable[[], list[Found]]] = []
    for kind in EC2_KINDS:
        for key, value in tags_of_cluster(name).items():
            if key == OWNER_TAG or kind[0] in TAGGED_BY_OTHERS:
                calls.append(partial(look, *kind, key=key, value=value))
    unique = {(entry.type, entry.id): entry for answer in aws.together(*calls) for entry in answer}
    return list(unique.values())


def _load_balancing(aws: Aws, name: str) -> list[Found]:
    balancers = aws.pages("elbv2", "describe_load_balancers", "LoadBalancers")
    groups = aws.pages("elbv2", "describe_target_groups", "TargetGroups")
    named = [("load balancer", item["LoadBalancerArn"], item["LoadBalancerName"], item) for item in balancers]
    named += [("target group", item["TargetGroupArn"], item["TargetGroupName"], item) for item in groups]
    tags: dict[str, dict[str, str]] = {}
    for start in range(0, len(named), 20):
        arns = [arn for _kind, arn, _name, _item in named[start : start + 20]]
        for entry in aws.call("elbv2", "describe_tags", ResourceArns=arns)["TagDescriptions"]:
            tags[entry["ResourceArn"]] = tags_of(entry["Tags"])
    found = []
    for kind, arn, title, item in named:
        why = reason(name, tags.get(arn, {}))
        if why:
            found.append(Found(kind, arn, why, title, tags[arn].get(OWNER_TAG) == name, item))
    return found


def _iam(aws: Aws, name: str) -> list[Found]:
    """Listing all tags of all roles would take minutes in a large account: ours are named after the cluster."""

    def candidates(operation: str, key: str, name_key: str, **arguments: Any) -> list[dict[str, Any]]:
        return [item for item in aws.pages("iam", operation, key, **arguments) if item[name_key].startswith(name)]

    roles, policies, profiles, providers = aws.together(
        lambda: candidates("list_roles", "Roles", "RoleName"),
        lambda: candidates("list_policies", "Policies", "PolicyName", Scope="Local"),
        lambda: candidates("list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
        lambda: aws.call("iam", "list_open_id_connect_providers")["OpenIDConnectProviderList"],
    )

    def tags(operation: str, **arguments: str) -> dict[str, str]:
        try:
            return tags_of(aws.call("iam", operation, **arguments)["Tags"])
        except AwsError as error:
            if is_missing(error.code):  # deleted meanwhile
                return {}
            raise

    looks: list[tuple[str, str, str, dict[str, Any], Callable[[], dict[str, str]]]] = []
    for item in roles:
        looks.append(("IAM role", item["RoleName"], item["RoleName"], item, partial(tags, "list_role_tags", RoleName=item["RoleName"])))
    for item in policies:
        looks.append(("IAM policy", item["Arn"], item["PolicyName"], item, partial(tags, "list_policy_tags", PolicyArn=item["Arn"])))
    for item in profiles:
        title = item["InstanceProfileName"]
        looks.append(("instance profile", title, title, item, partial(tags, "list_instance_profile_tags", InstanceProfileName=title)))
    for item in providers:
        arn = item["Arn"]
        url = arn.partition("/")[2]
        looks.append(("OIDC provider", arn, url, item, partial(tags, "list_open_id_connect_provider_tags", OpenIDConnectProviderArn=arn)))
    found = []
    for (kind, identity, title, item, _look), its_tags in zip(looks, aws.together(*[look[4] for look in looks]), strict=True):
        why = reason(name, its_tags)
        if why:
            found.append(Found(kind, identity, why, title, its_tags.get(OWNER_TAG) == name, item))
    return found


def _eks(aws: Aws, name: str) -> list[Found]:
    cluster = eks_cluster.describe(aws, name)
    if cluster is None:
        return []
    owned = (cluster.get("tags") or {}).get(OWNER_TAG) == name
    found = [Found("EKS cluster", name, f"tag {OWNER_TAG}={name}" if owned else "its name", name, owned, cluster)]
    for group in aws.pages("eks", "list_nodegroups", "nodegroups", clusterName=name):
        found.append(Found("node group", group, f"EKS cluster {name}", group, owned))
    return found


def _logs(aws: Aws, name: str) -> list[Found]:
    prefix = f"/aws/eks/{name}/"
    groups = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix)
    return [Found("log group", group["logGroupName"], f"its name begins with {prefix}", group["logGroupName"]) for group in groups]


def search(aws: Aws, name: str) -> list[Found]:
    """Everything that belongs to the cluster, by tag or name."""
    aws.prepare("ec2", "elbv2", "iam", "eks", "logs")
    answers = aws.together(
        lambda: _eks(aws, name), lambda: _load_balancing(aws, name), lambda: _ec2(aws, name), lambda: _iam(aws, name), lambda: _logs(aws, name)
    )
    return [entry for answer in answers for entry in answer]


def search_until_none(aws: Aws, name: str, timeout: float, delay: float) -> list[Found]:
    """What is still there after some patience: EKS cleans up behind itself for a while after it has said that it is done."""
    try:
        return wait_for(
            f"nothing left of {name}",
            lambda: search(aws, name),
            lambda found: ", ".join(map(str, found[:3])) + (" ..." if len(found) > 3 else "") or "nothing",
            lambda found: not found,
            timeout,
            delay,
        )
    except AwsError as error:
        if error.code != "Timeout":
            raise
        return search(aws, name)


def strangers(aws: Aws, name: str, found: Iterable[Found]) -> list[Found]:
    """What stands in our VPC, or has our cluster's name, and is not ours: in the way of a removal."""
    found = list(found)
    others = [
        Found(entry.type, entry.id, f"it has no tag {OWNER_TAG}={name}", entry.name) for entry in found if entry.type == "EKS cluster" and not entry.owned
    ]
    for vpc in [entry for entry in found if entry.type == "vpc" and entry.owned]:
        others += _in_vpc(aws, name, vpc.id)
    return others


def _in_vpc(aws: Aws, name: str, vpc_id: str) -> list[Found]:
    inside = [{"Name": "vpc-id", "Values": [vpc_id]}]
    groups, interfaces, instances, endpoints, balancers = aws.together(
        lambda: aws.pages("ec2", "describe_security_groups", "SecurityGroups", Filters=inside),
        lambda: aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=inside),
        lambda: aws.pages("ec2", "describe_instances", "Reservations", Filters=inside),
        lambda: aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=inside),
        lambda: [item for item in aws.pages("elbv2", "describe_load_balancers", "LoadBalancers") if item.get("VpcId") == vpc_id],
    )
    others = []

    def judge(kind: str, identity: str, title: str, tags: dict[str, str]) -> None:
        if not reason(name, tags):
            others.append(Found(kind, identity, f"it is in our VPC {vpc_id} and has no tag of cluster {name}", title or tags.get("Name", "")))

    for group in groups:
        if group["GroupName"] != "default":
            judge("security group", group["GroupId"], group["GroupName"], tags_of(group.get("Tags")))
    for reservation in instances:
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                judge("instance", instance["InstanceId"], "", tags_of(instance.get("Tags")))
    for endpoint in endpoints:
        if endpoint.get("State") not in ("deleted", "deleting"):
            judge("VPC endpoint", endpoint["VpcEndpointId"], endpoint["ServiceName"], tags_of(endpoint.get("Tags")))
    for start in range(0, len(balancers), 20):
        chunk = {item["LoadBalancerArn"]: item["LoadBalancerName"] for item in balancers[start : start + 20]}
        for entry in aws.call("elbv2", "describe_tags", ResourceArns=list(chunk))["TagDescriptions"]:
            judge("load balancer", entry["ResourceArn"], chunk[entry["ResourceArn"]], tags_of(entry["Tags"]))
    for interface in interfaces:
        if not _belongs_to_a_service(name, interface):
            judge(
                "network interface",
                interface["NetworkInterfaceId"],
                interface.get("Description", ""),
                tags_of(interface.get("TagSet") or interface.get("Tags")),
            )
    return others


def _belongs_to_a_service(name: str, interface: dict[str, Any]) -> bool:
    """Interfaces of load balancers, NAT gateways, instances and the control plane: their owner is judged, not they."""
    description = interface.get("Description") or ""
    return (
        interface.get("InterfaceType") in ("nat_gateway", "network_load_balancer", "load_balancer", "vpc_endpoint", "gateway_load_balancer_endpoint")
        or description.startswith(("ELB ", "Interface for NAT Gateway", "VPC Endpoint Interface", "aws-K8S-"))
        or description == f"Amazon EKS {name}"
        or bool((interface.get("Attachment") or {}).get("InstanceId"))
    )


# Removal. Each kind may only go when those before it are gone.
ORDER = (
    "OIDC provider",
    "instance profile",
    "IAM role",
    "IAM policy",
    "load balancer",
    "target group",
    "NAT gateway",
    "elastic IP",
    "launch template",
    "internet gateway",
    "network interface",
    "security group",
    "subnet",
    "route table",
    "vpc",
    "log group",
)


def removable(name: str, found: Iterable[Found]) -> list[Found]:
    """Of what was found, what we may and can remove, in the order in which it can go."""
    chosen = [entry for entry in found if entry.type in ORDER and (entry.owned or entry.type == "log group" or _of_the_controller(name, entry))]
    return sorted(chosen, key=lambda entry: (ORDER.index(entry.type), entry.name, entry.id))


def _of_the_controller(name: str, entry: Found) -> bool:
    """What the load balancer controller or EKS made for this cluster in our VPC, and left behind."""
    if entry.type in ("load balancer", "target group", "security group"):
        return entry.reason in (f"tag {CONTROLLER_TAG}={name}", f"tag kubernetes.io/cluster/{name}=owned", f"tag aws:eks:cluster-name={name}")
    return entry.type == "network interface" and entry.raw.get("Status") == "available"


def remove(aws: Aws, name: str, chosen: list[Found], timeout: float, delay: float) -> None:
    """Remove all of it, in the given order, waiting where AWS needs time."""
    remover = _Remover(aws, name, timeout, delay)
    for kind in ORDER:
        batch = [entry for entry in chosen if entry.type == kind]
        if batch:
            report(f"removing {len(batch)} x {kind}")
            remover.remove(kind, batch)


class _Remover:
    def __init__(self, aws: Aws, name: str, timeout: float, delay: float) -> None:
        self.aws, self.name, self.timeout, self.delay = aws, name, timeout, delay

    def remove(self, kind: str, batch: list[Found]) -> None:
        action = getattr(self, "_" + kind.lower().replace(" ", "_"))
        self.aws.together(*[partial(self._patiently, entry, action) for entry in batch])
        if kind == "NAT gateway":
            self._await_nat_gateways([entry.id for entry in batch])

    def _patiently(self, entry: Found, action: Callable[[Found], None]) -> None:
        """Interfaces of what was just deleted linger for minutes; until then AWS refuses what they are in."""
        deadline = time.monotonic() + self.timeout
        pause = 0.5
        while True:
            try:
                return action(entry)
            except AwsError as error:
                if is_missing(error.code):
                    return None
                if error.code not in ("DependencyViolation", "InvalidIPAddress.InUse", "ResourceInUse", "DeleteConflict", "AuthFailure"):
                    raise
                if time.monotonic() > deadline:
                    raise AwsError(f"{entry} cannot be removed: {error}", error.code) from error
                report(f"{entry} is still in use; trying again")
            time.sleep(pause)
            pause = min(self.delay, pause * 2)

    def _call(self, service: str, operation: str, **arguments: Any) -> None:
        try:
            self.aws.call(service, operation, **arguments)
        except AwsError as error:
            if not is_missing(error.code):
                raise

    def _oidc_provider(self, entry: Found) -> None:
        self._call("iam", "delete_open_id_connect_provider", OpenIDConnectProviderArn=entry.id)

    def _instance_profile(self, entry: Found) -> None:
        for role in entry.raw.get("Roles") or []:
            self._call("iam", "remove_role_from_instance_profile", InstanceProfileName=entry.id, RoleName=role["RoleName"])
        self._call("iam", "delete_instance_profile", InstanceProfileName=entry.id)

    def _iam_role(self, entry: Found) -> None:
        for policy in self.aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=entry.id):
            self._call("iam", "detach_role_policy", RoleName=entry.id, PolicyArn=policy["PolicyArn"])
        for policy in self.aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=entry.id):
            self._call("iam", "delete_role_policy", RoleName=entry.id, PolicyName=policy)
        for profile in self.aws.pages("iam", "list_instance_profiles_for_role", "InstanceProfiles", RoleName=entry.id):
            self._call("iam", "remove_role_from_instance_profile", InstanceProfileName=profile["InstanceProfileName"], RoleName=entry.id)
        self._call("iam", "delete_role", RoleName=entry.id)

    def _iam_policy(self, entry: Found) -> None:
        for role in self.aws.pages("iam", "list_entities_for_policy", "PolicyRoles", PolicyArn=entry.id):
            self._call("iam", "detach_role_policy", RoleName=role["RoleName"], PolicyArn=entry.id)
        for version in self.aws.pages("iam", "list_policy_versions", "Versions", PolicyArn=entry.id):
            if not version["IsDefaultVersion"]:
                self._call("iam", "delete_policy_version", PolicyArn=entry.id, VersionId=version["VersionId"])
        self._call("iam", "delete_policy", PolicyArn=entry.id)

    def _load_balancer(self, entry: Found) -> None:
        self._call("elbv2", "delete_load_balancer", LoadBalancerArn=entry.id)

    def _target_group(self, entry: Found) -> None:
        self._call("elbv2", "delete_target_group", TargetGroupArn=entry.id)

    def _nat_gateway(self, entry: Found) -> None:
        if entry.raw.get("State") != "deleting":
            self._call("ec2", "delete_nat_gateway", NatGatewayId=entry.id)

    def _await_nat_gateways(self, ids: list[str]) -> None:
        def look() -> list[str]:
            gateways = self.aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=[{"Name": "nat-gateway-id", "Values": ids}])
            return [f"{gateway['NatGatewayId']} {gateway['State']}" for gateway in gateways if gateway["State"] != "deleted"]

        wait_for("deletion of NAT gateways", look, lambda left: ", ".join(left) or "gone", lambda left: not left, self.timeout, self.delay)

    def _elastic_ip(self, entry: Found) -> None:
        self._call("ec2", "release_address", AllocationId=entry.id)

    def _launch_template(self, entry: Found) -> None:
        self._call("ec2", "delete_launch_template", LaunchTemplateId=entry.id)

    def _internet_gateway(self, entry: Found) -> None:
        for attachment in entry.raw.get("Attachments") or []:
            self._call("ec2", "detach_internet_gateway", InternetGatewayId=entry.id, VpcId=attachment["VpcId"])
        self._call("ec2", "delete_internet_gateway", InternetGatewayId=entry.id)

    def _network_interface(self, entry: Found) -> None:
        self._call("ec2", "delete_network_interface", NetworkInterfaceId=entry.id)

    def _security_group(self, entry: Found) -> None:
        # Groups that name each other in their rules hold each other: the rules go first.
        for rules, operation in (("IpPermissions", "revoke_security_group_ingress"), ("IpPermissionsEgress", "revoke_security_group_egress")):
            linked = [rule for rule in entry.raw.get(rules) or [] if rule.get("UserIdGroupPairs")]
            if linked:
                self._call("ec2", operation, GroupId=entry.id, IpPermissions=linked)
        self._free("group-id", entry.id)
        self._call("ec2", "delete_security_group", GroupId=entry.id)

    def _subnet(self, entry: Found) -> None:
        self._free("subnet-id", entry.id)
        self._call("ec2", "delete_subnet", SubnetId=entry.id)

    def _free(self, key: str, identity: str) -> None:
        """Interfaces that a node's CNI made outlive the node now and then, detached, and nobody else removes them."""
        idle = [{"Name": key, "Values": [identity]}, {"Name": "status", "Values": ["available"]}]
        for interface in self.aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=idle):
            if reason(self.name, tags_of(interface.get("TagSet") or interface.get("Tags"))):
                self._call("ec2", "delete_network_interface", NetworkInterfaceId=interface["NetworkInterfaceId"])

    def _route_table(self, entry: Found) -> None:
        associations = entry.raw.get("Associations") or []
        if any(association.get("Main") for association in associations):
            return  # it goes with its VPC
        for association in associations:
            self._call("ec2", "disassociate_route_table", AssociationId=association["RouteTableAssociationId"])
        self._call("ec2", "delete_route_table", RouteTableId=entry.id)

    def _vpc(self, entry: Found) -> None:
        """Whatever a killed run had made in it and not tagged yet goes first: a VPC of ours has no other's parts by now."""
        inside = [{"Name": "vpc-id", "Values": [entry.id]}]
        for gateway in self.aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=[{"Name": "attachment.vpc-id", "Values": [entry.id]}]):
            self._internet_gateway(Found("internet gateway", gateway["InternetGatewayId"], "", raw=gateway))
        for table in self.aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=inside):
            self._route_table(Found("route table", table["RouteTableId"], "", raw=table))
        self._call("ec2", "delete_vpc", VpcId=entry.id)

    def _log_group(self, entry: Found) -> None:
        self._call("logs", "delete_log_group", logGroupName=entry.id)
