# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What building needs on this machine, checked before anything is built."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable

from ..common.progress import report
from ..docker.client import hidden_from_snap
from .build import RUST_TARGETS, program
from .catalog import Catalog
from .command import ToolchainError, run
from .images import Images
from .pull import host_os

PROGRAM_OF = {"go": "go", "module": "go", "sources": "npm", "grafana": "go", "python": "uv", "debootstrap": "debootstrap", "c": "gcc", "cargo": "cargo"}
# What Debian's own packages are sufficient for.
PACKAGES = {"debootstrap": ["debootstrap"], "gcc": ["gcc", "libc6-dev"]}
# What Kiali's and Perses' pages are built with; Debian 12 has an older one.
NODE_JS = 20
WHERE_FROM = {
    "go": "install Go {go} or newer (https://go.dev/dl/)",
    "uv": "install uv (`make setup` does)",
    "cargo": "install Rust with rustup (https://rustup.rs)",
    "npm": f"install Node.js {NODE_JS} or newer with npm (https://nodejs.org)",
    "debootstrap": "install debootstrap, as root on a Debian or Ubuntu machine",
    "gcc": "install gcc and the C library's headers",
    "docker": "install and start Docker",
}
# What is built for the building machine itself, or with its own Linux.
ON_LINUX = {"go", "c", "debootstrap", "node", "sources", "perses"}
# Gigabytes that a build of each kind needs while it runs: the compilers' caches, the artifacts, and Docker's copies.
ROOM = {"go": 1.1, "sources": 3.0, "debootstrap": 0.5, "cargo": 0.5, "image": 0.2, "node": 3.0, "python": 0.2}


def check_needs(catalog: Catalog, plan: list[str], images: Images, cache_root: str, is_pulled: Callable[[str], bool]) -> None:
    """Refuse, or install Debian's packages, before time and disk space are spent."""
    kinds = [catalog[name].kind for name in plan if not is_pulled(name)]
    with_docker = any(catalog[name].is_image for name in plan)
    wrong = [message for needed in dict.fromkeys(PROGRAM_OF[kind] for kind in kinds if kind in PROGRAM_OF) if (message := _have(needed, catalog))]
    elsewhere = sorted({*kinds} & ON_LINUX) if host_os() != "linux" else []
    if elsewhere:
        wrong.append(f"this machine runs {platform.system()}, and {' and '.join(elsewhere)} components are built on Linux only: set toolchain_source to pull")
    if "debootstrap" in kinds and os.geteuid():
        wrong.append("debootstrap needs root: run as root, or set toolchain_source to pull")
    if with_docker and not images.answers():
        wrong.append(f"Docker does not answer: {WHERE_FROM['docker']}")
    hidden = hidden_from_snap(images.docker, cache_root) if with_docker else ""
    if hidden:
        wrong.append(f"toolchain_cache_dir {cache_root}: {hidden} (MESHGATE_CACHE)")
    needed_room = sum(ROOM.get(kind, 0.0) for kind in kinds)
    free = shutil.disk_usage(_existing(cache_root)).free / 1e9
    if free < needed_room:
        wrong.append(f"toolchain_cache_dir {cache_root}: {free:.1f} GB are free, building {len(plan)} components needs about {needed_room:.0f} GB")
    if wrong:
        raise ToolchainError(f"{', '.join(plan)} cannot be built on this machine (toolchain_source): " + "; ".join(wrong))


def _have(name: str, catalog: Catalog) -> str:
    """Ensure one program; return the problem, or nothing."""
    if not os.path.isabs(program(name)) and name in PACKAGES and shutil.which("apt-get") and not os.geteuid():
        report(f"installing {' '.join(PACKAGES[name])}")
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-qq"], "updating apt's package lists", env=environment)
        run(["apt-get", "install", "-qqy", "--no-install-recommends", *PACKAGES[name]], f"installing {name}", env=environment)
    if not os.path.isabs(program(name)):
        return f"{name} is missing: {WHERE_FROM[name].format(go=needed_go(catalog))}"
    if name == "go":
        return _old_go(catalog)
    if name == "cargo":
        return _no_target(catalog)
    if name == "npm":
        return _old_node()
    return ""


def needed_go(catalog: Catalog) -> str:
    with open(os.path.join(catalog.offline, "kubernetes", "go.mod"), encoding="utf-8") as stream:
        found = re.search(r"^go (\S+)$", stream.read(), re.MULTILINE)
    return found.group(1) if found else "1.26"


def _old_go(catalog: Catalog) -> str:
    found = re.search(r"go(\d+)\.(\d+)", run([program("go"), "env", "GOVERSION"], "asking Go for its version"))
    needed = needed_go(catalog)
    if found and (int(found.group(1)), int(found.group(2))) < tuple(int(part) for part in needed.split(".")[:2]):
        return f"Go is {found.group(0)}, the modules need {needed} or newer: {WHERE_FROM['go'].format(go=needed)}"
    return ""


def _old_node() -> str:
    found = re.match(r"v(\d+)", run([program("node"), "--version"], "asking Node.js for its version"))
    return f"Node.js is {found.group(0)}: {WHERE_FROM['npm']}" if found and int(found.group(1)) < NODE_JS else ""


def _no_target(catalog: Catalog) -> str:
    """Without rustup, the standard library for musl must exist already."""
    if os.path.isabs(program("rustup")):
        return ""
    sysroot = run([program("rustc"), "--print", "sysroot"], "asking rustc for its sysroot").strip()
    targets = [RUST_TARGETS[name] for name in catalog.service_architectures]
    missing = [name for name in targets if not os.path.isdir(os.path.join(sysroot, "lib", "rustlib", name))]
    return f"rustup is missing, and so is Rust's target {', '.join(missing)}: {WHERE_FROM['cargo']}" if missing else ""


def _existing(path: str) -> str:
    while not os.path.isdir(path):
        path = os.path.dirname(path) or "/"
    return path
