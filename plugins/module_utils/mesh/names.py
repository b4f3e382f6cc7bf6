# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the objects of an app are called, and by which labels they find each other."""

from __future__ import annotations

import hashlib
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

Entry = Mapping[str, t.Any]
# Under which word a rule of a shadow has the name by which Envoy knows it.
TRACED = "traced"
# Of a label's value and of a Service's name.
_LONGEST = 63


@dataclass(frozen=True)
class Surroundings:
    """What an app's entry does not say: where the ingress gateway is, and which revision of Istio makes the sidecars (empty: the default one)."""

    gateway_namespace: str = "istio-ingress"
    revision: str = ""


@dataclass(frozen=True)
class Version:
    """One of an app's versions; without a name, the app as a whole. `said`: what it has otherwise than the app."""

    name: str = ""
    said: Entry = field(default_factory=dict)


WHOLE = Version()


def object_name(*words: str) -> str:
    """Of what stands for a set: as Kubernetes takes it. What is too long ends in a digest, so that two sets stay two.

    >>> object_name("mesh", "My_Set.1")
    'mesh-my-set-1'
    """
    name = re.sub(r"[_.]", "-", "-".join(words).lower())
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.rstrip("-") if len(name) <= _LONGEST else f"{name[: _LONGEST - 9].rstrip('-')}-{digest}"


def versions_of(app: Entry) -> list[Version]:
    """At least one: an app without versions is its own."""
    return [Version(str(entry["name"]), {key: value for key, value in entry.items() if key != "name"}) for entry in app.get("versions") or []] or [WHOLE]


def name_of(app: Entry, version: Version = WHOLE) -> str:
    """Of the Service, and of the Deployment: the app's, or the version's own."""
    return f"{app['name']}-{version.name}" if version.name else str(app["name"])


def host_of(app: Entry, version: Version = WHOLE) -> str:
    """Under which name the mesh knows it, from whichever namespace it is asked."""
    return f"{name_of(app, version)}.{app['namespace']}.svc.cluster.local"


def selector_of(app: Entry, version: Version = WHOLE) -> dict[str, str]:
    """The labels by which pods are found. C(version) is Istio's own word for telling them apart, in metrics and graphs."""
    return {"app": app["name"], **({"version": version.name} if version.name else {})}


def metadata_of(app: Entry, version: Version = WHOLE) -> dict[str, t.Any]:
    return {"name": name_of(app, version), "namespace": app["namespace"], "labels": {**(app.get("labels") or {}), **selector_of(app, version)}}
