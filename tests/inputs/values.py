# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The table of bad values: what is given, and the words that one sentence of the refusal must have: variable, value, what is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

GROUP = {"name": "one", "instance_types": ["m6g.large"], "desired_size": 2}
ARN = "arn:aws:iam::123456789012"
MIXED = ["m6g.large", "m6i.large"]


@dataclass(frozen=True)
class Value:
    """Variables that are wrong together, and what is said about them."""

    given: dict[str, Any]
    said: list[tuple[str, ...]]

    @property
    def name(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.given.items())[:90]


def one(name: str, value: Any, *accepted: str, shown: str = "", **others: Any) -> Value:
    """One variable, and others without which it would be right or would not be looked at."""
    return Value({name: value, **others}, [(name, shown or str(value), *accepted)])


def kind(name: str, value: Any, accepted: str) -> Value:
    """A value of another type: ansible-core names the variable, both types, and not always the value."""
    return Value({name: value}, [(f"'{name}'", f"of type {type(value).__name__}", f"convert to {accepted}")])


def groups(*bad: tuple[dict[str, Any], str, str, str]) -> Value:
    """Node groups that are wrong in one way each."""
    given = [{**GROUP, "name": f"group-{number}", **changes} for number, (changes, *_said) in enumerate(bad)]
    said: list[tuple[str, ...]] = [(f"eks_cluster_node_groups[{number}]{key}", value, accepted) for number, (_changes, key, value, accepted) in enumerate(bad)]
    return Value({"eks_cluster_node_groups": given}, said)


