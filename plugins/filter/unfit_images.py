# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The images that nodes cannot run."""

from __future__ import annotations

DOCUMENTATION = r"""
name: unfit_images
author: The meshgate authors (@meshgate)
short_description: Find images that nodes cannot run
version_added: "0.1.0"
description:
  - Returns the images in a result of M(meshgate.eks_istio.image_platforms_info) that not all nodes can run, each in one sentence with what is accepted.
  - Images whose platforms are unknown are skipped.
positional: architectures
options:
  _input:
    description: The module's return value RV(meshgate.eks_istio.image_platforms_info#module:images).
    type: dict
    required: true
  architectures:
    description: The nodes' architectures, such as V(arm64).
    type: list
    elements: str
    required: true
  variable:
    description: The name of the images' variable in messages.
    type: str
    default: images
"""

EXAMPLES = r"""
- name: Refuse images that the nodes cannot run
  ansible.builtin.assert:
    that: unfit | length == 0
    fail_msg: "{{ unfit | join('; ') }}"
  vars:
    unfit: "{{ answers.images | meshgate.eks_istio.unfit_images(['arm64']) }}"
"""

RETURN = r"""
_value:
  description: A sentence for each image that does not support all of the architectures.
  type: list
  elements: str
  sample: ["images has nginx:1, which is for linux/amd64; accepted: an image for the nodes' architectures (arm64)"]
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.images.services import unfit_images


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"unfit_images": unfit_images}
