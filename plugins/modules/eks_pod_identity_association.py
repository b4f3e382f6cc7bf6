#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Give a Kubernetes service account an IAM role through EKS Pod Identity."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_pod_identity_association
author: The meshgate authors (@meshgate)
short_description: Give a Kubernetes service account an IAM role through EKS Pod Identity
version_added: "0.1.0"
description:
  - Associates an IAM role with a service account of an EKS cluster, or changes what differs. There is at most one association per service account.
  - Refuses to touch an association that an add-on owns, and names the add-on.
  - Options that are not given are left as they are.
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
    description: Whether the association shall exist.
    type: str
    choices: [present, absent]
    default: present
  role_arn:
    description:
      - The IAM role. Its trust policy lets C(pods.eks.amazonaws.com) do C(sts:AssumeRole) and C(sts:TagSession).
      - Needed to create an association.
    type: str
  target_role_arn:
    description: A second role, of this or another account, which the first one assumes and whose credentials the pods get. An empty string takes it away.
    type: str
  disable_session_tags:
    description: Whether EKS leaves out its session tags, for example the cluster's and the namespace's name.
    type: bool
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.tags
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - The nodes must run the add-on V(eks-pod-identity-agent).
  - Pods that run already get the role only when they are started anew.
seealso:
  - module: meshgate.eks_istio.eks_addon
  - module: meshgate.eks_istio.iam_service_account_role
  - name: EKS Pod Identity
    description: How it works, and what the role's trust policy must say.
    link: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html
"""

EXAMPLES = r"""
- name: The load balancer controller gets its role
  meshgate.eks_istio.eks_pod_identity_association:
    cluster_name: sandbox
    namespace: kube-system
    service_account: aws-load-balancer-controller
    role_arn: arn:aws:iam::123456789012:role/sandbox-alb-controller
    tags:
      meshgate.io/cluster: sandbox

- name: A role of another account, reached through the first
  meshgate.eks_istio.eks_pod_identity_association:
    cluster_name: sandbox
    namespace: reports
    service_account: writer
    role_arn: arn:aws:iam::123456789012:role/reports
    target_role_arn: arn:aws:iam::210987654321:role/bucket-writer
    disable_session_tags: true

- name: Take the role away
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

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_cluster, eks_options, eks_pod_identity_association
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, Refused

OPTIONS = {"role_arn": {"type": "str"}, "target_role_arn": {"type": "str"}, "disable_session_tags": {"type": "bool"}}


def result(live: dict | None) -> dict:
    return {"association": camel_dict_to_snake_dict(live, ignore_list=["tags"]) if live else {}}


def refuse_old_botocore(module: AnsibleAWSModule, aws: Aws) -> None:
    known = aws.client("eks").meta.service_model.operation_model("CreatePodIdentityAssociation").input_shape.members
    for option in ("target_role_arn", "disable_session_tags"):
        if module.params[option] is not None and eks_pod_identity_association.PARAMETERS[option] not in known:
            raise Refused(f"{option} needs a newer botocore than the one installed: its EKS does not know that parameter yet")


def present(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    cluster, where = params["cluster_name"], (params["cluster_name"], params["namespace"], params["service_account"])
    refuse_old_botocore(module, aws)
    wanted = {**params, "tags": eks_options.text_tags(params["tags"])}
    live = eks_pod_identity_association.find(aws, *where)
    if live is None and not module.check_mode and eks_cluster.describe(aws, cluster) is None:
        raise Refused(f"EKS cluster {cluster} does not exist; create it before its {eks_pod_identity_association.title(*where[1:])}")
    plan = eks_pod_identity_association.plan_association(live, wanted, params["purge_tags"])
    if plan.changed and not module.check_mode:
        live = eks_pod_identity_association.apply(aws, *where, live, plan)
    return {"changed": plan.changed, "diff": plan.as_diff(), **result(live)}


def absent(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    live = eks_pod_identity_association.find(aws, params["cluster_name"], params["namespace"], params["service_account"])
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "association": {}}
    diff = {"before": eks_pod_identity_association.view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    eks_pod_identity_association.remove(aws, params["cluster_name"], live)
    return {"changed": True, "diff": diff, "association": {}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "namespace": {"type": "str", "required": True},
            "service_account": {"type": "str", "required": True},
            **eks_options.CLUSTER,
            **eks_options.STATE,
            **eks_options.TAGS,
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    params = module.params
    rules = {"cluster_name": eks_options.NAME, "namespace": eks_options.NAMESPACE, "service_account": eks_options.SERVICE_ACCOUNT}
    rules["role_arn"] = eks_options.ROLE_ARN
    if params["target_role_arn"]:
        rules["target_role_arn"] = eks_options.ROLE_ARN
    found = eks_options.name_problems(params, **rules) + eks_options.tag_problems(params["tags"])
    eks_options.run(module, found, present, absent)


if __name__ == "__main__":
    main()
