# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A shadow gateway, and a prober inside the mesh: started with routes that are not live yet, asked, and taken away again."""

from __future__ import annotations

import json
import typing as t
import uuid
from dataclasses import dataclass

from ..common.failure import Refused
from ..common.http import ask
from ..common.progress import report
from ..common.require import require
from ..kube.access import Access
from ..kube.api import KubeApi
from ..kube.apply_set import absent, present
from ..kube.objects import Manifest, carries, labels_of
from ..kube.reading import live_object
from ..kube.ready import await_true
from . import copied, prober, shadow
from .acknowledged import missing
from .asking import Answers, asked, forwarded
from .expectations import Expectation, expectations
from .manifests import named_gateway, route_manifests
from .names import Entry
from .routing import choose
from .shares import Weighted, different, weighted

# Envoy's administration, as Istio sets it up; it listens inside the pod only.
_ADMIN = 15000
_LATER = ("Gateway", "VirtualService", "HTTPRoute")
# By which a namespace says which sidecars its pods get, and what its pods may do.
_INJECTION = ("istio-injection", "istio.io/rev", "pod-security.kubernetes.io/enforce")


@dataclass(frozen=True)
class Proxy:
    """One that is asked. C(port): of the pod; None: each request has its own."""

    what: str
    namespace: str
    labels: t.Mapping[str, str]
    table: t.Sequence[Expectation]
    manifests: t.Sequence[Manifest]
    rules: t.Sequence[Weighted]
    port: int | None = None
    remarks: tuple[str, ...] = ()

    def port_for(self, wanted: Expectation) -> int:
        return require(wanted.port) if self.port is None else self.port


def tried(api: KubeApi, access: Access, params: t.Mapping[str, t.Any]) -> Answers:
    """Nothing is started for an empty table."""
    proxies, remarks = _needed(api, params)
    if not proxies:
        return Answers([], [], remarks)
    report(f"starting {' and '.join(one.what for one in proxies)} for {sum(len(one.table) for one in proxies)} expected requests")
    absent(api, {**_set_params(params), "wait": True}, check_mode=False)
    try:
        _start(api, [item for one in proxies for item in one.manifests], _set_params(params))
        found = [_answers(api, access, one, params["timeout"]) for one in proxies]
    finally:
        absent(api, {**_set_params(params), "wait": False}, check_mode=False)
    return Answers(*[[item for part in parts for item in part] for parts in zip(*found, Answers([], [], remarks), strict=True)])


def _start(api: KubeApi, manifests: t.Sequence[Manifest], options: t.Mapping[str, t.Any]) -> None:
    """Pods before their routes: istiod judges a Gateway by the pods that were there when its configuration changed last."""
    for these in ([item for item in manifests if item["kind"] not in _LATER], manifests):
        present(api, {**options, "manifests": these}, check_mode=False)


