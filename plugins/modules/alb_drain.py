#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Remove the load balancers of a cluster by removing the objects that they were created for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alb_drain
author: The meshgate authors (@meshgate)
short_description: Remove the load balancers of a cluster by removing the objects that they were created for
version_added: "0.1.0"
description:
  - Deletes the Ingresses, Gateways and LoadBalancer Services that carry the label C(meshgate.io/cluster) with the cluster's name, while the AWS
    Load Balancer Controller still runs and can remove the load balancers.
  - Waits for their finalizers, and until ELBv2 has nothing tagged C(elbv2.k8s.aws/cluster) with the cluster's name. The tag counts in the VPC of the EKS
    cluster of that name, and in VPCs with our tag; elsewhere it belongs to another cluster of the same name.
  - What is not ours is not deleted. It is listed in the result, and since it keeps its load balancers, the module does not wait for these.
  - A finalizer is never removed silently. If the controller is gone, the module reports that and fails before it deletes anything, unless O(force) is set.
  - If a load balancer has deletion protection, it is reported and nothing is deleted, unless O(disable_deletion_protection) is set.
options:
  cluster_name:
    description: The cluster's name, in our label and in the controller's tag.
    type: str
    required: true
  namespaces:
    description: Delete only in these namespaces; objects of ours elsewhere are treated as not ours. By default, all namespaces.
    type: list
    elements: str
  force:
    description:
      - If the controller does not run, or no object in the cluster represents them any more, delete the load balancers and target groups through ELBv2 by tag,
        and remove the finalizers.
    type: bool
    default: false
  disable_deletion_protection:
    description: Switch deletion protection off, in the annotations and in ELBv2, and remove the load balancer.
    type: bool
    default: false
  without_cluster:
    description:
      - Do not use the cluster's API, for a cluster that does not answer. Deletes its load balancers and target groups through ELBv2 by tag.
      - Deletes all of them, so O(namespaces) is refused with it.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 300
attributes:
  check_mode:
    description: Reports what would be deleted.
    support: full
  diff_mode:
    description: Shows what is deleted.
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
- name: Remove the load balancers before Istio and the controller
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
  description: Other objects that keep a load balancer in this cluster.
  returned: success
  type: list
  elements: str
finalizers_removed:
  description: Finalizers that this module removed instead of the controller.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.alb.drain import manage
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.options import BESIDE_AWS


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "namespaces": {"type": "list", "elements": "str"},
            "force": {"type": "bool", "default": False},
            "disable_deletion_protection": {"type": "bool", "default": False},
            "without_cluster": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
            **BESIDE_AWS,
        },
        supports_check_mode=True,
    )
    wrong = []
    if module.params["without_cluster"] and module.params["namespaces"]:
        wrong.append("without_cluster deletes all load balancers of the cluster, whatever their namespace; accepted: that without namespaces")
    run(module, manage, wrong)


if __name__ == "__main__":
    main()
