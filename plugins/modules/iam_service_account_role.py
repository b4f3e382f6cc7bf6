#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""An IAM role for a Kubernetes service account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_service_account_role
author: The meshgate authors (@meshgate)
short_description: An IAM role and policy for one Kubernetes service account
version_added: "0.1.0"
description:
  - Makes a customer managed policy and a role that one service account of one cluster may assume, by web identity (IAM roles for service
    accounts) or by EKS Pod Identity, and keeps both as described.
  - Policy documents are compared by meaning. A policy that differs gets a new default version, and the oldest versions go, since IAM
    keeps five.
  - One read of the role and one of the policy decide whether anything is to be done.
  - The Pod Identity association itself is M(meshgate.eks_istio.eks_pod_identity_association)'s. With O(cluster_name), RV(pod_identity_association)
    says whether there is one, since it would win over web identity.
options:
  state:
    description: Whether the role and the policy should exist. Only those that carry O(owner) are removed.
    type: str
    choices: [present, absent]
    default: present
  role_name:
    description: The role's name.
    type: str
    required: true
  policy_name:
    description: The policy's name.
    type: str
    required: true
  policy:
    description: The policy document, as a file of this machine or an address. Needed for O(state=present).
    type: str
    default: ""
  account_id:
    description: The account, as 12 digits. Without it, the credentials' own account and partition are asked for.
    type: str
    default: ""
  partition:
    description: The partition of all ARNs, in the policy document, too.
    type: str
    default: aws
  trust:
    description: How the service account becomes the role. It can be changed at any time; pods that run keep what they got when they started.
    type: str
    choices: [web_identity, pod_identity]
    default: web_identity
  cluster_name:
    description: The EKS cluster. Needed for O(trust=pod_identity).
    type: str
    default: ""
  oidc_provider_arn:
    description: ARN of the IAM OIDC provider of the cluster. Needed for O(state=present) with O(trust=web_identity).
    type: str
    default: ""
  oidc_issuer:
    description: The cluster's OIDC issuer. Needed for O(state=present) with O(trust=web_identity).
    type: str
    default: ""
  namespace:
    description: The service account's namespace.
    type: str
    default: kube-system
  service_account:
    description: The service account's name. Needed for O(state=present).
    type: str
    default: ""
  audience:
    description: The audience that the service account's token must have.
    type: str
    default: sts.amazonaws.com
  path:
    description: The IAM path of the role and of the policy. IAM changes no path, so a role of that name with another one is refused.
    type: str
    default: /
  permissions_boundary:
    description: ARN of the role's permissions boundary. Without it, an existing boundary stays.
    type: str
    default: ""
  tags:
    description: Tags of the role and of the policy, beside O(owner). Other tags stay.
    type: dict
    default: {}
  owner:
    description: Tags that say that the role and the policy are ours.
    type: dict
    default: {}
  adopt:
    description: Take over a role or policy of that name that does not carry O(owner).
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
attributes:
  check_mode:
    description: Says what would change, exactly.
    support: full
  diff_mode:
    description: Of documents that would change, the statements that differ.
    support: full
"""

EXAMPLES = r"""
- name: Let the load balancer controller call AWS
  meshgate.eks_istio.iam_service_account_role:
    role_name: sandbox-aws-load-balancer-controller
    policy_name: sandbox-aws-load-balancer-controller
    policy: https://raw.githubusercontent.com/kubernetes-sigs/aws-load-balancer-controller/v3.2.2/docs/install/iam_policy.json
    account_id: "123456789012"
    oidc_provider_arn: arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF
    oidc_issuer: https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF
    service_account: aws-load-balancer-controller
    owner: {meshgate.io/cluster: sandbox}

- name: The same by EKS Pod Identity
  meshgate.eks_istio.iam_service_account_role:
    role_name: sandbox-aws-load-balancer-controller
    policy_name: sandbox-aws-load-balancer-controller
    policy: https://raw.githubusercontent.com/kubernetes-sigs/aws-load-balancer-controller/v3.2.2/docs/install/iam_policy.json
    trust: pod_identity
    cluster_name: sandbox
    service_account: aws-load-balancer-controller
    owner: {meshgate.io/cluster: sandbox}
"""

RETURN = r"""
role_arn:
  description: The role's ARN, also of a role that would be created.
  returned: always
  type: str
  sample: arn:aws:iam::123456789012:role/sandbox-aws-load-balancer-controller
policy_arn:
  description: The policy's ARN.
  returned: always
  type: str
pod_identity_association:
  description: The id of the service account's Pod Identity association, empty if there is none.
  returned: when O(cluster_name) is given and O(state=present)
  type: str
  sample: a-abcdefghijklmnop1
actions:
  description: What was or would be changed.
  returned: always
  type: list
  elements: str
  sample: ["policy sandbox-aws-load-balancer-controller, default version"]
