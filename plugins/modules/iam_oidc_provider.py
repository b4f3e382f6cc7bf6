#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage an OIDC identity provider in IAM."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_oidc_provider
author: The meshgate authors (@meshgate)
short_description: Manage an OIDC identity provider in IAM
version_added: "0.1.0"
description:
  - Lets IAM roles trust the tokens of an OIDC issuer, for example the service account tokens of an EKS cluster.
  - If O(tags) has C(meshgate.io/cluster), a provider whose tags are of another cluster, or of the same name in another region, is refused.
options:
  url:
    description: The issuer's URL. It begins with C(https://) and has neither port nor query.
    type: str
    required: true
  state:
    description: Whether the provider should exist.
    type: str
    choices: [present, absent]
    default: present
  client_ids:
    description: The complete list of audiences that IAM accepts.
    type: list
    elements: str
    default: [sts.amazonaws.com]
  thumbprints:
    description:
      - SHA-1 thumbprints of the issuer's certificate authority.
      - IAM trusts EKS's issuers through its own trust store, so this option is usually unset. They are compared only if set.
    type: list
    elements: str
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.eks_cluster
  - module: meshgate.eks_istio.iam_service_account_role
  - name: IAM OIDC provider of a cluster
    description: What it is for.
    link: https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html
"""

EXAMPLES = r"""
- name: Create the OIDC provider for the cluster's service accounts
  meshgate.eks_istio.iam_oidc_provider:
    url: "{{ eks_cluster_facts.oidc_issuer }}"
    tags:
      meshgate.io/cluster: sandbox

- name: Delete the provider
  meshgate.eks_istio.iam_oidc_provider:
    url: https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    state: absent
"""

RETURN = r"""
arn:
  description: The provider's ARN. Empty if there is none.
  returned: always
  type: str
  sample: arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
provider:
  description: The provider. Empty if there is none.
  returned: always
  type: dict
  sample:
    url: https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    client_ids: [sts.amazonaws.com]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import by_state, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import oidc_provider as iam_oidc_provider
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import options as eks_options


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "client_ids": {"type": "list", "elements": "str", "default": ["sts.amazonaws.com"]},
            "thumbprints": {"type": "list", "elements": "str"},
            **eks_options.STATE,
            **eks_options.TAGS,
        },
        supports_check_mode=True,
    )
    params = module.params
    params["tags"] = eks_options.text_tags(params["tags"])
    found = iam_oidc_provider.problems(params["url"], params["thumbprints"]) + eks_options.tag_problems(params["tags"])
    run(module, by_state(iam_oidc_provider.present, iam_oidc_provider.absent), found)


if __name__ == "__main__":
    main()
