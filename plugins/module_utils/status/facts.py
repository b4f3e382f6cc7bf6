# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is known of a platform at one moment: plain data, of which the checks and the pictures are made."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..diagnosis.certificates import Expiry
from ..kube.objects import Manifest, labels_of
from ..kube.ready import workload_state
from ..mesh.names import Entry

Place = tuple[str, str]  # namespace and name


@dataclass(frozen=True)
class Wanted:
    """What the inventory says, as far as it is compared."""

    cluster: str
    region: str = ""
    istio_namespace: str = "istio-system"
    istiod: str = "istiod"
    gateway: str = "istio-ingressgateway"
    ingress: str = "ingress"
    ingress_namespace: str = "istio-ingress"
    controller: str = "kube-system/aws-load-balancer-controller"
    expected: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    apps: Sequence[Entry] = ()
    routes: Sequence[Entry] = ()
    routing_api: str = "auto"
    set: str = ""
    certificate_days: int = 30
    window: int = 300
    billed: bool = True
    platform: Mapping[str, t.Any] = field(default_factory=dict)
    price_list: Mapping[str, t.Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """Requests of the last minutes from a workload to a Service. Rates are per second."""

    source: Place
    destination: Place
    rate: float
    failures: float = 0.0


@dataclass(frozen=True)
class Traffic:
    """What Prometheus knows. `p99` is in milliseconds."""

    calls: Sequence[Call] = ()
    p99: Mapping[Place, float] = field(default_factory=dict)


@dataclass
class Facts:
    """What was read, and for what could not be read the reason: `unreached` is the API server's, `unread` a kind's."""

    wanted: Wanted
    now: datetime.datetime
    version: str = ""
    unreached: str = ""
    no_kubeconfig: bool = False
    objects: dict[str, list[Manifest]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    expiries: list[Expiry] = field(default_factory=list)
    # None: AWS was not asked, or the reason is in `unread`.
    eks: Manifest | None = None
    node_groups: list[Manifest] = field(default_factory=list)
    balancers: list[dict[str, t.Any]] | None = None
    traffic: Traffic | None = None

    def of_kind(self, kind: str) -> list[Manifest]:
        return self.objects.get(kind, [])

    def find(self, kind: str, place: Place) -> Manifest | None:
        return next((item for item in self.of_kind(kind) if place_of(item) == place), None)

    @property
    def ready_pods(self) -> dict[Place, int]:
        """By Service: as many as get its requests."""
        found: dict[Place, int] = {}
        for item in self.of_kind("EndpointSlice"):
            place = (item["metadata"]["namespace"], labels_of(item).get("kubernetes.io/service-name", ""))
            ready = {address for end in item.get("endpoints") or [] if is_ready(end) for address in end.get("addresses") or []}
            found[place] = found.get(place, 0) + len(ready)
        return found


def is_ready(endpoint: Manifest) -> bool:
    """Unset means ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions."""
    return (endpoint.get("conditions") or {}).get("ready") is not False


def place_of(item: Manifest) -> Place:
    return item["metadata"].get("namespace") or "", item["metadata"]["name"]


def pods_wanted(deployment: Manifest) -> int:
    return int((deployment.get("spec") or {}).get("replicas", 1))


def pods_ready(deployment: Manifest) -> int:
    return int((deployment.get("status") or {}).get("readyReplicas") or 0)


def unready(deployment: Manifest) -> str:
    """Empty if it is as it should be. A workload that somebody scaled to zero is ready, and serves nobody."""
    return workload_state(deployment) or ("" if pods_wanted(deployment) else "is scaled to 0")


def image_version(deployment: Manifest) -> str:
    """The tag of its first container's image, without a digest."""
    containers = deployment["spec"]["template"]["spec"].get("containers") or [{}]
    return str(containers[0].get("image", "")).partition("@")[0].rpartition("/")[2].partition(":")[2]
