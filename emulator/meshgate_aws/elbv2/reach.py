# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The security groups' verdict: may a load balancer's packets reach a target? moto keeps the rules and enforces none."""

from __future__ import annotations

import ipaddress
from typing import Any

from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.elbv2.models import elbv2_backends

from .. import registry

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def verdict(group: Any, target: dict[str, Any]) -> tuple[bool, str]:
    """Whether any load balancer of the target group gets through on the target's port and on its health check's port; else why not."""
    guards = guards_of(group, target)
    if guards is None:
        return True, ""
    check = group.health_check_port
    ports = {int(target["Port"]), int(target["Port"]) if check in (None, "traffic-port") else int(check)}
    balancers = elbv2_backends[group.account_id][group.region_name].load_balancers
    reasons = []
    for arn in group.load_balancer_arns:
        reason = next((why for port in sorted(ports) if (why := _blocked(group, balancers[arn], guards, target, port))), "")
        if not reason:
            return True, ""
        reasons.append(reason)
    return (False, reasons[0]) if reasons else (True, "")


def guards_of(group: Any, target: dict[str, Any]) -> list[str] | None:
    """The security groups of the target; None if nothing guards it (an address that is no network interface of ours)."""
    ec2 = ec2_backends[group.account_id][group.region_name]
    if group.target_type == "instance":
        instance = ec2.get_instance_by_id(target["Id"])
        return [guard.id for guard in instance.security_groups] if instance else None
    if group.target_type != "ip":
        return None
    for interface in ec2.enis.values():
        if interface.private_ip_address == target["Id"] and interface.subnet.vpc_id == group.vpc_id:
            return [guard.id for guard in interface.group_set]
    address = ipaddress.ip_address(target["Id"])
    for name, body in registry.items():
        for node in body.get("nodes") or []:
            if (node.get("pod_cidr") and address in ipaddress.ip_network(node["pod_cidr"])) or node.get("ip") == target["Id"]:
                cluster: Any = eks_backends[group.account_id][group.region_name].clusters.get(name)
                return [cluster.data["resourcesVpcConfig"]["clusterSecurityGroupId"]] if cluster else None
    return None


def _blocked(group: Any, balancer: Any, guards: list[str], target: dict[str, Any], port: int) -> str:
    ec2 = ec2_backends[group.account_id][group.region_name]
    own = list(balancer.security_groups or [])
    sources = [ipaddress.ip_network(subnet.cidr_block) for subnet in balancer.subnets]
    inbound = [rule for guard in guards if (known := ec2.get_security_group_from_id(guard)) for rule in known.ingress_rules]
    if not any(_lets(rule, port, own, sources) for rule in inbound):
        return f"no rule of {', '.join(guards)} allows {', '.join(own) or 'the load balancer'} on port {port}"
    outbound = [rule for guard in own if (known := ec2.get_security_group_from_id(guard)) for rule in known.egress_rules]
    if own and not any(_lets(rule, port, guards, [ipaddress.ip_network(_address(target))]) for rule in outbound):
        return f"no rule of {', '.join(own)} allows it to reach {', '.join(guards)} on port {port}"
    return ""


def _address(target: dict[str, Any]) -> str:
    try:
        return str(ipaddress.ip_address(target["Id"]))
    except ValueError:
        return "0.0.0.0/0"


def _lets(rule: Any, port: int, groups: list[str], networks: list[Network]) -> bool:
    if rule.ip_protocol not in ("tcp", "6", "-1"):
        return False
    if rule.ip_protocol != "-1" and not int(rule.from_port) <= port <= int(rule.to_port):
        return False
    if (rule.source_group or {}).get("GroupId") in groups:
        return True
    cidr = rule.ip_range.get("CidrIp") or rule.ip_range.get("CidrIpv6")
    if not cidr:
        return False
    allowed = ipaddress.ip_network(cidr, strict=False)
    return any(network.version == allowed.version and network.subnet_of(allowed) for network in networks)  # type: ignore[arg-type]
