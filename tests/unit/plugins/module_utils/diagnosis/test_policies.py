"""NetworkPolicies that nobody enforces are said."""

from __future__ import annotations

from typing import Any

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.policies import network_policies
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.network_policies import enforcer


def daemon_set(name: str, *args: str) -> dict[str, Any]:
    containers = [{"name": "aws-node"}, {"name": "aws-eks-nodeagent", "args": list(args)}]
    metadata = {"name": name, "namespace": "kube-system"}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": {"template": {"spec": {"containers": containers}}}}


POLICY = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "gateway", "namespace": "istio-ingress"}, "spec": {}}


@pytest.mark.parametrize(
    ("present", "found"),
    [
        ([], ""),
        ([daemon_set("kube-proxy")], ""),
        # https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy-configure.html: the node agent's own argument.
        ([daemon_set("aws-node", "--enable-network-policy=false")], ""),
        ([daemon_set("aws-node", "--enable-network-policy=true")], "aws-node"),
        ([daemon_set("kube-proxy"), daemon_set("cilium")], "cilium"),
        ([daemon_set("kindnet")], "kindnet"),
    ],
)
def test_who_enforces(present: list[dict[str, Any]], found: str) -> None:
    assert enforcer(present) == found


def test_policies_that_hold_nobody_off_are_named() -> None:
    section = network_policies(FakeApi(POLICY, daemon_set("aws-node")))
    assert [(finding.symptom, finding.note) for finding in section.findings] == [("unenforced", True)]
    assert "istio-ingress/gateway" in section.findings[0].what


@pytest.mark.parametrize("objects", [(POLICY, daemon_set("cilium")), (daemon_set("kube-proxy"),)])
def test_enforced_ones_and_none_at_all_are_fine(objects: tuple[dict[str, Any], ...]) -> None:
    assert network_policies(FakeApi(*objects)).state == "fine"
