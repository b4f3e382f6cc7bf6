"""Everything in the emulated account, listed by plain boto3: what teardown's honesty is measured with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _ids(client: Any, operation: str, key: str, name: str, **arguments: Any) -> list[str]:
    pages = client.get_paginator(operation).paginate(**arguments) if client.can_paginate(operation) else [getattr(client, operation)(**arguments)]
    return sorted(item if isinstance(item, str) else item[name] for page in pages for item in page[key])


def _records(route53: Any) -> list[str]:
    zones = _ids(route53, "list_hosted_zones", "HostedZones", "Id")
    found = {zone: route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"] for zone in zones}
    return sorted(f"{zone} {record['Name']} {record['Type']}" for zone, its in found.items() for record in its)


def contents(aws: Callable[[str], Any]) -> dict[str, list[str]]:
    """Ids by kind of resource. What AWS itself keeps is left out: terminated instances, deleted NAT gateways, service-linked roles."""
    ec2, elb, iam, eks = aws("ec2"), aws("elbv2"), aws("iam"), aws("eks")
    alive = [{"Name": "state", "Values": ["pending", "available", "deleting", "failed"]}]
    running = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    reservations = ec2.describe_instances(Filters=running)["Reservations"]
    return {
        "vpcs": _ids(ec2, "describe_vpcs", "Vpcs", "VpcId"),
        "subnets": _ids(ec2, "describe_subnets", "Subnets", "SubnetId"),
        "route_tables": _ids(ec2, "describe_route_tables", "RouteTables", "RouteTableId"),
        "internet_gateways": _ids(ec2, "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        "nat_gateways": _ids(ec2, "describe_nat_gateways", "NatGateways", "NatGatewayId", Filter=alive),
        "addresses": sorted(item["AllocationId"] for item in ec2.describe_addresses()["Addresses"]),
        "security_groups": _ids(ec2, "describe_security_groups", "SecurityGroups", "GroupId"),
        "network_interfaces": _ids(ec2, "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
        "volumes": _ids(ec2, "describe_volumes", "Volumes", "VolumeId"),
        "launch_templates": _ids(ec2, "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
        "instances": sorted(instance["InstanceId"] for reservation in reservations for instance in reservation["Instances"]),
        "load_balancers": _ids(elb, "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
        "target_groups": _ids(elb, "describe_target_groups", "TargetGroups", "TargetGroupArn"),
        "roles": [arn for arn in _ids(iam, "list_roles", "Roles", "Arn") if ":role/aws-service-role/" not in arn],
        "policies": _ids(iam, "list_policies", "Policies", "Arn", Scope="Local"),
        "instance_profiles": _ids(iam, "list_instance_profiles", "InstanceProfiles", "Arn"),
        "oidc_providers": sorted(item["Arn"] for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]),
        "clusters": _ids(eks, "list_clusters", "clusters", ""),
        "repositories": _ids(aws("ecr"), "describe_repositories", "repositories", "repositoryArn"),
        "certificates": _ids(aws("acm"), "list_certificates", "CertificateSummaryList", "CertificateArn"),
        "records": _records(aws("route53")),
        "log_groups": _ids(aws("logs"), "describe_log_groups", "logGroups", "logGroupName"),
    }
