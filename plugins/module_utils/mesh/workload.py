# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Deployment of an app, or of one of its versions: hardened, spread, probed and drained without being asked."""

from __future__ import annotations

import hashlib
import json

from ..kube.objects import Manifest
from .names import Entry, Surroundings, Version, metadata_of, name_of, selector_of
from .traffic import ports_of

REPLICAS = 2
RESOURCES = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
# A user of no image's own: distroless calls it nonroot.
USER = 65532
# Requests come for a moment after the pod was told to stop; by then every proxy knows that it goes.
DRAIN_SECONDS = 3
TERMINATION_SECONDS = 30
STARTUP_SECONDS = 60
_CONFIG = "config"


def replicas_of(said: Entry) -> int:
    return REPLICAS if said.get("replicas") is None else int(said["replicas"])


def deployment(said: Entry, version: Version, around: Surroundings) -> Manifest:
    """`said`: the app's entry, and over it the version's."""
    labels = selector_of(said, version)
    template = {"metadata": {"labels": {**(said.get("labels") or {}), **labels}, "annotations": _annotations(said, around)}, "spec": _pod(said, version)}
    spec: Manifest = {
        "selector": {"matchLabels": labels},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": template if template["metadata"]["annotations"] else {**template, "metadata": {"labels": template["metadata"]["labels"]}},
    }
    if not said.get("autoscaling"):  # else the number is the autoscaler's
        spec["replicas"] = replicas_of(said)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata_of(said, version), "spec": spec}


def config_map(said: Entry, version: Version) -> Manifest | None:
    """The files of C(config), by their names."""
    if not said.get("config"):
        return None
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata_of(said, version), "data": dict(said["config"]["files"])}


def _annotations(said: Entry, around: Surroundings) -> dict[str, str]:
    """The revision, the files and the role are named so that pods are made anew when they change: none of them reaches a pod that runs."""
    config = said.get("config")
    return {
        **({"meshgate.io/istio-revision": around.revision} if around.revision else {}),
        **({"meshgate.io/config": hashlib.sha256(json.dumps(config["files"], sort_keys=True).encode()).hexdigest()[:16]} if config else {}),
        **({"meshgate.io/aws-role": said["aws_role"]} if said.get("aws_role") else {}),
        **(said.get("pod_annotations") or {}),
    }


def _pod(said: Entry, version: Version) -> Manifest:
    user = said.get("run_as_user", USER)
    labels = selector_of(said, version)
    volumes = _volumes(said, version)
    spec = {
        "serviceAccountName": said["name"],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": said.get("termination_seconds", TERMINATION_SECONDS),
        "securityContext": {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "seccompProfile": {"type": "RuntimeDefault"}},
        "imagePullSecrets": [{"name": name} for name in said.get("pull_secrets") or []],
        "nodeSelector": said.get("node_selector"),
        "tolerations": said.get("tolerations"),
        # Over nodes by one constraint and over zones by a preference: two constraints count for nothing where nodes have no zone.
        "topologySpreadConstraints": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "maxSkew": 1,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels},
                "matchLabelKeys": ["pod-template-hash"],
            }
        ],
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [_apart(labels)]}},
        "containers": [_container(said, version)],
        "volumes": [volume for volume, _mount in volumes],
    }
    # Left out, not empty: an empty list is another manifest than none.
    return {key: value for key, value in spec.items() if value or value is False}


def _apart(labels: dict[str, str]) -> Manifest:
    return {"weight": 100, "podAffinityTerm": {"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": labels}}}


def _container(said: Entry, version: Version) -> Manifest:
    container = {
        "name": said["name"],
        "image": said["image"],
        "imagePullPolicy": said.get("image_pull_policy", "IfNotPresent"),
        "command": said.get("command"),
        "args": said.get("args"),
        "ports": [{"name": port["name"], "containerPort": port["container_port"], "protocol": "TCP"} for port in ports_of(said)],
        "env": _env(said.get("env") or {}),
        "envFrom": [_env_source(source) for source in said.get("env_from") or []],
        "resources": said.get("resources") or RESOURCES,
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [mount for _volume, mount in _volumes(said, version)],
        "lifecycle": {"preStop": {"sleep": {"seconds": said.get("drain_seconds", DRAIN_SECONDS)}}},
        **_probes(said),
    }
    return {key: value for key, value in container.items() if value}


def _env(env: Entry) -> list[Manifest]:
    """What the pod knows of itself comes first: the others may refer to it."""
    own = [(name, value) for name, value in env.items() if isinstance(value, dict)]
    plain = [(name, value) for name, value in env.items() if not isinstance(value, dict)]
    return [
        *[{"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": value["field"]}}} for name, value in sorted(own)],
        *[{"name": name, "value": str(value)} for name, value in sorted(plain, key=lambda entry: entry[0].lower())],
    ]


def _env_source(source: Entry) -> Manifest:
    """Secrets by name, never by value."""
    kind, name = ("secretRef", source["secret"]) if source.get("secret") else ("configMapRef", source["config_map"])
    return {kind: {"name": name}}


def _probes(said: Entry) -> dict[str, Manifest]:
    """A pod that is not ready gets no requests, one that is not well is started anew: an app may answer the two on paths of their own."""
    health, port = said.get("health") or {}, ports_of(said)[0]["name"]
    asked, ready = (_asked(path, port) for path in (health.get("path"), health.get("readiness_path") or health.get("path")))
    return {
        "startupProbe": {**asked, "periodSeconds": 1, "failureThreshold": health.get("startup_seconds", STARTUP_SECONDS)},
        "readinessProbe": {**ready, "periodSeconds": 5, "timeoutSeconds": 2},
        "livenessProbe": {**asked, "periodSeconds": 10, "timeoutSeconds": 2, "failureThreshold": 3},
    }


def _asked(path: str | None, port: str) -> Manifest:
    """Without a path it is enough that the port takes a connection."""
    return {"httpGet": {"path": path, "port": port}} if path else {"tcpSocket": {"port": port}}


def _volumes(said: Entry, version: Version) -> list[tuple[Manifest, Manifest]]:
    """Each volume beside the place where it is mounted. The root file system is read-only: what a program writes goes into one of these."""
    found = [(_volume(entry), _mount(entry)) for entry in said.get("volumes") or []]
    if said.get("config"):
        volume = {"name": _CONFIG, "configMap": {"name": name_of(said, version)}}
        found.insert(0, (volume, {"name": _CONFIG, "mountPath": said["config"]["directory"], "readOnly": True}))
    return found


def _volume(entry: Entry) -> Manifest:
    sources: dict[str, Manifest] = {
        "secret": {"secret": {"secretName": entry.get("secret")}},
        "config_map": {"configMap": {"name": entry.get("config_map")}},
        "claim": {"persistentVolumeClaim": {"claimName": entry.get("claim")}},
    }
    source: Manifest = next((source for word, source in sources.items() if entry.get(word)), {"emptyDir": {}})
    return {"name": entry["name"], **source}


def _mount(entry: Entry) -> Manifest:
    read_only = entry.get("read_only", bool(entry.get("secret") or entry.get("config_map")))
    return {"name": entry["name"], "mountPath": entry["mount_path"], **({"readOnly": True} if read_only else {})}
