#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage an Amazon ECR repository and push an image from archives."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_image
author: The meshgate authors (@meshgate)
short_description: Manage an Amazon ECR repository and push an image from archives
version_added: "0.1.0"
description:
  - Creates and configures a private repository, and pushes an image to it from archives that C(docker save) or an OCI tool wrote, one for each
    architecture. Docker is not needed, the module uses the registry's HTTP API itself.
  - Images are compared by their configurations' digests, which cover all of their content. Existing images and layers are not uploaded again,
    so that an interrupted push continues where it stopped.
  - Several architectures become one multi-architecture image. The tag is set last, so that it never points to an incomplete image.
  - After a push, every manifest is read back and its content's SHA-256 compared.
  - The digest of each pushed image is recorded in the repository's tags (C(meshgate.io/images)), so that M(meshgate.eks_istio.aws_leftovers) can tell it
    from images of others.
  - Only a repository with the tag C(meshgate.io/cluster) of the cluster is changed or deleted, unless O(adopt) is set.
options:
  name:
    description: The repository's name. Lower-case, between 2 and 256 characters.
    type: str
    required: true
  cluster_name:
    description: The cluster whose ownership tag the repository carries.
    type: str
    required: true
  state:
    description: V(absent) deletes the repository with all of its images, and is therefore refused together with O(tag) or O(archives).
    type: str
    choices: [present, absent]
    default: present
  tag:
    description: The image's tag. Without it, only the repository is managed.
    type: str
    default: ""
  archives:
    description: Files with the image, each for one architecture or, from an OCI tool, for several.
    type: list
    elements: path
    default: []
  architectures:
    description: Architectures that the image must support, such as V(arm64). Archives that lack one are refused.
    type: list
    elements: str
    default: []
  trust_tag:
    description:
      - Whether the tag is a key of everything that the image is built from. Then an existing image with this tag for the same architectures is accepted,
        even if another machine built it and its bytes differ.
    type: bool
    default: false
  immutable:
    description:
      - Whether tags are immutable. If V(true), an existing tag of another image is refused.
      - Existing exclusions stay.
    type: bool
    default: true
  scan_on_push:
    description: Whether ECR scans pushed images for vulnerabilities. The registry's own scanning configuration takes precedence in ECR.
    type: bool
    default: true
  encryption:
    description: How ECR encrypts the images. It cannot be changed later.
    type: str
    choices: [AES256, KMS, KMS_DSSE]
    default: AES256
  kms_key:
    description: The key for V(KMS) and V(KMS_DSSE). Defaults to AWS's own key for ECR.
    type: str
    default: ""
  lifecycle_policy:
    description: The lifecycle policy in the format of ECR's API. V({}) removes a policy. Without this option, an existing policy stays.
    type: dict
  tags:
    description: Additional tags for the repository. Tags that others set stay.
    type: dict
    default: {}
    aliases: [resource_tags]
  adopt:
    description: Adopt an existing repository without the cluster's tag.
    type: bool
    default: false
  registry_endpoint:
    description:
      - Address of the registry's HTTP API if it differs from the one that ECR returns, for example a VPC interface endpoint without private DNS.
      - The API that manages repositories is set as in other modules (O(endpoint_url)).
    type: str
    default: ""
  retries:
    description: How often to retry a request after a transient failure, such as a lost connection, throttling, or a server error.
    type: int
    default: 5
attributes:
  check_mode:
    description: Compares and changes nothing. Archives that do not exist yet are reported as pushed.
    support: full
  diff_mode:
    description: Shows the repository's options, and each platform's image by its configuration's digest.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Push a service's image for both architectures
  meshgate.eks_istio.ecr_image:
    name: sandbox/service-a
    cluster_name: sandbox
    tag: "0.1.0"
    archives:
      - build/service-a-amd64.tar
      - build/service-a-arm64.tar
    region: us-west-2
  register: service_a

- name: Keep only the ten newest images
  meshgate.eks_istio.ecr_image:
    name: sandbox/service-a
    cluster_name: sandbox
    lifecycle_policy:
      rules:
        - rulePriority: 1
          description: the ten newest images
          selection: {tagStatus: any, countType: imageCountMoreThan, countNumber: 10}
          action: {type: expire}
    region: us-west-2

- name: Delete the repository and its images
  meshgate.eks_istio.ecr_image:
    name: sandbox/service-a
    cluster_name: sandbox
    state: absent
    region: us-west-2
"""

RETURN = r"""
msg:
  description: The actions in one line.
  returned: always
  type: str
  sample: would create repository sandbox/service-a; would push sandbox/service-a:0.1.0
actions:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [create repository sandbox/service-a, "push sandbox/service-a:0.1.0"]
image:
  description: The image's name for pulling it.
  returned: when O(tag) is given and the repository exists
  type: str
  sample: 123456789012.dkr.ecr.us-west-2.amazonaws.com/sandbox/service-a:0.1.0
digest:
  description: The digest of the manifest or index that the tag points to. Empty in check mode before a push.
  returned: when O(tag) is given
  type: str
  sample: sha256:9b2c7f0b6f7c1f0c2f4f5f1d8a0d6a3e4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e
platforms:
  description: The platforms of the image.
  returned: when O(tag) is given
  type: list
  elements: str
  sample: [linux/amd64, linux/arm64]
uploaded:
  description: The blobs that the registry did not have.
  returned: when O(tag) is given
  type: list
  elements: dict
  sample: [{digest: "sha256:2f1c...", size: 831245}]
repository:
  description: The repository, as ECR describes it. Empty if there is none.
  returned: when O(state=present)
  type: dict
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.images.ecr import ENCRYPTION, manage, problems_of


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "tag": {"type": "str", "default": ""},
            "archives": {"type": "list", "elements": "path", "default": []},
            "architectures": {"type": "list", "elements": "str", "default": []},
            "trust_tag": {"type": "bool", "default": False},
            "immutable": {"type": "bool", "default": True},
            "scan_on_push": {"type": "bool", "default": True},
            "encryption": {"type": "str", "choices": list(ENCRYPTION), "default": "AES256"},
            "kms_key": {"type": "str", "default": "", "no_log": False},
            "lifecycle_policy": {"type": "dict"},
            "tags": {"type": "dict", "default": {}, "aliases": ["resource_tags"]},
            "adopt": {"type": "bool", "default": False},
            "registry_endpoint": {"type": "str", "default": ""},
            "retries": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    run(module, manage, problems_of(module.params))


if __name__ == "__main__":
    main()
