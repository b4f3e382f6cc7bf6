# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""From connection options to a kubeconfig for kubectl, helm and istioctl, in a file that only we can read if options require a new one.

No token and no password is ever part of a command line, where every user of the machine could read it.
"""

from __future__ import annotations

import copy
import ipaddress
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..common.command import Answer, Runner, last_line
from .access import Access
from .errors import KubeError
from .options import Connection

NAME = "meshgate"
# Of kubernetes.core: with one of these, host needs no kubeconfig.
ENOUGH = (("api_key",), ("username", "password"), ("client_cert", "client_key"))
CREDENTIALS = ("api_key", "username", "password", "client_cert", "client_key")


@contextmanager
def reached(asked: Connection, kubectl: str = "kubectl", timeout: float | None = None, runner: Callable[..., Answer] | None = None) -> Iterator[Access]:
    """The connection to the cluster; a temporary kubeconfig is removed afterwards."""
    if asked.is_plain:
        yield Access(str(asked.kubeconfig), asked.context, kubectl, timeout)
        return
    text = json.dumps(merged(_base(asked, kubectl, runner or Runner()), asked.more))  # JSON is YAML
    handle, path = tempfile.mkstemp(prefix="meshgate-kubeconfig-")  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        yield Access(path, NAME, kubectl, timeout)
    finally:
        os.unlink(path)


def _base(asked: Connection, kubectl: str, runner: Callable[..., Answer]) -> dict[str, Any]:
    """The context that the options are merged over; nothing if they are complete by themselves."""
    more = asked.more
    if more.get("host") and any(all(more.get(name) for name in names) for names in ENOUGH):
        return {}
    if isinstance(asked.kubeconfig, dict):
        return _minified(asked.kubeconfig, asked.context)
    answer = runner(Access(asked.kubeconfig, asked.context, kubectl).command("config", "view", "--raw", "--flatten", "--minify", "-o", "json"), 30)
    if answer.rc == 0:
        read: dict[str, Any] = json.loads(answer.stdout)
        return read
    if more.get("host") and not asked.kubeconfig and not asked.context:
        return {}
    raise KubeError(f"the kubeconfig {asked.kubeconfig or 'that kubectl reads by default'} cannot be read: {last_line(answer.stderr)}")


def _minified(kubeconfig: dict[str, Any], wanted: str) -> dict[str, Any]:
    """As kubectl's --minify: one context, with its cluster and user."""
    name = wanted or kubeconfig.get("current-context") or ""
    context = _named(kubeconfig.get("contexts"), name, "context")
    if context is None:
        raise KubeError(f"the kubeconfig that was given has no context {name or 'that is current'}")
    found = {part: _named(kubeconfig.get(f"{part}s"), context.get(part, ""), part) or {} for part in ("cluster", "user")}
    return {"clusters": [{"cluster": found["cluster"]}], "users": [{"user": found["user"]}], "contexts": [{"context": context}]}


def _named(entries: Any, name: str, part: str) -> dict[str, Any] | None:
    return next((entry.get(part) or {} for entry in entries or [] if entry.get("name") == name), None)


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A kubeconfig with one context: `base` with the options merged over it."""
    cluster, user, context = (_first(base, part) for part in ("cluster", "user", "context"))
    _lay_over_cluster(cluster, more)
    if any(more.get(name) for name in CREDENTIALS):
        user = _user(more)
    if more.get("impersonate_user"):
        user["as"] = more["impersonate_user"]
    if more.get("impersonate_groups"):
        user["as-groups"] = more["impersonate_groups"]
    namespace = {"namespace": context["namespace"]} if context.get("namespace") else {}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, **namespace}}],
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": user}],
    }


def _first(base: dict[str, Any], part: str) -> dict[str, Any]:
    entries = base.get(f"{part}s") or [{}]
    return copy.deepcopy(entries[0].get(part) or {})


def _lay_over_cluster(cluster: dict[str, Any], more: dict[str, Any]) -> None:
    if more.get("host"):
        cluster["server"] = more["host"].rstrip("/")
    if more.get("ca_cert"):
        cluster["certificate-authority"] = os.path.abspath(more["ca_cert"])
        cluster.pop("certificate-authority-data", None)
    if more.get("validate_certs") is False:
        # kubectl refuses both together.
        cluster.pop("certificate-authority", None)
        cluster.pop("certificate-authority-data", None)
        cluster["insecure-skip-tls-verify"] = True
    elif more.get("validate_certs"):
        cluster.pop("insecure-skip-tls-verify", None)
    if more.get("proxy"):
        cluster["proxy-url"] = more["proxy"]
    if more.get("no_proxy") and _is_exempt(urlsplit(cluster.get("server", "")).hostname or "", more["no_proxy"]):
        cluster.pop("proxy-url", None)


def _user(more: dict[str, Any]) -> dict[str, Any]:
    """An explicit credential replaces those of the kubeconfig."""
    paths = {key: os.path.abspath(more[name]) for name, key in (("client_cert", "client-certificate"), ("client_key", "client-key")) if more.get(name)}
    words = {key: more[name] for name, key in (("api_key", "token"), ("username", "username"), ("password", "password")) if more.get(name)}
    return {**words, **paths}


def _is_exempt(host: str, no_proxy: str) -> bool:
    """As curl and Go read NO_PROXY: names with their subdomains, addresses and CIDR blocks, or an asterisk for all."""
    return any(_covers(part.strip(), host) for part in no_proxy.split(",") if part.strip())


def _covers(part: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(part, strict=False)
    except ValueError:
        return part == "*" or host == part.lstrip(".") or host.endswith("." + part.lstrip("."))
