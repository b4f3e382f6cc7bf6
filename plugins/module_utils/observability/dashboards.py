# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Istio's own dashboards: in Grafana, or in the Perses that was built here with the same ones in it. To be looked at, not to be changed.

Plain data in, manifests out.
"""

from __future__ import annotations

from collections.abc import Collection

from ..kube.objects import Manifest
from ..kube.stream import yaml_text
from .part import Part, Wanted, api_server, pods, probe

GRAFANA, PERSES = "grafana", "perses"
# Grafana's is where `istioctl dashboard grafana` looks.
PORTS = {GRAFANA: 3000, PERSES: 8080}
_DASHBOARDS = "/var/lib/grafana/dashboards"
_PROVISIONING = "/etc/grafana/provisioning"
_SETTINGS, _ENTITIES = "/etc/perses/settings", "/etc/perses/entities"


def manifests(wanted: Wanted, namespace: str, _components: Collection[str]) -> list[Manifest]:
    """C(wanted): image, resources, files (JSON of Grafana's, by name), api_server_cidrs."""
    return _grafana(wanted, namespace) if is_grafana(wanted["image"]) else _perses(wanted, namespace)


def is_grafana(image: str) -> bool:
    """Perses has a name of its own.

    >>> is_grafana("docker.io/grafana/grafana:13.1.1"), is_grafana("meshgate.local/perses:v0.50.3-0123abcd")
    (True, False)
    """
    return f"/{PERSES}:" not in image


def _grafana(wanted: Wanted, namespace: str) -> list[Manifest]:
    # The publisher's image runs as this user.
    part = Part(GRAFANA, namespace, {"app.kubernetes.io/name": GRAFANA}, 472)
    source = {"name": "Prometheus", "uid": "prometheus", "type": "prometheus", "access": "proxy", "url": f"http://prometheus.{namespace}:9090"}
    provider = {"name": "istio", "folder": "Istio", "type": "file", "options": {"path": _DASHBOARDS}}
    provisioning = {
        "datasources.yaml": yaml_text({"apiVersion": 1, "datasources": [{**source, "isDefault": True, "editable": False}]}),
        "dashboards.yaml": yaml_text({"apiVersion": 1, "providers": [{**provider, "disableDeletion": True, "allowUiUpdates": False}]}),
    }
    files = {f"{name}.json": text for name, text in wanted["files"].items()}
    container = part.container(
        wanted,
        {"http": PORTS[GRAFANA]},
        env=[{"name": f"GF_{name}", "value": value} for name, value in _GRAFANA_SETTINGS.items()],
        startupProbe=probe("/api/health", periodSeconds=1, failureThreshold=120),
        readinessProbe=probe("/api/health", periodSeconds=5, timeoutSeconds=5),
        livenessProbe=probe("/api/health", periodSeconds=15, timeoutSeconds=5),
        volumeMounts=[
            {"name": "provisioning", "mountPath": f"{_PROVISIONING}/datasources/datasources.yaml", "subPath": "datasources.yaml", "readOnly": True},
            {"name": "provisioning", "mountPath": f"{_PROVISIONING}/dashboards/dashboards.yaml", "subPath": "dashboards.yaml", "readOnly": True},
            {"name": "data", "mountPath": "/var/lib/grafana"},
            {"name": "temporary", "mountPath": "/tmp"},
            {"name": "dashboards", "mountPath": _DASHBOARDS, "readOnly": True},
        ],
    )
    volumes: list[Manifest] = [
        {"name": "provisioning", "configMap": {"name": GRAFANA}},
        {"name": "dashboards", "configMap": {"name": f"{GRAFANA}-dashboards"}},
        {"name": "data", "emptyDir": {"sizeLimit": "256Mi"}},
        {"name": "temporary", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    return [
        part.account(),
        part.config_map(provisioning),
        part.config_map(files, f"{GRAFANA}-dashboards"),
        part.deployment(container, volumes, restart_for=[provisioning, files]),
        part.service({"http": PORTS[GRAFANA]}),
        part.policy([([pods("kiali"), *api_server(wanted)], [PORTS[GRAFANA]])]),
    ]


# https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/: who has no account looks, nobody has one, and nothing is sent anywhere.
_GRAFANA_SETTINGS = {
    "AUTH_ANONYMOUS_ENABLED": "true",
    "AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
    "AUTH_BASIC_ENABLED": "false",
    "AUTH_DISABLE_LOGIN_FORM": "true",
    "SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
    "ANALYTICS_REPORTING_ENABLED": "false",
    "ANALYTICS_CHECK_FOR_UPDATES": "false",
    "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "PLUGINS_PREINSTALL_DISABLED": "true",
    "DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{_DASHBOARDS}/mesh.json",
}


def _perses(wanted: Wanted, namespace: str) -> list[Manifest]:
    """Its image holds the dashboards, and reads them into its memory's files when it starts."""
    part = Part(PERSES, namespace, {"app.kubernetes.io/name": PERSES}, 65534)
    entities = {"project.yaml": _PROJECT, "source.yaml": _source(namespace)}
    settings = {"config.yaml": yaml_text(_PERSES_SETTINGS), **{name: yaml_text(entity) for name, entity in entities.items()}}
    container = part.container(
        wanted,
        {"http": PORTS[PERSES]},
        args=[f"--config={_SETTINGS}/config.yaml", "--log.level=warning"],
        startupProbe=probe("/api/v1/health", periodSeconds=1, failureThreshold=120),
        readinessProbe=probe("/api/v1/health", periodSeconds=5, timeoutSeconds=5),
        livenessProbe=probe("/api/v1/health", periodSeconds=15, timeoutSeconds=5),
        volumeMounts=[
            {"name": "settings", "mountPath": _SETTINGS, "readOnly": True},
            {"name": "entities", "mountPath": _ENTITIES, "readOnly": True},
            {"name": "data", "mountPath": "/perses"},
            {"name": "temporary", "mountPath": "/tmp"},
        ],
    )
    volumes: list[Manifest] = [
        {"name": "settings", "configMap": {"name": PERSES, "items": [{"key": "config.yaml", "path": "config.yaml"}]}},
        {"name": "entities", "configMap": {"name": PERSES, "items": [{"key": name, "path": name} for name in entities]}},
        {"name": "data", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "temporary", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    return [
        part.account(),
        part.config_map(settings),
        part.deployment(container, volumes, restart_for=settings),
        part.service({"http": PORTS[PERSES]}),
        part.policy([(api_server(wanted), [PORTS[PERSES]])]),
    ]


_PROJECT: Manifest = {"kind": "Project", "metadata": {"name": "istio"}, "spec": {"display": {"name": "Istio"}}}
_SCHEMAS = "/etc/perses/cue/schemas"
_PERSES_SETTINGS: Manifest = {
    "database": {"file": {"folder": "/perses", "extension": "json"}},
    "schemas": {f"{name}_path": f"{_SCHEMAS}/{name}" for name in ("panels", "queries", "datasources", "variables")},
    "provisioning": {"folders": [_ENTITIES, "/etc/perses/dashboards"]},
    "security": {"readonly": True},
    "frontend": {"important_dashboards": [{"project": "istio", "dashboard": name} for name in ("mesh", "service", "workload", "control-plane")]},
}


def _source(namespace: str) -> Manifest:
    proxy = {"kind": "HTTPProxy", "spec": {"url": f"http://prometheus.{namespace}:9090"}}
    plugin = {"kind": "PrometheusDatasource", "spec": {"proxy": proxy}}
    return {"kind": "GlobalDatasource", "metadata": {"name": "prometheus"}, "spec": {"default": True, "plugin": plugin}}
