# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""By which routing API each route goes, and why."""

from __future__ import annotations

DOCUMENTATION = r"""
name: mesh_route_choices
author: The meshgate authors (@meshgate)
short_description: By which routing API each route goes, and why
version_added: "0.1.0"
description:
  - What P(meshgate.eks_istio.mesh_manifests#filter) makes of each route, with the reason, for a plan to say.
positional: routing_api
options:
  _input:
    description: The routes, as P(meshgate.eks_istio.mesh_manifests#filter) takes them.
    type: list
    elements: dict
    required: true
  routing_api:
    description: As there.
    type: str
    choices: [auto, istio, gateway_api]
    default: auto
"""

EXAMPLES = r"""
- name: Show the routing API of each route
  ansible.builtin.debug:
    msg: "{{ routes | meshgate.eks_istio.mesh_route_choices }}"
"""

RETURN = r"""
_value:
  description: An entry for each route, in their order.
  type: list
  elements: dict
  contains:
    name:
      description: The route's.
      type: str
    namespace:
      description: The route's.
      type: str
    api:
      description: V(istio) or V(gateway_api).
      type: str
    reason:
      description: Why.
      type: str
  sample: [{name: products, namespace: shop, api: istio, reason: "rule 2: retries are not in its standard channel"}]
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.routing import choose
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.spoken import spoken


def mesh_route_choices(routes: list[dict[str, Any]], routing_api: str = "auto") -> list[dict[str, str]]:
    said = spoken(routes)
    chosen = zip(said, choose(said, routing_api), strict=True)
    return [{"name": route["name"], "namespace": route["namespace"], "api": choice.api, "reason": choice.reason} for route, choice in chosen]


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"mesh_route_choices": mesh_route_choices}
