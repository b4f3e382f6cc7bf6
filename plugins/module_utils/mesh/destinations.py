# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Where a rule leads: an app of ours, one of its versions, any other Service, or a named host outside."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .external import External, external_of
from .names import Entry, Version, name_of
from .traffic import ports_of


@dataclass(frozen=True)
class Destination:
    """A Service and its port, or what stands for a host outside; C(weight) is the share of requests, in per cent of a rule's."""

    service: str
    namespace: str
    port: int
    weight: int | None = None
    external: External | None = None

    @property
    def host(self) -> str:
        return self.external.stand_in if self.external else f"{self.service}.{self.namespace}.svc.cluster.local"


def destination(to: Entry, namespace: str, apps: t.Sequence[Entry]) -> Destination:
    """`namespace`: the route's own, for what names none. An app that is not there is refused before (see checks)."""
    weight = to.get("weight")
    outside = external_of(to, namespace)
    if outside:
        return Destination(outside.host, namespace, outside.stand_in_port, weight, outside)
    space = str(to.get("namespace") or namespace)
    if to.get("service"):
        return Destination(str(to["service"]), space, int(to["port"]), weight)
    app = next(app for app in apps if app["name"] == to["app"] and app["namespace"] == space)
    version = Version(str(to.get("version") or ""))
    return Destination(name_of(app, version), space, int(to.get("port") or ports_of(app)[0]["port"]), weight)
