# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The removal of what belongs to a cluster, in the order in which AWS lets it go, at the same time where it can be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import acm_certificate as acm
from ansible_collections.meshgate.eks_istio.plugins.module_utils import alb_host_name, eks_cluster, eks_nodegroup
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, is_missing, tags_of, wait_for
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_leftovers import CONTROLLER_TAG, Found, reason
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_leftovers_guard import CNI_CLUSTER_TAG, CNI_TAG, holds_data, is_protected
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report

# What is in one stage goes at the same time; it may only go when the stages before it are through.
STAGES = (
    # Nodes reach the API server through a NAT gateway where the cluster has no endpoint in the VPC: `stage_of` then puts off the gateways.
    ("load balancer", "classic load balancer", "node group", "NAT gateway", "ECR repository"),
    # What the nodes left in the cluster's security group goes before the cluster, which else leaves its group behind.
    ("NAT gateway", "network interface", "target group", "launch template"),
    ("EKS cluster", "certificate", "elastic IP", "internet gateway", "volume", "snapshot"),
    ("security group", "OIDC provider", "instance profile"),
    ("subnet", "IAM role"),
    ("route table", "IAM policy"),
    ("vpc", "log group"),
)
KINDS = {kind for stage in STAGES for kind in stage}
# Interfaces of what was just deleted linger for minutes, and so does what is being changed; until then AWS refuses.
BUSY = (
    "DependencyViolation",
    "InvalidIPAddress.InUse",
    "ResourceInUse",
    "ResourceInUseException",
    "DeleteConflict",
    "VolumeInUse",
)
# Codes that mean so of one kind only.
BUSY_OF = {"AuthFailure": "elastic IP", "InvalidParameterValue": "network interface"}


def removable(name: str, found: Iterable[Found], cluster: bool = False, volumes: str = "refuse") -> list[Found]:
    """Of what was found, what we may and can remove, in the order in which it can go."""

    def may(entry: Found) -> bool:
        if entry.type in ("EKS cluster", "node group"):
            return cluster and entry.owned
        if entry.type in ("volume", "snapshot"):
            return volumes == "delete" and holds_data(entry)
        return entry.type in KINDS and (entry.owned or entry.type == "log group" or _of_the_controller(name, entry))

    chosen = [entry for entry in found if may(entry)]
    return sorted(chosen, key=lambda entry: (stage_of(entry, chosen), entry.type, entry.name, entry.id))


def stage_of(entry: Found, chosen: Iterable[Found]) -> int:
    if entry.type == "NAT gateway" and any(
        other.type == "EKS cluster" and not (other.raw.get("resourcesVpcConfig") or {}).get("endpointPrivateAccess") for other in chosen
    ):
        return 1
    return next(number for number, kinds in enumerate(STAGES) if entry.type in kinds)


def _of_the_controller(name: str, entry: Found) -> bool:
    """What the load balancer controller, Kubernetes or EKS made for this cluster, and left behind."""
    if entry.type in ("load balancer", "classic load balancer", "target group", "security group"):
        return entry.reason in (f"tag {CONTROLLER_TAG}={name}", f"tag kubernetes.io/cluster/{name}=owned", f"tag aws:eks:cluster-name={name}")
    # One in use goes with its instance; it is looked at again when the nodes are gone.
    return entry.type == "network interface" and entry.raw.get("Status") == "available"


def remove(aws: Aws, name: str, chosen: list[Found], timeout: float, delay: float) -> None:
    """Remove all of it, waiting where AWS needs time."""
    remover = _Remover(aws, name, timeout, delay, next((entry.name for entry in chosen if entry.type == "load balancer"), f"{name}-alb"))
    if any(entry.type == "certificate" for entry in chosen):
        aws.prepare("route53")
    for number in range(len(STAGES)):
        batch = [entry for entry in chosen if stage_of(entry, chosen) == number]
        if number == 1 and any(entry.type == "node group" for entry in chosen):
            batch += remover.left_by_nodes(batch)
        if batch:
            report(f"removing {', '.join(f'{sum(e.type == kind for e in batch)} x {kind}' for kind in dict.fromkeys(e.type for e in batch))}")
            remover.remove(batch)


