#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Check whether a load balancer could have its access logs and its host name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_preflight_info
author: The meshgate authors (@meshgate)
short_description: Check whether a load balancer could have its access logs and its host name
version_added: "0.1.0"
description:
  - Fails with all problems at once, before there is a load balancer. AWS itself reports them only when there is one, and some of them only to the controller
    that configures it.
  - For O(access_logs), a bucket to which Elastic Load Balancing could not write, because it does not exist, is in another region, is encrypted with a KMS
    key, or has a policy that does not allow log delivery. The policy may allow the service C(logdelivery.elasticloadbalancing.amazonaws.com) or, in the
    regions that have one, ELB's account. Conditions that cannot be evaluated here are decided in favour of the load balancer, as met in statements that allow
    and as not met in statements that deny.
  - For O(domain), a hosted zone that is missing or private, and a record of the name that points elsewhere.
options:
  access_logs:
    description: The bucket for the load balancer's access logs.
    type: dict
    suboptions:
      bucket:
        description: The bucket's name.
        type: str
        required: true
      prefix:
        description: The prefix of the logs in it, without C(AWSLogs), which ELB adds.
        type: str
        default: ""
  domain:
    description: The load balancer's host name, as M(meshgate.eks_istio.alb_domain) would create it.
    type: dict
    suboptions:
      host_name:
        description: The name, such as V(mesh.example.com) or V(*.example.com).
        type: str
        required: true
      cluster_name:
        description: The cluster that the load balancer belongs to. Its certificate carries the cluster's tag.
        type: str
        required: true
      hosted_zone_id:
        description: The hosted zone. By default the public one with the longest matching name.
        type: str
        default: ""
      load_balancer_name:
        description: The load balancer's name; it may exist already. Without it only the certificate is checked.
        type: str
        default: ""
      certificate:
        description: Whether to request a certificate for the name from ACM.
        type: bool
        default: true
      overwrite:
        description: Whether a record that points elsewhere may be replaced.
        type: bool
        default: false
      require_zone:
        description: Whether a missing hosted zone is a problem.
        type: bool
        default: true
  account_id:
    description: The load balancer's account, as 12 digits. Without it, the account and partition of the credentials are used.
    type: str
    default: ""
  partition:
    description: The partition of all ARNs.
    type: str
    default: aws
attributes:
  check_mode:
    description: Read-only.
    support: full
seealso:
  - module: meshgate.eks_istio.alb_domain
  - module: meshgate.eks_istio.aws_preflight_info
  - name: Enable access logs for your Application Load Balancer
    description: Requirements for the bucket and its policy.
    link: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Check the bucket for access logs and the host name
  meshgate.eks_istio.alb_preflight_info:
    region: us-west-2
    access_logs:
      bucket: my-logs
      prefix: mesh
    domain:
      host_name: mesh.example.com
      cluster_name: sandbox
      load_balancer_name: sandbox-alb
"""

RETURN = r"""
access_logs:
  description: The result for the bucket. Empty if none was given.
  returned: success
  type: dict
  contains:
    looked:
      description: Whether it was checked. An emulated AWS on this machine that does not run yet has no buckets.
      type: bool
    objects:
      description: The ARN of the objects that ELB writes, if it was checked.
      type: str
      sample: arn:aws:s3:::my-logs/mesh/AWSLogs/123456789012/*
domain:
  description: The result for the host name. Empty if none was given.
  returned: success
  type: dict
  contains:
    looked:
      description: Whether it was checked. An emulated AWS on this machine that does not run yet has no zones.
      type: bool
    hosted_zone_id:
      description: The zone for its records, if it was checked.
      type: str
      sample: Z0123456789ABCDEFGHIJ
    actions:
      description: What M(meshgate.eks_istio.alb_domain) would change, if it was checked.
      type: list
      elements: str
      sample: [certificate mesh.example.com]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb import preflight
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run

ACCESS_LOGS = {"bucket": {"type": "str", "required": True}, "prefix": {"type": "str", "default": ""}}
DOMAIN = {
    "host_name": {"type": "str", "required": True},
    "cluster_name": {"type": "str", "required": True},
    "hosted_zone_id": {"type": "str", "default": ""},
    "load_balancer_name": {"type": "str", "default": ""},
    "certificate": {"type": "bool", "default": True},
    "overwrite": {"type": "bool", "default": False},
    "require_zone": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "access_logs": {"type": "dict", "options": ACCESS_LOGS},
            "domain": {"type": "dict", "options": DOMAIN},
            "account_id": {"type": "str", "default": ""},
            "partition": {"type": "str", "default": "aws"},
        },
        supports_check_mode=True,
    )
    run(module, preflight.look, preflight.problems(module.params))


if __name__ == "__main__":
    main()