"""

import contextlib
import json
import os
import socket
import typing as t
from urllib.parse import urlsplit

from ansible.module_utils.urls import open_url
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, explain, for_module
from ansible_collections.meshgate.eks_istio.plugins.module_utils.iam_web_identity import (
    Foreign,
    Role,
    Wanted,
    diff,
    in_partition,
    pod_identity_trust,
    trust_policy,
)

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError


def read_policy(source: str) -> dict[str, t.Any]:
    if source.startswith(("http://", "https://")):
        with open_url(source, timeout=30) as answer:
            return json.load(answer)
    with open(source, encoding="utf-8") as stream:
        return json.load(stream)


def describe(module: AnsibleAWSModule, account: str, partition: str) -> Wanted:
    """What the parameters ask for."""
    params = module.params
    policy: dict[str, t.Any] = {}
    if params["state"] == "present":
        try:
            policy = in_partition(read_policy(params["policy"]), partition)
        except (OSError, ValueError) as error:
            module.fail_json(msg=f"the policy document {params['policy']} cannot be read: {error}")
    if params["trust"] == "pod_identity":
        trust = pod_identity_trust(params["cluster_name"], params["namespace"], params["service_account"])
    else:
        trust = trust_policy(params["oidc_provider_arn"], params["oidc_issuer"], params["namespace"], params["service_account"], params["audience"])
    return Wanted(
        role_name=params["role_name"],
        policy_name=params["policy_name"],
        policy=policy,
        trust=trust,
        policy_arn=f"arn:{partition}:iam::{account}:policy{params['path']}{params['policy_name']}",
        path=params["path"],
        tags={**params["tags"], **params["owner"]},
        permissions_boundary=params["permissions_boundary"],
        owner=params["owner"],
        adopt=params["adopt"],
    )


def association(eks: t.Any, cluster: str, namespace: str, service_account: str) -> str:
    try:
        found = eks.list_pod_identity_associations(clusterName=cluster, namespace=namespace, serviceAccount=service_account)["associations"]
    except eks.exceptions.ResourceNotFoundException:
        return ""
    return found[0]["associationId"] if found else ""


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "role_name": {"type": "str", "required": True},
            "policy_name": {"type": "str", "required": True},
            "policy": {"type": "str", "default": ""},
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
    params = module.params
    present = params["state"] == "present"
    needed = ["cluster_name"] if params["trust"] == "pod_identity" else ["oidc_provider_arn", "oidc_issuer"]
    missing = [name for name in needed if not params[name]] if present else []
    if missing:
        module.fail_json(msg=f"trust is {params['trust']} but {' and '.join(missing)} is missing")
    if (module.check_mode or not present) and emulator_is_down(module):
        # Before an emulated AWS runs, there is nothing in it.
        would = [f"role {params['role_name']}", f"policy {params['policy_name']}"] if present else []
        found = {"pod_identity_association": ""} if present and params["cluster_name"] else {}
        module.exit_json(changed=present, role_arn="", policy_arn="", actions=would, **found, diff={"before": {}, "after": dict.fromkeys(would, "new")})
    doing = f"the IAM role {params['role_name']}"
    result: dict[str, t.Any] = {}
    aws = for_module(module)
    try:
        account, partition = params["account_id"], params["partition"]
        if not account:
            caller = aws.careful("sts").get_caller_identity()
            account, partition = caller["Account"], caller["Arn"].split(":")[1]
        wanted = describe(module, account, partition)
        role = Role(aws.careful("iam"), wanted)
        if present:
            role.refuse_foreign()
        steps = role.steps() if present else role.removal()
        for step in steps if not module.check_mode else []:
            doing = f"changing the IAM {step.what}"
            step.call()
        if present and params["cluster_name"]:
            doing = f"the Pod Identity associations of cluster {params['cluster_name']}"
            eks = aws.careful("eks")
            result["pod_identity_association"] = association(eks, params["cluster_name"], params["namespace"], params["service_account"])
    except Foreign as foreign:
        module.fail_json(msg=str(foreign))
    except AwsError as error:
        module.fail_json(msg=f"{doing}: {error}")
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=str(explain(error, doing)))
    result.update(role_arn=role.role_arn(), policy_arn=wanted.policy_arn, actions=[step.what for step in steps], diff=diff(steps))
    module.exit_json(changed=bool(steps), **result)


def emulator_is_down(module: AnsibleAWSModule) -> bool:
    """Whether the API's address is one of this machine at which nothing listens; the client would go on trying for seconds."""
    url = urlsplit(module.params.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL_IAM") or os.environ.get("AWS_ENDPOINT_URL") or "")
    if url.hostname not in ("127.0.0.1", "localhost", "::1"):
        return False
    try:
        socket.create_connection((url.hostname, url.port or 80), timeout=5).close()
    except OSError:
        return True
    return False


if __name__ == "__main__":
    main()
