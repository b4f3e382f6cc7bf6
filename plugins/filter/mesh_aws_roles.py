# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Pod Identity associations of apps."""

from __future__ import annotations

DOCUMENTATION = r"""
name: mesh_aws_roles
author: The meshgate authors (@meshgate)
short_description: The Pod Identity associations of apps
version_added: "0.1.0"
description:
  - Compares the IAM roles of apps with the Pod Identity associations of a cluster, for M(meshgate.eks_istio.eks_pod_identity_association).
positional: cluster, owner
options:
  _input:
    description: The apps. One with C(aws_role), a name or an ARN, gets that role.
    type: list
    elements: dict
    required: true
  cluster:
    description: The cluster as M(meshgate.eks_istio.eks_cluster_info) returns it, with its add-ons and associations. Empty if there is none.
    type: dict
    required: true
  owner:
    description: The tags of the associations that are the apps' own.
    type: dict
    required: true
seealso:
  - module: meshgate.eks_istio.eks_pod_identity_association
"""

EXAMPLES = r"""
- name: Describe the cluster
  meshgate.eks_istio.eks_cluster_info:
    name: sandbox
    addons: true
    pod_identity_associations: true
  register: found

- name: Show which associations the apps need
  ansible.builtin.debug:
    msg: "{{ mesh_apps | meshgate.eks_istio.mesh_aws_roles(found.clusters | first, {'meshgate.io/set': 'shop'}) }}"
"""

RETURN = r"""
_value:
  description: What is wanted and what is not any more.
  type: dict
  contains:
    problems:
      description: What the cluster lacks, each as one sentence. Nothing is wanted then.
      type: list
      elements: str
    wanted:
      description: The associations of the apps, each with C(namespace), C(service_account) and C(role_arn).
      type: list
      elements: dict
    surplus:
      description: The associations with the owner's tags that no app wants any more, each with C(namespace) and C(service_account).
      type: list
      elements: dict
  sample: {problems: [], surplus: [], wanted: [{namespace: shop, service_account: front, role_arn: "arn:aws:iam::123456789012:role/front"}]}
"""

from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.aws_roles import aws_roles
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.spoken import spoken


def mesh_aws_roles(apps: list[dict[str, Any]], cluster: dict[str, Any], owner: dict[str, str]) -> dict[str, Any]:
    return aws_roles(spoken(apps), cluster, owner)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"mesh_aws_roles": mesh_aws_roles}
