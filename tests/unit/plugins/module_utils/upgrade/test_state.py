# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What an upgrade reads of the cluster: versions, whether they are rolled out, and who carries which proxy."""

from __future__ import annotations

from typing import Any

import pytest
from fake_kube import FakeKube

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.access import Access
from ansible_collections.meshgate.eks_istio.plugins.module_utils.upgrade import state as upgrade_state

Object = dict[str, Any]


def deployment(name: str, namespace: str, image: str, labels: dict[str, str], **status: int) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "generation": 2},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "main", "image": image}]}}},
        "status": {"observedGeneration": 2, "updatedReplicas": 2, "availableReplicas": 2, **status},
    }


def pod(name: str, owner: Object | None, image: str, **labels: str) -> Object:
    metadata: Object = {"name": name, "namespace": "shop", "labels": {"service.istio.io/canonical-name": "x", **labels}}
    if owner:
        metadata["ownerReferences"] = [owner]
    proxy = {"name": "istio-proxy", "image": image, "restartPolicy": "Always"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"initContainers": [proxy], "containers": [{"name": "app", "image": "app:1"}]}}


def inside(*objects: Object, **istio: str) -> Object:
    return upgrade_state._inside(FakeKube(objects), {"istio": istio}, moves=False)  # type: ignore[arg-type]


def test_an_empty_cluster_has_nothing_of_the_platform() -> None:
    assert inside() == {"nodes": [], "disruption_budgets": [], "controller": {}, "gateway_crds": {}, "istio": {}, "proxies": [], "deprecated_apis": []}


def test_the_controllers_version_is_its_charts() -> None:
    chart = {"helm.sh/chart": "aws-load-balancer-controller-3.2.2"}
    live = deployment("aws-load-balancer-controller", "kube-system", "controller:v9", chart)
    assert inside(live)["controller"] == {"version": "3.2.2", "unready": ""}


@pytest.mark.parametrize("status", [{"availableReplicas": 1}, {"updatedReplicas": 1}, {"observedGeneration": 1}])
def test_istio_is_not_ready_while_it_is_rolled_out(status: dict[str, int]) -> None:
    live = deployment("istiod", "istio-system", "pilot:1.31.1", {"operator.istio.io/version": "1.31.1"}, **status)
    found = inside(live)["istio"]
    assert found["version"] == "1.31.1" and "of 2 pods are available" in found["unready"]


def test_istio_of_a_revision_and_a_namespace_of_its_own() -> None:
    live = deployment("istiod-canary", "mesh", "docker.io/istio/pilot:1.31.1-distroless", {})
    assert inside(live, revision="canary", namespace="mesh")["istio"] == {"version": "1.31.1", "unready": ""}
    assert inside(live)["istio"] == {}


def test_every_proxy_is_known_by_its_images_version_and_by_what_makes_its_pod() -> None:
    replica_set = {"kind": "ReplicaSet", "name": "cart-5987b55d88"}
    pods = [
        pod("cart-5987b55d88-x", replica_set, "registry:5000/istio/proxyv2:1.30.2", **{"pod-template-hash": "5987b55d88"}),
        pod("stock-0", {"kind": "StatefulSet", "name": "stock"}, "istio/proxyv2:1.31.1-0a1b2c3d"),
        pod("report-x", {"kind": "Job", "name": "report"}, "istio/proxyv2:1.31.1@sha256:0123"),
        pod("lonely", None, "istio/proxyv2:latest"),
    ]
    assert [(entry["pod"], entry["version"], entry["owner"]) for entry in inside(*pods)["proxies"]] == [
        ("cart-5987b55d88-x", "1.30.2", "Deployment/cart"),
        ("stock-0", "1.31.1", "StatefulSet/stock"),
        ("report-x", "1.31.1", ""),
        ("lonely", "", ""),
    ]


def test_nodes_and_budgets() -> None:
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "ip-1", "labels": {"eks.amazonaws.com/nodegroup": "mng"}},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown"}], "nodeInfo": {"kubeletVersion": "v1.35.1-eks-1"}},
    }
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "cart", "namespace": "shop"},
        "status": {"disruptionsAllowed": 0, "expectedPods": 1, "currentHealthy": 1, "desiredHealthy": 1},
    }
    found = inside(node, budget)
    assert found["nodes"] == [{"name": "ip-1", "version": "v1.35.1-eks-1", "ready": False, "group": "mng"}]
    assert found["disruption_budgets"] == [{"namespace": "shop", "name": "cart", "allowed": 0, "expected": 1, "healthy": 1, "needed": 1}]


def test_a_cluster_that_does_not_answer_is_an_answer(tmp_path: Any) -> None:
    found = upgrade_state.read_cluster(Access(kubeconfig=str(tmp_path / "none")), {}, moves=True)
    assert found == {"unreachable": f"there is no kubeconfig {tmp_path / 'none'}"}
