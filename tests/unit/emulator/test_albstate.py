# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The data path's state, when time passes while it is built. Nobody need ask AWS for a load balancer to become active."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from aws_rig import REGION, Emulator
from meshgate_aws import albstate, common
from meshgate_aws.elbv2 import models

ARN = f"arn:aws:elasticloadbalancing:{REGION}:123456789012:loadbalancer/app/mine/1"
# MESHGATE_LOAD_BALANCER_SECONDS, where nobody sets it.
PROVISIONING = 0.5


class Clock:
    """A time that goes on by itself, as it does on a busy machine: each look at it is so much later than the last."""

    def __init__(self, step: float) -> None:
        self.time, self.step = 1000.0, step

    def __call__(self) -> float:
        self.time += self.step
        return self.time


@pytest.mark.parametrize("step", [0.05, 0.1, 0.2, 0.3, 0.4, 0.6])
def test_what_becomes_due_while_the_state_is_built_is_not_forgotten(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    clock = Clock(step)
    for module in (common, models, albstate):
        monkeypatch.setattr(module, "now", clock)
    balancer = models.LoadBalancer(name="mine", security_groups=[], subnets=[], vpc_id="vpc-1", arn=ARN, dns_name="", state="provisioning")
    backend = SimpleNamespace(load_balancers={ARN: balancer}, target_groups={})
    monkeypatch.setattr(albstate, "backends_of", lambda _service: [("123456789012", REGION, backend)])
    keeper = albstate.AlbState()
    state, until = keeper.current()
    while state["load_balancers"][0]["state"] != "active":
        assert until is not None, "provisioning, and nothing will ever wake up whoever waits for it"
        assert clock.time < 1000 + PROVISIONING + 10 * step, "still provisioning long after its time"
        state, until = keeper.current()


def test_the_data_path_hears_of_an_active_load_balancer_though_nobody_asks_aws(aws: Emulator, name: str, network: Any) -> None:
    before = aws.control("GET", "requests")["next"]
    aws.client("elbv2").create_load_balancer(Name=name, Subnets=network.subnets)
    known, states = "", []
    end = time.monotonic() + 20
    while "active" not in states and time.monotonic() < end:
        document = aws.control("GET", f"alb?known={known}&timeout=5")
        known, states = document["revision"], [*states, *(item["state"] for item in document["load_balancers"] if item["name"] == name)]
    assert states == ["provisioning", "active"]
    assert [entry["action"] for entry in aws.control("GET", f"requests?since={before}")["requests"]] == ["CreateLoadBalancer"]


def test_the_data_path_hears_which_names_dns_leads_to_a_load_balancer(aws: Emulator, name: str, network: Any) -> None:
    made = aws.client("elbv2").create_load_balancer(Name=name, Subnets=network.subnets)["LoadBalancers"][0]
    route53 = aws.client("route53")
    alias = {"HostedZoneId": made["CanonicalHostedZoneId"], "DNSName": f"dualstack.{made['DNSName']}", "EvaluateTargetHealth": False}
    records = [
        {"Name": "mesh.example.com", "Type": "A", "AliasTarget": alias},
        {"Name": "*.mesh.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": made["DNSName"]}]},
        {"Name": "other.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.example.com"}]},
    ]

    def names() -> list[str]:
        return next(item["names"] for item in aws.control("GET", "alb")["load_balancers"] if item["name"] == name)

    def change(action: str) -> None:
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": one} for one in records]})

    zone = route53.create_hosted_zone(Name="example.com", CallerReference=name)["HostedZone"]["Id"]
    assert names() == []
    change("CREATE")
    assert names() == ["*.mesh.example.com", "mesh.example.com"]
    change("DELETE")
    assert names() == []
