# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options that describe a platform, for the modules that take all of them."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  name:
    description: The cluster's name, 1 to 100 letters, digits, C(-) and C(_), a letter or digit first. Names and tags of all resources derive from it.
    type: str
    required: true
  version:
    description: The Kubernetes minor version, in quotes, for example V(1.36). Node groups and add-ons follow it.
    type: str
    required: true
  tags:
    description:
      - Tags of all resources besides C(meshgate.io/cluster), at most 46, without the prefixes C(aws:) and C(meshgate.io/).
      - A tag that is removed from this option stays on existing resources.
    type: dict
    default: {}
  expected_account_id:
    description: The account that the credentials must belong to, as 12 digits in quotes. If unset, any account is accepted.
    type: str
  adopt:
    description: Whether to adopt a cluster, node group or IAM role that has one of our names but not our tag. It then gets our tag.
    type: bool
    default: false
  billed:
    description: Whether AWS bills the platform. If so, O(control_plane.public_access_cidrs) must be set if there is a public endpoint.
    type: bool
    default: false
  network:
    description: The platform's own network, or an existing one.
    type: dict
    suboptions:
      vpc_cidr:
        description:
          - The CIDR block of the platform's own VPC, inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 and from /16 to /25. It cannot be changed later.
          - Each subnet gets an eighth of it.
        type: str
        default: 192.168.0.0/16
      availability_zones:
        description: Two or three zones. Defaults to the zones of an existing network, or the region's first three that support an EKS control plane.
        type: list
        elements: str
      nat_mode:
        description: One NAT gateway, one in each zone, or none. Without one, the nodes are in the public subnets.
        type: str
        choices: [single, highly_available, disabled]
        default: single
      vpc_id:
        description: An existing VPC to use instead of the platform's own. It is checked, and never changed.
        type: str
      subnet_ids:
        description:
          - Subnets of O(network.vpc_id), 2 to 16 in total, in at least two availability zones.
          - Their free addresses, routes, and tags C(kubernetes.io/role/elb) and C(kubernetes.io/role/internal-elb) are checked. They are never changed.
        type: dict
        suboptions:
          public:
            description: The ids of public subnets.
            type: list
            elements: str
          private:
            description: The ids of private subnets.
            type: list
            elements: str
  iam:
    description: The IAM roles of the control plane and of the nodes.
    type: dict
    suboptions:
      path:
        description: The path of both roles, V(/) or one that begins and ends with a slash, at most 512 characters. It cannot be changed later.
        type: str
        default: /
      permissions_boundary:
        description: >-
          The ARN of the managed policy that is the permissions boundary of both roles. If unset, a new role has none, and an existing one keeps its own;
          V(none) removes the boundary.
        type: str
      cluster_role_name:
        description: >-
          The control plane's role, at most 64 characters. Defaults to the cluster's current one, or to a new one named after cluster and region, such as
          C(sandbox-us-west-2-eks-cluster).
        type: str
      node_role_name:
        description: >-
          The nodes' role. Defaults to the node groups' current one, or to a new one named after cluster and region, such as
          C(sandbox-us-west-2-eks-node).
        type: str
      node_policies:
        description: >-
          The complete list of managed policy ARNs for the nodes besides what EKS needs. Others are detached. If unset, attached policies stay, and
          M(meshgate.eks_istio.eks_platform) reports those that EKS does not need.
        type: list
        elements: str
      node_ssm:
        description: >-
          Whether the nodes' role gets C(AmazonSSMManagedInstanceCore), with which Session Manager opens a shell on a node. If unset, a new role gets it, and
          an existing one stays as it is.
        type: bool
  control_plane:
    description:
      - The control plane, which M(meshgate.eks_istio.eks_cluster) creates, and its log group.
      - Unset suboptions leave an existing cluster as it is.
    type: dict
    suboptions:
      endpoint_access:
        description: The API server's endpoints. A new cluster defaults to V(public_and_private).
        type: str
        choices: [public, private, public_and_private]
      public_access_cidrs:
        description: The networks that may reach the public endpoint, at most 40. V([0.0.0.0/0]), the default of a new cluster, allows everyone.
        type: list
        elements: str
      authentication_mode:
        description: Where EKS looks up who may use the cluster. It can only become stricter. A new cluster defaults to V(API_AND_CONFIG_MAP).
        type: str
        choices: [CONFIG_MAP, API_AND_CONFIG_MAP, API]
      logging:
        description: The logs that are written to CloudWatch. A new cluster defaults to V(api), V(audit) and V(authenticator).
        type: list
        elements: str
        choices: [api, audit, authenticator, controllerManager, scheduler]
      log_retention_days:
        description: >-
          Days after which CloudWatch deletes these logs, V(0) for never; one of the values that CloudWatch Logs accepts, such as V(30), V(90) or V(365). A log
          group that this module creates defaults to 90.
        type: int
      support_type:
        description: What happens at the end of a version's standard support. V(EXTENDED) costs more. A new cluster defaults to V(STANDARD).
        type: str
        choices: [STANDARD, EXTENDED]
      deletion_protection:
        description: Whether EKS refuses to delete the cluster. A new cluster defaults to V(false).
        type: bool
      zonal_shift:
        description: Whether traffic may be shifted away from an impaired availability zone. A new cluster defaults to V(false).
        type: bool
      encryption_key_arn:
        description: The ARN of the KMS key, in the same region, that encrypts secrets. It can be added later, but neither changed nor removed.
        type: str
  nodes:
    description: Settings of the launch templates of all node groups.
    type: dict
    suboptions:
      key_name:
        description: The EC2 key pair for SSH. Defaults to none.
        type: str
      metadata_hop_limit:
        description: The hop limit of the metadata service (IMDSv2), 1 to 64. With 1, responses do not reach pods.
        type: int
        default: 1
  node_groups:
    description:
      - The managed node groups, 1 to 30. Required for everything except access entries and add-ons.
      - Each gets a launch template. The defaults below are for a new group. An existing group keeps the settings that are not set here.
    type: list
    elements: dict
    suboptions:
      name:
        description: The group's name, at most 63 letters, digits, C(-) and C(_).
        type: str
        required: true
      instance_types:
        description: Instance types of one architecture, at most 20.
        type: list
        elements: str
        required: true
      ami_type:
        description: The machine image. Defaults to AL2023 for the instance types' architecture.
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
      desired_size:
        description: The desired number of nodes. Defaults to two. Omit it if an autoscaler sets it.
        type: int
      min_size:
        description: The minimum number of nodes. Defaults to the desired size.
        type: int
      max_size:
        description: The maximum number of nodes. Defaults to the desired size.
        type: int
      max_unavailable:
        description: How many nodes may be unavailable during an update, 1 to 100. Defaults to one.
        type: int
      capacity_type:
        description: The capacity type of the nodes. Defaults to V(ON_DEMAND).
        type: str
        choices: [ON_DEMAND, SPOT]
      disk_size:
        description: Size of the root volume in GiB, 1 to 16384. Defaults to 80.
        type: int
      labels:
        description: Kubernetes labels.
        type: dict
      taints:
        description: Kubernetes taints, at most 50.
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
      subnets:
        description: The subnets of the nodes. Defaults to the private ones if they have a way to the internet.
        type: str
        choices: [private, public]
      release_version:
        description: The AMI release.
        type: str
  remove_node_groups:
    description: Whether to remove a node group of ours that is not in O(node_groups). Otherwise it stays, with a warning.
    type: bool
    default: false
  addons:
    description:
      - The complete list of add-ons. If unset, existing ones stay. Configuration and credentials that an entry does not set stay as they are.
      - The add-on C(vpc-cni) also gets C(enableNetworkPolicy), unless its configuration sets it.
    type: list
    elements: dict
    suboptions:
      name:
        description: The add-on's name, for example V(vpc-cni).
        type: str
        required: true
      version:
        description: V(default), V(latest), or an exact version. If unset, the current version stays while it is compatible with the cluster.
        type: str
      configuration_values:
        description: The add-on's complete configuration. An empty dict removes it.
        type: dict
      role_arn:
        description: The IAM role of the add-on's service account, through the cluster's OIDC provider. An empty string removes it.
        type: str
      pod_identity:
        description: The IAM role of the add-on's service account, through EKS Pod Identity, instead of C(role_arn). An empty dict removes it.
        type: dict
        suboptions:
          role_arn:
            description: The IAM role.
            type: str
          service_account:
            description: The add-on's service account.
            type: str
      resolve_conflicts:
        description: What happens to a field of the add-on's objects that others have changed.
        type: str
        choices: [NONE, OVERWRITE, PRESERVE]
        default: OVERWRITE
  purge_addons:
    description: Whether to delete an add-on of ours that is not in O(addons).
    type: bool
    default: true
  access_entries:
    description: The complete list of access entries. Groups and policies that an entry does not list are removed. If unset, existing entries stay.
    type: list
    elements: dict
    suboptions:
      principal_arn:
        description: The ARN of the IAM role or user.
        type: str
        required: true
      type:
        description: The type of the principal. A new entry defaults to V(STANDARD).
        type: str
        choices: [STANDARD, EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, EC2, HYBRID_LINUX, HYPERPOD_LINUX]
      username:
        description: The user name in Kubernetes. By default EKS chooses one.
        type: str
      kubernetes_groups:
        description: The Kubernetes groups.
        type: list
        elements: str
      policies:
        description: The EKS access policies.
        type: list
        elements: dict
        suboptions:
          policy:
            description: The policy's name, such as V(AmazonEKSClusterAdminPolicy), or its ARN.
            type: str
            required: true
          scope:
            description: Where the policy applies. Defaults to the whole cluster.
            type: dict
            suboptions:
              type:
                description: The whole cluster, or some namespaces.
                type: str
                choices: [cluster, namespace]
                default: cluster
              namespaces:
                description: The namespaces, with C(*) as a wildcard.
                type: list
                elements: str
  pod_identity_associations:
    description: >-
      IAM roles of service accounts through EKS Pod Identity. Associations that this list created and no longer has are deleted. If unset, existing ones stay.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: The service account's namespace.
        type: str
        required: true
      service_account:
        description: The service account's name.
        type: str
        required: true
      role_arn:
        description: The IAM role.
        type: str
        required: true
      target_role_arn:
        description: A second role, which the first one assumes and whose credentials the pods get.
        type: str
      disable_session_tags:
        description: Whether EKS leaves out its session tags.
        type: bool
  kubeconfig:
    description:
      - A kubeconfig to compare with. It is not written.
      - If unset, none is checked.
    type: dict
    suboptions:
      path:
        description: The kubeconfig's path.
        type: path
        required: true
      manage:
        description: Whether the kubeconfig is managed. It must then contain no other cluster. If V(false), it must be for this cluster.
        type: bool
        default: true
      context:
        description: Its context. Defaults to O(name).
        type: str
      profile:
        description: The AWS CLI profile with which it requests tokens. Defaults to that of the user.
        type: str
      role_arn:
        description: The IAM role with which it requests tokens. Defaults to none.
        type: str
  messages_name:
    description: Whether messages use the names of this module's options, or of the variables of role C(eks_cluster), which sets V(variables).
    type: str
    choices: [options, variables]
    default: options
"""
