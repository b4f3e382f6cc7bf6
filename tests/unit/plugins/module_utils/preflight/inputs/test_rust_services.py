# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What role rust_services refuses, rule by rule."""

from __future__ import annotations

import pytest
from right import NO_CLUSTER, problems, says

OWN = {"service-a": "meshgate.local/service-a:1", "service-b": "meshgate.local/service-b:1"}
MADE = {"toolchain_facts": {"images": {name.replace("-", "_"): {"name": image, "architectures": ["amd64"]} for name, image in OWN.items()}}}
ARM = {"eks_cluster_node_groups": [{"name": "one", "ami_type": "AL2023_ARM_64_STANDARD"}]}
SCALED = {"autoscaling": True}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"namespace": "kube-system"}, ("rust_services_namespace is 'kube-system'", "for the services only")),
        ({"namespace": "default"}, ("rust_services_namespace is 'default'", "for the services only")),
        ({"namespace": "Shop"}, ("rust_services_namespace is 'Shop'", "lower-case letters")),
        ({"cluster_name": "-a"}, ("rust_services_cluster_name is '-a'", "valid label")),
        ({"cluster_name": ""}, ("rust_services_cluster_name is ''", "valid label")),
        ({"images": {"service-a": "a:1"}}, ("rust_services_images is {'service-a': 'a:1'}", "service-b: IMAGE")),
        ({"images": {"service-a": "Service A", "service-b": "b:1"}}, ("rust_services_images", "Service A", "service-b: IMAGE")),
        ({"images": {"service-a": "", "service-b": ""}}, ("rust_services_images", "role toolchain builds them")),
        ({"images": OWN, "platform_billed": True}, ("rust_services_images", "meshgate.local/service-a:1", "rust_services_registry ecr")),
        ({"images": OWN, **MADE, **ARM}, ("rust_services_images", "the nodes' architectures (arm64); these are for amd64")),
        ({"images": OWN, **MADE, "eks_cluster_facts": {"node_architectures": ["amd64", "arm64"]}}, ("(amd64, arm64); these are for amd64",)),
        ({"images": OWN, **MADE, "node_selector": {"kubernetes.io/arch": "arm64"}}, ("(arm64); these are for amd64",)),
        (
            {**NO_CLUSTER, **ARM, "images": {"service-a": "", "service-b": ""}, "toolchain_service_architectures": ["amd64"]},
            ("toolchain_service_architectures is ['amd64']", "the nodes' architectures", "arm64"),
        ),
        ({"ecr_kms_key": "key one"}, ("rust_services_ecr_kms_key is 'key one'", "ARN, id or alias")),
        ({"ecr_endpoint": "http://registry.example.com"}, ("rust_services_ecr_endpoint", "such as https://")),
        ({"ecr_tags": {"aws:a": "b"}}, ("rust_services_ecr_tags", "do not begin with aws:")),
        ({"registry": "ecr", "ecr_prefix": "My/Services"}, ("rust_services_ecr_prefix is 'My/Services'", "lower-case letters")),
        ({"registry": "ecr", "ecr_prefix": "a" * 247}, ("rust_services_ecr_prefix", "at most 246")),
        ({"registry": "ecr", "region": ""}, ("rust_services_region is ''", "the region of the registry")),
        ({"replicas": 0}, ("rust_services_replicas is 0", "1 to 100")),
        ({"replicas": 101}, ("rust_services_replicas is 101", "1 to 100")),
        ({"timeout": 0}, ("rust_services_timeout is 0", "seconds, at least 1")),
        ({**SCALED, "autoscaling_max": 1}, ("rust_services_autoscaling_max is 1", "at least rust_services_replicas (2)")),
        ({**SCALED, "autoscaling_max": 1001}, ("rust_services_autoscaling_max is 1001", "at most 1000")),
        ({**SCALED, "autoscaling_cpu_percent": 0}, ("rust_services_autoscaling_cpu_percent is 0", "per cent")),
        ({**SCALED, "resources": {"requests": {"memory": "16Mi"}}}, ("rust_services_autoscaling is True", "requests.cpu")),
        ({**SCALED, "eks_cluster_facts": {"addons": {"coredns": {}}}}, ("rust_services_autoscaling is True", "with metrics-server")),
        ({"hosts": []}, ("rust_services_hosts is []", "lower case")),
        ({"hosts": ["Example.COM"]}, ("rust_services_hosts is ['Example.COM']", "lower case")),
        ({"hosts": ["localhost"]}, ("rust_services_hosts is ['localhost']", "lower case")),
        ({"gateway_selector": {}}, ("rust_services_gateway_selector is {}", "every proxy of the mesh")),
        ({"gateway_selector": {"istio": True}}, ("rust_services_gateway_selector is {'istio': True}", "Kubernetes labels")),
        ({"istio_revision": "1.31.1"}, ("rust_services_istio_revision is '1.31.1'", "revision tag")),
        ({"pod_annotations": {"sidecar.istio.io/proxyCPU": "1"}}, ("rust_services_pod_annotations is ['sidecar.istio.io/proxyCPU']", "all four of")),
        ({"pod_annotations": {"example.com/port": 1}}, ("rust_services_pod_annotations is {'example.com/port': 1}", "string values")),
        ({"node_selector": {"team": 1}}, ("rust_services_node_selector is {'team': 1}", "Kubernetes labels")),
        ({"env": {"RUST-LOG": "info", "A": "b"}}, ("rust_services_env is ['RUST-LOG']", "environment variables")),
        ({"kubectl": "/no/such/kubectl"}, ("rust_services_kubectl is /no/such/kubectl", "a program that exists")),
    ],
)
def test_refused(given: dict, words: tuple[str, ...]) -> None:
    assert says(problems("rust_services", **given), *words), problems("rust_services", **given)


@pytest.mark.parametrize(
    "given",
    [
        {**NO_CLUSTER, "images": {"service-a": "", "service-b": None}},
        {"images": {"service-a": "a:1@sha256:" + "0" * 64, "service-b": "b"}},
        {"images": OWN},
        {"images": OWN, "platform_billed": True, "registry": "ecr"},
        {"platform_billed": True},
        {"images": OWN, **MADE},
        {"images": OWN, **MADE, "eks_cluster_facts": {"node_architectures": ["amd64", ""]}},
        # Images of somebody else: their registry is asked.
        {**MADE, **ARM, "toolchain_service_architectures": ["amd64"]},
        {**SCALED, "eks_cluster_facts": {"addons": {"metrics-server": {}}}},
        {"autoscaling": False, "autoscaling_max": 0},
        {"hosts": ["api.example.com", "*.example.com"]},
        {"pod_annotations": {f"sidecar.istio.io/{name}": "1" for name in ("proxyCPU", "proxyMemory", "proxyCPULimit", "proxyMemoryLimit")}},
        {"ecr_kms_key": "alias/mesh", "ecr_endpoint": "http://localhost:5000"},
        {"env": {"RUST_LOG": True}},
    ],
)
def test_accepted(given: dict) -> None:
    assert problems("rust_services", **given) == []
