# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Names of the services' own images."""

from __future__ import annotations

DOCUMENTATION = r"""
name: service_images
author: The meshgate authors (@meshgate)
short_description: Get the names of the services' own images
version_added: "0.1.0"
description:
  - Returns the name of each service's image that role C(toolchain) built, on this machine or in ECR.
  - Without an image, or without an account for its registry, the name is empty.
options:
  _input:
    description: The fact C(toolchain_facts.images).
    type: dict
    required: true
  registry:
    description: V(ecr) for the names of the images once they are pushed to ECR.
    type: str
    default: ""
  account_id:
    description: The account of the registry.
    type: str
    default: ""
  region:
    description: The region of the registry.
    type: str
    default: ""
  prefix:
    description: The prefix of the repositories' names.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Print the names of the images in ECR
  ansible.builtin.debug:
    msg: "{{ toolchain_facts.images | meshgate.eks_istio.service_images(registry='ecr', account_id='123456789012', region='us-west-2', prefix='sandbox') }}"
"""

RETURN = r"""
_value:
  description: The images' names by service.
  type: dict
  sample: {service-a: "123456789012.dkr.ecr.us-west-2.amazonaws.com/sandbox/service-a:0a1b2c", service-b: ""}
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.images.services import own_images


def service_images(made: Any, registry: str = "", account_id: str = "", region: str = "", prefix: str = "") -> dict[str, str]:
    return own_images(made, registry, account_id, region, prefix)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"service_images": service_images}
