# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The look at an account before anything is created: each refusal, and that nothing is asked for what is there already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloud import REGION

from ansible_collections.meshgate.eks_istio.plugins.module_utils.eks.platform.options import options_of

FILES = Path(__file__).resolve().parents[2] / "roles/eks_cluster/files"
POLICY = json.loads((FILES / "operator_policy.json").read_text())
PRICES = yaml.safe_load((FILES / "prices.yml").read_text())
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
GROUP = {"name": "mng-arm", "instance_types": ["m6g.large"], "ami_type": "AL2023_ARM_64_STANDARD", "desired_size": 2}


@pytest.fixture
def inputs(aws) -> dict[str, Any]:
    """The role's inputs with their defaults."""
    return {
        "name": "sandbox",
        "region": "us-west-2",
        "version": "1.36",
        "tags": {},
        "expected_account_id": "",
        "vpc_cidr": "192.168.0.0/16",
        "availability_zones": [],
        "nat_mode": "single",
        "endpoint_access": "public_and_private",
        "public_access_cidrs": ["0.0.0.0/0"],
        "authentication_mode": "API_AND_CONFIG_MAP",
        "logging": [],
        "support_type": "STANDARD",
        "deletion_protection": False,
        "role_name": "sandbox-eks-cluster",
        "node_role_name": "sandbox-eks-node",
        "node_groups": [GROUP],
        "kubeconfig_manage": True,
        "kubeconfig": str(aws.folder / "kubeconfig"),
        "context": "sandbox",
    }


