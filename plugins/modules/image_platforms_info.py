#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Ask registries for which platforms they have images."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_platforms_info
author: The meshgate authors (@meshgate)
short_description: Ask registries for which platforms they have images
version_added: "0.1.0"
description:
  - Reads images' manifests, and so tells before a pod is created whether a node could run it.
  - Asks ECR with the AWS credentials of the task, and any other registry as anybody may. A registry that does not answer or wants a password is no
    failure, the image's platforms are then not known.
options:
  images:
    description: Names of images, as a pod has them.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds that a registry may take for one answer.
    type: float
    default: 5
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Ask for which platforms the images are
  meshgate.eks_istio.image_platforms_info:
    images:
      - 123456789012.dkr.ecr.us-west-2.amazonaws.com/sandbox/service-a:0.1.0
      - docker.io/library/nginx:1.29
  register: answers

- name: Refuse what Graviton nodes cannot run
  ansible.builtin.assert:
    that: "not item.value.known or 'linux/arm64' in item.value.platforms or 'linux/arm64/v8' in item.value.platforms"
  loop: "{{ answers.images | dict2items }}"
"""

RETURN = r"""
images:
  description: For each image whether its platforms are known, which they are, and else why not.
  returned: always
  type: dict
  sample:
    docker.io/library/nginx:1.29: {known: true, platforms: [linux/amd64, linux/arm64/v8], why: ""}
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import image_platforms
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, for_module


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    names = sorted(set(module.params["images"]))
    clients = {}
    for region in sorted({found["region"] for name in names if (found := image_platforms.ECR.fullmatch(image_platforms.parse(name).host))}):
        module.params["region"] = region
        clients[region] = for_module(module, attempts=1)
        # Here, since making clients is not safe in threads. What is wrong with the credentials is said for each image.
        with contextlib.suppress(AwsError):
            clients[region].prepare("ecr")

    def look(name: str) -> dict:
        return image_platforms.look(name, clients.__getitem__, module.no_log_values.add, module.params["timeout"])

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(look, names))
    module.exit_json(changed=False, images=dict(zip(names, answers, strict=True)))


if __name__ == "__main__":
    main()
