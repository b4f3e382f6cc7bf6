# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_ready import (
    NotReady,
    accepted_state,
    await_true,
    causes,
    endpoints_state,
    webhook_services,
    workload_state,
    workloads_state,
)

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "lbc", "namespace": "kube-system"},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "lbc"}}},
}
INGRESS = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "probe", "namespace": "kube-system"}}


def live(**status) -> dict:
    return {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "generation": 3}, "status": status}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"observedGeneration": 2}, "its newest version is not yet seen by its controller"),
        ({"observedGeneration": 3, "updatedReplicas": 1, "replicas": 1}, "1 of 2 pods are new"),
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 3, "readyReplicas": 3}, "1 old pods are still there"),
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 2, "readyReplicas": 1}, "1 of 2 pods are ready"),
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 2, "readyReplicas": 2}, ""),
    ],
)
def test_a_deployment_is_ready_when_its_newest_version_is(status, state):
    assert workload_state(live(**status)) == state


def test_a_missing_workload_is_named():
    assert workloads_state(FakeApi(), [DEPLOYMENT]) == "Deployment lbc: is not there"


def test_webhooks_wait_for_ready_endpoints():
    client = {"clientConfig": {"service": {"namespace": "kube-system", "name": "webhook"}}}
    configuration = {"kind": "MutatingWebhookConfiguration", "webhooks": [client, client, {"clientConfig": {"url": "https://x"}}]}
    assert webhook_services([configuration, DEPLOYMENT]) == [("kube-system", "webhook")]

    endpoint = {"conditions": {"ready": False}}
    metadata = {"name": "webhook-1", "namespace": "kube-system", "labels": {"kubernetes.io/service-name": "webhook"}}
    api = FakeApi({"kind": "EndpointSlice", "metadata": metadata, "endpoints": [endpoint]})
    assert endpoints_state(api, [("kube-system", "webhook")]) == "Service kube-system/webhook has no ready endpoint"
    api.put({"kind": "EndpointSlice", "metadata": metadata, "endpoints": [endpoint, {"conditions": {"ready": True}}]})
    assert endpoints_state(api, [("kube-system", "webhook")]) == ""


def test_an_ingress_must_pass_admission_and_is_not_created():
    api = FakeApi()
    assert accepted_state(api, [INGRESS]) == ""
    assert api.objects == {}
    api.refuse = KubeError("failed calling webhook: connection refused", 500)
    assert "Ingress probe is not accepted: failed calling webhook" in accepted_state(api, [INGRESS])
    api.refuse = KubeError("already exists", 409)
    assert accepted_state(api, [INGRESS]) == ""


def test_the_end_of_a_wait_tells_the_last_state_and_the_causes():
    with pytest.raises(NotReady, match="lbc: 0 of 2 pods are ready, after 0 s") as failure:
        await_true("lbc", lambda: "0 of 2 pods are ready", timeout=0, interval=0.01, why=lambda: ["no image"])
    assert failure.value.causes == ["no image"]


def test_causes_are_states_log_lines_and_warnings():
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    pod = {
        "kind": "Pod",
        "metadata": {"name": "lbc-1", "namespace": "kube-system", "labels": {"app": "lbc"}},
        "status": {"containerStatuses": [{"name": "controller", "ready": False, "state": waiting}]},
    }
    event = {
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "kube-system"},
        "type": "Warning",
        "involvedObject": {"kind": "Pod", "name": "lbc-1"},
        "reason": "BackOff",
        "message": "restarting",
    }
    api = FakeApi(pod, event)
    api.logs["lbc-1"] = "starting\nAccessDenied: no role\n"
    found = causes(api, [DEPLOYMENT])
    assert "pod lbc-1, controller: waiting CrashLoopBackOff back-off 10s" in found
    assert "pod lbc-1 says: AccessDenied: no role" in found
    assert "Pod lbc-1: BackOff: restarting" in found
    assert causes(FakeApi(), [DEPLOYMENT]) == ["Deployment lbc has no pods"]


def test_pods_that_admission_refuses_are_explained_by_who_would_have_made_them():
    maker = {"kind": "ReplicaSet", "metadata": {"name": "lbc-5c44", "namespace": "kube-system", "labels": {"app": "lbc"}}}
    event = {
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "kube-system"},
        "type": "Warning",
        "involvedObject": {"kind": "ReplicaSet", "name": "lbc-5c44"},
        "reason": "FailedCreate",
        "message": "violates PodSecurity restricted",
    }
    found = causes(FakeApi(maker, event), [DEPLOYMENT])
    assert found == ["Deployment lbc has no pods", "ReplicaSet lbc-5c44: FailedCreate: violates PodSecurity restricted"]
