#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: toolchain_artifacts
short_description: Have kubectl, helm, istioctl, kind and the platform's container images, pulled or built
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Looks into a cache for every program, image and asset that is asked for, and makes what is not there, all in one call.
  - Programs that are pulled are compared with the checksum file that their publisher puts beside them, the chart with its repository's index. For the
    Gateway API's CRDs and the IAM policy TLS vouches.
  - What is built comes from package registries alone (Go modules with C(go.sum), Python packages with hashes, C(Cargo.lock), Debian packages),
    with the definitions in the collection's folder C(offline).
  - A result's key in the cache covers everything that it was made from. What is cached is not asked for anywhere.
options:
  root:
    description: The collection's folder, with C(versions.yml) and C(offline).
    type: path
    required: true
  cache_dir:
    description: The folder that keeps results.
    type: path
    required: true
  source:
    description:
      - Where what is not cached comes from.
      - V(auto) pulls if the programs' publishers and the registries of Kubernetes' and Istio's images answer within O(pull_timeout), else it builds.
    type: str
    choices: [auto, pull, build]
    default: auto
  components:
    description: What to have, of V(kubectl), V(helm), V(istioctl), V(kind), V(node), V(pilot), V(proxyv2), V(alb_controller), V(service_a), V(service_b),
      V(aws_emulator), V(alb_controller_assets), V(gateway_api) and, for load tests and benchmarks, V(fortio) and V(helmfile).
      The services' and the emulator's images, V(fortio) and V(helmfile) are built whatever the source is.
    type: list
    elements: str
    required: true
  service_architectures:
    description: The architectures of the services' binaries. This machine's own by default.
    type: list
    elements: str
    choices: [amd64, arm64]
    default: []
  pull_urls:
    description: Addresses of what is pulled, by component. V({version}), V({os}), V({arch}) and V({channel}) are filled in.
    type: dict
    default: {}
  pull_images:
    description: Names of the images that are pulled, by component. V({version}) is filled in.
    type: dict
    default: {}
  mirrors:
    description:
      - Where publishers are mirrored, by the beginning of their addresses in O(pull_urls) and O(pull_images). The longest one holds.
      - What nothing is pulled from is refused.
    type: dict
    default: {}
  pull_timeout:
    description: How many seconds a publisher may take to answer, for O(source=auto).
    type: float
    default: 3
attributes:
  check_mode:
    description: Says what would be built, pulled or loaded.
    support: full
  diff_mode:
    description: Nothing that has a before and an after.
    support: none
"""

EXAMPLES = r"""
- name: Have the tools that a cluster on AWS needs
  meshgate.eks_istio.toolchain_artifacts:
    root: "{{ role_path }}/../.."
    cache_dir: ~/.cache/meshgate
    source: build
    components: [kubectl, helm]
  register: tools

- name: Say what making every image would mean
  meshgate.eks_istio.toolchain_artifacts:
    root: "{{ role_path }}/../.."
    cache_dir: ~/.cache/meshgate
    source: build
    components: [node, pilot, proxyv2, alb_controller, service_a, service_b, aws_emulator]
  check_mode: true
"""

RETURN = r"""
actions:
  description: What was built, pulled or loaded into Docker, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [build kubectl, build node]
origin:
  description: Where what is not cached comes from, V(pull) or V(build).
  returned: always
  type: str
  sample: build
toolchain:
  description: Where everything lies. See the role C(toolchain).
  returned: always
  type: dict
  sample: {kubectl: /home/me/.cache/meshgate/kubectl/0123456789abcdef/kubectl}
command:
  description: The command that failed.
  returned: when a command failed
  type: list
  elements: str
  sample: [go, build]
stdout:
  description: The end of its output.
  returned: when a command failed
  type: str
  sample: ""
stderr:
  description: The end of its error output.
  returned: when a command failed
  type: str
  sample: "main.go:1:1: expected 'package'"
cause:
  description: Its last words.
  returned: when something failed
  type: str
  sample: "dial tcp: lookup proxy: no such host"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain import Request, ensure
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_catalog import CatalogError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_command import ToolchainError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "cache_dir": {"type": "path", "required": True},
            "source": {"type": "str", "choices": ["auto", "pull", "build"], "default": "auto"},
            "components": {"type": "list", "elements": "str", "required": True},
            "service_architectures": {"type": "list", "elements": "str", "choices": ["amd64", "arm64"], "default": []},
            "pull_urls": {"type": "dict", "default": {}},
            "pull_images": {"type": "dict", "default": {}},
            "mirrors": {"type": "dict", "default": {}},
            "pull_timeout": {"type": "float", "default": 3.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        request = Request(
            root=params["root"],
            cache_dir=params["cache_dir"],
            source=params["source"],
            components=params["components"],
            urls=params["pull_urls"],
            images=params["pull_images"],
            service_architectures=params["service_architectures"],
            pull_timeout=params["pull_timeout"],
            mirrors=params["mirrors"],
        )
        result = ensure(request, module.check_mode)
    except ToolchainError as error:
        module.fail_json(msg=str(error), **error.details)
    except (CatalogError, OSError) as error:
        module.fail_json(msg=str(error), cause=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
