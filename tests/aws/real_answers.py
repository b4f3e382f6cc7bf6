# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What AWS really answers on bad days: errors and states with their exact text, where they were reported, and what a module of ours must make of them.

Each row meets one step of a module's life (scenarios.py), or a run of its own. It is *survived*: the module succeeds, and the next run changes
nothing; or *explained*: the module fails with one message that has all of `explained`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cloud import Cloud
from scenarios import SCENARIOS, Scenario

TERRAFORM = "https://github.com/hashicorp/terraform-provider-aws"
LIVES = {scenario.name: scenario for scenario in SCENARIOS}
Edit = Callable[[Any], Any]


@dataclass(frozen=True)
class RealAnswer:
    """One answer of AWS, and what is to come of it."""

    name: str
    source: str
    # Whom it meets: a scenario and its step, as "eks_cluster/configure".
    life: str
    # Which call is answered so, and how often in a row.
    operation: str
    # An error: code, text ($subnet is one of the module's) and HTTP status ...
    code: str = ""
    text: str = ""
    status: int = 400
    # ... or a state: the answer's JSON (or XML, as text), changed.
    edit: Edit | None = None
    times: int = 2
    nth: int = 1
    # Empty: the module survives it. Otherwise parts of the message with which it fails.
    explained: tuple[str, ...] = ()
    # Options of the module for this row.
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def scenario(self) -> Scenario:
        return LIVES[self.life.split("/")[0]]

    @property
    def step(self) -> str:
        return self.life.split("/")[1]

    def arrange(self, aws: Cloud, given: dict[str, Any]) -> None:
        if self.edit:
            aws.faults.edit(self.operation, _edited(self.edit), self.nth, self.times)
        else:
            text = self.text.replace("$subnet", (given.get("subnet_ids") or [""])[0])
            aws.faults.say(self.operation, self.code, text, self.status, self.nth, self.times)


def _edited(edit: Edit) -> Callable[[bytes], bytes]:
    def changed(answer: bytes) -> bytes:
        if answer.lstrip().startswith(b"<"):
            return str(edit(answer.decode())).encode()
        return json.dumps(edit(json.loads(answer))).encode()

    return changed


def update_failed(*errors: tuple[str, str]) -> Edit:
    """DescribeUpdate of an update that failed."""

    def changed(answer: dict[str, Any]) -> dict[str, Any]:
        said = [{"errorCode": code, "errorMessage": message, "resourceIds": []} for code, message in errors]
        return {"update": {**answer["update"], "status": "Failed", "errors": said}}

    return changed


def unwell(kind: str, status: str, code: str, message: str) -> Edit:
    """DescribeCluster, DescribeNodegroup or DescribeAddon of something that is not well."""

    def changed(answer: dict[str, Any]) -> dict[str, Any]:
        issue = {"code": code, "message": message, "resourceIds": ["i-0064c5a4ad0536e59"]}
        return {kind: {**answer[kind], "status": status, "health": {"issues": [issue]}}}

    return changed


# -- EKS is busy: with our own change, with somebody else's, with AWS's ------------------------------------------------

UPDATE_IN_PROGRESS = "Cannot {} because cluster box currently has update 408c0738-828c-42b2-aaa5-38691b63f738 in progress"
ACK_1192 = "https://github.com/aws-controllers-k8s/community/issues/1192"
NOT_ACTIVE = "Cluster 'box' is not in ACTIVE status"
EKSCTL_2244 = "https://github.com/eksctl-io/eksctl/issues/2244"
EKSCTL_8091 = "https://github.com/eksctl-io/eksctl/issues/8091"
IN_USE, INVALID, PARAMETER = "ResourceInUseException", "InvalidRequestException", "InvalidParameterException"

