# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What role istio refuses, rule by rule."""

from __future__ import annotations

import pytest
from right import ACCOUNT, problems, says

ATTRIBUTES = {"alb.ingress.kubernetes.io/load-balancer-attributes": "access_logs.s3.enabled=true"}
CERTIFICATE = f"arn:aws:acm:us-west-2:{ACCOUNT}:certificate/0a1b"
ACL = f"arn:aws:wafv2:us-west-2:{ACCOUNT}:regional/webacl/a/b"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"version": "v1.31", "istioctl": "/bin/sh"}, ("istio_version is 'v1.31'", "without a leading v")),
        (
            {"version": "1.2.3", "istioctl": "istioctl", "toolchain_facts": {"istioctl": "istioctl"}},
            ("istio_version is '1.2.3'", "set its binary in istio_istioctl"),
        ),
        ({"istioctl": "/no/such/istioctl"}, ("istio_istioctl is /no/such/istioctl", "programs that exist")),
        ({"kubectl": "/no/such/kubectl", "istioctl": "/no/such/istioctl"}, ("istio_istioctl, istio_kubectl are", "programs that exist")),
        ({"hub": "meshgate.local/istio", "platform_billed": True}, ("istio_hub is 'meshgate.local/istio'", "nodes on AWS can reach")),
        ({"values": {"global": {"hub": "meshgate.local"}}, "platform_billed": True}, ("istio_hub is 'meshgate.local'", "nodes on AWS can reach")),
        ({"toolchain_facts": {}, "platform_billed": True}, ("istio_hub is ''", "nodes on AWS can reach")),
        ({"operator_spec": {"component": {}}}, ("istio_operator_spec is ['component']", "components")),
        ({"pilot_replicas": 0}, ("istio_pilot_replicas is 0", "at least 1")),
        ({"readiness_timeout": 0}, ("istio_readiness_timeout is 0", "seconds, at least 1")),
        ({"ingress_name": "My_Ingress"}, ("istio_ingress_name is 'My_Ingress'", "lower-case letters")),
        ({"ingress_gateway_name": "a" * 64}, ("istio_ingress_gateway_name is 'aaa", "up to 63")),
        ({"revision": "1.31.1"}, ("istio_revision is '1.31.1'", "1-31-1")),
        ({"namespace": "istio-ingress"}, ("istio_namespace, istio_ingress_namespace are istio-ingress, istio-ingress", "two different names")),
        ({"ingress_namespace": "A"}, ("istio-system, A", "two different names")),
        ({"ingress_replicas": 0}, ("istio_ingress_replicas, istio_ingress_max_replicas are 0, 0", "at least 1")),
        ({"ingress_replicas": 4, "ingress_max_replicas": 2}, ("4, 2", "at least istio_ingress_replicas")),
        ({"ingress_max_connections": -1}, ("istio_ingress_max_connections is -1", "0 for no limit")),
        ({"ingress_max_connections": 2**31}, ("istio_ingress_max_connections is 2147483648", "0 for no limit")),
        ({"ingress_request_headers_timeout": 0}, ("istio_ingress_request_headers_timeout is 0", "seconds, at least 1")),
        ({"ingress_stream_idle_timeout": 0}, ("istio_ingress_stream_idle_timeout is 0", "seconds, at least 1")),
        ({"ingress_prestop_seconds": 0}, ("istio_ingress_prestop_seconds is 0", "at least 1")),
        ({"ingress_drain_seconds": 0}, ("istio_ingress_drain_seconds is 0", "at least 1")),
        ({"ingress_source_cidrs": ["10.0.0.0/33", "10.0.0.0/8"]}, ("istio_ingress_source_cidrs is ['10.0.0.0/33'];", "10.0.0.0/20")),
        ({"ingress_inbound_cidrs": ["300.0.0.0/8"]}, ("istio_ingress_inbound_cidrs is ['300.0.0.0/8']", "203.0.113.0/24")),
        ({"ingress_inbound_cidrs": ["10.0.0.1"]}, ("istio_ingress_inbound_cidrs", "10.0.0.1", "2001:db8::/32")),
        ({"ingress_certificate_arn": "mine"}, ("istio_ingress_certificate_arn is 'mine'", "ARNs of ACM or IAM")),
        (
            {"ingress_certificate_arn": CERTIFICATE, "region": "eu-west-1", "ingress_waf_acl_arn": ""},
            ("istio_ingress_certificate_arn, istio_region", "the load balancer's region"),
        ),
        ({"ingress_host_name": "mesh_example"}, ("istio_ingress_host_name is 'mesh_example'", "mesh.example.com")),
        ({"ingress_host_name": f"{'a' * 60}.example.com"}, ("istio_ingress_host_name", "at most 64 characters if ACM")),
        ({"ingress_hosted_zone_id": "zone", "ingress_host_name": "a.example.com"}, ("istio_ingress_hosted_zone_id is 'zone'", "Z0123456789ABCDEFGHIJ")),
        ({"ingress_hosted_zone_id": "Z0123456789ABCDEFGHIJ"}, ("istio_ingress_hosted_zone_id", "only together with istio_ingress_host_name")),
        ({"ingress_host_name": "a.example.com", "ingress_route_hosts": ["shop_1.example.com"]}, ("istio_ingress_route_hosts is ['shop_1.", "*.example.com")),
        (
            {"ingress_host_name": "a.example.com", "ingress_route_hosts": [f"h{i}.example.com" for i in range(26)]},
            ("istio_ingress_route_hosts has 26 hosts", "at most 25", "a wildcard"),
        ),
        ({"ingress_redirect": True}, ("istio_ingress_redirect is True", "no HTTPS listener to redirect to")),
        ({"ingress_ssl_policy": "TLS1.3"}, ("istio_ingress_ssl_policy is 'TLS1.3'", "ELB security policy")),
        ({"ingress_http_port": 443}, ("istio_ingress_http_port, istio_ingress_https_port are 443, 443", "two different ports")),
        ({"ingress_https_port": 65536}, ("80, 65536", "from 1 to 65535")),
        ({"ingress_vpc_id": "vpc"}, ("istio_ingress_vpc_id is 'vpc'", "vpc-0123456789abcdef0")),
        ({"ingress_backend_security_group_id": "sg"}, ("istio_ingress_backend_security_group_id is 'sg'", "sg-0123456789abcdef0")),
        ({"ingress_security_group_ids": ["sg-x"]}, ("istio_ingress_security_group_ids is ['sg-x']", "sg-0123456789abcdef0")),
        ({"ingress_security_group_ids": ["sg-01234567"] * 6}, ("istio_ingress_security_group_ids", "at most five")),
        ({"ingress_load_balancer_name": "internal-alb"}, ("istio_ingress_load_balancer_name is 'internal-alb'", "not beginning with internal-")),
        ({"ingress_load_balancer_name": "a" * 33}, ("istio_ingress_load_balancer_name", "up to 32 letters")),
        ({"ingress_group_name": "My Group"}, ("istio_ingress_group_name is 'My Group'", "hyphens and dots")),
        ({"ingress_waf_acl_arn": f"arn:aws:wafv2:us-west-2:{ACCOUNT}:global/webacl/a/b"}, ("istio_ingress_waf_acl_arn is ", "regional WAFv2 web ACL")),
        ({"ingress_waf_acl_arn": ACL, "region": "eu-west-1"}, ("istio_ingress_waf_acl_arn, istio_region are", "the load balancer's region")),
        (
            {"eks_cluster_facts": {"existing_network": True, "subnets": {"public": [], "private": ["subnet-1"]}}},
            ("istio_ingress_scheme is 'internet-facing'", "public ones for internet-facing"),
        ),
        ({"ingress_tags": {"a": "b,c"}}, ("istio_ingress_tags is {'a': 'b,c'}", "without commas")),
        ({"ingress_tags": {"aws:a": "b"}}, ("istio_ingress_tags is {'aws:a': 'b'}", "do not begin with aws:")),
        ({"ingress_annotations": {"alb.ingress.kubernetes.io/order": 10}}, ("istio_ingress_annotations", "string values")),
        ({"ingress_healthcheck_path": "healthz"}, ("istio_ingress_healthcheck_path is 'healthz'", "begins with a slash")),
        ({"ingress_healthcheck_interval": 5, "ingress_healthcheck_timeout": 5}, ("5, 5", "less than the interval")),
        ({"ingress_healthcheck_interval": 301}, ("istio_ingress_healthcheck_interval, istio_ingress_healthcheck_timeout are 301, 2", "5 to 300")),
        ({"ingress_healthy_threshold": 1}, ("istio_ingress_healthy_threshold is 1", "2 to 10")),
        ({"ingress_unhealthy_threshold": 11}, ("istio_ingress_unhealthy_threshold is 11", "2 to 10")),
        ({"ingress_deregistration_delay": 3601}, ("istio_ingress_deregistration_delay is 3601", "0 to 3600")),
        ({"ingress_wait_for": ["tomorrow"]}, ("istio_ingress_wait_for is ['tomorrow']", "hostname, active")),
        ({"ingress_connect_to": "127.0.0.1"}, ("istio_ingress_connect_to is '127.0.0.1'", "host:port")),
        ({"ingress_connect_to": "127.0.0.1:80", "ingress_wait_for": ["dns"]}, ("istio_ingress_connect_to", "does not include dns")),
        ({"ingress_access_logs": {"name": "logs"}}, ("istio_ingress_access_logs is {'name': 'logs'}", "a bucket")),
        ({"ingress_access_logs": {"bucket": "my-logs", "region": "us-west-2"}}, ("istio_ingress_access_logs", "a bucket and, if wanted, a prefix")),
        ({"ingress_access_logs": {"bucket": "My_Logs"}}, ("istio_ingress_access_logs.bucket is 'My_Logs'", "3 to 63 lower-case letters")),
        ({"ingress_access_logs": {"bucket": "my-logs", "prefix": "/mesh"}}, ("istio_ingress_access_logs.prefix is '/mesh'", "neither begins nor ends")),
        (
            {"ingress_access_logs": {"bucket": "my-logs"}, "ingress_annotations": ATTRIBUTES},
            ("istio_ingress_access_logs, istio_ingress_annotations are", "access_logs.s3.enabled=true", "in one of them"),
        ),
    ],
)
def test_refused(given: dict, words: tuple[str, ...]) -> None:
    assert says(problems("istio", **given), *words), problems("istio", **given)


