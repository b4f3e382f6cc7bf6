# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prometheus in Istio's namespace, under the name, the port and the label by which Istio's tools find it. Plain data in, manifests out.

It is reached from inside the cluster only, by those who are named, and reads pods, nothing else.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..kube.objects import Manifest
from ..kube.stream import yaml_text
from .alerts import groups
from .scraping import scrape_configs
from .volume import SCRATCH, room_for_blocks

NAME, PORT = "prometheus", 9090
Wanted = Mapping[str, t.Any]
# `istioctl dashboard prometheus` looks for this label.
LABELS = {"app.kubernetes.io/name": NAME}
# What the publisher's image runs as.
USER = 65534
_CONFIG, _DATA = "/etc/prometheus", "/prometheus"


def manifests(wanted: Wanted, namespace: str) -> list[Manifest]:
    """C(wanted): image, retention, storage, storage_class, scrape_interval, resources, reader_namespaces, api_server_cidrs."""
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(namespace), "automountServiceAccountToken": False},
        *_rights(namespace),
        _config_map(wanted, namespace),
        *_claim(wanted, namespace),
        _deployment(wanted, namespace),
        _service(namespace),
        _network_policy(wanted, namespace),
    ]


def _metadata(namespace: str) -> Manifest:
    return {"name": NAME, "namespace": namespace, "labels": LABELS}


def _rights(namespace: str) -> list[Manifest]:
    name = f"{NAME}-{namespace}"
    group = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": namespace}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    return [
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [account],
        },
    ]


def configuration(wanted: Wanted) -> Manifest:
    size = f"{room_for_blocks(wanted['storage'] or SCRATCH) // 2**20}MB"
    return {
        "global": {"scrape_interval": f"{wanted['scrape_interval']}s", "evaluation_interval": f"{wanted['scrape_interval']}s"},
        "storage": {"tsdb": {"retention": {"time": wanted["retention"], "size": size}}},
        "rule_files": [f"{_CONFIG}/alerts.yml"],
        "scrape_configs": scrape_configs(),
    }


def _config_map(wanted: Wanted, namespace: str) -> Manifest:
    data = {"prometheus.yml": yaml_text(configuration(wanted)), "alerts.yml": yaml_text({"groups": groups()})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(namespace), "data": data}


def _claim(wanted: Wanted, namespace: str) -> list[Manifest]:
    if not wanted["storage"]:
        return []
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": wanted["storage"]}}}
    spec |= {"storageClassName": wanted["storage_class"]} if wanted["storage_class"] else {}
    return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": _metadata(namespace), "spec": spec}]


def _deployment(wanted: Wanted, namespace: str) -> Manifest:
    """One pod, which ends before the next one starts: two would write into one volume."""
    template = {"metadata": {"labels": {**LABELS, "sidecar.istio.io/inject": "false"}}, "spec": _pod(wanted)}
    spec = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": LABELS}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(namespace), "spec": spec}


def _pod(wanted: Wanted) -> Manifest:
    data: Manifest = {"persistentVolumeClaim": {"claimName": NAME}} if wanted["storage"] else {"emptyDir": {"sizeLimit": SCRATCH}}
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(wanted)],
        "volumes": [{"name": "config", "configMap": {"name": NAME}}, {"name": "data", **data}],
    }


def _container(wanted: Wanted) -> Manifest:
    """A change of the configuration is read where it is: a new pod without a volume would have forgotten everything."""
    health = {"httpGet": {"path": "/-/healthy", "port": "http"}, "periodSeconds": 15, "timeoutSeconds": 5}
    return {
        "name": NAME,
        "image": wanted["image"],
        "imagePullPolicy": "IfNotPresent",
        "args": [f"--config.file={_CONFIG}/prometheus.yml", "--config.auto-reload", "--config.auto-reload-interval=15s", f"--storage.tsdb.path={_DATA}"],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": wanted["resources"],
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        # Reading back what it had written can take minutes.
        "startupProbe": {"httpGet": {"path": "/-/ready", "port": "http"}, "periodSeconds": 2, "failureThreshold": 450},
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 5},
        "livenessProbe": health,
        "volumeMounts": [{"name": "config", "mountPath": _CONFIG, "readOnly": True}, {"name": "data", "mountPath": _DATA}],
    }


def _service(namespace: str) -> Manifest:
    ports = [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(namespace), "spec": {"selector": LABELS, "ports": ports}}


def _network_policy(wanted: Wanted, namespace: str) -> Manifest:
    """It has no password. The API server asks for who has rights on its proxy; a port-forward comes from inside the pod."""
    readers = [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "kiali"}}},
        *[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in wanted["reader_namespaces"]],
        *[{"ipBlock": {"cidr": cidr}} for cidr in wanted["api_server_cidrs"]],
    ]
    spec = {
        "podSelector": {"matchLabels": LABELS},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": readers, "ports": [{"port": PORT, "protocol": "TCP"}]}],
    }
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": _metadata(namespace), "spec": spec}
