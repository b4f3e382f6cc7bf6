#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Read what an Ingress says of its load balancer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_ingress_info
author: The meshgate authors (@meshgate)
short_description: Read what an Ingress says of its load balancer
version_added: "0.1.0"
description:
  - Reads from the annotations of an Ingress what further Ingresses of its group must know, to add rules and target groups to the same load balancer
    (U(https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#ingressgroup)).
  - Asks the cluster only. It needs no AWS credentials.
options:
  name:
    description: The name of the Ingress.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
attributes:
  check_mode:
    description: Read-only. In check mode, a cluster that cannot be reached has no such Ingress.
    support: full
seealso:
  - module: meshgate.eks_istio.alb_hostname_info
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Read what the gateway's Ingress says
  meshgate.eks_istio.alb_ingress_info:
    name: ingress
    namespace: istio-ingress
  register: ingress

- name: Print the port of the HTTPS listener
  ansible.builtin.debug:
    var: ingress.load_balancer.https_port
"""

RETURN = r"""
load_balancer:
  description: What the Ingress says. Empty if there is no such Ingress.
  returned: always
  type: dict
  contains:
    group:
      description: The name of the group, by which the controller gives several Ingresses one load balancer. Empty if it has none.
      type: str
      sample: sandbox
    https_port:
      description: The port of the HTTPS listener, or null.
      type: int
      sample: 443
    certificate_arns:
      description: The certificates of the HTTPS listener, the default one first.
      type: list
      elements: str
    annotations:
      description: Annotations that each Ingress of the group has for itself, such as those of health checks and logins, without their prefix.
      type: dict
    labels:
      description: The label C(meshgate.io/cluster), if it has that.
      type: dict
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.group import of_ingress
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run


def main() -> None:
    module = kube_module({"name": {"type": "str", "required": True}, "namespace": {"type": "str", "required": True}})
    name, namespace = module.params["name"], module.params["namespace"]
    run(
        module,
        lambda api, _access: {"changed": False, "load_balancer": of_ingress(api, name, namespace)},
        unreached=lambda _error: {"changed": False, "load_balancer": {}},
        what=f"Ingress {namespace}/{name} cannot be read",
    )


if __name__ == "__main__":
    main()
