# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What istioctl says about routes before they are live."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Failure
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.access import Access
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh import trial

APP = {"name": "product", "namespace": "shop", "port": 8080, "image": "p", "versions": [{"name": "v1"}]}
ROUTE = {"name": "front", "namespace": "shop", "hosts": ["shop.example.com"], "rules": [{"to": [{"app": "product", "version": "v1"}]}]}
GATEWAY = {"name": "edge", "namespace": "ingress", "service": "gateway", "selector": {"istio": "gateway"}}
PARAMS: dict[str, Any] = {
    "state": "present",
    "wanted": {"apps": [APP], "routes": [ROUTE], "gateway": GATEWAY},
    "routing_api": "istio",
    "set": "shop",
    "namespaces": [],
    "istioctl": "istioctl",
    "shadow": False,
    "address": "",
    "timeout": 1,
}


class NoRoutes:
    """A cluster in which nobody has a route."""

    def map(self, function: Any, items: Any) -> list[Any]:
        return [function(item) for item in items]

    def find(self, *_place: Any) -> list[Any]:
        return []


def analyzed(monkeypatch: pytest.MonkeyPatch, host: str, check_mode: bool) -> dict[str, Any]:
    said = f'IST0101 (VirtualService shop/front): Referenced host not found: "{host}"'
    monkeypatch.setattr(trial.Istioctl, "analyze", lambda *_arguments: ([said], []))
    return trial.run(NoRoutes(), Access(), PARAMS, check_mode)  # type: ignore[arg-type]


def test_check_mode_misses_no_service_that_the_same_run_would_make(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("product.shop.svc.cluster.local", "product-v1.shop.svc.cluster.local"):
        assert analyzed(monkeypatch, host, check_mode=True)["moves"] == []


@pytest.mark.parametrize(("host", "check_mode"), [("product-v2.shop.svc.cluster.local", True), ("product-v1.shop.svc.cluster.local", False)])
def test_a_service_that_nobody_makes_is_the_end(monkeypatch: pytest.MonkeyPatch, host: str, check_mode: bool) -> None:
    """Outside of check mode, the apps are there when their routes are looked at."""
    with pytest.raises(Failure, match="Referenced host not found"):
        analyzed(monkeypatch, host, check_mode)
