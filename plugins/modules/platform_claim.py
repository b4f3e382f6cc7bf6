#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage the claim of a run on a platform."""

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_claim
author: The meshgate authors (@meshgate)
short_description: Manage the claim of a run on a platform
version_added: "0.1.0"
description:
  - Claims a cluster's name in its account and region for this run of ansible-playbook, whether the cluster exists or not. Of several runs at once exactly
    one gets it; the others fail, and report who holds it, since when, until when, and what to do.
  - The claim is the AWS Systems Manager parameter C(/meshgate/NAME/run). It lasts half an hour; every module of the collection that calls AWS renews it
    in the meantime (through the fact C(eks_cluster_claim)), and stops if another run has replaced it.
  - A claim of a process that has ended on the same machine is replaced at once, any other when it has expired or if O(take_over) is its id.
  - If the caller may not write parameters, there is a warning and no claim. Check mode claims nothing, and warns about another run.
  - A claim is not reported as a change.
options:
  cluster_name:
    description: The cluster.
    type: str
    required: true
  state:
    description: Claim it, or release this run's claim. Another run's claim stays.
    type: str
    choices: [present, absent]
    default: present
  purpose:
    description: What the run does, for the message to other runs.
    type: str
    default: ansible-playbook
  take_over:
    description: The id of a run whose claim to replace although it has not expired.
    type: str
    default: ""
  run:
    description: The identity of the run. The action plugin of the same name sets it.
    type: dict
    required: true
  unreachable_is_empty:
    description: Whether an API endpoint at which nothing answers means that there is nothing to claim, as for an emulator that does not run yet.
    type: bool
    default: false
attributes:
  diff_mode:
    description: A claim is not a change.
    support: none
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Claim the platform for this run
  meshgate.eks_istio.platform_claim:
    cluster_name: sandbox
    region: us-west-2
  register: claimed

- name: Renew the claim in every module
  ansible.builtin.set_fact:
    eks_cluster_claim: "{{ claimed.claim }}"

- name: Release the claim
  meshgate.eks_istio.platform_claim:
    cluster_name: sandbox
    region: us-west-2
    state: absent
"""

RETURN = r"""
claim:
  description: The claim of this run, with C(cluster_name), C(id), C(run), C(purpose) and C(until). Empty if it has none.
  returned: success
  type: dict
account_id:
  description: The account. Empty if nothing answers.
  returned: success
  type: str
  sample: "123456789012"
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.hold import NOTHING, hold
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purpose": {"type": "str", "default": "ansible-playbook"},
            "take_over": {"type": "str", "default": ""},
            "run": {"type": "dict", "required": True},
            "unreachable_is_empty": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run(module, hold, nothing=NOTHING if module.params["unreachable_is_empty"] else None)


if __name__ == "__main__":
    main()
