#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: validate_inputs
author: The meshgate authors (@meshgate)
short_description: Check variables of this collection's roles before anything is created
version_added: "0.1.0"
description:
  - Checks the variables of roles as these would see them, whether or not the roles are in the play, and reports all problems at once,
    each as one sentence with variable, value and what is accepted.
  - Violations of the types and choices in the roles' argument specifications come first, for all roles. The other rules need correct
    types.
  - A variable whose name is almost that of a role's is reported, too, since no role would read it. With several O(roles), as in a playbook, names
    are compared with those of all roles.
  - It makes no requests. What needs AWS, a registry or a cluster is checked by the roles' entry points C(preflight).
options:
  roles:
    description: Names of roles of this collection, without the collection's name.
    type: list
    elements: str
    required: true
    choices: [toolchain, aws_emulator, kind_cluster, eks_cluster, alb_controller, gateway_crds, istio, rust_services, mesh_apps, mesh_routes, observability]
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
"""

EXAMPLES = r"""
- name: Validate variables before anything is created
  meshgate.eks_istio.validate_inputs:
    roles: [eks_cluster, alb_controller, istio]
  vars:
    eks_cluster_facts: {exists: false}  # what a cluster would tell is not known yet
"""

RETURN = r"""
problems:
  description: All problems. The task fails if there are any.
  returned: always
  type: list
  elements: str
  sample: ["istio_ingress_healthcheck_path is 'healthz'; accepted: a path that begins with a slash"]
"""
