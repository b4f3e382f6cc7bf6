# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is asked, and that one answer that does not come costs only what it was for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from status_rig import balancer, wanted

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.client import AwsError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.access import Access
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.api import KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status import gather
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.facts import Call, Facts

CALL = {"source_workload_namespace": "a", "source_workload": "b", "destination_service_namespace": "c", "destination_service_name": "d"}


class Kube:
    """An API server. `refused`: kinds that the caller may not list."""

    def __init__(self, refused: tuple[str, ...] = (), prometheus: bool = False, broken: KubeError | None = None) -> None:
        self.refused, self.prometheus, self.broken = refused, prometheus, broken

    def __call__(self, *_arguments: Any, **_options: Any) -> Kube:
        return self

    def __enter__(self) -> Kube:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def find(self, _api_version: str, kind: str, *_where: Any, **_which: Any) -> list[dict[str, Any]]:
        if kind in self.refused:
            raise KubeError(f"{kind} is forbidden", 403)
        return [] if kind == "Secret" or kind.endswith("Configuration") else [{"kind": kind, "metadata": {"name": kind.lower()}}]

    def get(self, _api_version: str, kind: str, name: str, _namespace: str | None = None) -> dict[str, Any] | None:
        return {"metadata": {"name": name}} if kind == "CustomResourceDefinition" or (name == "prometheus" and self.prometheus) else None

    def request(self, _method: str, path: str, _query: dict[str, str] | None = None) -> Any:
        if self.broken:
            raise self.broken
        if path == "/version":
            return {"gitVersion": "v1.36.4"}
        return {"status": "success", "data": {"result": [{"metric": CALL, "value": [0, "2.5"]}]}}


class Cloud:
    """EKS and, by `describe`, a load balancer; or only an error."""

    def __init__(self, error: AwsError | None = None) -> None:
        self.error = error

    def find(self, _service: str, operation: str, key: str, **_arguments: Any) -> Any:
        if self.error:
            raise self.error
        return {"name": "sandbox", "status": "ACTIVE", "version": "1.36"} if key == "cluster" else {"nodegroupName": operation, "status": "ACTIVE"}

    def pages(self, *_what: Any, **_arguments: Any) -> list[str]:
        return ["mng"]

    def retrying_client(self, _service: str) -> object:
        return object()


def gathered(monkeypatch: pytest.MonkeyPatch, kube: Kube, aws: Any = None, kubeconfig: str = "") -> Facts:
    monkeypatch.setattr(gather, "KubeApi", kube)
    monkeypatch.setattr(gather.elbv2, "by_tags", lambda _client, _cluster: [{}])
    monkeypatch.setattr(gather.elbv2, "describe", lambda _client, _item: balancer("healthy"))
    return gather.gather(wanted(), Access(kubeconfig), aws)


def test_all_of_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = gathered(monkeypatch, Kube(prometheus=True), Cloud())
    assert facts.unread == {} and not facts.unreached
    assert set(facts.objects) == {kind for _api_version, kind in gather.KINDS} | {"CustomResourceDefinition"}
    assert facts.version == "v1.36.4"
    assert facts.eks and facts.node_groups and facts.balancers
    assert facts.traffic and facts.traffic.calls == [Call(("a", "b"), ("c", "d"), 2.5, 2.5)]


@pytest.mark.parametrize("kind", [kind for _api_version, kind in gather.KINDS])
def test_what_may_not_be_listed_costs_only_its_kind(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    facts = gathered(monkeypatch, Kube(refused=(kind,), prometheus=True), Cloud())
    assert facts.unread == {kind: f"{kind} is forbidden"}
    assert kind not in facts.objects and len(facts.objects) == len(gather.KINDS)


def test_secrets_that_may_not_be_read_are_said_and_the_other_certificates_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = gathered(monkeypatch, Kube(refused=("Secret",), prometheus=True), Cloud())
    assert facts.unread == {"certificates": "TLS Secrets cannot be read: Secret is forbidden"}


def test_a_platform_without_metrics_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = gathered(monkeypatch, Kube(), Cloud())
    assert facts.unread == {"metrics": "there is no Prometheus (Service istio-system/prometheus)"}
    assert facts.traffic is None


def test_aws_that_refuses_costs_only_what_aws_says(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = gathered(monkeypatch, Kube(prometheus=True), Cloud(AwsError("eks:DescribeCluster: the credentials have expired", "ExpiredToken")))
    assert facts.unread == {"EKS": "eks:DescribeCluster: the credentials have expired"}
    assert facts.version and facts.balancers


def test_without_aws_it_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gathered(monkeypatch, Kube(prometheus=True)).unread == {"EKS": "AWS was not asked", "ELBv2": "AWS was not asked"}


def test_a_server_that_does_not_answer_leaves_what_aws_says(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = gathered(monkeypatch, Kube(broken=KubeError("the API server does not answer: refused")), Cloud())
    assert facts.unreached == "the API server does not answer: refused"
    assert facts.eks and facts.objects == {} and not facts.no_kubeconfig


def test_without_a_kubeconfig_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = gathered(monkeypatch, Kube(broken=KubeError("asked")), Cloud(), str(tmp_path / "kubeconfig"))
    assert facts.no_kubeconfig and facts.unreached == f"there is no kubeconfig {tmp_path / 'kubeconfig'}"
