# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The ELBv2 backend and its HTTP side, which replace moto's."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elb import urls as elb_urls
from moto.elbv2 import models as moto_models
from moto.elbv2.exceptions import DuplicateListenerError, LoadBalancerNotFoundError, RuleNotFoundError, TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, elbv2_backends
from moto.elbv2.responses import ELBV2Response

from ..common import error, use_backend
from . import access_logs, interfaces, logins
from .models import Action, LoadBalancer, TargetGroup, action_target_groups

MAX_TAGS = 50


class Elbv2Backend(ELBv2Backend):
    def create_load_balancer(self, name: str, security_groups: list[str], subnet_ids: list[str], **given: Any) -> Any:  # type: ignore[override]
        mappings = given.get("subnet_mappings") or []
        wanted = [*subnet_ids, *(mapping["SubnetId"] for mapping in mappings)]
        kind = given.get("loadbalancer_type") or "application"
        given["scheme"] = given.get("scheme") or "internet-facing"
        known = next((balancer for balancer in self.load_balancers.values() if balancer.name == name), None)
        if known:
            # CreateLoadBalancer: "This operation is idempotent"; the same name with other settings is DuplicateLoadBalancerName.
            same = sorted(s.id for s in known.subnets) == sorted(wanted) and (known.scheme, known.type) == (given["scheme"], kind)
            if same and sorted(known.security_groups or []) == sorted(security_groups or known.security_groups or []):
                return known
            raise error("DuplicateLoadBalancerName", f"A load balancer with the same name '{name}' exists, but with different settings")
        subnets = [subnet for subnet in map(self.ec2_backend.get_subnet, wanted) if subnet]
        if kind == "application" and len({subnet.availability_zone for subnet in subnets}) < 2:
            raise error("ValidationError", "At least two subnets in two different Availability Zones must be specified")
        self._check_security_groups(security_groups)
        if kind == "application" and not security_groups:
            default: Any = self.ec2_backend.get_default_security_group(subnets[0].vpc_id)
            security_groups = [default.id]
        balancer = super().create_load_balancer(name, security_groups, subnet_ids, **given)
        interfaces.place(self.ec2_backend, balancer)
        return balancer

    def set_security_groups(self, arn: str, sec_groups: list[str]) -> None:
        super().set_security_groups(arn, sec_groups)
        interfaces.place(self.ec2_backend, self.balancer(arn))

    def set_subnets(self, arn: str, subnets: list[str], subnet_mappings: list[dict[str, Any]]) -> Any:
        zones = super().set_subnets(arn, subnets, subnet_mappings)
        interfaces.place(self.ec2_backend, self.balancer(arn))
        return zones

    def _check_security_groups(self, ids: list[str]) -> None:
        for group_id in ids or []:
            if self.ec2_backend.get_security_group_from_id(group_id) is None:
                raise error("InvalidSecurityGroup", f"The security group '{group_id}' does not exist")

    def modify_load_balancer_attributes(self, arn: str, attrs: dict[str, Any]) -> dict[str, Any]:
        if any(key.startswith("access_logs.s3.") for key in attrs):
            access_logs.check(self.account_id, self.partition, self.region_name, {**self.balancer(arn).attrs, **attrs})
        return super().modify_load_balancer_attributes(arn, attrs)

    def delete_load_balancer(self, arn: str) -> None:
        balancer = self.load_balancers.get(arn)
        if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
            raise error("OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled")
        if balancer:
            interfaces.linger(self.ec2_backend, balancer)
        super().delete_load_balancer(arn)

    def create_listener(self, load_balancer_arn: str, protocol: str, port: Any, *rest: Any, **given: Any) -> Any:
        balancer = self.load_balancers.get(load_balancer_arn)
        if balancer and any(str(listener.port) == str(port) for listener in balancer.listeners.values()):
            raise DuplicateListenerError()
        if protocol in ("HTTPS", "TLS") and not given.get("certificate"):
            raise error("ValidationError", f"A certificate must be specified for {protocol} listeners")
        if given.get("certificate") and not self._certificate_exists(given["certificate"]):
            raise error("CertificateNotFound", f"Certificate ARN '{given['certificate']}' is not valid")
        self._check_versions(protocol, given.get("actions") or [])
        logins.check(protocol, given.get("actions") or [])
        return super().create_listener(load_balancer_arn, protocol, port, *rest, **given)

    def modify_listener(self, arn: str, port: Any = None, protocol: str | None = None, *rest: Any, **given: Any) -> Any:
        before = self.describe_listeners(None, [arn])[0]
        others, secret = before.certificates[1:], logins.secret_of(before.default_actions)
        # moto passes the policy, the certificates and the actions by position.
        actions = given.get("actions") or (rest[2] if len(rest) > 2 else None)
        logins.check(protocol or before.protocol, actions or [], known=secret)
        listener = super().modify_listener(arn, port, protocol, *rest, **given)
        logins.keep(listener.default_actions, secret)
        # ModifyListener replaces the default certificate; the others came by AddListenerCertificates and stay.
        listener.certificates += [other for other in others if other not in listener.certificates]
        return listener

    def create_rule(self, listener_arn: str, conditions: Any, priority: int, actions: list[dict[str, Any]], tags: Any = None) -> Any:
        for listener in self.describe_listeners(None, [listener_arn]):
            self._check_versions(listener.protocol, actions)
            logins.check(listener.protocol, actions)
        return super().create_rule(listener_arn, conditions, priority, actions, tags)

    def modify_rule(self, rule_arn: str, conditions: Any, actions: list[dict[str, Any]]) -> Any:
        rules = self.describe_rules(None, [rule_arn])
        secret = logins.secret_of(rules[0].actions) if rules else ""
        logins.check("HTTPS", actions or [], known=secret)
        rule = super().modify_rule(rule_arn, conditions, actions)
        logins.keep(rule.actions, secret)
        return rule

    def _check_versions(self, protocol: str, actions: list[dict[str, Any]]) -> None:
        """The words of https://github.com/aws/copilot-cli/issues/4551, which does not show the error's code."""
        groups = [self.target_groups[arn] for action in actions for arn in action_target_groups(action) if arn in self.target_groups]
        version = next((group.protocol_version for group in groups if group.protocol_version in ("HTTP2", "GRPC")), None)
        if protocol == "HTTP" and version:
            text = f"Listener protocol 'HTTP' is not supported with a target group with the protocol-version '{version}'"
            raise error("InvalidConfigurationRequest", text)

    def add_listener_certificates(self, arn: str, certificates: list[dict[str, Any]]) -> list[str]:
        known = self.describe_listeners(None, [arn])[0].certificates
        return super().add_listener_certificates(arn, [c for c in certificates if c["CertificateArn"] not in known])

    def set_rule_priorities(self, rule_priorities: list[dict[str, Any]]) -> Any:
        """Rules may swap priorities; moto only lets them move to free ones."""
        moving = self.describe_rules(None, [wanted["RuleArn"] for wanted in rule_priorities])
        before = {rule.arn: rule.priority for rule in moving}
        for rule in moving:
            rule.priority = f"moving {rule.arn}"
        try:
            return super().set_rule_priorities(rule_priorities)
        except Exception:
            for rule in moving:
                rule.priority = before[rule.arn]
            raise

    def describe_target_groups(self, load_balancer_arn: str | None, target_group_arns: list[str], names: list[str] | None) -> Any:
        if load_balancer_arn and not target_group_arns and not names:
            self.balancer(load_balancer_arn)
            groups = [group for group in self.target_groups.values() if load_balancer_arn in group.load_balancer_arns]
            return sorted(groups, key=lambda group: group.name)
        return super().describe_target_groups(load_balancer_arn, target_group_arns, names)

    def describe_target_health(self, target_group_arn: str, targets: list[dict[str, Any]]) -> Any:
        group: Any = self.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError()
        asked = targets or [*group.registered.values(), *group.still_draining().values()]
        return [_description(group, target) for target in asked]

    def add_tags(self, resource_arns: list[str], tags: list[dict[str, str]]) -> None:
        for arn in resource_arns:
            self._get_resource_by_arn(arn)
            existing = self.tagging_service.get_tag_dict_for_resource(arn)
            if len({*existing, *(tag["Key"] for tag in tags)}) > MAX_TAGS:
                raise error("TooManyTags", f"The maximum number of tags for a resource is {MAX_TAGS}")
            self.tagging_service.tag_resource(arn, tags)

    def describe_tags(self, resource_arns: list[str]) -> dict[str, dict[str, str]]:
        for arn in resource_arns:
            self._get_resource_by_arn(arn)
        return super().describe_tags(resource_arns)

    def _get_resource_by_arn(self, arn: str) -> Any:
        """moto stores a listener's default rule under another key than its ARN; the controller reads its tags in every reconciliation."""
        if ":listener-rule/" not in arn:
            return super()._get_resource_by_arn(arn)
        listener_arn = arn.replace(":listener-rule/", ":listener/").rsplit("/", 1)[0]
        for listener in self.describe_listeners(None, [listener_arn]):
            for rule in listener.rules.values():
                if rule.arn == arn:
                    return rule
        raise RuleNotFoundError()

    def balancer(self, arn: str) -> Any:
        if arn not in self.load_balancers:
            raise LoadBalancerNotFoundError()
        return self.load_balancers[arn]


