#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Remove what carries a cluster's tag, in the safe order."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_leftovers
author: The meshgate authors (@meshgate)
short_description: Remove what carries a cluster's tag, in the safe order
version_added: "0.1.0"
description:
  - Removes load balancers, network, IAM parts, OIDC providers, certificates with their DNS records, ECR repositories and log groups, and when told node groups
    and the cluster itself, in the order in which AWS lets them go, at the same time where it can be, waiting where it needs time.
  - Only what carries the tag C(meshgate.io/cluster) is removed, and what the load balancer controller, Kubernetes or EKS made for this cluster and left
    behind, such as the network interfaces of nodes that are gone.
  - Nothing is removed as long as something is in the way. That is what somebody else has in the cluster's VPC, what of theirs uses our security groups,
    a node group that is not ours, and unless told otherwise what has deletion protection or holds data. It is named.
  - Ends with a search for what is left, and fails if anything is.
options:
  state:
    description: There shall be none.
    type: str
    choices: [absent]
    default: absent
  include_cluster:
    description: Whether the node groups and the EKS cluster go, too. Without it, a cluster that exists is refused.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for each thing that AWS deletes slowly, such as NAT gateways and the network interfaces of load balancers.
    type: int
    default: 900
  wait_delay:
    description: Seconds between two looks while waiting.
    type: float
    default: 10
extends_documentation_fragment:
  - meshgate.eks_istio.leftovers
  - meshgate.eks_istio.eks
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
seealso:
  - module: meshgate.eks_istio.aws_leftovers_info
"""

EXAMPLES = r"""
- name: Remove the cluster and everything around it, but keep the volumes
  meshgate.eks_istio.aws_leftovers:
    cluster_name: sandbox
    include_cluster: true
    volumes: keep

- name: Remove what is left where the cluster itself has gone another way
  meshgate.eks_istio.aws_leftovers:
    cluster_name: sandbox
"""

RETURN = r"""
removed:
  description: What was removed, or would be in check mode, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - type: vpc
      id: vpc-0a1b2c3d4e5f60001
      name: sandbox-vpc
      reason: tag meshgate.io/cluster=sandbox
      owned: true
kept:
  description: Volumes and snapshots that stay as O(volumes) asked for.
  returned: always
  type: list
  elements: dict
reachable:
  description: Whether the API answered.
  returned: always
  type: bool
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import aws_leftovers, aws_leftovers_guard, aws_leftovers_remove
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import Aws, AwsError, Refused, Unreachable, for_module

PASSES = 3


def remove_all(aws: Aws, params: dict, chosen: list) -> list:
    """Until a search finds nothing: EKS writes a last log line, or lets go of a security group, after it has said that it is done."""
    name, waits, removed = params["cluster_name"], (params["wait_timeout"], params["wait_delay"]), list(chosen)
    left: list = []
    for _pass in range(PASSES):
        aws_leftovers_remove.remove(aws, name, chosen, *waits)
        left = [entry for entry in aws_leftovers.search(aws, name, params["iam_path"]) if not _stays(entry, params)]
        chosen = aws_leftovers_remove.removable(name, left, params["include_cluster"], params["volumes"])
        known = {(entry.type, entry.id) for entry in removed}
        removed += [entry for entry in chosen if (entry.type, entry.id) not in known]
        if not chosen:
            break
    if left:
        # What is not ours to remove goes by itself, or somebody has to look.
        left = aws_leftovers.search_until_none(aws, name, min(waits[0], 300), waits[1], params["iam_path"], lambda entry: _stays(entry, params))
    if left:
        raise AwsError(f"left of {name}: " + ", ".join(f"{entry} ({entry.reason})" for entry in left), "Left")
    return removed


def _stays(entry: aws_leftovers.Found, params: dict) -> bool:
    return params["volumes"] == "keep" and aws_leftovers_guard.holds_data(entry)


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            **aws_leftovers.OPTIONS,
            "state": {"type": "str", "choices": ["absent"], "default": "absent"},
            "include_cluster": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 900},
            "wait_delay": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    name, aws = params["cluster_name"], for_module(module, attempts=2 if params["unreachable_is_empty"] else 4)
    try:
        aws.call("sts", "get_caller_identity")
    except Unreachable as error:
        if not params["unreachable_is_empty"]:
            module.fail_json(msg=str(error), code=error.code)
        module.exit_json(changed=False, reachable=False, removed=[], kept=[])
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    try:
        found = aws_leftovers.search(aws, name, params["iam_path"])
        others = aws_leftovers_guard.strangers(aws, name, found)
        reasons = aws_leftovers_guard.in_the_way(found, others, params["disable_deletion_protection"], params["volumes"])
        if reasons:
            raise Refused("nothing was removed, since this is in the way: " + "; ".join(reasons))
        if any(entry.type == "EKS cluster" for entry in found) and not params["include_cluster"]:
            raise Refused(f"EKS cluster {name} still exists; delete it first, or set include_cluster")
        chosen = aws_leftovers_remove.removable(name, found, params["include_cluster"], params["volumes"])
        # Also where nothing of it is ours to remove: what stays is a failure in every run, not only in the first one.
        if not module.check_mode and not all(_stays(entry, params) for entry in found):
            chosen = remove_all(aws, params, chosen)
    except AwsError as error:
        module.fail_json(msg=str(error), code=error.code)
    removed = [entry.result() for entry in chosen]
    kept = [entry.result() for entry in found if _stays(entry, params)]
    diff = {"before": [str(entry) for entry in chosen], "after": []}
    module.exit_json(changed=bool(removed), reachable=True, removed=removed, kept=kept, diff=diff)


if __name__ == "__main__":
    main()
