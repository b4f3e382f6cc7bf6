# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The hosts that need a certificate of their own."""

from __future__ import annotations

DOCUMENTATION = r"""
name: uncovered_hosts
author: The meshgate authors (@meshgate)
short_description: The hosts that need a certificate and a record of their own
version_added: "0.1.0"
description:
  - Returns the hosts that neither a name's certificate covers nor that of a wildcard among them. A wildcard covers one label.
positional: name
options:
  _input:
    description: The hosts, such as V(shop.example.com) or V(*.example.com).
    type: list
    elements: str
    required: true
  name:
    description: The name that has a certificate already.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Print the hosts that need a certificate beside that of the platform
  ansible.builtin.debug:
    msg: "{{ ['shop.example.com', 'shop.example.org'] | meshgate.eks_istio.uncovered_hosts('*.example.com') }}"
"""

RETURN = r"""
_value:
  description: The hosts, in lower case, sorted, each once.
  type: list
  elements: str
  sample: [shop.example.org]
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.domain import uncovered


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"uncovered_hosts": uncovered}
