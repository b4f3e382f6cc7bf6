# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The architectures of node groups."""

from __future__ import annotations

DOCUMENTATION = r"""
name: planned_architectures
author: The meshgate authors (@meshgate)
short_description: Get the architectures of node groups
version_added: "0.1.0"
description:
  - Returns the architectures of the machine images of node groups, in the format of C(eks_cluster_node_groups).
  - Groups without C(ami_type) or with V(CUSTOM) are skipped.
options:
  _input:
    description: The node groups.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Print the architectures that images need
  ansible.builtin.debug:
    msg: "{{ eks_cluster_node_groups | meshgate.eks_istio.planned_architectures }}"
"""

RETURN = r"""
_value:
  description: The architectures.
  type: list
  elements: str
  sample: [arm64]
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.images.services import planned_architectures


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"planned_architectures": planned_architectures}
