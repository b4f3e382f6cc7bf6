#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Find the load balancer behind an Ingress or a Gateway, and wait until it serves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_hostname_info
author: The meshgate authors (@meshgate)
short_description: Find the load balancer behind an Ingress or a Gateway, and wait until it serves
version_added: "0.1.0"
description:
  - Finds a load balancer that the AWS Load Balancer Controller has made by the Ingress or the Gateway that it serves, or by the controller's tags.
  - Waits until it has come as far as O(wait_for) asks.
  - When it does not come so far, the message names the cause, which is the last warning event of the Ingress and the last error of the controller.
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
    description: Instead, the cluster whose load balancer is looked for by the tag C(elbv2.k8s.aws/cluster).
    type: str
  stack:
    description: With O(cluster_name), the controller's stack, which is the group name of an Ingress or C(namespace/name).
    type: str
    default: ""
  wait_for:
    description:
      - What to wait for. Empty, to look once.
      - V(hostname) is published, V(active) is ELBv2's state of it, V(healthy_targets) means that each target group has a healthy target and none
        that is not (draining ones aside), V(dns) that the hostname resolves, V(http) that a request is answered by anything but 502, 503 or 504.
    type: list
    elements: str
    choices: [hostname, active, healthy_targets, dns, http]
    default: [hostname]
  wait_timeout:
    description: Seconds to wait, for everything together.
    type: int
    default: 300
  connect_to:
    description: The C(host:port) that stands for the load balancer's port 80. Where it is emulated, its name must never be resolved publicly.
    type: str
    default: ""
  http_path:
    description: The path that is requested for V(http).
    type: str
    default: /
attributes:
  check_mode:
    description: Only reads. In check mode it looks once and does not wait.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Wait until the Ingress serves
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
  description: The load balancer's DNS name, empty while there is none.
  returned: always
  type: str
  sample: sandbox-alb-1234567890.us-west-2.elb.amazonaws.com
arn:
  description: Its ARN.
  returned: when ELBv2 knows it
  type: str
name:
  description: Its name.
  returned: when ELBv2 knows it
  type: str
canonical_hosted_zone_id:
  description: The hosted zone for an alias record.
  returned: when ELBv2 knows it
  type: str
scheme:
  description: internet-facing or internal.
  returned: when ELBv2 knows it
  type: str
state:
  description: ELBv2's state of it.
  returned: when ELBv2 knows it
  type: str
  sample: active
state_reason:
  description: ELBv2's reason for the state.
  returned: when ELBv2 knows it
  type: str
listeners:
  description: Its listeners with their rules.
  returned: when ELBv2 knows it
  type: list
  elements: dict
target_groups:
  description: Its target groups with their targets' health.
  returned: when ELBv2 knows it
  type: list
  elements: dict
waited:
  description: Seconds waited.
  returned: success
  type: float
causes:
  description: Why it did not come so far.
  returned: on failure
  type: list
  elements: str
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    import botocore.exceptions

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb_hostname import STAGES, Look, NotThere, Wanted
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL


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
            **KUBECTL,
        },
        required_one_of=[("ingress", "gateway", "cluster_name")],
        mutually_exclusive=[("ingress", "gateway", "cluster_name")],
        supports_check_mode=True,
    )
    params = module.params
    if params["connect_to"] and not params["connect_to"].rpartition(":")[2].isdigit():
        module.fail_json(msg=f"connect_to is {params['connect_to']!r}; accepted: host:port")
    if params["connect_to"] and "dns" in params["wait_for"]:
        module.fail_json(msg="connect_to is set, so that the hostname must not be resolved; leave dns out of wait_for")
    wanted = Wanted(
        ingress=params["ingress"] or "",
        gateway=params["gateway"] or "",
        namespace=params["namespace"],
        cluster=params["cluster_name"] or "",
        stack=params["stack"],
        wait_for=[] if module.check_mode else params["wait_for"],
        wait_timeout=params["wait_timeout"],
        connect_to=params["connect_to"],
        http_path=params["http_path"],
    )
    try:
        with contextlib.ExitStack() as stack:
            api = None
            if not wanted.cluster or params["kubeconfig"]:
                api = stack.enter_context(KubeApi(params["kubectl"], params["kubeconfig"] or None, params["context"] or None))
            module.exit_json(changed=False, **Look(wanted, module.client("elbv2"), api).run())
    except NotThere as error:
        module.fail_json(msg=str(error), causes=error.causes, **error.found)
    except KubeError as error:
        module.fail_json(msg=str(error))
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        module.fail_json_aws(error, msg="ELBv2 does not answer")


if __name__ == "__main__":
    main()
