# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The EnvoyFilter with which a stock Envoy counts what Istio's own proxy would."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stock_envoy_metrics
author: The meshgate authors (@meshgate)
short_description: The EnvoyFilter with which a stock Envoy counts what Istio's own proxy would
version_added: "0.1.0"
description:
  - Returns the manifest of an EnvoyFilter for Istio's root namespace, for M(meshgate.eks_istio.k8s_apply_set) to apply.
  - With it, sidecars and gateways whose Envoy is a stock one count requests and connections under the names and labels of
    U(https://istio.io/latest/docs/reference/config/metrics/), with C(envoy_) before the names, which scraping takes away.
  - It is for images without Istio's own Envoy, which counts by itself. With both, everything is counted twice.
positional: revision
options:
  _input:
    description: Istio's root namespace, such as V(istio-system).
    type: str
    required: true
  revision:
    description: The revision of Istio whose proxies these are. Empty for the default one.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Let stock Envoys count requests
  meshgate.eks_istio.k8s_apply_set:
    manifests: ["{{ 'istio-system' | meshgate.eks_istio.stock_envoy_metrics }}"]
    labels: {meshgate.io/cluster: sandbox, app.kubernetes.io/part-of: stock-envoy-metrics}
"""

RETURN = r"""
_value:
  description: The manifest.
  type: dict
  sample: {apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: {name: stock-envoy-metrics-default, namespace: istio-system}}
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.metrics import stock_envoy_filter


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"stock_envoy_metrics": stock_envoy_filter}
