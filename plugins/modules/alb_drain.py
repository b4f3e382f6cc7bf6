#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Remove a cluster's load balancers by removing what they were made for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_drain
author: The meshgate authors (@meshgate)
short_description: Remove a cluster's load balancers by removing what they were made for
version_added: "0.1.0"
description:
  - Deletes the Ingresses, Gateways and LoadBalancer Services that carry the label C(meshgate.io/cluster) with the cluster's name, while the AWS
    Load Balancer Controller still runs and can remove the load balancers.
  - Waits for their finalizers, and for ELBv2 to hold nothing tagged C(elbv2.k8s.aws/cluster) with the cluster's name.
  - What is not ours is not deleted. It is named in the result, and since it keeps its load balancers, these are then not waited for.
  - A finalizer is never removed silently. If the controller is gone, the module says so and fails before it deletes anything, unless O(force) is set.
  - A load balancer with deletion protection is named and stays, with all the others, unless O(disable_deletion_protection) is set.
options:
  cluster_name:
    description: The cluster's name, in our label and in the controller's tag.
    type: str
    required: true
  namespaces:
    description: Only in these namespaces; what is ours elsewhere stays, as if it were not. Without it, in all.
    type: list
    elements: str
  force:
    description:
      - If the controller does not run, or nothing in the cluster stands for them any more, delete the load balancers and target groups through ELBv2 by tag,
        and remove the finalizers.
    type: bool
    default: false
  disable_deletion_protection:
    description: Switch deletion protection off, in the annotations and in ELBv2, and remove the load balancer.
    type: bool
    default: false
  without_cluster:
    description: Do not ask the cluster, which does not answer. Deletes its load balancers and target groups through ELBv2 by tag.
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
finalizers_removed:
  description: Finalizers that this module removed in the controller's place.
  returned: success
  type: list
  elements: str
"""

import contextlib
import typing

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    import botocore.exceptions

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import alb_drain, alb_elbv2
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_api import KubeApi, KubeError
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL


def drain(module: AnsibleAWSModule, elbv2: typing.Any) -> dict:
    params = module.params
    cluster = params["cluster_name"]
    told = alb_drain.Told(params["force"], params["disable_deletion_protection"], params["wait_timeout"])
    with KubeApi(params["kubectl"], params["kubeconfig"] or None, params["context"] or None) as api:
        frontends = alb_drain.find(api, cluster, params["namespaces"])
        alb_drain.refuse(api, elbv2, cluster, frontends, told)
        removed = [alb_drain.name_of(item) for item in frontends.ours]
        orphans = [] if frontends.ours or frontends.foreign else alb_elbv2.left_of_cluster(elbv2, cluster)
        stripped: list[str] = []
        if (removed or orphans) and not module.check_mode:
            if orphans and told.force:
                alb_drain.delete_in_elbv2(elbv2, cluster, unprotected=told.disable_deletion_protection)
            stripped = alb_drain.remove(api, elbv2, cluster, frontends, told)
        return {"removed": removed + orphans, "foreign": [alb_drain.name_of(item) for item in frontends.foreign], "finalizers_removed": stripped}


def delete(module: AnsibleAWSModule, elbv2: typing.Any) -> dict:
    params = module.params
    cluster, unprotected = params["cluster_name"], params["disable_deletion_protection"]
    kept = [] if unprotected else [lb["LoadBalancerName"] for lb in alb_drain.protected(elbv2, cluster)]
    if kept:
        raise alb_drain.Stuck(f"load balancer {', '.join(kept)} has deletion protection: nothing was deleted. Set disable_deletion_protection")
    removed = alb_elbv2.left_of_cluster(elbv2, cluster)
    if not module.check_mode:
        alb_drain.delete_in_elbv2(elbv2, cluster, unprotected=unprotected)
    return {"removed": removed, "foreign": [], "finalizers_removed": []}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "namespaces": {"type": "list", "elements": "str"},
            "force": {"type": "bool", "default": False},
            "disable_deletion_protection": {"type": "bool", "default": False},
            "without_cluster": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
            **KUBECTL,
        },
        supports_check_mode=True,
    )
    try:
        result = (delete if module.params["without_cluster"] else drain)(module, module.client("elbv2"))
    except (alb_drain.Stuck, KubeError) as error:
        module.fail_json(msg=str(error))
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        module.fail_json_aws(error, msg="ELBv2 does not answer")
    removed = result["removed"]
    module.exit_json(changed=bool(removed), diff={"before": "".join(f"{name}\n" for name in removed), "after": ""}, **result)


if __name__ == "__main__":
    main()
