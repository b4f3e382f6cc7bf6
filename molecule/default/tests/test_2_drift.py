"""Drift: somebody changes one thing of every role by hand; check mode names each of them, a run repairs them all."""

from __future__ import annotations

import json

import pytest
from harness import CLUSTER

POLICY = "aws-load-balancer-controller"  # what its name ends with


def cluster_group(aws) -> str:
    return aws("eks").describe_cluster(name=CLUSTER)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]


def health_rules(aws) -> list[dict]:
    rules = aws("ec2").describe_security_groups(GroupIds=[cluster_group(aws)])["SecurityGroups"][0]["IpPermissions"]
    return [rule for rule in rules if rule.get("FromPort") == 15021]


def policy(aws) -> dict:
    return next(item for item in aws("iam").list_policies(Scope="Local")["Policies"] if item["PolicyName"].endswith(POLICY))


def drift_security_group_rule(aws, cluster) -> None:
    aws("ec2").revoke_security_group_ingress(GroupId=cluster_group(aws), IpPermissions=health_rules(aws))


def drift_subnet_tag(aws, cluster) -> None:
    subnets = aws("ec2").describe_subnets(Filters=[{"Name": "tag:kubernetes.io/role/elb", "Values": ["1"]}])["Subnets"]
    aws("ec2").delete_tags(Resources=[subnets[0]["SubnetId"]], Tags=[{"Key": "kubernetes.io/role/elb"}])


def drift_policy_version(aws, cluster) -> None:
    statement = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}]}
    aws("iam").create_policy_version(PolicyArn=policy(aws)["Arn"], PolicyDocument=json.dumps(statement), SetAsDefault=True)


def drift_controller(aws, cluster) -> None:
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": "Always"}]
    cluster.kubectl("-n", "kube-system", "patch", "deployment", "aws-load-balancer-controller", "--type=json", "-p", json.dumps(patch), "--dry-run=none")


def drift_crd(aws, cluster) -> None:
    cluster.kubectl("annotate", "crd", "grpcroutes.gateway.networking.k8s.io", "gateway.networking.k8s.io/bundle-version=v1.6.0", "--overwrite")


def drift_istiod(aws, cluster) -> None:
    cluster.kubectl("-n", "istio-system", "set", "env", "deployment/istiod", "PILOT_TRACE_SAMPLING=77")


def drift_replicas(aws, cluster) -> None:
    cluster.kubectl("-n", "rust-services", "scale", "deployment/service-a", "--replicas=0")


def drift_ingress(aws, cluster) -> None:
    cluster.kubectl("-n", "istio-ingress", "delete", "ingress", "ingress", "--wait=true")


# What is drifted, and the words by which check mode must name it.
DRIFTS = {
    drift_subnet_tag: ["kubernetes.io/role/elb"],
    drift_policy_version: [POLICY],
    drift_controller: ["aws-load-balancer-controller", "imagePullPolicy"],
    drift_crd: ["grpcroutes.gateway.networking.k8s.io", "bundle-version"],
    drift_istiod: ["istiod", "PILOT_TRACE_SAMPLING"],
    drift_replicas: ["service-a", "replicas"],
    drift_ingress: ["Ingress", "istio-ingress"],
    drift_security_group_rule: ["15021", "sg-"],
}


@pytest.fixture(scope="module")
def drifted(play, aws, cluster):
    """The platform with every drift, and what check mode says of it."""
    for drift in DRIFTS:
        drift(aws, cluster)
    return play("playbooks/site.yml", "--check", "--diff")


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.__name__.removeprefix("drift_"))
def test_check_mode_names_the_drift(drifted, drift):
    changes = drifted.changes()
    assert any(all(word in change for word in DRIFTS[drift]) for change in changes), f"none of {drifted.changed_names()} names {DRIFTS[drift]}"


def test_check_mode_repaired_nothing(drifted, aws, cluster):
    assert not cluster.has("Ingress", "ingress", "istio-ingress")
    assert cluster.get("Deployment", "service-a", "rust-services")["spec"]["replicas"] == 0
    assert health_rules(aws) == []


def test_a_run_repairs_every_drift(drifted, play, aws, cluster):
    run = play("playbooks/site.yml")
    assert run.changed > 0
    assert cluster.get("Deployment", "service-a", "rust-services")["status"].get("readyReplicas", 0) > 0
    assert len(health_rules(aws)) == 1
    containers = cluster.get("Deployment", "istiod", "istio-system")["spec"]["template"]["spec"]["containers"]
    assert ("PILOT_TRACE_SAMPLING", "77") not in [(one["name"], one.get("value")) for container in containers for one in container["env"]]


def test_check_mode_finds_nothing_more(play):
    run = play("playbooks/site.yml", "--check", "--diff")
    assert run.changes() == []
