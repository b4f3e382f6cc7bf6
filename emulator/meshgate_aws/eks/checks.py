# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What EKS looks up in other services before it accepts a request."""

from __future__ import annotations

import json
import re
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from ..common import error

CLUSTER_NAME = re.compile(r"^[0-9A-Za-z][A-Za-z0-9\-_]{0,99}$")


def invalid(message: str, **fields: Any) -> Exception:
    return error("InvalidParameterException", message, **fields)


def role(account: str, partition: str, arn: str, service: str) -> None:
    """The role exists and the service may assume it (CreateCluster's roleArn, CreateNodegroup's nodeRole)."""
    if not re.match(r"^arn:[^:]+:iam::\d{12}:role/.+", arn):
        raise invalid(f"Invalid Role Arn: '{arn}'")
    for known in iam_backends[account][partition].roles.values():
        if known.arn == arn:
            document = known.assume_role_policy_document
            if service in _services(json.loads(document) if isinstance(document, str) else document):
                return
    raise invalid(f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct")


def linked_role(account: str, partition: str, service: str) -> str:
    """The ARN of a service-linked role, which the service creates when it first needs it ("Using service-linked roles" of the user guide)."""
    iam = iam_backends[account][partition]
    path = f"/aws-service-role/{service}/"
    found = next((known for known in iam.roles.values() if known.path == path), None) or iam.create_service_linked_role(service, "", "")
    return str(found.arn)


def principal(account: str, partition: str, arn: str) -> None:
    """A principal that IAM knows; those of other accounts cannot be looked up from here.

    hashicorp/terraform-provider-aws#36447 and terraform-aws-modules/terraform-aws-eks#2969 quote the refusals, aws-samples/appmod-blueprints#791 the form's.
    """
    found = re.match(r"^arn:[^:]+:iam::(\d{12}):(role|user)/(?:.+/)?[^/]+$", arn)
    if not found and not re.match(r"^arn:[^:]+:iam::\d{12}:root$", arn):
        raise invalid("The principalArn parameter format is not valid")
    not_linked(arn)
    if not found or found[1] != account:
        return
    iam = iam_backends[account][partition]
    known: Any = iam.roles if found[2] == "role" else iam.users
    if arn not in [one.arn for one in known.values()]:
        raise invalid("The specified principalArn is invalid: invalid principal.")


def not_linked(arn: str) -> None:
    if ":role/aws-service-role/" in arn:
        raise invalid("The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role")


def _services(document: dict[str, Any]) -> set[str]:
    statements = document.get("Statement", [])
    found: set[str] = set()
    for statement in [statements] if isinstance(statements, dict) else statements:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow":
            found.update([services] if isinstance(services, str) else services)
    return found


def subnets(account: str, region: str, ids: list[str], zones: int) -> str:
    """The subnets exist in one VPC and spread over enough zones; returns the VPC's id."""
    known = {subnet.id: subnet for by_zone in ec2_backends[account][region].subnets.values() for subnet in by_zone.values()}
    for subnet_id in ids:
        if subnet_id not in known:
            raise invalid(f"The subnet ID '{subnet_id}' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnetID.NotFound)")
    if len({known[i].vpc_id for i in ids}) > 1:
        raise invalid("Subnets must be in the same VPC")
    if len({known[i].availability_zone for i in ids}) < zones:
        raise invalid("Subnets specified must be in at least two different AZs")
    return known[ids[0]].vpc_id if ids else ""


def security_groups(account: str, region: str, ids: list[str]) -> None:
    for group_id in ids:
        if ec2_backends[account][region].get_security_group_from_id(group_id) is None:
            raise invalid(f"The security group '{group_id}' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: InvalidGroup.NotFound)")


def beside_template(p: dict[str, Any], data: dict[str, Any]) -> None:
    """What a launch template sets must not be set in the request ("Customize managed nodes with launch templates" of the user guide)."""
    if data.get("InstanceType") and p.get("instanceTypes"):
        # terraform-aws-modules/terraform-aws-eks#1545 quotes it.
        raise error("InvalidRequestException", "Cannot specify instance types in launch template and API request", clusterName=p["clusterName"])
    if data.get("ImageId"):
        if p.get("amiType") not in (None, "CUSTOM"):
            # rancher/terraform-provider-rancher2#927 quotes it.
            raise invalid("You cannot specify an AMI Type other than CUSTOM, when specifying an image id in your launch template.")
        if p.get("version") or p.get("releaseVersion"):
            # terraform-aws-modules/terraform-aws-eks#3459 quotes it.
            raise invalid("You cannot specify a kubernetes version to use when specifying an image id to use within the launch template.")


def scaling(config: dict[str, int]) -> None:
    low, high, wanted = (config[key] for key in ("minSize", "maxSize", "desiredSize"))
    if low > wanted:
        raise invalid(f"Minimum capacity {low} can't be greater than desired size {wanted}")
    if wanted > high:
        raise invalid(f"desired capacity {wanted} can't be greater than max size {high}")


def taints(given: list[dict[str, str]]) -> None:
    """ "A single node group can have up to 50 taints" (node-taints-managed-node-groups of the EKS user guide)."""
    if len(given) > 50:
        raise invalid(f"The number of taints {len(given)} exceeds the limit of 50")


def exclusive(config: dict[str, Any], one: str, other: str) -> None:
    """API reference, NodegroupUpdateConfig: a number or a percentage."""
    if config.get(one) is not None and config.get(other) is not None:
        raise invalid(f"{one} and {other} cannot both be specified")


def reach(config: dict[str, Any]) -> None:
    """Service quotas of the EKS user guide: 40 CIDR ranges of the public endpoint, 4 control plane security groups; neither can be raised."""
    cidrs, groups = config.get("publicAccessCidrs") or [], config.get("securityGroupIds") or []
    if len(cidrs) > 40:
        raise invalid(f"The number of CIDRs {len(cidrs)} exceeds the limit of 40")
    if len(groups) > 4:
        raise invalid(f"The number of security groups {len(groups)} exceeds the limit of 4")


def tags(given: dict[str, str]) -> None:
    """The API reference's tagMap: at most 50 entries."""
    if len(given) > 50:
        raise invalid("Tag count exceeds the limit of 50")


def instance_types(names: list[str], ami_type: str, architecture: str) -> None:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    for name in names:
        supported = INSTANCE_TYPES.get(name, {}).get("ProcessorInfo", {}).get("SupportedArchitectures", [])
        if name not in INSTANCE_TYPES:
            raise invalid(f"The following supplied instance types do not exist: [{name}]")
        if architecture not in supported:
            raise invalid(f"[{name}] is not a valid instance type for requested amiType {ami_type}")
