# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the variables of role istio. Makes no requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from ...alb.access_logs import problem_of_input
from ...alb.domain import HOST, LONGEST_COMMON_NAME, uncovered
from ...kube.names import DNS_LABEL
from . import rules as r

READS = ("platform_billed", "toolchain_facts", "toolchain_components", "eks_cluster_facts")
VERSION = re.compile(rf"{r.RELEASE.pattern}(-[0-9A-Za-z.]+)?")
# https://istio.io/latest/docs/reference/config/istio.operator.v1alpha1/
SPEC_KEYS = (
    *("profile", "hub", "tag", "revision", "namespace", "installPackagePath", "compatibilityVersion", "meshConfig", "components", "values"),
    "unvalidatedValues",
)
STAGES = ("hostname", "active", "healthy_targets", "dns", "http")
CERTIFICATE = re.compile(r"arn:aws[a-z-]*:(acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9A-Za-z-]+|iam::[0-9]{12}:server-certificate/[\w+=,.@/-]+)")
ACM = re.compile(r"arn:[^:]*:acm:([^:]*):")
# The families of "Security policies for your Application Load Balancer"; new ones appear every year.
SSL_POLICY = re.compile(r"ELBSecurityPolicy-(2015-05|2016-08|(FS|TLS|TLS13)-1-[0-3]-([0-9A-Za-z]+-)*20[0-9]{2}-[0-9]{2}|FS-20[0-9]{2}-[0-9]{2})")
ZONE = re.compile(r"Z[0-9A-Z]{1,31}")
VPC = re.compile(r"(vpc-[0-9a-f]{8,17})?")
SECURITY_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
WEB_ACL = re.compile(r"arn:aws[a-z-]*:wafv2:([a-z0-9-]+):[0-9]{12}:regional/webacl/[^/]+/[^/]+")
BALANCER = re.compile(r"(?!internal-)[0-9A-Za-z]([0-9A-Za-z-]{0,30}[0-9A-Za-z])?")
GROUP = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
PATH = re.compile(r"/[^ ]*")
SERVICE_HOST = re.compile(rf"{DNS_LABEL.pattern}([.]{DNS_LABEL.pattern})+")
ADDRESS = re.compile(r".+:[0-9]+")
ATTRIBUTES = "alb.ingress.kubernetes.io/load-balancer-attributes"
MOST_CONNECTIONS = 2**31 - 1
# "Quotas for your Application Load Balancers": certificates, not counting default ones.
MOST_CERTIFICATES = 25


def problems(given: Mapping[str, Any]) -> list[str]:
    rules = r.Rules(given)
    _release(rules)
    _names(rules)
    _control_plane(rules)
    _gateway(rules)
    _https(rules)
    _balancer(rules)
    _health(rules)
    _logs(rules)
    r.check_resources(rules, "istio_pilot_resources", "istio_proxy_resources", "istio_ingress_resources")
    return rules.found


def _release(rules: r.Rules) -> None:
    rules.like("istio_version", VERSION, "a release of Istio without a leading v, such as 1.31.1")
    # The istioctl of role toolchain has the pinned version, and one on the PATH is assumed to have it.
    own = rules.text("istio_istioctl") != (rules.fact("toolchain_facts", "istioctl") or "istioctl")
    pinned = r.pinned("istio")
    at_hand = f"{pinned}, the version of the istioctl that role toolchain provides; for another version set its binary in istio_istioctl"
    rules.need(own or rules.text("istio_version") == pinned, "istio_version", at_hand)
    r.programs(rules, istio_istioctl="istioctl", istio_kubectl="kubectl")
    hubs = _hubs(rules)
    reached = "a registry that nodes on AWS can reach, such as docker.io/istio or a mirror of it; meshgate.local exists on the nodes of a laptop only"
    local = [hub for hub in hubs if hub.split("/")[0] == r.LOCAL_IMAGES]
    if r.on_aws(rules) and (local or (not hubs and rules.given.get("toolchain_facts") is not None)):
        rules.found.append(f"istio_hub is {', '.join(hubs)!r}; accepted: {reached}")


def _hubs(rules: r.Rules) -> list[str]:
    """The hub of istioctl's images: istio_operator_spec overrides istio_values and istio_hub."""
    spec = rules.mapping("istio_operator_spec")
    below = [_within(spec, "values", "global", "hub"), _within(rules.mapping("istio_values"), "global", "hub")]
    found = [spec.get("hub", rules.text("istio_hub")), next((hub for hub in below if hub is not None), "")]
    return [str(hub) for hub in found if hub]


