# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Load balancers, target groups and the state that the data path reads."""

from __future__ import annotations

from typing import Any

import pytest
from aws_rig import REGION
from botocore.exceptions import ClientError


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


class Stack:
    """A load balancer with a listener, a rule and a target group of IP targets."""

    def __init__(self, aws: Any, name: str, network: Any, **more: Any) -> None:
        self.aws, self.elb, self.ec2 = aws, aws.client("elbv2"), aws.client("ec2")
        self.group = self.ec2.create_security_group(GroupName=f"{name}-alb", Description="alb", VpcId=network.vpc_id)["GroupId"]
        request = {"Name": name, "Subnets": network.subnets, "SecurityGroups": [self.group], **more}
        self.balancer = self.elb.create_load_balancer(**request)["LoadBalancers"][0]
        self.arn = self.balancer["LoadBalancerArn"]
        health = {"HealthCheckPath": "/healthz/ready", "HealthCheckPort": "15021", "HealthCheckProtocol": "HTTP"}
        self.targets = self.elb.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=network.vpc_id, TargetType="ip", **health)["TargetGroups"][0][
            "TargetGroupArn"
        ]

    def listen(self) -> None:
        forward = [{"Type": "forward", "TargetGroupArn": self.targets}]
        fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        listener = self.elb.create_listener(LoadBalancerArn=self.arn, Protocol="HTTP", Port=80, DefaultActions=fixed)["Listeners"][0]
        path = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
        self.listener = listener["ListenerArn"]
        self.elb.create_rule(ListenerArn=self.listener, Priority=1, Conditions=path, Actions=forward, Tags=[{"Key": "a", "Value": "1"}])

    def health(self, **more: Any) -> list[tuple[str, str, str | None]]:
        found = self.elb.describe_target_health(TargetGroupArn=self.targets, **more)["TargetHealthDescriptions"]
        return [(d["Target"]["Id"], d["TargetHealth"]["State"], d["TargetHealth"].get("Reason")) for d in found]

    def report(self, ip: str, state: str, reason: str = "", description: str = "") -> int:
        target = {"target_group_arn": self.targets, "id": ip, "port": 8080, "state": state, "reason": reason, "description": description}
        return self.aws.control("POST", "alb/health", {"targets": [target]})["accepted"]

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        state = self.aws.control("GET", "alb")
        return (
            next(b for b in state["load_balancers"] if b["arn"] == self.arn),
            next(g for g in state["target_groups"] if g["arn"] == self.targets),
        )


@pytest.fixture
def stack(aws, name, network) -> Stack:
    return Stack(aws, name, network)


def test_a_load_balancer_is_provisioning_then_active(aws, stack) -> None:
    # API reference, LoadBalancerState: "The initial state of the load balancer is provisioning. After the load balancer is fully set up
    # and ready to route traffic, its state is active."
    assert stack.balancer["State"]["Code"] == "provisioning"

    def look():
        return stack.elb.describe_load_balancers(LoadBalancerArns=[stack.arn])["LoadBalancers"][0]["State"]["Code"]

    aws.wait(look, "active")
    assert stack.state()[0]["state"] == "active"


def test_names_look_like_aws(stack, name) -> None:
    # User guide, "Create an Application Load Balancer": name-1234567890.region.elb.amazonaws.com; General Reference: zone of us-west-2.
    assert stack.balancer["DNSName"].startswith(f"{name}-")
    assert stack.balancer["DNSName"].endswith(f".{REGION}.elb.amazonaws.com")
    assert stack.balancer["CanonicalHostedZoneId"] == "Z1H1FL5HABSF5"


def test_deletion_protection(stack) -> None:
    # API reference, DeleteLoadBalancer: "You can't delete a load balancer if deletion protection is enabled": OperationNotPermitted.
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    stack.elb.modify_load_balancer_attributes(LoadBalancerArn=stack.arn, Attributes=on)
    assert refused(stack.elb.delete_load_balancer, LoadBalancerArn=stack.arn) == "OperationNotPermitted"
    stack.elb.modify_load_balancer_attributes(LoadBalancerArn=stack.arn, Attributes=[{**on[0], "Value": "false"}])
    stack.elb.delete_load_balancer(LoadBalancerArn=stack.arn)
    assert refused(stack.elb.describe_load_balancers, LoadBalancerArns=[stack.arn]) == "LoadBalancerNotFound"


