#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage the security group of a load balancer and the rules to its targets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_security_group
author: The meshgate authors (@meshgate)
short_description: Manage the security group of a load balancer and the rules to its targets
version_added: "0.1.0"
description:
  - With an explicit C(security-groups) annotation the AWS Load Balancer Controller adds no rules at all. This module manages them, from clients to the
    load balancer and from the load balancer to its targets' ports.
  - The group and its rules are compared with two read-only calls, so that a run that changes nothing is quick.
  - Only what carries the tag C(meshgate.io/cluster) with the cluster's name, or refers to the group, is changed or removed.
options:
  state:
    description: V(absent) removes our rules, and then the group.
    type: str
    choices: [present, absent]
    default: present
  cluster_name:
    description: The cluster whose ownership tag the group carries.
    type: str
    required: true
  group_name:
    description: The group's name.
    type: str
    required: true
  vpc_id:
    description: The VPC. Required for V(present); without it V(absent) searches all VPCs.
    type: str
    default: ""
  ports:
    description: The load balancer's ports.
    type: list
    elements: int
    default: [80]
  inbound_cidrs:
    description:
      - Networks that may reach these ports, IPv4 and IPv6. By default a new group allows everyone, and an existing group keeps its networks.
      - Newly allowed networks are reported in a warning.
    type: list
    elements: str
  backend_security_group_id:
    description: The security group of the targets, which on EKS is the cluster's. Without it, no rules to the targets are created.
    type: str
    default: ""
  backend_ports:
    description: The targets' ports that the load balancer must reach, including the health check's.
    type: list
    elements: int
    default: []
  source_group_ids:
    description: Existing security groups of the load balancer. If set, no group is created, and only the rules to the targets are managed.
    type: list
    elements: str
    default: []
  load_balancer_name:
    description: Also return this load balancer, so that a run that changes nothing needs no second task to find it.
    type: str
    default: ""
  group_tags:
    description: Additional tags for created resources.
    type: dict
    default: {}
  wait_timeout:
    description: Seconds to retry the removal of a group that is still in use.
    type: int
    default: 120
attributes:
  check_mode:
    description: Compares and changes nothing.
    support: full
  diff_mode:
    description: Shows the rules.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Allow everyone to reach the load balancer, and the load balancer to reach the gateway
  meshgate.eks_istio.alb_security_group:
    cluster_name: sandbox
    group_name: sandbox-alb
    vpc_id: "{{ eks_cluster_facts.vpc_id }}"
    ports: [80, 443]
    backend_security_group_id: "{{ eks_cluster_facts.security_groups.cluster }}"
    backend_ports: [8080, 15021]
    region: us-west-2
  register: group

- name: Remove the security group
  meshgate.eks_istio.alb_security_group:
    state: absent
    cluster_name: sandbox
    group_name: sandbox-alb
    region: us-west-2
"""

RETURN = r"""
group_ids:
  description: The security groups for the C(security-groups) annotation. Empty in check mode if the group would be created.
  returned: when state is present
  type: list
  elements: str
  sample: [sg-0123456789abcdef0]
load_balancer:
  description:
    - The load balancer as M(meshgate.eks_istio.alb_hostname_info) returns it, and in C(missing) what keeps it from serving, empty if nothing does.
    - Empty if there is none.
  returned: when O(load_balancer_name) is given
  type: dict
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.security_group import absent, present, problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import by_state, run


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "cluster_name": {"type": "str", "required": True},
            "group_name": {"type": "str", "required": True},
            "vpc_id": {"type": "str", "default": ""},
            "ports": {"type": "list", "elements": "int", "default": [80]},
            "inbound_cidrs": {"type": "list", "elements": "str"},
            "backend_security_group_id": {"type": "str", "default": ""},
            "backend_ports": {"type": "list", "elements": "int", "default": []},
            "source_group_ids": {"type": "list", "elements": "str", "default": []},
            "load_balancer_name": {"type": "str", "default": ""},
            "group_tags": {"type": "dict", "default": {}},
            "wait_timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    run(module, by_state(present, absent), problems(module.params))


if __name__ == "__main__":
    main()
