# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The objects of an app, from an entry of C(mesh_apps).

An app is one C(image), or C(versions) of it. Each version has a Deployment and a Service of its own, beside the Service of the app that leads to all of
them; without versions there is one Deployment, named as the app. A version says what it has otherwise than the app.
"""

from __future__ import annotations

from ..kube.objects import Manifest
from . import traffic, workload
from .names import WHOLE, Entry, Surroundings, Version, metadata_of, selector_of, versions_of


def manifests(app: Entry, around: Surroundings) -> list[Manifest]:
    """All of them, in the order in which a reader expects them."""
    versions = versions_of(app)
    named = [version for version in versions if version.name]
    return [
        _service_account(app),
        traffic.service(app),
        *[traffic.service(app, version) for version in named],
        *[item for version in versions for item in _of_a_version(app, version, around)],
        *[traffic.destination_rule(app, version) for version in (WHOLE, *named)],
        *_callers(app, around),
    ]


def _of_a_version(app: Entry, version: Version, around: Surroundings) -> list[Manifest]:
    said = {**app, **version.said}
    items = [workload.deployment(said, version, around), _disruption_budget(app, version)]
    config = workload.config_map(said, version)
    return [*([config] if config else []), *items, *([_autoscaler(said, version)] if said.get("autoscaling") else [])]


def _service_account(app: Entry) -> Manifest:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata_of(app), "automountServiceAccountToken": False}


def _disruption_budget(app: Entry, version: Version) -> Manifest:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": selector_of(app, version)}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata_of(app, version), "spec": spec}


def _autoscaler(said: Entry, version: Version) -> Manifest:
    """Of the app's own container: the sidecar's share is not the app's."""
    wanted = said["autoscaling"]
    target = {"type": "Utilization", "averageUtilization": int(wanted.get("cpu_percent", 80))}
    metric = {"type": "ContainerResource", "containerResource": {"container": said["name"], "name": "cpu", "target": target}}
    metadata = metadata_of(said, version)
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"]},
        "minReplicas": workload.replicas_of(said),
        "maxReplicas": int(wanted.get("max_replicas", 10)),
        "metrics": [metric],
    }
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


def _callers(app: Entry, around: Surroundings) -> list[Manifest]:
    """Who may call the app. Nobody says it: no policy of ours, and the mesh's own rules hold. An empty list: nobody."""
    callers = app.get("callers")
    if callers is None:
        return []
    sources = [{"source": _source(app, caller, around)} for caller in callers]
    spec = {"selector": {"matchLabels": selector_of(app)}, "action": "ALLOW", "rules": [{"from": sources}] if sources else []}
    return [{"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata_of(app), "spec": spec}]


def _source(app: Entry, caller: Entry, around: Surroundings) -> Entry:
    if caller.get("gateway"):
        return {"namespaces": [around.gateway_namespace]}
    if caller.get("app"):
        # Whatever the trust domain is called.
        return {"principals": [f"*/ns/{caller.get('namespace') or app['namespace']}/sa/{caller['app']}"]}
    return {"namespaces": [caller["namespace"]]}
