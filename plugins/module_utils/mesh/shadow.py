# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A gateway beside the live one, on which routes are tried before they are live: the same program under the same service account, so that the apps admit it,
with labels of its own, so that no load balancer and no policy of the live gateway knows it. Plain data in, manifests out.
"""

from __future__ import annotations

import copy
import typing as t

from ..kube.objects import Kind, Manifest
from . import copied
from .copied import response_header
from .inside import is_inside
from .names import Entry, object_name
from .shares import traced

NAME = "meshgate-shadow"
# Whatever it, or a prober beside it, is made of; what a killed run left is found by it.
KINDS: tuple[Kind, ...] = (
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("networking.istio.io/v1", "Gateway"),
    ("networking.istio.io/v1", "VirtualService"),
    ("networking.istio.io/v1", "ServiceEntry"),
    ("networking.istio.io/v1", "DestinationRule"),
    ("networking.istio.io/v1", "Sidecar"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("telemetry.istio.io/v1", "Telemetry"),
    *copied.KINDS,
    ("v1", "Namespace"),
)

# Each answer says by itself where its request went, as https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage has it.
UPSTREAM_HEADER = "x-meshgate-upstream"
# The cluster is said of what a policy of the gateway refuses, too; an address only of what was answered from there.
UPSTREAM = "%UPSTREAM_CLUSTER% %UPSTREAM_HOST%"
PROBE_HEADER = "x-meshgate-probe"
# What belongs to the live gateway's own life: it is spread, drained and counted, the shadow is not.
_NOT_OF_THE_POD = ("affinity", "topologySpreadConstraints", "readinessGates", "nodeName")


def name_for(mesh_set: str) -> str:
    """Of the objects of one set's shadow: two sets may be tried at once."""
    return object_name(NAME, mesh_set)


def set_label(mesh_set: str) -> dict[str, str]:
    """By which apps and routes of a set are known."""
    return {"meshgate.io/set": mesh_set}


def labels_for(mesh_set: str) -> dict[str, str]:
    return {**set_label(mesh_set), "app.kubernetes.io/part-of": NAME}


def routes(wanted: Entry, run: str) -> list[tuple[str, dict[str, t.Any]]]:
    """The set's routes of the gateway, each with the name that its user knows. C(run) is in the other one, so that no earlier run's is taken for it."""
    return [(route["name"], traced(route, f"{route['name']}-shadow-{run}")) for route in wanted["routes"] if not is_inside(route)]


def wanted_by(wanted: Entry, mesh_set: str, run: str) -> dict[str, t.Any]:
    """The same routes on the shadow: for the functions that make the live ones."""
    name = name_for(mesh_set)
    gateway = {**wanted["gateway"], "name": name, "service": name, "selector": pod_labels(mesh_set), "exists": False, "load_balancer": None}
    return {**wanted, "gateway": gateway, "routes": [route for _name, route in routes(wanted, run)]}


def pod_labels(mesh_set: str) -> dict[str, str]:
    name = name_for(mesh_set)
    return {"app": name, "istio": name}


def gateway_manifests(deployment: Manifest, service: Manifest, mesh_set: str) -> list[Manifest]:
    """The shadow itself, from the live gateway's Deployment and Service."""
    name, labels = name_for(mesh_set), pod_labels(mesh_set)
    metadata = {"name": name, "namespace": deployment["metadata"]["namespace"]}
    return [_service(service, metadata, labels), _upstream_filter(metadata, labels), _telemetry(metadata, labels), _deployment(deployment, metadata, labels)]


def _service(live: Manifest, metadata: Manifest, labels: dict[str, str]) -> Manifest:
    """Istio learns by it to which port of the pod a listener belongs. It is no target of a load balancer."""
    ports = [{key: port[key] for key in ("name", "port", "protocol", "targetPort", "appProtocol") if key in port} for port in live["spec"]["ports"]]
    spec = {"type": "ClusterIP", "selector": labels, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def upstream_header(context: str) -> Manifest:
    return response_header(UPSTREAM_HEADER, UPSTREAM, context)


def _upstream_filter(metadata: Manifest, labels: dict[str, str]) -> Manifest:
    spec = {"workloadSelector": {"labels": labels}, "configPatches": [upstream_header("GATEWAY")]}
    return {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": metadata, "spec": spec}


def _telemetry(metadata: Manifest, labels: dict[str, str]) -> Manifest:
    """A test is no traffic: it is in no metric, log or trace of the gateway."""
    spec = {
        "selector": {"matchLabels": labels},
        "metrics": [{"overrides": [{"match": {"metric": "ALL_METRICS"}, "disabled": True}]}],
        "accessLogging": [{"disabled": True}],
        "tracing": [{"disableSpanReporting": True}],
    }
    return {"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": metadata, "spec": spec}


def _deployment(live: Manifest, metadata: Manifest, labels: dict[str, str]) -> Manifest:
    template = copy.deepcopy(live["spec"]["template"])
    own = live["spec"]["selector"]["matchLabels"]
    kept = {key: value for key, value in (template["metadata"].get("labels") or {}).items() if key not in {*own, "app", "istio"}}
    annotations = {key: value for key, value in (template["metadata"].get("annotations") or {}).items() if not key.startswith("kubectl.kubernetes.io/")}
    pod = {key: value for key, value in template["spec"].items() if key not in _NOT_OF_THE_POD}
    pod["terminationGracePeriodSeconds"] = 1
    pod["containers"] = [{key: value for key, value in container.items() if key != "lifecycle"} for container in pod["containers"]]
    made = {"metadata": {"labels": {**kept, **labels}, "annotations": annotations}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": made}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
