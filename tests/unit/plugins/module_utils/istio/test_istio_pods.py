# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio import pods as mesh_pods
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError

APPS = ["service-a"]
PROXY = {"name": "istio-proxy"}
NATIVE = {"initContainers": [{**PROXY, "restartPolicy": "Always"}], "containers": [{"name": "app"}]}
OLDER = {"initContainers": [{"name": "istio-init"}], "containers": [{"name": "app"}, PROXY]}
NONE = {"initContainers": [PROXY], "containers": [{"name": "app"}]}


class Cluster:
    """Pods, and what the API server's way to them answers: a text, or an error."""

    def __init__(self, *pods: dict[str, t.Any], health: str | KubeError = "", answer: str | KubeError = "") -> None:
        self.pods, self.health, self.answer = pods, health, answer
        self.asked: list[str] = []

    def map(self, function: t.Callable[[t.Any], t.Any], items: t.Iterable[t.Any]) -> list[t.Any]:
        return [function(item) for item in items]

    def find(self, *_where: str, labels: str = "") -> list[dict[str, t.Any]]:
        return list(self.pods)

    def request(self, method: str, path: str) -> str:
        self.asked.append(path)
        said = self.health if ":15021/" in path else self.answer
        if isinstance(said, KubeError):
            raise said
        return said


def pod(spec: dict[str, t.Any], ready: bool = True, phase: str = "Running") -> dict[str, t.Any]:
    where = "initContainerStatuses" if spec is NATIVE else "containerStatuses"
    status = {"phase": phase, where: [{"name": "istio-proxy", "ready": ready}]}
    return {"metadata": {"name": "a-1", "namespace": "rust-services", "labels": {"app": "service-a"}}, "spec": spec, "status": status}


def complaints(cluster: Cluster) -> list[str]:
    return mesh_pods.look_until_fine(cluster, "rust-services", "app=service-a", APPS, 3000, "/health", 0)[1]


REFUSED = KubeError("error trying to reach service: read tcp: connection reset by peer", 503)


@pytest.mark.parametrize(("spec", "kind"), [(NATIVE, "native"), (OLDER, "container"), (NONE, "")])
def test_both_forms_of_a_sidecar_are_known(spec: dict[str, t.Any], kind: str) -> None:
    assert mesh_pods.sidecar(pod(spec)) == kind


@pytest.mark.parametrize("spec", [NATIVE, OLDER])
def test_a_pod_that_refuses_is_fine(spec: dict[str, t.Any]) -> None:
    cluster = Cluster(pod(spec), answer=REFUSED)
    assert complaints(cluster) == []
    assert cluster.asked[-1] == "/api/v1/namespaces/rust-services/pods/a-1:3000/proxy/health"


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (Cluster(), "service-a has no running pod"),
        (Cluster(pod(NATIVE, phase="Pending")), "service-a has no running pod"),
        (Cluster(pod(NONE)), "has no sidecar"),
        (Cluster(pod(NATIVE, ready=False), answer=REFUSED), "is not ready"),
        (Cluster(pod(NATIVE), answer='{"status":"Healthy"}'), "answered with 200"),
        # A policy that denies still answered in plain text: mutual TLS is not what refused.
        (Cluster(pod(NATIVE), answer=KubeError("RBAC: access denied", 403)), "answered with 403"),
        # Nothing is proved when the API server cannot reach the pod at all.
        (Cluster(pod(NATIVE), health=KubeError("error trying to reach service: i/o timeout", 503), answer=REFUSED), "cannot reach the pod"),
    ],
)
def test_anything_else_is_told(cluster: Cluster, said: str) -> None:
    found = complaints(cluster)
    assert len(found) == 1 and said in found[0], found