@pytest.fixture
def look(aws, inputs):
    def run(options: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        given = {"operator_policy": POLICY, "price_list": PRICES, "load_balancer": "sandbox-alb", **(options or {})}
        return aws.module("aws_preflight_info", **options_of({**inputs, **changes}), messages_name="variables", **given)

    return run


def check(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in result["checks"] if entry["name"] == name)


def test_an_empty_account_has_room_and_nothing_is_changed(aws, look) -> None:
    result = look()
    assert not result.get("failed"), result
    assert result["problems"] == []
    assert not result["changed"]
    assert aws.faults.mutations() == []
    assert [entry["name"] for entry in result["checks"]] == [
        "identity",
        "permissions",
        "names",
        "load balancer subnets",
        "load balancer name",
        "instance types",
        "EKS version",
        "AWS CLI",
        "VPCs",
        "elastic IPs",
        "NAT gateways",
        "EKS clusters",
        "Application Load Balancers",
        "on-demand vCPUs of standard instances",
        "key of volumes",
    ]
    vcpus = check(result, "on-demand vCPUs of standard instances")
    assert vcpus["found"] == {"used": 0, "needed": 4, "quota": 5, "code": "L-1216C47A", "where": "us-west-2"}


def test_credentials_of_another_account_are_refused_alone(look) -> None:
    result = look(expected_account_id="999999999999")
    assert result["failed"]
    assert result["msg"].startswith("eks_cluster_expected_account_id is '999999999999', but the AWS credentials belong to account 123456789012")
    assert len(result["checks"]) == 1


def test_expired_credentials_are_refused_in_one_line(aws, look) -> None:
    aws.faults.inject("expired", "sts:GetCallerIdentity", times=9)
    result = look()
    assert result["failed"]
    assert "the AWS credentials have expired" in result["msg"]
    assert len(result["checks"]) == 1


def test_every_problem_is_said_at_once(aws, look) -> None:
    ec2 = aws.client("ec2")
    for _unused in range(5 - len(ec2.describe_vpcs()["Vpcs"])):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    for _unused in range(5):
        ec2.allocate_address(Domain="vpc")
    group = {**GROUP, "instance_types": ["m6g.16xlarge"], "desired_size": 1}
    result = look(node_groups=[group], version="1.21")
    assert result["failed"]
    assert "VPCs in us-west-2: 5 of 5 are in use, and this run needs 1 more; accepted: at most 4 in use" in result["msg"]
    assert "elastic IPs in us-west-2: 5 of 5 are in use" in result["msg"]
    assert "L-0263D0A3" in result["msg"]
    assert "on-demand vCPUs of standard instances in us-west-2: 0 of 5 are in use, and this run needs 64 more" in result["msg"]
    assert "eks_cluster_version is '1.21'; accepted in us-west-2: one of 1." in result["msg"]
    assert len(result["problems"]) == 4


@pytest.mark.slow
def test_each_kind_of_instance_has_its_quota(aws, look) -> None:
    groups = [
        {"name": "gpu", "instance_types": ["g5.xlarge"], "desired_size": 1},
        {"name": "spot", "instance_types": ["m6i.large", "m5.large"], "desired_size": 1, "max_size": 9, "capacity_type": "SPOT"},
    ]
    result = look(node_groups=groups)
    assert [entry["name"] for entry in result["checks"] if not entry["ok"]] == ["on-demand vCPUs of G and VT instances"]
    spot = check(result, "spot vCPUs of standard instances")
    assert (spot["ok"], spot["warning"]) == (True, True)
    assert "the node groups may grow to 18 in total" in spot["message"]
    aws.client("service-quotas").request_service_quota_increase(ServiceCode="ec2", QuotaCode="L-DB2E81BA", DesiredValue=8)
    assert not look(node_groups=groups).get("failed")


@pytest.mark.slow
def test_instance_types_that_a_zone_lacks_are_refused(look) -> None:
    result = look(node_groups=[{"name": "m", "instance_types": ["m99g.large"]}])
    assert "eks_cluster_node_groups[0].instance_types is ['m99g.large'], but us-west-2 does not offer m99g.large" in result["msg"]


@pytest.mark.slow
def test_a_running_platform_needs_nothing_more(aws, look, inputs) -> None:
    variables = {"eks_cluster_kubeconfig": inputs["kubeconfig"]}
    aws.role("eks_cluster", **variables)
    result = look()
    assert not result.get("failed"), result
    needed = {entry["name"]: entry["found"]["needed"] for entry in result["checks"] if isinstance(entry["found"], dict)}
    assert set(needed.values()) <= {0, 1}
    assert [name for name, count in needed.items() if count] == ["Application Load Balancers"]
    assert check(result, "VPCs")["found"]["used"] >= 1
    assert check(result, "EKS clusters")["found"]["used"] == 1
    # Two nodes more than there are.
    grown = look(node_groups=[{**GROUP, "desired_size": 4}])
    assert check(grown, "on-demand vCPUs of standard instances")["found"]["needed"] == 4


@pytest.mark.slow
def test_names_that_somebody_else_has_are_refused(aws, look) -> None:
    aws.client("iam").create_role(RoleName="sandbox-eks-node", AssumeRolePolicyDocument=TRUST)
    result = look()
    assert "IAM role sandbox-eks-node exists and is not managed by this collection" in result["msg"]


def test_somebody_elses_load_balancer_of_that_name_is_refused(aws, look) -> None:
    elb = aws.client("elbv2")
    balancer = elb.create_load_balancer(Name="sandbox-alb", Subnets=aws.subnets(aws.vpc()), Scheme="internal")["LoadBalancers"][0]["LoadBalancerArn"]
    result = look()
    assert "load balancer sandbox-alb exists and is not this cluster's; choose another istio_ingress_load_balancer_name" in result["msg"]
    elb.add_tags(ResourceArns=[balancer], Tags=[{"Key": "elbv2.k8s.aws/cluster", "Value": "sandbox"}])
    assert not look().get("failed")


# Nodes

PODS = [
    {"name": "istiod", "replicas": 2, "cpu": "500m", "memory": "2048Mi"},
    {"name": "istio-ingressgateway", "replicas": 2, "cpu": "100m", "memory": "128Mi"},
    {"name": "aws-load-balancer-controller", "replicas": 2, "cpu": "50m", "memory": "128Mi"},
    {"name": "service-a and service-b", "replicas": 4, "cpu": "10m", "memory": "16Mi"},
    {"name": "sidecars", "replicas": 4, "cpu": "10m", "memory": "64Mi"},
]
ADDONS = [{"name": name} for name in ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "metrics-server")]


