#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Find out whether a load balancer may write its access logs to a bucket."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_access_logs_info
author: The meshgate authors (@meshgate)
short_description: Find out whether a load balancer may write its access logs to a bucket
version_added: "0.1.0"
description:
  - Fails, in one line, for a bucket to which Elastic Load Balancing could not write, because it does not exist, is in another region, is encrypted with a key
    of KMS, or has a policy that does not let log delivery in. ELB itself says so only when the load balancer is there, to the controller that configures it.
  - The policy may name the service C(logdelivery.elasticloadbalancing.amazonaws.com) or, in the regions that have one, ELB's account.
  - Conditions that cannot be judged from here count for the load balancer, as met where they allow and as not met where they deny.
options:
  bucket:
    description: The bucket's name.
    type: str
    required: true
  prefix:
    description: The prefix of the logs in it.
    type: str
    default: ""
  account_id:
    description: The load balancer's account, as 12 digits. Without it, the credentials' own account and partition are asked for.
    type: str
    default: ""
  partition:
    description: The partition of all ARNs.
    type: str
    default: aws
attributes:
  check_mode:
    description: Only reads.
    support: full
seealso:
  - name: Enable access logs for your Application Load Balancer
    description: What the bucket and its policy must be like.
    link: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Refuse a bucket to which the load balancer could not write
  meshgate.eks_istio.alb_access_logs_info:
    bucket: my-logs
    prefix: mesh
    region: us-west-2
"""

RETURN = r"""
objects:
  description: The ARN of all that ELB writes.
  returned: success
  type: str
  sample: arn:aws:s3:::my-logs/mesh/AWSLogs/123456789012/*
looked:
  description: Whether the bucket was looked at. An emulated AWS of this machine that does not run yet holds none.
  returned: success
  type: bool
"""

from urllib.parse import urlsplit

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb_access_logs import Wanted, problem, problem_of_input
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import AwsError, Unreachable, for_module


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"type": "str", "required": True},
            "prefix": {"type": "str", "default": ""},
            "account_id": {"type": "str", "default": ""},
            "partition": {"type": "str", "default": "aws"},
        },
        supports_check_mode=True,
    )
    params = module.params
    wrong = problem_of_input(params["bucket"], params["prefix"])
    if wrong:
        module.fail_json(msg=wrong)
    aws = for_module(module)
    account, partition, looked = params["account_id"], params["partition"], True
    try:
        if not account:
            caller = aws.call("sts", "get_caller_identity")
            account, partition = caller["Account"], caller["Arn"].split(":")[1]
        wanted = Wanted(params["bucket"], params["prefix"], account, partition, module.region)
        wrong = problem(aws, wanted)
    except Unreachable as error:
        if urlsplit(aws.client("s3").meta.endpoint_url).hostname not in ("127.0.0.1", "localhost", "::1"):
            module.fail_json(msg=str(error))
        wanted, looked = Wanted(params["bucket"], params["prefix"], account, partition, module.region), False
    except AwsError as error:
        module.fail_json(msg=str(error))
    if wrong:
        module.fail_json(msg=f"access logs: {wrong}")
    module.exit_json(changed=False, objects=wanted.objects, looked=looked)


if __name__ == "__main__":
    main()