def _within(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _names(rules: r.Rules) -> None:
    namespaces = ("istio_namespace", "istio_ingress_namespace")
    control, ingress = (rules.text(name) for name in namespaces)
    right = bool(DNS_LABEL.fullmatch(control) and DNS_LABEL.fullmatch(ingress)) and (control != ingress or not rules.given.get("istio_ingress_enabled"))
    rules.need_all(right, namespaces, "two different names of lower-case letters, digits and hyphens")
    for name in ("istio_ingress_name", "istio_ingress_gateway_name"):
        rules.like(name, DNS_LABEL, "up to 63 lower-case letters, digits and hyphens")
    rules.like("istio_tracing_service", SERVICE_HOST, "empty, or a Service's host name, such as collector.tracing.svc.cluster.local", empty=True)
    rules.like("istio_revision", DNS_LABEL, "empty, or up to 63 lower-case letters, digits and hyphens, such as 1-31-1", empty=True)


def _control_plane(rules: r.Rules) -> None:
    unknown = [key for key in rules.mapping("istio_operator_spec") if key not in SPEC_KEYS]
    if unknown:
        rules.refuse("istio_operator_spec", unknown, ", ".join(SPEC_KEYS))
    rules.need(rules.number("istio_pilot_replicas") >= 1, "istio_pilot_replicas", "at least 1")
    rules.need(rules.number("istio_readiness_timeout") >= 1, "istio_readiness_timeout", "a number of seconds, at least 1")


def _gateway(rules: r.Rules) -> None:
    replicas, most = rules.number("istio_ingress_replicas"), rules.number("istio_ingress_max_replicas")
    right = replicas >= 1 and (most == 0 or most >= replicas)
    rules.need_all(right, ("istio_ingress_replicas", "istio_ingress_max_replicas"), "at least 1; and 0 or at least istio_ingress_replicas")
    connections = rules.number("istio_ingress_max_connections")
    rules.need(
        0 <= connections <= MOST_CONNECTIONS, "istio_ingress_max_connections", "a number of connections for each of the gateway's pods, or 0 for no limit"
    )
    for name in ("istio_ingress_request_headers_timeout", "istio_ingress_stream_idle_timeout"):
        rules.need(rules.number(name) >= 1, name, "seconds, at least 1")
    for name in ("istio_ingress_prestop_seconds", "istio_ingress_drain_seconds"):
        rules.need(rules.number(name) >= 1, name, "at least 1")
    _networks(rules, "istio_ingress_source_cidrs", "the networks of the load balancer, such as 10.0.0.0/20, or none")
    _networks(rules, "istio_ingress_inbound_cidrs", "IPv4 and IPv6 networks such as 203.0.113.0/24 or 2001:db8::/32")


def _networks(rules: r.Rules, name: str, accepted: str) -> None:
    wrong = [block for block in rules.sequence(name) if not _is_network(str(block))]
    if wrong:
        rules.refuse(name, wrong, accepted)


def _is_network(block: str) -> bool:
    try:
        ip_network(block, strict=False)
    except ValueError:
        return False
    return block.rpartition("/")[2].isdigit() and "/" in block


def _https(rules: r.Rules) -> None:
    certificates = [arn.strip() for arn in rules.text("istio_ingress_certificate_arn").split(",") if arn]
    accepted = "comma-separated ARNs of ACM or IAM server certificates, or empty"
    rules.need(all(CERTIFICATE.fullmatch(arn) for arn in certificates), "istio_ingress_certificate_arn", accepted)
    region = rules.text("istio_region")
    elsewhere = [arn for arn in certificates if (found := ACM.match(arn)) and found[1] != region]
    rules.need_all(not elsewhere, ("istio_ingress_certificate_arn", "istio_region"), "ACM certificates of the load balancer's region")
    host = rules.text("istio_ingress_host_name")
    longest = 253 if certificates else LONGEST_COMMON_NAME
    right = not host or (bool(HOST.fullmatch(host)) and len(host) <= longest)
    named = f"empty, or a host name such as mesh.example.com, of at most {LONGEST_COMMON_NAME} characters if ACM issues its certificate"
    rules.need(right, "istio_ingress_host_name", named)
    if host and not certificates:
        _route_hosts(rules, host)
    zone = rules.text("istio_ingress_hosted_zone_id")
    right = not zone or (bool(ZONE.fullmatch(zone)) and bool(host))
    accepted = "empty, or the id of a hosted zone such as Z0123456789ABCDEFGHIJ, only together with istio_ingress_host_name"
    rules.need(right, "istio_ingress_hosted_zone_id", accepted)
    nothing = "false while istio_ingress_certificate_arn and istio_ingress_host_name are empty, since there is no HTTPS listener to redirect to"
    rules.need(not r.truth(rules.given.get("istio_ingress_redirect")) or bool(certificates or host), "istio_ingress_redirect", nothing)
    rules.like("istio_ingress_ssl_policy", SSL_POLICY, "the name of an ELB security policy, or empty for ELB's default", empty=True)


def _route_hosts(rules: r.Rules, name: str) -> None:
    hosts = [str(host) for host in rules.sequence("istio_ingress_route_hosts")]
    wrong = [host for host in hosts if not HOST.fullmatch(host) or len(host) > LONGEST_COMMON_NAME]
    if wrong:
        accepted = f"host names such as shop.example.com or *.example.com, of at most {LONGEST_COMMON_NAME} characters"
        rules.refuse("istio_ingress_route_hosts", wrong, accepted)
    own = uncovered(hosts, name)
    if len(own) > MOST_CERTIFICATES:
        accepted = f"at most {MOST_CERTIFICATES}, ELB's quota for a load balancer; a wildcard such as *.example.com covers the hosts directly below it"
        rules.found.append(f"istio_ingress_route_hosts has {len(own)} hosts that each need a certificate; accepted: {accepted}")


def _balancer(rules: r.Rules) -> None:
    ports = ("istio_ingress_http_port", "istio_ingress_https_port")
    http, https = (rules.number(name) for name in ports)
    rules.need_all(http != https and 0 < http < 65536 and 0 < https < 65536, ports, "two different ports from 1 to 65535")
    rules.like("istio_ingress_vpc_id", VPC, "empty, or an id such as vpc-0123456789abcdef0", empty=True)
    rules.like("istio_ingress_backend_security_group_id", SECURITY_GROUP, "empty, or an id such as sg-0123456789abcdef0", empty=True)
    rules.each_like("istio_ingress_security_group_ids", SECURITY_GROUP, "at most five ids such as sg-0123456789abcdef0")
    rules.need(
        len(rules.sequence("istio_ingress_security_group_ids")) <= 5, "istio_ingress_security_group_ids", "at most five ids such as sg-0123456789abcdef0"
    )
    accepted = "up to 32 letters, digits and hyphens, no hyphen at either end, not beginning with internal-"
    rules.like("istio_ingress_load_balancer_name", BALANCER, accepted)
    rules.like("istio_ingress_group_name", GROUP, "up to 63 lower-case letters, digits, hyphens and dots")
    acl, region = rules.text("istio_ingress_waf_acl_arn"), rules.text("istio_region")
    rules.like("istio_ingress_waf_acl_arn", WEB_ACL, "the ARN of a regional WAFv2 web ACL, or empty", empty=True)
    names = ("istio_ingress_waf_acl_arn", "istio_region")
    rules.need_all(not acl or f":wafv2:{region}:" in acl, names, "a web ACL of the load balancer's region")
    _subnets(rules)
    _tags(rules)
    r.check_annotations(rules, "istio_ingress_annotations")


def _subnets(rules: r.Rules) -> None:
    subnets = rules.fact("eks_cluster_facts", "subnets") or {}
    kind = "private" if rules.text("istio_ingress_scheme") == "internal" else "public"
    right = not r.truth(rules.fact("eks_cluster_facts", "existing_network")) or bool(subnets.get(kind))
    accepted = "a scheme that eks_cluster_subnet_ids has subnets for: public ones for internet-facing, private ones for internal"
    rules.need(right, "istio_ingress_scheme", accepted)


def _tags(rules: r.Rules) -> None:
    """The Ingress has them in an annotation, as a=b,c=d."""
    r.check_tags(rules, "istio_ingress_tags")
    parted = {key: value for key, value in rules.mapping("istio_ingress_tags").items() if {",", "="} & set(f"{key}{value}")}
    if parted:
        rules.refuse("istio_ingress_tags", parted, "tags without commas and equals signs in keys and values, since the Ingress lists them in one annotation")


def _health(rules: r.Rules) -> None:
    rules.like("istio_ingress_healthcheck_path", PATH, "a path that begins with a slash")
    names = ("istio_ingress_healthcheck_interval", "istio_ingress_healthcheck_timeout")
    interval, timeout = (rules.number(name) for name in names)
    right = 5 <= interval <= 300 and 2 <= timeout <= 120 and timeout < interval
    rules.need_all(right, names, "5 to 300, and 2 to 120 but less than the interval")
    for name in ("istio_ingress_healthy_threshold", "istio_ingress_unhealthy_threshold"):
        rules.need(2 <= rules.number(name) <= 10, name, "2 to 10")
    rules.need(0 <= rules.number("istio_ingress_deregistration_delay") <= 3600, "istio_ingress_deregistration_delay", "0 to 3600")
    stages = rules.sequence("istio_ingress_wait_for")
    rules.need(not set(map(str, stages)) - set(STAGES), "istio_ingress_wait_for", ", ".join(STAGES))
    address = rules.text("istio_ingress_connect_to")
    right = not address or (bool(ADDRESS.fullmatch(address)) and "dns" not in stages)
    rules.need(right, "istio_ingress_connect_to", "empty, or host:port if istio_ingress_wait_for does not include dns")


def _logs(rules: r.Rules) -> None:
    logs = rules.mapping("istio_ingress_access_logs")
    if not logs:
        return
    bucket, prefix = str(logs.get("bucket") or ""), str(logs.get("prefix") or "")
    accepted = "empty, or a bucket and, if wanted, a prefix, such as {bucket: my-logs, prefix: mesh}"
    rules.need(bool(bucket) and not set(logs) - {"bucket", "prefix"}, "istio_ingress_access_logs", accepted)
    wrong = problem_of_input(bucket, prefix) if bucket else ""
    if wrong:
        rules.found.append(f"istio_ingress_access_logs.{wrong}")
    given = str(rules.mapping("istio_ingress_annotations").get(ATTRIBUTES) or "")
    names = ("istio_ingress_access_logs", "istio_ingress_annotations")
    rules.need_all("access_logs.s3." not in given, names, "access logs in one of them")