BUSY = [
    RealAnswer(
        "an update of the cluster meets AWS's own",
        ACK_1192,
        "eks_cluster/configure",
        "eks:UpdateClusterConfig",
        IN_USE,
        UPDATE_IN_PROGRESS.format("EndpointAccessUpdate"),
        409,
    ),
    RealAnswer(
        "an upgrade of the cluster meets another update",
        "https://github.com/aws/aws-cdk/issues/33452",
        "eks_cluster/upgrade",
        "eks:UpdateClusterVersion",
        IN_USE,
        UPDATE_IN_PROGRESS.format("VersionUpdate"),
        409,
    ),
    RealAnswer(
        "a cluster is deleted while an update is under way",
        f"{TERRAFORM}/blob/main/internal/service/eks/cluster.go",
        "eks_cluster/delete",
        "eks:DeleteCluster",
        IN_USE,
        UPDATE_IN_PROGRESS.format("delete"),
        409,
    ),
    RealAnswer("a node group is made while the cluster's endpoints change", EKSCTL_2244, "eks_nodegroup/create", "eks:CreateNodegroup", INVALID, NOT_ACTIVE),
    RealAnswer(
        "a node group is changed while it is being changed",
        EKSCTL_8091,
        "eks_nodegroup/configure",
        "eks:UpdateNodegroupConfig",
        IN_USE,
        "Nodegroup mng cannot be updated as it is currently in UPDATING state",
        409,
    ),
    RealAnswer(
        "a node group is deleted while it is being changed",
        EKSCTL_8091,
        "eks_nodegroup/delete",
        "eks:DeleteNodegroup",
        IN_USE,
        "Nodegroup mng cannot be deleted as it is currently in UPDATING state",
        409,
    ),
    RealAnswer(
        "an add-on is made while the cluster is being changed",
        EKSCTL_2244,
        "eks_addon/create",
        "eks:CreateAddon",
        INVALID,
        NOT_ACTIVE,
    ),
    RealAnswer(
        "an add-on is changed while EKS makes it",
        EKSCTL_8091,
        "eks_addon/change",
        "eks:UpdateAddon",
        IN_USE,
        "Addon vpc-cni cannot be updated as it is currently in CREATING state",
        409,
    ),
    RealAnswer(
        "an add-on is deleted while it is being changed",
        "https://github.com/awslabs/cdk-eks-blueprints/issues/447",
        "eks_addon/delete",
        "eks:DeleteAddon",
        IN_USE,
        "Addon vpc-cni cannot be updated as it is currently in UPDATING state",
        409,
    ),
    RealAnswer(
        "an access entry is made while the authentication mode changes",
        "https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessEntry.html",
        "eks_access_entry/create",
        "eks:CreateAccessEntry",
        INVALID,
        UPDATE_IN_PROGRESS.format("AccessConfigUpdate"),
    ),
    RealAnswer(
        "the other update never ends",
        ACK_1192,
        "eks_cluster/configure",
        "eks:UpdateClusterConfig",
        IN_USE,
        UPDATE_IN_PROGRESS.format("LoggingUpdate"),
        409,
        times=99,
        options={"wait_timeout": 1},
        explained=("rejected because another change is in progress", "408c0738-828c-42b2-aaa5-38691b63f738", "run again to keep"),
    ),
    RealAnswer(
        "a node group that failed is not busy",
        EKSCTL_8091,
        "eks_nodegroup/configure",
        "eks:UpdateNodegroupConfig",
        IN_USE,
        "Nodegroup mng cannot be updated as it is currently in CREATE_FAILED state",
        409,
        times=1,
        explained=("eks:UpdateNodegroupConfig: Nodegroup mng cannot be updated as it is currently in CREATE_FAILED state",),
    ),
]

# -- What was just made is not known everywhere -----------------------------------------------------------------------

ROLE = "Role with arn: arn:aws:iam::123456789012:role/control-plane, could not be assumed because it does not exist or the trusted entity is not correct"

