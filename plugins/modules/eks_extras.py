#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Bring the add-ons, access entries and Pod Identity associations of an EKS cluster to what is listed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_extras
author: The meshgate authors (@meshgate)
short_description: Bring add-ons, access entries and Pod Identity associations of an EKS cluster to what is listed
version_added: "0.1.0"
description:
  - Takes the lists of all add-ons, access entries and Pod Identity associations that a cluster shall have, and changes what differs, all at the same time.
  - What is there and not listed is deleted only if it carries the tag C(meshgate.io/cluster) with the cluster's name, and an association only if it was
    made from this list. What somebody else made is changed where it is listed, and never deleted.
  - O(phase=begin) awaits no new add-on, so that it can run before there are nodes. O(phase=ready) waits for all of them at once.
  - The role C(eks_cluster) calls it where something differs. For single ones there are M(meshgate.eks_istio.eks_addon),
    M(meshgate.eks_istio.eks_access_entry) and M(meshgate.eks_istio.eks_pod_identity_association).
options:
  name:
    description: The cluster.
    type: str
    required: true
  version:
    description: The Kubernetes minor version that the add-ons have to fit.
    type: str
    required: true
  phase:
    description: Whether to change what differs, or to wait until the add-ons are active.
    type: str
    choices: [begin, ready]
    default: begin
  addons:
    description:
      - All add-ons. Keys are C(name), C(version), C(configuration_values), C(role_arn), C(pod_identity) with C(role_arn) and C(service_account),
        and C(resolve_conflicts), which is V(OVERWRITE) if left out.
    type: list
    elements: dict
    default: []
  access_entries:
    description: All access entries, with C(principal_arn), C(type), C(username), C(kubernetes_groups) and C(policies).
    type: list
    elements: dict
    default: []
  pod_identity_associations:
    description: All associations, with C(namespace), C(service_account), C(role_arn), C(target_role_arn) and C(disable_session_tags).
    type: list
    elements: dict
    default: []
  tags:
    description: Tags of all of them, besides C(meshgate.io/cluster). Others that they carry are left alone.
    type: dict
    default: {}
  wait_timeout:
    description: Seconds to wait for each of them. After that the task fails, the change goes on, and the next run waits for it.
    type: int
    default: 1800
  wait_delay:
    description: Seconds between two looks while waiting. The first looks come sooner.
    type: float
    default: 10
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.eks_addon
  - module: meshgate.eks_istio.eks_access_entry
  - module: meshgate.eks_istio.eks_pod_identity_association
"""

EXAMPLES = r"""
- name: Create what is missing, before there are nodes
  meshgate.eks_istio.eks_extras:
    name: sandbox
    version: "1.36"
    addons:
      - name: vpc-cni
      - name: kube-proxy
      - name: eks-pod-identity-agent
    access_entries:
      - principal_arn: arn:aws:iam::123456789012:role/platform
        policies:
          - policy: AmazonEKSClusterAdminPolicy

- name: Wait for the add-ons when there are nodes
  meshgate.eks_istio.eks_extras:
    name: sandbox
    version: "1.36"
    phase: ready
    addons:
      - name: vpc-cni
      - name: kube-proxy
      - name: eks-pod-identity-agent
"""

RETURN = r"""
changes:
  description: What was changed, or would be.
  returned: always
  type: list
  elements: str
  sample: [create add-on vpc-cni, delete access entry arn:aws:iam::123456789012:role/left]
addons:
  description: The add-ons with their versions, as they were found.
  returned: always
  type: dict
  sample: {vpc-cni: v1.21.1-eksbuild.1}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_extras, eks_options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws

LISTS = ("addons", "access_entries", "pod_identity_associations")


def carry_out(module: AnsibleAWSModule, aws: Aws) -> dict:
    given = {key: module.params[key] for key in ("name", "version", "tags", *LISTS)}
    waits = (module.params["wait_timeout"], module.params["wait_delay"])
    live = eks_extras.read(aws, given)
    found = {"addons": eks_extras.addon_versions(live)}
    if module.params["phase"] == "ready":
        if not module.check_mode:
            eks_extras.ready(aws, given, waits)
        return {"changed": False, "changes": [], **found}
    todo = [one for one in eks_extras.work(given, live) if one.acts]
    if not module.check_mode:
        todo = eks_extras.settle(aws, given, todo, waits)
    diff = {
        "before": {one.resource: one.change.before for one in todo if one.action != "create"},
        "after": {one.resource: one.change.after for one in todo if one.action != "delete"},
    }
    if not module.check_mode:
        eks_extras.begin(aws, given, todo, waits)
    return {"changed": bool(todo), "changes": [f"{one.action} {one.resource}" for one in todo], "diff": diff, **found}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "phase": {"type": "str", "choices": ["begin", "ready"], "default": "begin"},
            "tags": {"type": "dict", "default": {}},
            **{name: {"type": "list", "elements": "dict", "default": []} for name in LISTS},
            "wait_timeout": eks_options.WAIT["wait_timeout"],
            "wait_delay": eks_options.WAIT["wait_delay"],
        },
        supports_check_mode=True,
    )
    found = eks_options.name_problems(module.params, name=eks_options.NAME, version=eks_options.VERSION)
    eks_options.run(module, found + eks_extras.problems(module.params, ""), carry_out, carry_out)


if __name__ == "__main__":
    main()