def test_two_nodes_of_which_one_fails_leave_no_room_and_that_is_said(look) -> None:
    result = look({"pods": PODS}, addons=ADDONS)
    room = check(result, "room when a node fails")
    assert room["warning"] and room["ok"] and room["message"] in str(result["warnings"])
    assert room["found"]["cpu_left_millicores"] == 0
    assert "when one of 2 nodes fails, the platform's pods request 1780m of CPU and 5468 MiB of the 1780m and " in room["message"]
    assert "no rollout would proceed until AWS has replaced it. Add a node (desired_size in eks_cluster_node_groups) or use a larger" in room["message"]
    assert "pods would stay Pending" in check(look({"pods": PODS}, addons=ADDONS, node_groups=[{**GROUP, "desired_size": 1}]), room["name"])["message"]


@pytest.mark.parametrize("group", [{"desired_size": 3}, {"instance_types": ["m6g.xlarge"]}])
def test_room_enough_is_no_warning(look, group: dict[str, Any]) -> None:
    assert not check(look({"pods": PODS}, addons=ADDONS, node_groups=[{**GROUP, **group}]), "room when a node fails")["warning"]


@pytest.mark.slow
def test_the_role_counts_the_pods_of_the_others(aws) -> None:
    given = {"eks_cluster_node_groups": [GROUP], "eks_cluster_kubeconfig": str(aws.folder / "kubeconfig")}
    run = aws.role("eks_cluster", tasks_from="aws_preflight", check=True, **given)
    room = check(run.result("Run the AWS preflight checks"), "room when a node fails")
    assert room["found"]["cpu_left_millicores"] == 0


def test_an_account_whose_volumes_have_a_key_of_its_own_is_told_who_must_use_it(aws, look) -> None:
    """Such nodes end at once, and the node group only half an hour later: https://github.com/hashicorp/terraform-provider-aws/issues/39904."""
    assert not check(look(), "key of volumes")["warning"]
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    aws.client("ec2").modify_ebs_default_kms_key_id(KmsKeyId=key)
    result = look()
    found = check(result, "key of volumes")
    assert (found["ok"], found["warning"], found["found"]) == (True, True, key)
    assert found["message"] in str(result["warnings"])
    assert f"--key-id {key} --grantee-principal arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/" in found["message"]


# Permissions


@pytest.fixture
def operator(aws):
    """A user with these policies, and the look with that user's keys."""
    iam = aws.client("iam")
    iam.create_user(UserName="operator")
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    keys = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}

    def allow(name: str, *statements: dict[str, Any]) -> dict[str, str]:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]}
        iam.put_user_policy(UserName="operator", PolicyName=name, PolicyDocument=json.dumps(document))
        return keys

    return allow


def test_the_operator_policy_is_enough_for_itself(look, operator) -> None:
    keys = operator("operator", *POLICY["Statement"])
    result = look(keys)
    assert check(result, "permissions")["found"] == [], result["msg"] if result.get("failed") else ""
    assert result["caller"] == "arn:aws:iam::123456789012:user/operator"