# Places that the short suite leaves out: what they show, others of their role show, too.
RARE = (
    "eks_cluster: no way out",
    "eks_cluster: more of them",
    "eks_cluster: patience",
    "gateway_crds: files",
    "istio: a certificate of elsewhere",
    "toolchain: gaps",
    "toolchain: on AWS",
    "alb_controller: on AWS",
    "rust_services: on AWS",
    "aws_emulator: a port that is none",
    "kind_cluster: name",
    "kind_cluster: contradictions",
    "kind_cluster: room",
)
# By where they are refused: the specification of a role's variables, or its own rules. Each is a run of its own, and together they are one.
VALUES: dict[str, list[Value]] = {
    "eks_cluster: kinds and choices": [
        one("eks_cluster_nat_mode", "double", "single, highly_available, disabled"),
        one("eks_cluster_endpoint_access", "open", "public, private, public_and_private"),
        one("eks_cluster_authentication_mode", "IAM", "CONFIG_MAP, API_AND_CONFIG_MAP, API"),
        one("eks_cluster_support_type", "FOREVER", "STANDARD, EXTENDED"),
        one("eks_cluster_remove_volumes", "sometimes", "refuse, keep, delete"),
        one("eks_cluster_remove_logs", "sometimes", "refuse, keep, delete"),
        one("eks_cluster_remove_images", "sometimes", "refuse, keep, delete"),
        one("eks_cluster_preflight_permissions", "ignore", "refuse, warn"),
        kind("eks_cluster_wait_timeout", "soon", "int"),
        kind("eks_cluster_deletion_protection", "perhaps", "bool"),
        kind("eks_cluster_tags", "team", "dict"),
    ],
    "eks_cluster: cluster and identity": [
        one("eks_cluster_name", "-sandbox", "1 to 100 letters"),
        one("eks_cluster_region", "ap-souteast-2", "ap-southeast-2"),
        one("eks_cluster_version", "latest", "such as '1."),
        one("eks_cluster_expected_account_id", "1234", "12 digits"),
        one("eks_cluster_public_access_cidrs", ["203.0.113.0/33"], "CIDR blocks", shown="203.0.113.0/33"),
        one("eks_cluster_log_retention_days", 42, "days that CloudWatch Logs allows"),
        one("eks_cluster_logging", ["apis"], "api, audit", shown="apis"),
        one("eks_cluster_encryption_key_arn", "arn:aws:kms:eu-west-1:123456789012:key/1", "KMS key"),
        one("eks_cluster_node_policies", ["AmazonEC2FullAccess"], "ARNs of managed policies", shown="AmazonEC2FullAccess"),
        one("eks_cluster_iam_permissions_boundary", "boundary", "a managed policy"),
        one("eks_cluster_kubeconfig_role_arn", f"{ARN}:user/me", "an IAM role"),
        one("eks_cluster_iam_path", "teams", "begins and ends with /"),
        one("eks_cluster_role_name", "eks/cluster", "1 to 64 letters"),
        one("eks_cluster_tags", {"aws:team": "mesh"}, "but not aws:", shown="aws:team"),
        one("eks_cluster_node_key_name", "ключ", "EC2 key pair"),
        one("eks_cluster_node_metadata_hop_limit", 99, "1 to 64"),
        one("eks_cluster_access_entries", [{"principal_arn": "me"}], "accepted: ", shown="principal_arn is 'me'"),
        Value(
            {"eks_cluster_addons": [{"name": "vpc-cni", "version": "newest"}, {"name": "coredns"}, {"name": "coredns"}, {"nam": "kube-proxy"}]},
            [
                ("eks_cluster_addons[0].version", "newest", "v1.21.1-eksbuild.1"),
                ("eks_cluster_addons[2]", "coredns", "accepted: one"),
                ("eks_cluster_addons[3]", "'nam'", "a dict with name, version"),
            ],
        ),
        Value(
            {"eks_cluster_pod_identity_associations": [{"namespace": "Kube_System", "service_account": "a", "role_arn": f"{ARN}:role/a"}]},
            [("eks_cluster_pod_identity_associations[0].namespace", "Kube_System", "accepted")],
        ),
    ],
    "eks_cluster: network and nodes": [
        one("eks_cluster_vpc_cidr", "192.168.0.0/27", "/16 to /25"),
        one("eks_cluster_availability_zones", ["us-east-1a", "us-east-1b"], "zones of us-west-2", shown="us-east-1a"),
        one("eks_cluster_subnet_ids", {"public": ["subnet-0123456789abcdef0"]}, "eks_cluster_vpc_id", shown="subnet-0123456789abcdef0"),
        groups(
            ({"instance_types": ["large"]}, ".instance_types", "large", "m6g.large"),
            ({"instance_types": MIXED}, ".instance_types", "m6i.large", "one architecture"),
            ({"ami_type": "AL2023_x86_64_STANDARD"}, ".ami_type", "AL2023_x86_64_STANDARD", "arm64"),
            ({"ami_type": "AL3"}, ".ami_type", "AL3", "AL2023_ARM_64_STANDARD"),
            ({"min_size": 3, "max_size": 2}, "", "'min_size': 3", "min_size <= desired_size <= max_size"),
            ({"desired_size": -1}, "", "-1", "whole numbers from 0"),
            ({"disk_size": 0}, ".disk_size", "0", "1 to 16384"),
            ({"capacity_type": "CHEAP"}, ".capacity_type", "CHEAP", "ON_DEMAND | SPOT"),
            ({"taints": [{"key": "a", "value": "b", "effect": "NoEntry"}]}, ".taints", "NoEntry", "NO_SCHEDULE"),
            ({"labels": {"a b": "c"}}, ".labels", "a b", "Kubernetes labels"),
            ({"subnets": "secret"}, ".subnets", "secret", "private | public"),
            ({"name": "a.b"}, ".name", "a.b", "1 to 63 letters"),
            ({"max_unavailable": 0}, ".max_unavailable", "0", "1 to 100"),
        ),
    ],
    "eks_cluster: contradictions": [
        one("eks_cluster_public_access_cidrs", ["203.0.113.0/24"], "nothing", "eks_cluster_endpoint_access", eks_cluster_endpoint_access="private"),
        one("eks_cluster_node_role_name", "same", "eks_cluster_role_name", eks_cluster_role_name="same"),
        Value(
            {"eks_cluster_authentication_mode": "CONFIG_MAP", "eks_cluster_access_entries": [{"principal_arn": f"{ARN}:role/a"}]},
            [("eks_cluster_access_entries", "are given", "CONFIG_MAP")],
        ),
        Value(
            {
                "eks_cluster_vpc_id": "vpc-0123456789abcdef0",
                "eks_cluster_availability_zones": ["us-west-2a", "us-west-2b"],
                "eks_cluster_subnet_ids": {"public": ["subnet-0123456789abcdef0"]},
            },
            [
                ("eks_cluster_availability_zones", "us-west-2a", "eks_cluster_vpc_id is given"),
                ("eks_cluster_subnet_ids", "subnet-0123456789abcdef0", "2 to 16"),
            ],
        ),
    ],
    "eks_cluster: more of them": [
        one("eks_cluster_vpc_cidr", "8.8.0.0/16", "inside 10.0.0.0/8"),
        one("eks_cluster_vpc_id", "my-vpc", "vpc-0123456789abcdef0"),
        one("eks_cluster_version", "1.36.3", "minor version"),
        one("eks_cluster_region", "oregon", "us-west-2"),
        one("eks_cluster_public_access_cidrs", [], "at least one CIDR block"),
        one("eks_cluster_node_groups", [], "1 to 30 node groups"),
    ],
    "eks_cluster: no way out": [
        Value(
            {"eks_cluster_nat_mode": "disabled", "eks_cluster_node_groups": [{**GROUP, "subnets": "private"}]},
            [("eks_cluster_node_groups[0].subnets", "private", "public, since without NAT")],
        ),
    ],
    "eks_cluster: patience": [one("eks_cluster_wait_delay", 0, "above 0")],
    "alb_controller: kinds and choices": [
        one("alb_controller_credentials", "keys", "irsa, pod_identity"),
        kind("alb_controller_replicas", "many", "int"),
        kind("alb_controller_values", "two", "dict"),
    ],
    "alb_controller": [
        one("alb_controller_version", "v3", "without a leading v, such as 3."),
        one("alb_controller_region", "us_west_2", "us-west-2"),
        one("alb_controller_partition", "azure", "aws-us-gov"),
        one("alb_controller_iam_path", "/teams", "begins and ends with a slash"),
        one("alb_controller_iam_permissions_boundary", "arn:aws-cn:iam::123456789012:policy/b", "ARN of an IAM policy"),
        one("alb_controller_replicas", 0, "at least 1"),
        one("alb_controller_timeout", 0, "at least 1"),
        one("alb_controller_image", "controller@sha256", "with its tag"),
        one("alb_controller_feature_gates", {"ALBGatewayAPI": "sometimes"}, "true or false", shown="sometimes"),
        one("alb_controller_chart", "/no/such/chart", "a local directory or file"),
        one("alb_controller_iam_policy", "/no/such/policy.json", "a local file"),
        one("alb_controller_helm", "/no/such/helm", "programs that exist"),
        Value(
            {"alb_controller_credentials": "pod_identity", "eks_cluster_addons": [{"name": "vpc-cni"}]},
            [("eks_cluster_addons", "vpc-cni", "eks-pod-identity-agent while alb_controller_credentials is pod_identity")],
        ),
        one("alb_controller_cluster_name", "a" * 101, "at most 100"),
    ],
    "gateway_crds: kinds and choices": [one("gateway_crds_channel", "beta", "standard, experimental")],
    "gateway_crds": [one("gateway_crds_version", "v1", "such as 1.6")],
    "gateway_crds: files": [one("gateway_crds_source", "/no/such/bundle.yaml", "an existing file or a URL")],
    "istio: kinds and choices": [
        one("istio_profile", "big", "demo"),
        one("istio_ingress_scheme", "public", "internet-facing, internal"),
        one("istio_ingress_pod_security", "strict", "privileged, baseline, restricted"),
        kind("istio_ingress_http_port", "http", "int"),
        kind("istio_ingress_redirect", "always", "bool"),
        kind("istio_operator_spec", "profile:demo", "dict"),
    ],
    "istio": [
        one("istio_version", "v1.31", "without a leading v"),
        one("istio_revision", "1.31.1", "1-31-1"),
        one("istio_operator_spec", {"component": {}}, "components", shown="component"),
        one("istio_istioctl", "/no/such/istioctl", "programs that exist"),
        one("istio_pilot_replicas", 0, "at least 1"),
        one("istio_readiness_timeout", 0, "at least 1"),
        one("istio_ingress_name", "My_Ingress", "lower-case letters"),
        one("istio_ingress_vpc_id", "vpc", "vpc-0123456789abcdef0"),
        one("istio_ingress_wait_for", ["tomorrow"], "hostname, active", shown="tomorrow"),
        one("istio_namespace", "istio-ingress", "two different names"),
        one("istio_ingress_replicas", 4, "0 or at least", shown="4, 2", istio_ingress_max_replicas=2),
        one("istio_ingress_http_port", 443, "two different ports", shown="443, 443", istio_ingress_https_port=443),
        one("istio_ingress_certificate_arn", "my-certificate", "ARNs of ACM or IAM"),
        one("istio_ingress_host_name", "mesh_example", "mesh.example.com"),
        one("istio_ingress_hosted_zone_id", "zone", "Z0123456789ABCDEFGHIJ"),
        one("istio_ingress_access_logs", {"name": "logs"}, "a bucket", shown="logs"),
        one("istio_ingress_ssl_policy", "TLS1.3", "ELB security policy"),
        one("istio_ingress_source_cidrs", ["10.0.0.0/33"], "10.0.0.0/20", shown="10.0.0.0/33"),
        one("istio_ingress_max_connections", -1, "0 for no limit"),
        one("istio_ingress_stream_idle_timeout", 0, "at least 1"),
        one("istio_ingress_waf_acl_arn", "arn:aws:wafv2:us-west-2:1:webacl", "WAFv2 web ACL"),
        one("istio_ingress_load_balancer_name", "internal-alb", "not beginning with internal-"),
        one("istio_ingress_group_name", "My Group", "hyphens and dots"),
        one("istio_ingress_security_group_ids", ["sg-x"], "sg-0123456789abcdef0", shown="sg-x"),
        one("istio_ingress_tags", {"a": "b,c"}, "without commas", shown="b,c"),
        one("istio_ingress_inbound_cidrs", ["300.0.0.0/8"], "203.0.113.0/24", shown="300.0.0.0/8"),
        one("istio_ingress_healthcheck_path", "healthz", "begins with a slash"),
        one("istio_ingress_healthcheck_interval", 5, "less than the interval", shown="5, 5", istio_ingress_healthcheck_timeout=5),
        one("istio_ingress_healthy_threshold", 1, "2 to 10"),
        one("istio_ingress_deregistration_delay", 3601, "0 to 3600"),
        one("istio_ingress_prestop_seconds", 0, "at least 1"),
        one("istio_ingress_connect_to", "127.0.0.1", "host:port"),
    ],
    "istio: contradictions": [
        one("istio_version", "1.2.3", "set its binary in istio_istioctl"),
        one("istio_pilot_resources", {"requests": {"cpu": "10mm"}}, "cores, such as 100m", shown="'10mm'"),
        one("istio_proxy_resources", {"requests": {"memory": "1Gi"}, "limits": {"memory": "512Mi"}}, "at most the limit, 512Mi", shown="'1Gi'"),
        one("istio_ingres_scheme", "internal", "istio_ingress_scheme", shown="not known"),
        one("istio_ingress_redirect", True, "istio_ingress_certificate_arn and istio_ingress_host_name are empty"),
        one("istio_ingress_hosted_zone_id", "Z0123456789ABCDEFGHIJ", "only together with istio_ingress_host_name"),
        one("istio_ingress_waf_acl_arn", "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b", "load balancer's region"),
        Value(
            {
                "istio_ingress_access_logs": {"bucket": "logs"},
                "istio_ingress_annotations": {"alb.ingress.kubernetes.io/load-balancer-attributes": "access_logs.s3.enabled=true"},
            },
            [("istio_ingress_access_logs, istio_ingress_annotations", "access_logs.s3.enabled=true", "in one of them")],
        ),
    ],
    "istio: a certificate of elsewhere": [
        one("istio_ingress_certificate_arn", "arn:aws:acm:eu-west-1:123456789012:certificate/a", "load balancer's region"),
    ],
    "rust_services: kinds and choices": [
        one("rust_services_routing_api", "kong", "istio, gateway_api"),
        one("rust_services_registry", "docker", "none, ecr"),
        one("rust_services_image_pull_policy", "Sometimes", "Always, IfNotPresent, Never"),
        one("rust_services_pod_security_enforce", "strict", "privileged, baseline, restricted"),
        kind("rust_services_hosts", {"a": "b"}, "list"),
    ],
    "rust_services": [
        one("rust_services_namespace", "kube-system", "for the services only"),
        one("rust_services_images", {"service-a": "Service A"}, "service-b: IMAGE", shown="Service A"),
        one("rust_services_replicas", 0, "1 to 100"),
        one("rust_services_timeout", 0, "at least 1"),
        one("rust_services_hosts", ["Example.COM"], "lower case", shown="Example.COM"),
        one("rust_services_gateway_selector", {}, "istio: ingressgateway", shown="{}"),
        one("rust_services_istio_revision", "1.31.1", "revision tag"),
        one("rust_services_pod_annotations", {"sidecar.istio.io/proxyCPU": "1"}, "all four of", shown="sidecar.istio.io/proxyCPU"),
        one("rust_services_env", {"RUST-LOG": "info"}, "environment variables", shown="RUST-LOG"),
        one("rust_services_kubectl", "/no/such/kubectl", "a program that exists"),
        one("rust_services_ecr_endpoint", "registry", "such as https://", rust_services_registry="ecr"),
        one("rust_services_ecr_prefix", "My/Services", "lower-case letters", rust_services_registry="ecr"),
        one("rust_services_ecr_kms_key", "key one", "ARN, id or alias"),
        one("rust_services_autoscaling_cpu_percent", 0, "per cent", rust_services_autoscaling=True),
        one(
            "toolchain_service_architectures",
            ["arm64"],
            "the nodes' architectures",
            shown="arm64",
            eks_cluster_node_groups=[{**GROUP, "instance_types": ["m6i.large"], "ami_type": "AL2023_x86_64_STANDARD"}],
        ),
    ],
    "rust_services: contradictions": [
        one("rust_services_autoscaling", True, "requests.cpu", shown="true", rust_services_resources={"requests": {"memory": "16Mi"}}),
        one("rust_services_replicas", 101, "1 to 100"),
        one("rust_services_autoscaling_max", 2, "at least rust_services_replicas", rust_services_replicas=101, rust_services_autoscaling=True),
    ],
    "toolchain: kinds and choices": [
        one("toolchain_source", "guess", "auto, pull, build"),
        one("toolchain_components", ["kustomize"], "kubectl, helm", shown="kustomize"),
        one("toolchain_service_architectures", ["riscv64"], "amd64, arm64", shown="riscv64"),
    ],
    "toolchain": [
        one("toolchain_pull_urls", {"kubectl": "ftp://example.com/kubectl"}, "https URLs", shown="ftp://example.com/kubectl"),
        one("toolchain_mirrors", {"https://dl.k8s.io": "http://me:secret@files.example.com"}, "https URLs", shown="http://files.example.com"),
        one("toolchain_pull_checksums", {"kubectl": "abc"}, "SHA-256 sums in hexadecimal, or publisher", shown="abc"),
        one("toolchain_pull_images", {"node": "kindest/node"}, "with their tags", shown="kindest/node"),
        one("toolchain_pull_timeout", -1, "above 0"),
        one("toolchain_cache_dir", "/tmp", "at least two directories deep"),
    ],
    "toolchain: on AWS": [
        one("toolchain_components", ["kubectl", "pilot"], "on AWS no pilot", "toolchain_mirrors", shown="kubectl, pilot", platform_billed=True),
    ],
    "alb_controller: on AWS": [
        one(
            "alb_controller_image",
            "meshgate.local/aws-load-balancer-controller:1",
            "an image of a registry that nodes on AWS can reach",
            platform_billed=True,
            toolchain_components=["kubectl", "helm", "istioctl"],
        ),
    ],
    "rust_services: on AWS": [
        one(
            "rust_services_images",
            {"service-a": "meshgate.local/service-a:1", "service-b": "meshgate.local/service-b:1"},
            "rust_services_registry ecr",
            shown="meshgate.local/service-a:1",
            platform_billed=True,
            toolchain_components=["kubectl", "helm", "istioctl"],
        ),
    ],
    "toolchain: gaps": [
        one(
            "toolchain_pull_urls",
            {"kubectl": "https://example.com/kubectl"},
            "missing alb_controller_assets, gateway_api, helm",
            shown="https://example.com/kubectl",
        ),
        one("toolchain_pull_images", {"node": "node:1"}, "missing alb_controller, debian, pilot", shown="node:1"),
    ],
    "observability": [
        Value(
            {"observability_components": ["prometheus"], "observability_prometheus_retention": "30d"},
            [("observability_prometheus_retention", "30d", "at most 19d")],
        ),
    ],
    "aws_emulator: kinds and choices": [kind("aws_emulator_port", "aws", "int")],
    "aws_emulator": [one("aws_emulator_http_port", 8443, "three different ports", shown="8443", aws_emulator_https_port=8443)],
    "aws_emulator: a port that is none": [one("aws_emulator_https_port", 99999, "from 1 to 65535")],
    "kind_cluster: name": [one("kind_cluster_name", "Sand_Box", "lower-case letters")],
    "kind_cluster: version": [one("eks_cluster_version", "1.30", "the version of kind's nodes")],
    "kind_cluster: kinds and choices": [kind("kind_cluster_workers", "two", "int"), kind("kind_cluster_images", "all", "dict")],
    "kind_cluster": [
        one("kind_cluster_workers", 99, "0 to 20"),
        one("kind_cluster_pod_subnet", "8.8.0.0/16", "private IPv4 range"),
        one("kind_cluster_service_subnet", "10.96.0.1/16", "from /12 to /24"),
        one("kind_cluster_api_port", 70000, "65535"),
        one("kind_cluster_node_labels", {"kubernetes.io/role": "front"}, "other prefixes", shown="kubernetes.io/role"),
        one("kind_cluster_host_ports", [{"host_port": 8000, "container_port": 1}, {"host_port": 8000, "container_port": 2}], "given twice", shown="8000"),
    ],
    "kind_cluster: contradictions": [
        one("kind_cluster_pod_subnet", "10.96.0.0/16", "that do not overlap"),
    ],
    "kind_cluster: room": [
        one("kind_cluster_pod_subnet", "10.244.0.0/24", "one for 3", kind_cluster_workers=2),
        one("kind_cluster_node_labels", {"team": "a b"}, "not a Kubernetes label", shown="a b"),
    ],
}