def test_one_name_one_load_balancer(stack, name, network) -> None:
    # API reference, CreateLoadBalancer: idempotent with the same settings, DuplicateLoadBalancerName with others.
    again = {"Name": name, "Subnets": network.subnets, "SecurityGroups": [stack.group]}
    assert stack.elb.create_load_balancer(**again)["LoadBalancers"][0]["LoadBalancerArn"] == stack.arn
    assert refused(stack.elb.create_load_balancer, **again, Scheme="internal") == "DuplicateLoadBalancerName"


def test_what_aws_refuses(stack, name, network) -> None:
    # API reference, CreateLoadBalancer: subnets from at least two zones; CreateListener: DuplicateListener, and a certificate for HTTPS.
    elb = stack.elb
    assert refused(elb.create_load_balancer, Name=f"{name}x", Subnets=network.subnets[:1]) == "ValidationError"
    assert refused(elb.create_load_balancer, Name=f"{name}x", Subnets=network.subnets, SecurityGroups=["sg-0"]) == "InvalidSecurityGroup"
    stack.listen()
    action = [{"Type": "forward", "TargetGroupArn": stack.targets}]
    assert refused(elb.create_listener, LoadBalancerArn=stack.arn, Protocol="HTTP", Port=80, DefaultActions=action) == "DuplicateListener"
    assert refused(elb.create_listener, LoadBalancerArn=stack.arn, Protocol="HTTPS", Port=443, DefaultActions=action) == "ValidationError"
    assert refused(elb.delete_target_group, TargetGroupArn=stack.targets) == "ResourceInUse"


def test_target_health_goes_through_the_documented_states(aws, stack) -> None:
    # User guide, "Health checks for Application Load Balancer target groups", target health status: unused (Target.NotInUse), initial
    # (Elb.RegistrationInProgress), healthy, unhealthy, draining (Target.DeregistrationInProgress).
    ip = "192.168.1.10"
    stack.elb.register_targets(TargetGroupArn=stack.targets, Targets=[{"Id": ip, "Port": 8080}])
    assert stack.health() == [(ip, "unused", "Target.NotInUse")]
    stack.listen()
    assert stack.health() == [(ip, "initial", "Elb.RegistrationInProgress")]
    assert stack.report(ip, "healthy") == 1
    # AWS takes seconds, however soon the target answers.
    assert stack.health() == [(ip, "initial", "Elb.RegistrationInProgress")]
    aws.wait(stack.health, [(ip, "healthy", None)])
    stack.report(ip, "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]")
    assert stack.health() == [(ip, "unhealthy", "Target.ResponseCodeMismatch")]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "300"}]
    stack.elb.modify_target_group_attributes(TargetGroupArn=stack.targets, Attributes=delay)
    stack.elb.deregister_targets(TargetGroupArn=stack.targets, Targets=[{"Id": ip, "Port": 8080}])
    assert stack.health() == [(ip, "draining", "Target.DeregistrationInProgress")]
    assert [t["state"] for t in stack.state()[1]["targets"]] == ["draining"]
    aws.wait(stack.health, [])
    assert stack.state()[1]["targets"] == []
    assert stack.health(Targets=[{"Id": ip, "Port": 8080}]) == [(ip, "unused", "Target.NotRegistered")]
    # API reference, DeregisterTargets: "If the specified target does not exist, the action returns successfully."
    stack.elb.deregister_targets(TargetGroupArn=stack.targets, Targets=[{"Id": ip, "Port": 8080}])


def test_addresses_outside_the_vpc_need_zone_all(stack) -> None:
    # API reference, TargetDescription: "If the IP address is outside the VPC, this parameter is required" and its value is all.
    assert refused(stack.elb.register_targets, TargetGroupArn=stack.targets, Targets=[{"Id": "10.244.0.7"}]) == "ValidationError"
    stack.elb.register_targets(TargetGroupArn=stack.targets, Targets=[{"Id": "10.244.0.7", "AvailabilityZone": "all"}, {"Id": "192.168.33.1"}])
    zones = {t["id"]: t["availability_zone"] for t in stack.state()[1]["targets"]}
    assert zones == {"10.244.0.7": "all", "192.168.33.1": f"{REGION}b"}


