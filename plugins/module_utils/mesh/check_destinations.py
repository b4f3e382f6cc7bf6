# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with where a rule leads."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ..kube.names import ROUTE_HOST
from .destinations import destination
from .names import WHOLE, Entry, Version, name_of, versions_of
from .said import TEXT, is_number, is_percent, said, unknown
from .setting import Setting
from .traffic import ports_of

_WORDS = ("app", "service", "version", "external", "namespace", "port", "tls", "weight")
# Pages there have no password, and the gateway may reach them.
_NOT_FOR_ROUTES = ("istio-system", "kube-system")
_MIRROR = ("app", "service", "version", "namespace", "port", "percent")


def problems_of_destinations(where: str, rule: Entry, namespace: str, setting: Setting) -> Iterator[str]:
    lists = [said(f"{where}: {word}", rule[word], "a list, such as [{app: front}]") for word in ("to", "mirrors") if not isinstance(rule.get(word) or [], list)]
    yield from lists
    if lists:
        return
    destinations, mirrors = rule.get("to") or [], rule.get("mirrors") or []
    if not destinations:
        yield said(f"{where}: to", destinations, "where it leads, such as [{app: front}], or a redirect")
    found = [problem for entries, words in ((destinations, _WORDS), (mirrors, _MIRROR)) for to in entries for problem in unknown(f"{where}: to", to, words)]
    yield from found
    if found:
        return
    yield from _weights(where, destinations)
    places = [*((f"{where}: to", to) for to in destinations), *((f"{where}: mirrors", mirror) for mirror in mirrors)]
    wrong = [problem for place, to in places for problem in _destination(place, to, namespace, setting)]
    yield from wrong
    for mirror in mirrors:
        if not is_percent(mirror.get("percent", 100)):
            yield said(f"{where}: mirrors, percent", mirror["percent"], "above 0, at most 100")
    if not (wrong or setting.wrong or setting.unsure):  # only what is there can be compared
        yield from _twice(where, mirrors, destinations, namespace, setting)


def _weights(where: str, destinations: t.Sequence[Entry]) -> Iterator[str]:
    weights: list[t.Any] = [to.get("weight") for to in destinations]
    if len(weights) == 1 and weights[0] in (None, 100):
        return
    if weights and (not all(is_number(weight, 0, 100) for weight in weights) or sum(weights) != 100):
        yield said(f"{where}: weights", weights, "whole numbers that sum to 100, one for each destination")


def _twice(where: str, mirrors: t.Sequence[Entry], destinations: t.Sequence[Entry], namespace: str, setting: Setting) -> Iterator[str]:
    """By the Services, however they are called: a version's has a name by which it can be led to, too."""
    answering = [_service(to, namespace, setting) for to in destinations]
    for place, to in enumerate(destinations):
        if answering[place] in answering[:place]:
            yield f"{where}: to names {_target(to)} twice; accepted: once, with the sum of the weights"
    copied = [_service(mirror, namespace, setting) for mirror in mirrors]
    for place, mirror in enumerate(mirrors):
        if copied[place] in answering:
            yield said(f"{where}: mirrors", _target(mirror), "another app or version than those that answer: it would get each request twice")
        elif copied[place] in copied[:place]:
            yield f"{where}: mirrors names {_target(mirror)} twice; accepted: once"


def _service(to: Entry, namespace: str, setting: Setting) -> tuple[str, int]:
    one = destination(to, namespace, setting.apps)
    return one.host, one.port


def _external(where: str, to: Entry) -> Iterator[str]:
    host = to["external"]
    if not isinstance(host, str) or "*" in host or not ROUTE_HOST.fullmatch(host):
        yield said(f"{where}, external", host, "a host name in lower case, such as api.example.com")
    beside = [word for word in ("app", "service", "version", "namespace") if to.get(word)]
    if beside:
        yield f"{where} has external and {', '.join(beside)}; accepted: one of them"
    if to.get("port") is not None and not is_number(to["port"], 1, 65535):
        yield said(f"{where} {host}, port", to["port"], "a number from 1 to 65535")
    if to.get("tls") not in (None, True, False):
        yield said(f"{where} {host}, tls", to["tls"], "true or false")


