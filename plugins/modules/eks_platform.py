#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Plan an EKS platform as a whole, and create its network, IAM roles, launch templates, logs, access and add-ons."""

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_platform
author: The meshgate authors (@meshgate)
short_description: Plan an EKS platform, and create its network, IAM roles, launch templates, logs, access and add-ons
version_added: "0.1.0"
description:
  - Reads network, IAM roles, log group, EKS cluster, node groups, OIDC provider, add-ons, access and kubeconfig in a few parallel calls, and
    reports what differs from the options.
  - O(state=planned) stops there. O(state=present) creates what is missing and changes what differs in O(sections).
  - Control plane, node groups and OIDC provider are created by M(meshgate.eks_istio.eks_cluster), M(meshgate.eks_istio.eks_nodegroup) and
    M(meshgate.eks_istio.iam_oidc_provider), which take their options from RV(plan). The role C(eks_cluster) does so, in the fastest order.
  - Independent resources are created in parallel, in one process. Every resource gets its tags in the call that creates it, and a call whose response
    is lost creates nothing twice. A run that is interrupted anywhere can be repeated.
  - What no option sets stays as it is on an existing platform. A difference that weakens protection is marked C(WEAKENS) in RV(differs).
  - A resource with one of our names but without the tag C(meshgate.io/cluster) with the cluster's name is refused, unless O(adopt) is set.
  - In a route table only the default route is managed. Other routes, and resources of others in the VPC, stay.
  - Add-ons, access entries and Pod Identity associations that are not listed are deleted only if they carry our tag, and associations only if
    they were created from this list. Those that others created are changed if they are listed, and never deleted.
  - In check mode, an API endpoint at which nothing answers counts as an empty account. Otherwise it is an error.
  - If an option is out of range, the message contains the option, its value and what is accepted. If AWS refuses a call, an existing network does not meet
    the requirements of EKS, a resource is not ours, or something such as O(network.vpc_cidr) or O(iam.path) cannot be changed in place, it contains the
    resource.
options:
  state:
    description:
      - V(planned) compares and never changes anything. It reports C(changed) and a diff in check mode only, so that a run can compare first.
      - V(present) creates or changes O(sections).
    type: str
    choices: [present, planned]
    default: present
  sections:
    description:
      - What O(state=present) manages. V(network) is VPC, subnets, internet gateway, NAT gateways, elastic IPs and route tables.
      - V(access) and V(addons) need a cluster. While there is none, or while it is being created, RV(unfinished) lists them.
      - With V(access) and V(addons) alone nothing else is checked. Then only O(name), O(version) and the lists apply, and the cluster need not be ours.
    type: list
    elements: str
    choices: [network, iam, logs, launch_templates, access, addons]
    default: [network, iam, logs, launch_templates, access, addons]
  settle:
    description: >-
      With O(state=planned), compare again for up to this many seconds while something differs besides add-ons and kubeconfig, since AWS's lists are eventually
      consistent. Not in check mode.
    type: float
    default: 0.0
  wait:
    description:
      - With O(state=present), whether to wait for NAT gateways, to complete the routes to them, to remove our surplus resources, and to wait
        until the add-ons are active.
      - If V(false), RV(unfinished) lists what is left to do. AWS takes minutes for a NAT gateway, and nothing needs it before the first node.
    type: bool
    default: true
extends_documentation_fragment:
  - meshgate.eks_istio.eks_platform
  - meshgate.eks_istio.eks
  - meshgate.eks_istio.eks.wait
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
notes:
  - The module waits for an add-on that needs nodes only if a node group or a Fargate profile can run it.
seealso:
  - module: meshgate.eks_istio.eks_cluster
  - module: meshgate.eks_istio.eks_nodegroup
  - module: meshgate.eks_istio.eks_addon
  - module: meshgate.eks_istio.eks_access_entry
  - module: meshgate.eks_istio.eks_pod_identity_association
  - module: meshgate.eks_istio.aws_leftovers
  - name: Networks for EKS
    description: Requirements for a VPC and its subnets.
    link: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
  - name: Private clusters
    description: The endpoints that nodes need without internet access.
    link: https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html
  - name: Quotas of EKS
    description: Limits on clusters, node groups, nodes and networks.
    link: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html
