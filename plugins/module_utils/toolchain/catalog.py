# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What the toolchain can provide, and the key of each artifact.

offline/catalog.yml says how each component is built; a user's own catalogs may add programs. A component's key is a hash of everything
that its artifact depends on, and nothing else, so that a key in the cache need not be built again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

with suppress(ImportError):  # see safe_yaml
    import yaml


ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
IGNORED_FOLDERS = {"target", "__pycache__", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache"}

# Kinds that begin with a Go module, which a folder's go.mod and go.sum pin.
FROM_MODULES = ("go", "module", "sources", "grafana")

# What makes Istio's dashboards others.
CONVERSION = os.path.join("plugins", "module_utils", "toolchain", "dashboards.py")

# What a role or a user requests; everything else is only needed for these.
TOOLS = ("kubectl", "helm", "istioctl", "kind")
OBSERVABILITY = ("prometheus", "alertmanager", "kiali", "dashboards", "tracing")
IMAGES = ("node", "pilot", "proxyv2", "alb_controller", "service_a", "service_b", "aws_emulator", "demo", *OBSERVABILITY)
ASSETS = ("alb_controller_assets", "gateway_api", "istio_dashboards")
REQUESTABLE = TOOLS + IMAGES + ASSETS


class CatalogError(Exception):
    """The catalog or what it refers to is invalid."""


def host_architecture() -> str:
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        raise CatalogError(f"this machine's architecture is {machine}; supported: amd64 (x86_64), arm64 (aarch64)")
    return ARCHITECTURES[machine]


def read_versions(root: str) -> dict[str, str]:
    with open(os.path.join(root, "versions.yml"), encoding="utf-8") as stream:
        versions = {name: str(version) for name, version in yaml.safe_load(stream).items()}
    versions["kubernetes_major"], versions["kubernetes_minor"] = versions["kubernetes"].split(".")[:2]
    return versions


def read_checksums(root: str) -> dict[str, dict[str, str]]:
    with open(os.path.join(root, "checksums.yml"), encoding="utf-8") as stream:
        checksums: dict[str, dict[str, str]] = yaml.safe_load(stream)
    return checksums


def files_below(folder: str, ignored: Collection[str] = IGNORED_FOLDERS) -> Iterator[str]:
    """Every file of a directory, as relative paths in a fixed order, without build results."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ignored)
        for name in sorted(names):
            if not name.endswith(".pyc"):
                yield os.path.relpath(os.path.join(parent, name), folder)


def hash_files(folder: str, names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        path = os.path.join(folder, name)
        with open(path, "rb") as stream:
            content = stream.read()
        executable = os.access(path, os.X_OK)
        digest.update(f"{name}\0{len(content)}\0{executable}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def fill(value: Any, facts: dict[str, str]) -> Any:
    """Insert versions and the architecture into an entry's strings."""
    if isinstance(value, str):
        return value.format(**facts)
    if isinstance(value, list):
        return [fill(item, facts) for item in value]
    if isinstance(value, dict):
        return {fill(name, facts): fill(item, facts) for name, item in value.items()}
    return value


@dataclass
class Component:
    name: str
    entry: dict[str, Any]
    home: str
    needs: list[str] = field(default_factory=list)
    key: str = ""

    @property
    def kind(self) -> str:
        return str(self.entry["kind"])

    @property
    def is_image(self) -> bool:
        return self.kind in ("image", "node")

    @property
    def image(self) -> str:
        """The image's name with its tag, which contains the key: other content is another image."""
        version = self.entry.get("tag")
        return f"{self.entry['name']}:{version + '-' if version else ''}{self.key[:8]}"


class Catalog:
    """The components with their keys, for one architecture."""

    def __init__(
        self,
        root: str,
        architecture: str = "",
        service_architectures: Iterable[str] = (),
        base_image: str = "",
        programs: Iterable[str] = (),
    ) -> None:
        self.root = root
        self.offline = os.path.join(root, "offline")
        self.architecture = architecture or host_architecture()
        self.service_architectures = sorted(set(service_architectures) or {self.architecture})
        self.versions = read_versions(root)
        self.components: dict[str, Component] = {}
        for home in (self.offline, *programs):
            self.components |= self._read(home)
        self.programs = (*TOOLS, *(name for name, component in self.components.items() if component.home != self.offline))
        self._base_image = base_image
        if base_image:
            self._replace_debian(base_image)
        for component in self.components.values():
            self._set_key(component)
        self._share_keys()

    def _read(self, home: str) -> dict[str, Component]:
        """A directory's catalog. What it refers to is in that directory."""
        path = os.path.join(home, "catalog.yml")
        with open(path, encoding="utf-8") as stream:
            entries = fill(yaml.safe_load(stream), {**self.versions, "architecture": self.architecture})
        taken = sorted({*self.components} & {*entries})
        if taken:
            raise CatalogError(f"{path}: {', '.join(taken)} is in another catalog already")
        return {name: Component(name, entry, home, self._needs(name, entry)) for name, entry in entries.items()}

    def __getitem__(self, name: str) -> Component:
        return self.components[name]

    def closure(self, wanted: Iterable[str]) -> list[str]:
        """The components that the requested ones need, dependencies first."""
        order: list[str] = []

        def visit(name: str) -> None:
            if name not in order:
                for need in self.components[name].needs:
                    visit(need)
                order.append(name)

        for name in wanted:
            visit(name)
        return order

    def folder(self, component: Component) -> str:
        return os.path.normpath(os.path.join(component.home, component.entry["folder"]))

    def dockerfile_folder(self, component: Component) -> str:
        return os.path.join(self.offline, "images", component.entry["dockerfile"])

    def source(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.offline, path))

    @staticmethod
    def _needs(name: str, entry: dict[str, Any]) -> list[str]:
        needs = [path.split("/")[0] for path in entry.get("context", {}).values()]
        needs += entry.get("images", {})
        if "base" in entry:
            needs.append(entry["base"])
        return list(dict.fromkeys(needs))

    def _replace_debian(self, image: str) -> None:
        """If container registries can be reached, a published Debian image replaces debootstrap's."""
        self.components["debian_image"] = Component("debian_image", {"kind": "published", "image": image}, self.offline)

    def _inputs(self, component: Component) -> dict[str, str]:
        """Hashes of the files that a component is built from."""
        entry, inputs = component.entry, {}
        if component.kind in FROM_MODULES:
            inputs["module"] = hash_files(self.folder(component), ("go.mod", "go.sum"))
        elif component.kind == "python":
            inputs["requirements"] = hash_files(self.folder(component), ("requirements.txt",))
        elif component.kind == "c":
            inputs["source"] = hash_files(self.folder(component), (entry["source"],))
        elif component.kind == "cargo":
            folder = self.folder(component)
            inputs["workspace"] = hash_files(folder, workspace_files(folder, entry["members"]))
            inputs["architectures"] = " ".join(self.service_architectures)
        if component.kind in ("grafana", "perses"):
            inputs["conversion"] = hash_files(self.root, (CONVERSION,))
        if "dockerfile" in entry:
            folder = self.dockerfile_folder(component)
            inputs["dockerfile"] = hash_files(folder, files_below(folder))
        for target, path in entry.get("sources", {}).items():
            folder = self.source(path)
            if os.path.isdir(folder):
                inputs[f"source {target}"] = hash_files(folder, files_below(folder))
        return inputs

    def _set_key(self, component: Component) -> str:
        if not component.key:
            content = {
                "entry": component.entry,
                "architecture": self.architecture,
                "inputs": self._inputs(component),
                "needs": {need: self._set_key(self.components[need]) for need in component.needs},
            }
            component.key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return component.key

    def _share_keys(self) -> None:
        for component in self.components.values():
            group = component.entry.get("same_key")
            if group and group[0] == component.name:
                joint = hashlib.sha256("".join(self.components[name].key for name in group).encode()).hexdigest()
                for name in group:
                    self.components[name].key = joint


def workspace_files(folder: str, members: Iterable[str]) -> Iterator[str]:
    """The files of a cargo workspace that affect the binaries of these members. Tests, documents and other members do not."""
    for path in files_below(folder):
        top, *inner = path.split(os.sep)
        foreign = top not in members and os.path.isfile(os.path.join(folder, top, "Cargo.toml"))
        if not (foreign or top == "testing" or "tests" in inner or path.endswith(".md")):
            yield path
