# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""All objects of a set of namespaces, apps and routes, in the words of the mesh. Plain data in, manifests out."""

from __future__ import annotations

import typing as t

from ..kube.objects import Manifest
from . import apps, external, gateways, namespaces, target_groups, teams
from .http_route import http_routes
from .inside import is_inside
from .names import Entry, Surroundings, object_name
from .routing import Api, choose
from .teams import Listening
from .virtual_service import virtual_service


def manifests(wanted: Entry, routing_api: str = "istio", revision: str = "") -> list[Manifest]:
    """C(wanted) has C(namespaces), C(apps), C(gateway), C(routes) and C(teams)."""
    return [*app_manifests(wanted, revision), *route_manifests(wanted, routing_api)]


def with_images(app: Entry, names: t.Mapping[str, str]) -> Entry:
    """The app with other names for its images, and for those of its versions."""
    said = {**app, "image": names[app["image"]]} if app.get("image") in names else app
    return {**said, "versions": [with_images(version, names) for version in said["versions"]]} if said.get("versions") else said


def app_manifests(wanted: Entry, revision: str = "") -> list[Manifest]:
    around = Surroundings(wanted["gateway"]["namespace"], revision)
    return [
        *[item for space in wanted.get("namespaces") or [] for item in namespaces.manifests(space["name"], revision, space["pod_security"])],
        *[item for app in wanted.get("apps") or [] for item in apps.manifests(app, around)],
    ]


def route_manifests(wanted: Entry, routing_api: str = "istio") -> list[Manifest]:
    """The apps are there to be found as destinations. What the gateway listens to comes before the routes that attach to it."""
    wanted = {**wanted, "gateway": named_gateway(wanted["gateway"])}
    routes = wanted.get("routes") or []
    chosen = choose(routes, routing_api)
    found = external.manifests(routes, wanted["gateway"]["namespace"])
    for api in t.get_args(Api):
        own = [route for route, choice in zip(routes, chosen, strict=True) if choice.api == api]
        outside = [route for route in own if not is_inside(route)]
        found += _of_an_api(api, own, _listening(api, outside, wanted, routing_api), wanted)
    return [*found, *target_groups.manifests(routes, wanted["gateway"], wanted.get("apps") or [])]


def named_gateway(gateway: Entry) -> Entry:
    """A set's own gateway is called after it."""
    return gateway if gateway.get("name") or not gateway.get("set") else {**gateway, "name": object_name("mesh", gateway["set"])}


def _listening(api: Api, own: t.Sequence[Entry], wanted: Entry, routing_api: str) -> list[Listening]:
    """The hosts of this API's routes. A team's host that no route names is listened to in the API that is wanted; of two, in Istio's."""
    gateway, owners = wanted["gateway"], wanted.get("teams") or []
    first = api == ("istio" if routing_api == "auto" else routing_api)
    if not gateway.get("routes_from"):
        return [*teams.of_routes(own, owners), *(teams.without_routes(wanted.get("routes") or [], owners) if first else [])]
    listed = gateway["hosts"] if first else []
    hosts = [host for route in own for host in route["hosts"]] if routing_api == "auto" else listed
    return [Listening(host, (gateway["routes_from"],)) for host in hosts]


def _of_an_api(api: Api, routes: t.Sequence[Entry], listening: t.Sequence[Listening], wanted: Entry) -> list[Manifest]:
    gateway, entries = wanted["gateway"], wanted.get("apps") or []
    listened = [_gateway(api, gateway, listening)] if listening and not gateway.get("exists") else []
    if api == "gateway_api":
        return [*listened, *[item for route in routes for item in http_routes(route, gateway.get("name", ""), gateway["namespace"], entries)]]
    return [*listened, *[virtual_service(route, [] if is_inside(route) else [_bound_to(gateway)], entries) for route in routes]]


def _gateway(api: Api, gateway: Entry, listening: t.Sequence[Listening]) -> Manifest:
    """Istio's stands beside the routes where these all come from one namespace; else beside the gateway, where those who write routes have no rights."""
    name, together = gateway["name"], gateway.get("routes_from")
    if api == "gateway_api":
        listeners = gateways.numbered_listeners([one.host for one in listening], together) if together else gateways.named_listeners(listening)
        return gateways.of_gateway_api(name, gateway["namespace"], gateway["service"], listeners)
    if together:
        return gateways.of_istio(name, together, gateway["selector"], [one.host for one in listening])
    hosts = [f"{namespace}/{one.host}" for one in listening for namespace in one.namespaces]
    return gateways.of_istio(name, gateway["namespace"], gateway["selector"], hosts)


def _bound_to(gateway: Entry) -> str:
    return str(gateway["name"]) if gateway.get("routes_from") else f"{gateway['namespace']}/{gateway['name']}"