def test_security_groups_decide_whether_a_pod_is_reached(aws, make_cluster, name, network) -> None:
    # User guide, "Security groups for your Application Load Balancer": the load balancer must be allowed to the targets on both the listener
    # (here: target) port and the health check port; else health checks time out (Target.Timeout).
    nodes = [{"name": "n", "ip": "172.18.0.2", "pod_cidr": "10.77.0.0/24"}]
    aws.control("PUT", f"clusters/{name}", {"endpoint": "https://x", "certificate_authority_data": "Q0E=", "jwks": "{}", "nodes": nodes})
    make_cluster()
    guard = aws.client("eks").describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    stack = Stack(aws, name, network)
    stack.listen()
    stack.elb.register_targets(TargetGroupArn=stack.targets, Targets=[{"Id": "10.77.0.9", "Port": 8080, "AvailabilityZone": "all"}])
    stack.report("10.77.0.9", "healthy")

    def let_in(port: int) -> None:
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": stack.group}]}
        aws.client("ec2").authorize_security_group_ingress(GroupId=guard, IpPermissions=[rule])

    assert stack.health() == [("10.77.0.9", "unhealthy", "Target.Timeout")]
    let_in(8080)
    target = stack.state()[1]["targets"][0]
    assert (target["reachable"], "15021" in target["unreachable_reason"]) == (False, True)
    let_in(15021)
    target = stack.state()[1]["targets"][0]
    assert (target["reachable"], target["unreachable_reason"]) == (True, "")
    aws.wait(stack.health, [("10.77.0.9", "healthy", None)])
    assert {"cidr": "10.77.0.0/24", "via": "172.18.0.2"} in aws.control("GET", "alb")["routes"]


def test_state_shows_listeners_rules_and_health_check(stack) -> None:
    stack.listen()
    balancer, group = stack.state()
    listener = balancer["listeners"][0]
    assert (listener["port"], listener["protocol"], listener["ssl_policy"]) == (80, "HTTP", None)
    assert [rule["priority"] for rule in listener["rules"]] == ["1", "default"]
    assert listener["rules"][0]["actions"][0]["TargetGroupArn"] == stack.targets
    assert listener["rules"][0]["conditions"][0]["PathPatternConfig"] == {"Values": ["/*"]}
    assert balancer["attributes"]["idle_timeout.timeout_seconds"] == "60"
    check = group["health_check"]
    assert (check["path"], check["port"], check["interval_seconds"], check["enabled"]) == ("/healthz/ready", "15021", 30, True)
    assert group["load_balancer_arns"] == [stack.arn]
    stack.elb.delete_listener(ListenerArn=stack.listener)
    assert stack.state()[1]["load_balancer_arns"] == []


def test_state_is_long_polled_by_revision(aws, stack) -> None:
    import threading
    import time

    aws.wait(lambda: stack.state()[0]["state"], "active")
    known = aws.control("GET", "alb")["revision"]
    assert aws.control("GET", f"alb?known={known}&timeout=0.2")["revision"] == known
    threading.Timer(0.3, stack.listen).start()
    started = time.monotonic()
    assert aws.control("GET", f"alb?known={known}&timeout=20")["revision"] != known
    assert time.monotonic() - started < 5


def test_a_requested_certificate_comes_with_a_key_that_fits(aws, stack) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    acm = aws.client("acm")
    arn = acm.request_certificate(DomainName="mesh.example.com", SubjectAlternativeNames=["*.mesh.example.com"])["CertificateArn"]
    action = [{"Type": "forward", "TargetGroupArn": stack.targets}]
    stack.elb.create_listener(
        LoadBalancerArn=stack.arn, Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": arn}], SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        DefaultActions=action,
    )  # fmt: skip
    certificate = stack.state()[0]["listeners"][0]["certificates"][0]
    assert (certificate["arn"], certificate["is_default"]) == (arn, True)
    assert set(certificate["domains"]) == {"mesh.example.com", "*.mesh.example.com"}
    key = load_pem_private_key(certificate["private_key"].encode(), None)
    assert x509.load_pem_x509_certificate(certificate["certificate"].encode()).public_key() == key.public_key()


def test_tags_of_rules_and_of_what_is_gone(stack) -> None:
    # API reference, DescribeTags: load balancers, target groups, listeners, rules; RuleNotFound and the like for those that do not exist.
    stack.listen()
    rules = stack.elb.describe_rules(ListenerArn=stack.listener)["Rules"]
    arn = next(rule["RuleArn"] for rule in rules if rule["Priority"] == "1")
    assert stack.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"] == [{"Key": "a", "Value": "1"}]
    default = next(rule["RuleArn"] for rule in rules if rule["IsDefault"])
    stack.elb.add_tags(ResourceArns=[default], Tags=[{"Key": "b", "Value": "2"}])
    assert stack.elb.describe_tags(ResourceArns=[default])["TagDescriptions"][0]["Tags"] == [{"Key": "b", "Value": "2"}]
    stack.elb.delete_rule(RuleArn=arn)
    assert refused(stack.elb.describe_tags, ResourceArns=[arn]) == "RuleNotFound"
    stack.elb.add_tags(ResourceArns=[stack.arn], Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(20)])
    stack.elb.delete_load_balancer(LoadBalancerArn=stack.arn)
    assert refused(stack.elb.describe_tags, ResourceArns=[stack.arn]) == "LoadBalancerNotFound"


