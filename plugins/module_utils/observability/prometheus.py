# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prometheus in Istio's namespace, under the name, the port and the label by which Istio's tools find it. Plain data in, manifests out.

It is reached from inside the cluster only, by those who are named, and reads pods, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ..kube.objects import Manifest
from ..kube.stream import yaml_text
from . import alertmanager
from .alerts import groups
from .part import Part, Wanted, api_server, pods, probe
from .scraping import scrape_configs
from .volume import SCRATCH, room_for_blocks

NAME, PORT = "prometheus", 9090
_CONFIG, _DATA = "/etc/prometheus", "/prometheus"
# https://docs.aws.amazon.com/general/latest/gr/prometheus-service.html
_WORKSPACE = re.compile(r"https://aps-workspaces\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/")


def manifests(wanted: Wanted, namespace: str, components: Collection[str]) -> list[Manifest]:
    """C(wanted): image, retention, storage, storage_class, scrape_interval, resources, reader_namespaces, remote_write_url, api_server_cidrs."""
    # `istioctl dashboard prometheus` looks for this label. The publisher's image runs as this user.
    part = Part(NAME, namespace, {"app.kubernetes.io/name": NAME}, 65534)
    data = {"prometheus.yml": yaml_text(configuration(wanted, namespace, components)), "alerts.yml": yaml_text({"groups": groups()})}
    return [
        part.account(),
        *part.cluster_rights([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]),
        part.config_map(data),
        *_claim(part, wanted),
        _deployment(part, wanted),
        part.service({"http": PORT}),
        part.policy([(_readers(wanted), [PORT])]),
    ]


def configuration(wanted: Wanted, namespace: str, components: Collection[str]) -> Manifest:
    size = f"{room_for_blocks(wanted['storage'] or SCRATCH) // 2**20}MB"
    said: Manifest = {
        "global": {"scrape_interval": f"{wanted['scrape_interval']}s", "evaluation_interval": f"{wanted['scrape_interval']}s"},
        "storage": {"tsdb": {"retention": {"time": wanted["retention"], "size": size}}},
        "rule_files": [f"{_CONFIG}/alerts.yml"],
        "scrape_configs": scrape_configs(),
    }
    if alertmanager.NAME in components:
        target = f"{alertmanager.NAME}.{namespace}:{alertmanager.PORT}"
        said["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [target]}]}]}
    if wanted["remote_write_url"]:
        said["remote_write"] = [_remote(wanted["remote_write_url"])]
    return said


def _remote(url: str) -> Manifest:
    """Amazon Managed Prometheus takes what is signed with the pod's own role."""
    region = region_of(url)
    return {"url": url, "sigv4": {"region": region}} if region else {"url": url}


def region_of(url: str) -> str:
    """Of a workspace of Amazon Managed Prometheus; empty for anybody else.

    >>> region_of("https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"), region_of("https://example.com/push")
    ('eu-west-1', '')
    """
    found = _WORKSPACE.match(url)
    return found[1] if found else ""


def _claim(part: Part, wanted: Wanted) -> list[Manifest]:
    if not wanted["storage"]:
        return []
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": wanted["storage"]}}}
    spec |= {"storageClassName": wanted["storage_class"]} if wanted["storage_class"] else {}
    return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": part.metadata(), "spec": spec}]


def _deployment(part: Part, wanted: Wanted) -> Manifest:
    """A change of the configuration is read where it is: a new pod without a volume would have forgotten everything."""
    container = part.container(
        wanted,
        {"http": PORT},
        args=[f"--config.file={_CONFIG}/prometheus.yml", "--config.auto-reload", "--config.auto-reload-interval=15s", f"--storage.tsdb.path={_DATA}"],
        # Reading back what it had written can take minutes.
        startupProbe=probe("/-/ready", periodSeconds=2, failureThreshold=450),
        readinessProbe=probe("/-/ready", periodSeconds=5, timeoutSeconds=5),
        livenessProbe=probe("/-/healthy", periodSeconds=15, timeoutSeconds=5),
        volumeMounts=[{"name": "config", "mountPath": _CONFIG, "readOnly": True}, {"name": "data", "mountPath": _DATA}],
    )
    data: Manifest = {"persistentVolumeClaim": {"claimName": NAME}} if wanted["storage"] else {"emptyDir": {"sizeLimit": SCRATCH}}
    return part.deployment(container, [{"name": "config", "configMap": {"name": NAME}}, {"name": "data", **data}], token=True, grace=60)


def _readers(wanted: Wanted) -> list[Manifest]:
    inside = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in wanted["reader_namespaces"]]
    return [*(pods(name) for name in ("kiali", "grafana", "perses")), *inside, *api_server(wanted)]
