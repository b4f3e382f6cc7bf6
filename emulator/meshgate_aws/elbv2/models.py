# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""moto's load balancer and target group, with the states that AWS gives them."""

from __future__ import annotations

import ipaddress
import random
from datetime import UTC, datetime
from typing import Any

from moto.elbv2 import models as moto_models

from ..common import error, now, seconds

# "Elastic Load Balancing endpoints and quotas" of the AWS General Reference: the Route 53 hosted zones of load balancer names.
HOSTED_ZONES = {
    "us-west-2": ("Z1H1FL5HABSF5", "Z18D5FSROUN65G"),
    "us-east-1": ("Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"),
    "us-east-2": ("Z3AADJGX6KTTL2", "ZLMOA37VPKANP"),
    "eu-west-1": ("Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"),
    "eu-central-1": ("Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"),
}
# AWS registers a target in seconds. The load balancer controller needs them: with a target that is healthy before it has read again what it wrote to a pod,
# it takes the pod's readiness gate for open still, and never opens it
# (https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/main/pkg/targetgroupbinding/resource_manager.go, updateTargetHealthPodConditionForPod).
REGISTRATION_SECONDS = seconds("MESHGATE_REGISTRATION_SECONDS", 2)
# "Load balancer attributes" of the Application Load Balancers user guide, with their defaults.
ALB_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "health_check_logs.s3.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


class Action(moto_models.FakeAction):
    """AWS keeps the secret of a login, and never returns it: https://github.com/floci-io/floci/issues/3663"""

    def __init__(self, data: dict[str, Any]) -> None:
        config = dict(data.get("AuthenticateOidcConfig") or {})
        self.client_secret = str(config.pop("ClientSecret", ""))
        self.keeps_secret = str(config.pop("UseExistingClientSecret", "")).lower() == "true"
        super().__init__({**data, "AuthenticateOidcConfig": config} if config else data)


class LoadBalancer(moto_models.FakeLoadBalancer):
    def __init__(self, **given: Any) -> None:
        self.active_at = now() + seconds("MESHGATE_LOAD_BALANCER_SECONDS", 0.5)
        super().__init__(**given)
        self.ipam_pools: dict[str, str] | None = None
        self.minimum_capacity: dict[str, int] | None = None
        region = self.arn.split(":")[3]
        zones = HOSTED_ZONES.get(region)
        internal = "internal-" if self.scheme == "internal" else ""
        if self.type == "network":
            self.dns_name = f"{self.name}-{random.randbytes(8).hex()}.elb.{region}.amazonaws.com"
        else:
            self.dns_name = f"{internal}{self.name}-{random.randrange(10**8, 2 * 10**9)}.{region}.elb.amazonaws.com"
            self.attrs.update(ALB_ATTRIBUTES)
        if zones:
            self.canonical_hosted_zone_id = zones[self.type == "network"]

    @property
    def state(self) -> str:
        return "active" if now() >= self.active_at else "provisioning"

    @state.setter
    def state(self, _value: str) -> None:
        """The clock decides, not the number of descriptions as in moto."""

    def activate(self) -> None:
        """See state."""


