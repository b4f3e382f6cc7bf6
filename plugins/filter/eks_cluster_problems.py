# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Check the inputs of the role eks_cluster without asking AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
name: eks_cluster_problems
author: The meshgate authors (@meshgate)
short_description: Check the inputs of the role eks_cluster without asking AWS
version_added: "0.1.0"
description:
  - Returns everything that is wrong with the inputs of the role C(eks_cluster), each as one sentence with variable, value and what is accepted.
  - An empty list means that they are fine as far as can be said without asking AWS.
options:
  _input:
    description: The role's public variables without their prefix C(eks_cluster_).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse bad inputs
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('; ') }}"
  vars:
    problems: "{{ {'name': 'sandbox', 'region': 'ap-souteast-2'} | meshgate.eks_istio.eks_cluster_problems }}"
"""

RETURN = r"""
_value:
  description: The problems.
  type: list
  elements: str
  sample: ["eks_cluster_region is 'ap-souteast-2'; accepted: an AWS region such as us-west-2 or ap-southeast-2"]
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks_input import problems


def eks_cluster_problems(given: Any) -> list[str]:
    if not isinstance(given, dict):
        raise AnsibleFilterError(f"eks_cluster_problems needs a dict, not {type(given).__name__}")
    return problems(given)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"eks_cluster_problems": eks_cluster_problems}