def _description(group: Any, target: dict[str, Any]) -> dict[str, Any]:
    state, reason, text = group.health(target)
    port = group.port_of(target)
    shown = {"Id": target["Id"], "Port": port, "AvailabilityZone": target.get("AvailabilityZone")}
    check = port if group.health_check_port in (None, "traffic-port") else group.health_check_port
    return {"Target": shown, "HealthCheckPort": str(check), "TargetHealth": {"State": state, "Reason": reason, "Description": text}}


def _default_certificate(arns: list[str]) -> list[dict[str, str]] | None:
    """Listener.Certificates: "The default certificate for the listener"; the others are only in DescribeListenerCertificates."""
    return [{"CertificateArn": arn} for arn in arns[:1]] or None


class Elbv2Response(ELBV2Response):
    RESPONSE_KEY_PATH_TO_TRANSFORMER = {
        **ELBV2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER,
        **{f"{call}ListenerOutput.Listeners.Listener.Certificates": _default_certificate for call in ("Create", "Modify")},
        "DescribeListenersOutput.Listeners.Listener.Certificates": _default_certificate,
    }

    def create_listener(self) -> ActionResult:
        return self._listener(super().create_listener())

    def modify_listener(self) -> ActionResult:
        return self._listener(super().modify_listener())

    def _listener(self, answer: ActionResult) -> ActionResult:
        """What moto does not keep of a listener."""
        listener = answer.result["Listeners"][0]  # type: ignore[index]
        if listener.protocol not in ("HTTPS", "TLS"):
            listener.ssl_policy = None
        if listener.protocol in ("HTTP", "HTTPS"):
            listener.attributes.pop("tcp.idle_timeout.seconds", None)
            listener.attributes.setdefault("routing.http.response.server.enabled", "true")
        if self._get_param("MutualAuthentication"):
            listener.mutual_authentication = self._get_param("MutualAuthentication")
        return answer

    def modify_target_group(self) -> ActionResult:
        """moto knows codes of HTTP only."""
        answer = super().modify_target_group()
        if code := (self._get_param("Matcher") or {}).get("GrpcCode"):
            answer.result["TargetGroups"][0].matcher = {"GrpcCode": code}  # type: ignore[index]
        return answer

    def describe_trust_stores(self) -> ActionResult:
        if self._get_param("TrustStoreArns") or self._get_param("Names"):
            raise error("TrustStoreNotFound", "One or more trust stores not found")
        return ActionResult({"TrustStores": []})

    def modify_ip_pools(self) -> ActionResult:
        balancer = self.elbv2_backend.balancer(self._get_param("LoadBalancerArn"))  # type: ignore[attr-defined]
        if self._get_param("RemoveIpamPools"):
            balancer.ipam_pools = None
        balancer.ipam_pools = self._get_param("IpamPools") or balancer.ipam_pools
        return ActionResult({"IpamPools": balancer.ipam_pools})

    def modify_capacity_reservation(self) -> ActionResult:
        balancer = self.elbv2_backend.balancer(self._get_param("LoadBalancerArn"))  # type: ignore[attr-defined]
        balancer.minimum_capacity = self._get_param("MinimumLoadBalancerCapacity")
        if self._get_bool_param("ResetCapacityReservation"):
            balancer.minimum_capacity = None
        return self.describe_capacity_reservation()

    def describe_capacity_reservation(self) -> ActionResult:
        balancer = self.elbv2_backend.balancer(self._get_param("LoadBalancerArn"))  # type: ignore[attr-defined]
        if not balancer.minimum_capacity:
            return ActionResult({"DecreaseRequestsRemaining": 2})
        zones = [{"AvailabilityZone": subnet.availability_zone, "State": {"Code": "provisioned"}} for subnet in balancer.subnets]
        return ActionResult({"DecreaseRequestsRemaining": 2, "MinimumLoadBalancerCapacity": balancer.minimum_capacity, "CapacityReservationState": zones})


def install() -> None:
    use_backend(elbv2_backends, Elbv2Backend)
    moto_models.FakeAction = Action  # type: ignore[misc]
    moto_models.FakeLoadBalancer = LoadBalancer  # type: ignore[assignment,misc]
    moto_models.FakeTargetGroup = TargetGroup  # type: ignore[assignment,misc]
    vars(elb_urls)["ELBV2Response"] = Elbv2Response
