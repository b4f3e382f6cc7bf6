# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Kiali, which draws who calls whom. It asks nobody for a name and changes nothing: it reads the namespaces that are named, without their Secrets.

Plain data in, manifests out.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ..kube.objects import Manifest
from ..kube.stream import yaml_text
from . import dashboards, tracing
from .part import Part, Wanted, api_server, probe

NAME, PORT = "kiali", 20001
_CONFIG = "/kiali-configuration"
_READ = ("get", "list", "watch")
_RULES: tuple[Manifest, ...] = (
    {"apiGroups": [""], "resources": ["configmaps", "endpoints", "namespaces", "pods", "pods/log", "replicationcontrollers", "services"], "verbs": list(_READ)},
    {"apiGroups": ["apps"], "resources": ["daemonsets", "deployments", "replicasets", "statefulsets"], "verbs": list(_READ)},
    {"apiGroups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": list(_READ)},
    {
        "apiGroups": ["networking.istio.io", "security.istio.io", "extensions.istio.io", "telemetry.istio.io", "gateway.networking.k8s.io"],
        "resources": ["*"],
        "verbs": list(_READ),
    },
)


def manifests(wanted: Wanted, namespace: str, components: Collection[str]) -> list[Manifest]:
    """C(wanted): image, resources, namespaces, dashboards_image, api_server_cidrs."""
    # `istioctl dashboard kiali` looks for the first label.
    part = Part(NAME, namespace, {"app": NAME, "app.kubernetes.io/name": NAME}, 1000)
    said = configuration(wanted, namespace, components)
    return [
        part.account(),
        *[item for name in namespaces(wanted, namespace) for item in part.rights(name, _RULES)],
        part.config_map({"config.yaml": yaml_text(said)}),
        _deployment(part, wanted, said),
        part.service({"http": PORT}),
        part.policy([(api_server(wanted), [PORT])]),
    ]


def namespaces(wanted: Wanted, namespace: str) -> list[str]:
    """Istio's own, and those of the apps."""
    return sorted({namespace, *wanted["namespaces"]})


def major(image: str) -> int:
    """By its tag; what has no number is taken for the current version 2.

    >>> major("meshgate.local/kiali:v1.89.0-0123abcd"), major("quay.io/kiali/kiali:v2.24.0@sha256:00"), major("example.com:5000/kiali")
    (1, 2, 2)
    """
    found = re.search(r":v?(\d+)\.[^/]*$", image.partition("@")[0])
    return int(found[1]) if found else 2


def configuration(wanted: Wanted, namespace: str, components: Collection[str]) -> Manifest:
    """Of version 2, or with the keys of version 1, which is built where no registry can be reached."""
    current = major(wanted["image"]) >= 2
    inside = "internal_url" if current else "in_cluster_url"
    services: Manifest = {
        "prometheus": {"url": f"http://prometheus.{namespace}:9090"},
        # It would ask istiod by port-forwards, for which it would need rights that reach every port of its namespace.
        "istio": {"istio_api_enabled": False},
        "grafana": {"enabled": False},
        "tracing": {"enabled": False},
    }
    if "dashboards" in components and dashboards.is_grafana(wanted["dashboards_image"]):
        services["grafana"] = {"enabled": True, inside: f"http://{dashboards.GRAFANA}.{namespace}:3000"}
    if "tracing" in components:
        services["tracing"] = {"enabled": True, "provider": "jaeger", inside: f"http://{tracing.QUERY}.{namespace}:16685/jaeger", "use_grpc": True}
    said: Manifest = {
        "auth": {"strategy": "anonymous"},
        "deployment": {"cluster_wide_access": False, "namespace": namespace, "view_only_mode": True, **_visible(wanted, namespace, current)},
        "external_services": services,
        "server": {"port": PORT, "web_root": "/kiali", "observability": {"metrics": {"enabled": False}}},
    }
    # Version 2 finds the control plane by itself.
    return said if current else {**said, "istio_namespace": namespace}


def _visible(wanted: Wanted, namespace: str, current: bool) -> Manifest:
    names = namespaces(wanted, namespace)
    if current:
        return {"discovery_selectors": {"default": [{"matchLabels": {"kubernetes.io/metadata.name": name}} for name in names]}}
    return {"accessible_namespaces": names}


def _deployment(part: Part, wanted: Wanted, said: Manifest) -> Manifest:
    container = part.container(
        wanted,
        {"http": PORT},
        command=["/opt/kiali/kiali", "-config", f"{_CONFIG}/config.yaml"],
        env=[
            {"name": "ACTIVE_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "LOG_FORMAT", "value": "json"},
        ],
        startupProbe=probe("/kiali/healthz", periodSeconds=1, failureThreshold=120),
        readinessProbe=probe("/kiali/healthz", periodSeconds=5, timeoutSeconds=5),
        livenessProbe=probe("/kiali/healthz", periodSeconds=15, timeoutSeconds=5),
        volumeMounts=[{"name": "config", "mountPath": _CONFIG, "readOnly": True}],
    )
    return part.deployment(container, [{"name": "config", "configMap": {"name": NAME}}], token=True, restart_for=said)
