#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Gateway API's CRDs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_api_crds
author: The meshgate authors (@meshgate)
short_description: Manage the Gateway API CRDs
version_added: "0.1.0"
description:
  - Applies a bundle of the Gateway API server-side, together with the admission policy that it has shipped since v1.5 to keep older or
    experimental CRDs from replacing it.
  - Reads the version and channel from the existing CRDs. A downgrade and a change of channel are refused unless
    allowed. A bundle that lacks a stored version of existing objects is always refused.
  - A server-side dry run decides whether something changes, so that even an annotation that was edited by hand is detected and repaired.
options:
  state:
    description: Whether the CRDs should exist. Only those that carry O(labels) are removed, and only if they have no objects left.
    type: str
    choices: [present, absent]
    default: present
  source:
    description: The bundle's manifests, as a directory or file on this machine or an https URL. Required for O(state=present).
    type: str
    default: ""
  checksum:
    description: The SHA-256 of a bundle that is downloaded. Without one, a warning reports that only TLS protects the download.
    type: str
    default: ""
  version:
    description: The version of O(source), which is verified. With O(state=absent), O(labels) decide what is deleted, not this or O(channel).
    type: str
    default: ""
  channel:
    description: The channel of O(source), which is verified.
    type: str
    choices: [standard, experimental]
    default: standard
  labels:
    description:
      - Labels that mark what this module installed. Existing CRDs are upgraded, but not labelled.
      - With O(state=absent), what carries them is deleted, and without labels nothing is.
    type: dict
    default: {}
  allow_downgrade:
    description: Replace a newer version with an older one.
    type: bool
    default: false
  allow_channel_change:
    description: Replace one channel with the other.
    type: bool
    default: false
  timeout:
    description: Seconds to wait until the CRDs are established.
    type: int
    default: 60
attributes:
  check_mode:
    description: Reports exactly what would change. A cluster that does not answer yet is reported as a change.
    support: full
  diff_mode:
    description: The objects that would change, before and after.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Install the standard channel
  meshgate.eks_istio.gateway_api_crds:
    source: https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.3/standard-install.yaml
    version: v1.6.3
    channel: standard
    labels: {meshgate.io/cluster: sandbox}

- name: Remove the CRDs that the task above installed
  meshgate.eks_istio.gateway_api_crds:
    state: absent
    labels: {meshgate.io/cluster: sandbox}
"""

RETURN = r"""
version_before:
  description: The version before, empty if there was none.
  returned: always
  type: str
  sample: v1.5.1
channel_before:
  description: The channel before, empty if there was none.
  returned: always
  type: str
  sample: standard
version:
  description: The version that is, or would be, installed now.
  returned: always
  type: str
  sample: v1.6.3
channel:
  description: The channel that is, or would be, installed now.
  returned: always
  type: str
  sample: standard
resources:
  description: The objects that differ, and what is done to each.
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.common.command import masked
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.gateway_crds import act, unreachable
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run


def main() -> None:
    module = kube_module(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "source": {"type": "str", "default": ""},
            "checksum": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "channel": {"type": "str", "choices": ["standard", "experimental"], "default": "standard"},
            "labels": {"type": "dict", "default": {}},
            "allow_downgrade": {"type": "bool", "default": False},
            "allow_channel_change": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        required_if=[("state", "present", ["source"])],
    )
    params = module.params
    if params["source"].startswith("https://") and not params["checksum"]:
        module.warn(f"{masked(params['source'])} is not verified by a SHA-256 (checksum)")
    run(module, lambda api, _access: act(api, params, module.check_mode), lambda error: unreachable(params, error), what="Gateway API CRDs")


if __name__ == "__main__":
    main()
