#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Create, change, upgrade or delete an EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_cluster
author: The meshgate authors
short_description: Create, change, upgrade or delete an EKS cluster
version_added: "0.1.0"
description:
  - Creates an EKS control plane and waits for it, or changes what differs on one that exists, one update at a time as EKS takes them.
  - Upgrades Kubernetes one minor version at a time. Going back and skipping a version are refused before anything is changed.
  - Refuses what EKS cannot change in place, and a deletion while node groups or Fargate profiles exist, naming them.
  - Options that are not given are left as they are, and get AWS's defaults when a cluster is created.
options:
  name:
    description: The cluster's name. Letters, digits, C(-) and C(_), at most 100.
    type: str
    required: true
  state:
    description: Whether the cluster shall exist.
    type: str
    choices: [present, absent]
    default: present
  version:
    description: The Kubernetes minor version, for example V(1.36). Without it a new cluster gets AWS's default, and an existing one keeps its own.
    type: str
  role_arn:
    description: The IAM role of the control plane. Needed to create a cluster, immutable afterwards.
    type: str
  subnet_ids:
    description: Subnets in at least two availability zones. Needed to create a cluster.
    type: list
    elements: str
  security_group_ids:
    description: Security groups of the control plane's network interfaces, besides the one that EKS makes.
    type: list
    elements: str
  endpoint_public_access:
    description: Whether the API server answers on the internet.
    type: bool
  endpoint_private_access:
    description: Whether the API server answers inside the VPC.
    type: bool
  public_access_cidrs:
    description: The addresses that may reach the public endpoint.
    type: list
    elements: str
  logging:
    description: The control plane's logs to write to CloudWatch. An empty list stops them all.
    type: list
    elements: str
    choices: [api, audit, authenticator, controllerManager, scheduler]
  authentication_mode:
    description: Where EKS looks up who may use the cluster. It may only go from V(CONFIG_MAP) over V(API_AND_CONFIG_MAP) to V(API).
    type: str
    choices: [CONFIG_MAP, API_AND_CONFIG_MAP, API]
  bootstrap_creator_admin:
    description: Whether the one who creates the cluster becomes its administrator. Only used at creation.
    type: bool
  service_ipv4_cidr:
    description: The addresses of Kubernetes services. Immutable.
    type: str
  ip_family:
    description: The address family of pods and services. Immutable.
    type: str
    choices: [ipv4, ipv6]
  encryption_key_arn:
    description: The KMS key that encrypts secrets. It can be added later, and neither changed nor removed.
    type: str
  deletion_protection:
    description: Whether EKS refuses to delete the cluster.
    type: bool
  support_type:
    description: What happens at the end of a version's standard support. V(STANDARD) upgrades the cluster, V(EXTENDED) costs more.
    type: str
    choices: [STANDARD, EXTENDED]
  zonal_shift:
    description: Whether traffic may be shifted away from an impaired availability zone.
    type: bool
  tags:
    description: Tags of the cluster. Without this option tags are left alone.
    type: dict
    aliases: [resource_tags]
  purge_tags:
    description: Whether tags that are not in O(tags) are removed.
    type: bool
    default: true
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.eks_nodegroup
  - module: meshgate.eks_istio.eks_cluster_info
"""

EXAMPLES = r"""
- name: A cluster in two subnets
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    version: "1.36"
    role_arn: arn:aws:iam::123456789012:role/sandbox-eks-cluster
    subnet_ids: [subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002]
    endpoint_private_access: true
    authentication_mode: API
    tags:
      meshgate.io/cluster: sandbox

- name: Write the audit log, and let only the office reach the API server
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    logging: [audit, authenticator]
    public_access_cidrs: [203.0.113.0/24]

- name: Delete the cluster
  meshgate.eks_istio.eks_cluster:
    name: sandbox
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster as EKS describes it, with keys in snake_case. Empty if there is none.
  returned: always
  type: dict
  sample:
    name: sandbox
    status: ACTIVE
    version: "1.36"
    endpoint: https://0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com
