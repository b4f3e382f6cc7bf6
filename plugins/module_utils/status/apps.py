# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The apps of the mesh: its Services with their pods and, where Prometheus knows, their requests."""

from __future__ import annotations

from dataclasses import dataclass

from ..istio.pods import injects
from ..kube.objects import Manifest, labels_of
from .facts import Call, Facts, Place, place_of, pods_ready, pods_wanted


@dataclass(frozen=True)
class Load:
    """Requests of the last minutes: per second, how many of them succeeded in per cent, and the 99th percentile of their duration in milliseconds."""

    rate: float
    success: float
    p99: float | None = None


@dataclass(frozen=True)
class App:
    place: Place
    ready: int
    wanted: int
    load: Load | None = None

    @property
    def name(self) -> str:
        return "/".join(self.place)


def apps_of(facts: Facts) -> list[App]:
    """Services with a selector in the namespaces of the mesh. Those of the gateway and of Istio itself have rows of their own."""
    own = {facts.wanted.ingress_namespace, facts.wanted.istio_namespace}
    spaces = {item["metadata"]["name"] for item in facts.of_kind("Namespace") if injects(item)} - own
    services = [item for item in facts.of_kind("Service") if item["metadata"]["namespace"] in spaces and selector_of(item)]
    return sorted((_app(facts, item) for item in services), key=lambda app: app.place)


def _app(facts: Facts, service: Manifest) -> App:
    made = workloads_of(facts, service)
    return App(place_of(service), sum(map(pods_ready, made)), sum(map(pods_wanted, made)), load_of(facts, service))


def selector_of(service: Manifest) -> dict[str, str]:
    found: dict[str, str] = service["spec"].get("selector") or {}
    return found


def workloads_of(facts: Facts, service: Manifest) -> list[Manifest]:
    """The Deployments whose pods a Service selects."""
    wanted = selector_of(service).items()
    here = [item for item in facts.of_kind("Deployment") if item["metadata"]["namespace"] == service["metadata"]["namespace"]]
    return [item for item in here if wanted and wanted <= labels_of(item["spec"]["template"]).items()]


def service_of(facts: Facts, workload: Place) -> Place:
    """Of several Services that select a workload, its own: that of a version, not that of the whole app. Without any, the workload itself."""
    deployment = facts.find("Deployment", workload)
    mine = [item for item in facts.of_kind("Service") if deployment and deployment in workloads_of(facts, item)]
    return place_of(max(mine, key=lambda item: (len(selector_of(item)), place_of(item)))) if mine else workload


def load_of(facts: Facts, service: Manifest) -> Load | None:
    """None: nobody knows. An app's Service whose route divides its requests has those of its versions' Services."""
    if facts.traffic is None:
        return None
    place, made = place_of(service), workloads_of(facts, service)
    parts = {place} | {place_of(item) for item in facts.of_kind("Service") if (mine := workloads_of(facts, item)) and all(one in made for one in mine)}
    return combined([call for call in facts.traffic.calls if call.destination in parts], facts.traffic.p99.get(place))


def combined(calls: list[Call], p99: float | None) -> Load:
    rate = sum(call.rate for call in calls)
    failed = sum(call.failures for call in calls)
    return Load(rate, 100 * (1 - failed / rate) if rate else 100.0, p99)
