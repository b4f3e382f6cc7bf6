#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_emulator
short_description: Manage the emulated AWS of a kind cluster
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Runs two containers on kind's Docker network, one for AWS's API and one for the data path of its load balancers, and registers with the first
    which Kubernetes cluster is behind the EKS cluster of that name.
  - A container is replaced when its image or its settings have changed, and started when it is stopped. The emulator keeps its state in memory.
  - Touches only containers that carry the label C(meshgate.io/cluster) with this cluster's name.
options:
  state:
    description: Whether the containers should exist.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the EKS cluster.
    type: str
    required: true
  owner:
    description: Name of the kind cluster that the containers and their network belong to. Defaults to O(name).
    type: str
    default: ""
  image:
    description: Name and tag of the emulator's image. Required for O(state=present).
    type: str
    default: ""
  archive:
    description: A file written by C(docker save) to load the image from, empty for an image that Docker already has or can pull.
    type: str
    default: ""
  port:
    description: Port of AWS's API on 127.0.0.1.
    type: int
    default: 4566
  http_port:
    description: Port on 127.0.0.1 that is mapped to the load balancers' port 80.
    type: int
    default: 8080
  https_port:
    description: Port on 127.0.0.1 that is mapped to the load balancers' port 443.
    type: int
    default: 8443
  region:
    description: The region that is used if a client sets none.
    type: str
    default: us-west-2
  cluster:
    description: The Kubernetes cluster, as M(meshgate.eks_istio.kind_cluster) returns it. If it does not exist, nothing is registered.
    type: dict
    default: {}
  wait:
    description: Whether to wait until the API answers. If V(false), the containers are started and O(cluster) is not registered.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for the API to answer.
    type: int
    default: 60
attributes:
  check_mode:
    description: Reports what would be done, also on a machine without Docker.
    support: full
  diff_mode:
    description: Shows the containers' settings and the registered cluster.
    support: full
seealso:
  - module: meshgate.eks_istio.kind_cluster
"""

EXAMPLES = r"""
- name: Run the emulated AWS for the cluster that kind_cluster returned
  meshgate.eks_istio.aws_emulator:
    name: sandbox
    image: meshgate/aws-emulator:0.1.0
    cluster: "{{ sandbox.cluster }}"

- name: Remove the emulated AWS
  meshgate.eks_istio.aws_emulator:
    name: sandbox
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [create container meshgate-aws, create container meshgate-alb]
emulator:
  description: How to reach it.
  returned: always
  type: dict
  contains:
    endpoint:
      description: AWS's API, from this machine.
      type: str
      sample: http://127.0.0.1:4566
    cluster_endpoint:
      description: AWS's API, from the cluster's pods.
      type: str
      sample: http://meshgate-aws:4566
    containers:
      description: Names of the containers, C(api) and C(load_balancer).
      type: dict
    ports:
      description: Ports on 127.0.0.1, C(api), C(http) and C(https).
      type: dict
    load_balancer_cidrs:
      description: The networks from which the load balancer sends requests to its targets. Empty in check mode if there is no Docker network yet.
      type: list
      elements: str
      sample: [172.18.255.252/32]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.client import DockerError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.laptop.emulator import Emulator, Runner


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "owner": {"type": "str", "default": ""},
            "image": {"type": "str", "default": ""},
            "archive": {"type": "str", "default": ""},
            "port": {"type": "int", "default": 4566},
            "http_port": {"type": "int", "default": 8080},
            "https_port": {"type": "int", "default": 8443},
            "region": {"type": "str", "default": "us-west-2"},
            "cluster": {"type": "dict", "default": {}},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    given = module.params
    emulator = Emulator(
        owner=given["owner"] or given["name"],
        ports={"api": given["port"], "http": given["http_port"], "https": given["https_port"]},
        **{key: given[key] for key in ("name", "image", "archive", "region", "cluster", "wait", "timeout")},
    )
    runner = Runner(emulator, check_mode=module.check_mode)
    try:
        result = runner.remove() if given["state"] == "absent" else runner.ensure()
    except DockerError as error:
        module.fail_json(msg=str(error), actions=runner.actions, **error.details())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
