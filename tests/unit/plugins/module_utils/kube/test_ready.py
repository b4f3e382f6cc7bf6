# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
from __future__ import annotations

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.ready import (
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
        ({"observedGeneration": 2}, "its controller has not observed its newest generation"),
        ({"observedGeneration": 3, "updatedReplicas": 1, "replicas": 1}, "1 of 2 pods are updated"),
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 3, "readyReplicas": 3}, "1 old pods still exist"),
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 2, "readyReplicas": 1}, "1 of 2 pods are ready"),
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 2, "readyReplicas": 2}, ""),
    ],
)
def test_a_deployment_is_ready_when_its_newest_version_is(status, state):
    assert workload_state(live(**status)) == state


def test_a_missing_workload_is_named():
    assert workloads_state(FakeApi(), [DEPLOYMENT]) == "Deployment lbc: does not exist"


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
    assert "pod lbc-1 logged: AccessDenied: no role" in found
    assert "Pod lbc-1: BackOff: restarting" in found
    assert causes(FakeApi(), [DEPLOYMENT]) == ["Deployment lbc has no pods"]


GATE = "target-health.elbv2.k8s.aws/k8s-gateway"
NOT_READY = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": f'the status of pod readiness gate "{GATE}" is not "True"'}


def lbc_pod(containers: list, conditions: list, init: list | None = None) -> dict:
    return {
        "kind": "Pod",
        "metadata": {"name": "lbc-1", "namespace": "kube-system", "labels": {"app": "lbc"}},
        "spec": {"readinessGates": [{"conditionType": GATE}]},
        "status": {"containerStatuses": containers, "initContainerStatuses": init or [], "conditions": conditions},
    }


def test_a_pod_that_only_a_readiness_gate_holds_is_explained_by_the_gate():
    gate = {"type": GATE, "status": "False", "reason": "Target.Timeout", "message": "Request timed out"}
    scheduled = {"type": "PodScheduled", "status": "True"}
    found = causes(FakeApi(lbc_pod([{"name": "controller", "ready": True}], [scheduled, NOT_READY, gate])), [DEPLOYMENT])
    assert found == [f"pod lbc-1: ReadinessGatesNotReady {NOT_READY['message']}", f"pod lbc-1, {GATE}: Target.Timeout Request timed out"]
    found = causes(FakeApi(lbc_pod([{"name": "controller", "ready": True}], [NOT_READY, {"type": GATE, "status": "Unknown"}])), [DEPLOYMENT])
    assert found[1:] == [f"pod lbc-1, {GATE}: Unknown"]


def test_a_pod_that_only_its_sidecar_holds_is_explained_by_the_sidecar():
    """A sidecar of the native kind is an init container."""
    sidecar = {"name": "istio-proxy", "ready": False, "state": {"running": {"startedAt": "now"}}}
    api = FakeApi(lbc_pod([{"name": "controller", "ready": True}], [NOT_READY], [{"name": "setup", "ready": True}, sidecar]))
    api.logs["lbc-1"] = "cannot reach istiod"
    assert causes(api, [DEPLOYMENT]) == ["pod lbc-1, istio-proxy: running", "pod lbc-1 logged: cannot reach istiod"]


def test_a_cluster_that_does_not_answer_does_not_hide_what_failed():
    def no_answer() -> list[str]:
        raise KubeError("connection refused")

    with pytest.raises(NotReady, match="lbc: 0 of 2 pods are ready") as failure:
        await_true("lbc", lambda: "0 of 2 pods are ready", timeout=0, interval=0.01, why=no_answer)
    assert failure.value.causes == ["the cluster does not tell why: connection refused"]


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
