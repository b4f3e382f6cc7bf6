#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ask whether pods are in the mesh."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_pod_info
author: The meshgate authors (@meshgate)
short_description: Ask whether pods are in the mesh
version_added: "0.1.0"
description:
  - Tells for each running pod of a namespace whether it has a sidecar, as a native one (an init container that keeps running) or as a container.
  - Asks each pod by plain HTTP through the API server, which is outside the mesh. Where mutual TLS is strict, the sidecar must refuse.
    The sidecar's own health port shows that the API server reaches the pod at all.
options:
  namespace:
    description: The pods' namespace.
    type: str
    required: true
  apps:
    description: Values of the label C(app) that must each have a running pod; other pods are not looked at.
    type: list
    elements: str
    required: true
  port:
    description: The port that must refuse plain HTTP; 0 does not ask.
    type: int
    default: 0
  path:
    description: The path to ask for.
    type: str
    default: /
  timeout:
    description: Seconds to wait until all is as it should be, since a new policy takes a moment to reach the sidecars.
    type: int
    default: 0
attributes:
  check_mode:
    description: Only reads.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
"""

EXAMPLES = r"""
- name: Look at the services' pods
  meshgate.eks_istio.mesh_pod_info:
    namespace: rust-services
    apps: [service-a, service-b]
    port: 3000
    path: /health
  register: mesh

- name: Refuse pods outside the mesh
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
      description: C(refused), or what was answered; empty if it was not asked.
      type: str
complaints:
  description: What is not as it should be, for a person to read.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import mesh_pods
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "namespace": {"type": "str", "required": True},
            "apps": {"type": "list", "elements": "str", "required": True},
            "port": {"type": "int", "default": 0},
            "path": {"type": "str", "default": "/"},
            "timeout": {"type": "int", "default": 0},
            **KUBECTL,
        },
        supports_check_mode=True,
    )
    params = module.params
    selector = f"app in ({','.join(params['apps'])})"
    try:
        with KubeApi(params["kubectl"], params["kubeconfig"], params["context"]) as api:
            pods, complaints = mesh_pods.look_until_fine(api, params["namespace"], selector, params["apps"], params["port"], params["path"], params["timeout"])
    except KubeError as error:
        module.fail_json(msg=f"the pods of {params['namespace']} cannot be read: {error}")
    module.exit_json(changed=False, pods=pods, complaints=complaints)


if __name__ == "__main__":
    main()
