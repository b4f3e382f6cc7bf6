# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The host name for requests to a gateway."""

from __future__ import annotations

DOCUMENTATION = r"""
name: served_host
author: The meshgate authors (@meshgate)
short_description: Get a host name for requests to a gateway
version_added: "0.1.0"
description:
  - Returns the first of some names that a gateway serves. If it serves none of them, returns one that it serves.
positional: names
options:
  _input:
    description: The hosts that the gateway serves, such as C(rust_services_hosts). V(*) is every host, V(*.example.com) every host of a domain.
    type: list
    elements: str
    required: true
  names:
    description: Names that point to the gateway, in order of preference. Empty ones are skipped.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Print the host name of the platform
  ansible.builtin.debug:
    msg: "{{ ['shop.example.com'] | meshgate.eks_istio.served_host(['sandbox-alb-1234567890.us-west-2.elb.amazonaws.com']) }}"
"""

RETURN = r"""
_value:
  description: The name, empty if no host is served.
  type: str
  sample: shop.example.com
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.served_hosts import served_host


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"served_host": served_host}
