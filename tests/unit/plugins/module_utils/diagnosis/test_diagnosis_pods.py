# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

import datetime
import typing as t

import pytest
from fake_kube import FakeKube

from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis import pods as report_pods

NOW = datetime.datetime(2026, 11, 21, 12, 0, 0, tzinfo=datetime.UTC)
OLD, YOUNG = "2026-11-21T11:00:00Z", "2026-11-21T11:59:30Z"
READY = [{"type": "Initialized", "status": "True"}, {"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "True"}]
UNREADY = [{"type": "Initialized", "status": "True"}, {"type": "ContainersReady", "status": "False"}, {"type": "Ready", "status": "False"}]
GATE = "target-health.elbv2.k8s.aws/k8s-one"
RUNS = {"running": {"startedAt": OLD}}


def container(state: dict[str, t.Any], ready: bool = False, **more: t.Any) -> dict[str, t.Any]:
    return {"name": "app", "state": state, "ready": ready, **more}


def waits(reason: str, message: str = "") -> dict[str, t.Any]:
    return container({"waiting": {"reason": reason, "message": message}})


def pod(*containers: dict[str, t.Any], conditions: list[dict[str, str]] | None = None, created: str = OLD, **status: t.Any) -> dict[str, t.Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": "a-1", "namespace": "shop", "creationTimestamp": created},
        "spec": {"containers": [{"name": "app"}]},
        "status": {"phase": "Running", "containerStatuses": list(containers), "conditions": UNREADY if conditions is None else conditions, **status},
    }


def of(item: dict[str, t.Any]) -> tuple[str, str, bool] | None:
    found = report_pods.trouble(item, NOW)
    return (found.symptom, found.why, found.note) if found else None


@pytest.mark.parametrize(
    "item",
    [
        pod(container(RUNS, ready=True), conditions=READY),
        pod(phase="Succeeded"),
        # Many restarts, long ago.
        pod(container(RUNS, True, restartCount=9, lastState={"terminated": {"exitCode": 1, "finishedAt": "2026-11-20T11:00:00Z"}}), conditions=READY),
    ],
)
def test_a_pod_that_is_fine_is_no_trouble(item: dict[str, t.Any]) -> None:
    assert of(item) is None


@pytest.mark.parametrize(
    ("item", "symptom", "why"),
    [
        (pod(waits("ImagePullBackOff", 'Back-off pulling image "nowhere/x"')), "image", 'ImagePullBackOff Back-off pulling image "nowhere/x"'),
        (pod(waits("ErrImageNeverPull", "is not present")), "image", "ErrImageNeverPull is not present"),
        (pod(waits("CreateContainerConfigError", 'configmap "x" not found')), "config", 'CreateContainerConfigError configmap "x" not found'),
        (
            pod({**waits("CrashLoopBackOff"), "restartCount": 4, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}),
            "crash",
            "ended with exit code 137 (OOMKilled), 4 restarts",
        ),
        (pod(container({"terminated": {"exitCode": 3, "reason": "Error"}}, restartCount=0)), "crash", "ended with exit code 3, 0 restarts"),
        (
            pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
            "crash",
            "failed: Evicted The node was low on resource: memory.",
        ),
        (
            pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}], phase="Pending"),
            "scheduling",
            "Unschedulable 0/1 nodes are available",
        ),
        (pod(container(RUNS)), "unready", "runs, and its readiness probe fails (3600 s old)"),
        (pod(waits("ContainerCreating"), phase="Pending"), "starting", "ContainerCreating (3600 s old)"),
        # What comes later waits for an init container: that is the cause, and it is named.
        (pod(waits("PodInitializing"), initContainerStatuses=[{**waits("ImagePullBackOff"), "name": "setup"}]), "image", "ImagePullBackOff"),
    ],
)
def test_what_is_wrong_is_named_by_its_cause(item: dict[str, t.Any], symptom: str, why: str) -> None:
    assert of(item) == (symptom, why, False)


def test_a_young_pod_may_still_start() -> None:
    found = of(pod(waits("ContainerCreating"), created=YOUNG, phase="Pending"))
    assert found and found[0] == "starting" and found[2]


def test_a_pod_that_waits_for_the_load_balancer_names_its_gate() -> None:
    item = pod(container(RUNS, True), conditions=[*READY[:2], {"type": "Ready", "status": "False"}, {"type": GATE, "status": "False", "message": "unhealthy"}])
    item["spec"]["readinessGates"] = [{"conditionType": GATE}]
    assert of(item) == ("unready", f"waits for {GATE} unhealthy", False)


def test_a_pod_that_ends_too_slowly_is_told() -> None:
    item = pod(container(RUNS, True), conditions=READY)
    item["metadata"]["deletionTimestamp"] = "2026-11-21T11:55:00Z"
    assert of(item) == ("terminating", "should have ended 300 s ago", False)
    item["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:20Z"
    assert of(item) is None


def test_a_pod_that_works_again_is_a_note() -> None:
    last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-21T11:58:00Z"}}
    assert of(pod(container(RUNS, True, restartCount=3, lastState=last), conditions=READY)) == (
        "crash",
        "is ready, but ended with exit code 1 120 s ago, 3 restarts",
        True,
    )


def test_the_last_words_of_a_container_come_with_it() -> None:
    event = {"kind": "Event", "metadata": {"name": "e", "namespace": "shop"}, "type": "Warning", "reason": "BackOff", "message": "restarting\nfailed container"}
    event["involvedObject"] = {"kind": "Pod", "name": "a-1"}
    crashed = pod({**waits("CrashLoopBackOff"), "restartCount": 2, "lastState": {"terminated": {"exitCode": 1}}})
    section = report_pods.look(FakeKube([crashed, event], logs={"a-1": "one\n\nno database"}), 5, NOW)
    assert section.state == "wrong" and section.lines[0] == "0 of 1 pods are as they should be"
    assert section.findings[0].what == "shop/a-1, container app: ended with exit code 1, 2 restarts"
    assert section.findings[0].details == ["one", "no database", "BackOff: restarting failed container"]


def test_many_pods_with_one_trouble_are_three_findings() -> None:
    pods = [pod(waits("ImagePullBackOff")) for _number in range(9)]
    for number, item in enumerate(pods):
        item["metadata"] |= {"name": f"a-{number}", "ownerReferences": [{"kind": "ReplicaSet", "name": "a"}]}
    section = report_pods.look(FakeKube(pods), 5, NOW)
    assert len(section.findings) == 3 and len(section.lines) == 10
