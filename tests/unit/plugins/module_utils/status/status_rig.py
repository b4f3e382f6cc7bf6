# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A platform that works, as it would have been read: two Rust services, and a shop with a canary, a copy and a caller inside."""

from __future__ import annotations

import datetime
from typing import Any

from ansible_collections.meshgate.eks_istio.plugins.module_utils.diagnosis.certificates import Expiry
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube.objects import Manifest
from ansible_collections.meshgate.eks_istio.plugins.module_utils.mesh.manifests import app_manifests, route_manifests
from ansible_collections.meshgate.eks_istio.plugins.module_utils.status.facts import Call, Facts, Traffic, Wanted

NOW = datetime.datetime(2026, 12, 1, 9, 30, tzinfo=datetime.UTC)
HOSTNAME = "sandbox-alb-1.us-west-2.elb.amazonaws.com"
VERSIONS = {"Kubernetes": "1.36", "Istio": "1.31.1", "Gateway API": "1.6.3"}
GATEWAY = {"name": "mesh-shop", "namespace": "istio-ingress", "service": "istio-ingressgateway", "selector": {"istio": "ingressgateway"}}
APPS = [
    {"name": "front", "namespace": "shop", "port": 80, "image": "front:1", "callers": [{"gateway": True}]},
    {
        "name": "product",
        "namespace": "shop",
        "port": 80,
        "image": "product:1",
        "callers": [{"app": "front"}, {"gateway": True}],
        "versions": [{"name": "v1", "replicas": 3}, {"name": "v2", "image": "product:2"}, {"name": "v3"}],
    },
]
V1, V2, V3 = ({"app": "product", "version": version} for version in ("v1", "v2", "v3"))
ROUTES = [
    {
        "name": "shop",
        "namespace": "shop",
        "hosts": ["shop.example.com"],
        "rules": [
            {"match": {"path_prefix": "/api"}, "to": [{**V1, "weight": 90}, {**V2, "weight": 10}], "mirrors": [{**V3, "percent": 50}]},
            {"to": [{"app": "front"}]},
        ],
    },
    {"name": "product", "namespace": "shop", "inside": True, "hosts": ["product"], "rules": [{"to": [{**V1, "weight": 75}, {**V2, "weight": 25}]}]},
]
LIVE_SPACES = ("istio-system", "istio-ingress", "kube-system")


def wanted(**other: Any) -> Wanted:
    said: dict[str, Any] = {"region": "us-west-2", "versions": VERSIONS, "apps": APPS, "routes": ROUTES, "set": "shop", "billed": False}
    return Wanted("sandbox", **{**said, **other})


