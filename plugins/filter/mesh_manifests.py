# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The Kubernetes objects of apps and routes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: mesh_manifests
author: The meshgate authors (@meshgate)
short_description: The Kubernetes objects of apps and routes
version_added: "0.1.0"
description:
  - Turns namespaces, apps and routes, in a few words each, into the objects that a mesh needs for them, for M(meshgate.eks_istio.k8s_apply_set) to apply.
  - An app becomes a ServiceAccount, a Service, a Deployment, a PodDisruptionBudget, a DestinationRule and, where it says who calls it, an
    AuthorizationPolicy. With C(versions), each of them has a Deployment and a Service of its own.
  - The pods run as a user without rights on a read-only root file system, are spread over nodes and zones, and are drained before they end.
  - A route becomes a VirtualService, or HTTPRoutes of the Gateway API.
  - Fails with all that is wrong at once, each with its entry, what it says and what is accepted. Weights that do not sum to 100, a version without pods,
    a host that two routes claim, a rule that an earlier one hides, a mirror to itself, a try that outlasts the timeout, and what YAML reads as something
    else than text are among it; with V(gateway_api), also rules that an HTTPRoute would try in another order than the one in which they are written.
positional: routing_api, revision, part, images
options:
  _input:
    description: What is wanted.
    type: dict
    required: true
    suboptions:
      namespaces:
        description:
          - Namespaces of the mesh, each with C(name), and with C(pod_security), which is the level that is enforced, such as V(privileged).
          - In each, pods talk to each other by mutual TLS only.
        type: list
        elements: dict
        default: []
      apps:
        description:
          - The apps, each with C(name), C(namespace), C(port) and C(image).
          - C(container_port) is what the container listens to where it is not C(port); C(replicas) are 2 where nothing else is said.
          - C(callers) are those who may call it, as a list of C(gateway) (V(true)), C(app) with its C(namespace), or C(namespace). Without it, nobody is
            kept out; with an empty list, everybody is.
          - C(health) has the C(path) that answers while the app is well, and C(readiness_path) where another one tells whether it takes requests.
        type: list
        elements: dict
        default: []
      gateway:
        description:
          - The ingress gateway's C(namespace), C(service) and C(selector), and the C(name) of the objects that say what it listens to, which is made of
            C(set), the set's name, where it is not said. Apps alone need its C(namespace) only.
          - It listens for the hosts of the routes, and takes for each only routes from the namespaces of its team, or from the route's own
            (U(https://istio.io/latest/docs/reference/config/networking/gateway/#Server), C(namespace/host), and
            U(https://gateway-api.sigs.k8s.io/reference/spec/#allowedroutes)).
          - C(load_balancer) is what M(meshgate.eks_istio.alb_ingress_info) returns of the load balancer. With its HTTPS listener, hosts whose apps speak gRPC
            or HTTP/2 get target groups of their own, by an Ingress of the load balancer's group
            (U(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-protocol-version)).
            Without, such apps are refused behind the gateway.
          - C(idle_timeout) is after how many seconds the load balancer ends a connection; a rule's timeout is not longer
            (U(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout)).
          - With C(exists), the objects that say what it listens to are someone else's; routes are only bound to them.
          - With C(routes_from), a namespace, all routes come from there, and Istio's Gateway is there, too. The C(hosts) are then listed, unless
            O(routing_api=auto).
        type: dict
        required: true
      teams:
        description:
          - Whose a host is, each team with C(name), C(hosts) (V(*.example.com) for all below it) and C(namespaces).
          - A route of another namespace gets none of the requests for them, whoever applied it.
        type: list
        elements: dict
        default: []
      routes:
        description:
          - The routes, each with C(name), C(namespace), C(hosts) and C(rules). Rules are tried in the order in which they are written.
          - A rule has C(match) (C(path), C(path_prefix) by whole segments or C(path_regex), C(method), C(headers), C(query)); a list of them where one must
            hold, and none for any request.
          - A route is for callers inside the mesh with C(inside). Its C(hosts) are then apps of its namespace, or names with dots that callers ask for, and no
            gateway is on the way (U(https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService), C(mesh), or, where
            O(routing_api=gateway_api), U(https://gateway-api.sigs.k8s.io/mesh/)).
          - A rule leads C(to) C(app) and C(version), or C(service) with C(port), of C(namespace) where it is not the route's, or to a host outside of the
            mesh, C(external) with C(port) (V(443)) and C(tls) (V(true) for port 443)
            (U(https://istio.io/latest/docs/reference/config/networking/service-entry/)), each with C(weight) in per cent.
          - It has C(timeout), C(retries) (C(attempts), C(per_try_timeout), C(retry_on)) and C(mirrors), which are like C(to), with C(percent).
          - Or it answers with a C(redirect) to C(host), C(path) or C(path_prefix), C(scheme) and C(port), with C(code), which is V(302) where nothing else
            is said.
          - C(rewrite) changes C(host), and C(path) or C(path_prefix), of the request to the app. C(path_prefix) replaces that of the match, by segments, as
            U(https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier) has it.
          - C(request_headers) and C(response_headers) each C(set), C(add) or C(remove) headers
            (U(https://gateway-api.sigs.k8s.io/reference/spec/#httpheaderfilter)).
          - C(cors) has C(origins), C(methods), C(headers), C(expose), C(max_age) (V(5s)) and C(credentials)
            (U(https://gateway-api.sigs.k8s.io/reference/spec/#httpcorsfilter)).
          - C(faults) break it on purpose, with C(delay) (C(percent), C(duration)), C(abort) (C(percent), C(code)), and C(until), the last day. They are
            Istio's alone (U(https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPFaultInjection)).
        type: list
        elements: dict
        default: []
      production:
        description: Faults are taken only with a match by a header and with their last day.
        type: bool
        default: false
      today:
        description: The day, such as V(2026-12-31), on which faults must not be over. The control node's own where nothing else is said.
        type: str
  routing_api:
    description:
      - The API whose objects say the routes.
      - V(auto) takes for each route the Gateway API where its standard channel can say all of the rules and tries them in the order in which they are
        written (U(https://gateway-api.sigs.k8s.io/reference/spec/#httproute)), else Istio's. P(meshgate.eks_istio.mesh_route_choices#filter) says why.
    type: str
    choices: [auto, istio, gateway_api]
    default: istio
  revision:
    description: The revision of Istio whose sidecars the pods get. Empty for the default one.
    type: str
    default: ""
  part:
    description:
      - Whose objects are returned. With V(apps), those of the namespaces and apps; with V(routes), those of the gateway and the routes, whose apps exist
        already.
    type: str
    choices: [all, apps, routes]
    default: all
  images:
    description: Other names for images of the apps, such as those of P(meshgate.eks_istio.pushed_images#filter), by the names in the apps.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Deploy an app behind the gateway
  meshgate.eks_istio.k8s_apply_set:
    manifests: "{{ shop | meshgate.eks_istio.mesh_manifests }}"
    labels: {app.kubernetes.io/part-of: shop}
    kubeconfig: /home/me/.kube/config
  vars:
    shop:
      namespaces: [{name: shop, pod_security: privileged}]
      apps:
        - name: front
          namespace: shop
          port: 8080
          image: registry.example.com/front:1.0
          health: {path: /health}
          callers: [{gateway: true}]
      gateway:
        name: shop
        namespace: istio-ingress
        service: istio-ingressgateway
        selector: {istio: ingressgateway}
        hosts: [shop.example.com]
        routes_from: shop
      routes:
        - name: front
          namespace: shop
          hosts: [shop.example.com]
          rules: [{to: [{app: front}], timeout: 5s}]
"""

RETURN = r"""
_value:
  description: The objects, those on which others depend first.
  type: list
  elements: dict
  sample: [{apiVersion: v1, kind: Namespace, metadata: {name: shop}}]
"""

import datetime
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.checks import problems
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import app_manifests, manifests, route_manifests, with_images
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.spoken import spoken


def mesh_manifests(
    wanted: dict[str, Any], routing_api: str = "istio", revision: str = "", part: str = "all", images: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    said = spoken(wanted)
    if images:
        said = {**said, "apps": [with_images(app, dict(images)) for app in said["apps"]]}
    found = problems({"today": datetime.datetime.now(datetime.UTC).date().isoformat(), **said}, routing_api)
    if found:
        raise AnsibleFilterError("; ".join(found))
    if part == "apps":
        return app_manifests(said, revision)
    return route_manifests(said, routing_api) if part == "routes" else manifests(said, routing_api, revision)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"mesh_manifests": mesh_manifests}
