#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An IAM role for a Kubernetes service account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_service_account_role
author: The meshgate authors (@meshgate)
short_description: Manage the IAM role and policy of a Kubernetes service account
version_added: "0.1.0"
description:
  - Manages a customer managed policy and a role that one service account of one cluster may assume, by web identity (IAM roles for service
    accounts) or by EKS Pod Identity.
  - Policy documents are compared by meaning. A policy that differs gets a new default version, and the oldest versions are deleted, since IAM
    keeps five.
  - One read of the role and one of the policy decide whether anything has to be done.
  - The Pod Identity association itself is managed by M(meshgate.eks_istio.eks_pod_identity_association). With O(cluster_name),
    RV(pod_identity_association) returns whether there is one, since it would take precedence over web identity.
options:
  state:
    description: Whether the role and the policy should exist. Only those that carry O(owner) are removed.
    type: str
    choices: [present, absent]
    default: present
  role_name:
    description:
      - The role's name. If unset, O(owner) must have C(meshgate.io/cluster) and C(meshgate.io/region).
      - It then defaults to the role that the service account has through a Pod Identity association or a trust policy with O(oidc_issuer), if that is ours, or
        to a new one named after cluster, region and service account, with at most 64 characters.
      - With O(state=absent), all of our roles of this service account are deleted.
    type: str
    default: ""
  policy_name:
    description: The policy's name. Defaults to that of the role.
    type: str
    default: ""
  policy:
    description: The policy document, as a file on this machine or an https URL. Required for O(state=present).
    type: str
    default: ""
  policy_checksum:
    description: The SHA-256 of a policy document that is downloaded. Without one, a warning reports that only TLS protects the download.
    type: str
    default: ""
  account_id:
    description: The account, as 12 digits. Without it, the account and partition of the credentials are used.
    type: str
    default: ""
  partition:
    description: The partition of all ARNs, including those in the policy document.
    type: str
    default: aws
  trust:
    description: How the service account assumes the role. It can be changed at any time; running pods keep the credentials that they started with.
    type: str
    choices: [web_identity, pod_identity]
    default: web_identity
  cluster_name:
    description: The EKS cluster. Required for O(trust=pod_identity).
    type: str
    default: ""
  oidc_provider_arn:
    description: ARN of the IAM OIDC provider of the cluster. Required for O(state=present) with O(trust=web_identity).
    type: str
    default: ""
  oidc_issuer:
    description: The cluster's OIDC issuer. Required for O(state=present) with O(trust=web_identity).
    type: str
    default: ""
  namespace:
    description: The service account's namespace.
    type: str
    default: kube-system
  service_account:
    description: The service account's name. Required for O(state=present).
    type: str
    default: ""
  audience:
    description: The audience that the service account's token must have.
    type: str
    default: sts.amazonaws.com
  path:
    description: The IAM path of the role and of the policy. IAM cannot change a path, so an existing role with another one is refused.
    type: str
    default: /
  permissions_boundary:
    description: ARN of the role's permissions boundary. If unset, an existing boundary stays.
    type: str
    default: ""
  tags:
    description: Tags of the role and of the policy, besides O(owner). Other tags stay.
    type: dict
    default: {}
  owner:
    description:
      - Tags that mark the role and the policy as ours.
      - With C(meshgate.io/cluster) and C(meshgate.io/region), resources with only the first tag are ours if nothing in any enabled region refers to them, or
        only this cluster's issuer does. They get the second. Those of another cluster are refused, even with O(adopt).
    type: dict
    default: {}
  adopt:
    description: Adopt a role or policy of that name that does not carry O(owner).
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Reports exactly what would change.
    support: full
  diff_mode:
    description: Shows the statements that differ in documents that would change.
    support: full
"""

EXAMPLES = r"""
- name: Create the IAM role of the load balancer controller
  meshgate.eks_istio.iam_service_account_role:
    policy: https://raw.githubusercontent.com/kubernetes-sigs/aws-load-balancer-controller/v3.2.2/docs/install/iam_policy.json
    account_id: "123456789012"
    oidc_provider_arn: arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF
    oidc_issuer: https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF
    service_account: aws-load-balancer-controller
    owner: {meshgate.io/cluster: sandbox, meshgate.io/region: us-west-2}

- name: Create the same role for EKS Pod Identity
  meshgate.eks_istio.iam_service_account_role:
    policy: https://raw.githubusercontent.com/kubernetes-sigs/aws-load-balancer-controller/v3.2.2/docs/install/iam_policy.json
    trust: pod_identity
    cluster_name: sandbox
    service_account: aws-load-balancer-controller
    owner: {meshgate.io/cluster: sandbox, meshgate.io/region: us-west-2}
"""

RETURN = r"""
role_arn:
  description: The role's ARN, also if it would be created.
  returned: always
  type: str
  sample: arn:aws:iam::123456789012:role/sandbox-us-west-2-aws-load-balancer-controller
policy_arn:
  description: The policy's ARN.
  returned: always
  type: str
pod_identity_association:
  description: The id of the service account's Pod Identity association, empty if there is none.
  returned: when O(cluster_name) is given and O(state=present)
  type: str
  sample: a-abcdefghijklmnop1
unmanaged:
  description: What others attached to the role or added inline, one sentence each, also as warnings. It stays.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [IAM role sandbox-alb has the inline policy extra, which is not configured here]
actions:
  description: What was or would be changed.
  returned: always
  type: list
  elements: str
  sample: ["policy sandbox-us-west-2-aws-load-balancer-controller, default version"]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import by_state, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.service_account_role import absent, present, problems


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "role_name": {"type": "str", "default": ""},
            "policy_name": {"type": "str", "default": ""},
            "policy": {"type": "str", "default": ""},
            "policy_checksum": {"type": "str", "default": ""},
            "account_id": {"type": "str", "default": ""},
            "partition": {"type": "str", "default": "aws"},
            "trust": {"type": "str", "choices": ["web_identity", "pod_identity"], "default": "web_identity"},
            "cluster_name": {"type": "str", "default": ""},
            "oidc_provider_arn": {"type": "str", "default": ""},
            "oidc_issuer": {"type": "str", "default": ""},
            "namespace": {"type": "str", "default": "kube-system"},
            "service_account": {"type": "str", "default": ""},
            "audience": {"type": "str", "default": "sts.amazonaws.com"},
            "path": {"type": "str", "default": "/"},
            "permissions_boundary": {"type": "str", "default": ""},
            "tags": {"type": "dict", "default": {}},
            "owner": {"type": "dict", "default": {}},
            "adopt": {"type": "bool", "default": False},
        },
        required_if=[("state", "present", ["policy", "service_account"])],
        supports_check_mode=True,
    )
    run(module, by_state(present, absent), problems(module.params))


if __name__ == "__main__":
    main()
