#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Remove a cluster's load balancers by removing what they were made for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_drain
author: The meshgate authors
short_description: Remove a cluster's load balancers by removing what they were made for
version_added: "0.1.0"
description:
  - Deletes the Ingresses, Gateways and LoadBalancer Services that carry the label C(meshgate.io/cluster) with the cluster's name, while the AWS
    Load Balancer Controller still runs and can remove the load balancers.
  - Waits for their finalizers, and for ELBv2 to hold nothing tagged C(elbv2.k8s.aws/cluster) with the cluster's name.
  - What is not ours is not deleted. It is named in the result, and since it keeps its load balancers, these are then not waited for.
  - A finalizer is never removed silently. If the controller is gone, the module says so and fails, unless O(force) is set.
options:
  cluster_name:
    description: The cluster's name, in our label and in the controller's tag.
    type: str
    required: true
  force:
    description: If the controller does not run, delete the load balancers and target groups through ELBv2 by tag, and remove the finalizers.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 300
attributes:
  check_mode:
    description: Names what would be deleted.
    support: full
  diff_mode:
    description: Names what is deleted.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Remove our load balancers before Istio and the controller go
  meshgate.eks_istio.alb_drain:
    cluster_name: sandbox
    kubeconfig: ~/.local/state/meshgate/sandbox/kubeconfig
    region: us-west-2
"""

RETURN = r"""
removed:
  description: What was, or in check mode would be, deleted.
  returned: success
  type: list
  elements: str
  sample: [Ingress istio-ingress/ingress]
foreign:
  description: What else keeps a load balancer in this cluster.
  returned: success
  type: list
  elements: str
"""

import contextlib

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    import botocore.exceptions

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import alb_drain, alb_elbv2
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "force": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
            "kubectl": {"type": "str", "default": "kubectl"},
            "kubeconfig": {"type": "path", "default": ""},
            "context": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    cluster = params["cluster_name"]
    try:
        elbv2 = module.client("elbv2")
        with KubeApi(params["kubectl"], params["kubeconfig"] or None, params["context"] or None) as api:
            frontends = alb_drain.find(api, cluster)
            removed = [alb_drain.name_of(item) for item in frontends.ours]
            orphans = [] if frontends.ours or frontends.foreign else alb_elbv2.left_of_cluster(elbv2, cluster)
            changed = bool(removed or orphans)
            if changed and not module.check_mode:
                if orphans and params["force"]:
                    alb_drain.delete_in_elbv2(elbv2, cluster)
                alb_drain.remove(api, elbv2, cluster, frontends, params["force"], params["wait_timeout"])
            names = {"removed": removed + orphans, "foreign": [alb_drain.name_of(item) for item in frontends.foreign]}
            module.exit_json(changed=changed, diff={"before": "".join(f"{name}\n" for name in names["removed"]), "after": ""}, **names)
    except (alb_drain.Stuck, KubeError) as error:
        module.fail_json(msg=str(error))
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        module.fail_json_aws(error, msg="ELBv2 does not answer")


if __name__ == "__main__":
    main()
