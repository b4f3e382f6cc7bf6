# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The hosts that clients outside ask for."""

from __future__ import annotations

DOCUMENTATION = r"""
name: outside_hosts
author: The meshgate authors (@meshgate)
short_description: The hosts that clients outside of the mesh ask for
version_added: "0.1.0"
description:
  - Returns the hosts of routes at the ingress gateway and of teams, for certificates and records in DNS.
  - V(*), and names without a domain, are left out.
positional: teams
options:
  _input:
    description: The routes, as C(mesh_routes) has them.
    type: list
    elements: dict
    required: true
  teams:
    description: The teams with their hosts, as C(mesh_teams) has them.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Print the hosts that need a record in DNS
  ansible.builtin.debug:
    msg: "{{ [{'name': 'shop', 'hosts': ['shop.example.com']}] | meshgate.eks_istio.outside_hosts([{'name': 'pay', 'hosts': ['*.pay.example.com']}]) }}"
"""

RETURN = r"""
_value:
  description: The hosts, in lower case, sorted, each once.
  type: list
  elements: str
  sample: ["*.pay.example.com", shop.example.com]
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.hosts import outside_hosts


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"outside_hosts": outside_hosts}
