# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The look at an account counts what the other roles' pods request: by their own defaults where the inventory says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).resolve().parents[2] / "roles"
PODS = yaml.safe_load((ROLES / "eks_cluster/vars/main.yml").read_text())["_eks_cluster_pods"]


def defaults(role: str) -> dict[str, Any]:
    return yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())


def counted(**variables: Any) -> dict[str, tuple[int, str, str]]:
    templar = Templar(DataLoader(), variables=variables)

    def said(value: Any) -> str:
        return str(templar.template(trust_as_template(value)) if isinstance(value, str) else value)

    return {one["name"]: (int(said(one["replicas"])), said(one["cpu"]), said(one["memory"])) for one in PODS}


def test_the_defaults_are_the_roles_own() -> None:
    istio, services = defaults("istio"), defaults("rust_services")
    controller = yaml.safe_load((ROLES / "alb_controller/vars/main.yml").read_text())["_alb_controller_own_values"]["resources"]["requests"]
    pilot, gateway, service = (
        one["requests"] for one in (istio["istio_pilot_resources"], istio["istio_ingress_resources"], services["rust_services_resources"])
    )
    sidecar, both = services["rust_services_pod_annotations"], 2 * services["rust_services_replicas"]
    assert counted() == {
        "istiod": (istio["istio_pilot_replicas"], pilot["cpu"], pilot["memory"]),
        "istio-ingressgateway": (istio["istio_ingress_replicas"], gateway["cpu"], gateway["memory"]),
        "aws-load-balancer-controller": (defaults("alb_controller")["alb_controller_replicas"], controller["cpu"], controller["memory"]),
        "service-a and service-b": (both, service["cpu"], service["memory"]),
        "sidecars": (both, sidecar["sidecar.istio.io/proxyCPU"], sidecar["sidecar.istio.io/proxyMemory"]),
    }


def test_what_the_inventory_says_counts() -> None:
    found = counted(istio_ingress_enabled=False, istio_pilot_replicas=3, istio_pilot_resources={"requests": {"cpu": "1"}}, rust_services_replicas=5)
    assert found["istio-ingressgateway"][0] == 0
    assert found["istiod"] == (3, "1", "0")
    assert found["sidecars"][0] == 10
