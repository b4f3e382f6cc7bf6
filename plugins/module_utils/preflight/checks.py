# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Checks of an AWS account before anything is created in it: the caller, its permissions, the quotas. Read-only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from ..aws.client import Aws, AwsError, tags_of
from ..aws.module import Task
from ..common.failure import Refused
from ..common.ownership import OWNER_TAG
from ..eks.input_names import Names, variable
from ..eks.platform import live as eks_platform_live
from ..eks.platform.inputs import problems
from ..eks.platform.options import inputs_of, names_of
from ..eks.platform.plan import Platform
from . import capacity, permissions, prices, quotas
from .offers import aws_cli, cli_check, instance_type_checks, version_check

# The tags of this cluster's load balancer: our own, and the load balancer controller's.
BALANCER_TAGS = (OWNER_TAG, "elbv2.k8s.aws/cluster")


# The key with which EBS encrypts unless the account chose another one, and the role that starts the nodes of a group.
AWS_KEY, AUTO_SCALING = "alias/aws/ebs", "AWSServiceRoleForAutoScaling"
GRANTED = ("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DescribeKey", "CreateGrant")


@dataclass
class Check:
    """What was checked, what was found, what would be accepted. A warning does not stop a run."""

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
    # The requests of the platform's pods: name, replicas, cpu and memory of each kind.
    pods: list[dict[str, Any]] = field(default_factory=list)
    scheme: str = "internet-facing"
    names: Names = variable


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
        """Every check. Without an identity, only that one."""
        who = self._who()
        if not who.ok:
            return [who]
        self._ask()
        looks = (self._permission_checks, self._platform_checks, self._balancer_checks, self._offer_checks, self._quota_checks)
        return [who, *(check for look in (*looks, self._key_check, self._room_check) for check in look())]

    # The caller

    def _who(self) -> Check:
        expected = str(self.given.get("expected_account_id") or "")
        accepted = f"credentials of account {expected}" if expected else "credentials of any account"
        try:
            self.identity = self.aws.identify(expected)
        except (AwsError, Refused) as error:
            return Check("identity", False, error.code, accepted, str(error))
        arn = self.identity["Arn"]
        return Check("identity", True, arn, accepted, f"works as {arn}")

    # Reading: all in parallel, and a refusal is a result, too

    def _ask(self) -> None:
        aws, types = self.aws, quotas.instance_types(self.given)
        aws.prepare("ec2", "eks", "iam", "elbv2", "service-quotas")
        by_type = [{"Name": "instance-type", "Values": types}]
        running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        calls: dict[str, Callable[[], Any]] = {
            "denied": lambda: permissions.denied(aws, self.identity, self.given, self.wanted.policy, self.wanted.unused_statements),
            "platform": lambda: Platform(self.given, eks_platform_live.read(aws, self.given), self.wanted.names),
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
            "volume_key": lambda: aws.call("ec2", "get_ebs_default_kms_key_id")["KmsKeyId"],
            "balancers": lambda: aws.pages("elbv2", "describe_load_balancers", "LoadBalancers"),
            **{f"quota {quota.code}": partial(quotas.limit, aws, quota) for quota in quotas.concerned(self.given)},
        }

        def tried(call: Callable[[], Any]) -> Any:
            try:
                return call()
            except (AwsError, Refused) as error:
                return error

        self.answers = dict(zip(calls, aws.run_parallel(*[partial(tried, call) for call in calls.values()]), strict=True))
        if isinstance(self.answers["platform"], Platform):
            self.platform = self.answers["platform"]

    # Conclusions

    def _unknown(self, name: str, *answers: str) -> Check | None:
        """AWS did not allow it: a warning, not an error."""
        errors = [str(self.answers[answer]) for answer in answers if isinstance(self.answers[answer], (AwsError, Refused))]
        return Check(name, True, None, "an answer", f"{name} could not be checked: {'; '.join(errors)}", True) if errors else None

    def _permission_checks(self) -> list[Check]:
        found = self.answers["denied"]
        accepted = "the actions of the operator policy (docs/aws.md, Permissions)"
        if isinstance(found, (AwsError, Refused)):
            return [Check("permissions", True, None, accepted, f"permissions could not be simulated: {found}", True)]
        if found.reason:
            return [Check("permissions", True, None, accepted, f"permissions could not be simulated: {found.reason}", True)]
        checks = []
        if found.unclear:
            said = (
                f"IAM's simulator cannot tell whether {found.source} is allowed {permissions.unclear_in_words(found.unclear)}; AWS decides at the call itself"
            )
            checks.append(Check("permissions by condition", True, found.unclear, accepted, said, True))
        if not found.denied:
            sure = found.simulated - len(found.unclear)
            may = f"all {found.simulated}" if not found.unclear else f"{sure} of {found.simulated}"
            return [Check("permissions", True, [], accepted, f"{found.source} may do {may} actions"), *checks]
        warn = self.wanted.permissions == "warn"
        said = f"{found.source} lacks {permissions.in_words(found.denied)}; accepted: {accepted}"
        return [Check("permissions", warn, found.denied, accepted, said, warn), *checks]

    def _platform_checks(self) -> list[Check]:
        accepted = "names that are free or belong to this cluster, and a suitable network"
        if isinstance(self.answers["platform"], (AwsError, Refused)):
            return [Check("names", False, None, accepted, str(self.answers["platform"]))]
        return [Check("names", True, None, accepted, f"cluster {self.name} and its roles are free or belong to this cluster")]

    def _balancer_checks(self) -> list[Check]:
        return [*self._balancer_subnets(), *self._balancer_name()] if self.wanted.load_balancer else []

    def _balancer_subnets(self) -> list[Check]:
        problem = self.platform.network.balancer_problem(self.wanted.scheme) if self.platform else ""
        accepted = f"subnets for an {self.wanted.scheme} load balancer"
        return [Check("load balancer subnets", not problem, self.wanted.scheme, accepted, problem or f"found {accepted}")] if self.platform else []

    def _balancer_name(self) -> list[Check]:
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
            found += [Check(*entry) for entry in instance_type_checks(self.given, self.answers["offerings"], zones, set(live), self.wanted.names)]
        if unknown := self._unknown("EKS version", "versions"):
            found.append(unknown)
        else:
            live_cluster = self.platform.live.cluster if self.platform else None
            live_version = (live_cluster or {}).get("version", "")
            check, self.version_offer = version_check(self.given, self.answers["versions"], live_version, names=self.wanted.names)
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

    def _key_check(self) -> list[Check]:
        """Volumes of nodes are encrypted with the account's default key. If it is the account's own, it must allow EC2 Auto Scaling, which starts the nodes.

        (EC2 Auto Scaling user guide, "Required AWS KMS key policy for use with encrypted volumes"; hashicorp/terraform-provider-aws#39904 shows the result)
        """
        name, accepted = "key of volumes", f"{AWS_KEY}, or a key that {AUTO_SCALING} may use"
        if unknown := self._unknown(name, "volume_key"):
            return [unknown]
        key, there = self.answers["volume_key"], set(self.platform.live.node_groups if self.platform else ())
        if key.endswith(AWS_KEY):
            return [Check(name, True, key, accepted, "volumes are encrypted with AWS's own key")]
        new = [group["name"] for group in self.given["node_groups"] if group["name"] not in there]
        if not new:
            return [Check(name, True, key, accepted, f"volumes are encrypted with {key}, which existing nodes use")]
        partition, account = self.identity["Arn"].split(":")[1], self.identity["Account"]
        role = f"arn:{partition}:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/{AUTO_SCALING}"
        said = f"new volumes in {self.region} are encrypted with {key}, the account's default. Unless {role} may use that key,"
        said += f" the nodes of {', '.join(new)} fail with Client.InvalidKMSKey.InvalidState or Client.InternalError. To allow it:"
        said += f" aws kms create-grant --region {self.region} --key-id {key} --grantee-principal {role} --operations {' '.join(GRANTED)}"
        return [Check(name, True, key, accepted, said, True)]

    def _room_check(self) -> list[Check]:
        if self.platform is None or isinstance(self.answers["types"], (AwsError, Refused)):
            return []
        entry = capacity.check(self.given, self.platform.live.node_groups, self.answers["types"], self.wanted.pods, self.wanted.names)
        return [Check(*entry)] if entry else []

    def extended_support(self) -> bool:
        return self.version_offer.get("versionStatus") == "EXTENDED_SUPPORT"


