#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: kind_cluster_info
short_description: Gather information about a kind cluster
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Returns a cluster that M(meshgate.eks_istio.kind_cluster) created, as that module does, without changing anything.
options:
  name:
    description: Name of the cluster.
    type: str
    required: true
  state_dir:
    description: The directory given to M(meshgate.eks_istio.kind_cluster).
    type: path
    required: true
  kubeconfig:
    description: The cluster's kubeconfig.
    type: path
    required: true
  service_account_issuer:
    description: Issuer of the service account tokens; returned as given.
    type: str
    default: ""
  wait:
    description: Whether to wait until every node of a running cluster is Ready and DNS answers; on timeout, the message contains the nodes' logs.
    type: bool
    default: false
  timeout:
    description: Seconds to wait.
    type: int
    default: 180
  kubectl:
    description: The kubectl program.
    type: str
    default: kubectl
attributes:
  check_mode:
    description: Changes nothing.
    support: full
seealso:
  - module: meshgate.eks_istio.kind_cluster
"""

EXAMPLES = r"""
- name: Describe the cluster
  meshgate.eks_istio.kind_cluster_info:
    name: sandbox
    state_dir: ~/.local/state/meshgate/sandbox
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
"""

RETURN = r"""
present:
  description: Whether its nodes exist, running or not.
  returned: always
  type: bool
cluster:
  description: The cluster, as M(meshgate.eks_istio.kind_cluster) returns it. C(exists) is false if its API does not answer.
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.client import DockerError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop.kind_cluster import cluster_of


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state_dir": {"type": "path", "required": True},
            "kubeconfig": {"type": "path", "required": True},
            "service_account_issuer": {"type": "str", "default": ""},
            "wait": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 180},
            "kubectl": {"type": "str", "default": "kubectl"},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        result = cluster_of(given, check_mode=True).inform()
    except DockerError as error:
        module.fail_json(msg=str(error), **error.details())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
