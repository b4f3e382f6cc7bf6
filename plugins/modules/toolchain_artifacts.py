#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)

from __future__ import annotations

DOCUMENTATION = r"""
module: toolchain_artifacts
short_description: Download or build kubectl, helm, istioctl, kind and the container images of the platform
version_added: "0.1.0"
author: The meshgate authors (@meshgate)
description:
  - Looks up every requested program, image and asset in a cache, and pulls or builds what is missing, all in one call.
  - What is pulled is verified against the SHA-256 checksums in the collection's C(checksums.yml). Without an entry there, it is verified against the checksum
    file of its publisher, the chart against its repository's index.
  - What is built comes only from package registries (Go modules with C(go.sum), Python packages with hashes, C(Cargo.lock), Debian packages),
    with the definitions in the collection's directory C(offline).
  - An artifact's key in the cache covers everything it is built from. Cached artifacts need no network access.
  - With O(state=absent), deletes the cache, and the images that it built in Docker. A directory that does not look like the cache is refused.
options:
  state:
    description: Whether to provide O(components), or to delete the whole cache.
    type: str
    choices: [present, absent]
    default: present
  root:
    description: The collection's directory, with C(versions.yml) and C(offline). Required with O(state=present).
    type: path
  cache_dir:
    description: The cache directory.
    type: path
    required: true
  source:
    description:
      - Where artifacts come from that are not cached.
      - V(auto) pulls if the programs' publishers answer within O(pull_timeout) and the registries have the images, otherwise it builds. It decides once for
        each cache. If a publisher does not answer later, it does not build instead.
    type: str
    choices: [auto, pull, build]
    default: auto
  components:
    description: The artifacts to provide, of V(kubectl), V(helm), V(istioctl), V(kind), V(node), V(pilot), V(proxyv2), V(alb_controller), V(service_a),
      V(service_b), V(aws_emulator), V(demo), V(prometheus), V(alertmanager), V(kiali), V(dashboards) (Grafana, or Perses where it is built),
      V(tracing) (Jaeger), V(alb_controller_assets), V(gateway_api), V(istio_dashboards) and the names in the catalogs of O(programs).
      The images of the services, the demonstrations and the emulator, and O(programs), are always built. Required with O(state=present).
    type: list
    elements: str
  service_architectures:
    description: The architectures of the services' binaries. Defaults to this machine's own.
    type: list
    elements: str
    choices: [amd64, arm64]
    default: []
  pull_urls:
    description: URLs to pull from, by component. V({version}), V({os}), V({arch}), V({channel}) and V({file}) are replaced.
    type: dict
    default: {}
  pull_images:
    description: Names of the images to pull, by component. V({version}) is replaced.
    type: dict
    default: {}
  checksums:
    description:
      - SHA-256 checksums instead of those in the collection's C(checksums.yml), by its keys, for what a mirror changed on purpose.
      - V(publisher) accepts what matches its publisher's checksum file, or, if there is none, what its URL returns.
    type: dict
    default: {}
  mirrors:
    description:
      - Mirrors of publishers, by the prefix of their URLs in O(pull_urls) and names in O(pull_images). The longest prefix applies.
      - A prefix that matches nothing is refused.
    type: dict
    default: {}
  programs:
    description: Directories with a C(catalog.yml) like that of C(offline), of additional programs that are built and cached in the same way.
    type: list
    elements: path
    default: []
  pull_timeout:
    description: Seconds to wait for a publisher's response, for O(source=auto).
    type: float
    default: 3
attributes:
  check_mode:
    description: Reports what would be built, pulled, loaded or removed.
    support: full
  diff_mode:
    description: There is no diff.
    support: none
"""

EXAMPLES = r"""
- name: Install the tools that a cluster on AWS needs
  meshgate.eks_istio.toolchain_artifacts:
    root: "{{ role_path }}/../.."
    cache_dir: ~/.cache/meshgate
    source: build
    components: [kubectl, helm]
  register: tools

- name: Check what building every image would take
  meshgate.eks_istio.toolchain_artifacts:
    root: "{{ role_path }}/../.."
    cache_dir: ~/.cache/meshgate
    source: build
    components: [node, pilot, proxyv2, alb_controller, service_a, service_b, aws_emulator]
  check_mode: true

- name: Remove cached programs and images
  meshgate.eks_istio.toolchain_artifacts:
    cache_dir: ~/.cache/meshgate
    state: absent
"""

RETURN = r"""
actions:
  description: What was built, pulled, loaded into Docker or removed, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [build kubectl, build node]
origin:
  description: Where artifacts of this cache come from, V(pull) or V(build).
  returned: with O(state=present)
  type: str
  sample: build
toolchain:
  description: The paths of everything. See the role C(toolchain).
  returned: with O(state=present)
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
  description: The last lines of its output.
  returned: when something failed
  type: str
  sample: "dial tcp: lookup proxy: no such host"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.failure import Failure
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.catalog import CatalogError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.toolchain import Request, ensure, remove


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "root": {"type": "path"},
            "cache_dir": {"type": "path", "required": True},
            "source": {"type": "str", "choices": ["auto", "pull", "build"], "default": "auto"},
            "components": {"type": "list", "elements": "str"},
            "service_architectures": {"type": "list", "elements": "str", "choices": ["amd64", "arm64"], "default": []},
            "pull_urls": {"type": "dict", "default": {}},
            "pull_images": {"type": "dict", "default": {}},
            "checksums": {"type": "dict", "default": {}},
            "mirrors": {"type": "dict", "default": {}},
            "programs": {"type": "list", "elements": "path", "default": []},
            "pull_timeout": {"type": "float", "default": 3.0},
        },
        required_if=[("state", "present", ("root", "components"))],
        supports_check_mode=True,
    )
    params = module.params
    try:
        absent = params["state"] == "absent"
        result = remove(params["cache_dir"], module.check_mode) if absent else ensure(Request.of(params), module.check_mode)
    except Failure as error:
        module.fail_json(msg=str(error), **error.details)
    except (CatalogError, OSError) as error:
        module.fail_json(msg=str(error), cause=str(error))
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
