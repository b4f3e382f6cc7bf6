#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Have a repository in Amazon ECR, and an image from archives in it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ecr_image
author: The meshgate authors (@meshgate)
short_description: Have a repository in Amazon ECR, and an image from archives in it
version_added: "0.1.0"
description:
  - Creates and configures a private repository, and pushes an image to it from archives that C(docker save) or an OCI tool wrote, one for each
    architecture. No Docker is needed, the module speaks the registry's HTTP API itself.
  - Images are compared by their configurations' digests, which cover all of their content. What is there already is not uploaded again, neither an
    image nor a layer, so that a push that was interrupted goes on where it was.
  - Several architectures become one multi-architecture image. The tag comes last, so that it never leads to half an image.
  - After a push, every manifest is read back and its content's SHA-256 compared.
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
    description: V(absent) deletes the repository with all of its images.
    type: str
    choices: [present, absent]
    default: present
  tag:
    description: The image's tag. Without it, only the repository is managed.
    type: str
    default: ""
  archives:
    description: Files with the image, of one architecture each or, from an OCI tool, of several.
    type: list
    elements: path
    default: []
  architectures:
    description: Architectures that the image must serve, such as V(arm64). Archives that lack one are refused.
    type: list
    elements: str
    default: []
  trust_tag:
    description:
      - The tag is a key of everything that the image is made from. Then an image that is there under it for the same architectures is the right one, though
        another machine made it and no two builds are equal to the byte.
    type: bool
    default: false
  immutable:
    description:
      - Whether a tag stays with its image for good. With V(true), a tag that is there with another image is refused.
      - Exclusions that somebody set stay.
    type: bool
    default: true
  scan_on_push:
    description: Whether ECR looks for vulnerabilities in what is pushed. What the registry's own scanning configuration says comes first in ECR.
    type: bool
    default: true
  encryption:
    description: How ECR encrypts the images. It cannot be changed later.
    type: str
    choices: [AES256, KMS, KMS_DSSE]
    default: AES256
  kms_key:
    description: The key for V(KMS) and V(KMS_DSSE). AWS's own for ECR without it.
    type: str
    default: ""
  lifecycle_policy:
    description: Rules by which ECR deletes images, as its API takes them. V({}) removes a policy. Without this option, what is there stays.
    type: dict
  tags:
    description: More tags for the repository. Tags that others set stay.
    type: dict
    default: {}
    aliases: [resource_tags]
  adopt:
    description: Take over a repository that exists without the cluster's tag.
    type: bool
    default: false
  registry_endpoint:
    description:
      - Address of the registry's HTTP API, where it is another than the one that ECR names, for example a VPC interface endpoint without private DNS.
      - The API that manages repositories is reached as in other modules (O(endpoint_url)).
    type: str
    default: ""
  retries:
    description: How often a request is repeated that failed by itself, such as a lost connection, throttling, or a server's error.
    type: int
    default: 5
attributes:
  check_mode:
    description: Compares and changes nothing. Archives that do not exist yet are said to be pushed.
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

- name: Keep the ten newest images only
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
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: [create repository sandbox/service-a, "push sandbox/service-a:0.1.0"]
image:
  description: The image's name for whoever pulls it.
  returned: when O(tag) is given and the repository exists
  type: str
  sample: 123456789012.dkr.ecr.us-west-2.amazonaws.com/sandbox/service-a:0.1.0
digest:
  description: The digest of the manifest or index that the tag leads to. Empty in check mode before a push.
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
  description: The repository, as ECR describes it. Empty where there is none.
  returned: when O(state=present)
  type: dict
"""

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import ecr_image
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, for_module
from ansible_collections.meshgate.eks_istio.plugins.module_utils.image_archive import ArchiveError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.image_registry import Registry, RegistryError


def present(module: AnsibleAWSModule, wanted: ecr_image.Wanted) -> dict:
    aws = for_module(module)
    images = ecr_image.read_archives(wanted, module.check_mode)
    live = ecr_image.find(aws, wanted.name)
    ecr_image.refuse(live, wanted)
    ecr_image.read_policy(aws, live, wanted)

    credentials = ecr_image.Credentials(aws, module.no_log_values.add)
    registry = None

    def connect() -> Registry:
        address = credentials.endpoint()
        params = module.params
        return Registry(wanted.registry_endpoint or address, credentials, params["aws_ca_bundle"], params["validate_certs"], params["retries"])

    if wanted.tag and live.repository:
        registry = connect()
        ecr_image.read_image(registry, live, wanted, images)
    todo = ecr_image.plan(live, wanted, images)
    result = {"changed": todo.changed, "actions": todo.actions(wanted), "diff": {"before": todo.before, "after": todo.after}, "digest": live.digest}
    uploaded: list = []
    if todo.changed and not module.check_mode:
        ecr_image.converge_repository(aws, live, wanted, todo)
        if todo.push:
            done = ecr_image.push(registry or connect(), wanted, images or [], module.tmpdir)
            result["digest"], uploaded = done["digest"], done["uploaded"]
        live.repository = ecr_image.find(aws, wanted.name).repository
    elif todo.push:
        result["digest"] = ""
    result["repository"] = camel_dict_to_snake_dict(live.repository or {})
    if not wanted.tag:
        result.pop("digest")
        return result
    platforms = sorted(live.images) if not todo.push else [str(image.platform) for image in images or []]
    named = {"image": f"{live.repository['repositoryUri']}:{wanted.tag}"} if live.repository else {}
    return {**result, **named, "platforms": platforms, "uploaded": uploaded}


def absent(module: AnsibleAWSModule, wanted: ecr_image.Wanted) -> dict:
    aws = for_module(module)
    live = ecr_image.find(aws, wanted.name)
    ecr_image.refuse_foreign(live, wanted)
    if live.repository is None:
        return {"changed": False, "actions": []}
    if not module.check_mode:
        ecr_image.delete(aws, wanted.name)
    before = {"name": wanted.name, "tags": live.tags}
    return {"changed": True, "actions": [f"delete repository {wanted.name} with its images"], "diff": {"before": before, "after": {}}}


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
            "encryption": {"type": "str", "choices": list(ecr_image.ENCRYPTION), "default": "AES256"},
            "kms_key": {"type": "str", "default": "", "no_log": False},
            "lifecycle_policy": {"type": "dict"},
            "tags": {"type": "dict", "default": {}, "aliases": ["resource_tags"]},
            "adopt": {"type": "bool", "default": False},
            "registry_endpoint": {"type": "str", "default": ""},
            "retries": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    params = module.params
    same: tuple[str, ...] = ("name", "tag", "archives", "architectures", "trust_tag", "immutable", "scan_on_push", "encryption", "kms_key", "lifecycle_policy")
    same += ("tags", "adopt", "registry_endpoint", "state")
    wanted = ecr_image.Wanted(cluster=params["cluster_name"], **{key: params[key] for key in same})
    wrong = ecr_image.problems(wanted)
    if params["retries"] < 0:
        wrong.append(f"retries is {params['retries']}; accepted: 0 or more")
    if wrong:
        module.fail_json(msg="; ".join(wrong))
    try:
        result = (present if params["state"] == "present" else absent)(module, wanted)
        would = "would " if module.check_mode else ""
        module.exit_json(msg="; ".join(would + action for action in result["actions"]) or "nothing differs", **result)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    except (ArchiveError, RegistryError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