# What the module aws_preflight_info does


def look(module: Task, aws: Aws) -> dict[str, Any]:
    params = module.params
    given, names = inputs_of(params, module.region), names_of(params)
    wrong = problems(given, names)
    if wrong:
        raise Refused("; ".join(wrong), checks=[], problems=wrong)
    asked = (params["operator_policy"], params["unused_statements"], params["load_balancer"], params["permissions"])
    preflight = Preflight(aws, Wanted(given, *asked, params["pods"], params["load_balancer_scheme"], names))
    checks = preflight.run()
    result: dict[str, Any] = {"checks": [check.result() for check in checks], "problems": [check.message for check in checks if not check.ok]}
    if preflight.identity:
        result |= {"account_id": preflight.identity["Account"], "caller": preflight.identity["Arn"]}
        if params["price_list"]:
            result["cost"] = prices.estimate(
                given,
                params["price_list"],
                zones=len(preflight.platform.network.zones) if preflight.platform else prices.ZONES,
                extended=preflight.extended_support(),
                scheme=params["load_balancer_scheme"],
                scrape_interval=params["scrape_interval"],
            ).as_result()
    for check in checks:
        if check.warning:
            module.warn(check.message)
    if result["problems"]:
        raise Refused("; ".join(result["problems"]), **result)
    return result