"""

EXAMPLES = r"""
- name: Create network, IAM roles, log group and launch templates
  meshgate.eks_istio.eks_platform: &platform
    name: shop
    version: "1.36"
    network:
      vpc_cidr: 10.20.0.0/16
      nat_mode: single
    control_plane:
      public_access_cidrs: [203.0.113.0/24]
    node_groups:
      - name: mng-arm
        instance_types: [m6g.large]
        desired_size: 2
    addons:
      - name: vpc-cni
      - name: kube-proxy
      - name: coredns
    access_entries:
      - principal_arn: arn:aws:iam::123456789012:role/platform
        policies:
          - policy: AmazonEKSClusterAdminPolicy
  register: platform

- name: Create the planned control plane
  meshgate.eks_istio.eks_cluster:
    name: shop
    version: "1.36"
    role_arn: "{{ platform.plan.cluster.role_arn }}"
    subnet_ids: "{{ platform.plan.cluster.subnet_ids }}"
    public_access_cidrs: "{{ platform.plan.cluster.public_access_cidrs | default(omit, true) }}"
    endpoint_private_access: "{{ platform.plan.cluster.endpoint_private_access | default(omit, true) }}"
    logging: "{{ platform.plan.cluster.logging | default(omit, true) }}"
    authentication_mode: "{{ platform.plan.cluster.authentication_mode | default(omit, true) }}"
    support_type: "{{ platform.plan.cluster.support_type | default(omit, true) }}"
    tags: "{{ platform.plan.cluster.tags }}"
    purge_tags: false

- name: Create access entries and add-ons without waiting for those that need nodes
  meshgate.eks_istio.eks_platform:
    <<: *platform
    sections: [access, addons]
    wait: false

- name: Create the planned nodes
  meshgate.eks_istio.eks_nodegroup:
    cluster_name: shop
    name: "{{ item.name }}"
    version: "{{ item.version }}"
    node_role: "{{ item.node_role }}"
    subnet_ids: "{{ item.subnet_ids }}"
    instance_types: "{{ item.instance_types }}"
    ami_type: "{{ item.ami_type }}"
    capacity_type: "{{ item.capacity_type | default(omit, true) }}"
    launch_template: "{{ item.launch_template }}"
    scaling_config: "{{ item.scaling_config }}"
    update_config: "{{ item.update_config | default(omit, true) }}"
    tags: "{{ item.tags }}"
    purge_tags: false
  loop: "{{ platform.plan.node_groups }}"
  loop_control:
    label: "{{ item.name }}"

- name: Wait for the add-ons once nodes exist
  meshgate.eks_istio.eks_platform:
    <<: *platform
    sections: [addons]

- name: Report differences without changing anything
  meshgate.eks_istio.eks_platform:
    <<: *platform
    state: planned
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode and with O(state=planned) would be.
  returned: always
  type: list
  elements: str
  sample: [create VPC shop-vpc 10.20.0.0/16, create add-on vpc-cni]
unfinished:
  description: What AWS is still creating, what is removed afterwards, and what needs a control plane.
  returned: always
  type: list
  elements: str
  sample: [NAT gateway shop-nat-us-west-2a]
addons:
  description: The add-ons of the cluster with their versions before any change.
  returned: always
  type: dict
  sample: {vpc-cni: v1.21.1-eksbuild.1}
reachable:
  description: Whether the API answered. Only false in check mode.
  returned: unless O(sections) has nothing but V(access) and V(addons)
  type: bool
differs:
  description: >-
    What differs at the end, one entry per resource with C(section), C(resource), C(action), C(before), C(after), the options whose change weakens protection
    (C(weakens)) and a readable C(summary), which marks these.
  returned: unless O(sections) has nothing but V(access) and V(addons)
  type: list
  elements: dict
  sample:
    - section: subnets
      resource: subnet shop-public-us-west-2a 10.20.0.0/19
      action: update
      before: {map_public: false}
      after: {map_public: true}
      weakens: []
      summary: "would change subnet shop-public-us-west-2a 10.20.0.0/19: map_public: False -> True"
