#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Check whether pods are in the mesh."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_pod_info
author: The meshgate authors (@meshgate)
short_description: Check whether pods are in the mesh
version_added: "0.1.0"
description:
  - Reports for each running pod of a namespace whether it has a sidecar, native (an init container that keeps running) or as a container.
  - Sends a plain HTTP request to each pod through the API server, which is outside the mesh. If mutual TLS is strict, the sidecar must refuse it.
    The sidecar's own health port proves that the API server can reach the pod.
options:
  namespace:
    description: The pods' namespace.
    type: str
    required: true
  apps:
    description: Values of the label C(app) that must each have a running pod; other pods are not checked.
    type: list
    elements: str
    required: true
  port:
    description: The port that must refuse plain HTTP; 0 skips the check.
    type: int
    default: 0
  path:
    description: The path to request.
    type: str
    default: /
  timeout:
    description: Seconds to wait until all checks pass, since a new policy takes a moment to reach the sidecars.
    type: int
    default: 0
attributes:
  check_mode:
    description: Read-only.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Check the services' pods
  meshgate.eks_istio.mesh_pod_info:
    namespace: rust-services
    apps: [service-a, service-b]
    port: 3000
    path: /health
  register: mesh

- name: Fail on pods outside the mesh
  ansible.builtin.assert:
    that: not mesh.complaints
"""

RETURN = r"""
pods:
  description: The running pods.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The pod's name.
      type: str
    app:
      description: Its label C(app).
      type: str
    sidecar:
      description: C(native), C(container), or empty.
      type: str
    ready:
      description: Whether the sidecar is ready.
      type: bool
    plain_http:
      description: C(refused), or the response; empty if it was not checked.
      type: str
complaints:
  description: The failed checks, in readable form.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.istio.pods import act
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run


def main() -> None:
    module = kube_module(
        {
            "namespace": {"type": "str", "required": True},
            "apps": {"type": "list", "elements": "str", "required": True},
            "port": {"type": "int", "default": 0},
            "path": {"type": "str", "default": "/"},
            "timeout": {"type": "int", "default": 0},
        }
    )
    params = module.params
    run(module, lambda api, _access: act(api, params), what=f"the pods of {params['namespace']} cannot be read")


if __name__ == "__main__":
    main()
