# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prometheus' objects: where it is found, what it may, who reaches it, and what it forgets."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from relabelling import relabelled

from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.manifests import manifests

WANTED: dict[str, Any] = {
    "image": "docker.io/prom/prometheus:v3.13.3",
    "scrape_interval": 15,
    "retention": "24h",
    "storage": "",
    "storage_class": "",
    "remote_write_url": "",
    "resources": {"limits": {"memory": "1Gi"}},
    "reader_namespaces": ["argo-rollouts"],
    "api_server_cidrs": ["10.0.12.7/32"],
}


def objects(**changed: Any) -> dict[str, dict[str, Any]]:
    return {item["kind"]: item for item in manifests({"prometheus": {**WANTED, **changed}}, "istio-system")}


def configuration(**changed: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(objects(**changed)["ConfigMap"]["data"]["prometheus.yml"])
    return found


def test_nothing_that_is_not_wanted() -> None:
    assert manifests({}) == []


def test_istios_tools_find_it() -> None:
    """By the pods' label, and by the Service's name and port."""
    found = objects()
    template = found["Deployment"]["spec"]["template"]
    assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "prometheus"
    assert found["Service"]["metadata"] == {"name": "prometheus", "namespace": "istio-system", "labels": {"app.kubernetes.io/name": "prometheus"}}
    assert [port["port"] for port in found["Service"]["spec"]["ports"]] == [9090]


def test_the_pod_has_no_rights_on_its_node_and_may_read_pods_only() -> None:
    found = objects()
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert found["ClusterRole"]["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    assert found["ClusterRoleBinding"]["subjects"] == [{"kind": "ServiceAccount", "name": "prometheus", "namespace": "istio-system"}]


def test_only_those_who_are_named_reach_it() -> None:
    (rule,) = objects()["NetworkPolicy"]["spec"]["ingress"]
    assert rule["ports"] == [{"port": 9090, "protocol": "TCP"}]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "argo-rollouts"}}} in rule["from"]
    assert {"ipBlock": {"cidr": "10.0.12.7/32"}} in rule["from"]
    assert not [source for source in rule["from"] if source in ({}, {"namespaceSelector": {}}, {"podSelector": {}})]
    assert objects(reader_namespaces=[], api_server_cidrs=[])["NetworkPolicy"]["spec"]["ingress"][0]["from"] != [], "none at all would let in everybody"


@pytest.mark.parametrize(("storage", "size"), [("", "1638MB"), ("20Gi", "16384MB")])
def test_it_deletes_its_oldest_samples_before_its_disk_is_full(storage: str, size: str) -> None:
    assert configuration(storage=storage)["storage"]["tsdb"]["retention"] == {"time": "24h", "size": size}


def test_without_a_volume_it_may_fill_no_more_of_the_node_than_it_says() -> None:
    assert "PersistentVolumeClaim" not in objects()
    assert {"name": "data", "emptyDir": {"sizeLimit": "2Gi"}} in objects()["Deployment"]["spec"]["template"]["spec"]["volumes"]


def test_with_a_volume_one_pod_ends_before_the_next_one_starts() -> None:
    found = objects(storage="20Gi", storage_class="gp3")
    assert found["PersistentVolumeClaim"]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "20Gi"}},
        "storageClassName": "gp3",
    }
    assert "storageClassName" not in objects(storage="20Gi")["PersistentVolumeClaim"]["spec"], "the cluster's default class is not 'no class'"
    assert (found["Deployment"]["spec"]["strategy"], found["Deployment"]["spec"]["replicas"]) == ({"type": "Recreate"}, 1)


def target(**found: str) -> dict[str, str] | None:
    """Where a pod is asked, of what Kubernetes says about it."""
    pod = {"__address__": "10.244.0.9:8080", "__meta_kubernetes_pod_ip": "10.244.0.9", "__meta_kubernetes_pod_phase": "Running"}
    pod |= {"__meta_kubernetes_namespace": "shop", "__meta_kubernetes_pod_name": "front-1", "__meta_kubernetes_pod_label_app": "front"}
    job = next(job for job in configuration()["scrape_configs"] if job["job_name"] == "kubernetes-pods")
    return relabelled({**pod, **found}, job["relabel_configs"])


SIDECAR = {
    "__meta_kubernetes_pod_annotation_prometheus_io_scrape": "true",
    "__meta_kubernetes_pod_annotation_prometheus_io_port": "15020",
    "__meta_kubernetes_pod_annotation_prometheus_io_path": "/stats/prometheus",
}


def test_a_pod_with_a_sidecar_is_asked_at_its_agent() -> None:
    found = target(**SIDECAR) or {}
    assert (found["__address__"], found["__metrics_path__"]) == ("10.244.0.9:15020", "/stats/prometheus")
    assert (found["namespace"], found["pod"], found["app"]) == ("shop", "front-1", "front")
    assert (target(**SIDECAR, __meta_kubernetes_pod_ip="fd00::9") or {})["__address__"] == "[fd00::9]:15020"


def test_several_ports_of_a_pod_are_one_target() -> None:
    def kept(found: dict[str, str] | None) -> dict[str, str]:
        return {name: value for name, value in (found or {}).items() if not name.startswith("__meta_")}

    assert kept(target(**SIDECAR)) == kept(target(**SIDECAR, __address__="10.244.0.9:15090", __meta_kubernetes_pod_container_name="istio-proxy"))


def test_who_does_not_say_so_is_not_asked() -> None:
    assert target() is None
    assert target(**{**SIDECAR, "__meta_kubernetes_pod_annotation_prometheus_io_scrape": "false"}) is None
    assert target(**SIDECAR, __meta_kubernetes_pod_phase="Succeeded") is None


def test_its_alerts_are_in_the_file_that_it_reads() -> None:
    (path,) = configuration()["rule_files"]
    files = objects()["ConfigMap"]["data"]
    rules = [rule for group in yaml.safe_load(files[path.removeprefix("/etc/prometheus/")])["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules} >= {"ServiceFails", "ProxiesRejectConfiguration"}
    assert [rule["alert"] for rule in rules if not rule["annotations"]["summary"] or rule["labels"]["severity"] not in ("warning", "critical")] == []
