#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: toolchain_cache
short_description: Remove the cache of programs and images
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Deletes the folder in which M(meshgate.eks_istio.toolchain_artifacts) keeps its results, and the images that it built in Docker.
  - Refuses a folder that does not look like that cache.
options:
  cache_dir:
    description: The folder.
    type: path
    required: true
  state:
    description: Only V(absent) is known; M(meshgate.eks_istio.toolchain_artifacts) makes the cache.
    type: str
    choices: [absent]
    default: absent
attributes:
  check_mode:
    description: Says what would be removed.
    support: full
  diff_mode:
    description: Nothing that has a before and an after.
    support: none
"""

EXAMPLES = r"""
- name: Remove cached programs and images
  meshgate.eks_istio.toolchain_cache:
    cache_dir: ~/.cache/meshgate
    state: absent
"""

RETURN = r"""
actions:
  description: What was removed, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [remove /home/me/.cache/meshgate]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain import remove
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_command import ToolchainError


def main() -> None:
    module = AnsibleModule(
        argument_spec={"cache_dir": {"type": "path", "required": True}, "state": {"type": "str", "choices": ["absent"], "default": "absent"}},
        supports_check_mode=True,
    )
    try:
        result = remove(module.params["cache_dir"], module.check_mode)
    except ToolchainError as error:
        module.fail_json(msg=str(error), **error.details)
    except OSError as error:
        module.fail_json(msg=str(error), cause=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