def deployment(namespace: str, name: str, image: str = "x:1", replicas: int = 2, **template: Any) -> Manifest:
    spec = {"replicas": replicas, "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name, "image": image}], **template}}}
    return running({"kind": "Deployment", "metadata": {"namespace": namespace, "name": name}, "spec": spec})


def running(item: Manifest, ready: int | None = None) -> Manifest:
    """As its controller left it."""
    replicas = item["spec"].get("replicas", 1)
    status = {"observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas if ready is None else ready}
    return {**item, "metadata": {**item["metadata"], "generation": 1}, "status": status}


def ready_pods(namespace: str, service: str, number: int) -> Manifest:
    ends = [{"addresses": [f"10.0.{len(service)}.{place}"], "conditions": {"ready": True}} for place in range(number)]
    labels = {"kubernetes.io/service-name": service}
    return {"kind": "EndpointSlice", "metadata": {"namespace": namespace, "name": f"{service}-x", "labels": labels}, "endpoints": ends}


def balancer(*states: str) -> dict[str, Any]:
    targets = [{"id": f"10.1.0.{place}", "port": 8080, "state": state, "reason": "", "description": ""} for place, state in enumerate(states)]
    listeners = [{"protocol": "HTTP", "port": 80, "certificates": []}]
    return {
        "name": "sandbox-alb",
        "hostname": HOSTNAME,
        "scheme": "internet-facing",
        "state": "active",
        "state_reason": "",
        "listeners": listeners,
        "target_groups": [{"name": "k8s-ingress", "targets": targets}],
    }


def healthy(**said: Any) -> Facts:
    """Everything is as it should be. `said` is of the inventory."""
    inventory = wanted(**said)
    made = [*app_manifests({"apps": APPS, "gateway": GATEWAY}), *route_manifests({"apps": APPS, "gateway": GATEWAY, "routes": ROUTES}, "istio")]
    for item in made:
        item["metadata"]["labels"] = {**(item["metadata"].get("labels") or {}), "meshgate.io/set": "shop"}
    deployments = [running(item) for item in made if item["kind"] == "Deployment"]
    services = [item for item in made if item["kind"] == "Service"]
    facts = Facts(inventory, NOW, version="v1.36.4")
    for kind in ("VirtualService", "HTTPRoute", "AuthorizationPolicy"):
        facts.objects[kind] = [item for item in made if item["kind"] == kind]
    facts.objects |= {
        "Node": [{"metadata": {"name": "node-1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}],
        "Namespace": [{"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}, *({"metadata": {"name": name}} for name in LIVE_SPACES)],
        "Service": services,
        "Deployment": [
            *deployments,
            deployment("istio-system", "istiod", "istio/pilot:1.31.1", 1),
            deployment("istio-ingress", "istio-ingressgateway", "istio/proxyv2:1.31.1"),
            deployment("kube-system", "aws-load-balancer-controller", "eks/aws-load-balancer-controller:v3.4.2", 1),
        ],
        "EndpointSlice": [ready_pods("shop", item["metadata"]["name"], 2) for item in services],
        "Ingress": [
            {"metadata": {"namespace": "istio-ingress", "name": "ingress"}, "status": {"loadBalancer": {"ingress": [{"hostname": HOSTNAME}]}}},
        ],
        "CustomResourceDefinition": [
            {
                "metadata": {
                    "name": "httproutes",
                    "annotations": {"gateway.networking.k8s.io/bundle-version": "v1.6.3", "gateway.networking.k8s.io/channel": "standard"},
                }
            }
        ],
    }
    facts.expiries = [Expiry("the mesh's root", NOW + datetime.timedelta(days=3650))]
    facts.eks = {"name": "sandbox", "status": "ACTIVE", "version": "1.36"}
    facts.node_groups = [
        {"nodegroupName": "mng", "status": "ACTIVE", "instanceTypes": ["m6g.large"], "scalingConfig": {"minSize": 2, "maxSize": 2, "desiredSize": 2}}
    ]
    facts.balancers = [balancer("healthy", "healthy")]
    facts.unread["metrics"] = "there is no Prometheus (Service istio-system/prometheus)"
    return facts


def measured(facts: Facts) -> Facts:
    """With a Prometheus: the gateway asks, the front asks the product, and somebody whom no policy names asks the front."""
    gateway, front = ("istio-ingress", "istio-ingressgateway"), ("shop", "front")
    calls = [
        Call(gateway, ("shop", "product-v1"), 9.0, 0.0),
        Call(gateway, ("shop", "product-v2"), 1.0, 0.5),
        Call(gateway, front, 4.0),
        Call(front, ("shop", "product-v1"), 3.0),
        Call(front, ("shop", "product-v2"), 1.0),
        Call(("batch", "night"), front, 0.2),
    ]
    facts.unread.pop("metrics", None)
    facts.traffic = Traffic(calls, {("shop", "product-v1"): 12.3, front: 40.0})
    return facts


def gone(facts: Facts, kind: str, name: str) -> Facts:
    facts.objects[kind] = [item for item in facts.objects[kind] if item["metadata"]["name"] != name]
    return facts


def absent(**said: Any) -> Facts:
    facts = Facts(wanted(**said), NOW, unreached="there is no kubeconfig /nowhere", no_kubeconfig=True)
    facts.balancers = []
    return facts