YOUNG = [
    RealAnswer(
        "EKS does not know the cluster's role yet",
        "https://github.com/pulumi/pulumi-aws/issues/1921",
        "eks_cluster/create",
        "eks:CreateCluster",
        PARAMETER,
        ROLE,
        times=3,
    ),
    RealAnswer(
        "EKS does not see the policies of a young role yet",
        f"{TERRAFORM}/blob/main/internal/service/eks/cluster.go",
        "eks_cluster/create",
        "eks:CreateCluster",
        PARAMETER,
        "The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the following policy is attached: "
        "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy",
    ),
]


def gateway_failed(answer: str) -> str:
    """DescribeNatGateways of one that AWS gave up."""
    reason = (
        "<failureCode>Resource.AlreadyAssociated</failureCode>"
        "<failureMessage>Elastic IP address [eipalloc-055cb73eb38a1c9d9] is already associated</failureMessage>"
    )
    return re.sub(r"<state>(available|pending)</state>", f"<state>failed</state>{reason}", answer)


EVENTUAL = "https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html"
EC2_ERRORS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
PACKER_878 = "https://github.com/hashicorp/packer/issues/878"
EKS_API = "https://docs.aws.amazon.com/eks/latest/APIReference"

YOUNG += [
    RealAnswer(
        "EKS does not know a subnet yet that EC2 has made",
        "https://github.com/ansible/ansible/issues/66783",
        "eks_cluster/create",
        "eks:CreateCluster",
        PARAMETER,
        "The subnet ID '$subnet' does not exist",
    ),
    RealAnswer(
        "a node group's subnet is not known yet",
        "https://github.com/ansible/ansible/issues/66783",
        "eks_nodegroup/create",
        "eks:CreateNodegroup",
        PARAMETER,
        "The subnet ID '$subnet' does not exist",
    ),
    RealAnswer(
        "a subnet that EC2 does not have either is refused at once",
        "https://github.com/ansible/ansible/issues/66783",
        "eks_cluster/create",
        "eks:CreateCluster",
        PARAMETER,
        "The subnet ID 'subnet-034d34afe1d9e29e6' does not exist",
        times=1,
        explained=("eks:CreateCluster: The subnet ID 'subnet-034d34afe1d9e29e6' does not exist",),
    ),
    RealAnswer(
        "an access entry's role is not known yet",
        "https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2969",
        "eks_access_entry/create",
        "eks:CreateAccessEntry",
        PARAMETER,
        "The specified principalArn is invalid: invalid principal.",
    ),
    RealAnswer(
        "an access entry is not known to the next call",
        "https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3024",
        "eks_access_entry/create",
        "eks:AssociateAccessPolicy",
        "ResourceNotFoundException",
        "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.",
        404,
    ),
    RealAnswer(
        "a new security group is unknown to its own rules",
        PACKER_878,
        "alb_security_group/create",
        "ec2:AuthorizeSecurityGroupIngress",
        "InvalidGroup.NotFound",
        "The security group 'sg-f635fd8d' does not exist in VPC 'vpc-1111f778'",
        times=3,
    ),
    RealAnswer(
        "a new security group is unknown to the rule that names it",
        PACKER_878,
        "alb_security_group/create",
        "ec2:AuthorizeSecurityGroupIngress",
        "InvalidGroup.NotFound",
        "The security group 'sg-f635fd8d' does not exist",
        nth=2,
    ),
    RealAnswer(
        "a new VPC is unknown", EVENTUAL, "eks_platform/create", "ec2:CreateSubnet", "InvalidVpcID.NotFound", "The vpc ID 'vpc-1111f778' does not exist"
    ),
    RealAnswer(
        "a new subnet is unknown",
        "https://github.com/gardener/gardener-extension-provider-aws/issues/1947",
        "eks_platform/create",
        "ec2:AssociateRouteTable",
        "InvalidSubnetID.NotFound",
        "The subnet ID 'subnet-034d34afe1d9e29e6' does not exist",
    ),
    RealAnswer(
        "a new role is unknown to IAM itself",
        f"{TERRAFORM}/pull/6709",
        "eks_platform/create",
        "iam:AttachRolePolicy",
        "NoSuchEntity",
        "The role with name sandbox-eks-node cannot be found.",
        404,
    ),
    RealAnswer(
        "an update that was just begun is unknown",
        f"{TERRAFORM}/blob/main/internal/service/eks/cluster.go",
        "eks_cluster/configure",
        "eks:DescribeUpdate",
        "ResourceNotFoundException",
        "No update found for ID: 408c0738-828c-42b2-aaa5-38691b63f738",
        404,
    ),
    RealAnswer(
        "there is no cluster, in EKS's other words",
        f"{TERRAFORM}/blob/main/internal/service/eks/cluster.go",
        "eks_cluster/create",
        "eks:DescribeCluster",
        "ClientException",
        "No cluster found for name: box",
        times=1,
    ),
]

