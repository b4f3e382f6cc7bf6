# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The inputs of the role eks_cluster as options of the module eks_platform."""

from __future__ import annotations

DOCUMENTATION = r"""
name: eks_platform_options
author: The meshgate authors (@meshgate)
short_description: The inputs of the role eks_cluster as options of the module eks_platform
version_added: "0.1.0"
description:
  - Converts the role's variables to options of M(meshgate.eks_istio.eks_platform), for C(module_defaults).
  - Unset variables, which are null or an empty string, are omitted.
options:
  _input:
    description: The role's public variables without their prefix C(eks_cluster_).
    type: dict
    required: true
seealso:
  - module: meshgate.eks_istio.validate_inputs
"""

EXAMPLES = r"""
- name: Report what differs
  meshgate.eks_istio.eks_platform:
    state: planned
  module_defaults:
    meshgate.eks_istio.eks_platform: "{{ {'name': 'sandbox', 'version': '1.36', 'vpc_cidr': '10.0.0.0/16'} | meshgate.eks_istio.eks_platform_options }}"
"""

RETURN = r"""
_value:
  description: The options.
  type: dict
  sample: {name: sandbox, version: "1.36", network: {vpc_cidr: 10.0.0.0/16}}
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.options import options_of


def eks_platform_options(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise AnsibleFilterError(f"eks_platform_options needs a dict, not {type(given).__name__}")
    return options_of(given)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"eks_platform_options": eks_platform_options}
