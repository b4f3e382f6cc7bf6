#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Check whether the API server of a cluster answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_access_info
author: The meshgate authors (@meshgate)
short_description: Check whether the API server of a cluster answers
version_added: "0.1.0"
description:
  - Reads the API server of a kubeconfig's context and requests its version.
  - A kubeconfig that does not exist and a server that does not answer are results, not failures, so that check mode can report what would be created.
  - A kubeconfig that points to another cluster than O(expected_endpoint) is a failure.
options:
  expected_endpoint:
    description: The expected address of the API server, for example C(https://127.0.0.1:6443). Any other fails the task.
    type: str
    default: ""
  timeout:
    description:
      - Seconds to wait for the server's response.
      - Defaults to 5 if the kubeconfig contains the credentials, and to three tries of 30 for an EKS server, or if a plugin fetches the credentials.
    type: int
attributes:
  check_mode:
    description: Read-only.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Check whether the cluster answers
  meshgate.eks_istio.kube_access_info:
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
    context: kind-sandbox
  register: access

- name: Fail on a kubeconfig of another cluster
  meshgate.eks_istio.kube_access_info:
    context: production
    expected_endpoint: "{{ eks_cluster_facts.endpoint }}"
"""

RETURN = r"""
reachable:
  description: Whether the API server answered.
  returned: always
  type: bool
endpoint:
  description: The API server's address in the kubeconfig, empty if there is none.
  returned: always
  type: str
  sample: https://127.0.0.1:6443
server_version:
  description: The API server's version.
  returned: always
  type: str
  sample: v1.36.4
reason:
  description: Why it could not be reached, empty if it could.
  returned: always
  type: str
  sample: there is no kubeconfig /tmp/none
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Failure, fail
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.access import look
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import access_of, kube_module


def main() -> None:
    module = kube_module({"expected_endpoint": {"type": "str", "default": ""}, "timeout": {"type": "int"}})
    params = module.params
    try:
        with access_of(module, params["timeout"]) as access:
            found = look(access, params["expected_endpoint"])
    except Failure as failure:
        fail(module, failure)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