# -- IAM takes one change at a time, and notices late -------------------------------------------------------------------

IAM = [
    RealAnswer(
        "two changes of one role at a time", f"{TERRAFORM}/issues/34371", "eks_platform/create", "iam:AttachRolePolicy", "ConcurrentModification", "", 409
    ),
    RealAnswer("a role is made beside another change", f"{TERRAFORM}/issues/39421", "eks_platform/create", "iam:CreateRole", "ConcurrentModification", "", 409),
    RealAnswer(
        "the controller's role is changed beside another change",
        f"{TERRAFORM}/pull/39429",
        "iam_service_account_role/create",
        "iam:AttachRolePolicy",
        "ConcurrentModification",
        "The request was rejected because multiple requests to change this object were submitted simultaneously. "
        "Wait a few minutes and submit your request again.",
        409,
    ),
    RealAnswer(
        "a role whose policies were detached just now",
        "https://github.com/hashicorp/boundary/pull/5646",
        "iam_service_account_role/delete",
        "iam:DeleteRole",
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
        409,
    ),
    RealAnswer(
        "a policy that was detached just now",
        "https://github.com/99designs/iamy/issues/22",
        "iam_service_account_role/delete",
        "iam:DeletePolicy",
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
        409,
    ),
]

# -- What AWS begins and does not finish --------------------------------------------------------------------------------

REPLICAS = "The add-on is unhealthy because it doesn't have the desired number of replicas."
CONFLICT = (
    "Conflicts found when trying to apply. Will not continue due to resolve conflicts mode. Conflicts: "
    'DaemonSet.apps aws-node - .spec.template.spec.containers[name="aws-node"].env[name="ENABLE_PREFIX_DELEGATION"].value'
)

