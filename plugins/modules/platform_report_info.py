#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Diagnose a platform."""

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_report_info
author: The meshgate authors (@meshgate)
short_description: Diagnose a platform
version_added: "0.1.0"
description:
  - Checks in parallel everything that a person would check when a platform misbehaves, and writes a report that begins with the problems, causes first.
  - It checks Docker and the containers of a laptop; EKS with its node groups and add-ons; the API server; nodes; workloads; pods that are not ready with
    their reasons, last warnings and last log lines; admission webhooks; objects that are stuck in deletion; sidecars; C(istioctl analyze);
    C(istioctl proxy-status); Ingresses with their events; load balancers with their targets' health; certificates' expiry; and the load balancer's responses.
  - Succeeds whatever is broken. What cannot be checked is in the report, with the reason.
  - Reads only Secrets of type C(kubernetes.io/tls), uses only their C(tls.crt), and shows nothing of them.
    The last log lines of containers are shown as they are.
  - Read-only, in check mode as well.
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  aws:
    description: Whether to check AWS.
    type: bool
    default: true
  laptop:
    description: Whether nodes and AWS are containers on this machine, as roles C(kind_cluster) and C(aws_emulator) create them.
    type: bool
    default: false
  istioctl:
    description: The istioctl binary.
    type: str
    default: istioctl
  istio_namespace:
    description: The namespace of Istio's control plane.
    type: str
    default: istio-system
  expected:
    description: The Deployments that a platform must have, as C(NAMESPACE/NAME). A missing one, or one scaled to zero, is a problem.
    type: list
    elements: str
    default: []
  ingress:
    description: Name of the Ingress of the platform's load balancer.
    type: str
    default: ingress
  ingress_namespace:
    description: Its namespace.
    type: str
    default: istio-ingress
  host_name:
    description: The host name that clients use. Defaults to the one that the Ingress publishes.
    type: str
    default: ""
  served_hosts:
    description:
      - Hosts that the gateway serves, V(*) for all. If neither O(host_name) nor the load balancer's name is among them, the requests use one of them as host,
        at the load balancer's address.
    type: list
    elements: str
    default: ["*"]
  routes:
    description: The inventory's routes, as role mesh_routes takes them. Those whose faults are past their last day are reported.
    type: list
    elements: dict
    default: []
  scheme:
    description: The scheme that clients use.
    type: str
    choices: [http, https]
    default: http
  paths:
    description: The paths to request. A status of 400 or more is a problem.
    type: list
    elements: str
    default: [/]
  connect_to:
    description: C(HOST:PORT) to connect to instead of the host name, which does not resolve on a laptop.
    type: str
    default: ""
  validate_answer_certs:
    description: Whether the load balancer's certificate must be valid.
    type: bool
    default: true
  log_lines:
    description: How many of a container's last log lines to show.
    type: int
    default: 5
  certificate_days:
    description: Report a certificate that expires within this many days as a note.
    type: int
    default: 30
  timeout:
    description: Timeout of each check in seconds.
    type: int
    default: 10
attributes:
  check_mode:
    description: Read-only.
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
- name: Diagnose the platform
  meshgate.eks_istio.platform_report_info:
    cluster_name: sandbox
    region: us-west-2
    kubeconfig: ~/.local/state/meshgate/sandbox.us-west-2/kubeconfig
    expected: [istio-system/istiod, istio-ingress/istio-ingressgateway]
    paths: [/health]
  register: look

- name: Print the report
  ansible.builtin.debug:
    msg: "{{ look.report }}"
"""

RETURN = r"""
report:
  description: The report, in readable form.
  returned: always
  type: str
healthy:
  description: Whether there are no problems, and everything could be checked.
  returned: always
  type: bool
findings:
  description: The problems, causes first, then notes.
  returned: always
  type: list
  elements: dict
  contains:
    symptom:
      description: A short, stable name.
      type: str
      sample: webhook
    title:
      description: The symptom in words. docs/troubleshooting.md has a section with this title.
      type: str
    what:
      description: The affected object.
      type: str
    advice:
      description: What to do.
      type: str
    see:
      description: Where to read more.
      type: str
    severity:
      description: C(wrong) or C(note).
      type: str
    details:
      description: Related lines, such as the last of a log.
      type: list
      elements: str
sections:
  description: The state of each area.
  returned: always
  type: list
  elements: dict
  contains:
    title:
      description: The area.
      type: str
    state:
      description: C(fine), C(noted), C(wrong) or C(not known).
      type: str
    lines:
      description: The state in detail.
      type: list
      elements: str
    unknown:
      description: Why it could not be checked, otherwise empty.
      type: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.platform import report_of
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.options import BESIDE_AWS


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "aws": {"type": "bool", "default": True},
            "laptop": {"type": "bool", "default": False},
            "istioctl": {"type": "str", "default": "istioctl"},
            "istio_namespace": {"type": "str", "default": "istio-system"},
            "expected": {"type": "list", "elements": "str", "default": []},
            "ingress": {"type": "str", "default": "ingress"},
            "ingress_namespace": {"type": "str", "default": "istio-ingress"},
            "host_name": {"type": "str", "default": ""},
            "served_hosts": {"type": "list", "elements": "str", "default": ["*"]},
            "routes": {"type": "list", "elements": "dict", "default": []},
            "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
            "paths": {"type": "list", "elements": "str", "default": ["/"]},
            "connect_to": {"type": "str", "default": ""},
            "validate_answer_certs": {"type": "bool", "default": True},
            "log_lines": {"type": "int", "default": 5},
            "certificate_days": {"type": "int", "default": 30},
            "timeout": {"type": "int", "default": 10},
            **BESIDE_AWS,
        },
        supports_check_mode=True,
    )
    seconds = module.params["timeout"]
    module.params["aws_config"] = {"connect_timeout": seconds, "read_timeout": seconds, **(module.params.get("aws_config") or {})}
    run(module, report_of, attempts=1)


if __name__ == "__main__":
    main()
