# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The removal of a cluster's resources, in the order that AWS requires, in parallel where possible."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any

from ..alb import domain as alb_domain
from ..aws import acm
from ..aws.client import Aws, AwsError, is_missing, tags_of, wait_for
from ..aws.patience import gone, is_held, patiently
from ..common.ownership import OWNER_TAG
from ..common.progress import report
from ..eks import cluster as eks_cluster
from ..eks import nodegroup as eks_nodegroup
from ..eks.health import failure
from . import data as aws_leftovers_data
from .found import EKS_KINDS, Found, Look, reason
from .guard import is_protected
from .others_inside import CNI_CLUSTER_TAG, CNI_TAG

# Resources of one stage are deleted in parallel, after all earlier stages.
STAGES = (
    # Nodes reach the API server through a NAT gateway if the cluster has no endpoint in the VPC: `stage_of` then postpones the gateways.
    ("load balancer", "classic load balancer", "node group", "NAT gateway", "ECR repository"),
    # What the nodes left in the cluster's security group is deleted before the cluster, which otherwise leaves its group behind.
    # GuardDuty recreates its endpoint while there are nodes.
    ("NAT gateway", "network interface", "target group", "launch template", "VPC endpoint"),
    ("EKS cluster", "certificate", "elastic IP", "internet gateway", "volume", "snapshot"),
    ("security group", "OIDC provider", "instance profile"),
    ("subnet", "IAM role"),
    ("route table", "IAM policy"),
    ("vpc", "log group"),
)
KINDS = {kind for stage in STAGES for kind in stage}


def removable(look: Look, options: Mapping[str, Any]) -> list[Found]:
    """Our resources that we can remove and should not keep, in the order in which they can be deleted."""

    def may(entry: Found) -> bool:
        if entry.type in EKS_KINDS:
            return bool(options["include_cluster"]) and entry.owned and entry.type in KINDS
        if entry.type in ("volume", "snapshot", "log group"):
            return aws_leftovers_data.answer(entry, options) == "delete"
        if entry.type == "network interface" and not entry.owned:
            # One in use is deleted with its instance; it is checked again when the nodes are deleted.
            return entry.raw.get("Status") == "available"
        return entry.type in KINDS and aws_leftovers_data.answer(entry, options) in ("", "delete")

    chosen = [entry for entry in look.ours if may(entry)]
    return sorted(chosen, key=lambda entry: (stage_of(entry, chosen), entry.type, entry.name, entry.id))


def stage_of(entry: Found, chosen: Iterable[Found]) -> int:
    if entry.type == "NAT gateway" and any(
        other.type == "EKS cluster" and not (other.raw.get("resourcesVpcConfig") or {}).get("endpointPrivateAccess") for other in chosen
    ):
        return 1
    return next(number for number, kinds in enumerate(STAGES) if entry.type in kinds)


def mark(aws: Aws, name: str, look: Look) -> None:
    """Resources whose ownership only the existing cluster proves get our tag before it is deleted, so that the next run finds them after an interruption."""
    if not look.proof.cluster:
        return
    calls: list[Callable[[], None]] = []
    for entry in look.ours:
        if not entry.owned and entry.type in ("security group", "network interface", "volume", "snapshot"):
            calls.append(partial(_marked, aws, "ec2", "create_tags", Resources=[entry.id], Tags=[{"Key": OWNER_TAG, "Value": name}]))
        if not entry.owned and entry.type == "log group":
            calls.append(partial(_marked, aws, "logs", "tag_resource", resourceArn=entry.raw["arn"].removesuffix(":*"), tags={OWNER_TAG: name}))
    aws.run_parallel(*calls)


def _marked(aws: Aws, service: str, operation: str, **arguments: Any) -> None:
    try:
        aws.call(service, operation, **arguments)
    except AwsError as error:
        if not is_missing(error.code):
            raise


