# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What an app's entry becomes. An app without versions is asserted whole by the objects of role rust_services."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.apps import manifests
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.names import Surroundings

APP = {"name": "product", "namespace": "shop", "port": 8080, "image": "registry.example.com/product:1.4"}
VERSIONS = [{"name": "v1", "image": "registry.example.com/product:1.4", "replicas": 3}, {"name": "v2", "image": "registry.example.com/product:2.0"}]


def made(**said: Any) -> dict[tuple[str, str], dict[str, Any]]:
    items = manifests({**APP, **said}, Surroundings("edge"))
    found = {(item["kind"], item["metadata"]["name"]): item for item in items}
    assert len(found) == len(items) and {item["metadata"]["namespace"] for item in items} == {"shop"}
    return found


def container(**said: Any) -> dict[str, Any]:
    return made(**said)["Deployment", "product"]["spec"]["template"]["spec"]["containers"][0]


def test_without_versions_there_is_no_label_and_no_service_of_one() -> None:
    found = made()
    assert sorted(found) == [(kind, "product") for kind in ("Deployment", "DestinationRule", "PodDisruptionBudget", "Service", "ServiceAccount")]
    assert found["Deployment", "product"]["spec"]["selector"] == {"matchLabels": {"app": "product"}}


def test_each_version_has_a_deployment_a_service_and_a_rule_of_its_own() -> None:
    found = made(versions=VERSIONS)
    names = [name for kind, name in found if kind == "Deployment"]
    assert names == ["product-v1", "product-v2"]
    for name, version, replicas, image in zip(names, ("v1", "v2"), (3, 2), ("product:1.4", "product:2.0"), strict=True):
        labels, spec = {"app": "product", "version": version}, found["Deployment", name]["spec"]
        assert spec["selector"]["matchLabels"] == labels == found["Service", name]["spec"]["selector"]
        assert spec["template"]["metadata"]["labels"] == labels and spec["replicas"] == replicas
        assert spec["template"]["spec"]["containers"][0]["image"].endswith(image)
        assert spec["template"]["spec"]["serviceAccountName"] == "product"
        assert found["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"] == labels
        assert found["DestinationRule", name]["spec"]["host"] == f"{name}.shop.svc.cluster.local"
    assert found["Service", "product"]["spec"]["selector"] == {"app": "product"}
    assert not any("subsets" in item["spec"] for (kind, _name), item in found.items() if kind == "DestinationRule")


@pytest.mark.parametrize(
    ("callers", "sources"),
    [
        ([{"gateway": True}], [{"namespaces": ["edge"]}]),
        ([{"app": "front"}, {"app": "cart", "namespace": "till"}], [{"principals": ["*/ns/shop/sa/front"]}, {"principals": ["*/ns/till/sa/cart"]}]),
        ([{"namespace": "till"}], [{"namespaces": ["till"]}]),
    ],
)
def test_who_may_call(callers: list[dict[str, Any]], sources: list[dict[str, Any]]) -> None:
    spec = made(callers=callers)["AuthorizationPolicy", "product"]["spec"]
    assert spec["rules"] == [{"from": [{"source": source} for source in sources]}] and spec["action"] == "ALLOW"


def test_nobody_may_call_where_the_list_is_empty_and_anybody_where_there_is_none() -> None:
    assert made(callers=[])["AuthorizationPolicy", "product"]["spec"]["rules"] == []
    assert ("AuthorizationPolicy", "product") not in made()


@pytest.mark.parametrize(
    ("protocol", "name", "said"),
    [
        ("http", "http", None),
        ("http2", "http2", "kubernetes.io/h2c"),
        ("grpc", "grpc", "grpc"),
        ("websocket", "websocket", "kubernetes.io/ws"),
        ("tcp", "tcp", "tcp"),
    ],
)
def test_a_port_says_its_protocol(protocol: str, name: str, said: str | None) -> None:
    found = made(port=9000, container_port=9001, protocol=protocol)
    (port,) = found["Service", "product"]["spec"]["ports"]
    assert port == {"name": name, "port": 9000, "targetPort": name, **({"appProtocol": said} if said else {})}
    pod = found["Deployment", "product"]["spec"]["template"]["spec"]["containers"][0]
    assert pod["ports"] == [{"name": name, "containerPort": 9001, "protocol": "TCP"}]


