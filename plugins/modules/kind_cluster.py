#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: kind_cluster
short_description: Manage a kind cluster
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Ensures that a kind cluster runs with the given settings, with its images in its nodes and its kubeconfig in a separate file.
  - A stopped cluster, as after a reboot, is started again. One that is not healthy in time, or that an interrupted run left incomplete,
    is replaced, with everything on it, and a warning.
  - A cluster with other settings is replaced only with O(replace=true).
  - Only clusters that this module created are started, replaced or removed. It recognises them by a directory of O(state_dir) that is mounted in their nodes.
options:
  state:
    description: Whether the cluster should exist.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the cluster. It must be valid both in AWS and as a host name, such as V(sandbox).
    type: str
    required: true
  state_dir:
    description: Directory for the cluster's state.
    type: path
    required: true
  kubeconfig:
    description: The cluster's kubeconfig, written with mode 0600.
    type: path
    required: true
  merge_kubeconfig:
    description: Whether to add the cluster to the user's own kubeconfig, too.
    type: bool
    default: false
  node_image:
    description: Name and tag of the kind node image. Required for O(state=present).
    type: str
    default: ""
  node_archive:
    description: A file written by C(docker save) to load the node image from, empty for an image that Docker already has or can pull.
    type: str
    default: ""
  workers:
    description: Number of nodes besides the control plane.
    type: int
    default: 0
  pod_subnet:
    description: CIDR block of the pods; each node takes a /24 of it.
    type: str
    default: 10.244.0.0/16
  service_subnet:
    description: CIDR block of the Services.
    type: str
    default: 10.96.0.0/16
  api_port:
    description: Port on 127.0.0.1 for the Kubernetes API, V(0) for a free one that the cluster keeps.
    type: int
    default: 0
  host_ports:
    description: Ports of this machine that are mapped into the control plane's node.
    type: list
    elements: dict
    default: []
    suboptions:
      container_port:
        description: Port in the node.
        type: int
        required: true
      host_port:
        description: Port of this machine.
        type: int
        required: true
      listen_address:
        description: Address of this machine.
        type: str
        default: 127.0.0.1
  node_labels:
    description: Labels of every node.
    type: dict
    default: {}
  service_account_issuer:
    description: Issuer of the service account tokens, such as the OIDC issuer of an EKS cluster. Empty for Kubernetes' default.
    type: str
    default: ""
  default_cni:
    description: Whether kind installs the network plugin of the node image. V(false) for node images whose containerd has one configured.
    type: bool
    default: false
  registry_config:
    description: A directory of containerd's C(hosts.toml) files, one subdirectory for each registry, for every node. For mirrors and private certificates.
    type: path
  images:
    description: Images to import into every node, as a file written by C(docker save) for each name and tag.
    type: dict
    default: {}
  required_ports:
    description: Ports of this machine that must be free before the cluster is created, by the name of the variable that sets them.
    type: dict
    default: {}
  free_disk_gib:
    description: Free space in GiB that Docker's directory must have before the cluster is created.
    type: float
    default: 5
  replace:
    description: Whether to replace a cluster with other settings, with everything that runs on it.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until every node of a new cluster is Ready and DNS answers. If V(false), the module returns when its nodes have joined.
      - It always waits for an existing cluster, since one that does not come back is replaced.
    type: bool
    default: true
  timeout:
    description: Seconds to wait until the cluster is ready.
    type: int
    default: 180
  kind:
    description: The kind program.
    type: str
    default: kind
  kubectl:
    description: The kubectl program.
    type: str
    default: kubectl
attributes:
  check_mode:
    description: Reports what would be done, also on a machine without Docker.
    support: full
  diff_mode:
    description: Shows kind's configuration before and after.
    support: full
seealso:
  - module: meshgate.eks_istio.kind_cluster_info
"""

EXAMPLES = r"""
- name: Create a cluster of one node
  meshgate.eks_istio.kind_cluster:
    name: sandbox
    state_dir: ~/.local/state/meshgate/sandbox
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
    node_image: kindest/node:v1.36.4
    images:
      example/service:1.0.0: /tmp/service.tar
  register: sandbox

- name: Remove the cluster
  meshgate.eks_istio.kind_cluster:
    state: absent
    name: sandbox
    state_dir: ~/.local/state/meshgate/sandbox
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [create kind cluster sandbox]
cluster:
  description: The cluster, with all keys even if it does not exist.
  returned: always
  type: dict
  contains:
    exists:
      description: Whether it exists and answers.
      type: bool
    name:
      description: Its name.
      type: str
    kubeconfig:
      description: Path of its kubeconfig.
      type: str
    context:
      description: Name of its context.
      type: str
    endpoint:
      description: Address of its API server.
      type: str
      sample: https://127.0.0.1:40123
    certificate_authority_data:
      description: Certificate of its API server's authority, in base64.
      type: str
    service_account_issuer:
      description: Issuer of the service accounts' tokens.
      type: str
    jwks:
      description: The public keys that sign them, as JSON.
      type: str
    nodes:
      description: Its nodes.
      type: list
      elements: dict
      sample: [{name: sandbox-control-plane, ip: 172.18.0.2, pod_cidr: 10.244.0.0/24, role: control-plane}]
    network:
      description: The Docker network of its nodes.
      type: str
      sample: kind
ready:
  description: Whether every node is Ready and DNS answers.
  returned: always
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.client import DockerError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop.kind_cluster import cluster_of


def main() -> None:
    text = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": text,
            "state_dir": {"type": "path", "required": True},
            "kubeconfig": {"type": "path", "required": True},
            "merge_kubeconfig": {"type": "bool", "default": False},
            "node_image": {"type": "str", "default": ""},
            "node_archive": {"type": "str", "default": ""},
            "workers": {"type": "int", "default": 0},
            "pod_subnet": {"type": "str", "default": "10.244.0.0/16"},
            "service_subnet": {"type": "str", "default": "10.96.0.0/16"},
            "api_port": {"type": "int", "default": 0},
            "host_ports": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "container_port": {"type": "int", "required": True},
                    "host_port": {"type": "int", "required": True},
                    "listen_address": {"type": "str", "default": "127.0.0.1"},
                },
            },
            "node_labels": {"type": "dict", "default": {}},
            "service_account_issuer": {"type": "str", "default": ""},
            "default_cni": {"type": "bool", "default": False},
            "registry_config": {"type": "path"},
            "images": {"type": "dict", "default": {}},
            "required_ports": {"type": "dict", "default": {}},
            "free_disk_gib": {"type": "float", "default": 5},
            "replace": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 180},
            "kind": {"type": "str", "default": "kind"},
            "kubectl": {"type": "str", "default": "kubectl"},
        },
        supports_check_mode=True,
    )
    given = module.params
    cluster = cluster_of(given, module.check_mode)
    try:
        result = cluster.remove() if given["state"] == "absent" else cluster.ensure()
    except DockerError as error:
        module.fail_json(msg=str(error), actions=cluster.actions, changed=bool(cluster.actions) and not module.check_mode, **error.details())
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
