#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Create, change, upgrade or delete a managed node group."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_nodegroup
author: The meshgate authors (@meshgate)
short_description: Manage an EKS managed node group
version_added: "0.1.0"
description:
  - Creates a managed node group of Linux nodes and waits for them, or changes what differs.
  - Scaling, update and repair settings, labels, taints, tags, Kubernetes version, AMI release and launch template version are changed in place.
  - What EKS cannot change in place is refused with both values. Create a group with another name instead.
  - If a node group fails, the message contains EKS's health issues.
  - Options that are not set are left as they are; a new node group gets AWS's defaults for them.
options:
  name:
    description: The node group's name. Letters, digits, C(-) and C(_), a letter or digit first, at most 63.
    type: str
    required: true
    aliases: [nodegroup_name]
  cluster_name:
    description: The cluster of the node group.
    type: str
    required: true
  state:
    description: Whether the node group should exist.
    type: str
    choices: [present, absent]
    default: present
  node_role:
    description: The ARN of the nodes' IAM role. Required to create a node group, immutable afterwards.
    type: str
  subnet_ids:
    description: The subnets of the nodes. Required to create a node group, immutable afterwards.
    type: list
    elements: str
    aliases: [subnets]
  scaling_config:
    description: The number of nodes. Omit O(scaling_config.desired_size) if an autoscaler sets it.
    type: dict
    suboptions:
      min_size:
        description: The minimum number of nodes.
        type: int
      max_size:
        description: The maximum number of nodes.
        type: int
      desired_size:
        description: The desired number of nodes.
        type: int
  update_config:
    description: How many nodes may be unavailable during an update.
    type: dict
    suboptions:
      max_unavailable:
        description: A number of nodes, 1 to 100.
        type: int
      max_unavailable_percentage:
        description: A percentage of the nodes, 1 to 100.
        type: int
      update_strategy:
        description: V(DEFAULT) launches new nodes before it terminates old ones, V(MINIMAL) the other way round, for scarce capacity.
        type: str
        choices: [DEFAULT, MINIMAL]
  node_repair_config:
    description: Whether EKS replaces unhealthy nodes, and when it stops doing so.
    type: dict
    suboptions:
      enabled:
        description: Whether nodes are repaired.
        type: bool
      max_unhealthy_node_threshold_count:
        description: The number of unhealthy nodes above which nothing is repaired.
        type: int
      max_unhealthy_node_threshold_percentage:
        description: The percentage of unhealthy nodes above which nothing is repaired.
        type: int
      max_parallel_nodes_repaired_count:
        description: How many nodes are repaired at the same time.
        type: int
      max_parallel_nodes_repaired_percentage:
        description: The percentage of unhealthy nodes that are repaired at the same time.
        type: int
  instance_types:
    description: Instance types of one architecture, for example V(m6g.large), at most 20. Immutable.
    type: list
    elements: str
  ami_type:
    description: The type of machine image. V(CUSTOM) uses the one that O(launch_template) sets. Immutable.
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
    description: The capacity type of the nodes. Immutable.
    type: str
    choices: [ON_DEMAND, SPOT, CAPACITY_BLOCK]
  disk_size:
    description: Size of the root volume in GiB. Immutable. With a launch template, set it there.
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
        description: The template's version, a number in quotes. A new group defaults to the template's default version.
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
    description: The complete Kubernetes labels that EKS sets on the nodes. An empty dict removes them.
    type: dict
  taints:
    description: The complete list of Kubernetes taints of the nodes, in any order, at most 50. An empty list removes them.
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
        description: The taint's effect.
        type: str
        required: true
        choices: [NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE]
  version:
    description: The Kubernetes minor version of the nodes. A new group defaults to the cluster's.
    type: str
  release_version:
    description: The AMI release. A new group defaults to the latest.
    type: str
  force_update:
    description: Whether an upgrade continues if a pod cannot be evicted.
    type: bool
    default: false
extends_documentation_fragment:
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.tags
  - meshgate.eks_istio.eks.owner
  - meshgate.eks_istio.eks.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - The tags of a node group do not apply to its instances. Use a launch template for these.
  - Lists and dicts are compared by value, regardless of order.
  - A degraded node group without differences is a warning, not a failure.
seealso:
  - module: meshgate.eks_istio.eks_cluster
  - name: Managed node groups
    description: How nodes are launched, updated and repaired.
    link: https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
"""

EXAMPLES = r"""
- name: Create two Graviton nodes
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

- name: Create Bottlerocket spot nodes for workloads that tolerate interruption
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

- name: Create nodes from a launch template
  meshgate.eks_istio.eks_nodegroup:
    cluster_name: sandbox
    name: templated
    node_role: arn:aws:iam::123456789012:role/sandbox-eks-node
    subnet_ids: [subnet-0a1b2c3d4e5f60001, subnet-0a1b2c3d4e5f60002]
    instance_types: [m6g.large]
    ami_type: AL2023_ARM_64_STANDARD
    launch_template: {name: sandbox-nodes, version: "1"}

- name: Update to the next version of the launch template
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

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import by_state, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import nodegroup as eks_nodegroup
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks import options as eks_options


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"type": "str", "required": True, "aliases": ["nodegroup_name"]},
            "force_update": {"type": "bool", "default": False},
            **eks_options.CLUSTER,
            **eks_options.STATE,
            **eks_options.TAGS,
            **eks_options.OWNER,
            **eks_options.WAIT,
            **eks_nodegroup.OPTIONS,
        },
        supports_check_mode=True,
    )
    run(module, by_state(eks_nodegroup.present, eks_nodegroup.absent), eks_nodegroup.problems(module.params))


if __name__ == "__main__":
    main()
