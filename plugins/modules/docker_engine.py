#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine
short_description: Ensure that a Docker engine runs and can start privileged containers
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Finds the Docker engine that the C(docker) client uses. If none answers and the user is root on Debian or Ubuntu, installs C(docker.io) and starts it,
    through systemd if that runs, otherwise as a separate process. Anywhere else it fails and reports what is missing.
  - If CAP_SYS_RESOURCE is not in the machine's capability bounding set (as in some virtual machines and build containers),
    privileged containers cannot start. Only then it sets a wrapper around runc as the default runtime, which drops that one capability.
  - Never stops or removes Docker.
options:
  state:
    description:
      - V(absent) only removes that runtime from Docker's configuration. While a container that was created with it exists, the runtime stays, with a warning.
    type: str
    choices: [present, absent]
    default: present
  runtime_wrapper:
    description: Path of the wrapper to install on a machine without CAP_SYS_RESOURCE. Required for O(state=present).
    type: path
  install:
    description: Whether to install Docker if it is missing. If V(false), the machine is left as it is, and C(docker.running) is false.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for the engine to answer after its start.
    type: int
    default: 60
attributes:
  check_mode:
    description: Reports what would be installed, started or written.
    support: full
  diff_mode:
    description: Shows the files that change.
    support: full
"""

EXAMPLES = r"""
- name: Ensure Docker is running
  meshgate.eks_istio.docker_engine:
    runtime_wrapper: "{{ role_path }}/files/meshgate-runc"

- name: Restore Docker's configuration
  meshgate.eks_istio.docker_engine:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [install docker.io, start dockerd]
docker:
  description: The engine, with C(running), C(program) (the client's path), C(version), C(root_dir) and C(cgroup_version).
  returned: for O(state=present)
  type: dict
  sample: {running: true, program: /usr/bin/docker, version: 27.5.1, root_dir: /var/lib/docker, cgroup_version: 2}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.client import DockerError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker.engine import Machine, ensure, restore


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "runtime_wrapper": {"type": "path"},
            "install": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[("state", "present", ["runtime_wrapper"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "absent":
            result = restore(Machine(), params["timeout"], module.check_mode)
        else:
            with open(params["runtime_wrapper"], encoding="utf-8") as stream:
                wrapper = stream.read()
            result = ensure(Machine(), wrapper, params["timeout"], module.check_mode, params["install"])
    except (DockerError, OSError, ValueError) as error:
        module.fail_json(msg=str(error), **(error.details() if isinstance(error, DockerError) else {}))
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
