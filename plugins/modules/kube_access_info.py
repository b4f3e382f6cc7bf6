#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ask whether a cluster's API server answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_access_info
author: The meshgate authors (@meshgate)
short_description: Ask whether a cluster's API server answers
version_added: "0.1.0"
description:
  - Reads which API server a kubeconfig's context means and asks it for its version.
  - A kubeconfig that does not exist and a server that does not answer are results, not failures, so that check mode can say what would be created.
  - A kubeconfig that points at another cluster than the one meant is a failure.
options:
  expected_endpoint:
    description: The address of the API server that must be meant, for example C(https://127.0.0.1:6443). Another one fails the task.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for the server's answer.
    type: int
    default: 5
attributes:
  check_mode:
    description: Only reads.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
"""

EXAMPLES = r"""
- name: Ask whether the cluster is there
  meshgate.eks_istio.kube_access_info:
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
    context: kind-sandbox
  register: access

- name: Refuse a kubeconfig of another cluster
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
  description: The API server's address as the kubeconfig gives it, empty where it gives none.
  returned: always
  type: str
  sample: https://127.0.0.1:6443
server_version:
  description: The API server's version.
  returned: always
  type: str
  sample: v1.36.3
reason:
  description: Why it was not reached, empty if it was.
  returned: always
  type: str
  sample: there is no kubeconfig /tmp/none
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_access import Access, WrongCluster, look
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **KUBECTL,
            "expected_endpoint": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    params = module.params
    access = Access(kubeconfig=params["kubeconfig"], context=params["context"], kubectl=params["kubectl"], timeout=params["timeout"])
    try:
        module.exit_json(changed=False, **look(access, params["expected_endpoint"]))
    except WrongCluster as wrong:
        module.fail_json(msg=str(wrong))


if __name__ == "__main__":
    main()
