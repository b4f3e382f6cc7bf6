#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Get the platforms of images from their registries."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_platforms_info
author: The meshgate authors (@meshgate)
short_description: Get the platforms of images from their registries
version_added: "0.1.0"
description:
  - Reads the manifests of images, to find out before a pod is created whether a node can run it.
  - Uses the AWS credentials of the task for ECR, and anonymous access for any other registry. If a registry does not answer or requires a password, the
    module does not fail, and the image's platforms are unknown.
options:
  images:
    description: Names of images, as in a pod.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait for each response of a registry.
    type: float
    default: 5
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Get the platforms of the images
  meshgate.eks_istio.image_platforms_info:
    images:
      - 123456789012.dkr.ecr.us-west-2.amazonaws.com/sandbox/service-a:0.1.0
      - docker.io/library/nginx:1.29
  register: answers

- name: Fail if Graviton nodes cannot run an image
  ansible.builtin.assert:
    that: "not item.value.known or 'linux/arm64' in item.value.platforms or 'linux/arm64/v8' in item.value.platforms"
  loop: "{{ answers.images | dict2items }}"
"""

RETURN = r"""
images:
  description: For each image whether its platforms are known, and which they are, or why they are unknown.
  returned: always
  type: dict
  sample:
    docker.io/library/nginx:1.29: {known: true, platforms: [linux/amd64, linux/arm64/v8], why: ""}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.images.platforms import look_at_all


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    run(module, look_at_all, attempts=1)


if __name__ == "__main__":
    main()
