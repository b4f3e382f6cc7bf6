# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Kubernetes objects of what looks at the mesh."""

from __future__ import annotations

DOCUMENTATION = r"""
name: observability_manifests
author: The meshgate authors (@meshgate)
short_description: The Kubernetes objects of what looks at the mesh
version_added: "0.1.0"
description:
  - Returns the objects of Prometheus in Istio's namespace, for M(meshgate.eks_istio.k8s_apply_set) to apply. It asks every pod that says so in an annotation,
    as Istio lets proxies and istiod do, and reads the answers of stock Envoys and of Istio's own alike (see the filter stock_envoy_metrics).
  - Its pod runs as a user without rights on a read-only root file system. A NetworkPolicy lets in who is named, and nobody else.
positional: namespace
options:
  _input:
    description: The components by name, of which C(prometheus) is one. What is not there is not wanted.
    type: dict
    required: true
    suboptions:
      prometheus:
        description:
          - C(image), C(resources), C(scrape_interval) in seconds, and C(retention) as Prometheus writes durations.
          - C(storage) is the size of a volume, of C(storage_class) or the default one. If it is empty, Prometheus forgets with its pod.
          - C(reader_namespaces) are namespaces whose pods may ask it, C(api_server_cidrs) the networks of the API server, which asks for those who have
            rights on its proxy.
        type: dict
  namespace:
    description: Istio's namespace.
    type: str
    default: istio-system
"""

EXAMPLES = r"""
- name: Run Prometheus
  meshgate.eks_istio.k8s_apply_set:
    manifests: "{{ wanted | meshgate.eks_istio.observability_manifests }}"
    labels: {meshgate.io/cluster: sandbox, app.kubernetes.io/part-of: observability}
  vars:
    wanted:
      prometheus:
        image: docker.io/prom/prometheus:v3.13.3
        resources: {requests: {cpu: 50m, memory: 256Mi}, limits: {memory: 1Gi}}
        scrape_interval: 15
        retention: 24h
        storage: ""
        storage_class: ""
        reader_namespaces: [argo-rollouts]
        api_server_cidrs: []
"""

RETURN = r"""
_value:
  description: The manifests.
  type: list
  elements: dict
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.manifests import manifests


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"observability_manifests": manifests}
