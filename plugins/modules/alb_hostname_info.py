#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Get the load balancer of an Ingress or a Gateway and wait until it serves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_hostname_info
author: The meshgate authors (@meshgate)
short_description: Get the load balancer of an Ingress or a Gateway and wait until it serves
version_added: "0.1.0"
description:
  - Finds a load balancer that the AWS Load Balancer Controller has created, by the Ingress or the Gateway that it serves, or by the controller's tags.
  - Waits until the conditions in O(wait_for) are met.
  - On timeout, the message contains the cause, which is the last warning event of the Ingress and the last error of the controller.
options:
  ingress:
    description: The name of the Ingress.
    type: str
  gateway:
    description: The name of the Gateway API Gateway.
    type: str
  namespace:
    description: The namespace of either.
    type: str
    default: default
  cluster_name:
    description: Instead, find the load balancer of this cluster by the tag C(elbv2.k8s.aws/cluster).
    type: str
  stack:
    description: With O(cluster_name), the controller's stack, which is the group name of an Ingress or C(namespace/name).
    type: str
    default: ""
  wait_for:
    description:
      - What to wait for. Empty to check once without waiting.
      - V(hostname) means that it is published, V(active) that its ELBv2 state is active, V(healthy_targets) that each target group has a healthy target
        and no unhealthy one (except draining ones), V(dns) that the hostname resolves, V(http) that the response to a request is not 502, 503 or 504.
    type: list
    elements: str
    choices: [hostname, active, healthy_targets, dns, http]
    default: [hostname]
  wait_timeout:
    description: Seconds to wait, for all conditions together.
    type: int
    default: 300
  connect_to:
    description: The C(host:port) to connect to instead of the load balancer's port 80. The name of an emulated load balancer must never be resolved publicly.
    type: str
    default: ""
  http_path:
    description: The path that is requested for V(http).
    type: str
    default: /
attributes:
  check_mode:
    description: Read-only. In check mode the module checks once and does not wait.
    support: full
notes:
  - O(validate_certs) applies to AWS. For the API server's certificate, the kubeconfig's C(insecure-skip-tls-verify) applies.
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Wait until the Ingress serves requests
  meshgate.eks_istio.alb_hostname_info:
    ingress: ingress
    namespace: istio-ingress
    wait_for: [hostname, active, healthy_targets]
    region: us-west-2
  register: alb

- name: Find a cluster's load balancer by its tags
  meshgate.eks_istio.alb_hostname_info:
    cluster_name: sandbox
    stack: sandbox
    wait_for: []
    region: us-west-2
"""

RETURN = r"""
hostname:
  description: The load balancer's DNS name, empty if there is none yet.
  returned: always
  type: str
  sample: sandbox-alb-1234567890.us-west-2.elb.amazonaws.com
arn:
  description: Its ARN.
  returned: when it exists in ELBv2
  type: str
name:
  description: Its name.
  returned: when it exists in ELBv2
  type: str
canonical_hosted_zone_id:
  description: The hosted zone for an alias record.
  returned: when it exists in ELBv2
  type: str
scheme:
  description: internet-facing or internal.
  returned: when it exists in ELBv2
  type: str
state:
  description: Its state in ELBv2.
  returned: when it exists in ELBv2
  type: str
  sample: active
state_reason:
  description: ELBv2's reason for the state.
  returned: when it exists in ELBv2
  type: str
listeners:
  description: Its listeners with their rules.
  returned: when it exists in ELBv2
  type: list
  elements: dict
target_groups:
  description: Its target groups with their targets' health.
  returned: when it exists in ELBv2
  type: list
  elements: dict
waited:
  description: Seconds waited.
  returned: success
  type: float
causes:
  description: Why the conditions were not met.
  returned: on failure
  type: list
  elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.hostname import STAGES, look, problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.options import BESIDE_AWS


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "ingress": {"type": "str"},
            "gateway": {"type": "str"},
            "namespace": {"type": "str", "default": "default"},
            "cluster_name": {"type": "str"},
            "stack": {"type": "str", "default": ""},
            "wait_for": {"type": "list", "elements": "str", "choices": list(STAGES), "default": ["hostname"]},
            "wait_timeout": {"type": "int", "default": 300},
            "connect_to": {"type": "str", "default": ""},
            "http_path": {"type": "str", "default": "/"},
            **BESIDE_AWS,
        },
        required_one_of=[("ingress", "gateway", "cluster_name")],
        mutually_exclusive=[("ingress", "gateway", "cluster_name")],
        supports_check_mode=True,
    )
    run(module, look, problems(module.params))


if __name__ == "__main__":
    main()
