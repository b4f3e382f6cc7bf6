#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Create, change, upgrade or delete a managed node group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_nodegroup
author: The meshgate authors (@meshgate)
short_description: Create, change, upgrade or delete an EKS managed node group
version_added: "0.1.0"
description:
  - Creates a managed node group of Linux nodes and waits for them, or changes what differs.
  - Scaling, update and repair settings, labels, taints, tags, Kubernetes version, AMI release and launch template version are changed in place.
  - What EKS cannot change in place is refused with both values. A group of another name is the way then.
  - A node group that fails says why, in the words of EKS's health issues.
  - Options that are not given are left as they are, and get AWS's defaults when a node group is created.
options:
  name:
    description: The node group's name. Letters, digits, C(-) and C(_), a letter or digit first, at most 63.
    type: str
    required: true
    aliases: [nodegroup_name]
  cluster_name:
    description: The cluster that it belongs to.
    type: str
    required: true
  state:
    description: Whether the node group shall exist.
    type: str
    choices: [present, absent]
    default: present
  node_role:
    description: The ARN of the nodes' IAM role. Needed to create a node group, immutable afterwards.
    type: str
  subnet_ids:
    description: The subnets of the nodes. Needed to create a node group, immutable afterwards.
    type: list
    elements: str
    aliases: [subnets]
  scaling_config:
    description: How many nodes. Leave out O(scaling_config.desired_size) where an autoscaler decides.
    type: dict
    suboptions:
      min_size:
        description: The fewest nodes.
        type: int
      max_size:
        description: The most nodes.
        type: int
      desired_size:
        description: The nodes now.
        type: int
  update_config:
    description: How many nodes an update may take away at the same time.
    type: dict
    suboptions:
      max_unavailable:
        description: A number of nodes, 1 to 100.
        type: int
      max_unavailable_percentage:
        description: A share of the nodes, 1 to 100.
        type: int
      update_strategy:
        description: V(DEFAULT) launches new nodes before old ones go, V(MINIMAL) the other way round, where capacity is scarce.
        type: str
        choices: [DEFAULT, MINIMAL]
  node_repair_config:
    description: Whether EKS replaces nodes that are not well, and when it stops doing so.
    type: dict
    suboptions:
      enabled:
        description: Whether nodes are repaired.
        type: bool
      max_unhealthy_node_threshold_count:
        description: The number of nodes not well above which nothing is repaired.
        type: int
      max_unhealthy_node_threshold_percentage:
        description: The share of nodes not well above which nothing is repaired.
        type: int
      max_parallel_nodes_repaired_count:
        description: How many nodes are repaired at the same time.
        type: int
      max_parallel_nodes_repaired_percentage:
        description: Which share of the nodes not well is repaired at the same time.
        type: int
  instance_types:
    description: Instance types of one architecture, for example V(m6g.large), at most 20. Immutable.
    type: list
    elements: str
  ami_type:
    description: The kind of machine image. V(CUSTOM) is one that O(launch_template) names. Immutable.
    type: str
    choices:
      - AL2023_x86_64_STANDARD
      - AL2023_ARM_64_STANDARD
      - AL2023_x86_64_NEURON
      - AL2023_x86_64_NVIDIA
      - AL2023_ARM_64_NVIDIA
      - BOTTLEROCKET_x86_64
      - BOTTLEROCKET_ARM_64
      - BOTTLEROCKET_x86_64_NVIDIA
      - BOTTLEROCKET_ARM_64_NVIDIA
      - BOTTLEROCKET_x86_64_FIPS
      - BOTTLEROCKET_ARM_64_FIPS
      - BOTTLEROCKET_x86_64_NVIDIA_FIPS
      - BOTTLEROCKET_ARM_64_NVIDIA_FIPS
      - CUSTOM
  capacity_type:
    description: How the nodes are bought. Immutable.
    type: str
    choices: [ON_DEMAND, SPOT, CAPACITY_BLOCK]
  disk_size:
    description: GiB of the root volume. Immutable. With a launch template it is said there.
    type: int
  launch_template:
    description: The launch template of the nodes, by id or name. Its version can be changed.
    type: dict
    suboptions:
      id:
        description: The template's id.
        type: str
      name:
        description: The template's name.
        type: str
      version:
        description: The template's version, a number in quotes. Without it a new group gets the template's default.
        type: str
  remote_access:
    description: SSH access to the nodes. Immutable.
    type: dict
    suboptions:
      ec2_ssh_key:
        description: The name of an EC2 key pair.
        type: str
      source_security_groups:
        description: The security groups that may connect.
        type: list
        elements: str
  labels:
    description: The Kubernetes labels of the nodes, all that are set through EKS. An empty dict removes them.
    type: dict
  taints:
    description: The Kubernetes taints of the nodes, all of them, in any order, at most 50. An empty list removes them.
    type: list
    elements: dict
    suboptions:
      key:
        description: The taint's key.
        type: str
        required: true
      value:
        description: The taint's value.
        type: str
      effect:
        description: What the taint does.
        type: str
        required: true
        choices: [NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE]
  version:
    description: The Kubernetes minor version of the nodes. Without it a new group gets the cluster's.
    type: str
  release_version:
    description: The AMI release. Without it a new group gets the latest.
    type: str
  force_update:
    description: Whether an upgrade goes on when a pod cannot be drained.
    type: bool
    default: false
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.tags
  - meshgate.eks_istio.eks.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - Tags of a node group are not those of its instances. A launch template gives them theirs.
  - Lists and dicts are compared by value, whatever their order.
  - A degraded node group in which nothing differs is a warning, not a failure.
