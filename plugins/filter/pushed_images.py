# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The images of apps that are pushed to ECR."""

from __future__ import annotations

DOCUMENTATION = r"""
name: pushed_images
author: The meshgate authors (@meshgate)
short_description: Get the images of apps that are pushed to ECR
version_added: "0.1.0"
description:
  - Returns the images that role C(toolchain) built and apps or their versions use, with their names in ECR, for M(meshgate.eks_istio.ecr_image).
  - Without an account there is no registry, and nothing is returned.
positional: made, account_id, region, prefix
options:
  _input:
    description: The apps, each with C(image), or with C(versions) that have one.
    type: list
    elements: dict
    required: true
  made:
    description: The fact C(toolchain_facts.images).
    type: dict
    required: true
  account_id:
    description: The account of the registry.
    type: str
    required: true
  region:
    description: The region of the registry.
    type: str
    required: true
  prefix:
    description: The prefix of the repositories' names.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Print the names of the apps' images in ECR
  ansible.builtin.debug:
    msg: "{{ mesh_apps | meshgate.eks_istio.pushed_images(toolchain_facts.images, '123456789012', 'us-west-2', 'sandbox') }}"
"""

RETURN = r"""
_value:
  description: The images.
  type: list
  elements: dict
  contains:
    local:
      description: The name in the app.
      type: str
    image:
      description: The name in ECR.
      type: str
    repository:
      description: The repository.
      type: str
    tag:
      description: The tag, a key of everything that the image is built from.
      type: str
    archives:
      description: The image's archives, one for each architecture.
      type: list
      elements: str
  sample:
    - local: meshgate.local/demo:0a1b2c
      image: 123456789012.dkr.ecr.us-west-2.amazonaws.com/sandbox/demo:0a1b2c
      repository: sandbox/demo
      tag: 0a1b2c
      archives: [/home/me/.cache/meshgate/demo/0a1b2c/arm64.tar]
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.images.services import pushed_images


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"pushed_images": pushed_images}