def test_several_ports() -> None:
    ports = made(ports=[{"port": 80, "container_port": 8080}, {"port": 9000, "name": "grpc-admin", "protocol": "grpc"}])["Service", "product"]["spec"]["ports"]
    assert [(port["name"], port["port"], port["targetPort"]) for port in ports] == [("http", 80, "http"), ("grpc-admin", 9000, "grpc-admin")]


def test_load_balancing_pool_and_outliers() -> None:
    said = {
        "load_balancing": {"by": "least_request", "zone_preference": True},
        "connection_pool": {"max_connections": 100, "http1_max_pending_requests": 1024, "max_requests_per_connection": 10},
        "outlier_detection": {"interval": "30s", "max_ejection_percent": 100},
    }
    assert made(**said)["DestinationRule", "product"]["spec"]["trafficPolicy"] == {
        "loadBalancer": {"simple": "LEAST_REQUEST", "localityLbSetting": {"enabled": True}},
        "connectionPool": {"tcp": {"maxConnections": 100}, "http": {"http1MaxPendingRequests": 1024, "maxRequestsPerConnection": 10}},
        "outlierDetection": {"consecutive5xxErrors": 5, "interval": "30s", "baseEjectionTime": "30s", "maxEjectionPercent": 100},
    }


@pytest.mark.parametrize(
    ("wanted", "hashed"),
    [({"cookie": "session"}, {"httpCookie": {"name": "session", "ttl": "0s"}}), ({"header": "x-user"}, {"httpHeaderName": "x-user"})],
)
def test_a_client_stays_with_its_pod(wanted: dict[str, str], hashed: dict[str, Any]) -> None:
    assert made(load_balancing=wanted)["DestinationRule", "product"]["spec"]["trafficPolicy"]["loadBalancer"] == {"consistentHash": hashed}


def test_what_real_apps_need() -> None:
    env = {"LATE": "1", "NODE": {"field": "spec.nodeName"}}
    pod = container(env=env, env_from=[{"secret": "keys"}, {"config_map": "flags"}], command=["/serve"], args=["--fast"])
    assert [entry["name"] for entry in pod["env"]] == ["NODE", "LATE"] and pod["command"] == ["/serve"] and pod["args"] == ["--fast"]
    assert pod["envFrom"] == [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "flags"}}]


def test_files_are_mounted_and_a_changed_one_makes_the_pods_anew() -> None:
    config = {"directory": "/etc/product", "files": {"settings.toml": "a = 1"}}
    found = made(config=config)
    template = found["Deployment", "product"]["spec"]["template"]
    assert found["ConfigMap", "product"]["data"] == {"settings.toml": "a = 1"}
    assert template["spec"]["volumes"] == [{"name": "config", "configMap": {"name": "product"}}]
    assert template["spec"]["containers"][0]["volumeMounts"] == [{"name": "config", "mountPath": "/etc/product", "readOnly": True}]
    other = made(config={**config, "files": {"settings.toml": "a = 2"}})["Deployment", "product"]["spec"]["template"]
    assert other["metadata"]["annotations"] != template["metadata"]["annotations"] and other["spec"] == template["spec"]


def test_volumes() -> None:
    entries = [
        {"name": "tmp", "mount_path": "/tmp"},
        {"name": "keys", "mount_path": "/keys", "secret": "keys"},
        {"name": "data", "mount_path": "/data", "claim": "product"},
    ]
    spec = made(volumes=entries)["Deployment", "product"]["spec"]["template"]["spec"]
    assert spec["volumes"] == [
        {"name": "tmp", "emptyDir": {}},
        {"name": "keys", "secret": {"secretName": "keys"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "product"}},
    ]
    assert [mount.get("readOnly", False) for mount in spec["containers"][0]["volumeMounts"]] == [False, True, False]


def test_readiness_may_have_a_path_of_its_own() -> None:
    probes = {name: container(health={"path": "/live", "readiness_path": "/ready"})[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    assert {name: probe["httpGet"]["path"] for name, probe in probes.items()} == {"startup": "/live", "readiness": "/ready", "liveness": "/live"}


def test_readiness_alone_leaves_the_rest_to_a_connection() -> None:
    found = container(health={"readiness_path": "/ready"})
    assert found["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "http"}
    assert found["startupProbe"]["tcpSocket"] == found["livenessProbe"]["tcpSocket"] == {"port": "http"}


def test_an_app_that_names_no_path_is_asked_by_a_connection() -> None:
    probes = [container()[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert all(probe["tcpSocket"] == {"port": "http"} for probe in probes)
