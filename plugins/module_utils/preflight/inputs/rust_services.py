# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Validation of the variables of role rust_services. Makes no requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...images.services import REPOSITORY, SERVICES, own_images, planned_architectures
from ...kube.names import DNS_LABEL, IMAGE, ROUTE_HOST
from . import rules as r

READS = (
    *("platform_billed", "toolchain_facts", "toolchain_components", "toolchain_service_architectures"),
    *("eks_cluster_facts", "eks_cluster_node_groups"),
)
KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+|alias/[A-Za-z0-9/_-]+|[0-9a-f-]{36}|mrk-[0-9a-f]{32}")
ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ENDPOINT = re.compile(r"https://[^/ ]+/?|http://(127([.][0-9]+){3}|localhost)(:[0-9]+)?/?")
SIDECAR_KEYS = tuple(f"sidecar.istio.io/{name}" for name in ("proxyCPU", "proxyMemory", "proxyCPULimit", "proxyMemoryLimit"))
ARCHITECTURE = "kubernetes.io/arch"


def problems(given: Mapping[str, Any]) -> list[str]:
    rules = r.Rules(given)
    namespace = rules.text("rust_services_namespace")
    right = bool(DNS_LABEL.fullmatch(namespace)) and not r.NOT_FOR_APPS.fullmatch(namespace)
    rules.need(right, "rust_services_namespace", "a namespace for the services only, of at most 63 lower-case letters, digits and hyphens")
    cluster = rules.text("rust_services_cluster_name")
    rules.need(bool(cluster and r.LABEL_VALUE.fullmatch(cluster)), "rust_services_cluster_name", "a valid label value")
    _images(rules)
    _architectures(rules)
    _registry(rules)
    _sizes(rules)
    _routing(rules)
    _pods(rules)
    r.check_resources(rules, "rust_services_resources")
    r.programs(rules, rust_services_kubectl="kubectl")
    return rules.found


def _images(rules: r.Rules) -> None:
    """Before there is a cluster, role toolchain may still have to build the images: empty names are accepted."""
    images = {name: "" if image is None else str(image) for name, image in rules.mapping("rust_services_images").items()}
    must_have = r.cluster_exists(rules)
    right = sorted(images) == sorted(SERVICES) and all(IMAGE.fullmatch(image) or not (image or must_have) for image in images.values())
    accepted = "{service-a: IMAGE, service-b: IMAGE}; role toolchain builds them, otherwise set images of a registry that the nodes can reach"
    rules.need(right, "rust_services_images", accepted)
    if r.on_aws(rules) and rules.text("rust_services_registry") != "ecr":
        reached = [image for image in images.values() if image and not image.startswith(f"{r.LOCAL_IMAGES}/")]
        accepted = (
            "images of a registry that nodes on AWS can reach, or rust_services_registry ecr, which pushes what role toolchain builds; "
            "meshgate.local exists on this machine only"
        )
        rules.need(len(reached) == len(SERVICES) == len(images), "rust_services_images", accepted)


def _architectures(rules: r.Rules) -> None:
    """The architectures of the services' nodes: those of the cluster, or before it exists, those of the inventory."""
    selected = rules.mapping("rust_services_node_selector").get(ARCHITECTURE)
    live = rules.fact("eks_cluster_facts", "node_architectures")
    nodes = [selected] if selected else planned_architectures(rules.sequence("eks_cluster_node_groups")) if live is None else [one for one in live if one]
    made = rules.fact("toolchain_facts", "images") or {}
    names = own_images(made, *(rules.text(f"rust_services_{name}") for name in ("registry", "account_id", "region", "ecr_prefix")))
    images = {service: image for service, image in rules.mapping("rust_services_images").items() if image}
    ours = [service for service, image in images.items() if image in names.values()]
    built = (made.get(ours[0].replace("-", "_")) or {}).get("architectures") if ours else None
    if built and set(nodes) - set(built):
        rules.need(False, "rust_services_images", f"images for the nodes' architectures ({', '.join(nodes)}); these are for {', '.join(built)}")
    # From the inventory, so that it is refused before anything is created.
    asked = rules.sequence("toolchain_service_architectures")
    of_others = [image for image in set(images.values()) if image not in names.values()]
    if asked and len(of_others) < len(SERVICES) and set(nodes) - set(asked):
        rules.need(False, "toolchain_service_architectures", f"the nodes' architectures, since the services' images are built for them: {', '.join(nodes)}")


