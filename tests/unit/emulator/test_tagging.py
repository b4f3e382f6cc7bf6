# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Resource Groups Tagging API lists by tag what EKS, ECR, EC2 and IAM have, each in its region."""

from __future__ import annotations

import json

import boto3
import pytest
from aws_rig import ACCOUNT, REGION

NOBODY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


@pytest.fixture
def tagged(aws, name):
    """Asks one region for what has this test's tag."""

    def ask(region: str, *kinds: str) -> list[str]:
        client = boto3.client("resourcegroupstaggingapi", region_name=region, endpoint_url=aws.url, aws_access_key_id="test", aws_secret_access_key="test")
        answer = client.get_resources(TagFilters=[{"Key": "team", "Values": [name]}], **({"ResourceTypeFilters": list(kinds)} if kinds else {}))
        return sorted(entry["ResourceARN"] for entry in answer["ResourceTagMappingList"])

    return ask


def test_regional_resources(aws, name, tagged) -> None:
    tags = [{"Key": "team", "Value": name}]
    ec2 = aws.client("ec2")
    address = ec2.allocate_address(TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}])["AllocationId"]
    given = {"LaunchTemplateName": name, "LaunchTemplateData": {"InstanceType": "t4g.small"}}
    template = ec2.create_launch_template(**given, TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}])["LaunchTemplate"]
    aws.client("ecr").create_repository(repositoryName=name, tags=tags)
    aws.client("logs").create_log_group(logGroupName=name, tags={"team": name})
    assert tagged(REGION) == sorted(
        [
            f"arn:aws:ec2:{REGION}:{ACCOUNT}:elastic-ip/{address}",
            f"arn:aws:ec2:{REGION}:{ACCOUNT}:launch-template/{template['LaunchTemplateId']}",
            f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}",
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}",
        ]
    )
    assert tagged(REGION, "ecr:repository") == [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"]
    assert tagged("eu-west-1") == []


def test_global_resources_are_in_one_region_and_roles_in_none(aws, name, tagged) -> None:
    # API reference, "Services that support the Resource Groups Tagging API": "IAM users and roles can only be used in TagResource and UntagResources
    # operations. The GetResources operation does not currently support IAM users and roles."
    iam, tags = aws.client("iam"), [{"Key": "team", "Value": name}]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=tags)
    iam.create_policy(PolicyName=name, PolicyDocument=NOBODY, Tags=tags)
    iam.create_instance_profile(InstanceProfileName=name, Tags=tags)
    iam.create_open_id_connect_provider(Url=f"https://oidc.eks.{REGION}.amazonaws.com/id/{name}", Tags=tags)
    assert tagged("us-east-1") == [
        f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}",
        f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.{REGION}.amazonaws.com/id/{name}",
        f"arn:aws:iam::{ACCOUNT}:policy/{name}",
    ]
    assert tagged(REGION) == []