class _Remover:
    def __init__(self, aws: Aws, name: str, timeout: float, delay: float, balancer: str) -> None:
        self.aws, self.name, self.timeout, self.delay, self.balancer = aws, name, timeout, delay, balancer

    def remove(self, batch: list[Found]) -> None:
        # Each waits for its own end, so each has a thread; all are tried before the first failure is told.
        with ThreadPoolExecutor(max_workers=min(len(batch), 16)) as pool:
            futures = [pool.submit(self._patiently, entry, getattr(self, "_" + entry.type.lower().replace(" ", "_"))) for entry in batch]
        errors = [error for future in futures if (error := future.exception())]
        if errors:
            raise errors[0]

    def _patiently(self, entry: Found, action: Callable[[Found], None]) -> None:
        deadline = time.monotonic() + self.timeout
        pause, said = 0.25, ""
        while True:
            try:
                return action(entry)
            except AwsError as error:
                if is_missing(error.code):
                    return None
                if error.code not in BUSY and BUSY_OF.get(error.code) != entry.type:
                    raise
                users = self._users(entry)
                by = f" by {users}" if users else ""
                if time.monotonic() > deadline:
                    raise AwsError(f"{entry} cannot be removed after {self.timeout:g} s, it is in use{by}: {error}", error.code) from error
                if said != by or pause >= self.delay:
                    report(f"{entry} is still in use{by}; trying again")
                    said = by
            time.sleep(pause)
            pause = min(self.delay, pause * 1.6)

    def _users(self, entry: Found) -> str:
        """Who holds it: a person who waits, or has to act, wants to know."""
        key = {"security group": "group-id", "subnet": "subnet-id", "vpc": "vpc-id", "internet gateway": ""}.get(entry.type)
        value = entry.id
        if entry.type == "internet gateway":
            attached = [attachment["VpcId"] for attachment in entry.raw.get("Attachments") or []]
            key, value = ("vpc-id", attached[0]) if attached else ("", "")
        if not key:
            return ""
        interfaces = self.aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=[{"Name": key, "Values": [value]}])
        said = [f"{interface['NetworkInterfaceId']} ({interface.get('Description') or 'no description'})" for interface in interfaces]
        return ", ".join(said[:3]) + (f" and {len(said) - 3} more" if len(said) > 3 else "")

    def _call(self, service: str, operation: str, **arguments: Any) -> None:
        try:
            self.aws.call(service, operation, **arguments)
        except AwsError as error:
            if not is_missing(error.code):
                raise

    # EKS

    def _node_group(self, entry: Found) -> None:
        live = eks_nodegroup.describe(self.aws, self.name, entry.id)
        if live is not None and live["status"] != "DELETING":
            self.aws.call("eks", "delete_nodegroup", clusterName=self.name, nodegroupName=entry.id)
        left = eks_nodegroup.wait_until_settled(self.aws, self.name, entry.id, self.timeout, self.delay)
        if left is not None:
            raise AwsError(f"node group {entry.id} is {left['status']}: {eks_nodegroup.failure(left)}", left["status"])

    def _eks_cluster(self, entry: Found) -> None:
        live = eks_cluster.describe(self.aws, self.name)
        if live is not None and live["status"] in ("CREATING", "UPDATING", "PENDING"):
            live = eks_cluster.wait_until_settled(self.aws, self.name, self.timeout, self.delay)
        if live is not None and live.get("deletionProtection"):
            answer = self.aws.call("eks", "update_cluster_config", name=self.name, deletionProtection=False)
            what = f"EKS cluster {self.name}: no deletion protection"
            eks_cluster.wait_for_update(self.aws, what, answer["update"], self.timeout, self.delay, name=self.name)
        if live is not None and live["status"] != "DELETING":
            self.aws.call("eks", "delete_cluster", name=self.name)
        eks_cluster.wait_until_gone(self.aws, self.name, self.timeout, self.delay)

    # IAM

    def _oidc_provider(self, entry: Found) -> None:
        self._call("iam", "delete_open_id_connect_provider", OpenIDConnectProviderArn=entry.id)

    def _instance_profile(self, entry: Found) -> None:
        for role in entry.raw.get("Roles") or []:
            self._call("iam", "remove_role_from_instance_profile", InstanceProfileName=entry.id, RoleName=role["RoleName"])
        self._call("iam", "delete_instance_profile", InstanceProfileName=entry.id)

    def _iam_role(self, entry: Found) -> None:
        attached, inline, profiles = self.aws.together(
            lambda: self.aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=entry.id),
            lambda: self.aws.pages("iam", "list_role_policies", "PolicyNames", RoleName=entry.id),
            lambda: self.aws.pages("iam", "list_instance_profiles_for_role", "InstanceProfiles", RoleName=entry.id),
        )
        calls = [partial(self._call, "iam", "detach_role_policy", RoleName=entry.id, PolicyArn=policy["PolicyArn"]) for policy in attached]
        calls += [partial(self._call, "iam", "delete_role_policy", RoleName=entry.id, PolicyName=policy) for policy in inline]
        calls += [
            partial(self._call, "iam", "remove_role_from_instance_profile", InstanceProfileName=profile["InstanceProfileName"], RoleName=entry.id)
            for profile in profiles
        ]
        self.aws.together(*calls)
        self._call("iam", "delete_role", RoleName=entry.id)

    def _iam_policy(self, entry: Found) -> None:
        for role in self.aws.pages("iam", "list_entities_for_policy", "PolicyRoles", PolicyArn=entry.id):
            self._call("iam", "detach_role_policy", RoleName=role["RoleName"], PolicyArn=entry.id)
        for version in self.aws.pages("iam", "list_policy_versions", "Versions", PolicyArn=entry.id):
            if not version["IsDefaultVersion"]:
                self._call("iam", "delete_policy_version", PolicyArn=entry.id, VersionId=version["VersionId"])
        self._call("iam", "delete_policy", PolicyArn=entry.id)

    # Load balancing

    def _load_balancer(self, entry: Found) -> None:
        if is_protected(entry):
            off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
            self._call("elbv2", "modify_load_balancer_attributes", LoadBalancerArn=entry.id, Attributes=off)
        self._call("elbv2", "delete_load_balancer", LoadBalancerArn=entry.id)

    def _classic_load_balancer(self, entry: Found) -> None:
        self._call("elb", "delete_load_balancer", LoadBalancerName=entry.id)

    def _target_group(self, entry: Found) -> None:
        self._call("elbv2", "delete_target_group", TargetGroupArn=entry.id)

    def _certificate(self, entry: Found) -> None:
        """Its records go with it. They have no tags, but lead to our load balancer, or are those by which ACM validated the name."""
        zone, region = entry.raw["tags"].get(acm.ZONE_TAG, ""), self.aws.client("acm").meta.region_name
        wanted = alb_host_name.Wanted(entry.name.lower(), self.name, region, zone, self.balancer, timeout=self.timeout, delay=self.delay)
        for step in alb_host_name.HostName(self.aws, wanted, absent=True).removal():
            report(f"removing {step.what}")
            step.call()
        self._call("acm", "delete_certificate", CertificateArn=entry.id)

    def _ecr_repository(self, entry: Found) -> None:
        self._call("ecr", "delete_repository", repositoryName=entry.id, force=True)

    # The network

    def _nat_gateway(self, entry: Found) -> None:
        if entry.raw.get("State") != "deleting":
            self._call("ec2", "delete_nat_gateway", NatGatewayId=entry.id)

        def state() -> str:
            gateways = self.aws.pages("ec2", "describe_nat_gateways", "NatGateways", Filter=[{"Name": "nat-gateway-id", "Values": [entry.id]}])
            return next((gateway["State"] for gateway in gateways), "gone")

        wait_for(f"deletion of NAT gateway {entry.id}", state, str, lambda seen: seen in ("deleted", "gone"), self.timeout, self.delay)

    def _elastic_ip(self, entry: Found) -> None:
        self._call("ec2", "release_address", AllocationId=entry.id)

    def _launch_template(self, entry: Found) -> None:
        self._call("ec2", "delete_launch_template", LaunchTemplateId=entry.id)

    def _internet_gateway(self, entry: Found) -> None:
        for attachment in entry.raw.get("Attachments") or []:
            try:
                self._call("ec2", "detach_internet_gateway", InternetGatewayId=entry.id, VpcId=attachment["VpcId"])
            except AwsError as error:
                if error.code != "Gateway.NotAttached":  # a try before this one did it
                    raise
        self._call("ec2", "delete_internet_gateway", InternetGatewayId=entry.id)

    def _network_interface(self, entry: Found) -> None:
        self._call("ec2", "delete_network_interface", NetworkInterfaceId=entry.id)

    def left_by_nodes(self, known: list[Found]) -> list[Found]:
        """The interfaces of the nodes' network plugin, which outlive a node that was ended before it could delete them."""
        filters = [{"Name": f"tag:{CNI_CLUSTER_TAG}", "Values": [self.name]}, {"Name": "status", "Values": ["available"]}]
        items = self.aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
        ids = {entry.id for entry in known}
        return [
            Found("network interface", item["NetworkInterfaceId"], f"tag {CNI_CLUSTER_TAG}={self.name}", item.get("Description", ""), raw=item)
            for item in items
            if item["NetworkInterfaceId"] not in ids
        ]

    def _security_group(self, entry: Found) -> None:
        # Groups that name each other in their rules hold each other: the rules go first.
        for rules, operation in (("IpPermissions", "revoke_security_group_ingress"), ("IpPermissionsEgress", "revoke_security_group_egress")):
            linked = [rule for rule in entry.raw.get(rules) or [] if rule.get("UserIdGroupPairs")]
            if linked:
                self._call("ec2", operation, GroupId=entry.id, IpPermissions=linked)
                entry.raw[rules] = []
        self._free("group-id", entry.id)
        self._call("ec2", "delete_security_group", GroupId=entry.id)

    def _subnet(self, entry: Found) -> None:
        self._free("subnet-id", entry.id)
        self._call("ec2", "delete_subnet", SubnetId=entry.id)

    def _free(self, key: str, identity: str) -> None:
        """Interfaces that a node's CNI made outlive the node now and then, detached, and nobody else removes them."""
        idle = [{"Name": key, "Values": [identity]}, {"Name": "status", "Values": ["available"]}]
        for interface in self.aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=idle):
            tags = tags_of(interface.get("TagSet") or interface.get("Tags"))
            if reason(self.name, tags) or (CNI_TAG in tags and tags.get(CNI_CLUSTER_TAG, self.name) == self.name):
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
        attached = [{"Name": "attachment.vpc-id", "Values": [entry.id]}]
        gateways, tables, subnets = self.aws.together(
            lambda: self.aws.pages("ec2", "describe_internet_gateways", "InternetGateways", Filters=attached),
            lambda: self.aws.pages("ec2", "describe_route_tables", "RouteTables", Filters=inside),
            lambda: self.aws.pages("ec2", "describe_subnets", "Subnets", Filters=inside),
        )
        for gateway in gateways:
            self._internet_gateway(Found("internet gateway", gateway["InternetGatewayId"], "", raw=gateway))
        for subnet in subnets:
            self._subnet(Found("subnet", subnet["SubnetId"], "", raw=subnet))
        for table in tables:
            self._route_table(Found("route table", table["RouteTableId"], "", raw=table))
        self._call("ec2", "delete_vpc", VpcId=entry.id)

    # What holds data, when told

    def _volume(self, entry: Found) -> None:
        self._call("ec2", "delete_volume", VolumeId=entry.id)

    def _snapshot(self, entry: Found) -> None:
        self._call("ec2", "delete_snapshot", SnapshotId=entry.id)

    def _log_group(self, entry: Found) -> None:
        self._call("logs", "delete_log_group", logGroupName=entry.id)