def test_the_operator_changes_no_role_without_our_mark_and_gives_none_an_administrators_policy(aws, operator) -> None:
    """By the simulator: what a run may do to a stranger's role, to ours, and which policies it may attach to it."""
    operator("operator", *POLICY["Statement"])
    iam = aws.client("iam")

    def allowed(action: str, **context: str) -> bool:
        entries = [{"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"} for key, value in context.items()]
        asked = {"PolicySourceArn": "arn:aws:iam::123456789012:user/operator", "ActionNames": [action], "ContextEntries": entries}
        return iam.simulate_principal_policy(**asked)["EvaluationResults"][0]["EvalDecision"] == "allowed"

    ours, new = {"aws:ResourceTag/meshgate.io/cluster": "sandbox"}, {"aws:RequestTag/meshgate.io/cluster": "sandbox"}
    for action in ("iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:CreatePolicyVersion", "iam:DeleteOpenIDConnectProvider"):
        assert allowed(action, **ours) and not allowed(action) and not allowed(action, **new)
    assert allowed("iam:CreateRole", **new) and not allowed("iam:CreateRole")
    nodes, administrator = (f"arn:aws:iam::aws:policy/{name}" for name in ("AmazonEKSWorkerNodePolicy", "AdministratorAccess"))
    assert allowed("iam:AttachRolePolicy", **ours, **{"iam:PolicyARN": nodes})
    assert not allowed("iam:AttachRolePolicy", **ours, **{"iam:PolicyARN": administrator})
    assert not allowed("iam:AttachRolePolicy", **{"iam:PolicyARN": nodes})


def test_what_is_denied_is_named_with_its_reason(look, operator) -> None:
    operator("operator", *POLICY["Statement"])
    keys = operator("less", {"Effect": "Deny", "Action": ["ec2:CreateVpc", "eks:CreateCluster"]})
    result = look(keys)
    assert result["failed"]
    assert "arn:aws:iam::123456789012:user/operator lacks ec2:CreateVpc, eks:CreateCluster (a policy denies it)" in result["msg"]
    warned = look({**keys, "permissions": "warn"})
    assert not warned.get("failed")
    assert check(warned, "permissions")["warning"]


@pytest.mark.slow
def test_a_policy_narrowed_to_the_platforms_names_is_enough(look, operator) -> None:
    account, log_group = "arn:aws:iam::123456789012", "arn:aws:logs:us-west-2:123456789012:log-group:/aws/eks/sandbox/cluster"
    roles = [f"{account}:role/sandbox-*", f"{account}:policy/sandbox-*", f"{account}:oidc-provider/oidc.eks.us-west-2.*"]
    narrowed = {
        **dict.fromkeys(("NewRoles", "OurRoles", "PoliciesOfRoles"), roles),
        "Cluster": ["arn:aws:eks:us-west-2:123456789012:*/sandbox", "arn:aws:eks:us-west-2:123456789012:*/sandbox/*", log_group],
    }
    keys = operator("operator", *[{**statement, "Resource": narrowed.get(statement["Sid"], "*")} for statement in POLICY["Statement"]])
    assert check(look(keys), "permissions")["found"] == []
    keys = operator("operator", *[{**statement, "Resource": "arn:aws:eks:us-west-2:123456789012:*/other"} for statement in POLICY["Statement"]])
    assert "eks:CreateCluster" in check(look(keys), "permissions")["found"]


def test_a_caller_who_is_limited_to_a_region_is_not_refused(look, operator) -> None:
    """The simulator does not know by itself where a call would go: https://github.com/openshift/installer/issues/1322."""
    here = {"StringEquals": {"aws:RequestedRegion": [REGION, "us-east-1"]}, "Bool": {"aws:SecureTransport": "true", "aws:MultiFactorAuthPresent": "true"}}
    keys = operator("operator", *[{**statement, "Condition": {**(statement.get("Condition") or {}), **here}} for statement in POLICY["Statement"]])
    result = look(keys)
    assert check(result, "permissions")["found"] == [], result.get("msg")
    assert not check(result, "permissions")["warning"]


def test_a_caller_who_is_limited_to_another_region_is_refused(look, operator) -> None:
    """A service control policy's usual form, and IAM is asked in us-east-1 wherever the cluster is."""
    operator("operator", *POLICY["Statement"])
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "us-east-1"]}}
    result = look({**operator("fence", {"Effect": "Deny", "Action": "*", "Condition": elsewhere}), "permissions": "warn"})
    denied = check(result, "permissions")["found"]
    assert denied["eks:CreateCluster"] == denied["ec2:CreateVpc"] == "a policy denies it"
    assert "iam:CreateRole" not in denied


