# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What is wrong with what an app says of its pods and of how they are reached, beside name, image and ports."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ..kube import container_resources
from .durations import seconds
from .names import Entry
from .said import TEXT, is_number, said, unknown
from .traffic import BALANCING, OUTLIERS, POOL
from .workload import DRAIN_SECONDS, TERMINATION_SECONDS, replicas_of

_TEXTS_BY_NAME = ("labels", "pod_annotations", "node_selector")
LISTS = ("command", "args", "pull_secrets", "env_from", "volumes", "tolerations")
DICTIONARIES = (*_TEXTS_BY_NAME, "env", "config", "health", "autoscaling", "resources")
_LISTS_OF_TEXTS = ("command", "args", "pull_secrets")
_DURATIONS = ("interval", "base_ejection_time", "connect_timeout", "idle_timeout")
_PATHS = ("path", "readiness_path")
_SOURCES = ("secret", "config_map", "claim")
_VOLUME = ("name", "mount_path", *_SOURCES, "read_only")


def problems_of_pods(where: str, said_of: Entry) -> Iterator[str]:
    """`said_of`: the app's entry, or a version's."""
    for word in _TEXTS_BY_NAME:
        for name, value in _mapping(said_of.get(word)).items():
            if not isinstance(value, str):
                yield said(f"{where}: {word}, {name}", value, TEXT)
    for word in _LISTS_OF_TEXTS:
        value = said_of.get(word)
        if value is not None and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            yield said(f"{where}: {word}", value, f"a list, each {TEXT}")
    if said_of.get("replicas") is not None and not is_number(said_of["replicas"], 0, 1_000_000):
        yield said(f"{where}: replicas", said_of["replicas"], "a number from 0 on")
    scaling = said_of.get("autoscaling") or {}
    for word in ("max_replicas", "cpu_percent"):
        if word in scaling and not is_number(scaling[word], 1, 1_000_000):
            yield said(f"{where}: autoscaling, {word}", scaling[word], "a number from 1 on")
    yield from container_resources.problems(f"{where}: resources", said_of.get("resources") or {})
    yield from _health(f"{where}: health", said_of.get("health") or {})
    yield from _environment(where, said_of)
    yield from _files(where, said_of)


def problems_of_scaling(where: str, said_of: Entry) -> Iterator[str]:
    """`said_of`: a version's entry over the app's. An autoscaler keeps pods from `replicas` to `max_replicas`, and the API server takes no other."""
    replicas, most = said_of.get("replicas"), _mapping(said_of.get("autoscaling")).get("max_replicas", 10)
    if said_of.get("autoscaling") and (replicas is None or is_number(replicas, 0, 1_000_000)) and is_number(most, 1, 1_000_000):
        least = replicas_of(said_of)
        if not 1 <= least <= most:
            yield said(f"{where}: replicas", least, f"from 1 to the autoscaling's max_replicas ({most})")


def problems_of_ending(where: str, app: Entry) -> Iterator[str]:
    """A pod runs as no root, drains, and ends before it is killed."""
    if app.get("run_as_user") is not None and not is_number(app["run_as_user"], 1, 2**31 - 1):
        yield said(f"{where}: run_as_user", app["run_as_user"], "the number of a user, from 1 on; 0 is root, as whom no pod of the mesh may run")
    wanted = {"drain_seconds": app.get("drain_seconds", DRAIN_SECONDS), "termination_seconds": app.get("termination_seconds", TERMINATION_SECONDS)}
    wrong = [word for word, value in wanted.items() if not is_number(value, 0, 2**31 - 1)]
    yield from (said(f"{where}: {word}", wanted[word], "a number of seconds") for word in wrong)
    if not wrong and wanted["drain_seconds"] >= wanted["termination_seconds"]:
        yield said(
            f"{where}: drain_seconds", wanted["drain_seconds"], f"less than termination_seconds ({wanted['termination_seconds']}), after which it is killed"
        )


