# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with an app by itself."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from ..kube.names import IMAGE, SERVICE_NAME
from .aws_roles import AWS_ROLE
from .check_pods import DICTIONARIES, LISTS, problems_of_ending, problems_of_pods, problems_of_scaling, problems_of_traffic
from .names import Entry, Version, name_of, versions_of
from .said import TEXT, misshapen, said
from .traffic import APP_PROTOCOLS, ports_of

# With the app's name before it, it is a Service's; alone, it may begin with a digit.
_VERSION = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
_SIDECARS_PORTS = (15000, 15001, 15002, 15004, 15006, 15008, 15020, 15021, 15053, 15090)
# https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports: an IANA service name.
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.{16})[a-z0-9](-?[a-z0-9])*")


def problems_of_app(app: Entry) -> Iterator[str]:
    where = f"app {app.get('name')}"
    yield from names(where, app)
    found = list(misshapen(where, app, ("versions", "ports", "callers", *LISTS), ("load_balancing", "outlier_detection", "connection_pool", *DICTIONARIES)))
    yield from found
    if found:
        return
    yield from _versions(where, app)
    yield from _ports(where, app)
    yield from problems_of_traffic(where, app)
    yield from problems_of_pods(where, app)
    yield from problems_of_ending(where, app)
    yield from _labels(where, app)
    if app.get("aws_role") is not None and not (isinstance(app["aws_role"], str) and AWS_ROLE.fullmatch(app["aws_role"])):
        yield said(
            f"{where}: aws_role", app["aws_role"], "the name of an IAM role of the cluster's account, or an ARN such as arn:aws:iam::123456789012:role/name"
        )
    for version in app.get("versions") or []:
        if isinstance(version, Mapping):
            of_version = f"{where}, version {version.get('name')}"
            yield from list(misshapen(of_version, version, LISTS, DICTIONARIES)) or problems_of_pods(of_version, version)
    for caller in app.get("callers") or []:
        if (
            not isinstance(caller, Mapping)
            or caller.get("gateway") not in (None, True, False)
            or not (caller.get("gateway") or caller.get("app") or caller.get("namespace"))
        ):
            yield said(f"{where}: callers", caller, "{gateway: true}, {app: NAME, namespace: NAMESPACE} or {namespace: NAMESPACE}")
        elif caller.get("gateway") and (caller.get("app") or caller.get("namespace")):
            yield said(f"{where}: callers", dict(caller), "{gateway: true} by itself, and another entry for the other caller")


def names(where: str, entry: Entry) -> Iterator[str]:
    for word in ("name", "namespace"):
        if not isinstance(entry.get(word), str) or not SERVICE_NAME.fullmatch(entry[word]):
            yield said(f"{where}: {word}", entry.get(word), "lower-case letters, digits and hyphens, a letter first, at most 63")


def _versions(where: str, app: Entry) -> Iterator[str]:
    entries = app.get("versions") or []
    if not all(isinstance(entry, Mapping) for entry in entries):
        yield said(f"{where}: versions", entries, "a list, such as [{name: v1, image: IMAGE}]")
        return
    for entry in entries:
        name = entry.get("name")
        if not isinstance(name, str):
            yield said(f"{where}: version", name, TEXT)
        elif not _VERSION.fullmatch(name) or len(name_of(app, Version(name))) > 63:
            yield said(f"{where}: version", name, "lower-case letters, digits and hyphens, with the app's name and a hyphen at most 63")
    names = [str(entry.get("name")) for entry in app.get("versions") or []]
    if len(set(names)) < len(names):
        yield said(f"{where}: versions", names, "versions of different names")
    for version in versions_of(app) if all(entry.get("name") for entry in app.get("versions") or []) else []:
        of_version = f"{where}{f', version {version.name}' if version.name else ''}"
        whole = {**app, **version.said}
        image = whole.get("image")
        if not isinstance(image, str) or not IMAGE.fullmatch(image):
            accepted = "an image, such as registry.example.com/product:1.4"
            yield said(f"{of_version}: image", image, accepted if image is None or isinstance(image, str) else TEXT)
        yield from problems_of_scaling(of_version, whole)


def _labels(where: str, app: Entry) -> Iterator[str]:
    """Those by which pods are found are the app's own: another value would be dropped without a word."""
    for word in ("app", "version") if app.get("versions") else ("app",):
        value = (app.get("labels") or {}).get(word)
        if isinstance(value, str) and not (word == "app" and value == app.get("name")):
            yield said(f"{where}: labels, {word}", value, f"other labels; {word} is what its pods are found by")


def _ports(where: str, app: Entry) -> Iterator[str]:
    if not app.get("ports") and not app.get("port"):
        yield said(f"{where}: port", app.get("port"), "the port of its Service, or ports")
        return
    if app.get("ports") and app.get("port"):
        yield said(f"{where}: port", app["port"], "port or ports, not both")
    listed = app.get("ports") or []
    if not all(isinstance(port, Mapping) and port.get("port") and isinstance(port.get("protocol") or "", str) for port in listed):
        yield said(f"{where}: ports", listed, "a list, such as [{port: 80, container_port: 8080, protocol: http}]")
        return
    ports = ports_of(app)
    for port in ports:
        # What the container listens to is the Service's port where nothing else is said: one mistake, told once.
        words = ("port",) if port["container_port"] == port["port"] else ("port", "container_port")
        for word in words:
            if isinstance(port[word], bool) or not str(port[word]).isdigit() or not 1 <= int(port[word]) <= 65535:
                yield said(f"{where}: {word}", port[word], "a number from 1 to 65535")
        if str(port["container_port"]).isdigit() and int(port["container_port"]) in _SIDECARS_PORTS:
            yield said(f"{where}: container_port", port["container_port"], f"one that the sidecar leaves free, none of {', '.join(map(str, _SIDECARS_PORTS))}")
        if port["protocol"] not in APP_PROTOCOLS:
            yield said(f"{where}: protocol", port["protocol"], ", ".join(APP_PROTOCOLS))
    for word, what in (("name", "names"), ("port", "numbers")):
        values = [port[word] for port in ports]
        if len(set(map(str, values))) < len(values):
            yield said(f"{where}: ports", values, f"ports of different {what}")
    for port in ports:
        if not isinstance(port["name"], str) or not _PORT_NAME.fullmatch(port["name"]):
            yield said(f"{where}: port name", port["name"], "lower-case letters, digits and hyphens, with a letter, at most 15")


def unknown_callers(apps: t.Sequence[Entry]) -> Iterator[str]:
    """A name that is no app's keeps everybody out, and nothing else would tell."""
    places = {(app["namespace"], app["name"]) for app in apps}
    for app in apps:
        for caller in app.get("callers") or []:
            if caller.get("app") and not caller.get("namespace") and (app["namespace"], caller["app"]) not in places:
                known = ", ".join(name for namespace, name in sorted(places) if namespace == app["namespace"])
                accepted = f"an app of {app['namespace']} ({known}), or one of another set with its namespace"
                yield said(f"app {app['name']}: callers, app", caller["app"], accepted)


def one_name_for_two(apps: t.Sequence[Entry]) -> Iterator[str]:
    """A version's Service has the app's name and its own, and another app may be called so."""
    places = {(app["namespace"], app["name"]) for app in apps}
    for app in apps:
        for version in versions_of(app):
            if version.name and (app["namespace"], name_of(app, version)) in places:
                taken = f"app {name_of(app, version)} of {app['namespace']} has the name of version {version.name} of {app['name']}"
                yield f"{taken}; accepted: another name for one of them"
