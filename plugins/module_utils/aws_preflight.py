# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""One look at an AWS account before anything is created in it: who asks, what that one may, what the account has room for. Only reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils import aws_preflight_permissions as permissions
from ansible_collections.meshgate.eks_istio.plugins.module_utils import aws_preflight_quotas as quotas
from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_platform_live
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import OWNER_TAG, Aws, AwsError, tags_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_preflight_offers import aws_cli, cli_check, instance_type_checks, version_check
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_platform import Platform

# What says in the account that a load balancer is of this cluster: our own tag, and the load balancer controller's.
BALANCER_TAGS = (OWNER_TAG, "elbv2.k8s.aws/cluster")


@dataclass
class Check:
    """What was looked at, what was found, what would be accepted. A warning is no reason to stop."""

    name: str
    ok: bool
    found: Any
    accepted: str
    message: str
    warning: bool = False

    def result(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Wanted:
    """What the run is about."""

    platform: dict[str, Any]
    policy: dict[str, Any]
    unused_statements: list[str]
    load_balancer: str
    permissions: str = "refuse"


class Preflight:
    def __init__(self, aws: Aws, wanted: Wanted) -> None:
        self.aws, self.wanted = aws, wanted
        self.given = wanted.platform
        self.name, self.region = self.given["name"], self.given["region"]
        self.identity: dict[str, Any] = {}
        self.platform: Platform | None = None
        self.version_offer: dict[str, Any] = {}
        self.answers: dict[str, Any] = {}

    def run(self) -> list[Check]:
        """Every check. Without an identity there is only that one."""
        who = self._who()
        if not who.ok:
            return [who]
        self._ask()
        return [who, *self._permission_checks(), *self._platform_checks(), *self._balancer_check(), *self._offer_checks(), *self._quota_checks()]

    # Who

    def _who(self) -> Check:
        expected = str(self.given.get("expected_account_id") or "")
        accepted = f"credentials of account {expected}" if expected else "credentials of any account"
        try:
            self.identity = self.aws.call("sts", "get_caller_identity")
        except AwsError as error:
            return Check("identity", False, error.code, accepted, str(error))
        arn, account = self.identity["Arn"], self.identity["Account"]
        if expected and expected != account:
            message = f"eks_cluster_expected_account_id is {expected!r}, but the AWS credentials are of account {account} ({arn})"
            return Check("identity", False, arn, accepted, message)
        return Check("identity", True, arn, accepted, f"works as {arn}")

    # What is asked: all at the same time, and a refusal is an answer, too

    def _ask(self) -> None:
        aws, types = self.aws, quotas.instance_types(self.given)
        aws.prepare("ec2", "eks", "iam", "elbv2", "service-quotas")
        by_type = [{"Name": "instance-type", "Values": types}]
        running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        calls: dict[str, Callable[[], Any]] = {
            "denied": lambda: permissions.denied(aws, self.identity, self.given, self.wanted.policy, self.wanted.unused_statements),
            "platform": lambda: Platform(self.given, eks_platform_live.read(aws, self.given)),
            "cli": aws_cli,
            "versions": lambda: aws.pages("eks", "describe_cluster_versions", "clusterVersions"),
            "types": lambda: aws.pages("ec2", "describe_instance_types", "InstanceTypes", Filters=by_type),
            "offerings": lambda: aws.pages(
                "ec2", "describe_instance_type_offerings", "InstanceTypeOfferings", LocationType="availability-zone", Filters=by_type
            ),
            "vpcs": lambda: aws.pages("ec2", "describe_vpcs", "Vpcs"),
            "subnets": lambda: aws.pages("ec2", "describe_subnets", "Subnets"),
            "addresses": lambda: aws.call("ec2", "describe_addresses")["Addresses"],
            "nat_gateways": lambda: aws.pages("ec2", "describe_nat_gateways", "NatGateways"),
            "reservations": lambda: aws.pages("ec2", "describe_instances", "Reservations", Filters=running),
            "clusters": lambda: aws.pages("eks", "list_clusters", "clusters"),
            "balancers": lambda: aws.pages("elbv2", "describe_load_balancers", "LoadBalancers"),
            **{f"quota {quota.code}": partial(quotas.limit, aws, quota) for quota in quotas.concerned(self.given)},
        }

        def tried(call: Callable[[], Any]) -> Any:
            try:
                return call()
            except AwsError as error:
                return error

        self.answers = dict(zip(calls, aws.together(*[partial(tried, call) for call in calls.values()]), strict=True))
        if isinstance(self.answers["platform"], Platform):
            self.platform = self.answers["platform"]

    # What follows from the answers

    def _unknown(self, name: str, *answers: str) -> Check | None:
        """AWS did not tell: said, and no reason to stop."""
        errors = [str(self.answers[answer]) for answer in answers if isinstance(self.answers[answer], AwsError)]
        return Check(name, True, None, "an answer", f"{name} could not be checked: {'; '.join(errors)}", True) if errors else None

    def _permission_checks(self) -> list[Check]:
        found = self.answers["denied"]
        accepted = "the actions of the operator policy (docs/aws.md, Permissions)"
        if isinstance(found, AwsError):
            return [Check("permissions", True, None, accepted, f"permissions could not be simulated: {found}", True)]
        if found.reason:
            return [Check("permissions", True, None, accepted, f"permissions could not be simulated: {found.reason}", True)]
        if not found.denied:
            return [Check("permissions", True, [], accepted, f"{found.source} may do all {found.simulated} actions")]
        warn = self.wanted.permissions == "warn"
        return [Check("permissions", warn, found.denied, accepted, f"{found.source} lacks {permissions.in_words(found.denied)}; accepted: {accepted}", warn)]

    def _platform_checks(self) -> list[Check]:
        accepted = "names that are free or ours, and a network that fits"
        if isinstance(self.answers["platform"], AwsError):
            return [Check("names", False, None, accepted, str(self.answers["platform"]))]
        return [Check("names", True, None, accepted, f"cluster {self.name} and its roles are free or ours")]

    def _balancer_check(self) -> list[Check]:
        if not self.wanted.load_balancer:
            return []
        accepted = f"no load balancer {self.wanted.load_balancer}, or this cluster's own"
        if unknown := self._unknown("load balancer name", "balancers"):
            return [unknown]
        there = self._balancer()
        if there is None:
            return [Check("load balancer name", True, None, accepted, f"load balancer name {self.wanted.load_balancer} is free")]
        try:
            described = self.aws.call("elbv2", "describe_tags", ResourceArns=[there["LoadBalancerArn"]])["TagDescriptions"]
        except AwsError as error:
            return [Check("load balancer name", True, there["LoadBalancerArn"], accepted, f"load balancer name could not be checked: {error}", True)]
        tags = tags_of(described[0]["Tags"] if described else [])
        if any(tags.get(key) == self.name for key in BALANCER_TAGS):
            return [Check("load balancer name", True, there["LoadBalancerArn"], accepted, f"load balancer {self.wanted.load_balancer} is this cluster's own")]
        message = f"load balancer {self.wanted.load_balancer} exists and is not this cluster's; choose another istio_ingress_load_balancer_name, or remove it"
        return [Check("load balancer name", False, there["LoadBalancerArn"], accepted, message)]

    def _balancer(self) -> dict[str, Any] | None:
        return next((found for found in self.answers["balancers"] if found["LoadBalancerName"] == self.wanted.load_balancer), None)

    def _offer_checks(self) -> list[Check]:
        found: list[Check] = []
        if unknown := self._unknown("instance types", "offerings"):
            found.append(unknown)
        elif self.platform:
            live = self.platform.live.node_groups
            zones = sorted(self.platform.network.zones)
            found += [Check(*entry) for entry in instance_type_checks(self.given, self.answers["offerings"], zones, set(live))]
        if unknown := self._unknown("EKS version", "versions"):
            found.append(unknown)
        else:
            live_cluster = self.platform.live.cluster if self.platform else None
            check, self.version_offer = version_check(self.given, self.answers["versions"], (live_cluster or {}).get("version", ""))
            found.append(Check(*check))
        if self.given.get("kubeconfig_manage"):
            found.append(Check(*cli_check(self.answers["cli"])))
        return found

    def _quota_checks(self) -> list[Check]:
        if self.platform is None:
            return []
        found = []
        for quota in quotas.concerned(self.given):
            if unknown := self._unknown(quota.name, f"quota {quota.code}", *quota.answers):
                found.append(unknown)
                continue
            usages = quotas.usages(quota, self.platform, self.answers, 0 if not self.wanted.load_balancer or self._balancer() else 1)
            found += [Check(*quotas.check(quota, usage, self.answers[f"quota {quota.code}"], self.region)) for usage in usages]
        return found

    def extended_support(self) -> bool:
        return self.version_offer.get("versionStatus") == "EXTENDED_SUPPORT"