def _destination(where: str, to: Entry, namespace: str, setting: Setting) -> Iterator[str]:
    if to.get("external"):
        yield from _external(where, to)
        return
    space = to.get("namespace") or namespace
    if space in _NOT_FOR_ROUTES:
        yield said(f"{where}, namespace", space, "a namespace of apps; pages of Istio's have no password, and observability_hosts puts a login before them")
        return
    if to.get("service"):
        beside = [word for word in ("app", "version") if to.get(word)]
        if beside:
            yield f"{where} has service and {', '.join(beside)}; accepted: one of {{app: APP, version: VERSION}} and {{service: NAME, port: PORT}}"
        if not is_number(to.get("port"), 1, 65535):
            yield said(f"{where} {to['service']}, port", to.get("port"), "the port of the Service")
        yield from _of_several_versions(where, to, namespace, setting)
        yield from _of_a_version(where, to, namespace, setting)
        return
    if any((app.get("name"), app.get("namespace")) == (to.get("app"), space) for app in setting.wrong):
        return
    app = next((app for app in setting.apps if (app["name"], app["namespace"]) == (to.get("app"), space)), None)
    if app is None and setting.unsure:
        return
    if app is None:
        known = ", ".join(app["name"] for app in setting.apps if app["namespace"] == space) or "none"
        yield said(where, _target(to), f"an app of {space} ({known}), {{service: NAME, port: PORT}} or {{external: HOST}}")
        return
    yield from _version_of(where, to, app)
    ports = {int(port["port"]): port["protocol"] for port in ports_of(app)}
    wanted = to["port"] if to.get("port") is not None else next(iter(ports))
    if wanted not in ports:
        yield said(f"{where} {_target(to)}, port", wanted, f"a port of the app: {', '.join(map(str, ports))}")
    elif ports[wanted] not in setting.protocols:
        accepted = f"a port that {setting.carrier} carries requests to: {', '.join(setting.protocols)}{setting.others}"
        yield said(f"{where} {_target(to)}, protocol", ports[wanted], accepted)


def _of_several_versions(where: str, to: Entry, namespace: str, setting: Setting) -> Iterator[str]:
    place = (to["service"], to.get("namespace") or namespace)
    versions = [version.name for app in setting.apps if (app["name"], app["namespace"]) == place for version in versions_of(app)]
    if len(versions) > 1:
        yield said(f"{where}, service", to["service"], f"{{app: {to['service']}, version: one of {', '.join(versions)}}}: its Service leads to all of them")


def _of_a_version(where: str, to: Entry, namespace: str, setting: Setting) -> Iterator[str]:
    """By the name of its Service."""
    place = (to["service"], to.get("namespace") or namespace)
    named = [(app, version) for app in setting.apps for version in versions_of(app) if (name_of(app, version), app["namespace"]) == place]
    if to.get("weight") != 0 and any(_has_no_pods(app, version) for app, version in named):
        yield said(f"{where} {_target(to)}", "without pods", "a Service of a version whose replicas are not 0")


def _has_no_pods(app: Entry, version: Version) -> bool:
    return {**app, **version.said}.get("replicas") == 0


def _version_of(where: str, to: Entry, app: Entry) -> Iterator[str]:
    versions = {version.name: version for version in versions_of(app) if version.name}
    wanted = to.get("version")
    if wanted is not None and not isinstance(wanted, str):
        yield said(f"{where} {app['name']}, version", wanted, TEXT)
    elif wanted and wanted not in versions:
        yield said(f"{where} {app['name']}, version", wanted, f"a version of the app: {', '.join(versions) or 'it has none'}")
    elif not wanted and len(versions) > 1:
        yield said(f"{where} {app['name']}, version", wanted, f"one of {', '.join(versions)}: without it, requests would go to all of them")
    elif _has_no_pods(app, versions.get(wanted or "", WHOLE)) and to.get("weight") != 0:
        yield said(f"{where} {_target(to)}", "without pods", "a version whose replicas are not 0")


def _target(to: Entry) -> str:
    return " ".join(str(to[word]) for word in ("app", "service", "version", "external") if to.get(word))
