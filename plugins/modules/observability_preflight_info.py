#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Check whether a cluster can run what looks at its mesh."""

from __future__ import annotations

DOCUMENTATION = r"""
module: observability_preflight_info
author: The meshgate authors (@meshgate)
short_description: Check whether a cluster can run what looks at its mesh
version_added: "0.1.0"
description:
  - With V(tracing) in O(components), fails if the mesh's configuration names no provider to which proxies send spans, and if a C(Telemetry) of somebody else
    applies to the whole mesh, since Istio takes only one.
  - With V(prometheus), fails if a volume is requested that the cluster does not make, because it has no such StorageClass, no default one, a class that makes
    none by itself, or lacks the class's CSI driver; and if the volume that Prometheus has would have to shrink. The message names the classes that can be used.
  - With O(hosts), fails if the gateway's load balancer has no HTTPS listener, the Secret of the login lacks C(clientID) or C(clientSecret), or no
    AuthorizationPolicy keeps those away from the gateway who do not come from the load balancer's networks.
  - Returns the addresses from which the API server calls pods, for NetworkPolicies, and the mesh's namespaces.
options:
  components:
    description: What is to be installed, as in C(observability_components).
    type: list
    elements: str
    default: []
  receivers:
    description: Who is told of alerts, as in C(observability_alert_receivers). The Secrets that they name must exist.
    type: list
    elements: dict
    default: []
  namespace:
    description: Istio's namespace.
    type: str
    default: istio-system
  storage:
    description: The requested size of Prometheus' volume, such as C(20Gi). Empty requests none.
    type: str
    default: ""
  storage_class:
    description: The StorageClass. Empty for the cluster's default one.
    type: str
    default: ""
  hosts:
    description: The host names of pages behind a login, by component, as in C(observability_hosts).
    type: dict
    default: {}
  login_secret:
    description: The Secret with the C(clientID) and the C(clientSecret) of the login, in O(ingress_namespace).
    type: str
    default: ""
  ingress:
    description: The gateway's Ingress.
    type: str
    default: ingress
  ingress_namespace:
    description: The namespace of the gateway and its Ingress.
    type: str
    default: istio-ingress
attributes:
  check_mode:
    description: Read-only. In check mode the mesh need not have the provider yet, and the load balancer no HTTPS listener, which role istio would give them.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Get the addresses of the API server
  meshgate.eks_istio.observability_preflight_info:

- name: Check whether the cluster makes a volume
  meshgate.eks_istio.observability_preflight_info:
    components: [prometheus]
    storage: 20Gi
  register: volume
  failed_when: false
"""

RETURN = r"""
api_server_cidrs:
  description: The networks of the API server, each of one address.
  returned: always
  type: list
  elements: str
  sample: [10.0.12.7/32, 10.0.201.4/32]
load_balancer:
  description: What the gateway's Ingress says of its load balancer, as M(meshgate.eks_istio.alb_ingress_info) returns it. Empty without O(hosts).
  returned: always
  type: dict
mesh_namespaces:
  description: The namespaces whose pods get proxies, and those in which pods have one.
  returned: always
  type: list
  elements: str
  sample: [istio-ingress, rust-services]
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.observability.preflight import look, nothing


def main() -> None:
    module = kube_module(
        {
            "components": {"type": "list", "elements": "str", "default": []},
            "receivers": {"type": "list", "elements": "dict", "default": []},
            "namespace": {"type": "str", "default": "istio-system"},
            "storage": {"type": "str", "default": ""},
            "storage_class": {"type": "str", "default": ""},
            "hosts": {"type": "dict", "default": {}},
            "login_secret": {"type": "str", "default": "", "no_log": False},
            "ingress": {"type": "str", "default": "ingress"},
            "ingress_namespace": {"type": "str", "default": "istio-ingress"},
        }
    )
    params = module.params
    run(module, lambda api, _access: look(api, params, module.check_mode), lambda _error: nothing(), "the cluster cannot be read")


if __name__ == "__main__":
    main()