def remove(aws: Aws, name: str, look: Look, chosen: list[Found], timeout: float, delay: float) -> None:
    """Remove all of it, waiting where AWS needs time."""
    remover = _Remover(aws, name, timeout, delay, next((entry.name for entry in chosen if entry.type == "load balancer"), f"{name}-alb"))
    if any(entry.type == "certificate" for entry in chosen):
        aws.prepare("route53")
    for number in range(len(STAGES)):
        batch = [entry for entry in chosen if stage_of(entry, chosen) == number]
        if number == 1 and any(entry.type == "node group" for entry in chosen):
            batch += remover.left_by_nodes(batch, sorted(look.proof.vpcs))
        if batch:
            report(f"removing {', '.join(f'{sum(e.type == kind for e in batch)} x {kind}' for kind in dict.fromkeys(e.type for e in batch))}")
            remover.remove(batch)


class _Remover:
    def __init__(self, aws: Aws, name: str, timeout: float, delay: float, balancer: str) -> None:
        self.aws, self.name, self.timeout, self.delay, self.balancer = aws, name, timeout, delay, balancer
        # A name and its wildcard share one validation record: the second one must read its current state.
        self.one_certificate = Lock()

    def remove(self, batch: list[Found]) -> None:
        # Each waits for its own completion, so each has a thread; all are tried before the first failure is raised.
        with ThreadPoolExecutor(max_workers=min(len(batch), 16)) as pool:
            futures = [pool.submit(self._patiently, entry, getattr(self, "_" + entry.type.lower().replace(" ", "_"))) for entry in batch]
        errors = [error for future in futures if (error := future.exception())]
        if errors:
            raise errors[0]

    def _patiently(self, entry: Found, action: Callable[[Found], None]) -> None:
        told, when = "", time.monotonic()

        def held(error: Exception) -> bool:
            return is_held(error, entry.type)

        def tell(_error: Exception) -> None:
            nonlocal told, when
            by = self._users(entry)
            if told != by or time.monotonic() - when >= self.delay:
                report(f"{entry} is still in use{by}; trying again")
                told, when = by, time.monotonic()

        try:
            patiently(lambda: gone(lambda: action(entry)), time.sleep, self.timeout, held, self.delay, tell)
        except AwsError as error:
            if not held(error):
                raise
            raise AwsError(f"{entry} cannot be removed after {self.timeout:g} s, it is in use{self._users(entry)}: {error}", error.code) from error

    def _users(self, entry: Found) -> str:
        """What still uses it: a person who waits, or has to act, wants to know."""
        key = {"security group": "group-id", "subnet": "subnet-id", "vpc": "vpc-id", "internet gateway": ""}.get(entry.type)
        value = entry.id
        if entry.type == "internet gateway":
            attached = [attachment["VpcId"] for attachment in entry.raw.get("Attachments") or []]
            key, value = ("vpc-id", attached[0]) if attached else ("", "")
        if not key:
            return ""
        interfaces = self.aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=[{"Name": key, "Values": [value]}])
        said = [f"{interface['NetworkInterfaceId']} ({interface.get('Description') or 'no description'})" for interface in interfaces]
        return (f" by {', '.join(said[:3])}" if said else "") + (f" and {len(said) - 3} more" if len(said) > 3 else "")

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
            raise AwsError(f"node group {entry.id} is {left['status']}: {failure(left)}", left["status"])

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
        attached, inline, profiles = self.aws.run_parallel(
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
        # One after the other: IAM accepts one change of a role at a time (https://github.com/hashicorp/terraform-provider-aws/issues/34371).
        for call in calls:
            call()
        self._call("iam", "delete_role", RoleName=entry.id)

    def _iam_policy(self, entry: Found) -> None:
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
        with self.one_certificate:
            self._certificate_and_records(entry)

    def _certificate_and_records(self, entry: Found) -> None:
        """Its records are deleted with it. They have no tags, but point to our load balancer, or are ACM's validation records of the name."""
        zone, region = entry.raw["tags"].get(acm.ZONE_TAG, ""), self.aws.client("acm").meta.region_name
        wanted = alb_domain.Wanted(entry.name.lower(), self.name, region, zone, self.balancer, timeout=self.timeout, delay=self.delay)
        for step in alb_domain.HostName(self.aws, wanted, absent=True).removal():
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
                if error.code != "Gateway.NotAttached":  # an earlier attempt did it
                    raise
        self._call("ec2", "delete_internet_gateway", InternetGatewayId=entry.id)

    def _network_interface(self, entry: Found) -> None:
        self._call("ec2", "delete_network_interface", NetworkInterfaceId=entry.id)

    def left_by_nodes(self, known: list[Found], vpcs: list[str]) -> list[Found]:
        """The interfaces of the nodes' network plugin, which outlive a node that was terminated before it could delete them."""
        filters = [{"Name": f"tag:{CNI_CLUSTER_TAG}", "Values": [self.name]}, {"Name": "status", "Values": ["available"]}, {"Name": "vpc-id", "Values": vpcs}]
        items = self.aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
        ids = {entry.id for entry in known}
        return [
            Found("network interface", item["NetworkInterfaceId"], f"tag {CNI_CLUSTER_TAG}={self.name}", item.get("Description", ""), raw=item)
            for item in items
            if item["NetworkInterfaceId"] not in ids
        ]

    def _security_group(self, entry: Found) -> None:
        # Groups that refer to each other in their rules block each other: the rules are deleted first.
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
        """Interfaces of a node's CNI sometimes outlive the node, detached, and nothing else removes them."""
        idle = [{"Name": key, "Values": [identity]}, {"Name": "status", "Values": ["available"]}]
        for interface in self.aws.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=idle):
            tags = tags_of(interface.get("TagSet") or interface.get("Tags"))
            if reason(self.name, tags) or (CNI_TAG in tags and tags.get(CNI_CLUSTER_TAG, self.name) == self.name):
                self._call("ec2", "delete_network_interface", NetworkInterfaceId=interface["NetworkInterfaceId"])

    def _route_table(self, entry: Found) -> None:
        associations = entry.raw.get("Associations") or []
        if any(association.get("Main") for association in associations):
            return  # it is deleted with its VPC
        for association in associations:
            self._call("ec2", "disassociate_route_table", AssociationId=association["RouteTableAssociationId"])
        self._call("ec2", "delete_route_table", RouteTableId=entry.id)

    def _vpc(self, entry: Found) -> None:
        """Empty by now: everything that we create in it has its tag from the start, and what has none is not ours to remove."""
        self._call("ec2", "delete_vpc", VpcId=entry.id)

    def _vpc_endpoint(self, entry: Found) -> None:
        answer = self.aws.call("ec2", "delete_vpc_endpoints", VpcEndpointIds=[entry.id])
        for refused in answer.get("Unsuccessful") or []:
            error = refused.get("Error") or {}
            raise AwsError(f"{entry} is not deleted: {error.get('Message')} ({error.get('Code')})", str(error.get("Code", "")))
        where = [{"Name": "vpc-endpoint-id", "Values": [entry.id]}]

        def state() -> str:
            points = self.aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=where)
            return next((str(point["State"]).lower() for point in points), "gone")

        wait_for(f"deletion of VPC endpoint {entry.id}", state, str, lambda seen: seen in ("deleted", "gone"), self.timeout, self.delay)

    # Data, if requested

    def _volume(self, entry: Found) -> None:
        self._call("ec2", "delete_volume", VolumeId=entry.id)

    def _snapshot(self, entry: Found) -> None:
        self._call("ec2", "delete_snapshot", SnapshotId=entry.id)

    def _log_group(self, entry: Found) -> None:
        self._call("logs", "delete_log_group", logGroupName=entry.id)
