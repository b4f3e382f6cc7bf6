#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine
short_description: Have a Docker engine that answers and starts privileged containers
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Finds the Docker engine that the C(docker) client talks to. If none answers and the user is root on Debian or Ubuntu, installs C(docker.io) and starts it,
    through systemd where that runs, else as a process of its own. Anywhere else it says what is missing.
  - Where CAP_SYS_RESOURCE is outside the machine's capability bounding set (as in some virtual machines and build containers),
    privileged containers cannot start. There, and only there, it sets a wrapper around runc as the default runtime, which leaves out that one capability.
  - Never stops or removes Docker.
options:
  runtime_wrapper:
    description: Path of the wrapper to install on a machine without CAP_SYS_RESOURCE.
    type: path
    required: true
  install:
    description: Whether a machine without Docker gets it. With V(false) such a machine is left as it is, which C(docker.running) tells.
    type: bool
    default: true
  timeout:
    description: How many seconds the engine may take to answer after its start.
    type: int
    default: 60
attributes:
  check_mode:
    description: Says what would be installed, started or written.
    support: full
  diff_mode:
    description: Shows the files that change.
    support: full
"""

EXAMPLES = r"""
- name: Have Docker
  meshgate.eks_istio.docker_engine:
    runtime_wrapper: "{{ role_path }}/files/meshgate-runc"
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
  returned: always
  type: dict
  sample: {running: true, program: /usr/bin/docker, version: 27.5.1, root_dir: /var/lib/docker, cgroup_version: 2}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker import DockerError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker_engine import Machine, ensure


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "runtime_wrapper": {"type": "path", "required": True},
            "install": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        with open(module.params["runtime_wrapper"], encoding="utf-8") as stream:
            wrapper = stream.read()
        result = ensure(Machine(), wrapper, module.params["timeout"], module.check_mode, module.params["install"])
    except (DockerError, OSError, ValueError) as error:
        module.fail_json(msg=str(error), **(error.details() if isinstance(error, DockerError) else {}))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
