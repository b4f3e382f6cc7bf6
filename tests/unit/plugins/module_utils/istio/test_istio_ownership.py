# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a look at a cluster's Istio tells."""

from __future__ import annotations

from typing import Any

import pytest
from fake_api import FakeApi

from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio import ownership as istio_ownership


def cilium() -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "cilium", "namespace": "kube-system", "labels": {}}, "spec": {}}


@pytest.mark.parametrize(("objects", "enforcer"), [((), ""), ((cilium(),), "cilium")])
def test_it_says_what_enforces_network_policies(monkeypatch: pytest.MonkeyPatch, objects: tuple[dict[str, Any], ...], enforcer: str) -> None:
    monkeypatch.setattr(istio_ownership, "workloads", lambda api: [])
    found = istio_ownership.survey(FakeApi(*objects), {"meshgate.io/cluster": "sandbox"})
    assert found == {"workloads": [], "foreign": [], "network_policy_enforcer": enforcer}