"""

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_cluster
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, Refused, for_module

OPTIONS = {
    "version": {"type": "str"},
    "role_arn": {"type": "str"},
    "subnet_ids": {"type": "list", "elements": "str"},
    "security_group_ids": {"type": "list", "elements": "str"},
    "endpoint_public_access": {"type": "bool"},
    "endpoint_private_access": {"type": "bool"},
    "public_access_cidrs": {"type": "list", "elements": "str"},
    "logging": {"type": "list", "elements": "str", "choices": list(eks_cluster.LOG_TYPES)},
    "authentication_mode": {"type": "str", "choices": list(eks_cluster.AUTHENTICATION_MODES)},
    "bootstrap_creator_admin": {"type": "bool"},
    "service_ipv4_cidr": {"type": "str"},
    "ip_family": {"type": "str", "choices": ["ipv4", "ipv6"]},
    "encryption_key_arn": {"type": "str"},
    "deletion_protection": {"type": "bool"},
    "support_type": {"type": "str", "choices": ["STANDARD", "EXTENDED"]},
    "zonal_shift": {"type": "bool"},
}


def result(live: dict | None) -> dict:
    if live is None:
        return {"cluster": {}}
    return {"cluster": camel_dict_to_snake_dict(live, ignore_list=["tags"])}


def present(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    name, waits = params["name"], (params["wait_timeout"], params["wait_delay"])
    wanted = {"name": name, "tags": params["tags"], **{key: params[key] for key in OPTIONS}}
    live = eks_cluster.describe(aws, name)
    if live and live["status"] == "DELETING" and not module.check_mode:
        eks_cluster.wait_until_gone(aws, name, *waits)
        live = None

    if live is None or live["status"] == "DELETING":
        request = eks_cluster.create_request(wanted)
        diff = {"before": {}, "after": {key: value for key, value in wanted.items() if value is not None}}
        if module.check_mode:
            return {"changed": True, "diff": diff, "cluster": {}}
        live = aws.call("eks", "create_cluster", **request)["cluster"]
        if params["wait"]:
            live = eks_cluster.wait_until_active(aws, name, *waits)
        return {"changed": True, "diff": diff, **result(live)}

    if live["status"] in ("CREATING", "UPDATING", "PENDING") and params["wait"] and not module.check_mode:
        live = eks_cluster.wait_until_active(aws, name, *waits)
    if live["status"] == "FAILED":
        raise AwsError(f"EKS cluster {name} is FAILED: {eks_cluster.failure(live)}. Delete it (state: absent) and run again", "FAILED")
    plan = eks_cluster.plan_cluster(live, wanted, params["purge_tags"])
    if plan.changed and not module.check_mode:
        if live["status"] != "ACTIVE":
            live = eks_cluster.wait_until_active(aws, name, *waits)
        eks_cluster.apply(aws, live, plan, *waits)
        live = eks_cluster.wait_until_active(aws, name, *waits)
    return {"changed": plan.changed, "diff": {"before": plan.before, "after": plan.after}, **result(live)}


def absent(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    name, waits = params["name"], (params["wait_timeout"], params["wait_delay"])
    live = eks_cluster.describe(aws, name)
    if live is None:
        return {"changed": False, "cluster": {}}
    if live["status"] != "DELETING":
        users = eks_cluster.users(aws, name)
        if users:
            raise Refused(f"EKS cluster {name} is in use by {', '.join(users)}; delete them first")
        if live.get("deletionProtection"):
            raise Refused(f"EKS cluster {name} has deletion protection; set deletion_protection: false first")
    diff = {"before": eks_cluster.view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    if live["status"] in ("CREATING", "UPDATING", "PENDING"):
        eks_cluster.wait_until_settled(aws, name, *waits)
    if live["status"] != "DELETING":
        aws.call("eks", "delete_cluster", name=name)
    if params["wait"]:
        eks_cluster.wait_until_gone(aws, name, *waits)
    return {"changed": True, "diff": diff, "cluster": {}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "tags": {"type": "dict", "aliases": ["resource_tags"]},
            "purge_tags": {"type": "bool", "default": True},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 1800},
            "wait_delay": {"type": "float", "default": 10.0},
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    name, version = module.params["name"], module.params["version"]
    if not eks_cluster.NAME.fullmatch(name):
        module.fail_json(msg=f"name is {name!r}; a cluster's name has letters, digits, - and _, begins with a letter or digit, and has at most 100 characters")
    if version is not None and not eks_cluster.VERSION.fullmatch(version):
        module.fail_json(msg=f"version is {version!r}; it is a minor version of Kubernetes such as 1.36, in quotes")
    try:
        act = present if module.params["state"] == "present" else absent
        module.exit_json(**act(module, for_module(module)))
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)


if __name__ == "__main__":
    main()