def remove(api: KubeApi, params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """What a killed run left."""
    removed = absent(api, _set_params(params), check_mode)
    return {**removed, "answers": [], "complaints": []}


def _set_params(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "labels": shadow.labels_for(params["set"]),
        "prune_kinds": [{"api_version": version, "kind": kind} for version, kind in shadow.KINDS],
        "namespaces": _places(params),
        "adopt": False,
        "sidecar": "",
        "replace_pods": False,
        "wait": True,
        "timeout": params["timeout"],
    }


def _places(params: t.Mapping[str, t.Any]) -> list[str]:
    """A set that is confined may not list whole kinds; its gateway's namespace it must be allowed for a shadow."""
    if not params["namespaces"]:
        return []
    return sorted({params["wanted"]["gateway"]["namespace"], *params["namespaces"]} if params["wanted"] else params["namespaces"])


def _needed(api: KubeApi, params: t.Mapping[str, t.Any]) -> tuple[list[Proxy], list[str]]:
    wanted, apps, run = params["wanted"], params["wanted"].get("apps") or [], uuid.uuid4().hex[:6]
    outside, inside = (expectations(wanted["routes"], apps, inside) for inside in (False, True))
    found = [_shadow(api, outside, params, run)] if outside else []
    if inside and params["namespaces"]:
        return found, [*_remarks(found), "routes inside the mesh were not asked: a set that is confined to namespaces has none for a prober"]
    found += [_prober(api, inside, params, run)] if inside else []
    return found, _remarks(found)


def _remarks(proxies: t.Sequence[Proxy]) -> list[str]:
    return [said for one in proxies for said in one.remarks]


# -- what they are made of ------------------------------------------------------------------------------------------


def _shadow(api: KubeApi, table: t.Sequence[Expectation], params: t.Mapping[str, t.Any], run: str) -> Proxy:
    wanted, mesh_set = params["wanted"], params["set"]
    deployment, service = live_gateway(api, wanted["gateway"])
    mine = shadow.wanted_by(wanted, mesh_set, run)
    copies, left = copied.copies(_policies(api, wanted["gateway"]["namespace"]), _live_name(wanted, deployment), _shadow_name(mine), run)
    manifests = [
        *_not_there_yet(api, route_manifests(mine, params["routing_api"])),
        *copies,
        *shadow.gateway_manifests(deployment, service, mesh_set),
    ]
    rules = list(weighted(shadow.routes(wanted, run), choose(mine["routes"], params["routing_api"]), wanted.get("apps") or []))
    labels = shadow.pod_labels(mesh_set)
    return Proxy("a shadow gateway", mine["gateway"]["namespace"], labels, table, manifests, rules, target_port(service), tuple(left))


def _live_name(wanted: Entry, deployment: Manifest) -> copied.Gateway:
    gateway = named_gateway(wanted["gateway"])
    return copied.Gateway(labels_of(deployment["spec"]["template"]), gateway["namespace"], f"{gateway['namespace']}/{gateway['name']}")


def _shadow_name(mine: Entry) -> copied.Gateway:
    gateway = mine["gateway"]
    return copied.Gateway(gateway["selector"], gateway["namespace"], f"{gateway['namespace']}/{gateway['name']}")


def _policies(api: KubeApi, namespace: str) -> list[Manifest]:
    places = [(*kind, place) for kind in copied.KINDS for place in sorted({namespace, copied.ROOT_NAMESPACE})]
    found = [item for items in api.map(lambda place: api.find(*place), places) for item in items]
    return [item for item in found if not carries(item, {"app.kubernetes.io/part-of": shadow.NAME})]


def _not_there_yet(api: KubeApi, manifests: t.Sequence[Manifest]) -> list[Manifest]:
    """What stands for a host outside the mesh serves live and shadow alike."""
    shared = ("ServiceEntry", "DestinationRule")
    return [item for item in manifests if item["kind"] not in shared or live_object(api, item) is None]


def _prober(api: KubeApi, table: t.Sequence[Expectation], params: t.Mapping[str, t.Any], run: str) -> Proxy:
    wanted, mesh_set = params["wanted"], params["set"]
    image = _image(live_gateway(api, wanted["gateway"])[0], api)
    stand_ins = _not_there_yet(api, prober.stand_ins(wanted, wanted["gateway"]["namespace"]))
    named = prober.routes(wanted, run)
    manifests = [
        *prober.route_manifests(wanted, mesh_set, run),
        *prober.kept_to_itself(stand_ins, mesh_set),
        *prober.manifests(table, mesh_set, image, _injection(api, named[0][1]["namespace"]), shadow.upstream_header("SIDECAR_OUTBOUND")),
    ]
    rules = list(weighted(named, choose([route for _name, route in named], "istio"), wanted.get("apps") or []))
    return Proxy("a prober", prober.namespace_for(mesh_set), prober.LABELS, table, manifests, rules)


def _injection(api: KubeApi, namespace: str) -> dict[str, str]:
    """As where the routes are."""
    found = api.get("v1", "Namespace", namespace)
    labels = {key: value for key, value in labels_of(found).items() if key in _INJECTION} if found else {}
    return labels if "istio-injection" in labels or "istio.io/rev" in labels else {**labels, "istio-injection": "enabled"}


def _image(gateway: Manifest, api: KubeApi) -> str:
    """Of a pod: a Deployment may leave it to the injector."""
    labels = ",".join(f"{key}={value}" for key, value in gateway["spec"]["selector"]["matchLabels"].items())
    pods = api.find("v1", "Pod", gateway["metadata"]["namespace"], labels=labels)
    containers = [container for pod in pods for container in pod["spec"]["containers"] if container["name"] == "istio-proxy"]
    if not containers:
        raise Refused(f"the ingress gateway {gateway['metadata']['name']} has no pod with a container istio-proxy")
    return str(containers[0]["image"])


def live_gateway(api: KubeApi, gateway: Entry) -> tuple[Manifest, Manifest]:
    """The Deployment whose pods a Gateway of ours selects, and its Service."""
    selector, namespace = gateway["selector"], gateway["namespace"]
    deployments = [item for item in api.find("apps/v1", "Deployment", namespace) if selector.items() <= labels_of(item["spec"]["template"]).items()]
    service = api.get("v1", "Service", gateway["service"], namespace)
    if not deployments or service is None:
        wanted = ",".join(f"{key}={value}" for key, value in selector.items())
        raise Refused(f"namespace {namespace} has no ingress gateway: no Deployment with pods of {wanted}, or no Service {gateway['service']}")
    return deployments[0], service


def target_port(service: Manifest) -> int:
    """Of the pod, for plain HTTP."""
    return next((int(port["targetPort"]) for port in service["spec"]["ports"] if port["port"] == 80 and str(port.get("targetPort", "")).isdigit()), 8080)


# -- what they answer -----------------------------------------------------------------------------------------------


def _answers(api: KubeApi, access: Access, proxy: Proxy, timeout: float) -> Answers:
    ports = {proxy.port_for(one) for one in proxy.table}
    with forwarded(api, access, proxy.namespace, proxy.labels, {*ports, _ADMIN}) as addresses:
        wrong = different(proxy.rules, _acknowledged(proxy, addresses[_ADMIN], timeout))
        found = asked(proxy.table, lambda one: addresses[proxy.port_for(one)], timeout)
    return Answers(found.given, [*wrong, *found.complaints], found.remarks)


def _acknowledged(proxy: Proxy, address: str, timeout: float) -> dict[str, t.Any]:
    """The proxy's routes, once it has all that was made for it."""
    texts = [""]

    def look() -> str:
        texts[:] = [ask(f"http://localhost/config_dump?resource={part}", address).body for part in ("dynamic_route_configs", "dynamic_listeners")]
        waiting = missing(proxy.manifests, "".join(texts))
        return f"{proxy.what} has not acknowledged {', '.join(waiting)}" if waiting else ""

    await_true("configuration of the proxy", look, timeout, 0.25)
    return dict(json.loads(texts[0]))