class TargetGroup(moto_models.FakeTargetGroup):
    """Targets are kept by id and port; one that was deregistered drains before it is gone."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        if self.protocol_version == "GRPC" and "GrpcCode" not in self.matcher:
            self.matcher = {"GrpcCode": "12"}  # CreateTargetGroup, Matcher: "The default value is 12"
        self.registered: dict[str, dict[str, Any]] = {}
        self.draining: dict[str, dict[str, Any]] = {}
        self.reports: dict[str, dict[str, str]] = {}

    @property
    def load_balancer_arns(self) -> list[str]:
        """The load balancers whose rules currently forward to this group."""
        found = []
        for balancer in moto_models.elbv2_backends[self.account_id][self.region_name].load_balancers.values():
            if any(self.arn in action_target_groups(action.data) for listener in balancer.listeners.values() for action in all_actions(listener)):
                found.append(balancer.arn)
        return found

    @load_balancer_arns.setter
    def load_balancer_arns(self, _value: list[str]) -> None:
        """moto only ever appends, see above."""

    @property
    def delay(self) -> float:
        return float(str(self.attributes["deregistration_delay.timeout_seconds"]))

    def port_of(self, target: dict[str, Any]) -> int:
        return int(target.get("Port") or self.port)

    def register(self, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            checked = {"Id": target["Id"], "Port": self.port_of(target), "AvailabilityZone": self._zone(target)}
            key = f"{checked['Id']}:{checked['Port']}"
            self.draining.pop(key, None)
            if key not in self.registered:
                self.reports.pop(key, None)
                self.registered[key] = {**checked, "registered_at": datetime.now(UTC).isoformat(), "initial_until": now() + REGISTRATION_SECONDS}

    def _zone(self, target: dict[str, Any]) -> str | None:
        """RegisterTargets, TargetDescription.AvailabilityZone: found for an address in the VPC, `all` required outside of it."""
        if self.target_type == "instance":
            instance = self.ec2_backend.get_instance_by_id(target["Id"])
            if instance is None:
                raise error("InvalidTarget", f"The following targets are not valid instances: '{target['Id']}'")
            if instance.state != "running":
                raise error("InvalidTarget", f"The following targets are not in a running state and cannot be registered: '{target['Id']}'")
            return None
        if self.target_type != "ip":
            return None
        try:
            address = ipaddress.ip_address(target["Id"])
        except ValueError:
            raise error("ValidationError", f"The IP address '{target['Id']}' is not a valid IPv4 address") from None
        for by_zone in self.ec2_backend.subnets.values():
            for subnet in by_zone.values():
                if subnet.vpc_id == self.vpc_id and address in ipaddress.ip_network(subnet.cidr_block):
                    return target.get("AvailabilityZone") or subnet.availability_zone
        if target.get("AvailabilityZone") != "all":
            raise error(
                "ValidationError",
                f"The IP address '{target['Id']}' is not within a range in the VPC '{self.vpc_id}': its Availability Zone must be 'all'",
            )
        return "all"

    def deregister(self, targets: list[dict[str, Any]]) -> None:
        """DeregisterTargets: "If the specified target does not exist, the action returns successfully"."""
        for target in targets:
            for key, known in list(self.registered.items()):
                if known["Id"] == target["Id"] and known["Port"] == int(target.get("Port") or known["Port"]):
                    del self.registered[key]
                    if self.load_balancer_arns and self.delay > 0:
                        self.draining[key] = {**known, "until": now() + self.delay}

    def deregister_terminated_instances(self, instance_ids: list[str]) -> None:
        self.deregister([{"Id": instance_id} for instance_id in instance_ids])

    def still_draining(self) -> dict[str, dict[str, Any]]:
        self.draining = {key: target for key, target in self.draining.items() if target["until"] > now()}
        return self.draining

    def health(self, target: dict[str, Any]) -> tuple[str, str | None, str | None]:
        """State, reason and description as API reference's TargetHealth has them."""
        key = f"{target['Id']}:{self.port_of(target)}"
        if key in self.still_draining():
            return "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
        if key not in self.registered:
            return "unused", "Target.NotRegistered", "Target is not registered to the target group"
        arns = self.load_balancer_arns
        if not arns:
            return "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
        from .reach import verdict

        reachable, why = verdict(self, self.registered[key])
        if not reachable:
            return "unhealthy", "Target.Timeout", f"Request timed out: {why}"
        report = self.reports.get(key)
        if report is None or now() < self.registered[key]["initial_until"]:
            return "initial", "Elb.RegistrationInProgress", "Target registration is in progress"
        if report["state"] == "healthy":
            return "healthy", None, None
        return report["state"], report.get("reason") or None, report.get("description") or None


def all_actions(listener: Any) -> list[Any]:
    return [*listener.default_actions, *(action for rule in listener.rules.values() for action in rule.actions)]


def action_target_groups(action: dict[str, Any]) -> list[str]:
    groups = [action["TargetGroupArn"]] if action.get("TargetGroupArn") else []
    return groups + [group["TargetGroupArn"] for group in action.get("ForwardConfig", {}).get("TargetGroups", [])]
