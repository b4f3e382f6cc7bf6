#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Get the status of a platform."""

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_status_info
author: The meshgate authors (@meshgate)
short_description: Get the status of a platform
version_added: "0.1.0"
description:
  - Reads in parallel, with one request for each kind of object, what tells whether a platform works, and returns it as data, as one screen of text and, if
    asked, as one HTML page.
  - The checks are the cluster with its nodes, EKS with its node groups, the AWS Load Balancer Controller, the load balancer with its targets, the Gateway API
    CRDs, istiod, the ingress gateway, apps, routes, certificates, requests, what differs from the inventory, and the cost.
  - Routes are read from C(VirtualService) and C(HTTPRoute) objects, of whichever set. Rates, success and durations come from C(istio_requests_total) and
    C(istio_request_duration_milliseconds) of a Prometheus with the Service C(prometheus), port 9090, in O(istio_namespace), which is asked through the API
    server. Where there is none, they are not known, and everything else is.
  - Succeeds whatever is broken; RV(healthy) says it. For the causes, use M(meshgate.eks_istio.platform_report_info).
  - Reads only Secrets of type C(kubernetes.io/tls), and of these only C(tls.crt).
  - Read-only, in check mode as well.
options:
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  aws:
    description: Whether to ask AWS. Otherwise the load balancer and its targets are not known.
    type: bool
    default: true
  billed:
    description: Whether AWS bills the account. Otherwise this machine stands in for AWS, costs nothing, and a stand-in that does not answer is a failure.
    type: bool
    default: true
  istio_namespace:
    description: The namespace of Istio's control plane, and of Prometheus.
    type: str
    default: istio-system
  istiod:
    description: Name of istiod's Deployment. Of a revision, it is C(istiod-REVISION).
    type: str
    default: istiod
  gateway:
    description: Name of the ingress gateway's Deployment, which is in O(ingress_namespace).
    type: str
    default: istio-ingressgateway
  ingress:
    description: Name of the Ingress of the platform's load balancer.
    type: str
    default: ingress
  ingress_namespace:
    description: Its namespace.
    type: str
    default: istio-ingress
  controller:
    description: The load balancer controller's Deployment, as C(NAMESPACE/NAME).
    type: str
    default: kube-system/aws-load-balancer-controller
  expected:
    description: The apps' Deployments that a platform must have, as C(NAMESPACE/NAME). A missing one is a failure.
    type: list
    elements: str
    default: []
  versions:
    description:
      - The versions of the inventory, with any of the keys C(Kubernetes), C(Istio) and C(Gateway API). Others that run are differences.
      - A version may be shorter than the one that runs, such as V(1.36).
    type: dict
    default: {}
  apps:
    description: The inventory's apps, as role mesh_apps takes them. Missing Deployments and other images and replicas are differences.
    type: list
    elements: dict
    default: []
  routes:
    description: The inventory's routes, as role mesh_routes takes them. Missing ones, and those that lead elsewhere, are differences.
    type: list
    elements: dict
    default: []
  routing_api:
    description: The API of O(routes), as in role mesh_routes.
    type: str
    choices: [auto, istio, gateway_api]
    default: auto
  set:
    description:
      - Value of the label C(meshgate.io/set) of the objects of O(apps) and O(routes). Others with this label are differences.
      - Empty to compare only what O(apps) and O(routes) name.
    type: str
    default: ""
  certificate_days:
    description: A certificate that expires within this many days is a note.
    type: int
    default: 30
  window:
    description: Requests of this many seconds are counted.
    type: int
    default: 300
  platform:
    description:
      - C(nat_mode), C(vpc_id), C(subnet_ids) and C(addons) of M(meshgate.eks_istio.eks_platform), and C(scrape_interval) of
        M(meshgate.eks_istio.aws_preflight_info), on which the cost depends. Node groups are taken from EKS.
      - Needed with O(billed).
    type: dict
    default: {nat_mode: single}
  price_list:
    description: The price list, as in M(meshgate.eks_istio.aws_preflight_info). Without it the cost is not known.
    type: dict
    default: {}
  page:
    description: Whether to return RV(page).
    type: bool
    default: false
  wait_timeout:
    description: Look again every 2 seconds until the platform is healthy, for at most this many seconds. With V(0), look once.
    type: int
    default: 0
  timeout:
    description: Timeout of each request in seconds.
    type: int
    default: 5
attributes:
  check_mode:
    description: Read-only.
    support: full
notes:
  - O(validate_certs) applies to AWS. For the API server's certificate, the kubeconfig's C(insecure-skip-tls-verify) applies.
