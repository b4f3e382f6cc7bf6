#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Manage the security group of a load balancer and the rules to its targets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_security_group
author: The meshgate authors (@meshgate)
short_description: Manage the security group of a load balancer and the rules to its targets
version_added: "0.1.0"
description:
  - With an explicit C(security-groups) annotation the AWS Load Balancer Controller adds no rules at all. This module owns them, from clients to the
    load balancer and from the load balancer to its targets' ports.
  - The group and its rules are compared with two read-only calls, so that a run that changes nothing is quick.
  - Only what carries the tag C(meshgate.io/cluster) with the cluster's name, or refers to the group, is changed or removed.
options:
  state:
    description: V(absent) removes the rules of ours, and then the group.
    type: str
    choices: [present, absent]
    default: present
  cluster_name:
    description: The cluster whose ownership tag the group carries.
    type: str
    required: true
  group_name:
    description: The group's name.
    type: str
    required: true
  vpc_id:
    description: The VPC. Needed for V(present); for V(absent) all VPCs are searched without it.
    type: str
    default: ""
  ports:
    description: The load balancer's ports.
    type: list
    elements: int
    default: [80]
  inbound_cidrs:
    description: Who may reach these ports, IPv4 and IPv6.
    type: list
    elements: str
    default: [0.0.0.0/0]
  backend_security_group_id:
    description: The security group of the targets, which on EKS is the cluster's. Without it, no rules to the targets are made.
    type: str
    default: ""
  backend_ports:
    description: The targets' ports that the load balancer must reach, the health check's among them.
    type: list
    elements: int
    default: []
  source_group_ids:
    description: Security groups that the load balancer has already. No group is made then, and only the rules to the targets are managed.
    type: list
    elements: str
    default: []
  load_balancer_name:
    description: Also look at this load balancer, and return it, so that a run that changes nothing needs no second task to find it.
    type: str
    default: ""
  group_tags:
    description: More tags for what is made.
    type: dict
    default: {}
  wait_timeout:
    description: Seconds for which a group that is still in use is tried to be removed.
    type: int
    default: 120
attributes:
  check_mode:
    description: Compares and changes nothing.
    support: full
  diff_mode:
    description: Shows the rules.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let the world reach the load balancer, and it the gateway
  meshgate.eks_istio.alb_security_group:
    cluster_name: sandbox
    group_name: sandbox-alb
    vpc_id: "{{ eks_cluster_facts.vpc_id }}"
    ports: [80, 443]
    backend_security_group_id: "{{ eks_cluster_facts.security_groups.cluster }}"
    backend_ports: [8080, 15021]
    region: us-west-2
  register: group

- name: Remove it
  meshgate.eks_istio.alb_security_group:
    state: absent
    cluster_name: sandbox
    group_name: sandbox-alb
    region: us-west-2
"""

RETURN = r"""
group_ids:
  description: The security groups for the C(security-groups) annotation. Empty in check mode where the group would be made.
  returned: when state is present
  type: list
  elements: str
  sample: [sg-0123456789abcdef0]
load_balancer:
  description:
    - The load balancer as M(meshgate.eks_istio.alb_hostname_info) returns it, and in C(missing) what it lacks to serve, empty if nothing.
    - Empty if there is none.
  returned: when O(load_balancer_name) is given
  type: dict
"""

import contextlib
import ipaddress
import re
import socket
from urllib.parse import urlsplit

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    import botocore.exceptions

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import alb_elbv2
from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb_security_group import Refused, Wanted, converge, look, look_absent, remove
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, for_module


def problems(params: dict) -> list[str]:
    """Values that AWS would refuse."""
    found = []
    for cidr in params["inbound_cidrs"]:
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            found.append(f"inbound_cidrs has {cidr!r}: {error}; accepted: networks such as 203.0.113.0/24")
    for name in ("ports", "backend_ports"):
        found += [f"{name} has {port}; accepted: 1 to 65535" for port in params[name] if not 1 <= port <= 65535]
    if params["group_name"].startswith("sg-") or not re.fullmatch(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}", params["group_name"]):
        found.append(f"group_name is {params['group_name']!r}; accepted: up to 255 characters that AWS takes, not beginning with sg-")
    if params["state"] == "present" and not params["vpc_id"] and not params["source_group_ids"]:
        found.append("vpc_id is empty: the group must be made in some VPC")
    return found


def emulator_is_gone(endpoint: str) -> bool:
    """Only of this machine itself is a refused connection an answer."""
    url = urlsplit(endpoint)
    if url.hostname not in ("127.0.0.1", "localhost", "::1"):
        return False
    try:
        socket.create_connection((url.hostname, url.port or 80), timeout=2).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "cluster_name": {"type": "str", "required": True},
            "group_name": {"type": "str", "required": True},
            "vpc_id": {"type": "str", "default": ""},
            "ports": {"type": "list", "elements": "int", "default": [80]},
            "inbound_cidrs": {"type": "list", "elements": "str", "default": ["0.0.0.0/0"]},
            "backend_security_group_id": {"type": "str", "default": ""},
            "backend_ports": {"type": "list", "elements": "int", "default": []},
            "source_group_ids": {"type": "list", "elements": "str", "default": []},
            "load_balancer_name": {"type": "str", "default": ""},
            "group_tags": {"type": "dict", "default": {}},
            "wait_timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    params = module.params
    wrong = problems(params)
    if wrong:
        module.fail_json(msg="; ".join(wrong))
    wanted = Wanted(
        cluster=params["cluster_name"],
        name=params["group_name"],
        vpc_id=params["vpc_id"],
        ports=params["ports"],
        inbound_cidrs=params["inbound_cidrs"],
        backend_group_id=params["backend_security_group_id"],
        backend_ports=params["backend_ports"],
        source_group_ids=params["source_group_ids"],
        tags=params["group_tags"],
    )
    ec2 = for_module(module).careful("ec2")
    if params["state"] == "absent" and emulator_is_gone(ec2.meta.endpoint_url):
        module.exit_json(changed=False, msg=f"{ec2.meta.endpoint_url} does not run: an emulated AWS of this machine that does not run holds nothing")

    def in_use(error: Exception) -> bool:
        return isinstance(error, botocore.exceptions.ClientError) and error.response["Error"]["Code"] == "DependencyViolation"

    try:
        state = look(ec2, wanted) if params["state"] == "present" else look_absent(ec2, wanted)
        group_id = state.group_id
        if state.changed and not module.check_mode:
            if params["state"] == "present":
                group_id = converge(ec2, wanted, state)
            else:
                remove(ec2, state, in_use, params["wait_timeout"])
        group_ids = wanted.source_group_ids or ([group_id] if group_id else [])
        result: dict = {"group_ids": group_ids} if params["state"] == "present" else {}
        if params["load_balancer_name"] and params["state"] == "present":
            result["load_balancer"] = alb_elbv2.by_name(module.client("elbv2"), params["load_balancer_name"])
        module.exit_json(changed=state.changed, diff={"before": state.before, "after": state.after}, **result)
    except Refused as error:
        module.fail_json(msg=str(error))
    except AwsError as error:
        module.fail_json(msg=f"security group {wanted.name}: {error}")
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        module.fail_json_aws(error, msg=f"security group {wanted.name}")


if __name__ == "__main__":
    main()
