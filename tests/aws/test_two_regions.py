# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Two platforms of one name in two regions of one account: neither touches the other, and what cannot be asked is named and left.

It is their AWS half: role eks_cluster and the controller's IAM of role alb_controller. What a laptop adds (kubeconfig paths, kind's names) differs
by region in tests/unit/plugins/module_utils/laptop/test_emulator.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloud import Cloud

NAME, HERE, THERE = "sandbox", "us-west-2", "eu-west-1"
FAST = {"cluster_name": NAME, "wait_timeout": 10, "wait_delay": 0.1}
OLD = [{"Key": "meshgate.io/cluster", "Value": NAME}]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}]})


@pytest.mark.parametrize("denied", ["ec2:DescribeRegions", "eks:ListClusters"])
def test_where_other_regions_cannot_be_asked_an_old_mark_is_named_and_left(aws: Cloud, denied: str) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName=f"{NAME}-eks-cluster", AssumeRolePolicyDocument=TRUST, Tags=OLD)
    aws.faults.inject("denied", denied, times=1)
    done = aws.module("aws_leftovers", **FAST)
    assert not done.get("failed") and done["removed"] == [], done
    (left,) = done["foreign"]
    assert left["id"] == f"{NAME}-eks-cluster" and "whether another cluster uses it could not be checked" in left["reason"], left
    assert denied in left["reason"] and iam.get_role(RoleName=f"{NAME}-eks-cluster")
    aws.faults.reset()
    assert [entry["id"] for entry in aws.module("aws_leftovers", **FAST)["removed"]] == [f"{NAME}-eks-cluster"]


@pytest.mark.parametrize(
    ("denied", "said"),
    [
        ("iam:GetAccountAuthorizationDetails", "IAM roles were only searched by names"),
        ("tagging:GetResources", "IAM policies and instance profiles were only"),
    ],
)
def test_without_the_permission_to_list_by_tag_names_count_and_a_warning_says_so(aws: Cloud, denied: str, said: str) -> None:
    tags = [*OLD, {"Key": "meshgate.io/region", "Value": HERE}]
    aws.client("iam").create_role(RoleName="platform-plane", AssumeRolePolicyDocument=TRUST, Tags=tags)
    aws.client("iam").create_policy(PolicyName=f"{NAME}-alb", PolicyDocument=POLICY, Tags=tags)
    aws.faults.inject("denied", denied, times=99)
    found = aws.module("aws_leftovers_info", cluster_name=NAME, iam_roles=["platform-plane"])
    assert sorted(entry["name"] for entry in found["leftovers"]) == ["platform-plane", f"{NAME}-alb"]
    assert said in str(found["warnings"])


def variables(region: str, **more: Any) -> dict[str, Any]:
    """The smallest platform that has everything of IAM's."""
    group = {"name": "mng", "instance_types": ["m6g.large"], "ami_type": "AL2023_ARM_64_STANDARD", "desired_size": 1}
    return {
        "eks_cluster_name": NAME,
        "eks_cluster_region": region,
        "eks_cluster_nat_mode": "disabled",
        "eks_cluster_addons": [],
        "eks_cluster_node_groups": [{**group, "subnets": "public"}],
        "eks_cluster_kubeconfig_manage": True,
        "eks_cluster_kubeconfig": f"{{{{ eks_cluster_state_dir }}}}/{region}/kubeconfig",
        "toolchain_facts": {"kubectl": "true"},
        **more,
    }


def of_iam(aws: Cloud, region: str) -> str:
    """All of IAM that has this region's mark."""
    iam, mark = aws.client("iam"), {"Key": "meshgate.io/region", "Value": region}
    seen: list[Any] = [role for role in iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"] if mark in role["Tags"]]
    for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        live = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=item["Arn"])
        seen += [{**live, "ResponseMetadata": item["Arn"]}] if mark in live["Tags"] else []
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        versions = iam.list_policy_versions(PolicyArn=policy["Arn"])["Versions"]
        seen += [[policy, versions]] if mark in iam.list_policy_tags(PolicyArn=policy["Arn"])["Tags"] else []
    return json.dumps(seen, sort_keys=True, default=str)