def problems_of_traffic(where: str, app: Entry) -> Iterator[str]:
    yield from _load_balancing(f"{where}: load_balancing", app.get("load_balancing") or {})
    for word, words in (("outlier_detection", OUTLIERS), ("connection_pool", POOL)):
        wanted = app.get(word) or {}
        yield from unknown(f"{where}: {word}", wanted, tuple(words))
        for name, value in _mapping(wanted).items():
            if value is not None and name in _DURATIONS and not seconds(value):
                yield said(f"{where}: {word}, {name}", value, "a duration such as 5s or 500ms")
            elif value is not None and name in words and name not in _DURATIONS and not is_number(value, 0, _most(name)):
                yield said(f"{where}: {word}, {name}", value, "a whole number, at most 100" if _most(name) == 100 else "a whole number")


def _most(name: str) -> int:
    return 100 if name.endswith("_percent") else 2**31 - 1


def _load_balancing(where: str, wanted: t.Any) -> Iterator[str]:
    found = list(unknown(where, wanted, ("by", "cookie", "cookie_ttl", "header", "zone_preference")))
    yield from found
    if found:
        return
    if wanted.get("by") is not None and str(wanted["by"]) not in BALANCING:
        yield said(f"{where}, by", wanted["by"], ", ".join(BALANCING))
    ways = [word for word in ("by", "cookie", "header") if wanted.get(word)]
    if len(ways) > 1:
        yield f"{where} has {' and '.join(ways)}; accepted: one of them"


def _health(where: str, wanted: Entry) -> Iterator[str]:
    yield from unknown(where, wanted, (*_PATHS, "startup_seconds"))
    for word in _PATHS:
        if wanted.get(word) is not None and not (isinstance(wanted[word], str) and wanted[word].startswith("/")):
            yield said(f"{where}, {word}", wanted[word], "a path that begins with a slash")
    if wanted.get("startup_seconds") is not None and not is_number(wanted["startup_seconds"], 1, 2**31 - 1):
        yield said(f"{where}, startup_seconds", wanted["startup_seconds"], "a number of seconds, from 1 on")


def _environment(where: str, said_of: Entry) -> Iterator[str]:
    for name, value in _mapping(said_of.get("env")).items():
        field = isinstance(value, Mapping) and set(value) == {"field"} and isinstance(value["field"], str)
        if not field and (isinstance(value, (bool, list, Mapping)) or value is None):
            yield said(f"{where}: env {name}", value, f"{TEXT}, or {{field: spec.nodeName}}")
    for source in said_of.get("env_from") or []:
        if not isinstance(source, Mapping) or len(source) != 1 or not all(name and isinstance(name, str) for name in source.values()):
            yield said(f"{where}: env_from", source, "{secret: NAME} or {config_map: NAME}")
        else:
            yield from unknown(f"{where}: env_from", source, ("secret", "config_map"))


def _files(where: str, said_of: Entry) -> Iterator[str]:
    config = said_of.get("config")
    if config is not None and config != {}:
        files = _mapping(config).get("files")
        if not isinstance(_mapping(config).get("directory"), str) or not isinstance(files, Mapping):
            yield said(f"{where}: config", config, "{directory: PATH, files: {NAME: TEXT}}")
        for name, text in _mapping(files).items():
            if not isinstance(text, str):
                yield said(f"{where}: config, {name}", text, TEXT)
    for volume in said_of.get("volumes") or []:
        found = list(unknown(f"{where}: volumes", volume, _VOLUME))
        yield from found
        if not found and not all(isinstance(volume.get(word), str) for word in ("name", "mount_path")):
            yield said(f"{where}: volumes", dict(volume), "name, mount_path, and one of secret, config_map and claim, or none for an empty directory")
        elif not found and len([word for word in _SOURCES if volume.get(word)]) > 1:
            yield said(f"{where}: volumes", dict(volume), f"one of {', '.join(_SOURCES)}")


def _mapping(value: t.Any) -> Entry:
    return value if isinstance(value, Mapping) else {}
