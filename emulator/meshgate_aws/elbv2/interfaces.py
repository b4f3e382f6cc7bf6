# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The network interfaces of load balancers: one in each subnet, which outlive the load balancer for a while."""

from __future__ import annotations

from typing import Any

from moto.ec2.utils import random_public_ip

from ..common import seconds

KINDS = {"application": "interface", "network": "network_load_balancer", "gateway": "gateway_load_balancer"}


def describe(balancer: Any) -> str:
    """As AWS describes them: ELB app/NAME/ID, net/ and gwy/ for the others."""
    return f"ELB {balancer.arn.split(':loadbalancer/')[1]}"


def place(ec2: Any, balancer: Any) -> None:
    """One interface in each of its subnets, with its security groups."""
    wanted = {subnet.id: subnet for subnet in balancer.subnets}
    mine = {eni.subnet.id: eni for eni in of(ec2, balancer)}
    for subnet_id in mine.keys() - wanted.keys():
        del ec2.enis[mine[subnet_id].id]
    for subnet_id in wanted.keys() - mine.keys():
        eni = ec2.create_network_interface(wanted[subnet_id], None, group_ids=list(balancer.security_groups or []), description=describe(balancer))
        eni.status = "in-use"
        eni.interface_type = KINDS[balancer.type]
        eni.requester_managed = True
        eni.requester_id = "amazon-elb"
        if balancer.scheme == "internet-facing":
            eni.public_ip = random_public_ip()
    for eni in of(ec2, balancer):
        eni._group_set = [group for group in map(ec2.get_security_group_from_id, balancer.security_groups or []) if group]


def of(ec2: Any, balancer: Any) -> list[Any]:
    return [eni for eni in ec2.enis.values() if eni.description == describe(balancer) and eni.requester_id == "amazon-elb"]


def linger(ec2: Any, balancer: Any) -> None:
    """AWS takes minutes to remove them; until then their subnets and security groups are in use."""
    for eni in of(ec2, balancer):
        ec2.schedule.after(seconds("MESHGATE_LINGER_SECONDS", 1), lambda eni=eni: ec2.enis.pop(eni.id, None))