class Platform:
    """One of two platforms of this name, by the roles of site.yml and teardown.yml."""

    def __init__(self, aws: Cloud, region: str) -> None:
        self.aws, self.region = aws, region
        self.policy = aws.folder / "policy.json"
        self.policy.write_text(POLICY)

    def make(self, **more: Any) -> int:
        """How much a run changed."""
        roles = [{"name": "meshgate.eks_istio.eks_cluster"}, {"name": "meshgate.eks_istio.alb_controller", "tasks_from": "credentials"}]
        tasks = [{"name": f"Role {role['name']}", "ansible.builtin.include_role": role} for role in roles]
        play = {"name": self.region, "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        given = {"eks_cluster_version": "1.35", "alb_controller_iam_policy": str(self.policy), "alb_controller_iam_policy_checksum": "", **more}
        return self.aws.play([play], variables=variables(self.region, **given)).changed

    def remove(self) -> None:
        self.aws.role("eks_cluster", tasks_from="remove", **variables(self.region))

    def all_of_it(self) -> dict[str, list[Any]]:
        """Everything that AWS says of it, with ids and times: the region's things, and what is global and has the region's mark."""
        ec2, eks, logs, elb = (self.aws.client(service, self.region) for service in ("ec2", "eks", "logs", "elbv2"))
        tagged = self.aws.client("resourcegroupstaggingapi", self.region).get_resources()["ResourceTagMappingList"]
        # Those that ran: EC2 goes on to list what it has terminated.
        running = ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}])["Reservations"]
        clusters = [eks.describe_cluster(name=name)["cluster"] for name in eks.list_clusters()["clusters"]]
        return {
            "tagged": [one for one in tagged if ":iam:" not in one["ResourceARN"] and ":instance/" not in one["ResourceARN"]],
            "instances": [[one["InstanceId"], one["Tags"]] for entry in running for one in entry["Instances"]],
            "clusters": clusters,
            "node groups": [eks.describe_nodegroup(clusterName=NAME, nodegroupName="mng")["nodegroup"] for _one in clusters],
            "VPCs": ec2.describe_vpcs()["Vpcs"],
            "subnets": ec2.describe_subnets()["Subnets"],
            "route tables": ec2.describe_route_tables()["RouteTables"],
            "gateways": ec2.describe_internet_gateways()["InternetGateways"],
            "security groups": ec2.describe_security_groups()["SecurityGroups"],
            "templates": ec2.describe_launch_templates()["LaunchTemplates"],
            "interfaces": ec2.describe_network_interfaces()["NetworkInterfaces"],
            "load balancers": elb.describe_load_balancers()["LoadBalancers"],
            "log groups": logs.describe_log_groups()["logGroups"],
            "parameters": self.aws.client("ssm", self.region).describe_parameters()["Parameters"],
            "IAM": [of_iam(self.aws, self.region)],
        }


def differing(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> list[str]:
    return [kind for kind in before if before[kind] != after[kind]]


@pytest.mark.parametrize("goes_first", [HERE, pytest.param(THERE, marks=pytest.mark.slow)])
def test_each_is_whole_until_its_own_teardown(aws: Cloud, goes_first: str) -> None:
    """HERE is built first, THERE after it; the one that goes last is changed before."""
    built = [Platform(aws, region) for region in (HERE, THERE)]
    going, staying = sorted(built, key=lambda platform: platform.region != goes_first)
    empty = {platform.region: platform.all_of_it() for platform in built}
    built[0].make()
    first = built[0].all_of_it()
    assert built[1].all_of_it() == empty[THERE]
    built[1].make()
    assert differing(first, built[0].all_of_it()) == []
    # What a look that saw nothing would not see, either.
    for platform in built:
        seen = json.dumps(platform.all_of_it(), default=str)
        assert [part for part in ("eks-cluster", "eks-node", "aws-load-balancer-controller", "oidc-provider", "igw-") if part not in seen] == []

    untouched, old = going.all_of_it(), staying.all_of_it()
    assert staying.make(eks_cluster_tags={"team": "shop"}, eks_cluster_version="1.36")
    new = staying.all_of_it()
    assert {"clusters", "node groups", "IAM"} <= set(differing(old, new)) and "shop" in new["IAM"][0]
    assert differing(untouched, going.all_of_it()) == []

    going.remove()
    assert going.all_of_it() == empty[going.region] and differing(new, staying.all_of_it()) == []
    staying.remove()
    assert staying.all_of_it() == empty[staying.region]


@pytest.mark.slow
def test_a_platform_of_before_keeps_its_roles_beside_a_new_one_of_its_name(aws: Cloud) -> None:
    """Made as code of before made it, then site, site elsewhere, a change, and both teardowns."""
    # The old names and marks: what today's role makes, called as it was, and without the regions.
    aws.role("eks_cluster", **variables(HERE, eks_cluster_role_name=f"{NAME}-eks-cluster", eks_cluster_node_role_name=f"{NAME}-eks-node"))
    iam = aws.client("iam")
    for purpose in ("eks-cluster", "eks-node"):
        iam.untag_role(RoleName=f"{NAME}-{purpose}", TagKeys=["meshgate.io/region"])
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"], TagKeys=["meshgate.io/region"])
    assert of_iam(aws, HERE) == "[]"

    aws.role("eks_cluster", **variables(HERE))
    ours = of_iam(aws, HERE)
    assert f"{NAME}-eks-node" in ours and f"{NAME}-eks-cluster" in ours and HERE in ours and f"{NAME}-{HERE}" not in ours
    assert not aws.role("eks_cluster", **variables(HERE)).changed

    aws.role("eks_cluster", **variables(THERE))
    assert of_iam(aws, HERE) == ours and f"{NAME}-{THERE}-eks-node" in of_iam(aws, THERE)
    aws.role("eks_cluster", **variables(THERE, eks_cluster_node_policies=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]))
    assert "AmazonS3ReadOnlyAccess" in of_iam(aws, THERE)
    assert of_iam(aws, HERE) == ours
    aws.role("eks_cluster", tasks_from="remove", **variables(THERE))
    assert of_iam(aws, HERE) == ours and of_iam(aws, THERE) == "[]"
    assert not aws.role("eks_cluster", **variables(HERE)).changed
    aws.role("eks_cluster", tasks_from="remove", **variables(HERE))
    assert of_iam(aws, HERE) == "[]"
