#!/usr/bin/python
# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Test routes on a shadow gateway before they are live."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mesh_route_test
author: The meshgate authors (@meshgate)
short_description: Test routes on a shadow gateway before they are live
version_added: "0.1.0"
description:
  - Starts a gateway beside the live one, with the same image and ServiceAccount and with labels of its own, so that no load balancer sends to it and the apps
    admit it. Gives it the routes, sends it the requests that each route expects (C(expect)), and deletes it again, whatever the answers are.
  - Routes inside the mesh are asked from a prober, a pod with a sidecar in a namespace of its own, which alone sees them. An app that admits other callers only
    refuses it; then only where the request led is compared, and a warning says so.
  - A proxy is asked only once its configuration (U(https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--config_dump)) has all that this run made
    for it. There, each rule with several destinations must have the same shares; they are compared, not sampled.
  - The shadow gets copies of the EnvoyFilters, AuthorizationPolicies, RequestAuthentications and WasmPlugins that select the live gateway's pods, in its
    namespace and in C(istio-system). A local rate limit is then evaluated and not enforced, a global one is not asked. Warnings name what cannot be copied,
    which are policies by address, patches of a route by its name, and plugins whose pull secret is elsewhere. Telemetry changes no answer and is not copied.
  - Requests carry the header C(x-meshgate-probe). The shadow writes no metric, log or trace.
  - Each answer says which Service gave it, by a header that only the shadow adds (C(x-meshgate-upstream)), so that apps need send nothing.
  - Fails if an answer is not as expected, with request, wanted and got. What is live is not touched.
  - Before that, refuses hosts that routes of others have already, compares where each expected request goes today and afterwards, and asks
    C(istioctl analyze) what it thinks of the routes; its errors about them end the run, its warnings are passed on.
  - What a killed run left is deleted by the next one. Two sets may be tested at once, one set by one run at a time.
options:
  state:
    description: Whether routes are tested, or only what a killed run left is deleted.
    type: str
    choices: [present, absent]
    default: present
  wanted:
    description: Apps, gateway and routes in the words of the filter P(meshgate.eks_istio.mesh_manifests#filter). Required to test them.
    type: dict
  routing_api:
    description: The API whose objects say the routes.
    type: str
    choices: [auto, istio, gateway_api]
    default: auto
  set:
    description: The name of the set to which the routes belong. It marks the shadow's objects.
    type: str
    required: true
  namespaces:
    description: Namespaces in which the live routes are looked for. Without any, in all of them, which takes the right to list them there.
    type: list
    elements: str
    default: []
  istioctl:
    description: The istioctl binary. Empty does without its analysis.
    type: str
    default: istioctl
  shadow:
    description: Whether a shadow gateway and a prober are started and asked. Without it, the live routes are only compared.
    type: bool
    default: true
  address:
    description:
      - C(host:port) of the live gateway or its load balancer, which is then asked in place of a shadow, by plain HTTP. Only statuses are compared, since the
        live gateway does not say which Service answered.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for the shadow gateway to become ready.
    type: int
    default: 120
attributes:
  check_mode:
    description: Starts nothing and sends nothing. What is live is compared all the same.
    support: full
extends_documentation_fragment:
  - meshgate.eks_istio.kubectl
  - meshgate.eks_istio.kubectl.validate_certs
"""

EXAMPLES = r"""
- name: Test a route before it is live
  meshgate.eks_istio.mesh_route_test:
    set: shop
    wanted:
      gateway:
        name: shop
        namespace: istio-ingress
        service: istio-ingressgateway
        selector: {istio: ingressgateway}
      routes:
        - name: shop
          namespace: rust-services
          hosts: [shop.example.com]
          rules: [{to: [{service: service-b, port: 80}]}]
          expect: [{get: /health, from: [service-b]}]
"""

RETURN = r"""
answers:
  description: The answers, in the order of the expectations, those inside the mesh last. Empty in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    route:
      description: The route's name.
      type: str
    request:
      description: The request, for a person to read.
      type: str
    status:
      description: The status; 0 if nothing answered.
      type: int
    service:
      description: The Service that answered, as SERVICE.NAMESPACE; empty if the gateway did by itself.
      type: str
    error:
      description: Why there is no answer; else empty.
      type: str
complaints:
  description: What is not as expected.
  returned: always
  type: list
  elements: str
remarks:
  description: What was not tried or not compared, each with its reason. They are warnings, too.
  returned: with O(state=present)
  type: list
  elements: str
moves:
  description: The expected requests that go somewhere else than today, by what both sets of rules say.
  returned: with O(state=present), unless O(address) is set
  type: list
  elements: str
  sample: ["GET shop.example.com/api: front-v1.shop -> front-v1.shop 90 %, front-v2.shop 10 %"]
resources:
  description: What was deleted, each with C(api_version), C(kind), C(namespace), C(name) and C(action).
  returned: with O(state=absent)
  type: list
  elements: dict
msg:
  description: Why nothing was compared.
  returned: in check mode, before there is a cluster
  type: str
"""

from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.module import kube_module, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh import trial


def main() -> None:
    module = kube_module(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "wanted": {"type": "dict"},
            "routing_api": {"type": "str", "choices": ["auto", "istio", "gateway_api"], "default": "auto"},
            "set": {"type": "str", "required": True},
            "namespaces": {"type": "list", "elements": "str", "default": []},
            "istioctl": {"type": "str", "default": "istioctl"},
            "shadow": {"type": "bool", "default": True},
            "address": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 120},
        },
        required_if=[("state", "present", ("wanted",))],
    )
    params = module.params
    run(module, lambda api, access: trial.run(api, access, params, module.check_mode), trial.unreached)


if __name__ == "__main__":
    main()