seealso:
  - module: meshgate.eks_istio.platform_report_info
  - module: meshgate.eks_istio.plain_text
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Get the status
  meshgate.eks_istio.platform_status_info:
    cluster_name: sandbox
    region: us-west-2
    kubeconfig: ~/.local/state/meshgate/sandbox.us-west-2/kubeconfig
    page: true
  register: platform_status

- name: Print the screen
  meshgate.eks_istio.plain_text:
    text: "{{ platform_status.screen }}"

- name: Write the page
  ansible.builtin.copy:
    content: "{{ platform_status.page }}"
    dest: /tmp/status.html
    mode: "0600"
"""

RETURN = r"""
healthy:
  description: Whether no check has failed. Notes and what is not known do not count.
  returned: always
  type: bool
verdict:
  description: The same in words.
  returned: always
  type: str
  sample: "not healthy: 1 of 14 checks failed (istiod)"
time:
  description: When the platform was looked at.
  returned: always
  type: str
  sample: 2026-12-01 09:30:00 UTC
seconds:
  description: How long the last look took.
  returned: always
  type: float
screen:
  description: All of it in readable form, without control characters.
  returned: always
  type: str
page:
  description: All of it as one HTML document, with the graph of who calls whom as SVG. It contains no script and refers to nothing outside of itself.
  returned: with O(page=true)
  type: str
checks:
  description: The checks, in the order in which one depends on the other.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: What was checked.
      type: str
      sample: istiod
    state:
      description: C(ok), C(note), C(failed) or C(unknown).
      type: str
    text:
      description: What was found.
      type: str
    details:
      description: Further findings.
      type: list
      elements: str
    advice:
      description: What to do, otherwise empty.
      type: str
routes:
  description: The routes as they are live. Those of callers inside the mesh have C(inside).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the object, the first one if there are several.
      type: str
    namespace:
      description: Its namespace.
      type: str
    hosts:
      description: Its hosts.
      type: list
      elements: str
    inside:
      description: Whether it is for callers inside the mesh.
      type: bool
    rules:
      description:
        - For which requests (C(match)), and where they go (C(to), C(mirrors)), each with its Service (C(to), namespace and name) and C(percent).
        - C(faults) in words, and C(redirects) whether they are redirected.
      type: list
      elements: dict
apps:
  description: Services of the mesh's namespaces.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Namespace and name.
      type: str
      sample: rust-services/service-b
    place:
      description: The same as a list.
      type: list
      elements: str
    ready:
      description: How many of its pods are ready.
      type: int
    wanted:
      description: How many there should be.
      type: int
    load:
      description: C(rate) per second, C(success) in per cent and C(p99) in milliseconds, or none where nobody knows.
      type: dict
calls:
  description: Who calls whom, by routes, policies and measurement.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description: The caller.
      type: str
    target:
      description: Whom it calls.
      type: str
    percent:
      description: The shares of its requests, one for each rule that has another one.
      type: list
      elements: float
    copy:
      description: Whether the target gets copies, which are not measured (U(https://github.com/istio/istio/issues/23496)).
      type: bool
    seen:
      description: Whether it was measured only, and no route or policy names it.
      type: bool
    rate:
      description: Requests per second, or none where nobody knows.
      type: float
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.meshgate.eks_istio.plugins.module_utils.aws.module import run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.options import BESIDE_AWS
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.routing import WANTED
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.status import status_of


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"type": "str", "required": True},
            "aws": {"type": "bool", "default": True},
            "billed": {"type": "bool", "default": True},
            "istio_namespace": {"type": "str", "default": "istio-system"},
            "istiod": {"type": "str", "default": "istiod"},
            "gateway": {"type": "str", "default": "istio-ingressgateway"},
            "ingress": {"type": "str", "default": "ingress"},
            "ingress_namespace": {"type": "str", "default": "istio-ingress"},
            "controller": {"type": "str", "default": "kube-system/aws-load-balancer-controller"},
            "expected": {"type": "list", "elements": "str", "default": []},
            "versions": {"type": "dict", "default": {}},
            "apps": {"type": "list", "elements": "dict", "default": []},
            "routes": {"type": "list", "elements": "dict", "default": []},
            "routing_api": {"type": "str", "choices": list(WANTED), "default": "auto"},
            "set": {"type": "str", "default": ""},
            "certificate_days": {"type": "int", "default": 30},
            "window": {"type": "int", "default": 300},
            "platform": {"type": "dict", "default": {"nat_mode": "single"}},
            "price_list": {"type": "dict", "default": {}},
            "page": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 0},
            "timeout": {"type": "int", "default": 5},
            **BESIDE_AWS,
        },
        supports_check_mode=True,
    )
    seconds = module.params["timeout"]
    module.params["aws_config"] = {"connect_timeout": seconds, "read_timeout": seconds, **(module.params.get("aws_config") or {})}
    run(module, status_of, attempts=1)


if __name__ == "__main__":
    main()