seealso:
  - module: meshgate.eks_istio.eks_cluster
  - name: Managed node groups
    description: How nodes are launched, updated and repaired.
    link: https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
"""

EXAMPLES = r"""
- name: Two Graviton nodes
  meshgate.eks_istio.eks_nodegroup:
    cluster_name: sandbox
    name: mng-arm
    node_role: arn:aws:iam::123456789012:role/sandbox-eks-node
    subnet_ids: [subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002]
    instance_types: [m6g.large]
    ami_type: AL2023_ARM_64_STANDARD
    scaling_config: {min_size: 2, max_size: 4, desired_size: 2}
    labels:
      pool: general
    tags:
      meshgate.io/cluster: sandbox

- name: Bottlerocket on spot instances, for what can be moved
  meshgate.eks_istio.eks_nodegroup:
    cluster_name: sandbox
    name: spot
    node_role: arn:aws:iam::123456789012:role/sandbox-eks-node
    subnet_ids: [subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002]
    ami_type: BOTTLEROCKET_x86_64
    capacity_type: SPOT
    instance_types: [m6i.large, m5.large]
    scaling_config: {min_size: 0, max_size: 5, desired_size: 1}
    taints:
      - {key: spot, value: "true", effect: NO_SCHEDULE}
    update_config: {max_unavailable_percentage: 33}
    node_repair_config: {enabled: true}

- name: Nodes as a launch template describes them
  meshgate.eks_istio.eks_nodegroup:
    cluster_name: sandbox
    name: templated
    node_role: arn:aws:iam::123456789012:role/sandbox-eks-node
    subnet_ids: [subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002]
    instance_types: [m6g.large]
    ami_type: AL2023_ARM_64_STANDARD
    launch_template: {name: sandbox-nodes, version: "1"}

- name: Move to the template's next version
  meshgate.eks_istio.eks_nodegroup:
    cluster_name: sandbox
    name: templated
    launch_template: {name: sandbox-nodes, version: "2"}

- name: Upgrade the nodes
  meshgate.eks_istio.eks_nodegroup:
    cluster_name: sandbox
    name: mng-arm
    version: "1.36"

- name: Delete the node group
  meshgate.eks_istio.eks_nodegroup:
    cluster_name: sandbox
    name: mng-arm
    state: absent
"""

RETURN = r"""
nodegroup:
  description: The node group as EKS describes it, with keys in snake_case. Empty if there is none.
  returned: always
  type: dict
  sample:
    nodegroup_name: mng-arm
    status: ACTIVE
    ami_type: AL2023_ARM_64_STANDARD
