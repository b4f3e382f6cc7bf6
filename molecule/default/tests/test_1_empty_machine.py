"""An empty machine: check mode there, and what a stranger has in the account before we come."""

from __future__ import annotations

import json

from account import contents
from harness import RESULTS, our_containers


def test_teardown_leaves_an_empty_machine(play):
    play("playbooks/teardown.yml")
    assert our_containers() == []


def test_status_says_that_there_is_no_platform_and_fails(play):
    run = play("playbooks/status.yml", ok=False)
    found = run.result("Get the status of the platform")
    assert (run.code, found["healthy"], found["verdict"]) == (2, False, "there is no platform")
    assert {one["name"]: one["state"] for one in found["checks"]}["cluster"] == "failed"
    assert "there is no platform" in run.failures()


def test_check_mode_on_an_empty_machine_tells_the_plan_and_does_nothing(play):
    run = play("playbooks/site.yml", "--check", "--diff")
    assert run.failed == 0
    said = "\n".join(run.changes())
    for thing in ("kind", "emulat", "VPC", "load-balancer-controller", "Gateway API", "Istio", "service-a"):
        assert thing.lower() in said.lower(), f"the plan does not mention {thing}: {run.changed_names()}"
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
