# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Build the toolchain's components from package registries."""

from __future__ import annotations

import json
import os
import shutil
import site
import threading
from collections.abc import Callable, Collection
from typing import Any

from ..docker.client import find_program
from . import dashboards
from .cache import Cache
from .catalog import FROM_MODULES, IGNORED_FOLDERS, Catalog, Component, files_below
from .command import ToolchainError, run
from .images import Images, set_architecture

RUST_TARGETS = {"amd64": "x86_64-unknown-linux-musl", "arm64": "aarch64-unknown-linux-musl"}
WHEEL_PLATFORMS = {"amd64": "x86_64-manylinux_2_31", "arm64": "aarch64-manylinux_2_28"}
# Of the base image, whose Python the emulator runs on.
PYTHON_VERSION = "3.11"
# Never read in a container. apt also applies it when it installs packages into an image.
UNREAD = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale")


def program(name: str) -> str:
    """A program's path, also in the directories of rustup and uv."""
    home = os.path.expanduser("~")
    places = [os.path.join(home, ".cargo/bin"), os.path.join(home, ".local/bin"), os.path.join(site.getuserbase(), "bin"), "/usr/local/go/bin"]
    return find_program(name) or shutil.which(name, path=os.pathsep.join(places)) or name


class Builder:
    def __init__(self, catalog: Catalog, cache: Cache, images: Images) -> None:
        self.catalog = catalog
        self.cache = cache
        self.images = images
        self._makers: dict[str, Callable[[Component, str, str], None]] = {
            "go": self._go,
            "module": self._module,
            "sources": self._sources,
            "grafana": self._grafana,
            "perses": self._perses,
            "python": self._python,
            "debootstrap": self._debootstrap,
            "c": self._c,
            "cargo": self._cargo,
            "image": self._image,
            "node": self._node,
        }

    def build(self, component: Component) -> None:
        log = os.path.join(self.cache.scratch, component.name)
        with self.cache.making(component.name, component.key) as folder:
            self._makers[component.kind](component, folder, log)

    def result(self, name: str, path: str = "") -> str:
        component = self.catalog[name]
        return os.path.join(self.cache.path(name, component.key), path) if path else self.cache.path(name, component.key)

    # --- Go ---------------------------------------------------------------------------------------------------------------
    def _go_env(self) -> dict[str, str]:
        return {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOCACHE": self.cache.go_build_cache, "GOOS": "linux", "GOARCH": self.catalog.architecture}

    def download(self, names: list[str]) -> threading.Thread:
        """Fetch the modules of later components while something else compiles. A failure here is repeated, with its message, in the build."""
        folders = dict.fromkeys(self.catalog.folder(self.catalog[name]) for name in names if self.catalog[name].kind in FROM_MODULES)

        def fetch() -> None:
            for folder in folders:
                try:
                    run([program("go"), "mod", "download"], "go mod download", cwd=folder)
                except (ToolchainError, OSError):
                    return

        thread = threading.Thread(target=fetch, daemon=True)
        thread.start()
        return thread

    def _go(self, component: Component, folder: str, log: str) -> None:
        entry = component.entry
        command = [program("go"), "build", "-buildvcs=false", "-trimpath", "-ldflags", f"-s -w {entry.get('ldflags', '')}".strip()]
        if entry.get("tags"):
            command += ["-tags", entry["tags"]]
        output = os.path.join(folder, entry["output"]) if "output" in entry else folder + os.sep
        run([*command, "-o", output, *entry["packages"]], f"building {component.name}", log, cwd=self.catalog.folder(component), env=self._go_env())

    def _module(self, component: Component, folder: str, log: str) -> None:
        """Files of a module."""
        root = self._module_root(component, log)
        for target, path in component.entry["files"].items():
            copy(os.path.join(root, path), os.path.join(folder, target))

    def _sources(self, component: Component, folder: str, log: str) -> None:
        """What a module's own build makes. It runs in a copy, since Go's cache is read-only, and its steps fetch what lock files of the module name."""
        entry = component.entry
        work = os.path.join(self.cache.scratch, f"{component.name}-sources")
        shutil.rmtree(work, ignore_errors=True)
        copy(self._module_root(component, log), work, ignored=())  # a module has no build results
        environment = {**self._go_env(), **entry.get("environment", {})}
        for step in entry["steps"]:
            words = [program(step["run"][0]), *step["run"][1:]]
            run(words, f"building {component.name}", log, cwd=os.path.join(work, step.get("folder", "")), env=environment)
        for target, path in entry["files"].items():
            copy(os.path.join(work, path), os.path.join(folder, target))
        shutil.rmtree(work)

    # --- dashboards -----------------------------------------------------------------------------------------------------------
    def _grafana(self, component: Component, folder: str, log: str) -> None:
        self._module(component, folder, log)
        for name in component.entry["files"]:
            rewrite(os.path.join(folder, name), dashboards.plain)

    def _perses(self, component: Component, folder: str, log: str) -> None:
        """By Perses' own program, which knows both formats."""
        sources, perses = (self.result(component.entry["context"][name]) for name in ("grafana", "perses"))
        schemas = {"charts": "panels", "queries": "queries", "variables": "variables"}
        flags = [f"--schemas.{flag}={os.path.join(perses, 'cue/schemas', path)}" for flag, path in schemas.items()]
        for name in sorted(os.listdir(sources)):
            source = os.path.join(sources, name)
            command = [os.path.join(perses, "percli"), "migrate", "--file", source, "--output", "json", *flags]
            migrated = json.loads(run(command, f"migrating dashboard {name}", cwd=perses))
            with open(source, encoding="utf-8") as stream:
                original = json.load(stream)
            with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
                stream.write(dashboards.text(dashboards.of_perses(os.path.splitext(name)[0], migrated, original)))

    def _module_root(self, component: Component, log: str) -> str:
        """Where Go keeps a module. It downloads it, and compares its hash with go.sum."""
        module = component.entry["module"]
        where = self.catalog.folder(component)
        # With a replacement in go.mod, `go mod download` needs the replacing module's own name.
        listed = json.loads(run([program("go"), "list", "-m", "-json", module], f"reading {module}", cwd=where, env={"GOFLAGS": "-mod=readonly"}))
        if not listed.get("Dir"):
            run([program("go"), "mod", "download", module], f"downloading {module}", log, cwd=where)
            listed = json.loads(run([program("go"), "list", "-m", "-json", module], f"reading {module}", cwd=where))
        return str(listed["Dir"])

    # --- other sources ------------------------------------------------------------------------------------------------------
    def _python(self, component: Component, folder: str, log: str) -> None:
        files = component.entry.get("files")
        target = os.path.join(folder, ".packages") if files else folder
        requirements = os.path.join(self.catalog.folder(component), "requirements.txt")
        command = [program("uv"), "pip", "install", "--quiet", "--target", target, "--python-version", PYTHON_VERSION, "--link-mode", "copy"]
        command += ["--python-platform", WHEEL_PLATFORMS[self.catalog.architecture], "--only-binary", ":all:", "--no-deps", "--require-hashes"]
        run([*command, "-r", requirements], f"installing {component.name}", log)
        if files:
            for name, path in files.items():
                os.rename(os.path.join(target, path), os.path.join(folder, name))
            shutil.rmtree(target)

    def _debootstrap(self, component: Component, folder: str, log: str) -> None:
        root = os.path.join(folder, "root")
        run([program("debootstrap"), "--variant=minbase", component.entry["suite"], root, debian_mirror()], "making a Debian root file system", log)
        rules = os.path.join(root, "etc/dpkg/dpkg.cfg.d")
        os.makedirs(rules, exist_ok=True)
        with open(os.path.join(rules, "unread"), "w", encoding="utf-8") as stream:
            stream.writelines(f"path-exclude /{path}/*\n" for path in UNREAD)
        without = ["dev", "proc", "sys", "var/cache/apt", "var/lib/apt/lists", "var/log", *UNREAD]
        command = ["tar", "-C", root, "--numeric-owner", "-cf", os.path.join(folder, "rootfs.tar"), *(f"--exclude=./{path}/*" for path in without), "."]
        run(command, "packing the Debian root file system", log)
        shutil.rmtree(root)

    def _c(self, component: Component, folder: str, log: str) -> None:
        source = component.entry["source"]
        output = os.path.join(folder, os.path.splitext(source)[0])
        run([program("gcc"), "-Os", "-s", "-static", "-o", output, os.path.join(self.catalog.folder(component), source)], f"compiling {source}", log)

    def _cargo(self, component: Component, folder: str, log: str) -> None:
        workspace = self.catalog.folder(component)
        targets = [RUST_TARGETS[architecture] for architecture in self.catalog.service_architectures]
        rustup = find_program("rustup") or program("rustup")
        if os.path.isabs(rustup):
            run([rustup, "target", "add", *targets], "adding Rust targets", log)
        # Outside the source tree: that may be read-only, or in use by the user's own cargo.
        build = os.path.join(self.cache.scratch, "cargo-target")
        command = [program("cargo"), "build", "--release", "--locked", "--target-dir", build]
        for package in component.entry["packages"]:
            command += ["--package", package]
        for target in targets:
            command += ["--target", target]
        run(command, f"building {component.name}", log, cwd=workspace)
        for architecture in self.catalog.service_architectures:
            for package in component.entry["packages"]:
                copy(os.path.join(build, RUST_TARGETS[architecture], "release", package), os.path.join(folder, architecture, package))
        shutil.rmtree(build)

    # --- images -------------------------------------------------------------------------------------------------------------
    def _context(self, component: Component, folder: str) -> str:
        """The build context: hard links to other components' artifacts, beside the Dockerfile and its own files."""
        context = os.path.join(folder, "context")
        copy(self.catalog.dockerfile_folder(component), context)
        for target, path in component.entry.get("context", {}).items():
            name, _slash, inner = path.partition("/")
            copy(self.result(name, inner), os.path.join(context, target), link=True)
        for target, path in component.entry.get("sources", {}).items():
            copy(self.catalog.source(path), os.path.join(context, target))
        return context

    def _image(self, component: Component, folder: str, log: str) -> None:
        if not component.entry.get("per_architecture"):
            self._docker_build(component, folder, log, component.image)
            self._archive(component, folder, log)
            return
        for architecture in self.catalog.service_architectures:
            self._docker_build(component, folder, log, component.image, {"TARGETARCH": architecture})
            archive = os.path.join(folder, archive_name(architecture))
            self.images.save(component.image, archive, log)
            if architecture != self.catalog.architecture:
                set_architecture(archive, architecture)

    def _docker_build(self, component: Component, folder: str, log: str, name: str, more: dict[str, str] | None = None) -> None:
        context = self._context(component, folder)
        arguments = {**component.entry.get("arguments", {}), **(more or {})}
        if "base" in component.entry:
            arguments["BASE"] = self.base(component.entry["base"])
        self.images.build(name, component.name, context, arguments, log)
        shutil.rmtree(context)

    def base(self, name: str) -> str:
        """The name of a base image, which Docker has after this."""
        component = self.catalog[name]
        if component.kind == "published":
            return str(component.entry["image"])
        self.images.have(component.image, self.result(name, "image.tar"))
        return component.image

    def _archive(self, component: Component, folder: str, log: str) -> None:
        if component.entry.get("archive", True):
            self.images.save(component.image, os.path.join(folder, "image.tar"), log)

    def _node(self, component: Component, folder: str, log: str) -> None:
        plain = f"{component.entry['name']}:plain-{component.key[:8]}"
        self._docker_build(component, folder, log, plain)
        archives = {self.result(name, "image.tar"): (self.catalog[name].image, new) for name, new in component.entry["images"].items()}
        self.images.import_into_node(plain, component.image, archives, component.name, log)
        self.images.forget(plain)
        self._archive(component, folder, log)


def rewrite(path: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with open(path, encoding="utf-8") as stream:
        changed = change(json.load(stream))
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(dashboards.text(changed))


def archive_name(architecture: str) -> str:
    return f"image-{architecture}.tar"


def copy(source: str, target: str, link: bool = False, ignored: Collection[str] = IGNORED_FOLDERS) -> None:
    """Copy a file or a directory so that we can change and remove the copy: the Go module cache is read-only, and stays so."""
    if not os.path.isdir(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _copy_file(source, target, link)
        return
    for name in files_below(source, ignored):
        path = os.path.join(target, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _copy_file(os.path.join(source, name), path, link)


def _copy_file(source: str, target: str, link: bool) -> None:
    if link:
        os.link(source, target)
    else:
        shutil.copyfile(source, target)
        os.chmod(target, 0o755 if os.access(source, os.X_OK) and os.stat(source).st_mode & 0o111 else 0o644)


def debian_mirror() -> str:
    """The mirror that this machine's own apt uses."""
    listed = run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"], "reading apt's sources")
    sites = [line.strip() for line in listed.splitlines() if line.strip() and "security" not in line]
    if not sites:
        raise ToolchainError("apt has no package lists on this machine, so the Debian mirror is unknown: run apt-get update")
    return sites[0]