"""

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import eks_nodegroup, eks_options
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError

NUMBER = {"type": "int"}
OPTIONS = {
    "node_role": {"type": "str"},
    "subnet_ids": {"type": "list", "elements": "str", "aliases": ["subnets"]},
    "scaling_config": {"type": "dict", "options": {"min_size": {"type": "int"}, "max_size": {"type": "int"}, "desired_size": {"type": "int"}}},
    "update_config": {
        "type": "dict",
        "options": {
            "max_unavailable": NUMBER,
            "max_unavailable_percentage": NUMBER,
            "update_strategy": {"type": "str", "choices": list(eks_nodegroup.STRATEGIES)},
        },
        "mutually_exclusive": eks_nodegroup.EXCLUSIVE[:1],
    },
    "node_repair_config": {
        "type": "dict",
        "options": {key: {"type": "bool"} if key == "enabled" else NUMBER for key in eks_nodegroup.REPAIR},
        "mutually_exclusive": eks_nodegroup.EXCLUSIVE[1:],
    },
    "instance_types": {"type": "list", "elements": "str"},
    "ami_type": {"type": "str", "choices": list(eks_nodegroup.AMI_TYPES)},
    "capacity_type": {"type": "str", "choices": ["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"]},
    "disk_size": {"type": "int"},
    "launch_template": {
        "type": "dict",
        "options": {"id": {"type": "str"}, "name": {"type": "str"}, "version": {"type": "str"}},
        "mutually_exclusive": [["id", "name"]],
    },
    "remote_access": {
        "type": "dict",
        "options": {"ec2_ssh_key": {"type": "str", "no_log": False}, "source_security_groups": {"type": "list", "elements": "str"}},
    },
    "labels": {"type": "dict"},
    "taints": {
        "type": "list",
        "elements": "dict",
        "options": {
            "key": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str"},
            "effect": {"type": "str", "required": True, "choices": list(eks_nodegroup.EFFECTS)},
        },
    },
    "version": {"type": "str"},
    "release_version": {"type": "str"},
}


def result(live: dict | None) -> dict:
    if live is None:
        return {"nodegroup": {}}
    return {"nodegroup": camel_dict_to_snake_dict(live, ignore_list=["tags", "labels"])}


def present(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    cluster, name, waits = params["cluster_name"], params["name"], (params["wait_timeout"], params["wait_delay"])
    wanted = {"name": name, "tags": eks_options.text_tags(params["tags"]), **{key: params[key] for key in OPTIONS}}
    if wanted["labels"]:
        wanted["labels"] = {key: str(value) for key, value in wanted["labels"].items()}
    live = eks_nodegroup.describe(aws, cluster, name)
    if live and live["status"] == "DELETING" and not module.check_mode:
        live = eks_nodegroup.wait_until_settled(aws, cluster, name, *waits)

    if live is None or live["status"] == "DELETING":
        request = eks_nodegroup.create_request(cluster, wanted)
        diff = {"before": {}, "after": eks_nodegroup.normal(wanted)}
        if module.check_mode:
            return {"changed": True, "diff": diff, "nodegroup": {}}
        live = eks_nodegroup.create(aws, request)
        if params["wait"]:
            live = eks_nodegroup.wait_until_active(aws, cluster, name, *waits)
        return {"changed": True, "diff": diff, **result(live)}

    if live["status"] in ("CREATING", "UPDATING") and params["wait"] and not module.check_mode:
        live = eks_nodegroup.wait_until_active(aws, cluster, name, *waits)
    if live["status"] in ("CREATE_FAILED", "DELETE_FAILED"):
        raise AwsError(f"node group {name} is {live['status']}: {eks_nodegroup.failure(live)}. Delete it (state: absent) and run again", live["status"])
    plan = eks_nodegroup.plan_nodegroup(live, wanted, params["purge_tags"])
    if plan.changed and not module.check_mode:
        if live["status"] in ("CREATING", "UPDATING"):
            live = eks_nodegroup.wait_until_active(aws, cluster, name, *waits)
        eks_nodegroup.apply(aws, live, plan, params["force_update"], *waits, wait=params["wait"])
        live = eks_nodegroup.wait_until_settled(aws, cluster, name, *waits) if params["wait"] else eks_nodegroup.describe(aws, cluster, name)
    if live and live["status"] == "DEGRADED":
        module.warn(f"node group {name} is DEGRADED: {eks_nodegroup.failure(live)}")
    return {"changed": plan.changed, "diff": plan.as_diff(), **result(live)}


def absent(module: AnsibleAWSModule, aws: Aws) -> dict:
    params = module.params
    cluster, name, waits = params["cluster_name"], params["name"], (params["wait_timeout"], params["wait_delay"])
    live = eks_nodegroup.describe(aws, cluster, name)
    if live is None:
        return {"changed": False, "diff": {"before": {}, "after": {}}, "nodegroup": {}}
    diff = {"before": eks_nodegroup.view(live), "after": {}}
    if module.check_mode:
        return {"changed": True, "diff": diff, **result(live)}
    if live["status"] in ("CREATING", "UPDATING"):
        eks_nodegroup.wait_until_settled(aws, cluster, name, *waits)
    if live["status"] != "DELETING":
        eks_nodegroup.delete(aws, cluster, name)
    if params["wait"]:
        left = eks_nodegroup.wait_until_settled(aws, cluster, name, *waits)
        if left is not None:
            raise AwsError(f"node group {name} is {left['status']}: {eks_nodegroup.failure(left)}", left["status"])
    return {"changed": True, "diff": diff, "nodegroup": {}}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True, "aliases": ["nodegroup_name"]},
            "force_update": {"type": "bool", "default": False},
            **eks_options.CLUSTER,
            **eks_options.STATE,
            **eks_options.TAGS,
            **eks_options.WAIT,
            **OPTIONS,
        },
        supports_check_mode=True,
    )
    eks_options.run(module, eks_nodegroup.problems(module.params), present, absent)


if __name__ == "__main__":
    main()
