# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A caller inside the mesh, in a namespace of its own that alone sees the new routes. Plain data in, manifests out.

Its sidecar is the caller: it takes requests for each port at the pod's own address, so that the pod needs no program that sends them.
https://istio.io/latest/docs/reference/config/networking/sidecar/ (captureMode)
"""

from __future__ import annotations

import typing as t

from ..kube.objects import Manifest
from . import external
from .expectations import Expectation
from .inside import is_inside
from .names import Entry, object_name
from .shares import traced
from .virtual_service import virtual_service

NAME = "meshgate-prober"
LABELS = {"app": NAME}
_OF_THIS_NAMESPACE = ["."]
# A listener knows the Services that have its port; rules may lead to others.
_WHATEVER_IS_LED_TO: Manifest = {"captureMode": "IPTABLES", "hosts": ["*/*"]}


def namespace_for(mesh_set: str) -> str:
    return object_name(NAME, mesh_set)


def routes(wanted: Entry, run: str) -> list[tuple[str, dict[str, t.Any]]]:
    """The set's routes inside the mesh, as the prober has them, each with the name that its user knows."""
    return [(route["name"], traced(route, object_name(route["namespace"], route["name"], run))) for route in wanted["routes"] if is_inside(route)]


def route_manifests(wanted: Entry, mesh_set: str, run: str) -> list[Manifest]:
    """In Istio's own API, whatever the live ones': a Gateway API's route of another namespace needs a ReferenceGrant beside the apps."""
    apps = wanted.get("apps") or []
    return [_for_this_namespace(virtual_service(route, [], apps), mesh_set) for _name, route in routes(wanted, run)]


def stand_ins(wanted: Entry, live_gateway_namespace: str) -> list[Manifest]:
    """As they will be for everybody: which of them are missing, the cluster knows."""
    return external.manifests([route for route in wanted["routes"] if is_inside(route)], live_gateway_namespace)


def _for_this_namespace(item: Manifest, mesh_set: str) -> Manifest:
    metadata = {**item["metadata"], "namespace": namespace_for(mesh_set)}
    return {**item, "metadata": metadata, "spec": {**item["spec"], "exportTo": list(_OF_THIS_NAMESPACE)}}


def kept_to_itself(items: t.Iterable[Manifest], mesh_set: str) -> list[Manifest]:
    return [_for_this_namespace(item, mesh_set) for item in items]


def ports(table: t.Iterable[Expectation]) -> list[int]:
    return sorted({one.port for one in table if one.port})


def manifests(table: t.Sequence[Expectation], mesh_set: str, image: str, namespace_labels: t.Mapping[str, str], header: Manifest) -> list[Manifest]:
    """C(namespace_labels): by which sidecars are injected. C(header): a patch that says where a request went."""
    space = namespace_for(mesh_set)
    metadata = {"name": NAME, "namespace": space}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": dict(namespace_labels)}},
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Sidecar",
            "metadata": metadata,
            "spec": {"egress": [*map(_listener, ports(table)), _WHATEVER_IS_LED_TO]},
        },
        {
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "EnvoyFilter",
            "metadata": metadata,
            "spec": {"configPatches": [header]},
        },
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": _deployment(image)},
    ]


def _listener(port: int) -> Manifest:
    return {
        "port": {"number": port, "protocol": "HTTP", "name": f"http-{port}"},
        "bind": "127.0.0.1",
        "captureMode": "NONE",
        "hosts": ["*/*"],
    }


def _deployment(image: str) -> Manifest:
    annotations = {"sidecar.istio.io/interceptionMode": "NONE"}
    template = {"metadata": {"labels": {**LABELS, "sidecar.istio.io/inject": "true"}, "annotations": annotations}, "spec": _pod(image)}
    return {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template}


def _pod(image: str) -> Manifest:
    """An Envoy without any configuration, of an image that the nodes have already: a pod must have a container beside its sidecar.

    What is for a hot restart, it would share with the sidecar.
    """
    held = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 1337,
        "runAsGroup": 1337,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    idle = {
        "name": "idle",
        "image": image,
        "command": ["/usr/local/bin/envoy", "--config-yaml", "{}", "--concurrency", "1", "--disable-hot-restart"],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": held,
    }
    # Callers ask for port 80, too.
    low_ports = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}
    return {"terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False, "securityContext": low_ports, "containers": [idle]}