@pytest.mark.parametrize(
    "given",
    [
        # Another version than the pinned one, with an istioctl of one's own.
        {"version": "1.2.3-beta.1"},
        {"hub": "docker.io/istio", "platform_billed": True},
        {"hub": "meshgate.local/istio"},
        # What goes over istio_hub.
        {"hub": "meshgate.local", "operator_spec": {"hub": "docker.io/istio"}, "platform_billed": True},
        {"namespace": "mesh", "ingress_namespace": "mesh", "ingress_enabled": False},
        {"ingress_max_replicas": 5},
        {"ingress_inbound_cidrs": ["203.0.113.0/24", "2001:db8::/32", "203.0.113.7/24"]},
        {"ingress_certificate_arn": f"{CERTIFICATE}, arn:aws:iam::{ACCOUNT}:server-certificate/a", "ingress_redirect": True},
        {"ingress_certificate_arn": CERTIFICATE, "ingress_host_name": f"{'a' * 60}.example.com"},
        {"ingress_host_name": "*.Example.com", "ingress_hosted_zone_id": "Z0123456789ABCDEFGHIJ"},
        {"ingress_host_name": "*.example.com", "ingress_route_hosts": [f"h{i}.example.com" for i in range(26)]},
        {"ingress_route_hosts": ["any_thing"]},  # without HTTPS nothing is done with them
        {"ingress_ssl_policy": ""},
        {"ingress_waf_acl_arn": ACL, "ingress_vpc_id": "vpc-01234567", "ingress_security_group_ids": ["sg-01234567"]},
        {"ingress_scheme": "internal", "eks_cluster_facts": {"existing_network": True, "subnets": {"public": [], "private": ["subnet-1"]}}},
        {"ingress_access_logs": {"bucket": "my-logs", "prefix": "mesh"}},
        {"ingress_connect_to": "127.0.0.1:8080"},
        {"pilot_replicas": "2", "ingress_redirect": "false"},
    ],
)
def test_accepted(given: dict) -> None:
    assert problems("istio", **given) == []