def test_calls_that_only_the_controller_makes(stack) -> None:
    # API reference: DescribeListenerAttributes, DescribeCapacityReservation, ModifyCapacityReservation, ModifyIpPools, DescribeTrustStores.
    stack.listen()
    assert stack.elb.describe_listener_attributes(ListenerArn=stack.listener)["Attributes"]
    assert not stack.elb.describe_capacity_reservation(LoadBalancerArn=stack.arn).get("CapacityReservationState")
    minimum = {"CapacityUnits": 100}
    stack.elb.modify_capacity_reservation(LoadBalancerArn=stack.arn, MinimumLoadBalancerCapacity=minimum)
    assert stack.elb.describe_capacity_reservation(LoadBalancerArn=stack.arn)["MinimumLoadBalancerCapacity"] == minimum
    pools = {"Ipv4IpamPoolId": "ipam-pool-0123456789abcdef0"}
    assert stack.elb.modify_ip_pools(LoadBalancerArn=stack.arn, IpamPools=pools)["IpamPools"] == pools
    assert refused(stack.elb.describe_trust_stores, Names=["absent"]) == "TrustStoreNotFound"


def test_only_the_default_certificate_is_the_listeners(aws, stack) -> None:
    # API reference, Listener.Certificates: "The default certificate for the listener"; DescribeListenerCertificates: "the default certificate
    # and the certificate list"; ModifyListener: replaces the default one only.
    first, second, third = (aws.client("acm").request_certificate(DomainName=f"{n}.example.com")["CertificateArn"] for n in "abc")
    action = [{"Type": "forward", "TargetGroupArn": stack.targets}]
    made = stack.elb.create_listener(LoadBalancerArn=stack.arn, Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": first}], DefaultActions=action)
    on = {"ListenerArn": made["Listeners"][0]["ListenerArn"]}

    def seen() -> tuple[list[str], list[tuple[str, bool]]]:
        listener = stack.elb.describe_listeners(ListenerArns=[on["ListenerArn"]])["Listeners"][0]
        every = stack.elb.describe_listener_certificates(**on)["Certificates"]
        return [c["CertificateArn"] for c in listener["Certificates"]], [(c["CertificateArn"], c["IsDefault"]) for c in every]

    for _unused in range(2):
        stack.elb.add_listener_certificates(**on, Certificates=[{"CertificateArn": second}])
    assert seen() == ([first], [(first, True), (second, False)])
    stack.elb.modify_listener(**on, Certificates=[{"CertificateArn": third}])
    assert seen() == ([third], [(third, True), (second, False)])
    assert [c["is_default"] for c in stack.state()[0]["listeners"][0]["certificates"]] == [True, False]


def test_rules_may_change_places(stack) -> None:
    # API reference, SetRulePriorities: "You can reorder the rules as long as there are no priority conflicts in the new order."
    stack.listen()
    path = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/b"]}}]
    action = [{"Type": "forward", "TargetGroupArn": stack.targets}]
    stack.elb.create_rule(ListenerArn=stack.listener, Priority=2, Conditions=path, Actions=action)
    rules = {r["Priority"]: r["RuleArn"] for r in stack.elb.describe_rules(ListenerArn=stack.listener)["Rules"]}
    swap = [{"RuleArn": rules["1"], "Priority": 2}, {"RuleArn": rules["2"], "Priority": 1}]
    stack.elb.set_rule_priorities(RulePriorities=swap)
    assert [rule["arn"] for rule in stack.state()[0]["listeners"][0]["rules"]][:2] == [rules["2"], rules["1"]]
    assert refused(stack.elb.set_rule_priorities, RulePriorities=[{"RuleArn": rules["1"], "Priority": 1}]) == "PriorityInUse"
    assert [rule["arn"] for rule in stack.state()[0]["listeners"][0]["rules"]][:2] == [rules["2"], rules["1"]]


def test_target_groups_of_a_load_balancer(stack) -> None:
    # API reference, DescribeTargetGroups: by load balancer.
    assert stack.elb.describe_target_groups(LoadBalancerArn=stack.arn)["TargetGroups"] == []
    stack.listen()
    found = stack.elb.describe_target_groups(LoadBalancerArn=stack.arn)["TargetGroups"]
    assert [(group["TargetGroupArn"], group["LoadBalancerArns"]) for group in found] == [(stack.targets, [stack.arn])]


def test_target_groups_of_grpc_are_checked_by_its_codes_and_are_for_https_only(stack, network) -> None:
    made = {"Name": "grpc-of-" + stack.balancer["LoadBalancerName"][:20], "Protocol": "HTTP", "Port": 8080, "VpcId": network.vpc_id, "TargetType": "ip"}
    found = stack.elb.create_target_group(**made, ProtocolVersion="GRPC")["TargetGroups"][0]
    assert (found["ProtocolVersion"], found["Matcher"]) == ("GRPC", {"GrpcCode": "12"})
    stack.listen()
    forward = [{"Type": "forward", "TargetGroupArn": found["TargetGroupArn"]}]
    host = [{"Field": "host-header", "HostHeaderConfig": {"Values": ["grpc.example.com"]}}]
    assert refused(stack.elb.create_rule, ListenerArn=stack.listener, Priority=2, Conditions=host, Actions=forward) == "InvalidConfigurationRequest"
    changed = stack.elb.modify_target_group(TargetGroupArn=found["TargetGroupArn"], Matcher={"GrpcCode": "0-5"})["TargetGroups"][0]
    assert changed["Matcher"] == {"GrpcCode": "0-5"}
    state = stack.aws.control("GET", "alb")
    assert next(group["health_check"]["matcher"] for group in state["target_groups"] if group["arn"] == found["TargetGroupArn"]) == "0-5"


def test_logins_are_for_https_with_a_secret_that_is_never_returned(stack, aws) -> None:
    stack.listen()
    ends = {"AuthorizationEndpoint": "authorize", "TokenEndpoint": "token", "UserInfoEndpoint": "userinfo"}
    config = {"Issuer": "https://id.example.com", **{name: f"https://id.example.com/{path}" for name, path in ends.items()}, "ClientId": "pages"}
    host = [{"Field": "host-header", "HostHeaderConfig": {"Values": ["pages.example.com"]}}]

    def actions(**more: Any) -> list[dict[str, Any]]:
        login = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {**config, **more}}
        return [login, {"Type": "forward", "Order": 2, "TargetGroupArn": stack.targets}]

    rule = {"Priority": 9, "Conditions": host}
    assert refused(stack.elb.create_rule, ListenerArn=stack.listener, **rule, Actions=actions(ClientSecret="s")) == "InvalidLoadBalancerAction"
    certificate = aws.client("acm").request_certificate(DomainName="pages.example.com", ValidationMethod="DNS")["CertificateArn"]
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    made = {"Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": certificate}], "DefaultActions": fixed}
    secure = stack.elb.create_listener(LoadBalancerArn=stack.arn, **made)["Listeners"][0]["ListenerArn"]
    wrong: list[dict[str, Any]] = [{}, {"ClientSecret": "s", "UseExistingClientSecret": True}, {"UseExistingClientSecret": True}]
    for more in [*wrong, {"ClientSecret": "s", "TokenEndpoint": "http://id.example.com/token"}]:
        assert refused(stack.elb.create_rule, ListenerArn=secure, **rule, Actions=actions(**more)) == "InvalidLoadBalancerAction"

    arn = stack.elb.create_rule(ListenerArn=secure, **rule, Actions=actions(ClientSecret="first"))["Rules"][0]["RuleArn"]

    def seen() -> tuple[dict[str, Any], str]:
        said = stack.elb.describe_rules(RuleArns=[arn])["Rules"][0]["Actions"][0]["AuthenticateOidcConfig"]
        listener = next(item for item in stack.state()[0]["listeners"] if item["arn"] == secure)
        return said, listener["rules"][0]["actions"][0]["AuthenticateOidcConfig"]["ClientSecret"]

    assert seen() == (config, "first")
    stack.elb.modify_rule(RuleArn=arn, Actions=actions(UseExistingClientSecret=True, ClientId="others"))
    assert seen() == ({**config, "ClientId": "others"}, "first")
    stack.elb.modify_rule(RuleArn=arn, Actions=actions(ClientSecret="second"))
    assert seen() == (config, "second")
    # Another test's load balancer has this port for itself.
    stack.elb.delete_listener(ListenerArn=secure)