UNFINISHED = [
    RealAnswer(
        "a NAT gateway fails",
        "https://github.com/hashicorp/terraform/issues/13836",
        "eks_platform/create",
        "ec2:DescribeNatGateways",
        edit=gateway_failed,
        times=9,
        explained=("NAT gateway sandbox-nat-us-west-2a (nat-", "is failed: Resource.AlreadyAssociated: Elastic IP address", "The next run creates a new one"),
    ),
    RealAnswer(
        "an add-on's update fails and heals",
        "https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3003",
        "eks_addon/change",
        "eks:DescribeUpdate",
        edit=update_failed(("InsufficientNumberOfReplicas", REPLICAS)),
        times=9,
    ),
    RealAnswer(
        "an add-on's update meets what was changed by hand",
        "https://github.com/aws/amazon-vpc-cni-k8s/issues/2607",
        "eks_addon/change",
        "eks:DescribeUpdate",
        edit=update_failed(("ConfigurationConflict", CONFLICT)),
        times=9,
        explained=("add-on vpc-cni: ", "Failed: ConfigurationConflict: Conflicts found when trying to apply.", "ENABLE_PREFIX_DELEGATION"),
    ),
    RealAnswer(
        "an update of the cluster finds no free address",
        f"{EKS_API}/API_ErrorDetail.html",
        "eks_cluster/configure",
        "eks:DescribeUpdate",
        edit=update_failed(("IpNotAvailable", "A subnet associated with the cluster doesn't have any available IP addresses.")),
        times=9,
        explained=("EKS cluster box: ", "Failed: IpNotAvailable: A subnet associated with the cluster doesn't have any available IP addresses."),
    ),
    RealAnswer(
        "nodes do not join",
        "https://github.com/eksctl-io/eksctl/issues/3477",
        "eks_nodegroup/create",
        "eks:DescribeNodegroup",
        edit=unwell("nodegroup", "CREATE_FAILED", "NodeCreationFailure", "Instances failed to join the kubernetes cluster"),
        times=9,
        explained=("node group mng is CREATE_FAILED: NodeCreationFailure: Instances failed to join the kubernetes cluster (i-0064c5a4ad0536e59)",),
    ),
    RealAnswer(
        "nodes cannot use the account's key for volumes",
        f"{TERRAFORM}/issues/39904",
        "eks_nodegroup/create",
        "eks:DescribeNodegroup",
        edit=unwell(
            "nodegroup",
            "CREATE_FAILED",
            "AsgInstanceLaunchFailures",
            "Instance became unhealthy while waiting for instance to be in InService state. Termination Reason: Client.InvalidKMSKey.InvalidState: "
            "The KMS key provided is in an incorrect state",
        ),
        times=9,
        explained=("node group mng is CREATE_FAILED: AsgInstanceLaunchFailures: ", "Client.InvalidKMSKey.InvalidState"),
    ),
    RealAnswer(
        "the account may start no more instances",
        "https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2149",
        "eks_nodegroup/create",
        "eks:DescribeNodegroup",
        edit=unwell("nodegroup", "CREATE_FAILED", "AsgInstanceLaunchFailures", "You've reached your quota for maximum Fleet Requests for this account."),
        times=9,
        explained=("AsgInstanceLaunchFailures: You've reached your quota for maximum Fleet Requests for this account.",),
    ),
    RealAnswer(
        "a node group is not active while instances lack",
        "https://github.com/aws/containers-roadmap/issues/2204",
        "eks_nodegroup/configure",
        "eks:UpdateNodegroupConfig",
        IN_USE,
        "Nodegroup cannot be updated as it is currently not in Active State",
        409,
    ),
]

# -- What stays refused -----------------------------------------------------------------------------------------------

