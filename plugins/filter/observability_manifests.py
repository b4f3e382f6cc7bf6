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
  - Returns the objects of Prometheus, Alertmanager, Kiali, Istio's dashboards and Jaeger in Istio's namespace, for M(meshgate.eks_istio.k8s_apply_set) to
    apply, under the names, labels and ports by which Istio's tools find them.
  - Prometheus asks every pod that says so in an annotation, as Istio lets proxies and istiod do, and reads the answers of stock Envoys and of Istio's own alike
    (see the filter stock_envoy_metrics).
  - Each is one pod, of a user without rights, on a read-only root file system. A NetworkPolicy lets in who needs it, and nobody else. None has a password.
positional: namespace, behind_login
options:
  _input:
    description: The components by name. What is not there is not wanted. Each has an C(image), C(resources), and C(api_server_cidrs), the networks of the API
      server, which asks for those who have rights on its proxy.
    type: dict
    required: true
    suboptions:
      prometheus:
        description:
          - C(scrape_interval) in seconds, and C(retention) as Prometheus writes durations.
          - C(storage) is the size of a volume, of C(storage_class) or the default one. If it is empty, Prometheus forgets with its pod.
          - C(reader_namespaces) are namespaces whose pods may ask it.
          - C(remote_write_url) is where it sends its samples, too, or empty. To Amazon Managed Prometheus they are signed with the role of its service account.
        type: dict
      alertmanager:
        description:
          - C(receivers) are who is told, each with a C(name), one or more of C(webhook) (C(url), or C(url_secret) with C(name) and C(key)), C(email) (C(to),
            C(from), C(smarthost), C(username), C(password_secret), C(require_tls)) and C(sns) (C(topic_arn)), and the C(severities) of which it is told,
            C(critical) and C(warning) by default.
          - C(repeat_interval) is after how long it is told again.
        type: dict
      kiali:
        description:
          - C(namespaces) are those that it reads beside Istio's own.
          - Its configuration is written for version 2, or for version 1 if the image's tag says so.
          - C(dashboards_image) is the image of C(dashboards), to which it links if that is Grafana.
        type: dict
      dashboards:
        description: C(files) are Istio's dashboards as JSON, by name, for Grafana. An image named C(perses) is Perses, which has them in it.
        type: dict
      tracing:
        description: C(sampling) is the percentage of requests that are traced, C(traces) how many traces Jaeger keeps in memory.
        type: dict
  namespace:
    description: Istio's namespace.
    type: str
    default: istio-system
  behind_login:
    description:
      - Pages that are reached through the ingress gateway, behind a login at its load balancer.
      - C(hosts) are their host names, by component (V(kiali), V(prometheus), V(dashboards)).
      - C(login) is the identity provider, by OpenID Connect, with C(issuer), C(authorization_endpoint), C(token_endpoint), C(user_info_endpoint), C(secret)
        (the Secret with C(clientID) and C(clientSecret)), C(scope), and C(session_timeout) in seconds.
      - C(gateway) has the C(namespace) and the C(selector) of the gateway's pods.
      - C(load_balancer) is what M(meshgate.eks_istio.alb_ingress_info) returns of the gateway's Ingress. If it is empty, there are no such objects.
      - C(controller) has the C(name) and C(namespace) of the service account of the AWS Load Balancer Controller.
    type: dict
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
        remote_write_url: ""
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