def test_a_denial_that_depends_on_what_nobody_told_the_simulator_is_a_warning(look, operator) -> None:
    operator("operator", *[statement for statement in POLICY["Statement"] if statement["Sid"] != "Cluster"])
    cluster = next(statement for statement in POLICY["Statement"] if statement["Sid"] == "Cluster")
    result = look(operator("office", {**cluster, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "platform"}}}))
    assert not result.get("failed"), result.get("msg")
    found = check(result, "permissions by condition")
    assert found["warning"] and set(found["found"]) == set(cluster["Action"])
    assert "cannot tell whether arn:aws:iam::123456789012:user/operator is allowed eks:" in found["message"]
    assert "(depends on aws:PrincipalTag/team); AWS decides at the call itself" in found["message"]
    assert " may do all " not in check(result, "permissions")["message"]


@pytest.mark.slow
def test_statements_that_are_not_used_are_not_asked_for(look, operator) -> None:
    unused = ["Images", "HostName", "AccessLogs"]
    keys = operator("operator", *[statement for statement in POLICY["Statement"] if statement["Sid"] not in unused])
    assert "route53:ChangeResourceRecordSets" in check(look(keys), "permissions")["found"]
    assert check(look({**keys, "unused_statements": unused}), "permissions")["found"] == []


@pytest.mark.slow
def test_a_service_linked_role_that_is_there_need_not_be_created(aws, look, operator) -> None:
    keys = operator("operator", *[statement for statement in POLICY["Statement"] if statement["Action"] != ["iam:CreateServiceLinkedRole"]])
    assert check(look(keys), "permissions")["found"] == {"iam:CreateServiceLinkedRole": "no policy allows it"}
    for service in ("eks", "eks-nodegroup", "elasticloadbalancing"):
        aws.client("iam").create_service_linked_role(AWSServiceName=f"{service}.amazonaws.com")
    assert check(look(keys), "permissions")["found"] == []


def test_a_role_is_found_behind_its_session(aws, look) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="deployer", Path="/teams/", AssumeRolePolicyDocument=TRUST)
    arn = iam.get_role(RoleName="deployer")["Role"]["Arn"]
    session = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    keys = {"access_key": session["AccessKeyId"], "secret_key": session["SecretAccessKey"], "session_token": session["SessionToken"]}
    result = look(keys)
    assert f"{arn} lacks " in result["msg"]
    assert "(no policy allows it)" in result["msg"]


def test_without_the_simulator_it_goes_on_and_says_so(aws, look) -> None:
    """A session outlives its role, whom the simulator then does not know."""
    iam = aws.client("iam")
    arn = iam.create_role(RoleName="gone", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    session = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    iam.delete_role(RoleName="gone")
    result = look({"access_key": session["AccessKeyId"], "secret_key": session["SecretAccessKey"], "session_token": session["SessionToken"]})
    assert not result.get("failed"), result
    found = check(result, "permissions")
    assert found["warning"]
    assert "permissions could not be simulated: iam:SimulatePrincipalPolicy: " in found["message"]
    assert found["message"] in str(result["warnings"])


def test_the_aws_cli_that_the_kubeconfig_calls_is_looked_for(look, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "aws is not on the PATH" in look()["msg"]
    assert not look(kubeconfig_manage=False).get("failed")
    program = tmp_path / "aws"
    program.write_text("#!/bin/sh\necho aws-cli/1.18.5 Python/3.9\n")
    program.chmod(0o755)
    assert "accepted: the AWS CLI from 2.12.3 or 1.27.160 on the PATH" in look()["msg"]


def test_a_version_in_extended_support_costs_more_and_says_so(look) -> None:
    result = look()
    assert (result["cost"]["items"][0]["name"], result["cost"]["items"][0]["per_hour"]) == ("EKS control plane", 0.1)
    old = next(entry for entry in result["checks"] if entry["name"] == "EKS version")["accepted"].removeprefix("one of ").split(", ")[0]
    result = look(version=old)
    assert "extended support" in check(result, "EKS version")["message"]
    assert result["cost"]["items"][0]["per_hour"] == 0.6
