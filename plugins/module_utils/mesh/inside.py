# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Routes for callers inside the mesh: their hosts are apps, or other names that callers ask for, and no gateway is on the way."""

from __future__ import annotations

import typing as t

from .names import Entry, host_of
from .traffic import ports_of


def is_inside(route: Entry) -> bool:
    return bool(route.get("inside"))


def app_of(host: str, route: Entry, apps: t.Sequence[Entry]) -> Entry | None:
    """A host without a dot is an app of the route's namespace."""
    found = (app for app in apps if (app.get("name"), app.get("namespace")) == (host, route.get("namespace")))
    return None if "." in host else next(found, None)


def full_name(host: str, route: Entry, apps: t.Sequence[Entry]) -> str:
    """As the mesh knows it: one name means the same to callers of every namespace."""
    app = app_of(host, route, apps)
    return host_of(app) if app else host


def main_port(app: Entry) -> int:
    """The one that rules are about; requests to the app's others go on to the app."""
    return int(ports_of(app)[0]["port"])


def other_ports(app: Entry) -> list[int]:
    return [int(port["port"]) for port in ports_of(app)[1:] if port["protocol"] != "tcp"]