def _registry(rules: r.Rules) -> None:
    rules.like("rust_services_ecr_kms_key", KMS_KEY, "empty, or a KMS key's ARN, id or alias", empty=True)
    rules.like("rust_services_ecr_endpoint", ENDPOINT, "a URL such as https://123456789012.dkr.ecr.us-west-2.amazonaws.com", empty=True)
    r.check_tags(rules, "rust_services_ecr_tags")
    if rules.text("rust_services_registry") == "ecr":
        prefix = rules.text("rust_services_ecr_prefix")
        accepted = "lower-case letters and digits, between them single dots, underscores, hyphens and slashes, at most 246 characters"
        rules.need(bool(REPOSITORY.fullmatch(prefix)) and len(prefix) <= 246, "rust_services_ecr_prefix", accepted)
        rules.need(bool(rules.text("rust_services_region")), "rust_services_region", "the region of the registry to which the images are pushed")


def _sizes(rules: r.Rules) -> None:
    replicas = rules.number("rust_services_replicas")
    rules.need(1 <= replicas <= 100, "rust_services_replicas", "1 to 100")
    rules.need(rules.number("rust_services_timeout") > 0, "rust_services_timeout", "a number of seconds, at least 1")
    if not r.truth(rules.given.get("rust_services_autoscaling")):
        return
    most = rules.number("rust_services_autoscaling_max")
    rules.need(replicas <= most <= 1000, "rust_services_autoscaling_max", f"at least rust_services_replicas ({replicas:.0f}), at most 1000")
    rules.need(
        rules.number("rust_services_autoscaling_cpu_percent") > 0,
        "rust_services_autoscaling_cpu_percent",
        "per cent of the CPU that a service's container requests",
    )
    requests = rules.mapping("rust_services_resources").get("requests") or {}
    share = "true only with rust_services_resources.requests.cpu, to which the autoscaler's target relates"
    rules.need("cpu" in requests, "rust_services_autoscaling", share)
    addons = rules.fact("eks_cluster_facts", "addons")
    measured = "true only with metrics-server in the cluster; it is not among the cluster's add-ons (eks_cluster_addons)"
    rules.need(addons is None or "metrics-server" in addons, "rust_services_autoscaling", measured)


def _routing(rules: r.Rules) -> None:
    hosts = rules.sequence("rust_services_hosts")
    accepted = 'a list of host names in lower case, such as [api.example.com] or ["*.example.com"], or ["*"] for any'
    rules.need(bool(hosts) and all(ROUTE_HOST.fullmatch(str(host)) for host in hosts), "rust_services_hosts", accepted)
    accepted = "the labels of the ingress gateway's pods, such as {istio: ingressgateway}; without labels, every proxy of the mesh would become the gateway"
    rules.need(bool(rules.mapping("rust_services_gateway_selector")), "rust_services_gateway_selector", accepted)
    r.check_labels(rules, "rust_services_gateway_selector")
    rules.like("rust_services_istio_revision", DNS_LABEL, "the name of an Istio revision or revision tag, or empty", empty=True)


def _pods(rules: r.Rules) -> None:
    annotations = rules.mapping("rust_services_pod_annotations")
    limits = [key for key in SIDECAR_KEYS if key in annotations]
    if len(limits) not in (0, len(SIDECAR_KEYS)):
        accepted = f"all four of {', '.join(SIDECAR_KEYS)}, or none: if one is set, Istio drops its defaults for the others"
        rules.refuse("rust_services_pod_annotations", limits, accepted)
    r.check_annotations(rules, "rust_services_pod_annotations")
    r.check_labels(rules, "rust_services_node_selector")
    wrong = [name for name in rules.mapping("rust_services_env") if not ENVIRONMENT.fullmatch(str(name))]
    if wrong:
        rules.refuse("rust_services_env", wrong, "names of environment variables")
