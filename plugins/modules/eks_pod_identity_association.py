#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage an EKS Pod Identity association."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_pod_identity_association
author: The meshgate authors (@meshgate)
short_description: Manage an EKS Pod Identity association
version_added: "0.1.0"
description:
  - Associates an IAM role with a service account of an EKS cluster, or changes what differs. There is at most one association per service account.
  - Refuses to change an association that an add-on owns, and reports the add-on.
  - Options that are not set are left as they are.
options:
  cluster_name:
    description: The cluster.
    type: str
    required: true
  namespace:
    description: The service account's namespace. Neither it nor the service account need exist yet.
    type: str
    required: true
  service_account:
    description: The service account's name.
    type: str
    required: true
  state:
    description: Whether the association should exist.
    type: str
    choices: [present, absent]
    default: present
  role_arn:
    description:
      - The IAM role. Its trust policy must allow C(pods.eks.amazonaws.com) the actions C(sts:AssumeRole) and C(sts:TagSession).
      - Required to create an association.
    type: str
  target_role_arn:
    description: A second role, of this or another account, which the first one assumes and whose credentials the pods get. An empty string removes it.
    type: str
  disable_session_tags:
    description: Whether EKS omits its session tags, for example the names of the cluster and the namespace.
    type: bool
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.tags
  - meshgate.eks_istio.eks.owner
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - The nodes must run the add-on V(eks-pod-identity-agent).
  - Running pods get the role only after a restart.
seealso:
  - module: meshgate.eks_istio.eks_addon
  - module: meshgate.eks_istio.iam_service_account_role
  - name: EKS Pod Identity
    description: How it works, and the role's trust policy.
    link: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html
"""

EXAMPLES = r"""
- name: Grant the load balancer controller its role
  meshgate.eks_istio.eks_pod_identity_association:
    cluster_name: sandbox
    namespace: kube-system
    service_account: aws-load-balancer-controller
    role_arn: arn:aws:iam::123456789012:role/sandbox-alb-controller
    tags:
      meshgate.io/cluster: sandbox

- name: Grant a role of another account through role chaining
  meshgate.eks_istio.eks_pod_identity_association:
    cluster_name: sandbox
    namespace: reports
    service_account: writer
    role_arn: arn:aws:iam::123456789012:role/reports
    target_role_arn: arn:aws:iam::210987654321:role/bucket-writer
    disable_session_tags: true

- name: Remove the role from the service account
  meshgate.eks_istio.eks_pod_identity_association:
    cluster_name: sandbox
    namespace: reports
    service_account: writer
    state: absent
"""

RETURN = r"""
association:
  description: The association as EKS describes it, with keys in snake_case. Empty if there is none.
  returned: always
  type: dict
  sample:
    association_id: a-abcdefghijklmnop1
    namespace: kube-system
    service_account: aws-load-balancer-controller
    role_arn: arn:aws:iam::123456789012:role/sandbox-alb-controller
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import by_state, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import options as eks_options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import pod_identity as eks_pod_identity_association


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "namespace": {"type": "str", "required": True},
            "service_account": {"type": "str", "required": True},
            **eks_options.CLUSTER,
            **eks_options.STATE,
            **eks_options.TAGS,
            **eks_options.OWNER,
            **eks_pod_identity_association.OPTIONS,
        },
        supports_check_mode=True,
    )
    params = module.params
    rules = {"cluster_name": eks_options.NAME, "namespace": eks_options.NAMESPACE, "service_account": eks_options.SERVICE_ACCOUNT}
    rules["role_arn"] = eks_options.ROLE_ARN
    if params["target_role_arn"]:
        rules["target_role_arn"] = eks_options.ROLE_ARN
    found = eks_options.name_problems(params, **rules) + eks_options.tag_problems(params["tags"])
    run(module, by_state(eks_pod_identity_association.present, eks_pod_identity_association.absent), found)


if __name__ == "__main__":
    main()
