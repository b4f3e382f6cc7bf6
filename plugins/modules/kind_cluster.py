#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: kind_cluster
short_description: Create, start, replace or remove a kind cluster
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Has a kind cluster run as described, with its images in its nodes and its kubeconfig in a file of its own.
  - A stopped cluster, as after a reboot, is started again. One that does not come back healthy in time, or that an interrupted run left half-made,
    is replaced, with everything that ran on it; the task says so.
  - A cluster that runs with other settings is replaced only with O(replace=true).
  - Only clusters that this module made are started, replaced or removed. It knows them by a directory of O(state_dir) that is mounted in their nodes.
options:
  state:
    description: Whether the cluster shall be there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the cluster. A name must please both AWS and a host name, as in V(sandbox).
    type: str
    required: true
  state_dir:
    description: Directory for what is to be remembered of the cluster.
    type: path
    required: true
  kubeconfig:
    description: The cluster's kubeconfig, written with mode 0600.
    type: path
    required: true
  merge_kubeconfig:
    description: Whether to put the cluster into the user's own kubeconfig, too.
    type: bool
    default: false
  node_image:
    description: Name and tag of the kind node image. Needed for O(state=present).
    type: str
    default: ""
  node_archive:
    description: A file written by C(docker save) to load the node image from, empty for an image that Docker has or can pull.
    type: str
    default: ""
  workers:
    description: Number of nodes beside the control plane.
    type: int
    default: 0
  pod_subnet:
    description: Addresses of the pods; each node takes a /24 of it.
    type: str
    default: 10.244.0.0/16
  service_subnet:
    description: Addresses of the services.
    type: str
    default: 10.96.0.0/16
  api_port:
    description: Port on 127.0.0.1 for the Kubernetes API, V(0) for a free one that the cluster keeps.
    type: int
    default: 0
  host_ports:
    description: Ports of this machine that lead into the control plane's node.
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
    description: Issuer of the service accounts' tokens, as the OIDC provider of an EKS cluster has it. Empty for Kubernetes' own.
    type: str
    default: ""
  default_cni:
    description: Whether kind installs the network that the node image brings as a manifest. V(false) for node images whose containerd has one configured.
    type: bool
    default: false
  registry_config:
    description: A folder of containerd's C(hosts.toml) files, one folder for each registry, that every node reads. For mirrors, and certificates of one's own.
    type: path
  images:
    description: Images to import into every node, a file written by C(docker save) for each name and tag.
    type: dict
    default: {}
  required_ports:
    description: Ports of this machine, by the name of the variable that sets them, that must be free before the cluster is created.
    type: dict
    default: {}
  free_disk_gib:
    description: Space that Docker's directory must have before the cluster is created.
    type: float
    default: 5
  replace:
    description: Whether a cluster that was created with other settings is replaced, with everything that runs on it.
    type: bool
    default: false
  timeout:
    description: How many seconds the cluster may take to be ready.
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
    description: Says what would be done, also on a machine without Docker.
    support: full
  diff_mode:
    description: Shows kind's configuration before and after.
    support: full
seealso:
  - module: meshgate.eks_istio.kind_cluster_info
"""

EXAMPLES = r"""
- name: Have a cluster of one node
  meshgate.eks_istio.kind_cluster:
    name: sandbox
    state_dir: ~/.local/state/meshgate/sandbox
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
    node_image: kindest/node:v1.36.3
    images:
      example/service:1.0.0: /tmp/service.tar
  register: sandbox

- name: Remove it
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
  description: The cluster, with all keys also where it does not exist.
  returned: always
  type: dict
  contains:
    exists:
      description: Whether it is there and answers.
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
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker import DockerError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kind import Settings
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kind_cluster import Cluster, Options


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
            "timeout": {"type": "int", "default": 180},
            "kind": {"type": "str", "default": "kind"},
            "kubectl": {"type": "str", "default": "kubectl"},
        },
        supports_check_mode=True,
    )
    given = module.params
    same = ("name", "node_image", "node_archive", "workers", "pod_subnet", "service_subnet", "api_port", "host_ports", "node_labels", "default_cni")
    settings = Settings(
        issuer=given["service_account_issuer"],
        registry_config=given["registry_config"] or "",
        images=[{"name": name, "archive": str(archive)} for name, archive in given["images"].items()],
        **{key: given[key] for key in (*same, "state_dir", "kubeconfig")},
    )
    options = Options(
        required_ports={variable: int(port) for variable, port in given["required_ports"].items()},
        **{key: given[key] for key in ("kind", "kubectl", "replace", "merge_kubeconfig", "free_disk_gib", "timeout")},
    )
    cluster = Cluster(settings, options, check_mode=module.check_mode)
    try:
        result = cluster.remove() if given["state"] == "absent" else cluster.ensure()
    except DockerError as error:
        module.fail_json(msg=str(error), actions=cluster.actions, changed=bool(cluster.actions) and not module.check_mode, **error.details())
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
