# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manifests as one YAML stream."""

from __future__ import annotations

DOCUMENTATION = r"""
name: manifest_stream
author: The meshgate authors (@meshgate)
short_description: Write manifests as one YAML stream
version_added: "0.1.0"
description:
  - Writes manifests as M(meshgate.eks_istio.k8s_apply_set) would apply them, for a GitOps repository.
  - The same manifests give the same text, regardless of the order of their keys.
positional: labels
options:
  _input:
    description: The manifests.
    type: list
    elements: dict
    required: true
  labels:
    description: Labels to add to each.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Write the manifests of an app
  ansible.builtin.copy:
    dest: manifests/shop.yml
    content: "{{ shop | meshgate.eks_istio.mesh_manifests | meshgate.eks_istio.manifest_stream({'meshgate.io/set': 'shop'}) }}"
    mode: "0644"
  vars:
    shop:
      apps: [{name: front, namespace: shop, port: 8080, image: "registry.example.com/front:1.0"}]
      gateway: {name: shop, namespace: istio-ingress}
"""

RETURN = r"""
_value:
  description: The documents, each after a line of three dashes.
  type: str
  sample: "---\\napiVersion: v1\\nkind: Namespace\\nmetadata:\\n  name: shop\\n"
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.stream import yaml_stream


def manifest_stream(manifests: list[dict[str, Any]], labels: Mapping[str, str] | None = None) -> str:
    return yaml_stream(manifests, dict(labels or {}))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"manifest_stream": manifest_stream}
