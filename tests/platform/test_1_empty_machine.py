"""An empty machine: check mode there, and what a stranger has in the account before we come."""

from __future__ import annotations

import json
import socket

import pytest
from account import contents
from harness import RESULTS, our_containers

# What is wrong, and what the refusal must name: the variable, the value, what would be accepted.
BAD_INPUTS = {
    "eks_cluster_name=-sandbox": ["eks_cluster_name", "-sandbox", "letters"],
    "eks_cluster_region=oregon": ["eks_cluster_region", "oregon", "us-west-2"],
    "eks_cluster_version=latest": ["eks_cluster_version", "latest", "1."],
    "eks_cluster_vpc_cidr=192.168.0.0/27": ["eks_cluster_vpc_cidr", "192.168.0.0/27", "/16"],
    "eks_cluster_nat_mode=double": ["eks_cluster_nat_mode", "double", "single"],
    "alb_controller_version=v3": ["alb_controller_version", "v3", "3."],
    "gateway_crds_channel=beta": ["gateway_crds_channel", "beta", "standard, experimental"],
    "gateway_crds_version=v1": ["gateway_crds_version", "v1", "1.6"],
    "istio_profile=big": ["istio_profile", "big", "demo"],
    "istio_version=1.2.3": ["istio_version", "1.2.3", "istioctl"],
    "istio_ingress_redirect=true": ["istio_ingress_redirect", "true", "istio_ingress_certificate_arn"],
    "rust_services_replicas=0": ["rust_services_replicas", "0", "1 to 100"],
    "rust_services_routing_api=kong": ["rust_services_routing_api", "kong", "gateway_api"],
    "toolchain_source=guess": ["toolchain_source", "guess", "auto"],
}


def test_teardown_leaves_an_empty_machine(play):
    play("playbooks/teardown.yml")
    assert our_containers() == []


def test_check_mode_on_an_empty_machine_tells_the_plan_and_does_nothing(play):
    run = play("playbooks/site.yml", "--check", "--diff")
    assert run.failed == 0
    said = "\n".join(run.changes())
    for thing in ("kind", "emulat", "VPC", "load-balancer-controller", "Gateway API", "Istio", "service-a"):
        assert thing.lower() in said.lower(), f"the plan does not mention {thing}: {run.changed_names()}"
    assert our_containers() == []


@pytest.mark.parametrize("variable", BAD_INPUTS)
def test_a_bad_input_is_refused_before_anything_is_created(play, variable):
    run = play("playbooks/site.yml", "-e", variable, ok=False)
    assert run.code != 0
    said = run.failures()
    assert [word for word in BAD_INPUTS[variable] if word not in said] == [], said
    assert our_containers() == []
    assert run.seconds < 30  # four on an idle machine; this one may be busy


def test_a_taken_port_is_refused_before_anything_is_created(play):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 8080))
        taken.listen()
        run = play("playbooks/site.yml", ok=False)
    assert run.code != 0
    assert "aws_emulator_http_port" in run.failures()
    assert "8080" in run.failures()
    assert our_containers() == []


def test_a_stranger_has_a_load_balancer_a_security_group_and_a_zone(play, aws):
    play("tests/platform/emulator.yml")
    ec2, elb = aws("ec2"), aws("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.90.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.90.{third}.0/24", AvailabilityZone=f"us-west-2{zone}")["Subnet"]["SubnetId"]
        for third, zone in ((1, "a"), (2, "b"))
    ]
    group = ec2.create_security_group(GroupName="stranger", Description="somebody else's", VpcId=vpc)["GroupId"]
    balancer = elb.create_load_balancer(Name="stranger", Subnets=subnets, SecurityGroups=[group], Scheme="internal")["LoadBalancers"][0]
    aws("route53").create_hosted_zone(Name="example.com", CallerReference="stranger")
    RESULTS.mkdir(exist_ok=True)
    before = {"contents": contents(aws), "stranger": {"load_balancer": balancer["LoadBalancerArn"], "security_group": group}}
    (RESULTS / "account-before.json").write_text(json.dumps(before, indent=1), encoding="utf-8")
    assert balancer["LoadBalancerArn"] in before["contents"]["load_balancers"]
