# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Routes on a shadow gateway, asked for what is expected of them, and taken away again, before they are live."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..common.failure import Failure, Refused
from ..istio.istioctl import Istioctl
from ..kube.access import Access
from ..kube.api import KubeApi, KubeError
from ..kube.objects import Manifest, carries, identity, title
from ..kube.stream import yaml_stream
from . import shadow
from .asking import Answers, asked
from .expectations import Expectation, expectations
from .inside import is_inside
from .live import KINDS as KINDS_OF_ROUTES
from .live import moves, routes_of, taken
from .manifests import route_manifests
from .names import WHOLE, Entry, host_of, versions_of
from .proxies import remove, tried
from .spoken import spoken


def run(api: KubeApi, access: Access, given: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    if given["state"] == "absent":
        return remove(api, given, check_mode)
    wanted: Entry = spoken(given["wanted"])
    params = {**given, "wanted": wanted}
    apps = wanted.get("apps") or []
    table = expectations(wanted["routes"], apps)
    manifests = route_manifests(wanted, params["routing_api"])
    if params["address"]:
        return _judged(_of_the_live(table, params), _analyzed(access, params, manifests, ""))
    own, others = _live(api, params)
    refuse_taken(wanted["routes"], manifests, others)
    # In check mode, the apps that routes lead to may still have to be made.
    planned = [f'"{host_of(app, version)}"' for app in apps for version in (WHOLE, *versions_of(app))] if check_mode else []
    warned = _analyzed(access, params, manifests, yaml_stream(manifests, shadow.set_label(params["set"])), planned)
    moved = moves(table, routes_of(own), wanted["routes"], apps)
    answers = tried(api, access, params) if params["shadow"] and not check_mode else Answers([], [], [])
    return {**_judged(answers, warned), "moves": moved}


def unreached(error: KubeError) -> dict[str, t.Any]:
    """Check mode before there is a cluster."""
    return {"changed": False, "answers": [], "complaints": [], "moves": [], "msg": f"there is no cluster: {error}"}


def _judged(answers: Answers, warned: t.Sequence[str]) -> dict[str, t.Any]:
    if answers.complaints:
        raise Failure("; ".join([*answers.complaints, *answers.remarks]), answers=answers.given, complaints=answers.complaints)
    return {"changed": False, "answers": answers.given, "complaints": [], "remarks": answers.remarks, "warnings": [*warned, *answers.remarks]}


def _live(api: KubeApi, params: t.Mapping[str, t.Any]) -> tuple[list[Manifest], list[Manifest]]:
    """Routes of the set and of others, as they are; shadows are none."""
    places = [(*kind, namespace) for kind in KINDS_OF_ROUTES for namespace in params["namespaces"] or [None]]
    found = [item for items in api.map(lambda place: api.find(*place), places) for item in items]
    found = [item for item in found if not carries(item, {"app.kubernetes.io/part-of": shadow.NAME})]
    own = shadow.set_label(params["set"])
    return [item for item in found if carries(item, own)], [item for item in found if not carries(item, own)]


def refuse_taken(routes: t.Sequence[Entry], manifests: t.Sequence[Manifest], others: t.Sequence[Manifest]) -> None:
    """An object of the very name is k8s_apply_set's to refuse, or to take over."""
    ours = {identity(item) for item in manifests}
    hosts = [host for route in routes if not is_inside(route) for host in route["hosts"]]
    found = taken(hosts, [item for item in others if identity(item) not in ours])
    if found:
        raise Refused(f"{'; '.join(found)}; accepted: hosts that nobody else routes, or delete those routes first")


def _analyzed(access: Access, params: t.Mapping[str, t.Any], manifests: t.Sequence[Manifest], text: str, planned: t.Sequence[str] = ()) -> list[str]:
    """istioctl's warnings about our objects; its errors are the end, but for hosts that are planned. What it says about others is for diagnose."""
    if not params["istioctl"]:
        return []
    istioctl = Istioctl(params["istioctl"], access.kubeconfig, access.context)
    ours = [f"({title(item)})" for item in manifests]
    errors, warnings = ([line for line in lines if any(name in line for name in ours)] for lines in istioctl.analyze(text, params["namespaces"]))
    errors = [line for line in errors if not any(host in line for host in planned)]
    if errors:
        raise Failure(f"istioctl analyze: {'; '.join(errors)}")
    return [f"istioctl analyze: {line}" for line in warnings]


def _of_the_live(table: t.Sequence[Expectation], params: t.Mapping[str, t.Any]) -> Answers:
    """Only what a user sees: which Service answered, the live gateway does not tell."""
    return asked([replace(one, services=None) for one in table], lambda _one: params["address"], params["timeout"])
