# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What only the cluster can say before components are installed: whether it makes volumes, what the mesh is, and from which addresses its API server comes."""

from __future__ import annotations

import re
import typing as t
from contextlib import suppress
from ipaddress import ip_address, ip_network

from ..alb.group import of_ingress
from ..common.failure import Refused
from ..common.safe_yaml import Loader
from ..istio.pods import injects
from ..kube.api import KubeApi
from ..kube.objects import Manifest
from . import alertmanager, tracing, volume
from .prometheus import NAME

with suppress(ImportError):  # see safe_yaml
    import yaml

# Injection gives it to every pod with a proxy, gateways among them.
_IN_MESH = "service.istio.io/canonical-name"
# Of the default revision, and of one with a name.
_MESH = re.compile(r"istio(-.+)?$")
# What the controller reads: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#auth-idp-oidc
LOGIN_KEYS = ("clientID", "clientSecret")
_ASKED = "tracing is in observability_components"


def look(api: KubeApi, params: t.Mapping[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    """In check mode the mesh may still be without its provider, which role istio would have given it before."""
    provider = [] if check_mode else _provider(api, params)
    balancer = _balancer(api, params, check_mode)
    wrong = [*_volume(api, params), *_telemetry(api, params), *provider, *_secrets(api, params), *_login(api, params, balancer, check_mode)]
    if wrong:
        raise Refused("; ".join(wrong))
    slices = api.find("discovery.k8s.io/v1", "EndpointSlice", "default", labels="kubernetes.io/service-name=kubernetes")
    mesh = namespaces_of_mesh(api.find("v1", "Namespace"), api.find("v1", "Pod", labels=_IN_MESH))
    return {"changed": False, "api_server_cidrs": api_server_cidrs(slices), "mesh_namespaces": mesh, "load_balancer": balancer}


def nothing() -> dict[str, t.Any]:
    """Of a cluster that is still to be made, in check mode."""
    return {"changed": False, "api_server_cidrs": [], "mesh_namespaces": [], "load_balancer": {}}


def _volume(api: KubeApi, params: t.Mapping[str, t.Any]) -> list[str]:
    """A volume that is there is not asked for again, and only grows."""
    if "prometheus" not in params["components"] or not params["storage"]:
        return []
    claim = api.get("v1", "PersistentVolumeClaim", NAME, params["namespace"])
    if claim is None:
        drivers = [item["metadata"]["name"] for item in api.find("storage.k8s.io/v1", "CSIDriver")]
        wrong = volume.problem(params["storage_class"], api.find("storage.k8s.io/v1", "StorageClass"), drivers)
    else:
        wrong = _shrinks(str(claim["spec"]["resources"]["requests"]["storage"]), params["storage"])
    return [wrong] if wrong else []


def _shrinks(there: str, wanted: str) -> str:
    if volume.size_of(wanted) >= volume.size_of(there):
        return ""
    return f"observability_prometheus_storage is {wanted!r}; accepted: at least {there}, which its volume has: volumes only grow"


def _telemetry(api: KubeApi, params: t.Mapping[str, t.Any]) -> list[str]:
    """Istio applies one Telemetry to the whole mesh, the oldest one."""
    if "tracing" not in params["components"]:
        return []
    namespace = params["namespace"]
    found = api.find("telemetry.istio.io/v1", "Telemetry", namespace)
    others = [item["metadata"]["name"] for item in found if of_whole_mesh(item) and item["metadata"]["name"] != tracing.TELEMETRY]
    return [f"{_ASKED}; Telemetry {namespace}/{name} applies to the whole mesh already, and Istio takes only one; accepted: none beside it" for name in others]


def _provider(api: KubeApi, params: t.Mapping[str, t.Any]) -> list[str]:
    """Istio sends spans to providers that its configuration names."""
    if "tracing" not in params["components"]:
        return []
    namespace = params["namespace"]
    meshes = [item for item in api.find("v1", "ConfigMap", namespace) if _MESH.match(item["metadata"]["name"]) and "mesh" in (item.get("data") or {})]
    if meshes and not any(tracing.PROVIDER in providers_of(item) for item in meshes):
        return [f"{_ASKED}; the mesh has no extension provider {tracing.PROVIDER}; accepted: a mesh for which role istio ran with istio_tracing_service"]
    return []


def _secrets(api: KubeApi, params: t.Mapping[str, t.Any]) -> list[str]:
    """A pod waits for a Secret that is not there. Only its keys are looked at."""
    if "alertmanager" not in params["components"]:
        return []
    missing = []
    for secret in alertmanager.secrets(params["receivers"]):
        there = api.get("v1", "Secret", secret["name"], params["namespace"])
        if there is None or secret["key"] not in (there.get("data") or {}):
            missing.append(f"{secret['name']}/{secret['key']}")
    accepted = f"Secrets of namespace {params['namespace']} with these keys"
    return [f"observability_alert_receivers names the Secret and key {', '.join(missing)}; accepted: {accepted}"] if missing else []


def _balancer(api: KubeApi, params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """In check mode, role istio may still have to make the HTTPS listener."""
    if not params["hosts"]:
        return {}
    found = of_ingress(api, params["ingress"], params["ingress_namespace"])
    return {**found, "https_port": found.get("https_port") or 443} if found and check_mode else found


def _login(api: KubeApi, params: t.Mapping[str, t.Any], balancer: t.Mapping[str, t.Any], check_mode: bool) -> list[str]:
    """A load balancer logs people in on HTTPS only, and the controller leaves its whole group as it is while the Secret is missing.

    In check mode, role istio may still have to make the gateway, with its namespace.
    """
    if not params["hosts"] or (check_mode and not balancer):
        return []
    wrong, asked = [], f"observability_hosts has {', '.join(params['hosts'].values())}"
    where = f"Ingress {params['ingress_namespace']}/{params['ingress']}"
    if not balancer.get("https_port") or not balancer.get("group"):
        lacks = "has no HTTPS listener" if balancer else "does not exist"
        wrong.append(f"{asked}; {where} {lacks}; accepted: a gateway of role istio with istio_ingress_host_name or istio_ingress_certificate_arn")
    name = params["login_secret"]
    secret = api.get("v1", "Secret", name, params["ingress_namespace"])
    missing = [key for key in LOGIN_KEYS if secret is None or key not in (secret.get("data") or {})]
    if missing:
        accepted = f"a Secret of namespace {params['ingress_namespace']} with {' and '.join(LOGIN_KEYS)}"
        wrong.append(f"observability_login names the Secret {name}, which lacks {' and '.join(missing)}; accepted: {accepted}")
    if not any(_denies_others(policy) for policy in api.find("security.istio.io/v1", "AuthorizationPolicy", params["ingress_namespace"])):
        wrong.append(f"{asked}; nothing keeps the cluster's pods away from the gateway; accepted: a gateway of role istio with istio_ingress_source_cidrs")
    return wrong


def _denies_others(policy: Manifest) -> bool:
    """As the one of role istio: whoever does not come from the load balancer's networks."""
    spec = policy.get("spec") or {}
    sources = [one.get("source") or {} for rule in spec.get("rules") or [] for one in rule.get("from") or []]
    return spec.get("action") == "DENY" and any(source.get("notIpBlocks") for source in sources)


def of_whole_mesh(telemetry: Manifest) -> bool:
    return not any((telemetry.get("spec") or {}).get(key) for key in ("selector", "targetRef", "targetRefs"))


def providers_of(config_map: Manifest) -> list[str]:
    """The names in a mesh's configuration."""
    mesh = yaml.load(config_map["data"]["mesh"], Loader=Loader) or {}  # noqa: S506 (a safe loader)
    return [str(provider.get("name")) for provider in mesh.get("extensionProviders") or []]


def namespaces_of_mesh(namespaces: t.Iterable[Manifest], proxies: t.Iterable[Manifest]) -> list[str]:
    """Those whose pods get proxies, and those in which pods have one."""
    injected = {item["metadata"]["name"] for item in namespaces if injects(item)}
    return sorted(injected | {item["metadata"]["namespace"] for item in proxies})


def api_server_cidrs(slices: t.Iterable[Manifest]) -> list[str]:
    """The addresses behind the Service kubernetes. On EKS these are the control plane's interfaces in the VPC, from which it also calls pods."""
    addresses = {ip_address(address) for item in slices for endpoint in item.get("endpoints") or [] for address in endpoint["addresses"]}
    return [str(ip_network(address)) for address in sorted(addresses, key=lambda one: (one.version, int(one)))]