sections:
  description: >-
    The sections in which something differs, of C(vpc), C(subnets), C(internet_gateway), C(nat), C(route_tables), C(iam), C(logs), C(launch_templates),
    C(cluster), C(oidc), C(access), C(addons), C(node_groups) and C(kubeconfig).
  returned: unless O(sections) has nothing but V(access) and V(addons)
  type: list
  elements: str
  sample: [subnets]
plan:
  description: The desired platform, with the ids of existing resources.
  returned: unless O(sections) has nothing but V(access) and V(addons)
  type: dict
  contains:
    vpc:
      description: The VPC with C(id), C(name), C(cidr) and C(tags).
      type: dict
    subnets:
      description: The subnets with C(id), C(name), C(kind), C(zone), C(cidr), C(map_public) and C(tags).
      type: list
      elements: dict
    internet_gateway:
      description: The internet gateway with C(id), C(name) and C(tags). Empty on an existing network.
      type: dict
    nat_gateways:
      description: The NAT gateways with C(id), C(name), C(zone), C(state), C(subnet_id), C(allocation_id) and C(tags).
      type: list
      elements: dict
    route_tables:
      description: The route tables with C(id), C(name), C(routes), C(subnet_ids), C(subnet_names) and C(tags).
      type: list
      elements: dict
    surplus_nat_gateways:
      description: The ids of our NAT gateways that are deleted.
      type: list
      elements: str
    surplus_addresses:
      description: The ids of our elastic IPs that are released.
      type: list
      elements: str
    surplus_internet_gateways:
      description: The ids of our internet gateways that are deleted.
      type: list
      elements: str
    roles:
      description: The control plane's role, then the nodes', with C(name), C(path), C(arn), C(trust), C(policies), C(permissions_boundary) and C(tags).
      type: list
      elements: dict
    global_tags:
      description: The tags of global resources, such as the OIDC provider.
      type: dict
    cluster:
      description: The control plane, by the names of the options of M(meshgate.eks_istio.eks_cluster). What is null stays as it is.
      type: dict
    node_groups:
      description: The node groups, by the names of the options of M(meshgate.eks_istio.eks_nodegroup). What is null stays as it is.
      type: list
      elements: dict
    surplus_node_groups:
      description: The names of our node groups that are deleted.
      type: list
      elements: str
    launch_templates:
      description: The launch templates with C(id), C(name), C(version), C(data) and C(tags).
      type: list
      elements: dict
    surplus_launch_templates:
      description: The names of our launch templates whose node group no longer exists.
      type: list
      elements: str
    kubeconfig:
      description: The kubeconfig's content. Empty while the cluster has no endpoint, and if the kubeconfig is not managed.
      type: str
unmanaged:
  description: What others added to our IAM roles, one sentence each, also as warnings. It stays.
  returned: unless O(sections) has nothing but V(access) and V(addons)
  type: list
  elements: str
  sample: ["IAM role shop-us-west-2-eks-node has the inline policy reports, which is not configured here"]
facts:
  description: What the role C(eks_cluster) returns as C(eks_cluster_facts).
  returned: unless O(sections) has nothing but V(access) and V(addons)
  type: dict
  sample:
    exists: true
    name: shop
    region: us-west-2
    account_id: "123456789012"
    partition: aws
    version: "1.36"
    vpc_id: vpc-0123456789abcdef0
    oidc_issuer: https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    node_groups: [mng-arm]
    node_architectures: [arm64]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform import manage, options


def main() -> None:
    module = AnsibleAWSModule(argument_spec={**options.PLATFORM, **options.WORDS, **options.WORK}, supports_check_mode=True)
    run(module, manage.act, manage.problems_of(module), attempts=2 if module.check_mode else 4)


if __name__ == "__main__":
    main()