REFUSED = [
    RealAnswer(
        "a zone takes no control plane",
        "https://github.com/awsdocs/amazon-eks-user-guide/issues/36",
        "eks_cluster/create",
        "eks:CreateCluster",
        "UnsupportedAvailabilityZoneException",
        "Cannot create cluster 'box' because us-west-2d, the targeted availability zone, does not currently have sufficient capacity to support the cluster. "
        "Retry and choose from these availability zones: us-west-2a, us-west-2b, us-west-2c",
        explained=("eks:CreateCluster: Cannot create cluster 'box' because us-west-2d", "us-west-2a, us-west-2b, us-west-2c"),
    ),
    RealAnswer(
        "the account has no VPC left",
        "https://github.com/terraform-aws-modules/terraform-aws-vpc/issues/429",
        "eks_platform/create",
        "ec2:CreateVpc",
        "VpcLimitExceeded",
        "The maximum number of VPCs has been reached.",
        explained=("ec2:CreateVpc: The maximum number of VPCs has been reached. (VpcLimitExceeded)",),
    ),
    RealAnswer(
        "the account has no address left",
        "https://github.com/hashicorp-education/learn-terraform-provision-eks-cluster/issues/59",
        "eks_platform/create",
        "ec2:AllocateAddress",
        "AddressLimitExceeded",
        "The maximum number of addresses has been reached.",
        explained=("ec2:AllocateAddress: The maximum number of addresses has been reached. (AddressLimitExceeded)",),
    ),
    RealAnswer(
        "a service control policy forbids it",
        "https://github.com/aws/karpenter-provider-aws/issues/8190",
        "eks_platform/create",
        "ec2:CreateVpc",
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/deployer/session is not authorized to perform: "
        "ec2:CreateVpc on resource: arn:aws:ec2:us-west-2:123456789012:vpc/* with an explicit deny in a service control policy",
        403,
        explained=("ec2:CreateVpc: You are not authorized", "with an explicit deny in a service control policy (UnauthorizedOperation)"),
    ),
    RealAnswer(
        "a new account is still being looked at",
        "https://github.com/appvia/kore/issues/585",
        "eks_platform/create",
        "ec2:CreateNatGateway",
        "PendingVerification",
        "Your request for accessing resources in this region is being validated, and you will not be able to launch additional resources in this region until "
        "the validation is complete. We will notify you by email once your request has been validated.",
        explained=("ec2:CreateNatGateway: Your request for accessing resources in this region is being validated", "(PendingVerification)"),
    ),
    RealAnswer(
        "the region is not enabled",
        EC2_ERRORS,
        "eks_platform/create",
        "ec2:DescribeAvailabilityZones",
        "OptInRequired",
        "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
        403,
        explained=("the region is not enabled for the account (OptInRequired)",),
    ),
    RealAnswer(
        "the clock is wrong",
        EC2_ERRORS,
        "eks_platform/create",
        "ec2:CreateVpc",
        "RequestExpired",
        "Request has expired.",
        explained=("ec2:CreateVpc: the AWS credentials have expired, or this machine's clock is wrong (RequestExpired)",),
    ),
    RealAnswer(
        "an access entry of that principal is there, and not readable",
        "https://github.com/terraform-aws-modules/terraform-aws-eks/issues/3293",
        "eks_access_entry/create",
        "eks:CreateAccessEntry",
        IN_USE,
        "The specified access entry resource is already in use on this cluster.",
        409,
        explained=("eks:CreateAccessEntry: The specified access entry resource is already in use on this cluster. (ResourceInUseException)",),
    ),
    RealAnswer(
        "the account may have no more certificates this year",
        f"{TERRAFORM}/issues/14025",
        "alb_domain/create",
        "acm:RequestCertificate",
        "LimitExceededException",
        "Error: you have reached your limit of 20 certificates in the last year.",
        explained=("acm:RequestCertificate: Error: you have reached your limit of 20 certificates in the last year. (LimitExceededException)",),
    ),
    RealAnswer(
        "a group has as many rules as it may",
        EC2_ERRORS,
        "alb_security_group/create",
        "ec2:AuthorizeSecurityGroupIngress",
        "RulesPerSecurityGroupLimitExceeded",
        "The maximum number of rules per security group has been reached.",
        explained=("The maximum number of rules per security group has been reached.",),
    ),
]

# -- Slow down ---------------------------------------------------------------------------------------------------------

SLOW_DOWN = [
    RealAnswer("EC2 is asked too often", EC2_ERRORS, "eks_platform/create", "ec2:CreateRouteTable", "RequestLimitExceeded", "Request limit exceeded.", 503),
    RealAnswer("IAM is asked too often", f"{TERRAFORM}/issues/34371", "eks_platform/create", "iam:CreateRole", "Throttling", "Rate exceeded"),
    RealAnswer(
        "Route 53 is still busy",
        "https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html",
        "alb_domain/create",
        "route53:ChangeResourceRecordSets",
        "PriorRequestNotComplete",
        "The request was rejected because Route 53 was still processing a prior request.",
    ),
    RealAnswer(
        "EKS fails at it",
        f"{EKS_API}/API_CreateAddon.html",
        "eks_addon/create",
        "eks:CreateAddon",
        "ServerException",
        "These errors are usually caused by a server-side issue.",
        500,
    ),
]

REAL_ANSWERS: list[RealAnswer] = [*BUSY, *YOUNG, *IAM, *UNFINISHED, *REFUSED, *SLOW_DOWN]
