#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Say what is wrong with a platform."""

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_report_info
author: The meshgate authors (@meshgate)
short_description: Say what is wrong with a platform
version_added: "0.1.0"
description:
  - Looks at all that a person would look at when a platform misbehaves, at the same time, and writes a report that begins with what is wrong, causes first.
  - It looks at Docker and the containers of a laptop; EKS with its node groups and add-ons; the API server; nodes; workloads; pods that are not ready with
    their reasons, last warnings and last log lines; admission webhooks; what is stuck in deletion; sidecars; C(istioctl analyze);
    C(istioctl proxy-status); Ingresses with their events; load balancers with their targets' health; certificates' expiry; and what the load balancer answers.
  - Succeeds whatever is broken. What cannot be looked at is in the report, with why.
  - Of Secrets those of type C(kubernetes.io/tls) alone are read, their C(tls.crt) alone is used, and nothing of them is shown.
    The last log lines of containers are shown as they are.
  - Only reads, in check mode as well.
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  aws:
    description: Whether to ask AWS.
    type: bool
    default: true
  laptop:
    description: Whether this machine's Docker plays the nodes and AWS, as roles C(kind_cluster) and C(aws_emulator) set it up.
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
    description: The Deployments without which it is no platform, as C(NAMESPACE/NAME). One that is not there, or is scaled to nothing, is wrong.
    type: list
    elements: str
    default: []
  ingress:
    description: Name of the Ingress that the platform's load balancer is made from.
    type: str
    default: ingress
  ingress_namespace:
    description: Its namespace.
    type: str
    default: istio-ingress
  host_name:
    description: The name by which clients reach the platform. Without it, that which the Ingress publishes.
    type: str
    default: ""
  scheme:
    description: How they reach it.
    type: str
    choices: [http, https]
    default: http
  paths:
    description: The paths to ask for. An answer of 400 or more is wrong.
    type: list
    elements: str
    default: [/]
  connect_to:
    description: C(HOST:PORT) to connect to instead of the name, which on a laptop nobody resolves.
    type: str
    default: ""
  validate_answer_certs:
    description: Whether the answer's certificate must be valid.
    type: bool
    default: true
  log_lines:
    description: How many of a container's last log lines to show.
    type: int
    default: 5
  certificate_days:
    description: A certificate that runs out within so many days is noted.
    type: int
    default: 30
  timeout:
    description: Seconds that one question may take.
    type: int
    default: 10
attributes:
  check_mode:
    description: Only reads.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Look at the platform
  meshgate.eks_istio.platform_report_info:
    cluster_name: sandbox
    region: us-west-2
    kubeconfig: ~/.local/state/meshgate/sandbox.us-west-2/kubeconfig
    expected: [istio-system/istiod, istio-ingress/istio-ingressgateway]
    paths: [/health]
  register: look

- name: Show the report
  ansible.builtin.debug:
    msg: "{{ look.report }}"
"""

RETURN = r"""
report:
  description: The report, for a person to read.
  returned: always
  type: str
healthy:
  description: Whether nothing is wrong, and everything could be looked at.
  returned: always
  type: bool
findings:
  description: What is wrong, causes first, then what one should know.
  returned: always
  type: list
  elements: dict
  contains:
    symptom:
      description: A short name that stays the same.
      type: str
      sample: webhook
    title:
      description: What kind of trouble it is, in words. docs/troubleshooting.md has a section of this title.
      type: str
    what:
      description: What it is about.
      type: str
    advice:
      description: What to do.
      type: str
    see:
      description: Where more is said.
      type: str
    severity:
      description: C(wrong) or C(note).
      type: str
    details:
      description: Lines that belong to it, such as the last of a log.
      type: list
      elements: str
sections:
  description: What was seen, area by area.
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
      description: What was seen.
      type: list
      elements: str
    unknown:
      description: Why it could not be looked at, else empty.
      type: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils import platform_report, report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws_access import for_module
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker import Docker
from ansible_collections.meshgate.eks_istio.plugins.module_utils.istioctl import Istioctl
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_access import Access
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kubectl_options import KUBECTL


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
            "scheme": {"type": "str", "choices": ["http", "https"], "default": "http"},
            "paths": {"type": "list", "elements": "str", "default": ["/"]},
            "connect_to": {"type": "str", "default": ""},
            "validate_answer_certs": {"type": "bool", "default": True},
            "log_lines": {"type": "int", "default": 5},
            "certificate_days": {"type": "int", "default": 30},
            "timeout": {"type": "int", "default": 10},
            **KUBECTL,
        },
        supports_check_mode=True,
    )
    params = module.params
    seconds = params["timeout"]
    # Nobody waits minutes for a report because a server hangs.
    params["aws_config"] = {"connect_timeout": seconds, "read_timeout": seconds, **(params.get("aws_config") or {})}
    aws = for_module(module, attempts=1) if params["aws"] else None
    if aws:
        aws.retries = 1
    wanted = platform_report.Wanted(
        cluster=params["cluster_name"],
        access=Access(params["kubeconfig"], params["context"], params["kubectl"], float(min(5, seconds))),
        istioctl=Istioctl(params["istioctl"], params["kubeconfig"], params["context"], params["istio_namespace"]),
        aws=aws,
        docker=Docker() if params["laptop"] else None,
        timeout=float(seconds),
        **{name: params[name] for name in PLAIN},
    )
    sections = platform_report.PlatformReport(wanted).run()
    wrong, notes = report.ranked(sections, notes=False), report.ranked(sections, notes=True)
    module.exit_json(
        changed=False,
        report=report.render(f"{params['cluster_name']}, {params.get('region') or 'the default region'}", sections),
        healthy=not wrong and not any(section.unknown for section in sections),
        findings=[finding.as_result() for finding in [*wrong, *notes]],
        sections=[section.as_result() for section in sections],
    )


PLAIN = ("expected", "ingress", "ingress_namespace", "host_name", "scheme", "paths", "connect_to", "validate_answer_certs", "log_lines", "certificate_days")

if __name__ == "__main__":
    main()
