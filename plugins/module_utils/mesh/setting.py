# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What routes are looked at in: the apps that are there, and what the way to them bears."""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass

from .durations import seconds
from .names import Entry

_HTTP = ("http", "websocket")
_HTTP2 = ("http2", "grpc")
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html: HTTP/2 and gRPC come by HTTPS listeners only.
_NO_HTTPS = " (http2 and grpc need its HTTPS listener: istio_ingress_host_name or istio_ingress_certificate_arn; for manifests, mesh_routes_load_balancer)"
_NOT_OURS = " (http2 and grpc are for the set that makes the Gateway: their hosts need target groups beside it)"


@dataclass(frozen=True)
class Setting:
    """The words of C(wanted) that rules are held against.

    `wrong`: apps that were refused, of which nothing more is said; `unsure`: by what they are called, so that nobody knows which are missing.
    `protocols`: what `carrier` brings to an app; `others`: why no others.
    `idle_timeout`: after so many seconds without a byte, the load balancer ends a connection. `today`: ISO.
    """

    apps: t.Sequence[Entry] = ()
    wrong: t.Sequence[Entry] = ()
    unsure: bool = False
    protocols: tuple[str, ...] = _HTTP
    carrier: str = "the load balancer"
    others: str = ""
    idle_timeout: float | None = None
    production: bool = False
    today: str = ""


def behind_the_gateway(wanted: Entry, wrong: t.Sequence[Entry] = (), unsure: bool = False) -> Setting:
    """gRPC and HTTP/2 need target groups of their own, which are made where the gateway's entry says what the load balancer is."""
    gateway = wanted.get("gateway") or {}
    more = _HTTP2 if has_https(gateway.get("load_balancer") or {}) and not gateway.get("exists") else ()
    return Setting(
        apps=[app for app in wanted.get("apps") or [] if app not in wrong],
        wrong=wrong,
        unsure=unsure,
        protocols=(*_HTTP, *more),
        others="" if more else _NOT_OURS if gateway.get("exists") else _NO_HTTPS,
        idle_timeout=_idle(gateway.get("idle_timeout")),
        production=bool(wanted.get("production")),
        today=str(wanted.get("today") or ""),
    )


def inside_the_mesh(outside: Setting) -> Setting:
    """No load balancer is on the way."""
    return dataclasses.replace(outside, protocols=(*_HTTP, *_HTTP2), carrier="a rule", others="", idle_timeout=None)


def has_https(balancer: Entry) -> bool:
    """Whether another Ingress of its group can have rules of its HTTPS listener."""
    return bool(balancer.get("group") and balancer.get("https_port") and balancer.get("certificate_arns"))


def _idle(said: t.Any) -> float | None:
    """In seconds, as the load balancer's attribute has it; a duration is taken, too."""
    return None if said in (None, "") else seconds(said) or float(said)
